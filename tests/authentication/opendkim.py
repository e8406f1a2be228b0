"""Sign mails with libopendkim, the library of OpenDKIM, which Debian's opendkim-tools installs.

The program opendkim-testmsg makes only signatures with SHA-1; the library makes all.
"""

import ctypes
import ctypes.util
import functools
import re

from tests.authentication.signing import DOMAIN
from tests.helpers.third_party_clients import require_installed

ALGORITHMS = {"rsa-sha1": 0, "rsa-sha256": 1, "ed25519-sha256": 2}
CANONICAL_FORMS = {"simple": 0, "relaxed": 1}
ALL_OF_THE_BODY = -1

POINTER, TEXT, SIZE, INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int


@functools.cache
def load_library():
    """Return the library with the types of its functions; skip the test if it is not installed."""
    name = ctypes.util.find_library("opendkim") or "libopendkim.so.11"
    try:
        library = ctypes.CDLL(name)
    except OSError:
        require_installed(False, "libopendkim (opendkim-tools)")
    library.dkim_init.restype = POINTER
    library.dkim_init.argtypes = [POINTER, POINTER]
    library.dkim_sign.restype = POINTER
    library.dkim_sign.argtypes = [
        POINTER, TEXT, POINTER, TEXT, TEXT, TEXT, INT, INT, INT, ctypes.c_ssize_t, ctypes.POINTER(INT)
    ]  # fmt: skip
    library.dkim_header.argtypes = library.dkim_body.argtypes = [POINTER, TEXT, SIZE]
    library.dkim_eoh.argtypes = library.dkim_free.argtypes = library.dkim_close.argtypes = [POINTER]
    library.dkim_eom.argtypes = [POINTER, POINTER]
    library.dkim_getsighdr_d.argtypes = [POINTER, SIZE, ctypes.POINTER(POINTER), ctypes.POINTER(SIZE)]
    return library


def sign_with_libopendkim(content, key, selector, algorithm, canonicalize):
    """Return the mail with a signature on top.

    The key is PEM, as text in bytes.
    """
    library = load_library()
    state = library.dkim_init(None, None)
    header, body = (CANONICAL_FORMS[part] for part in canonicalize.split("/"))
    status = INT()
    signer = library.dkim_sign(
        state, b"id", None, key, selector.encode(), DOMAIN.encode(), header, body, ALGORITHMS[algorithm],
        ALL_OF_THE_BODY, ctypes.byref(status),
    )  # fmt: skip
    assert signer, status
    head, _, text = content.partition(b"\r\n\r\n")
    for field in re.split(rb"\r\n(?![ \t])", head):
        assert library.dkim_header(signer, field, len(field)) == 0
    assert library.dkim_eoh(signer) == 0
    assert library.dkim_body(signer, text, len(text)) == 0
    assert library.dkim_eom(signer, None) == 0
    pointer, size = POINTER(), SIZE()
    assert library.dkim_getsighdr_d(signer, len("DKIM-Signature: "), ctypes.byref(pointer), ctypes.byref(size)) == 0
    value = ctypes.string_at(pointer.value, size.value).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    library.dkim_free(signer)
    library.dkim_close(state)
    return b"DKIM-Signature: " + value + b"\r\n" + content

"""Sign the URLs of a mail's pictures, which a browser requests without credentials.

A mail is shown in a frame with an opaque origin, so that it cannot reach anything of this server.  The browser then
sends neither cookies nor the password of Basic with the pictures in it.  Each URL therefore has a key, a signature of
its path: it opens this one part of this one mail, for some hours.
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Final

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.web.middleware.cors import SANDBOXED_PART_PATH
from lazr.smtptest.web.middleware.identity import Identity

if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.web.mailbox import Mailbox, Mailboxes

__all__ = ["UrlSigner"]

_WINDOW_SECONDS: Final = 3600
_VALID_WINDOWS: Final = 4
# The window of its end, the signature, and the name of the mailbox in base64.  The query must have nothing else.
_KEY_PATTERN = re.compile(rb"key=([0-9]{1,12})\.([0-9A-Za-z_-]{43})(?:\.([0-9A-Za-z_-]+))?")


class UrlSigner:
    """Sign paths of parts, and verify requests with such a signature.

    The secret is random, and only in memory: keys of another process, or from before a restart, are invalid.

    Args:
        mailboxes: the mailboxes whose clients get keys.  The keys of a removed mailbox are invalid.
        clock: seconds that never go back.

    >>> from lazr.smtptest.web.mailbox import Mailboxes
    >>> signer = UrlSigner(Mailboxes())
    >>> query = signer.sign("/api/v1/message/abc/part/2", Identity("ann"))
    >>> signer.verify(b"/api/v1/message/abc/part/2", query.encode())
    Identity(user='', mailbox=None)
    >>> signer.verify(b"/api/v1/message/abc/part/3", query.encode())
    """

    def __init__(self, mailboxes: Mailboxes, *, clock: Callable[[], float] = monotonic) -> None:
        self._mailboxes = mailboxes
        self._clock = clock
        self._secret = secrets.token_bytes(32)

    def sign(self, path: str, identity: Identity) -> str:
        """Return the query, `key=…`, that lets this path be read for the next three to four hours.

        Args:
            path: the raw path of a part, below the webroot.
            identity: who may read the part; the query is empty for an anonymous request.
        """
        if identity == Identity():
            return ""
        end = int(self._clock() // _WINDOW_SECONDS) + _VALID_WINDOWS
        mailbox = identity.mailbox
        key = f"{end}.{self._compute_signature(end, path.encode(), mailbox)}"
        return f"key={key}" if mailbox is None else f"key={key}.{_encode_name(mailbox).decode()}"

    def verify(self, raw_path: bytes, query: bytes) -> Identity | None:
        """Return what a request with this path and query may see.

        None if its key is missing, wrong or too old.
        """
        matched = _KEY_PATTERN.fullmatch(query)
        if matched is None or SANDBOXED_PART_PATH.fullmatch(raw_path.decode("latin-1")) is None:
            return None
        end, signature, encoded_name = int(matched[1]), matched[2], matched[3]
        window = int(self._clock() // _WINDOW_SECONDS)
        if not window < end <= window + _VALID_WINDOWS:
            return None
        mailbox = None
        if encoded_name is not None:
            mailbox = self._mailboxes.find_by_name(_decode_name(encoded_name))
            if mailbox is None or _encode_name(mailbox) != encoded_name:
                return None
        expected = self._compute_signature(end, raw_path, mailbox)
        if not hmac.compare_digest(expected.encode(), signature):
            return None
        return Identity(user="") if mailbox is None else Identity(mailbox=mailbox)

    def _compute_signature(self, end: int, raw_path: bytes, mailbox: Mailbox | None) -> str:
        # A path has no spaces, and no token has any, so each text has one meaning.
        token = b"" if mailbox is None else mailbox.token.encode()
        text = b"%d %b %b" % (end, raw_path, token)
        return _encode(hmac.digest(self._secret, text, "sha256"))


def _encode_name(mailbox: Mailbox) -> bytes:
    return _encode(mailbox.name.encode("utf-8", "surrogatepass")).encode()


def _decode_name(encoded: bytes) -> str:
    """Return a name; "" if the text is no name in base64."""
    try:
        return urlsafe_b64decode(encoded + b"=" * (-len(encoded) % 4)).decode("utf-8", "surrogatepass")
    except ValueError:
        return ""


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")

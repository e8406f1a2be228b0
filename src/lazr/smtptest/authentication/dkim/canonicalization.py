"""Canonicalization of header fields and bodies (RFC 6376 3.4), in linear time.

Bodies and fields have CRLF line ends, see `message.py`.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_pattern import compile_lazily

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.authentication.dkim.field import Field

__all__ = ["ALGORITHMS", "canonicalize_body", "canonicalize_field", "compress_white_space", "strip_empty_lines"]

ALGORITHMS = ("simple", "relaxed")

# Single spaces need no change, and most white space is that.
_WHITE_SPACE_RUN = compile_lazily(rb"[ \t]{2,}|\t")
_EMPTY_LINES = b"\r\n" * 2048


def canonicalize_body(body: bytes, algorithm: str) -> bytes:
    """Return a body as it is hashed.

    Args:
        body: The body, with CRLF line ends.
        algorithm: "simple" or "relaxed".

    >>> canonicalize_body(b"a \\t b \\r\\n\\r\\n", "simple"), canonicalize_body(b"a \\t b \\r\\n\\r\\n", "relaxed")
    (b'a \\t b \\r\\n', b'a b\\r\\n')
    >>> canonicalize_body(b"", "simple"), canonicalize_body(b"", "relaxed")
    (b'\\r\\n', b'')
    """
    if not body.endswith(b"\r\n"):
        body += b"\r\n"
    if algorithm == "relaxed":
        body = compress_white_space(body).replace(b" \r\n", b"\r\n")
    body = strip_empty_lines(body)
    return body if body or algorithm == "relaxed" else b"\r\n"


def compress_white_space(text: bytes) -> bytes:
    """Return the text with one space for each run of white space."""
    return _WHITE_SPACE_RUN.sub(b" ", text)


def strip_empty_lines(body: bytes) -> bytes:
    """Return the body without empty lines at its end.

    >>> strip_empty_lines(b"a\\r\\n\\r\\n\\r\\n"), strip_empty_lines(b"\\r\\n")
    (b'a\\r\\n', b'')
    """
    end = len(body)
    while body.endswith(_EMPTY_LINES, 0, end):
        end -= len(_EMPTY_LINES)
    while body.endswith(b"\r\n", 0, end):
        end -= 2
    # The first of these line ends belongs to the last line that has text.
    return body[: end + 2] if end else b""


def canonicalize_field(field: Field, algorithm: str) -> bytes:
    """Return a header field as it is hashed, with its line end.

    Args:
        field: The field.
        algorithm: "simple" or "relaxed".

    >>> from lazr.smtptest.authentication.dkim.field import Field
    >>> canonicalize_field(Field(b"SubJect ", b" a\\r\\n\\t b \\r\\n"), "relaxed")
    b'subject:a b\\r\\n'
    """
    if algorithm == "simple":
        return b"%b:%b" % (field.name, field.value)
    value = compress_white_space(field.value.replace(b"\r\n", b"")).strip(b" ")  # a bare CR is text
    return b"%b:%b\r\n" % (field.key, value)

"""Convert the line ends of a message between CRLF, as in SMTP, and LF, as in files."""

import re

__all__ = ["convert_to_crlf", "convert_to_lf"]

_BARE_LF = re.compile(rb"(?<!\r)\n")
_BARE_CR_OR_LF = re.compile(rb"\r(?!\n)|(?<!\r)\n")


def convert_to_lf(content: bytes) -> tuple[bytes, bool]:
    r"""Return the content with LF at the ends of lines, and whether that can be undone.

    >>> convert_to_lf(b"a\r\nb\r\n"), convert_to_lf(b"a\nb\r\n")
    ((b'a\nb\n', True), (b'a\nb\n', False))
    """
    return content.replace(b"\r\n", b"\n"), _BARE_CR_OR_LF.search(content) is None


def convert_to_crlf(content: bytes) -> bytes:
    r"""Return the content with CRLF at the ends of lines.

    >>> convert_to_crlf(b"a\nb\r\n")
    b'a\r\nb\r\n'
    """
    return _BARE_LF.sub(b"\r\n", content)

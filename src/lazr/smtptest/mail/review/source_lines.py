"""Find the line in the source of a position in a message, or in a decoded text of it."""

from __future__ import annotations

import binascii
import codecs
import re
from bisect import bisect_right
from itertools import accumulate

from lazr.smtptest.mail.mime import limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.mail.mime.tree import Part

__all__ = ["BodyLines", "ContentLines"]

_BLOCK_BYTES = 64 * 1024
_MAX_MAPPED_BYTES = 4 * 1024 * 1024  # of one body, encoded
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]+")
# A character of these takes several bytes; of all other charsets but UTF-8, one.
_MULTIBYTE_CHARSETS_TEXT = """
    big5 euc-jp euc-kr gb18030 gb2312 gbk iso-2022-jp shift_jis utf-16 utf-16be utf-16le
"""
_MULTIBYTE_CHARSETS = frozenset(_MULTIBYTE_CHARSETS_TEXT.split())


class ContentLines:
    r"""The line numbers of positions in the bytes of a message.

    >>> ContentLines(b"a\r\nb\r\n").find(3)
    2
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        counts = (content.count(b"\n", at, at + _BLOCK_BYTES) for at in range(0, len(content), _BLOCK_BYTES))
        self._lines_before_block = [0, *accumulate(counts)]

    def find(self, position: int) -> int:
        """Return the line of a position, from 1."""
        block = min(position, len(self._content)) // _BLOCK_BYTES
        start = block * _BLOCK_BYTES
        return self._lines_before_block[block] + self._content.count(b"\n", start, position) + 1


class BodyLines:
    """The lines in the source of positions in the decoded text of a part.

    Args:
        content: the bytes of the message.
        part: the part that has the text.
        first_line: the line at which the body of the part begins.
    """

    def __init__(self, content: bytes, part: Part, first_line: int) -> None:
        self._first_line = first_line
        # The position in the decoded text at which each line of the source begins.
        self._starts = _find_line_starts(content, part)

    def find(self, position: int) -> int:
        """Return the line in the source of a position in the decoded text, from 1."""
        return self._first_line + max(bisect_right(self._starts, position) - 1, 0)


def _find_line_starts(content: bytes, part: Part) -> list[int]:
    body = content[part.body_start : min(part.body_end, part.body_start + _MAX_MAPPED_BYTES)]
    encoding = part.get_encoding(_ignore)
    charset = part.type.get("charset").lower()
    name = charset if charset in _MULTIBYTE_CHARSETS else "utf-8" if charset in ("", "utf-8", "utf8") else "latin-1"
    decoder = codecs.getincrementaldecoder(name)("replace")
    starts: list[int] = []
    position = 0
    rest = b""
    ends_with_cr = False
    for line in body.split(b"\n"):
        starts.append(position)
        if position > limits.MAX_DERIVED_CHARACTERS:
            break
        data = line + b"\n"
        if encoding == "base64":
            data, rest = _decode_base64(rest + _NOT_BASE64.sub(b"", line))
        elif encoding == "quoted-printable":
            data = binascii.a2b_qp(data)
        text = decoder.decode(data)
        # As in `Mail.text` and `Mail.html`, each line end is one character.
        position += len(text) - text.count("\r\n") - (ends_with_cr and text.startswith("\n"))
        ends_with_cr = text.endswith("\r") if text else ends_with_cr
    return starts


def _decode_base64(data: bytes) -> tuple[bytes, bytes]:
    """Return the decoded bytes, and the letters that do not make a whole group yet."""
    whole = len(data) - len(data) % 4
    try:
        return binascii.a2b_base64(data[:whole]), data[whole:]
    except ValueError:
        return b"", b""


def _ignore(reason: str) -> None:
    """Ignore a defect; `mail.defects` has it."""

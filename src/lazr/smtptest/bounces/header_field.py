"""Write header fields whose values come from untrusted mails.

No value can begin a new field or line: control characters and line ends become spaces.  Lines have at most 900 bytes,
fewer than the 998 of RFC 5322 2.1.1, so that a server may still add a word.
"""

from __future__ import annotations

import re
from email.charset import QP, Charset
from email.header import Header
from string import Formatter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["build_field", "build_fields", "clean_text", "encode_words", "expand_template"]

MAX_LINE_BYTES = 900
MAX_VALUE_CHARACTERS = 4000
# C0 and C1 controls, and the separators that Python and JavaScript count as line ends.
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_UTF8_CHARSET = Charset("utf-8")
_UTF8_CHARSET.header_encoding = QP


def clean_text(text: str, max_characters: int = MAX_VALUE_CHARACTERS) -> str:
    r"""Return text on one line, without control characters; each run of them becomes a space.

    >>> clean_text("550 5.1.1 No\r\nBcc: eve@example.com\0")
    '550 5.1.1 No Bcc: eve@example.com'
    """
    text = text[:max_characters].encode("utf-8", "replace").decode("utf-8")  # a lone surrogate cannot be sent
    return _CONTROL_CHARACTERS.sub(" ", text).strip()


def encode_words(text: str, name: str = "") -> str:
    r"""Return text as encoded words (RFC 2047), if it is not ASCII or could be taken for one.

    >>> encode_words("Hi"), encode_words("Grüße"), encode_words("=?utf-8?q?=0D?=")
    ('Hi', '=?utf-8?q?Gr=C3=BC=C3=9Fe?=', '=?utf-8?q?=3D=3Futf-8=3Fq=3F=3D0D=3F=3D?=')
    """
    if text.isascii() and "=?" not in text:
        return text
    return Header(text, _UTF8_CHARSET, header_name=name).encode(linesep="\r\n")


def expand_template(template: str, values: Mapping[str, str]) -> str:
    """Return a template with its values; "" if one of them is empty.

    >>> expand_template("dns; {remote}", {"remote": "mx.example.com"}), expand_template("dns; {remote}", {"remote": ""})
    ('dns; mx.example.com', '')
    """
    names = [name for _, name, _, _ in Formatter().parse(template) if name]
    return "" if any(not values[name] for name in names) else template.format_map(values)


def build_field(name: str, value: str) -> bytes:
    r"""Return a header field with its line end, folded where it is too long.

    The line ends in the value must be those of this package: clean untrusted text first.

    >>> build_field("Action", "failed")
    b'Action: failed\r\n'
    """
    lines = []
    for line in f"{name}: {value}".rstrip(" ").split("\r\n"):
        lines += _fold_line(line.encode("utf-8", "replace"))
    return b"\r\n".join(lines) + b"\r\n"


def build_fields(templates: Iterable[tuple[str, str]], values: Mapping[str, str]) -> bytes:
    r"""Return the header fields of a table of names and templates.

    A field is left out if one of its values is empty.  A template without values may be empty itself.

    >>> build_fields([("Action", "{action}"), ("X-Ndr", ""), ("Remote-MTA", "dns; {remote}")], {"action": "failed",
    ...     "remote": ""})
    b'Action: failed\r\nX-Ndr:\r\n'
    """
    fields = []
    for name, template in templates:
        value = expand_template(template, values)
        if value or not template:
            fields.append(build_field(name, value))
    return b"".join(fields)


def _fold_line(line: bytes) -> list[bytes]:
    """Split a line at its spaces, and within a word only if that is too long."""
    lines = []
    while len(line) > MAX_LINE_BYTES:
        at = line.rfind(b" ", 2, MAX_LINE_BYTES)
        if at < 0 or not line[:at].strip():
            at = MAX_LINE_BYTES
            while line[at] & 0xC0 == 0x80:  # not within a character
                at -= 1
            line = line[:at] + b" " + line[at:]
        lines.append(line[:at])
        line = line[at:]
    return [*lines, line]

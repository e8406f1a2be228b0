"""Encoded words (RFC 2047): text in header fields that is not US-ASCII."""

from __future__ import annotations

import re

from lazr.smtptest.mail.mime.charset import codec, decoded
from lazr.smtptest.mail.mime.defect import shown
from lazr.smtptest.mail.mime.transfer import from_base64, from_quoted_printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.mail.mime.defect import Note

__all__ = ["decode_words"]

# RFC 2047 2, and RFC 2231 5: a language may follow the charset.  Senders put spaces and a few question
# marks where they may not be; each repeat stops at the next question mark, so this is linear.
_WORD = re.compile(r"=\?([^?\s*]{1,100}+)(?:\*[^?\s]{0,100}+)?\?([bBqQ])\?([^?]*+(?:\?(?!=)[^?]*+){0,3})\?=", re.ASCII)


def decode_words(text: str, note: Note) -> str:
    """The text with its encoded words decoded; those that cannot be stay as they are.

    >>> decode_words("=?utf-8?q?Gr=C3?= =?utf-8?q?=BC=C3=9Fe?= aus =?iso-8859-1?b?S/ZsbiE=?=", print)
    'Grüße aus Köln!'
    """
    if "=?" not in text:
        return text
    out: list[str] = []
    run: list[bytes] = []  # words of one charset: characters may be split among them, against 5
    charset = ""
    end = 0
    for match in _WORD.finditer(text):
        between = text[end : match.start()]
        name = match[1].lower()
        if codec(name) is None:
            note(f"{shown(match[1])} is not a charset of text")
            continue
        octets = match[3].encode("utf-8")
        if match[2] in "bB":
            octets = from_base64(octets, note)
            if match[3] and not octets:
                continue
        else:
            octets = from_quoted_printable(octets.replace(b"_", b" "), note)
        # 6.2: white space between two encoded words is not shown.
        if run and (between.strip() or name != charset):
            out.append(_text(run, charset, note))
            run = []
        if between.strip() or not end:
            out.append(between)
        run.append(octets)
        charset, end = name, match.end()
    if run:
        out.append(_text(run, charset, note))
    out.append(text[end:])
    return "".join(out)


def _text(run: list[bytes], charset: str, note: Note) -> str:
    text = decoded(b"".join(run), charset, note)
    if "\r" in text or "\n" in text:
        note("an encoded word with a line end in it")  # CVE-2024-6923: who writes it out, writes another field
    return text

"""Summarize a mail in one line, from its envelope and the first bytes of its content."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["format_summary", "read_subject"]

_MAX_SEARCHED_BYTES = 16 * 1024


def format_summary(sender: str, recipients: Iterable[str], subject: str) -> str:
    """Return one line with the sender, the recipients and the subject of a mail.

    >>> format_summary("", ["ann@example.com", "bob@example.com"], "Hi")
    "<> -> ann@example.com, bob@example.com 'Hi'"
    """
    return f"{sender or '<>'} -> {', '.join(recipients)} {subject!r}"


def read_subject(parts: Iterable[bytes]) -> str:
    r"""Return the decoded Subject, or the empty string, from the first 16 KiB of a message.

    A list of a thousand mails shows their subjects this way without parsing any of them.

    Args:
        parts: the message's bytes, in consecutive pieces.

    >>> read_subject([b"From: a@example.com\r\nSubject: =?utf-8?q?Gr=C3=BC", b"=C3=9Fe?=\r\n\r\nHi"])
    'Grüße'
    """
    from lazr.smtptest.mail.mime import limits
    from lazr.smtptest.mail.mime.charset import decode_header_text
    from lazr.smtptest.mail.mime.encoded_word import decode_words
    from lazr.smtptest.mail.mime.header import read_block, unfold

    start = b""
    for part in parts:
        start += part[: _MAX_SEARCHED_BYTES - len(start)]
        if len(start) == _MAX_SEARCHED_BYTES:
            break
    if b"\n" not in start:
        start = start.replace(b"\r", b"\n")
    fields, _ = read_block(start, 0, len(start), limits.MAX_HEADER_BLOCK_FIELDS, _ignore_defect)
    for name, raw in fields:
        if name.lower() == "subject":
            return decode_words(unfold(decode_header_text(raw, _ignore_defect)), _ignore_defect)
    return ""


def _ignore_defect(_: str) -> None:
    """Drop the defect: `ParsedMessage` records it when the message is parsed."""

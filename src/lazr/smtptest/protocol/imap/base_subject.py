"""Base subject of a message: its subject without "Re:", "Fwd:" and so on (RFC 5256 2.1)."""

from __future__ import annotations

from typing import NamedTuple

from lazr.smtptest._util.lazy_pattern import compile_lazily

__all__ = ["BaseSubject", "parse_base_subject"]

_MAX_CHARACTERS = 500

_SPACES = compile_lazily(r"\s+")
_TRAILER = compile_lazily(r"(?i)(?:\(fwd\)|\s)+\Z")
_LEADER = compile_lazily(r"(?i)\s+|(?:\[[^\[\]]*\]\s*)*(?:re|fwd?)\s*(?:\[[^\[\]]*\]\s*)?:")
_BLOB = compile_lazily(r"\[[^\[\]]*\]\s*(?=\S)")
_FORWARDED = compile_lazily(r"(?i)\[fwd:(.*)\]")


class BaseSubject(NamedTuple):
    """A base subject, case-folded.

    Args:
        text: The text that messages of one thread share.
        is_reply: The subject was that of a reply or of a forwarded message.
    """

    text: str
    is_reply: bool


def parse_base_subject(subject: str) -> BaseSubject:
    """Return the base subject of a decoded subject.

    Only the first 500 characters count.

    >>> parse_base_subject("[list] Re: [list] Fwd: Hello (fwd)")
    BaseSubject(text='hello', is_reply=True)
    """
    text = _SPACES.sub(" ", subject[:_MAX_CHARACTERS])
    is_reply = False
    while True:
        trailer = _TRAILER.search(text)
        if trailer:
            text = text[: trailer.start()]
            is_reply = is_reply or "(" in trailer[0]
        text, has_leader = _strip_leaders(text)
        is_reply = is_reply or has_leader
        match = _FORWARDED.fullmatch(text)
        if match is None:
            return BaseSubject(text.casefold(), is_reply)
        text, is_reply = match[1], True


def _strip_leaders(text: str) -> tuple[str, bool]:
    has_leader = False
    while match := _LEADER.match(text) or _BLOB.match(text):
        has_leader = has_leader or match[0].endswith(":")
        text = text[match.end() :]
    return text, has_leader

"""The identifiers that put a reply into the thread of the original (RFC 5322 3.6.4)."""

from __future__ import annotations

import re

from lazr.smtptest.bounces.header_field import clean_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.mail import Mail

__all__ = ["build_references", "build_reply_subject", "find_message_id"]

_MAX_SEARCHED_CHARACTERS = 20_000
_MAX_REFERENCES = 20
_MAX_SUBJECT_CHARACTERS = 400
# RFC 5322 3.6.4, without spaces and comments: the angle brackets can only be at the ends.
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,200}>")
_REPLY_PREFIX = re.compile(r"re(?:\[[0-9]{1,3}\])? ?:", re.IGNORECASE)


def find_message_id(mail: Mail) -> str | None:
    r"""Return the Message-ID of a mail with its angle brackets; None without a valid one.

    >>> from lazr.smtptest.mail import Mail
    >>> find_message_id(Mail.from_bytes(b"Message-ID: <1@example.com>\n\n"))
    '<1@example.com>'
    """
    return next(iter(_find_identifiers(mail.message_id)), None)


def _find_identifiers(text: str) -> list[str]:
    """Return the identifiers in a field, but none that looks like an encoded word."""
    return [found for found in _MESSAGE_ID.findall(text[:_MAX_SEARCHED_CHARACTERS]) if "=?" not in found]


def build_references(mail: Mail) -> str:
    r"""Return the value of References for a reply: at most 20 identifiers, one a line.

    These are the first of the thread, the last ones, and the Message-ID of the mail itself.  Without References, a
    single In-Reply-To takes its place.

    >>> from lazr.smtptest.mail import Mail
    >>> build_references(Mail.from_bytes(b"References: <1@example.com>\nMessage-ID: <2@example.com>\n\n"))
    '<1@example.com>\r\n <2@example.com>'
    """
    own = find_message_id(mail)
    if own is None:
        return ""  # RFC 5322 3.6.4: without a Message-ID, there is no thread to continue
    earlier = _find_identifiers(mail.header("References"))
    if not earlier:
        parents = _find_identifiers(mail.header("In-Reply-To"))
        earlier = parents if len(parents) == 1 else []
    identifiers = list(dict.fromkeys([*(one for one in earlier if one != own), own]))
    if len(identifiers) > _MAX_REFERENCES:
        identifiers = [identifiers[0], *identifiers[1 - _MAX_REFERENCES :]]
    return "\r\n ".join(identifiers)


def build_reply_subject(mail: Mail) -> str:
    r"""Return the subject of a reply: "Re: " once, before that of the mail (RFC 5322 3.6.5).

    >>> from lazr.smtptest.mail import Mail
    >>> [build_reply_subject(Mail.from_bytes(b"Subject: %s\n\n" % subject)) for subject in (b"Hi", b"RE: Hi")]
    ['Re: Hi', 'RE: Hi']
    """
    subject = clean_text(mail.subject, _MAX_SUBJECT_CHARACTERS)
    return subject if _REPLY_PREFIX.match(subject) else f"Re: {subject}".strip()

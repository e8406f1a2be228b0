"""Check a mail for spam: by the offline rules of the review, or by SpamAssassin or Rspamd.

`spamd_client` and `rspamd_client` ask the two programs.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, Protocol

from lazr.smtptest.errors import SmtptestError
from lazr.smtptest.web.sandbox import ConcurrencyLimit

if TYPE_CHECKING:
    from lazr.smtptest.mail import Mail

__all__ = [
    "ANY_NETWORK",
    "MAX_CHECKED_BYTES",
    "OfflineSpamChecker",
    "SpamCheckFailed",
    "SpamChecker",
    "SpamSign",
    "SpamVerdict",
    "build_verdict",
    "clean_text",
]

ANY_NETWORK = ("0.0.0.0/0", "::/0")
"""The networks that the server of `--spamd` or `--rspamd` may be in: its operator has named it."""

MAX_CHECKED_BYTES = 10 * 1024 * 1024
"""Larger mails are not sent to another program."""

_OFFLINE_LIMIT = ConcurrencyLimit(2)
_MAX_SIGNS = 200
_MAX_TEXT_CHARACTERS = 500
_MAX_SCORE = 1_000_000.0


class SpamCheckFailed(SmtptestError):
    """The program that checks mails for spam gave no usable answer; the text has the reason."""


class SpamSign(NamedTuple):
    """A rule that a mail matches; the score is negative for a sign of a good mail."""

    name: str
    score: float
    description: str


class SpamVerdict(NamedTuple):
    """Whether a mail is spam, its score, and the rules that it matches, the worst first."""

    is_spam: bool
    score: float
    signs: tuple[SpamSign, ...]


class SpamChecker(Protocol):
    """A program that checks mails for spam."""

    async def check(self, mail: Mail) -> SpamVerdict:
        """Return the verdict about a mail.  Raises `SpamCheckFailed`."""


class OfflineSpamChecker:
    """The signs of spam that `mail.check()` finds, which need no other program.

    >>> from lazr.smtptest.mail import Mail
    >>> OfflineSpamChecker().compute(Mail.from_bytes(b"From: ann@example.com\\n\\nAct now!\\n")).is_spam
    True
    """

    async def check(self, mail: Mail) -> SpamVerdict:
        """Return the verdict, which is computed in a thread."""
        return await _OFFLINE_LIMIT.run_in_thread(self.compute, mail)

    def compute(self, mail: Mail) -> SpamVerdict:
        """Return the verdict."""
        rules = mail.check(html_support=False).spam_signs
        signs = tuple(SpamSign(rule.name, rule.score, rule.description) for rule in rules)
        return build_verdict(signs, is_spam=None)


def build_verdict(
    signs: tuple[SpamSign, ...], *, is_spam: bool | None, score: float | None = None, threshold: float = 5.0
) -> SpamVerdict:
    """Return a verdict with bounded, finite values.

    Args:
        signs: the rules that the mail matches.
        is_spam: what the program says; None compares the score with the threshold.
        score: the score; None adds those of the signs.
        threshold: the score from which on a mail is spam.
    """
    signs = tuple(sorted(signs, key=lambda sign: (-sign.score, sign.name))[:_MAX_SIGNS])
    total = sum(sign.score for sign in signs) if score is None else score
    if not math.isfinite(total):
        raise SpamCheckFailed(f"the score must be a finite number, got {total}")
    total = round(max(-_MAX_SCORE, min(total, _MAX_SCORE)), 3)
    return SpamVerdict(total >= threshold if is_spam is None else is_spam, total, signs)


def clean_text(text: str) -> str:
    """Return the beginning of untrusted text, without control characters."""
    return " ".join("".join(one if one.isprintable() else " " for one in text[:_MAX_TEXT_CHARACTERS]).split())

"""Signs of spam, with scores: offline rules of this package.

The scores are estimates.  They show what filters object to; no filter computes the same sum.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from lazr.smtptest.mail.review.header_rules import has_same_organization
from lazr.smtptest.mail.review.html_rules import MAX_GMAIL_HTML_BYTES, find_tracking_pixels
from lazr.smtptest.mail.review.link_rules import (
    find_address_links,
    find_mismatched_links,
    find_punycode_links,
    find_shorteners,
)
from lazr.smtptest.mail.review.mime_rules import find_blocked_attachments
from lazr.smtptest.mail.review.rule import Problem, ReviewRule
from lazr.smtptest.mail.review.unsubscribe_rules import is_bulk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Final

    from lazr.smtptest.mail.review.source import ReviewSource

__all__ = ["RULES", "SPAM_RULES", "SPAM_THRESHOLD", "SpamRule", "SpamSign", "find_spam_signs"]

SPAM_THRESHOLD: Final = 5.0
"""A mail with this score or a higher one counts as spam; SpamAssassin has the same threshold."""

_REPORTED_SCORE = 1.0
_MAX_IMAGE_ONLY_CHARACTERS = 100
_MAX_SEARCHED_CHARACTERS = 128 * 1024
# The test text that all spam filters know: https://spamassassin.apache.org/gtube/
_GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
_PHRASES = re.compile(
    r"\b(?:100% free|act now|as seen on|cash bonus|click (?:here|below) now|congratulations,? you|double your"
    r"|earn money|extra income|free (?:gift|money|trial|access)|get rich|guaranteed (?:income|winner)"
    r"|limited time offer|lowest price|make money|million dollars|no credit check|no obligation|order now"
    r"|risk[- ]free|urgent response|weight loss|you have been selected|you(?:'ve| have) won)\b",
    re.IGNORECASE,
)
_MONEY = re.compile(r"[$€£]\s?[0-9]{3}|[0-9]{3}\s?[$€£]|\b(?:cash|prize|lottery)\b", re.IGNORECASE)
_HIDDEN_STYLE = re.compile(
    r"font-size\s?:\s?0(?![0-9.])|opacity\s?:\s?0(?![0-9.])|visibility\s?:\s?hidden|color\s?:\s?transparent",
    re.IGNORECASE,
)
_FORM_ELEMENTS = frozenset({"form", "script", "iframe", "object", "embed"})
_MIN_CAPITALS = 10


class SpamSign(NamedTuple):
    """A sign of spam that a mail has: its name, its score and a sentence."""

    name: str
    score: float
    description: str


class SpamRule(NamedTuple):
    """A sign of spam, and a function that finds it in a mail."""

    name: str
    score: float
    description: str
    is_match: Callable[[ReviewSource], bool]


def find_spam_signs(source: ReviewSource) -> list[SpamSign]:
    """Return the signs of spam that a mail has, the worst first."""
    signs = [SpamSign(rule.name, rule.score, rule.description) for rule in SPAM_RULES if rule.is_match(source)]
    return sorted(signs, key=lambda sign: (-sign.score, sign.name))


def _has(find: Callable[[ReviewSource], Iterator[Problem]]) -> Callable[[ReviewSource], bool]:
    return lambda source: next(iter(find(source)), None) is not None


def _read_text(source: ReviewSource) -> str:
    """Return the text that a reader sees."""
    return (source.searched_text or source.visible_html_text)[:_MAX_SEARCHED_CHARACTERS]


def _is_shouting(source: ReviewSource) -> bool:
    subject = source.headers.get("subject")
    return sum(map(str.isupper, subject)) >= _MIN_CAPITALS and not any(map(str.islower, subject))


def _has_image_only(source: ReviewSource) -> bool:
    has_image = any(element.name == "img" for element in source.elements)
    return has_image and len("".join(source.visible_html_text.split())) < _MAX_IMAGE_ONLY_CHARACTERS


def _has_hidden_text(source: ReviewSource) -> bool:
    return any(_HIDDEN_STYLE.search(element.attributes.get("style", "")[:2_000]) for element in source.elements)


def _is_reply_without_thread(source: ReviewSource) -> bool:
    is_reply = source.headers.get("subject").lower().startswith("re:")
    return is_reply and not ("in-reply-to" in source.headers or "references" in source.headers)


def _has_other_reply_domain(source: ReviewSource) -> bool:
    domains = [address.addr_spec.rpartition("@")[2] for address in source.message.reply_to]
    return bool(source.from_domain) and any(not has_same_organization(name, source.from_domain) for name in domains)


def _has_other_envelope_domain(source: ReviewSource) -> bool:
    sender = source.envelope.mail_from
    is_comparable = "@" in sender and source.from_domain
    return bool(is_comparable) and not has_same_organization(sender.rpartition("@")[2], source.from_domain)


def _count_phrases(source: ReviewSource) -> int:
    text = f"{source.headers.get('subject')}\n{_read_text(source)}"
    return len({match[0].lower() for match in _PHRASES.finditer(text)})


SPAM_RULES: tuple[SpamRule, ...] = (
    SpamRule(
        "GTUBE",
        1000.0,
        "The text has the test string that all spam filters know",
        lambda source: _GTUBE in _read_text(source),
    ),
    SpamRule("MISSING_FROM", 2.0, "From is missing or has no address", lambda source: not source.message.from_),
    SpamRule("MISSING_DATE", 1.4, "Date is missing", lambda source: "date" not in source.headers),
    SpamRule(
        "INVALID_DATE",
        1.1,
        "Date is malformed",
        lambda source: "date" in source.headers and source.message.date is None,
    ),
    SpamRule("MISSING_MESSAGE_ID", 0.8, "Message-ID is missing", lambda source: "message-id" not in source.headers),
    SpamRule(
        "MISSING_RECIPIENTS",
        1.0,
        "Neither To nor Cc has an address",
        lambda source: not (source.message.to or source.message.cc),
    ),
    SpamRule(
        "MISSING_SUBJECT", 1.8, "Subject is missing or empty", lambda source: not source.headers.get("subject").strip()
    ),
    SpamRule("SUBJECT_ALL_CAPS", 1.5, "Subject is in capital letters", _is_shouting),
    SpamRule(
        "SUBJECT_EXCLAMATION",
        0.7,
        "Subject has several exclamation marks",
        lambda source: source.headers.get("subject").count("!") >= 2,
    ),
    SpamRule(
        "SUBJECT_MONEY",
        1.0,
        "Subject is about money",
        lambda source: _MONEY.search(source.headers.get("subject")) is not None,
    ),
    SpamRule("FAKE_REPLY", 1.0, "Subject begins with Re:, and the mail is no reply", _is_reply_without_thread),
    SpamRule("REPLY_TO_DIFFERS", 0.5, "Reply-To and From have different domains", _has_other_reply_domain),
    SpamRule(
        "ENVELOPE_DIFFERS", 0.5, "The envelope's sender and From have different domains", _has_other_envelope_domain
    ),
    SpamRule("HTML_ONLY", 1.1, "There is HTML, but no plain text", lambda source: source.message.text_is_derived),
    SpamRule("IMAGE_ONLY", 1.8, "The HTML has images, and less than 100 letters", _has_image_only),
    SpamRule("HIDDEN_TEXT", 1.2, "The HTML has text that readers cannot see", _has_hidden_text),
    SpamRule(
        "ACTIVE_HTML",
        1.5,
        "The HTML has a form, a script, or a frame",
        lambda source: any(element.name in _FORM_ELEMENTS for element in source.elements),
    ),
    SpamRule(
        "LARGE_HTML",
        0.3,
        "The HTML has more than 102 KB",
        lambda source: len(source.message.html) > MAX_GMAIL_HTML_BYTES,
    ),
    SpamRule("TRACKING_PIXEL", 0.2, "An image of one pixel reports who opens the mail", _has(find_tracking_pixels)),
    SpamRule("URL_SHORTENER", 1.2, "A link leads to a URL shortener", _has(find_shorteners)),
    SpamRule("URL_IP_ADDRESS", 1.6, "A link has an IP address in the place of a name", _has(find_address_links)),
    SpamRule("URL_MISMATCH", 2.0, "The text of a link shows another host than its target", _has(find_mismatched_links)),
    SpamRule("URL_PUNYCODE", 0.5, "The host of a link has letters that are not ASCII", _has(find_punycode_links)),
    SpamRule("SPAM_PHRASE", 1.0, "The text has a phrase that spam has", lambda source: _count_phrases(source) >= 1),
    SpamRule(
        "SPAM_PHRASES",
        2.0,
        "The text has at least three different phrases that spam has",
        lambda source: _count_phrases(source) >= 3,
    ),
    SpamRule(
        "BULK_WITHOUT_UNSUBSCRIBE",
        1.2,
        "A mail to many recipients has no List-Unsubscribe",
        lambda source: is_bulk(source.headers) and "list-unsubscribe" not in source.headers,
    ),
    SpamRule(
        "BLOCKED_ATTACHMENT",
        2.5,
        "Gmail and Outlook refuse an attachment for its file type",
        _has(find_blocked_attachments),
    ),
)


def _sum_scores(rules: list[SpamSign]) -> float:
    return round(sum(rule.score for rule in rules), 1)


def _find_spam(source: ReviewSource) -> Iterator[Problem]:
    rules = find_spam_signs(source)
    if _sum_scores(rules) >= SPAM_THRESHOLD:
        yield Problem(_describe(rules), "content")


def _find_signs(source: ReviewSource) -> Iterator[Problem]:
    rules = find_spam_signs(source)
    if _REPORTED_SCORE <= _sum_scores(rules) < SPAM_THRESHOLD:
        yield Problem(_describe(rules), "content")


def _describe(rules: list[SpamSign]) -> str:
    signs = ", ".join(f"{rule.name} {rule.score:g}" for rule in rules)
    return f"The spam score is {_sum_scores(rules):g} of {SPAM_THRESHOLD:g}: {signs}"


_PAGE = "https://spamassassin.apache.org/doc/Mail_SpamAssassin_Conf.html"

RULES: tuple[ReviewRule, ...] = (
    ReviewRule(
        "spam-score",
        "warning",
        "The signs of spam have a score of 5 or more.",
        "SpamAssassin: required_score",
        _find_spam,
        _PAGE,
    ),
    ReviewRule(
        "spam-signs",
        "info",
        "The signs of spam have a score of 1 to 5.",
        "SpamAssassin: required_score",
        _find_signs,
        _PAGE,
    ),
)

"""Rules about header fields that the parser does not check, and about sender and envelope."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from lazr.smtptest.authentication import find_organizational_domain, to_ascii_domain
from lazr.smtptest.errors import MissingExtra
from lazr.smtptest.mail.mime.date import read_date
from lazr.smtptest.mail.review.rule import Problem, ReviewRule, shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.mail.review.source import ReviewSource

__all__ = ["RULES", "has_same_organization"]

_MAX_CLOCK_DIFFERENCE = timedelta(hours=1)
_MAX_ENCODED_WORD_CHARACTERS = 75  # RFC 2047 2
_MESSAGE_ID = re.compile(r"<[^<>\s@]+@[^<>\s@]+>")
_ENCODED_WORD = re.compile(r"=\?[^\s?]{1,80}\?[BbQq]\?[^\s?]*+\?=")
_ADDRESS_IN_NAME = re.compile(r"[^\s@<>\"']{1,64}@([A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+)")
_DOMAIN = re.compile(r"(?:[^\s.@]+\.)+[^\s.@]+|\[[^\s\]]+\]")
_AUTOMATIC_TYPES = frozenset({"multipart/report", "message/delivery-status", "message/disposition-notification"})


def has_same_organization(domain: str, other: str) -> bool:
    """Return whether two domains have the same organizational domain (RFC 7489 3.2).

    Without the extra `checks`, which has the public suffix list, the last two labels are compared.

    >>> has_same_organization("bounce.example.com", "news.example.com"), has_same_organization("a.test", "b.test")
    (True, False)
    """
    domain, other = (to_ascii_domain(name) or name.lower() for name in (domain, other))
    try:
        return find_organizational_domain(domain) == find_organizational_domain(other)
    except MissingExtra:
        return domain.split(".")[-2:] == other.split(".")[-2:]


def _find_missing_subject(source: ReviewSource) -> Iterator[Problem]:
    if not source.headers.get("subject").strip():
        text = "Subject is empty" if "subject" in source.headers else "Subject is missing"
        yield Problem(text, "header Subject", source.find_field_line("subject"))


def _find_missing_recipients(source: ReviewSource) -> Iterator[Problem]:
    if not (source.message.to or source.message.cc):
        line = source.find_field_line("to")
        yield Problem("Neither To nor Cc has an address; such mails look like spam", "header To", line)


def _find_missing_message_id(source: ReviewSource) -> Iterator[Problem]:
    if "message-id" not in source.headers:
        yield Problem("Message-ID is missing; replies cannot refer to the mail", "header Message-ID")


def _find_short_message_id(source: ReviewSource) -> Iterator[Problem]:
    message_id = source.message.message_id
    # Others are no identifiers at all: the rule message-id-syntax.
    if message_id.startswith("<") and message_id.endswith(">") and _MESSAGE_ID.fullmatch(message_id) is None:
        text = f"Message-ID {shorten(message_id)} has no @ with a host after it; some servers reject it"
        yield Problem(text, "header Message-ID", source.find_field_line("message-id"))


def _find_malformed_references(source: ReviewSource) -> Iterator[Problem]:
    for name in ("In-Reply-To", "References"):
        value = source.headers.get(name)
        if any(_MESSAGE_ID.fullmatch(word) is None for word in value.replace("><", "> <").split()):
            text = f"{name} must be identifiers of the form <left@right>, got {shorten(value)}"
            yield Problem(text, f"header {name}", source.find_field_line(name))


def _find_date_difference(source: ReviewSource) -> Iterator[Problem]:
    date = source.message.date
    arrival = _find_arrival(source)
    if date is None or arrival is None:
        return
    where, line = "header Date", source.find_field_line("date")
    try:
        difference = date - arrival
    except OverflowError:  # the zone moves the date out of the range of years
        yield Problem("Date is out of range", where, line)
        return
    if abs(difference) > _MAX_CLOCK_DIFFERENCE:
        hours = abs(difference) / timedelta(hours=1)
        direction = "after" if difference > timedelta() else "before"
        yield Problem(f"Date is {hours:,.1f} hours {direction} the time at which the mail came", where, line)


def _find_arrival(source: ReviewSource) -> datetime | None:
    """Return when a server received the mail; None for a file without a Received field."""
    if source.envelope.peer:
        return datetime.fromtimestamp(source.timestamp, UTC)
    received = source.headers.get("received")
    return read_date(received.rpartition(";")[2].strip(), lambda _: None) if ";" in received else None


def _find_long_encoded_words(source: ReviewSource) -> Iterator[Problem]:
    for name, index, raw in _iterate_fields(source):
        for word in _ENCODED_WORD.findall(raw.decode("latin-1")):
            if len(word) > _MAX_ENCODED_WORD_CHARACTERS:
                text = f"{name}: an encoded word has {len(word):,} characters, at most 75 are allowed"
                yield Problem(text, f"header {name}", source.find_field_line(name, index))
                break


def _iterate_fields(source: ReviewSource) -> Iterator[tuple[str, int, bytes]]:
    """Yield the name of each field, its index among those with the same name, and its bytes."""
    counts: dict[str, int] = {}
    for field in source.headers:
        name = field.name.lower()
        counts[name] = counts.get(name, 0) + 1
        yield field.name, counts[name] - 1, field.raw


def _find_bcc(source: ReviewSource) -> Iterator[Problem]:
    if source.headers.get("bcc").strip():
        text = "Bcc is in the mail, so each recipient can read it; remove it before sending"
        yield Problem(text, "header Bcc", source.find_field_line("bcc"))


def _find_return_path(source: ReviewSource) -> Iterator[Problem]:
    # A server that has delivered the mail adds Return-Path in front of its Received field.
    if source.envelope.peer and "return-path" in source.headers and "received" not in source.headers:
        text = "Return-Path is in the mail; only the server that delivers it may add this field"
        yield Problem(text, "header Return-Path", source.find_field_line("return-path"))


def _find_from_without_domain(source: ReviewSource) -> Iterator[Problem]:
    for address in source.message.from_:
        domain = address.addr_spec.rpartition("@")[2]
        if "@" in address.addr_spec and _DOMAIN.fullmatch(domain) is None:
            text = f"{shorten(domain)} in From is not a domain of the Internet, so nobody can reply"
            yield Problem(text, "header From", source.find_field_line("from"))


def _find_address_in_name(source: ReviewSource) -> Iterator[Problem]:
    for address in source.message.from_:
        match = _ADDRESS_IN_NAME.search(address.display_name)
        if match is not None and not has_same_organization(match[1], address.addr_spec.rpartition("@")[2]):
            text = f"The name in From has another address, {shorten(match[0])}; phishing mails do this"
            yield Problem(text, "header From", source.find_field_line("from"))


def _find_envelope_mismatch(source: ReviewSource) -> Iterator[Problem]:
    sender, domain = source.envelope.mail_from.rpartition("@")[2], source.from_domain
    if "@" in source.envelope.mail_from and domain and not has_same_organization(sender, domain):
        text = (
            f"The envelope's sender is at {shorten(sender)}, and From at {shorten(domain)}; "
            "SPF then does not count for DMARC"
        )
        yield Problem(text, "header From", source.find_field_line("from"))


def _find_null_sender(source: ReviewSource) -> Iterator[Problem]:
    automatic = source.headers.get("auto-submitted").partition(";")[0].strip().lower() not in ("", "no")
    is_notification = automatic or source.message.tree.type.value in _AUTOMATIC_TYPES
    if source.envelope.peer and not source.envelope.mail_from and not is_notification:
        text = "The envelope has the null sender <>, which is for notifications, and Auto-Submitted is missing"
        yield Problem(text, "content")


def _find_reply_to_mismatch(source: ReviewSource) -> Iterator[Problem]:
    for address in source.message.reply_to:
        domain = address.addr_spec.rpartition("@")[2]
        if domain and source.from_domain and not has_same_organization(domain, source.from_domain):
            text = f"Replies go to {shorten(domain)}, and From is at {shorten(source.from_domain)}"
            yield Problem(text, "header Reply-To", source.find_field_line("reply-to"))


_GMAIL_PAGE = "https://support.google.com/a/answer/81126"

RULES: tuple[ReviewRule, ...] = (
    ReviewRule("subject-missing", "warning", "Subject is missing or empty.", "RFC 5322 3.6.5", _find_missing_subject),
    ReviewRule(
        "recipients-missing", "warning", "Neither To nor Cc has an address.", "RFC 5322 3.6.3", _find_missing_recipients
    ),
    ReviewRule("message-id-missing", "warning", "Message-ID is missing.", "RFC 5322 3.6.4", _find_missing_message_id),
    ReviewRule(
        "message-id-host",
        "warning",
        "Message-ID has no @ with a host after it.",
        "RFC 5322 3.6.4",
        _find_short_message_id,
    ),
    ReviewRule(
        "references-syntax",
        "warning",
        "In-Reply-To or References has something else than identifiers.",
        "RFC 5322 3.6.4",
        _find_malformed_references,
    ),
    ReviewRule(
        "date-differs",
        "warning",
        "Date is more than one hour from the arrival of the mail.",
        "RFC 5322 3.6.1",
        _find_date_difference,
    ),
    ReviewRule(
        "encoded-word-length",
        "warning",
        "An encoded word has more than 75 characters.",
        "RFC 2047 2",
        _find_long_encoded_words,
    ),
    ReviewRule(
        "bcc-visible", "warning", "The mail has a Bcc field that all recipients can read.", "RFC 5322 3.6.3", _find_bcc
    ),
    ReviewRule("return-path", "warning", "The sender has added Return-Path.", "RFC 5321 4.4", _find_return_path),
    ReviewRule("from-domain", "warning", "The domain in From has no dot.", "RFC 5321 2.3.5", _find_from_without_domain),
    ReviewRule(
        "from-name-address",
        "warning",
        "The name in From has the address of another domain.",
        "Gmail: sender guidelines",
        _find_address_in_name,
        _GMAIL_PAGE,
    ),
    ReviewRule(
        "envelope-from-differs",
        "warning",
        "The envelope's sender and From have different domains.",
        "RFC 7489 3.1.2",
        _find_envelope_mismatch,
    ),
    ReviewRule(
        "null-sender",
        "warning",
        "A mail that is no notification has the null sender.",
        "RFC 5321 4.5.5",
        _find_null_sender,
    ),
    ReviewRule(
        "reply-to-differs",
        "info",
        "Reply-To and From have different domains.",
        "RFC 5322 3.6.2",
        _find_reply_to_mismatch,
    ),
)

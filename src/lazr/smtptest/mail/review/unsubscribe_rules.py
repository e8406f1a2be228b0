"""Rules about List-Unsubscribe (RFC 2369) and one-click unsubscription (RFC 8058)."""

from __future__ import annotations

from lazr.smtptest.mail.list_unsubscribe import ONE_CLICK, is_one_click, read_unsubscribe_fields
from lazr.smtptest.mail.review.rule import Problem, ReviewRule, shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.mail.headers import Headers
    from lazr.smtptest.mail.review.source import ReviewSource

__all__ = ["RULES", "is_bulk", "is_one_click_signed"]

_BULK_PRECEDENCE = frozenset({"bulk", "list", "junk"})
_SIGNED_FIELDS = frozenset({"list-unsubscribe", "list-unsubscribe-post"})
_WHERE = "header List-Unsubscribe"
_POST_WHERE = "header List-Unsubscribe-Post"


def is_bulk(headers: Headers) -> bool:
    """Return whether a mail looks like one to many recipients."""
    return "list-id" in headers or headers.get("precedence").strip().lower() in _BULK_PRECEDENCE


def is_one_click_signed(source: ReviewSource) -> bool:
    """Return whether a DKIM signature covers both fields (RFC 8058 4).

    If DNS records are known, the signature must be valid.  Otherwise, its list of signed fields decides.
    """
    if source.authentication is not None:
        valid = (signature for signature in source.authentication.dkim if signature.result == "pass")
        return any(set(signature.signed_headers) >= _SIGNED_FIELDS for signature in valid)
    return any(_list_signed_fields(value) >= _SIGNED_FIELDS for value in source.headers.get_all("dkim-signature"))


def _list_signed_fields(signature: str) -> frozenset[str]:
    """Return the names in the tag h= of a DKIM-Signature, in lower case."""
    for tag in signature.split(";"):
        name, _, value = tag.partition("=")
        if name.strip().lower() == "h":
            return frozenset(field.strip().lower() for field in value.split(":"))
    return frozenset()


def _find_missing(source: ReviewSource) -> Iterator[Problem]:
    if is_bulk(source.headers) and "list-unsubscribe" not in source.headers:
        yield Problem("List-Unsubscribe is missing; Gmail and Yahoo require it for mails to many recipients", _WHERE)


def _find_malformed(source: ReviewSource) -> Iterator[Problem]:
    fields = read_unsubscribe_fields(source.headers)
    line = source.find_field_line("list-unsubscribe")
    for error in fields.errors:
        yield Problem(shorten(error), _WHERE, line)
    if fields.header and not fields.links and not fields.errors:
        yield Problem("List-Unsubscribe has no URL in <>", _WHERE, line)


def _find_missing_one_click(source: ReviewSource) -> Iterator[Problem]:
    fields = read_unsubscribe_fields(source.headers)
    if fields.links and not fields.post_header.strip():
        text = "Without List-Unsubscribe-Post, there is no one-click unsubscription, which Gmail and Yahoo require"
        yield Problem(text, _WHERE, source.find_field_line("list-unsubscribe"))


def _find_wrong_value(source: ReviewSource) -> Iterator[Problem]:
    value = read_unsubscribe_fields(source.headers).post_header.strip()
    if value and not is_one_click(value):
        text = f"List-Unsubscribe-Post must be {ONE_CLICK}, got {shorten(value)}"
        yield Problem(text, _POST_WHERE, source.find_field_line("list-unsubscribe-post"))


def _find_lonely_post(source: ReviewSource) -> Iterator[Problem]:
    fields = read_unsubscribe_fields(source.headers)
    if fields.post_header.strip() and not fields.header:
        text = "List-Unsubscribe-Post is there without List-Unsubscribe"
        yield Problem(text, _POST_WHERE, source.find_field_line("list-unsubscribe-post"))


def _find_insecure_link(source: ReviewSource) -> Iterator[Problem]:
    fields = read_unsubscribe_fields(source.headers)
    has_web_link = any(link.lower().startswith("https:") for link in fields.links)
    if is_one_click(fields.post_header) and fields.links and not has_web_link:
        text = "One-click unsubscription needs an https: link"
        yield Problem(text, _WHERE, source.find_field_line("list-unsubscribe"))


def _find_unsigned(source: ReviewSource) -> Iterator[Problem]:
    fields = read_unsubscribe_fields(source.headers)
    if fields.links and is_one_click(fields.post_header) and not is_one_click_signed(source):
        text = "No valid DKIM signature covers List-Unsubscribe and List-Unsubscribe-Post, so providers ignore them"
        yield Problem(text, _WHERE, source.find_field_line("list-unsubscribe"))


RULES: tuple[ReviewRule, ...] = (
    ReviewRule(
        "unsubscribe-missing",
        "warning",
        "A mail to many recipients has no List-Unsubscribe.",
        "Gmail: sender guidelines",
        _find_missing,
        "https://support.google.com/a/answer/81126",
    ),
    ReviewRule("unsubscribe-syntax", "error", "List-Unsubscribe is malformed.", "RFC 2369 2", _find_malformed),
    ReviewRule(
        "one-click-missing",
        "warning",
        "List-Unsubscribe is without List-Unsubscribe-Post.",
        "RFC 8058 3.1",
        _find_missing_one_click,
    ),
    ReviewRule(
        "one-click-value",
        "error",
        "List-Unsubscribe-Post has another value than the only allowed one.",
        "RFC 8058 3.1",
        _find_wrong_value,
    ),
    ReviewRule(
        "one-click-alone",
        "error",
        "List-Unsubscribe-Post is without List-Unsubscribe.",
        "RFC 8058 3.1",
        _find_lonely_post,
    ),
    ReviewRule(
        "one-click-https", "error", "One-click unsubscription has no https: link.", "RFC 8058 3.1", _find_insecure_link
    ),
    ReviewRule(
        "one-click-unsigned",
        "warning",
        "No DKIM signature covers both fields of one-click unsubscription.",
        "RFC 8058 4",
        _find_unsigned,
    ),
)

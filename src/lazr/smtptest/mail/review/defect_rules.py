"""Rules whose violations the parser finds: each defect of a mail belongs to one of them."""

from __future__ import annotations

from functools import partial

from lazr.smtptest.mail.review.rule import Problem, ReviewRule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lazr.smtptest.mail.mime.defect import Defect
    from lazr.smtptest.mail.review.source import ReviewSource

__all__ = ["RULES", "classify_defect"]

_ADDRESS_FIELDS_TEXT = """
    from sender reply-to to cc bcc resent-from resent-sender resent-to resent-cc
"""
_ADDRESS_FIELDS = frozenset(_ADDRESS_FIELDS_TEXT.split())
_NOT_ASCII_FIELD = "bytes that are not US-ASCII, without SMTPUTF8"

# Words in the reason of a defect, and the rule; the first row that fits counts.
_HEADER_WORDS: tuple[tuple[str, str], ...] = (
    ("fields with this name", "field-repeated"),
    ("fields, where one is allowed", "field-repeated"),
    ("no address", "field-empty"),
    (_NOT_ASCII_FIELD, "field-not-ascii"),
    ("not a message identifier", "message-id-syntax"),
    ("encoded word", "encoded-word"),
    ("base64", "encoded-word"),
    ("quoted-printable", "encoded-word"),
    ("charset", "encoded-word"),
    ("bytes that are not", "encoded-word"),
)
_PART_WORDS: tuple[tuple[str, str], ...] = (
    ("fields, where one is allowed", "field-repeated"),
    ("fields with this name", "field-repeated"),
    ("bytes above 127 in a body", "eight-bit-undeclared"),
    ("base64", "transfer-encoding"),
    ("quoted-printable", "transfer-encoding"),
    ("uuencoded", "transfer-encoding"),
    ("transfer encoding", "transfer-encoding"),
    ("charset", "charset"),
    ("bytes that are not", "charset"),
    ("surrogate", "charset"),
    ("NUL", "nul"),
    ("boundary", "multipart-syntax"),
    ("multipart", "multipart-syntax"),
    ("parameter", "parameter-syntax"),
    ("file name", "parameter-syntax"),
    ("comment", "parameter-syntax"),
    ("quoted string", "parameter-syntax"),
    ("line of the header", "header-syntax"),
    ("header field", "header-syntax"),
    ("empty line", "header-syntax"),
)


def classify_defect(defect: Defect) -> str:
    """Return the name of the rule that a defect breaks.

    >>> from lazr.smtptest import Mail
    >>> mail = Mail.from_bytes(b"From: ann@example.com\\nDate: yesterday\\n\\nHi\\n")
    >>> [classify_defect(defect) for defect in mail.defects]
    ['date-syntax']
    """
    where, reason = defect.where, defect.reason
    if where.startswith("header "):
        return _classify_header_defect(where.removeprefix("header ").lower(), reason)
    if where == "html":
        return "cid-missing" if reason.startswith("HTML refers to cid:") else "html-syntax"
    if where == "content":
        if reason.endswith(("CR without LF", "LF without CR", "bare CR")):
            return "line-ends"
        if reason.startswith("line ") and " has more than " in reason:
            return "line-too-long"
    return next((name for words, name in _PART_WORDS if words in reason), "mime-syntax")


def _classify_header_defect(field: str, reason: str) -> str:
    if reason.startswith("missing"):
        return f"{field}-missing"
    for words, name in _HEADER_WORDS:
        if words in reason:
            return name
    if field == "date":
        return "date-syntax"
    return "address-syntax" if field in _ADDRESS_FIELDS else "field-syntax"


def _find_defects(name: str, describe: Callable[[str, str], str], source: ReviewSource) -> Iterator[Problem]:
    for defect in source.message.defects:
        if classify_defect(defect) == name:
            yield Problem(describe(defect.where, defect.reason), defect.where, source.find_defect_line(defect))


def _describe(where: str, reason: str) -> str:
    """Return the reason of a defect as a sentence, with the field that it is about."""
    kind, _, name = where.partition(" ")
    return f"{name}: {reason}" if kind == "header" else reason[:1].upper() + reason[1:]


def _build_row(name: str, title: str, reference: str, text: str = "", *, is_warning: bool = False) -> ReviewRule:
    describe: Callable[[str, str], str] = (lambda _where, _reason: text) if text else _describe
    return ReviewRule(
        name, "warning" if is_warning else "error", title, reference, partial(_find_defects, name, describe)
    )


RULES: tuple[ReviewRule, ...] = (
    _build_row("from-missing", "From is missing.", "RFC 5322 3.6", "From is missing"),
    _build_row("date-missing", "Date is missing.", "RFC 5322 3.6", "Date is missing"),
    _build_row(
        "sender-missing",
        "From has several addresses, and Sender is missing.",
        "RFC 5322 3.6.2",
        "From has several addresses, so Sender is needed",
    ),
    _build_row("field-repeated", "A field that may occur once is there several times.", "RFC 5322 3.6"),
    _build_row("field-empty", "An address field has no address.", "RFC 5322 3.6.3"),
    _build_row("field-not-ascii", "A field has bytes that are not US-ASCII, without SMTPUTF8.", "RFC 5322 2.2"),
    _build_row("field-syntax", "A field is malformed.", "RFC 5322 2.2"),
    _build_row(
        "header-syntax", "A line of the header is not a field, or the empty line after it is missing.", "RFC 5322 2.1"
    ),
    _build_row("address-syntax", "An address field cannot be read, or only by guessing.", "RFC 5322 3.4"),
    _build_row("date-syntax", "Date is malformed.", "RFC 5322 3.3"),
    _build_row("message-id-syntax", "Message-ID is not an identifier of the form `<left@right>`.", "RFC 5322 3.6.4"),
    _build_row("encoded-word", "An encoded word in a field is malformed.", "RFC 2047 2"),
    _build_row("line-too-long", "A line has more than 998 bytes.", "RFC 5322 2.1.1"),
    _build_row("line-ends", "A line ends with a bare CR or LF.", "RFC 5322 2.3"),
    _build_row("nul", "The mail has NUL characters.", "RFC 5322 4"),
    _build_row("eight-bit-undeclared", "A body has bytes above 127, and is not declared as 8bit.", "RFC 2045 6.2"),
    _build_row("transfer-encoding", "A body does not have the transfer encoding that it declares.", "RFC 2045 6"),
    _build_row(
        "charset", "A text does not have the charset that it declares, or that charset is unknown.", "RFC 2046 4.1.2"
    ),
    _build_row("mime-syntax", "A Content-Type or another field of a part is malformed.", "RFC 2045 5.1"),
    _build_row("multipart-syntax", "A multipart has no boundary, or its delimiters are missing.", "RFC 2046 5.1.1"),
    _build_row("parameter-syntax", "A parameter of a MIME field is malformed.", "RFC 2231 3"),
    _build_row("cid-missing", "The HTML refers to a part that the mail does not have.", "RFC 2392 2"),
    ReviewRule(
        "html-syntax",
        "warning",
        "The HTML has a tag or a comment that does not end.",
        "HTML Living Standard 13.2.2",
        partial(_find_defects, "html-syntax", _describe),
        "https://html.spec.whatwg.org/multipage/parsing.html#parse-errors",
    ),
)

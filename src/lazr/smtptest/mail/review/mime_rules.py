"""Rules about MIME parts, texts and attachments."""

from __future__ import annotations

import re

from lazr.smtptest.mail.content_signature import detect_content_type
from lazr.smtptest.mail.review.rule import Problem, ReviewRule, shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.mail.review.source import ReviewSource

__all__ = [
    "BLOCKED_SUFFIXES",
    "MAX_ACCEPTED_MESSAGE_BYTES",
    "PLACEHOLDER",
    "RULES",
    "find_blocked_attachments",
    "is_mime_version_1",
]

MAX_ACCEPTED_MESSAGE_BYTES = 25 * 1024 * 1024
"""Gmail, Outlook.com and Yahoo accept no larger mails."""

PLACEHOLDER: re.Pattern[str] = re.compile(
    r"\{\{\s?[^\s{}][^{}]{0,80}\}\}|\{%\s?\w[^{}%]{0,80}%\}|\$\{\w[\w.]{0,80}\}|<%=[^<>%]{1,80}%>|\*\|[A-Z][A-Z0-9_:]{1,40}\|\*"
    r"|\[object Object\]|\b(?:Dear|Hello|Hi)\s(?:None|null|undefined|NaN)\b"
)
"""A variable of a template that was not replaced."""

# Gmail and Outlook refuse these files.
_BLOCKED_SUFFIXES_TEXT = """
    ade adp apk appx bat cab chm cmd com cpl dll dmg exe hta ins isp iso jar js jse lib lnk mde msc msi msp
    mst nsh pif ps1 reg scr sct shb sys vb vbe vbs vhd vxd wsc wsf wsh xll
"""
BLOCKED_SUFFIXES: frozenset[str] = frozenset(_BLOCKED_SUFFIXES_TEXT.split())
_UTF8_CHARSETS = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii"})
# RFC 5322 3.2.2: a comment may have escaped parentheses, and comments.
_COMMENT = re.compile(r"(?<!\\)\((?:[^()\\]|\\.)*+\)")
_MAX_COMMENT_DEPTH = 5


def is_mime_version_1(value: str) -> bool:
    r"""Return whether this is 1.0 as the value of MIME-Version; comments do not count.

    >>> is_mime_version_1(r"1.0 (Mac OS X Mail 16.0 \(3774\))")
    True
    """
    for _ in range(_MAX_COMMENT_DEPTH):
        value = _COMMENT.sub("", value)
    return "".join(value.split()) == "1.0"


def _find_missing_mime_version(source: ReviewSource) -> Iterator[Problem]:
    if source.headers.get("mime-version"):
        return
    first = next((field.name for field in source.headers if field.name.lower().startswith("content-")), None)
    if first is not None:
        text = f"MIME-Version is missing, although there is {shorten(first)}"
        yield Problem(text, "header MIME-Version", source.find_field_line(first))


def _find_other_mime_version(source: ReviewSource) -> Iterator[Problem]:
    version = source.headers.get("mime-version")
    if version and not is_mime_version_1(version):
        text = f"MIME-Version must be 1.0, got {shorten(version)}"
        yield Problem(text, "header MIME-Version", source.find_field_line("mime-version"))


def _find_legacy_charsets(source: ReviewSource) -> Iterator[Problem]:
    for part in filter(None, dict.fromkeys(source.message.body_parts)):
        charset = part.type.get("charset")
        if charset.lower() not in _UTF8_CHARSETS:
            yield Problem(
                f"The charset is {shorten(charset)}; UTF-8 can be read everywhere, and has all characters",
                f"part {part.number}" if part.number else "header Content-Type",
                source.find_part_line(part.number or "1"),
            )


def _find_wrong_order(source: ReviewSource) -> Iterator[Problem]:
    for part in source.message.tree.walk():
        kinds = [child.type.value for child in part.children]
        if part.type.value == "multipart/alternative" and len(kinds) > 1 and kinds[-1] == "text/plain":
            text = "text/plain is the last alternative; mail programs show the last one, so nobody sees the others"
            number = part.children[-1].number
            yield Problem(text, f"part {number}", source.find_part_line(number))


def _find_missing_text(source: ReviewSource) -> Iterator[Problem]:
    if source.message.text_is_derived:
        text = "There is HTML, but no text/plain part for programs and people that do not show HTML"
        yield Problem(text, "html", source.find_body_line("html", 0))


def _find_empty_text(source: ReviewSource) -> Iterator[Problem]:
    message = source.message
    if message.html and not message.text_is_derived and not message.text.strip():
        yield Problem("The text/plain part is empty", "text", source.find_body_line("text", 0))


def _find_empty_body(source: ReviewSource) -> Iterator[Problem]:
    message = source.message
    if not message.attachments and not message.text.strip() and "<img" not in source.searched_html.lower():
        yield Problem("The mail has neither text nor attachments", "content")


def _find_placeholders(source: ReviewSource) -> Iterator[Problem]:
    texts = (
        ("header Subject", source.headers.get("subject")),
        ("text", source.searched_text),
        ("html", source.searched_html),
    )
    for where, text in texts:
        for match in PLACEHOLDER.finditer(text):
            line = (
                source.find_field_line("subject")
                if where == "header Subject"
                else source.find_body_line(where, match.start())
            )
            reason = f"{shorten(match[0])} looks like a placeholder of a template that was not replaced"
            yield Problem(reason, where, line)


def _find_large_message(source: ReviewSource) -> Iterator[Problem]:
    size = len(source.content)
    if size > MAX_ACCEPTED_MESSAGE_BYTES:
        text = f"{size:,} bytes; Gmail, Outlook.com and Yahoo accept at most {MAX_ACCEPTED_MESSAGE_BYTES:,}"
        yield Problem(text, "content")


def find_blocked_attachments(source: ReviewSource) -> Iterator[Problem]:
    """Yield the attachments that Gmail and Outlook refuse."""
    for part in source.message.attachments:
        suffix = part.filename.rpartition(".")[2].lower()
        if suffix in BLOCKED_SUFFIXES:
            text = f"{shorten(part.filename)}: Gmail and Outlook refuse mails with .{suffix} files"
            yield Problem(text, f"part {part.number}", source.find_part_line(part.number))


def _find_other_types(source: ReviewSource) -> Iterator[Problem]:
    for part in source.message.attachments:
        declared = part.content_type
        detected = detect_content_type(part.content, declared)
        if detected not in ("", declared) and declared != "application/octet-stream":
            name = shorten(part.filename or "attachment")
            text = f"{name} is declared as {shorten(declared)}, but the content is {shorten(detected)}"
            yield Problem(text, f"part {part.number}", source.find_part_line(part.number))


def _find_nameless_attachments(source: ReviewSource) -> Iterator[Problem]:
    for part in source.message.tree.walk():
        kind = part.type.value
        if part.disposition.value == "attachment" and not part.filenames and not kind.startswith("message/"):
            number = part.number or "1"
            text = f"An attachment of type {shorten(kind)} has no file name"
            yield Problem(text, f"part {number}", source.find_part_line(number))


def _find_empty_attachments(source: ReviewSource) -> Iterator[Problem]:
    for part in source.message.attachments:
        if not part.content and not part.content_type.startswith("multipart/"):
            text = f"{shorten(part.filename or part.content_type)} is empty"
            yield Problem(text, f"part {part.number}", source.find_part_line(part.number))


RULES: tuple[ReviewRule, ...] = (
    ReviewRule("mime-version-missing", "warning", "MIME-Version is missing.", "RFC 2045 4", _find_missing_mime_version),
    ReviewRule("mime-version-value", "warning", "MIME-Version is not 1.0.", "RFC 2045 4", _find_other_mime_version),
    ReviewRule(
        "charset-legacy", "info", "A text has another charset than UTF-8.", "RFC 2046 4.1.2", _find_legacy_charsets
    ),
    ReviewRule(
        "alternative-order", "warning", "The plain text is the last alternative.", "RFC 2046 5.1.4", _find_wrong_order
    ),
    ReviewRule("text-missing", "warning", "There is HTML, but no plain text.", "RFC 2046 5.1.4", _find_missing_text),
    ReviewRule("text-empty", "warning", "The plain text beside the HTML is empty.", "RFC 2046 5.1.4", _find_empty_text),
    ReviewRule("body-empty", "warning", "The mail has neither text nor attachments.", "RFC 5322 2.3", _find_empty_body),
    ReviewRule(
        "placeholder",
        "warning",
        "A placeholder of a template was not replaced.",
        "Mustache: variables",
        _find_placeholders,
        "https://mustache.github.io/mustache.5.html#Variables",
    ),
    ReviewRule(
        "message-size",
        "warning",
        "The mail has more than 25 MiB.",
        "Gmail: attachment size limit",
        _find_large_message,
        "https://support.google.com/mail/answer/6584",
    ),
    ReviewRule(
        "attachment-blocked",
        "warning",
        "Gmail and Outlook refuse an attachment for its file type.",
        "Gmail: blocked file types",
        find_blocked_attachments,
        "https://support.google.com/mail/answer/6590",
    ),
    ReviewRule(
        "attachment-type",
        "warning",
        "The content of an attachment is not of the declared type.",
        "RFC 2046 4",
        _find_other_types,
    ),
    ReviewRule(
        "attachment-name-missing",
        "warning",
        "An attachment has no file name.",
        "RFC 2183 2.3",
        _find_nameless_attachments,
    ),
    ReviewRule("attachment-empty", "warning", "An attachment is empty.", "RFC 2183 2.7", _find_empty_attachments),
)

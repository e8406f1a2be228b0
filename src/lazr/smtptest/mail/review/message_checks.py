"""Check a mail against what RFCs require and what large mailbox providers advise.

`mail.defects` has violations of the format.  These checks are about how the mail is delivered, shown and used.  Each
function checks one thing; `check_message` runs all of them.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Literal, NamedTuple

from lazr.smtptest.mail.content_signature import detect_content_type
from lazr.smtptest.mail.html.tokens import Tag, parse_attributes, tokenize
from lazr.smtptest.mail.list_unsubscribe import ONE_CLICK, is_one_click, read_unsubscribe_fields
from lazr.smtptest.mail.mime import limits
from lazr.smtptest.mail.review.html_rules import MAX_GMAIL_HTML_BYTES
from lazr.smtptest.mail.review.link_rules import is_local
from lazr.smtptest.mail.review.mime_rules import (
    BLOCKED_SUFFIXES,
    MAX_ACCEPTED_MESSAGE_BYTES,
    PLACEHOLDER,
    is_mime_version_1,
)
from lazr.smtptest.mail.review.rule import count_of, shorten
from lazr.smtptest.mail.review.unsubscribe_rules import is_bulk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.mail.attachment import Attachment
    from lazr.smtptest.mail.mail import Mail

__all__ = ["Check", "check_message"]

Status = Literal["ok", "warning", "error"]

_MAX_LINE_BYTES, _ADVISED_LINE_BYTES = 998, 78  # RFC 5322 2.1.1
_MAX_CLOCK_DIFFERENCE = timedelta(hours=1)


class Check(NamedTuple):
    """The result of one check.

    `where` is the place, as `Defect.where` names it: "header Date", "html", "text" or "content".
    """

    name: str
    status: Status
    text: str
    where: str


def check_message(mail: Mail) -> list[Check]:
    r"""Return the results of all checks that apply to a mail.

    >>> from lazr.smtptest import Mail
    >>> checks = check_message(Mail.from_bytes(b"From: ann@example.com\n\nHi\n"))
    >>> [check.name for check in checks if check.status == "error"]
    ['Date']
    """
    checks = [
        _check_from(mail),
        _check_recipients(mail),
        _check_subject(mail),
        _check_date(mail),
        _check_message_id(mail),
        _check_mime_version(mail),
        _check_list_unsubscribe(mail),
        _check_lines(mail),
        _check_size(mail),
        *_check_html(mail),
        _check_insecure_links(mail),
        _check_local_links(mail),
        _check_placeholders(mail),
        *(_check_attachment(attachment) for attachment in mail.attachments),
    ]
    return [check for check in checks if check is not None]


# -- header ------------------------------------------------------------------------------------


def _check_from(mail: Mail) -> Check:
    name, where = "From", "header From"
    if not mail.from_:
        return Check(name, "error", "From is missing or has no address (RFC 5322 3.6)", where)
    if len(mail.from_) > 1 and "sender" not in mail.headers:
        return Check(name, "error", "From has several addresses, so Sender is needed (RFC 5322 3.6.2)", where)
    return Check(name, "ok", f"From {shorten(mail.from_[0].addr_spec)}", where)


def _check_recipients(mail: Mail) -> Check:
    if mail.to or mail.cc:
        return Check("To", "ok", f"{len(mail.to) + len(mail.cc)} in To and Cc", "header To")
    text = "neither To nor Cc has an address; such mails look like spam"
    return Check("To", "warning", text, "header To")


def _check_subject(mail: Mail) -> Check:
    if mail.subject.strip():
        return Check("Subject", "ok", f"{len(mail.subject)} characters", "header Subject")
    return Check("Subject", "warning", "Subject is missing or empty", "header Subject")


def _check_date(mail: Mail) -> Check:
    name, where = "Date", "header Date"
    if "date" not in mail.headers:
        return Check(name, "error", "Date is missing (RFC 5322 3.6)", where)
    if mail.date is None:
        return Check(name, "error", "Date is not a date (RFC 5322 3.3)", where)
    try:
        difference = mail.date - mail.received_at
    except OverflowError:  # the zone moves the date out of the range of years
        return Check(name, "error", "Date is out of range", where)
    if abs(difference) > _MAX_CLOCK_DIFFERENCE:
        hours = abs(difference) / timedelta(hours=1)
        direction = "after" if difference > timedelta() else "before"
        return Check(name, "warning", f"Date is {hours:,.1f} hours {direction} the time at which the mail came", where)
    return Check(name, "ok", "Date is the time at which the mail came", where)


def _check_message_id(mail: Mail) -> Check:
    name, where = "Message-ID", "header Message-ID"
    message_id = mail.message_id
    if not message_id:
        return Check(name, "warning", "Message-ID is missing; replies cannot refer to the mail (RFC 5322 3.6.4)", where)
    if not re.fullmatch(r"<[^<>\s@]+@[^<>\s@]+>", message_id):
        return Check(name, "warning", "Message-ID must have the form <left@right> (RFC 5322 3.6.4)", where)
    return Check(name, "ok", shorten(message_id), where)


def _check_mime_version(mail: Mail) -> Check | None:
    version = mail.header("mime-version")
    if not version:
        if not any(field.name.lower().startswith("content-") for field in mail.headers):
            return None
        text = "MIME-Version is missing, although there are Content- fields (RFC 2045 4)"
        return Check("MIME-Version", "warning", text, "header MIME-Version")
    if not is_mime_version_1(version):
        return Check("MIME-Version", "warning", "MIME-Version must be 1.0 (RFC 2045 4)", "header MIME-Version")
    return Check("MIME-Version", "ok", "1.0", "header MIME-Version")


def _check_list_unsubscribe(mail: Mail) -> Check:
    name, where = "List-Unsubscribe", "header List-Unsubscribe"
    fields = read_unsubscribe_fields(mail.headers)
    has_web_link = any(link.lower().startswith("https:") for link in fields.links)
    post = fields.post_header.strip()
    if fields.errors:
        return Check(name, "error", f"{shorten(fields.errors[0])} (RFC 2369 2)", where)
    if not fields.header:
        if post:
            return Check(name, "error", "List-Unsubscribe-Post is there without List-Unsubscribe (RFC 8058 3.1)", where)
        if is_bulk(mail.headers):
            text = "List-Unsubscribe is missing; Gmail and Yahoo require it for mails to many recipients"
            return Check(name, "warning", text, where)
        return Check(name, "ok", "not needed: this does not look like a mail to many recipients", where)
    if not fields.links:
        return Check(name, "error", "List-Unsubscribe has no URL in <> (RFC 2369 2)", where)
    if not post:
        text = "without List-Unsubscribe-Post, there is no one-click unsubscription, which Gmail and Yahoo require"
        return Check(name, "warning", f"{text} (RFC 8058)", where)
    if not is_one_click(post):
        where = "header List-Unsubscribe-Post"
        return Check(name, "error", f"List-Unsubscribe-Post must be {ONE_CLICK} (RFC 8058 3.1)", where)
    if not has_web_link:
        return Check(name, "error", "one-click unsubscription needs an https: link (RFC 8058 3.1)", where)
    return Check(name, "ok", "one-click unsubscription is possible", where)


# -- content -----------------------------------------------------------------------------------


def _check_lines(mail: Mail) -> Check:
    advised_count = too_long_count = first = 0
    content = mail.content
    for start, length in _iterate_long_lines(content):
        if length > _MAX_LINE_BYTES:
            too_long_count += 1
            first = first or content.count(b"\n", 0, start) + 1
        else:
            advised_count += 1
    if too_long_count:
        text = f"{count_of(too_long_count, 'line')} of more than {_MAX_LINE_BYTES} bytes, the first is line {first:,}"
        return Check("Line length", "error", f"{text} (RFC 5322 2.1.1)", "content")
    if advised_count:
        text = f"{count_of(advised_count, 'line')} of more than {_ADVISED_LINE_BYTES} bytes, which is permitted"
        return Check("Line length", "ok", text, "content")
    return Check("Line length", "ok", f"no line of more than {_ADVISED_LINE_BYTES} bytes", "content")


def _iterate_long_lines(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield the position and the length of lines of more than 78 bytes."""
    at = 0
    while at < len(content):  # in jumps of up to 78 bytes
        end = content.rfind(b"\n", at, at + _ADVISED_LINE_BYTES + 1)
        if end < 0:
            end = content.find(b"\n", at + _ADVISED_LINE_BYTES + 1)
            end = len(content) if end < 0 else end
            length = end - at - content.startswith(b"\r", end - 1)
            if length > _ADVISED_LINE_BYTES:
                yield at, length
        at = end + 1


def _check_size(mail: Mail) -> Check:
    if mail.size > MAX_ACCEPTED_MESSAGE_BYTES:
        text = f"{mail.size:,} bytes; Gmail, Outlook.com and Yahoo accept at most {MAX_ACCEPTED_MESSAGE_BYTES:,}"
        return Check("Message size", "warning", text, "content")
    return Check("Message size", "ok", f"{mail.size:,} bytes", "content")


def _check_html(mail: Mail) -> Iterator[Check]:
    html = mail.html
    if not html:
        return
    if mail.text_is_derived:
        text = "there is HTML, but no text/plain part for programs and people that do not show HTML"
        yield Check("Text alternative", "warning", text, "html")
    elif not mail.text.strip():
        yield Check("Text alternative", "warning", "the text/plain part is empty", "text")
    else:
        yield Check("Text alternative", "ok", f"{len(mail.text):,} characters of text", "text")
    size = len(html.encode("utf-8", "replace"))
    if size > MAX_GMAIL_HTML_BYTES:
        text = f"{size:,} bytes; Gmail hides what is after {MAX_GMAIL_HTML_BYTES:,}"
        yield Check("HTML size", "warning", text, "html")
    else:
        yield Check("HTML size", "ok", f"{size:,} of the {MAX_GMAIL_HTML_BYTES:,} bytes that Gmail shows", "html")
    yield _check_images(html)


def _check_images(html: str) -> Check:
    count = missing_count = first = 0
    for token in tokenize(html, lambda _: None):
        if isinstance(token, Tag) and token.name == "img" and not token.is_end:
            count += 1
            if "alt" not in parse_attributes(token.attribute_text):
                missing_count += 1
                first = first or html.count("\n", 0, token.start) + 1
    if missing_count:
        text = f"{missing_count:,} of {count_of(count, 'image')} without alt, the first in line {first:,}"
        return Check("Image descriptions", "warning", text, "html")
    return Check(
        "Image descriptions", "ok", f"{count_of(count, 'image')}, all with alt" if count else "no image", "html"
    )


def _check_insecure_links(mail: Mail) -> Check:
    urls = [link.url for link in mail.links if link.url[:5].lower() == "http:" and not is_local(link.url)]
    if urls:
        text = f"{count_of(len(urls), 'link')} without TLS, such as {shorten(urls[0])}"
        return Check("Insecure links", "warning", text, _find_place(mail, urls[0]))
    return Check("Insecure links", "ok", "no http: link", "text")


def _check_local_links(mail: Mail) -> Check:
    urls = [link.url for link in mail.links if link.url[:4].lower() == "http" and is_local(link.url)]
    if urls:
        text = f"{count_of(len(urls), 'link')} to hosts that recipients cannot reach, such as {shorten(urls[0])}"
        return Check("Local links", "warning", text, _find_place(mail, urls[0]))
    return Check("Local links", "ok", "no link to a local host", "text")


def _find_place(mail: Mail, url: str) -> str:
    return next(link.where for link in mail.links if link.url == url)


def _check_placeholders(mail: Mail) -> Check:
    texts = (("header Subject", mail.subject), ("text", mail.text), ("html", mail.html))
    for where, text in texts:
        found = PLACEHOLDER.search(text[: limits.MAX_DERIVED_CHARACTERS])
        if found is not None:
            reason = f"{shorten(found[0])} looks like a placeholder of a template that was not replaced"
            return Check("Placeholders", "warning", reason, where)
    return Check("Placeholders", "ok", "no placeholder of a template is left", "text")


def _check_attachment(attachment: Attachment) -> Check:
    name, where = f"Attachment {shorten(attachment.filename or attachment.number)}", f"part {attachment.number}"
    suffix = attachment.filename.rpartition(".")[2].lower()
    if suffix in BLOCKED_SUFFIXES:
        return Check(name, "warning", f"Gmail and Outlook refuse mails with .{suffix} files", where)
    declared = attachment.content_type
    detected = detect_content_type(attachment.content, declared)
    if detected not in ("", declared) and declared != "application/octet-stream":
        text = f"declared as {shorten(declared)}, but the content is {shorten(detected)}"
        return Check(name, "warning", text, where)
    return Check(name, "ok", f"{shorten(declared)}, {len(attachment.content):,} bytes", where)

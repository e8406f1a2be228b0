"""Render a mail as text that stays the same from one run to the next."""

from __future__ import annotations

import re
from hashlib import sha256
from itertools import islice

from lazr.smtptest.mail.mime.parameter import read_parameters
from lazr.smtptest.mail.parsed_message import ParsedMessage
from lazr.smtptest.mail.summary import read_subject

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Protocol

    from lazr.smtptest.mail.attachment import Attachment
    from lazr.smtptest.mail.headers import Field, Headers

    class SnapshotSource(Protocol):
        """The attributes of a `Mail` that a snapshot shows."""

        @property
        def sender(self) -> str: ...
        @property
        def recipients(self) -> tuple[str, ...]: ...
        @property
        def message_id(self) -> str: ...
        @property
        def headers(self) -> Headers: ...
        @property
        def text(self) -> str: ...
        @property
        def text_is_derived(self) -> bool: ...
        @property
        def html(self) -> str: ...
        @property
        def attachments(self) -> tuple[Attachment, ...]: ...


__all__ = ["render_snapshot"]

# Fields that depend on the path of the mail, or on the program that sent it: they differ between machines and versions.
_UNSTABLE_FIELDS = re.compile(
    r"received|return-path|delivered-to|dkim-signature|domainkey-signature|arc-.*|authentication-results|received-spf|"
    r"x-mailer|user-agent|x-received|x-google-.*",
    re.IGNORECASE,
)
_DATE_FIELDS = frozenset({"date", "resent-date", "expires", "expiry-date", "deferred-delivery"})
_ID_FIELDS = frozenset({"message-id", "in-reply-to", "references", "resent-message-id"})
_MESSAGE_ID = re.compile(r"<[^<>\s]+>")
_MESSAGE_TYPES = frozenset({"message/rfc822", "message/global"})
# Each nested message may cost as much to parse as a mail.  Further ones are shown by their Subject alone.
_MAX_PARSED_NESTED_MESSAGES = 20
_CID_URL = re.compile(r"(cid:)([^\s\"'<>]++)", re.IGNORECASE)
_TRAILING_PUNCTUATION = ".,;:!?"
_POSSIBLE_URL_END = re.compile(r"[])},;&?#]")
_MAX_URL_ENDS = 8


class _Placeholders:
    """Map equal values to equal placeholders: `<message-id>`, `<message-id 2>`, …."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._placeholders_by_value: dict[str, str] = {}

    def get(self, value: str) -> str:
        if value not in self._placeholders_by_value:
            count = len(self._placeholders_by_value) + 1
            self._placeholders_by_value[value] = f"<{self._kind}>" if count == 1 else f"<{self._kind} {count}>"
        return self._placeholders_by_value[value]


def render_snapshot(
    mail: SnapshotSource, headers: Collection[str] | None, replace: Mapping[str | re.Pattern[str], str]
) -> str:
    """Return the snapshot that `Mail.snapshot` describes.

    Args:
        mail: the mail to render.
        headers: names of the header fields to show; None shows all but the unstable ones.
        replace: strings or patterns to replace in the finished text, with their replacements.
    """
    lines = [f"MAIL FROM:<{mail.sender}>", *(f"RCPT TO:<{recipient}>" for recipient in mail.recipients), ""]
    content_ids = _Placeholders("content-id")
    lines += _render_header(mail, headers, content_ids)
    attachments = mail.attachments
    placeholders = {
        attachment.content_id: content_ids.get(attachment.content_id)
        for attachment in attachments
        if attachment.content_id
    }
    for kind, body in (("text", "" if mail.text_is_derived else mail.text), ("html", mail.html)):
        if body:
            lines += ["", f"--- {kind}", _replace_content_ids(body, placeholders).rstrip("\n")]
    nested_message_count = 0
    for attachment in attachments:
        lines += ["", f"--- {_describe_attachment(attachment, placeholders)}"]
        if attachment.content_type in _MESSAGE_TYPES:
            nested_message_count += 1
            is_parsed = nested_message_count <= _MAX_PARSED_NESTED_MESSAGES
            lines += _render_nested_message(attachment.content, placeholders, is_parsed=is_parsed)
    text = "\n".join(lines) + "\n"
    for pattern, replacement in replace.items():
        text = text.replace(pattern, replacement) if isinstance(pattern, str) else pattern.sub(replacement, text)
    return text


def _render_header(mail: SnapshotSource, names: Collection[str] | None, content_ids: _Placeholders) -> list[str]:
    ids, boundaries = _Placeholders("message-id"), _Placeholders("boundary")
    if mail.message_id:
        ids.get(mail.message_id)  # the mail's own identifier is the first, also if References comes before it
    shown_names = None if names is None else {name.lower() for name in names}
    lines = []
    for field in mail.headers:
        name = field.name.lower()
        is_hidden = _UNSTABLE_FIELDS.fullmatch(name) if shown_names is None else name not in shown_names
        if is_hidden:
            continue
        value = field.value
        if name in _DATE_FIELDS:
            value = "<date>"
        elif name in _ID_FIELDS:
            value = _MESSAGE_ID.sub(lambda match: ids.get(match[0]), value)
        elif name == "content-id":
            value = content_ids.get(value.strip("<>"))
        elif name == "content-type":
            value = _replace_boundary(field, boundaries)
        lines.append(f"{field.name}: {value}")
    return lines


def _replace_boundary(field: Field, boundaries: _Placeholders) -> str:
    value = field.value
    boundary = read_parameters(field.text, lambda _: None).get("boundary")
    if not boundary:
        return value
    start = value.lower().find("boundary") + len("boundary")
    return value[:start] + value[start:].replace(boundary, boundaries.get(boundary), 1)


def _describe_attachment(attachment: Attachment, placeholders: Mapping[str, str]) -> str:
    facts = ["inline" if attachment.inline else "attachment", repr(attachment.filename), attachment.content_type]
    if attachment.content_type not in _MESSAGE_TYPES:
        digest = sha256(attachment.content).hexdigest()[:12]
        facts += [f"{len(attachment.content)} bytes", f"sha256 {digest}"]
    if attachment.content_id:
        facts.append(placeholders[attachment.content_id])
    return ", ".join(facts)


def _render_nested_message(content: bytes, placeholders: Mapping[str, str], *, is_parsed: bool) -> list[str]:
    """Render a nested message without its header, which differs from run to run."""
    lines = [f"> Subject: {read_subject([content])}"]
    if not is_parsed:
        return lines
    message = ParsedMessage(content, {})
    text = message.html if message.text_is_derived else message.text
    if text:
        text = _replace_content_ids(text, placeholders).rstrip("\n")
        lines += [">", *(f"> {line}".rstrip() for line in text.split("\n"))]
    return lines


def _replace_content_ids(text: str, placeholders: Mapping[str, str]) -> str:
    """Replace the identifiers in `cid:` URLs (RFC 2392), whether percent-encoded or not."""
    if not placeholders:
        return text
    from urllib.parse import unquote

    def replace_url(match: re.Match[str]) -> str:
        url = match[2]
        # A bracket may be part of the identifier or of its surroundings: `[cid:a@b]`, `url(cid:a@b)`.
        ends = [
            len(url),
            len(url.rstrip(_TRAILING_PUNCTUATION)),
            *(end.start() for end in islice(_POSSIBLE_URL_END.finditer(url), _MAX_URL_ENDS)),
        ]
        for end in ends:
            placeholder = placeholders.get(url[:end]) or placeholders.get(unquote(url[:end]))
            if placeholder:
                return f"{match[1]}{placeholder}{url[end:]}"
        return match[0]

    return _CID_URL.sub(replace_url, text)

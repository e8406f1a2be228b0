"""A mail as a text that stays the same from one run to the next."""

from __future__ import annotations

import re
from hashlib import sha256
from itertools import islice

from lazr.smtptest.mail.mail import subject_of
from lazr.smtptest.mail.mime.parameter import read_parameters
from lazr.smtptest.mail.reading import Reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from lazr.smtptest.mail.mail import Mail

__all__ = ["snapshot"]

# How a mail came, and by what: different on another machine, or in another version.
_UNSTABLE = re.compile(
    r"received|return-path|delivered-to|dkim-signature|domainkey-signature|arc-.*|authentication-results|received-spf|"
    r"x-mailer|user-agent|x-received|x-google-.*",
    re.IGNORECASE,
)
_DATES = frozenset({"date", "resent-date", "expires", "expiry-date", "deferred-delivery"})
_IDS = frozenset({"message-id", "in-reply-to", "references", "resent-message-id"})
_ID = re.compile(r"<[^<>\s]+>")
_MESSAGES = frozenset({"message/rfc822", "message/global"})
_MOST_MESSAGES = 20  # of more only the Subject is shown: each of them may be as much work as a mail
_CID = re.compile(r"(cid:)([^\s\"'<>]++)", re.IGNORECASE)
_BEHIND = ".,;:!?"
_MAY_END = re.compile(r"[])},;&?#]")
_ENDS = 8  # so many are tried, which is as many as one URL has


class _Names:
    """The same placeholder for the same value: `<message-id>`, `<message-id 2>`, …."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._known: dict[str, str] = {}

    def of(self, value: str) -> str:
        if value not in self._known:
            count = len(self._known) + 1
            self._known[value] = f"<{self._kind}>" if count == 1 else f"<{self._kind} {count}>"
        return self._known[value]


def snapshot(mail: Mail, headers: Collection[str] | None, replace: Mapping[str | re.Pattern[str], str]) -> str:
    """The text; see `Mail.snapshot`."""
    lines = [f"MAIL FROM:<{mail.sender}>", *(f"RCPT TO:<{recipient}>" for recipient in mail.recipients), ""]
    ids, boundaries, content_ids = _Names("message-id"), _Names("boundary"), _Names("content-id")
    if mail.message_id:
        ids.of(mail.message_id)
    wanted = None if headers is None else {name.lower() for name in headers}
    for field in mail.headers:
        name = field.name.lower()
        if (name not in wanted) if wanted is not None else _UNSTABLE.fullmatch(name):
            continue
        value = field.value
        if name in _DATES:
            value = "<date>"
        elif name in _IDS:
            value = _ID.sub(lambda match: ids.of(match[0]), value)
        elif name == "content-id":
            value = content_ids.of(value.strip("<>"))
        elif name == "content-type":
            boundary = read_parameters(field.text, lambda _: None).get("boundary")
            if boundary:
                at = value.lower().find("boundary") + len("boundary")
                value = value[:at] + value[at:].replace(boundary, boundaries.of(boundary), 1)
        lines.append(f"{field.name}: {value}")
    attachments = mail.attachments
    named = {one.content_id: content_ids.of(one.content_id) for one in attachments if one.content_id}
    for kind, text in (("text", "" if mail.text_is_derived else mail.text), ("html", mail.html)):
        if text:
            lines += ["", f"--- {kind}", _with_names(text, named).rstrip("\n")]
    messages = 0
    for one in attachments:
        is_message = one.content_type in _MESSAGES
        facts = [
            "inline" if one.inline else "attachment",
            repr(one.filename),
            one.content_type,
            *([] if is_message else [f"{len(one.content)} octets", f"sha256 {sha256(one.content).hexdigest()[:12]}"]),
            *([named[one.content_id]] if one.content_id else []),
        ]
        lines += ["", "--- " + ", ".join(facts)]
        if is_message:
            # Its octets are others each time, for it has a date, an identifier and boundaries of its own.
            lines.append(f"> Subject: {subject_of([one.content])}")
            messages += 1
            if messages > _MOST_MESSAGES:
                continue
            reading = Reading(one.content, {})
            text = reading.html if reading.text_is_derived else reading.text
            if text:
                text = _with_names(text, named).rstrip("\n")
                lines += [">", *(f"> {line}".rstrip() for line in text.split("\n"))]
    text = "\n".join(lines) + "\n"
    for pattern, instead in replace.items():
        text = text.replace(pattern, instead) if isinstance(pattern, str) else pattern.sub(instead, text)
    return text


def _with_names(text: str, named: Mapping[str, str]) -> str:
    """The text with what its parts are named by (RFC 2392) replaced, as it is or percent-encoded."""
    if not named:
        return text
    from urllib.parse import unquote

    def name(match: re.Match[str]) -> str:
        url = match[2]
        # Brackets and the like may be a part of it, or what it stands in: `[cid:a@b]`, `url(cid:a@b)`.
        ends = [len(url), len(url.rstrip(_BEHIND)), *(end.start() for end in islice(_MAY_END.finditer(url), _ENDS))]
        for end in ends:
            found = named.get(url[:end]) or named.get(unquote(url[:end]))
            if found:
                return f"{match[1]}{found}{url[end:]}"
        return match[0]

    return _CID.sub(name, text)

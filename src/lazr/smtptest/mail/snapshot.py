"""A mail as a text that stays the same from one run to the next."""

from __future__ import annotations

import re
from hashlib import sha256

from lazr.smtptest.mail.mime.parameter import read_parameters

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
                value = value.replace(boundary, boundaries.of(boundary))
        lines.append(f"{field.name}: {value}")
    attachments = mail.attachments
    html = mail.html
    named = {one.content_id: content_ids.of(one.content_id) for one in attachments if one.content_id}
    if named:
        longest_first = sorted(named, key=len, reverse=True)
        uses = re.compile("cid:(" + "|".join(map(re.escape, longest_first)) + ")")
        html = uses.sub(lambda match: f"cid:{named[match[1]]}", html)
    if not mail.text_is_derived and mail.text:
        lines += ["", "--- text", mail.text.rstrip("\n")]
    if html:
        lines += ["", "--- html", html.rstrip("\n")]
    for one in attachments:
        facts = [
            "inline" if one.inline else "attachment",
            repr(one.filename),
            one.content_type,
            f"{len(one.content)} octets",
            f"sha256 {sha256(one.content).hexdigest()[:12]}",
            *([named[one.content_id]] if one.content_id else []),
        ]
        lines += ["", "--- " + ", ".join(facts)]
    text = "\n".join(lines) + "\n"
    for pattern, instead in replace.items():
        text = text.replace(pattern, instead) if isinstance(pattern, str) else pattern.sub(instead, text)
    return text

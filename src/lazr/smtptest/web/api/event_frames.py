"""Build the frames of the websocket of events, in Mailpit's format."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lazr.smtptest import __version__
from lazr.smtptest.store import ArrivedMail, Entry, fold
from lazr.smtptest.web.api.schemas import build_message_summary
from lazr.smtptest.web.responses import encode_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lazr.smtptest.store import Arrival, Change, Search, TagRules, Totals
    from lazr.smtptest.web.api.access_scope import AccessScope

__all__ = [
    "NewMailEncoder",
    "build_change_frames",
    "build_error_frame",
    "build_rules_frame",
    "build_stats_frame",
    "encode_frame",
]


def encode_frame(kind: str, data: Any) -> bytes:
    """Return the text of a frame in UTF-8."""
    return encode_json({"Type": kind, "Data": data}, end="").encode("utf-8", "replace")


def build_error_frame(text: str) -> bytes:
    """Return the frame about an error of the store."""
    return encode_frame("error", {"Level": "error", "Type": "store", "IP": "", "Message": text})


def build_stats_frame(totals: Totals) -> bytes:
    """Return the frame with the number of mails."""
    return encode_frame("stats", {"Total": totals.mails, "Unread": totals.unread, "Version": __version__})


def build_rules_frame(active_count: int, call_count: int) -> bytes:
    """Return the frame with the number of rules that can act, and how often rules acted."""
    return encode_frame("rules", {"Active": active_count, "Calls": call_count})


def build_change_frames(change: Change, scope: AccessScope) -> list[bytes]:
    """Return the frames for a change, as a client with this scope sees it."""
    if change.kind in ("prune", "truncate", "delete") and scope.mailbox is not None:
        return []  # the mailbox of a deleted mail is unknown; `MailCounter` notices that mails are gone
    if change.kind in ("prune", "truncate"):
        return [encode_frame(change.kind, None)]
    if change.kind == "delete":
        return [encode_frame("delete", {"ID": mail_id}) for mail_id in change.ids]
    entries = [entry for entry in map(scope.get_entry, change.ids) if entry is not None]
    if change.kind == "new":
        return [encode_frame("new", build_message_summary(entry, "event")) for entry in entries]
    if change.kind == "tags":
        return [encode_frame("update", {"ID": entry.id, "Tags": list(entry.tags)}) for entry in entries]
    if change.kind == "flags":
        return [encode_frame("update", {"ID": entry.id, "Flags": list(entry.flags)}) for entry in entries]
    return [encode_frame("update", {"ID": entry.id, "Read": change.kind == "read"}) for entry in entries]


class NewMailEncoder:
    r"""Builds the frame of each new mail once, and decides which searches match the mail.

    Args:
        tag_rules: which tags new mails get.
        searches: those of the mailboxes that clients have open.

    >>> from lazr.smtptest import Envelope
    >>> from lazr.smtptest.store import Arrival, TagRules, parse_query
    >>> envelope = Envelope("", ("bob@example.com",), mail_parameters={}, rcpt_parameters=({},))
    >>> arrival = Arrival("1", 0.0, envelope, [b"Subject: Hi\r\n\r\n"])
    >>> frame, matches = NewMailEncoder(TagRules(), [parse_query("to:x"), parse_query("subject:hi")]).encode(arrival)
    >>> frame[:28], matches
    (b'{"Type":"new","Data":{"ID":"', [1])
    """

    def __init__(self, tag_rules: TagRules, searches: Sequence[Search]) -> None:
        self._tag_rules = tag_rules
        self._searches = searches

    def encode(self, arrival: Arrival) -> tuple[bytes, list[int]]:
        """Return the frame, and the positions of the searches that match."""
        searchable = ArrivedMail(arrival, self._tag_rules).searchable
        index = searchable.index
        entry = Entry(
            number=0,
            id=arrival.id,
            received_at=datetime.fromtimestamp(arrival.received_at, UTC),
            size=searchable.size,
            envelope=arrival.envelope,
            read=arrival.read,
            tags=tuple(sorted(searchable.tags, key=fold)),
            username=searchable.username,
            message_id=index.message_id,
            from_=index.from_,
            to=index.to,
            cc=index.cc,
            bcc=index.bcc,
            reply_to=index.reply_to,
            subject=index.subject,
            attachments=index.attachments,
            inlines=index.inlines,
            snippet=index.snippet,
        )
        frame = encode_frame("new", build_message_summary(entry, "event"))
        return frame, [place for place, search in enumerate(self._searches) if searchable.matches(search)]

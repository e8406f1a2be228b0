"""Sort messages (RFC 5256 3), and read what sorting and threading need.

All messages are read in batches; what is kept of one is short, whatever its header has.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from lazr.smtptest._util.lazy_pattern import compile_lazily
from lazr.smtptest.protocol.imap.base_subject import BaseSubject, parse_base_subject
from lazr.smtptest.protocol.imap.dates import parse_date_field
from lazr.smtptest.protocol.imap.message_text import decode_field, read_field
from lazr.smtptest.protocol.imap.search_match import (
    MAX_CONTENT_BYTES_PER_CALL,
    MAX_FACTS_PER_READ,
    MAX_MESSAGES_PER_CALL,
)
from lazr.smtptest.protocol.reading_session import Call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from typing import Any

    from lazr.smtptest.protocol.folder_access import Folder, Message, MessageAddress
    from lazr.smtptest.protocol.imap.command_types import SortCriterion

__all__ = ["SortFacts", "read_sort_facts", "sort_messages"]

_MAX_MAILBOX_OCTETS = 100
_MAX_REFERENCES = 50
_MAX_FIELD_OCTETS = 10_000
_MESSAGE_ID = compile_lazily(rb"<([^<>\s]{1,250})>")


class SortFacts(NamedTuple):
    """What SORT and THREAD know of a message.

    Args:
        uid: The UID.
        arrival: When the message arrived, in seconds since 1970.
        size: Its size in octets.
        sent: The moment of the Date field; `arrival` without one (RFC 5256 2.2).
        subject: The base subject.
        from_: The local part of the first address, case-folded.
        to: The same of To.
        cc: The same of Cc.
        message_id: A number for the Message-ID; 0 without one.
        references: Numbers for the messages of References, or of In-Reply-To; at most 50.
    """

    uid: int
    arrival: float
    size: int
    sent: float
    subject: BaseSubject = BaseSubject("", is_reply=False)
    from_: str = ""
    to: str = ""
    cc: str = ""
    message_id: int = 0
    references: tuple[int, ...] = ()


# RFC 5051 2: letters are compared in upper case, so they come before "[" and "_".
_SORT_KEYS: dict[str, Callable[[SortFacts], Any]] = {
    "ARRIVAL": lambda facts: facts.arrival,
    "CC": lambda facts: facts.cc.upper(),
    "DATE": lambda facts: facts.sent,
    "FROM": lambda facts: facts.from_.upper(),
    "SIZE": lambda facts: facts.size,
    "SUBJECT": lambda facts: facts.subject.text.upper(),
    "TO": lambda facts: facts.to.upper(),
}


def sort_messages(
    folder: Folder, criteria: Sequence[SortCriterion], uids: Sequence[int]
) -> Generator[Call, Any, list[int]]:
    """Yield calls, get their results, and return the UIDs of existing messages, sorted.

    Args:
        folder: The selected folder.
        criteria: The most important one first; the UID decides between equal messages.
        uids: What SEARCH has found, ascending.
    """
    with_content = any(criterion.field not in ("ARRIVAL", "SIZE") for criterion in criteria)
    found = yield from read_sort_facts(folder, uids, with_content=with_content)
    for criterion in reversed(criteria):
        found.sort(key=_SORT_KEYS[criterion.field], reverse=criterion.is_reverse)
    return [facts.uid for facts in found]


def read_sort_facts(
    folder: Folder, uids: Sequence[int], *, with_content: bool = True
) -> Generator[Call, Any, list[SortFacts]]:
    """Yield calls, get their results, and return the facts of existing messages, by UID."""
    found: list[SortFacts] = []
    for start in range(0, len(uids), MAX_FACTS_PER_READ):
        found += yield Call(partial(_read_facts, folder, uids[start : start + MAX_FACTS_PER_READ]))
    if not with_content:
        return found
    complete: list[SortFacts] = []
    for batch in _iterate_batches(found):
        complete += yield Call(partial(_read_content_facts, folder, batch))
    return complete


def _read_facts(folder: Folder, uids: Sequence[int]) -> list[SortFacts]:
    messages = folder.read_messages(uids, with_content=False)
    return [SortFacts(each.uid, each.internal_date, each.size, each.internal_date) for each in messages]


def _iterate_batches(found: Sequence[SortFacts]) -> Iterator[list[int]]:
    """Yield UIDs of messages that fit into memory together."""
    batch: list[int] = []
    size = 0
    for facts in found:
        size += facts.size
        if batch and (size > MAX_CONTENT_BYTES_PER_CALL or len(batch) == MAX_MESSAGES_PER_CALL):
            yield batch
            batch, size = [], facts.size
        batch.append(facts.uid)
    if batch:
        yield batch


def _read_content_facts(folder: Folder, uids: Sequence[int]) -> list[SortFacts]:
    return [_build_facts(message) for message in folder.read_messages(uids, with_content=True)]


def _build_facts(message: Message) -> SortFacts:
    envelope = message.structure.envelope
    if envelope is None:  # pragma: no cover - a message has one (`BodyPart.envelope`)
        return SortFacts(message.uid, message.internal_date, message.size, message.internal_date)
    sent = parse_date_field((envelope.date or b"").decode("ascii", "replace"))
    own = _find_message_ids(envelope.message_id)[:1]
    references = _find_message_ids(read_field(message, b"references"))[-_MAX_REFERENCES:]
    return SortFacts(
        message.uid,
        message.internal_date,
        message.size,
        message.internal_date if sent is None else sent.seconds,
        parse_base_subject(decode_field((envelope.subject or b"")[:_MAX_FIELD_OCTETS])),
        _get_mailbox(envelope.from_),
        _get_mailbox(envelope.to),
        _get_mailbox(envelope.cc),
        own[0] if own else 0,
        tuple(references or _find_message_ids(envelope.in_reply_to)[:1]),
    )


def _get_mailbox(addresses: Sequence[MessageAddress]) -> str:
    mailbox = addresses[0].mailbox if addresses else None
    return (mailbox or b"")[:_MAX_MAILBOX_OCTETS].decode("utf-8", "replace").casefold()


def _find_message_ids(field: bytes | None) -> list[int]:
    """Return hashes of the Message-IDs of a field: short, and enough to compare them."""
    return [hash(match[1]) or 1 for match in _MESSAGE_ID.finditer((field or b"")[-_MAX_FIELD_OCTETS:])]

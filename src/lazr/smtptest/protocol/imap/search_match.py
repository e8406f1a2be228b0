"""Find the messages that match a search, with little reading (RFC 9051 6.4.4).

The steps read what is cheap first: sequence sets cost nothing; then come flags, dates and sizes, the index behind
`Folder.search_text`, and last the contents, in batches.  Each step reads only messages that the steps before have not
decided, and a step without such messages is left out.

A set of messages is a mask: an integer with one byte for each message of the folder, which is 1 or 0.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import partial
from itertools import compress

from lazr.smtptest.protocol.imap.dates import parse_date_field
from lazr.smtptest.protocol.imap.message_text import has_field, read_message_text
from lazr.smtptest.protocol.imap.search_keys import (
    AgeKey,
    AllKey,
    AndKey,
    DateKey,
    FlagKey,
    ModSeqKey,
    NotKey,
    OrKey,
    SequenceKey,
    SizeKey,
    TextKey,
)
from lazr.smtptest.protocol.reading_session import Call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
    from typing import Any

    from lazr.smtptest.protocol.folder_access import Folder, Message
    from lazr.smtptest.protocol.imap.search_keys import SearchKey

    Leaf = AllKey | FlagKey | ModSeqKey | DateKey | SizeKey | AgeKey | TextKey | SequenceKey
    ReadText = Callable[[Message, str, str], str]

__all__ = ["find_messages", "iterate_leaves"]

MAX_MESSAGES_PER_CALL = 64
MAX_CONTENT_BYTES_PER_CALL = 1024 * 1024
MAX_FACTS_PER_READ = 5000
_SECONDS_PER_DAY = 86_400
_DAY_OF_1970 = 719_163  # of `date.toordinal`


def find_messages(
    folder: Folder,
    key: SearchKey,
    uids: Sequence[int],
    *,
    saved_uids: Collection[int] = (),
    recent_uids: Collection[int] = (),
    now: float = 0.0,
    read_text: ReadText = read_message_text,
) -> Generator[Call, Any, list[int]]:
    r"""Yield calls, get their results, and return the UIDs that match a search, ascending.

    Args:
        folder: The selected folder.
        key: The search.
        uids: The UIDs of its messages as the client knows them, ascending; message number 1 is the first.
        saved_uids: The UIDs of `$` (RFC 5182).
        recent_uids: The UIDs that have `\Recent`.
        now: Seconds since 1970, for OLDER and YOUNGER.
        read_text: Returns the case-folded text of a message for the kind and the name of a `TextKey`.
    """
    search = _Search(folder, key, uids)
    search.resolve_sequences(saved_uids, recent_uids)
    if search.needs(FlagKey, ModSeqKey):
        yield Call(search.read_flags)
    if search.needs(SizeKey, AgeKey, DateKey):
        yield Call(partial(search.read_facts, now))
    if search.needs(TextKey):
        for leaf in search.list_open_texts():  # one at a time: each may look at all messages
            yield Call(partial(search.read_index, leaf))
    if search.find_open_positions():
        yield Call(search.prepare_contents)
        for batch in search.iterate_batches():
            yield Call(partial(search.read_contents, batch, read_text))
    return search.list_matches()


class _Search:
    """The state of one search: the masks of the leaves of its key."""

    def __init__(self, folder: Folder, key: SearchKey, uids: Sequence[int]) -> None:
        self._folder = folder
        self._key = key
        self._uids = uids
        self._positions = {uid: position for position, uid in enumerate(uids)}
        self._all = self._mask_positions(range(len(uids)))
        self._leaves = list(dict.fromkeys((type(leaf), leaf) for leaf in iterate_leaves(key)))
        # A leaf is here with its type: tuples of two types can be equal.
        self._masks: dict[tuple[type, Leaf], int] = {}
        self._facts: dict[int, tuple[float, int]] = {}  # date and size by position
        self._known: dict[tuple[type, Leaf], bytes] = {}  # the masks as octets, while contents are read
        self._matching: list[int] = []  # positions, by content

    # -- masks -------------------------------------------------------------------------------

    def _mask_positions(self, positions: Iterable[int]) -> int:
        marks = bytearray(len(self._uids))
        for position in positions:
            marks[position] = 1
        return int.from_bytes(marks, "little")

    def _mask_uids(self, uids: Iterable[int]) -> int:
        positions = self._positions
        return self._mask_positions(positions[uid] for uid in uids if uid in positions)

    def _list_positions(self, mask: int) -> list[int]:
        return list(compress(range(len(self._uids)), mask.to_bytes(len(self._uids), "little")))

    def _compute_bounds(self, key: SearchKey) -> tuple[int, int]:
        """Return the messages that match for certain, and those that can still match."""
        if isinstance(key, NotKey):
            certain, possible = self._compute_bounds(key.key)
            return self._all ^ possible, self._all ^ certain
        if isinstance(key, OrKey):
            left, right = self._compute_bounds(key.left), self._compute_bounds(key.right)
            return left[0] | right[0], left[1] | right[1]
        if isinstance(key, AndKey):
            certain = possible = self._all
            for part in key.keys:
                bounds = self._compute_bounds(part)
                certain, possible = certain & bounds[0], possible & bounds[1]
            return certain, possible
        mask = self._masks.get((type(key), key))
        return (0, self._all) if mask is None else (mask, mask)

    def find_open_positions(self) -> list[int]:
        """Return the positions of messages that are not decided."""
        certain, possible = self._compute_bounds(self._key)
        return self._list_positions(certain ^ possible)

    def needs(self, *kinds: type) -> bool:
        """Return whether a leaf of these types is not resolved, and can decide something."""
        return any(kind in kinds for kind, _ in self._list_open_leaves()) and bool(self.find_open_positions())

    def _list_open_leaves(self) -> list[tuple[type, Leaf]]:
        return [item for item in self._leaves if item not in self._masks]

    def list_matches(self) -> list[int]:
        """Return the UIDs of the result."""
        certain, _ = self._compute_bounds(self._key)
        return [
            self._uids[position] for position in self._list_positions(certain | self._mask_positions(self._matching))
        ]

    # -- sequence sets -----------------------------------------------------------------------

    def resolve_sequences(self, saved_uids: Collection[int], recent_uids: Collection[int]) -> None:
        """Resolve what needs no reading: sequence sets and known messages."""
        for kind, leaf in self._leaves:
            if isinstance(leaf, AllKey) or (isinstance(leaf, TextKey) and not leaf.text and leaf.kind != "HEADER"):
                self._masks[kind, leaf] = self._all
            elif isinstance(leaf, SequenceKey):
                self._masks[kind, leaf] = self._mask_sequence(leaf, saved_uids)
            elif isinstance(leaf, FlagKey) and leaf.flag == "\\Recent":
                recent = self._mask_uids(recent_uids)
                self._masks[kind, leaf] = recent if leaf.is_set else self._all ^ recent

    def _mask_sequence(self, key: SequenceKey, saved_uids: Collection[int]) -> int:
        uids = self._uids
        if key.messages.is_saved_result:
            return self._mask_uids(saved_uids)
        marks = bytearray(len(uids))
        for first, last in key.messages.merge_ranges(uids[-1] if key.is_uid and uids else len(uids)):
            start = bisect_left(uids, first) if key.is_uid else first - 1
            end = bisect_right(uids, last) if key.is_uid else min(last, len(uids))
            marks[start:end] = b"\1" * (end - start)
        return int.from_bytes(marks, "little")

    # -- flags -------------------------------------------------------------------------------

    def read_flags(self) -> None:
        """Resolve the flags and MODSEQ."""
        open_positions = self.find_open_positions()
        # If this is most of the messages, it is quicker to read all.
        is_most = 2 * len(open_positions) > len(self._uids)
        uids = None if is_most else [self._uids[position] for position in open_positions]
        leaves = self._list_open_leaves()
        marks = {leaf.flag.upper(): bytearray(len(self._uids)) for _, leaf in leaves if isinstance(leaf, FlagKey)}
        mod_seqs: dict[int, int] = {}
        for message in self._folder.read_flags(uids):
            position = self._positions.get(message.uid)
            if position is None:  # the message is new; the client does not know it yet
                continue
            mod_seqs[position] = message.mod_seq
            for flag in message.flags:
                mark = marks.get(flag.upper())
                if mark is not None:
                    mark[position] = 1
        existing = self._mask_positions(mod_seqs)
        masks = {flag: int.from_bytes(mark, "little") for flag, mark in marks.items()}
        for kind, leaf in leaves:
            if isinstance(leaf, FlagKey):
                mask = masks[leaf.flag.upper()]
                self._masks[kind, leaf] = mask if leaf.is_set else existing & ~mask
            elif isinstance(leaf, ModSeqKey):
                found = (position for position, mod_seq in mod_seqs.items() if mod_seq >= leaf.mod_seq)
                self._masks[kind, leaf] = self._mask_positions(found)

    # -- dates and sizes ---------------------------------------------------------------------

    def read_facts(self, now: float) -> None:
        """Resolve the sizes and the dates of arrival."""
        leaves = [
            leaf
            for _, leaf in self._list_open_leaves()
            if isinstance(leaf, SizeKey | AgeKey) or (isinstance(leaf, DateKey) and not leaf.is_sent)
        ]
        if leaves:
            self._add_facts()
        for leaf in leaves:
            matches = _build_fact_test(leaf, now)
            found = (position for position, (date, size) in self._facts.items() if matches(date, size))
            self._masks[type(leaf), leaf] = self._mask_positions(found)

    def _add_facts(self) -> None:
        missing = [self._uids[position] for position in self.find_open_positions() if position not in self._facts]
        for start in range(0, len(missing), MAX_FACTS_PER_READ):
            uids = missing[start : start + MAX_FACTS_PER_READ]
            for message in self._folder.read_messages(uids, with_content=False):
                self._facts[self._positions[message.uid]] = (message.internal_date, message.size)

    # -- texts -------------------------------------------------------------------------------

    def list_open_texts(self) -> list[TextKey]:
        """Return the texts that an index may resolve."""
        return [leaf for _, leaf in self._list_open_leaves() if isinstance(leaf, TextKey) and leaf.text]

    def read_index(self, leaf: TextKey) -> None:
        """Resolve a text if the folder has an index for it."""
        uids = self._folder.search_text(leaf.kind, leaf.name, leaf.text)
        if uids is not None:
            self._masks[TextKey, leaf] = self._mask_uids(uids)

    def prepare_contents(self) -> None:
        """Read the sizes of messages whose contents are needed."""
        self._add_facts()
        self._known = {item: mask.to_bytes(len(self._uids), "little") for item, mask in self._masks.items()}

    def iterate_batches(self) -> Iterator[list[int]]:
        """Yield positions of messages whose contents are needed, and fit into memory together."""
        batch: list[int] = []
        size = 0
        for position in self.find_open_positions():
            if position not in self._facts:  # the message is gone
                continue
            size += self._facts[position][1]
            if batch and (size > MAX_CONTENT_BYTES_PER_CALL or len(batch) == MAX_MESSAGES_PER_CALL):
                yield batch
                batch, size = [], self._facts[position][1]
            batch.append(position)
        if batch:
            yield batch

    def read_contents(self, positions: Sequence[int], read_text: ReadText) -> None:
        """Read messages, and keep the positions of those that match."""
        uids = [self._uids[position] for position in positions]
        for message in self._folder.read_messages(uids, with_content=True):
            position = self._positions[message.uid]
            if self._matches(self._key, _Candidate(message, position, read_text)):
                self._matching.append(position)

    def _matches(self, key: SearchKey, candidate: _Candidate) -> bool:
        if isinstance(key, NotKey):
            return not self._matches(key.key, candidate)
        if isinstance(key, OrKey):
            return self._matches(key.left, candidate) or self._matches(key.right, candidate)
        if isinstance(key, AndKey):
            return all(self._matches(part, candidate) for part in key.keys)
        known = self._known.get((type(key), key))
        return candidate.matches(key) if known is None else known[candidate.position] == 1


class _Candidate:
    """A message with its content, and its texts that were searched."""

    __slots__ = ("_message", "_read_text", "_texts", "position")

    def __init__(self, message: Message, position: int, read_text: ReadText) -> None:
        self._message = message
        self._read_text = read_text
        self._texts: dict[tuple[str, str], str] = {}
        self.position = position

    def matches(self, leaf: Leaf) -> bool:
        """Return whether a leaf that needs the content matches: a text, or the Date field."""
        if not isinstance(leaf, TextKey):
            return isinstance(leaf, DateKey) and self._matches_sent_date(leaf)
        if not leaf.text:
            return has_field(self._message, leaf.name)
        text = self._texts.get((leaf.kind, leaf.name))
        if text is None:
            text = self._texts[leaf.kind, leaf.name] = self._read_text(self._message, leaf.kind, leaf.name)
        return leaf.text.casefold() in text

    def _matches_sent_date(self, leaf: DateKey) -> bool:
        """Compare the day in the zone of the sender (RFC 9051 6.4.4, SENTON)."""
        envelope = self._message.structure.envelope
        field = envelope.date if envelope else None
        sent = parse_date_field(field.decode("ascii", "replace")) if field else None
        if sent is None:
            return False
        if leaf.comparison == "ON":
            return sent.day == leaf.day
        return sent.day < leaf.day if leaf.comparison == "BEFORE" else sent.day >= leaf.day


def iterate_leaves(key: SearchKey) -> Iterator[Leaf]:
    """Yield the keys that have no other keys within them."""
    waiting: list[SearchKey] = [key]
    while waiting:
        key = waiting.pop()
        if isinstance(key, AndKey):
            waiting.extend(key.keys)
        elif isinstance(key, OrKey):
            waiting.extend((key.left, key.right))
        elif isinstance(key, NotKey):
            waiting.append(key.key)
        else:
            yield key


def _build_fact_test(leaf: SizeKey | AgeKey | DateKey, now: float) -> Callable[[float, int], bool]:
    """Return a function of date and size; days are those of UTC, as INTERNALDATE shows them."""
    if isinstance(leaf, SizeKey):
        limit = leaf.size
        return (lambda _, size: size > limit) if leaf.is_larger else (lambda _, size: size < limit)
    if isinstance(leaf, AgeKey):
        moment = now - leaf.seconds
        return (lambda date, _: date <= moment) if leaf.is_older else (lambda date, _: date >= moment)
    start = (leaf.day.toordinal() - _DAY_OF_1970) * _SECONDS_PER_DAY
    end = start + _SECONDS_PER_DAY
    if leaf.comparison == "ON":
        return lambda date, _: start <= date < end
    return (lambda date, _: date < start) if leaf.comparison == "BEFORE" else (lambda date, _: date >= start)

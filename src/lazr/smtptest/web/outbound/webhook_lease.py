"""Let one of several nodes deliver a webhook, and store the position of the deliveries.

Position and lease are one note in the store, as JSON.  It is changed by compare-and-set: a node whose value is stale
fails to write, and stops to deliver.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, NamedTuple

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.web.outbound.thread_call import call_in_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.store import Store

__all__ = ["LeaseLost", "WebhookLease"]


class LeaseLost(Exception):
    """Another node holds the lease now."""


class _Note(NamedTuple):
    """The stored value: the last delivered number, the lease holder, and when its lease ends."""

    position: int
    holder: str = ""
    expires_at: float = 0.0

    @classmethod
    def parse(cls, text: str) -> _Note:
        values = json.loads(text)
        return cls(int(values["told"]), str(values["teller"]), float(values["until"]))

    def __str__(self) -> str:
        return json.dumps({"told": self.position, "teller": self.holder, "until": self.expires_at})


class WebhookLease:
    """The lease of one webhook, as one node sees it.

    `position` is the number of the last delivered mail; `hold` and `release` store it.

    Args:
        store: keeps the note that all nodes share.
        key: the name of the note.
        seconds: how long the lease is valid without a renewal.
        clock: seconds since 1970, nearly the same on all nodes.
    """

    def __init__(self, store: Store, key: str, *, seconds: float, clock: Callable[[], float]) -> None:
        self.key = key
        self.position: int = 0
        self._store = store
        self._seconds = seconds
        self._clock = clock
        self._node_id = secrets.token_hex(8)
        self._note = _Note(0)
        self._stored_text: str | None = None  # the note as this node last saw it
        self._stored_at = 0.0

    @property
    def is_held_by_other(self) -> bool:
        """Whether another node held the lease at the last `load`, and it has not expired."""
        now = self._clock()
        # A lease that ends later than a whole lease from now was written before a clock was set back: ignore it.
        return self._note.holder not in ("", self._node_id) and now < self._note.expires_at <= now + self._seconds

    async def create(self) -> None:
        """Store the newest mail's number as the first position, unless there is one already."""
        if await call_in_thread(self._store.get_note, self.key) is None:
            latest = await call_in_thread(self._store.get_latest)
            first = _Note(0 if latest is None else latest.number)
            # If another node has stored its position meanwhile, that one stays.
            await call_in_thread(self._store.compare_and_set_note, self.key, str(first), expected=None)

    async def load(self) -> None:
        """Read the position and the holder from the store."""
        self._stored_text = await call_in_thread(self._store.get_note, self.key)
        self._note = _Note(0) if self._stored_text is None else _Note.parse(self._stored_text)
        self.position = self._note.position

    async def hold(self, *, if_older_than: float = 0.0) -> None:
        """Take or renew the lease, and store the position.

        Raises `LeaseLost` if another node has the lease.  With `if_older_than`, do nothing if the last renewal was
        less than these seconds ago.
        """
        if monotonic() - self._stored_at >= if_older_than:
            await self._save(_Note(self.position, self._node_id, self._clock() + self._seconds))

    async def release(self) -> None:
        """Store the position, and let other nodes deliver; raise `LeaseLost` if one does already."""
        await self._save(_Note(self.position))

    async def release_if_held(self) -> None:
        """Release the lease early so another node can take over; do nothing if it is lost.

        The stored position may be newer than the one of this node; the newer one stays.
        """
        text = await call_in_thread(self._store.get_note, self.key)
        note = None if text is None else _Note.parse(text)
        if note is not None and note.holder == self._node_id:
            released = _Note(max(note.position, self.position))
            await call_in_thread(self._store.compare_and_set_note, self.key, str(released), expected=text)

    async def _save(self, note: _Note) -> None:
        is_stored = await call_in_thread(
            self._store.compare_and_set_note, self.key, str(note), expected=self._stored_text
        )
        self._stored_text = str(note)
        self._stored_at = monotonic()
        if not is_stored:
            raise LeaseLost

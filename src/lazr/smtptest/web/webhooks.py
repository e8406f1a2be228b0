"""What is told to a receiver's URL when mail arrives: each mail, in its order, at least once.

What has been told is a number, kept in the store beside the mails: whatever came later is still to be told, also
after a crash.  So there is no queue that could grow, or be lost.  A receiver may be told twice, when we are killed
before the number is kept; `webhook-id` is the same then.

Several nodes may share a store.  The note that has the number also says who is telling, and until when that is so if
nothing more is heard; it is changed only by who knows what it said before.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import secrets as random
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, ParamSpec, TypeVar

from lazr.smtptest.clock import monotonic
from lazr.smtptest.errors import StoreError
from lazr.smtptest.web.backoff import Backoff
from lazr.smtptest.web.outgoing import NotAllowed, NotAnswered
from lazr.smtptest.web.signature import read_secret, signed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lazr.smtptest.store.contract import Change, Entry, Store
    from lazr.smtptest.web.outgoing import Answer, Outgoing

__all__ = ["Webhook"]

_log = logging.getLogger("lazr.smtptest.webhook")

P = ParamSpec("P")
T = TypeVar("T")

# So many mails are looked at in one go, and so often what has been told is kept while there are more.
_PAGE = 100
_KEEP_SECONDS = 1.0

# What an answer means that is not 2xx.  All others: the receiver is not well, and is told again until it is.
_REFUSED = {400, 413, 415, 422}  # it does not want this one; after some attempts the next has its turn
_GONE = 410  # it wants nothing more
_REFUSALS = 5


class _Note(NamedTuple):
    """What the store keeps: the number up to which all is told; who is telling, and until when at most."""

    told: int
    teller: str = ""
    until: float = 0.0

    @classmethod
    def read(cls, text: str) -> _Note:
        said = json.loads(text)
        return cls(int(said["told"]), str(said["teller"]), float(said["until"]))

    def __str__(self) -> str:
        return json.dumps(self._asdict())


class _Gone(Exception):
    """The receiver wants nothing more."""


class _Lost(Exception):
    """Another node is telling now."""


class Webhook:
    """Tells one URL of the mails that arrive from its first start on.

    - `summary`: what is said of a mail, to be written as JSON.
    - `secrets`: the receiver's, in the form `whsec_…`; several while one takes the place of another.
    - `outgoing`: makes the requests, and knows which addresses are allowed.
    - `backoff`: how long to wait after a failure.
    - `lease`: seconds after which another node takes over when nothing is heard of the one that was telling.
    - `clock`: seconds since 1970.

    `delivered` and `passed_over` count since the start; `failure` is what went wrong last, None when all went well.

    Raises `ValueError` for a secret that is none, `NotAllowed` for a URL that is none.
    """

    def __init__(
        self,
        store: Store,
        url: str,
        *,
        summary: Callable[[Entry], object],
        secrets: Sequence[str],
        outgoing: Outgoing,
        backoff: Backoff | None = None,
        lease: float = 30.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not secrets:
            raise ValueError("a webhook needs a secret, or its receiver could not tell it from anybody's")
        outgoing.check(url)
        self._store = store
        self._url = url
        self._summary = summary
        self._keys = [read_secret(secret) for secret in secrets]
        self._outgoing = outgoing
        self._backoff = backoff or Backoff()
        self._lease = lease
        self._clock = clock
        self._key = f"webhook {hashlib.sha256(url.encode()).hexdigest()[:32]}"
        self._name = random.token_hex(8)
        self._told = 0
        self._kept: str | None = None  # the note as we last saw it
        self._kept_at = 0.0
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._leave: Callable[[], None] | None = None
        self.delivered: int = 0
        self.passed_over: int = 0
        self.failure: str | None = None

    async def start(self) -> None:
        """Begin; all that arrives after this has returned is told.  Raises `StoreError`."""
        loop = asyncio.get_running_loop()

        def heard(change: Change) -> None:
            if change.kind == "new":
                with suppress(RuntimeError):  # the loop is closed: there is nobody to be woken
                    loop.call_soon_threadsafe(self._wake.set)

        if await self._ask(self._store.recall, self._key) is None:
            latest = await self._ask(self._store.latest)
            first = _Note(0 if latest is None else latest.number)
            # Where another node was quicker, it knows better.
            await self._ask(self._store.remember, self._key, str(first), instead_of=None)
        self._leave = self._store.subscribe(heard)
        self._wake.set()
        self._task = asyncio.create_task(self._run(), name="webhook")

    async def stop(self) -> None:
        """End, and keep what has been told.  Stopping before the start, or twice, does no harm."""
        if self._leave is not None:
            self._leave()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        with suppress(StoreError):
            await self._release()

    # -- the task ------------------------------------------------------------------------------

    async def _run(self) -> None:
        trouble = Backoff(first=1, longest=self._lease)
        while True:
            try:
                await self._tell_all()
                trouble.reset()
                # Another node may have been telling, and be gone by then.
                wait = self._lease / 3
            except _Lost:
                wait = self._lease / 3
            except _Gone:
                _log.error("%s answered 410 Gone; it is told nothing more until the next start", self._url)
                return
            # What is still to be told is not forgotten by either.
            except StoreError as error:
                self.failure = str(error)
                _log.warning("webhook: %s", error)
                wait = trouble.next()
            except Exception as error:  # noqa: BLE001 - it is in the log, and tried again
                _log.exception("webhook")
                self.failure = f"{type(error).__name__}: {error}"
                wait = trouble.next()
            # Not `wait_for`, which in Python 3.11 may lose that we are to stop.
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            self._wake.clear()

    async def _tell_all(self) -> None:
        """Tell what is there, if nobody else is telling."""
        while True:
            text = await self._ask(self._store.recall, self._key)
            note = _Note(0) if text is None else _Note.read(text)
            entries = await self._ask(self._store.after, note.told, limit=_PAGE)
            if not entries:
                return
            now = self._clock()
            # A clock that was set back would make it very long; nobody says more than a lease.
            if note.teller not in ("", self._name) and now < note.until <= now + self._lease:
                return
            self._told, self._kept = note.told, text
            await self._keep(teller=self._name)
            for entry in entries:
                await self._tell(entry)
                self._told = entry.number
                if monotonic() - self._kept_at >= _KEEP_SECONDS:
                    await self._keep(teller=self._name)
            await self._keep(teller="")

    async def _tell(self, entry: Entry) -> None:
        """Tell one; return when it is told, or not wanted."""
        try:
            body = json.dumps(self._summary(entry), ensure_ascii=False).encode("utf-8", "replace")
        except Exception as error:  # noqa: BLE001 - P7: `summary` is somebody's function
            _log.exception("webhook: %s is passed over, as nothing can be said of it", entry.id)
            self.failure = f"{type(error).__name__}: {error}"
            self.passed_over += 1
            return
        refusals = 0
        while True:
            at_least = 0.0
            headers = {"Content-Type": "application/json", "User-Agent": "lazr.smtptest"}
            headers |= signed(self._keys, f"msg_{entry.id}", self._clock(), body)
            try:
                answer = await self._outgoing.ask("POST", self._url, headers=headers, content=body)
            except (NotAllowed, NotAnswered) as error:
                self.failure = str(error)
            else:
                if 200 <= answer.status < 300:
                    self.delivered += 1
                    self.failure = None
                    self._backoff.reset()
                    return
                if answer.status == _GONE:
                    raise _Gone
                self.failure = f"the answer was {answer.status}"
                refusals += answer.status in _REFUSED
                at_least = _retry_after(answer)
            if refusals >= _REFUSALS:
                _log.error("webhook: %s is passed over: %s", entry.id, self.failure)
                self.passed_over += 1
                self._backoff.reset()
                return
            wait = self._backoff.next(at_least)
            _log.warning("webhook: %s for %s; again in %.1f s", self.failure, entry.id, wait)
            await self._pause(wait)

    async def _pause(self, seconds: float) -> None:
        """Wait, and let the other nodes hear of us meanwhile."""
        while seconds > 0:
            step = min(seconds, self._lease / 3)
            await asyncio.sleep(step)
            seconds -= step
            if monotonic() - self._kept_at >= self._lease / 4:
                await self._keep(teller=self._name)

    # -- the note ------------------------------------------------------------------------------

    async def _keep(self, *, teller: str) -> None:
        """Have the store know how far we are; raises `_Lost` where somebody else has told it something."""
        note = str(_Note(self._told, teller, self._clock() + self._lease if teller else 0.0))
        kept = await self._ask(self._store.remember, self._key, note, instead_of=self._kept)
        self._kept = note
        self._kept_at = monotonic()
        if not kept:
            raise _Lost

    async def _release(self) -> None:
        """Whoever is next need not wait until the lease is over.  What the note says may be newer than we know."""
        text = await self._ask(self._store.recall, self._key)
        note = None if text is None else _Note.read(text)
        if note is not None and note.teller == self._name:
            after = str(_Note(max(note.told, self._told)))
            await self._ask(self._store.remember, self._key, after, instead_of=text)

    async def _ask(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask the store, in a thread; when we are stopped meanwhile, we stop when it has answered."""
        asked = asyncio.ensure_future(asyncio.to_thread(call, *args, **kwargs))
        try:
            return await asyncio.shield(asked)
        except asyncio.CancelledError:
            await asyncio.wait([asked])
            raise


def _retry_after(answer: Answer) -> float:
    """RFC 9110 10.2.3, in seconds; the other form, a date, is passed over."""
    said = answer.headers.get("retry-after", "")
    return float(said) if said.isascii() and said.isdigit() and len(said) < 10 else 0.0

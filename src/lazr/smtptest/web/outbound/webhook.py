"""Deliver a webhook: POST each new mail to a URL, in order, at least once.

The position of the deliveries is a number that is kept in the store beside the mails: all mails with a higher number
are still to be delivered, also after a crash.  So there is no queue that could grow or be lost.  If the process is
killed before a number is stored, the receiver gets that mail twice, with the same `webhook-id`.

Several nodes may share a store; `webhook_lease` lets one of them deliver.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from lazr.smtptest.errors import StoreError
from lazr.smtptest.web.outbound.backoff import Backoff
from lazr.smtptest.web.outbound.errors import RequestFailed, UrlNotAllowed
from lazr.smtptest.web.outbound.thread_call import call_in_thread
from lazr.smtptest.web.outbound.webhook_lease import LeaseLost, WebhookLease
from lazr.smtptest.web.outbound.webhook_signature import read_secret, sign

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lazr.smtptest.store import Change, Entry, Store
    from lazr.smtptest.web.outbound.http_client import HttpResponse, OutboundClient

__all__ = ["Webhook"]

_log = logging.getLogger("lazr.smtptest.webhook")

_MAX_MAILS_PER_BATCH = 100
_SAVE_INTERVAL_SECONDS = 1.0  # how often the position is stored during a batch

# After any other status but 2xx the receiver counts as failing, and the same mail is sent until it succeeds.
_REJECTED_STATUSES = {400, 413, 415, 422}  # the receiver rejects this mail; it is skipped after some attempts
_GONE_STATUS = 410  # the receiver accepts no mail any more
_MAX_REJECTIONS = 5


class _ReceiverGone(Exception):
    """The receiver answered 410 Gone."""


class Webhook:
    """Deliver to one URL all mails that arrive after its first start.

    Mails that IMAP users put into their folders are left out.

    Args:
        store: the open store with the mails.
        url: where each mail is sent by POST.
        summary: returns the content that is sent for a mail, as a value for JSON.
        secrets: the secrets that sign a delivery, as `new_secret` makes them; several while one replaces another.
        client: sends the requests, and decides which addresses are allowed.
        backoff: the delays after failed deliveries; by default from 1 second to 5 minutes.
        lease: seconds without a renewal after which another node takes over, 30 by default.
        clock: seconds since 1970.

    `delivered_count` and `skipped_count` count mails since the start.  `last_error` is the error of the last attempt,
    and None after a success.

    Raises:
        ValueError: there is no secret, or one is invalid.
        UrlNotAllowed: the URL is invalid.
    """

    def __init__(
        self,
        store: Store,
        url: str,
        *,
        summary: Callable[[Entry], object],
        secrets: Sequence[str],
        client: OutboundClient,
        backoff: Backoff | None = None,
        lease: float = 30.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not secrets:
            raise ValueError("secrets must have at least one secret, by which the receiver recognizes the sender")
        client.check_url(url)
        self._store = store
        self._url = url
        self._summary = summary
        self._signing_keys = [read_secret(secret) for secret in secrets]
        self._client = client
        self._backoff = backoff or Backoff()
        self._lease_seconds = lease
        self._clock = clock
        note_key = f"webhook {hashlib.sha256(url.encode()).hexdigest()[:32]}"
        self._lease = WebhookLease(store, note_key, seconds=lease, clock=clock)
        self._new_mail = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self.delivered_count: int = 0
        self.skipped_count: int = 0
        self.last_error: str | None = None

    async def start(self) -> None:
        """Start; mails that arrive after this has returned are delivered.  Raises `StoreError`."""
        loop = asyncio.get_running_loop()

        def wake_on_new_mail(change: Change) -> None:
            if change.kind == "new":
                with suppress(RuntimeError):  # the loop is closed
                    loop.call_soon_threadsafe(self._new_mail.set)

        await self._lease.create()
        self._unsubscribe = self._store.subscribe(wake_on_new_mail)
        self._new_mail.set()
        self._task = asyncio.create_task(self._run(), name="webhook")

    async def stop(self) -> None:
        """Stop, and store the position; do nothing if it is not running."""
        if self._unsubscribe is not None:
            self._unsubscribe()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        with suppress(StoreError):
            await self._lease.release_if_held()

    # -- the task ------------------------------------------------------------------------------

    async def _run(self) -> None:
        store_backoff = Backoff(initial_delay=1, max_delay=self._lease_seconds)
        while True:
            try:
                await self._deliver_all()
                store_backoff.reset()
                # Another node may hold the lease, and end without a release.
                delay = self._lease_seconds / 3
            except LeaseLost:
                delay = self._lease_seconds / 3
            except _ReceiverGone:
                _log.error("%s answered 410 Gone; nothing more is delivered to it until the next start", self._url)
                return
            # After other errors the position stays, so nothing is lost.
            except StoreError as error:
                self.last_error = str(error)
                _log.warning("webhook: %s", error)
                delay = store_backoff.get_next_delay()
            except Exception as error:  # noqa: BLE001 - logged, and tried again
                _log.exception("webhook")
                self.last_error = f"{type(error).__name__}: {error}"
                delay = store_backoff.get_next_delay()
            # Not `wait_for`: in Python 3.11 it can swallow a cancellation.
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._new_mail.wait()
            self._new_mail.clear()

    async def _deliver_all(self) -> None:
        """Deliver what the store has after the position, unless another node holds the lease."""
        lease = self._lease
        while True:
            await lease.load()
            entries = await call_in_thread(self._store.get_entries_after, lease.position, limit=_MAX_MAILS_PER_BATCH)
            if not entries or lease.is_held_by_other:
                return
            await lease.hold()
            for entry in entries:
                if not entry.folder:  # otherwise an IMAP client has put it there
                    await self._deliver(entry)
                lease.position = entry.number
                await lease.hold(if_older_than=_SAVE_INTERVAL_SECONDS)
            await lease.release()

    async def _deliver(self, entry: Entry) -> None:
        """Send one mail until the receiver accepts it, or has rejected it too often."""
        try:
            body = json.dumps(self._summary(entry), ensure_ascii=False).encode("utf-8", "replace")
        except Exception as error:  # noqa: BLE001 - `summary` is a callable of the application
            _log.exception("webhook: %s is skipped, because its summary failed", entry.id)
            self.last_error = f"{type(error).__name__}: {error}"
            self.skipped_count += 1
            return
        rejections = 0
        while True:
            min_delay = 0.0
            headers = {"Content-Type": "application/json", "User-Agent": "lazr.smtptest"}
            headers |= sign(self._signing_keys, f"msg_{entry.id}", self._clock(), body)
            try:
                response = await self._client.request("POST", self._url, headers=headers, content=body)
            except (UrlNotAllowed, RequestFailed) as error:
                self.last_error = str(error)
            else:
                if 200 <= response.status < 300:
                    self.delivered_count += 1
                    self.last_error = None
                    self._backoff.reset()
                    return
                if response.status == _GONE_STATUS:
                    raise _ReceiverGone
                self.last_error = f"the answer was {response.status}"
                rejections += response.status in _REJECTED_STATUSES
                min_delay = _parse_retry_after(response)
            if rejections >= _MAX_REJECTIONS:
                _log.error("webhook: %s is skipped: %s", entry.id, self.last_error)
                self.skipped_count += 1
                self._backoff.reset()
                return
            delay = self._backoff.get_next_delay(min_delay)
            _log.warning("webhook: %s for %s; again in %.1f s", self.last_error, entry.id, delay)
            await self._sleep_keeping_lease(delay)

    async def _sleep_keeping_lease(self, seconds: float) -> None:
        """Sleep, and renew the lease meanwhile."""
        while seconds > 0:
            step = min(seconds, self._lease_seconds / 3)
            await asyncio.sleep(step)
            seconds -= step
            await self._lease.hold(if_older_than=self._lease_seconds / 4)


def _parse_retry_after(response: HttpResponse) -> float:
    """Return the seconds of Retry-After (RFC 9110 10.2.3); 0 if it is absent, or a date."""
    value = response.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0.0

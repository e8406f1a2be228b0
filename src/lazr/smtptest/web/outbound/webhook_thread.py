"""Run webhooks in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from lazr.smtptest.errors import StoreError
from lazr.smtptest.net import create_loop
from lazr.smtptest.web.outbound.webhook import Webhook

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lazr.smtptest.store import Entry, Store
    from lazr.smtptest.web.outbound.http_client import OutboundClient

__all__ = ["WebhookThread"]

_log = logging.getLogger("lazr.smtptest.webhook")

# How long deliveries in flight may take at shutdown; unfinished ones are repeated at the next start.
_STOP_TIMEOUT_SECONDS = 3.0
_START_RETRY_SECONDS = 1.0


class WebhookThread:
    """Deliver each mail to all these URLs while the `with` block is active.

    The store must be open.  Without URLs it does nothing.

    Args:
        store: the store with the mails.
        urls: where the mails are sent.
        secret: signs the deliveries, as `new_secret` makes it.
        summary: returns the content that is sent for a mail, as a value for JSON.
        client: sends the requests.

    Raises:
        ValueError: there are URLs but no secret, or the secret is invalid.
        UrlNotAllowed: a URL is invalid.
    """

    def __init__(
        self,
        store: Store,
        urls: Sequence[str],
        *,
        secret: str,
        summary: Callable[[Entry], object],
        client: OutboundClient,
    ) -> None:
        if urls and not secret:
            raise ValueError(
                "a webhook must have a secret of whsec_ and 24 to 64 bytes in base64, got none; "
                "`smtptest secret` makes one for --webhook-secret"
            )

        def make_webhook(url: str) -> Webhook:
            return Webhook(store, url, summary=summary, secrets=[secret], client=client)

        for url in urls:
            make_webhook(url)  # raises for invalid settings before the thread starts
        self._urls = urls
        self._make_webhook = make_webhook
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run_thread, name="smtptest webhooks", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_requested: asyncio.Event

    def __enter__(self) -> Self:
        if self._urls:
            self._thread.start()
            self._started.wait()
        return self

    def __exit__(self, *error: object) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._stop_requested.set)
            self._thread.join(_STOP_TIMEOUT_SECONDS)

    def _run_thread(self) -> None:
        with asyncio.Runner(loop_factory=lambda: create_loop("asyncio")) as runner:
            runner.run(self._run_webhooks())

    async def _run_webhooks(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop_requested = asyncio.Event()
        webhooks = [self._make_webhook(url) for url in self._urls]
        try:
            for webhook in webhooks:
                await self._start_with_retry(webhook)
        finally:
            self._started.set()
        await self._stop_requested.wait()
        for webhook in webhooks:
            await webhook.stop()

    async def _start_with_retry(self, webhook: Webhook) -> None:
        while not self._stop_requested.is_set():
            try:
                await webhook.start()
            except StoreError as error:
                _log.warning("webhook: %s", error)
                self._started.set()  # `__enter__` does not wait until the store is available
                with suppress(TimeoutError):
                    async with asyncio.timeout(_START_RETRY_SECONDS):
                        await self._stop_requested.wait()
            else:
                return

"""Webhooks in a thread with a loop of their own, so that no receiver holds anything up."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from lazr.smtptest.errors import StoreError
from lazr.smtptest.web.webhooks import Webhook

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lazr.smtptest.store.contract import Entry, Store
    from lazr.smtptest.web.outgoing import Outgoing

__all__ = ["Telling"]

_log = logging.getLogger("lazr.smtptest.webhook")

# A receiver has so many seconds to answer when we stop; who has not answered is told again at the next start.
_GRACE = 3.0
_AGAIN = 1.0


class Telling:
    """Tells these URLs of each mail; use it by `with`, while the store is open.  Without URLs it does nothing.

    Raises `ValueError` and `NotAllowed` as `Webhook` does.
    """

    def __init__(
        self,
        store: Store,
        urls: Sequence[str],
        *,
        secret: str,
        summary: Callable[[Entry], object],
        outgoing: Outgoing,
    ) -> None:
        if urls and not secret:
            raise ValueError("a webhook needs a secret: --webhook-secret whsec_ and 24 to 64 octets in base64")
        self._urls = urls

        def make(url: str) -> Webhook:
            return Webhook(store, url, summary=summary, secrets=[secret], outgoing=outgoing)

        self._make = make
        for url in urls:
            self._make(url)  # what is wrong with it is said before anything starts
        self._begun = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="smtptest webhooks", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event

    def __enter__(self) -> Self:
        if self._urls:
            self._thread.start()
            self._begun.wait()
        return self

    def __exit__(self, *error: object) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(_GRACE)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        hooks = [self._make(url) for url in self._urls]
        try:
            for hook in hooks:
                await self._start(hook)
        finally:
            self._begun.set()
        await self._stop.wait()
        for hook in hooks:
            await hook.stop()

    async def _start(self, hook: Webhook) -> None:
        while not self._stop.is_set():
            try:
                await hook.start()
            except StoreError as error:
                _log.warning("webhook: %s", error)
                self._begun.set()  # the store answers some time; nobody waits for that
                with suppress(TimeoutError):
                    async with asyncio.timeout(_AGAIN):
                        await self._stop.wait()
            else:
                return

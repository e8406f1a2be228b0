"""What happens, told over a websocket as it happens."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.concurrency import run_in_threadpool

from lazr.smtptest import __version__
from lazr.smtptest.clock import monotonic
from lazr.smtptest.errors import StoreError
from lazr.smtptest.web.answers import encoded
from lazr.smtptest.web.ear import Ear
from lazr.smtptest.web.scope import Scoped
from lazr.smtptest.web.shapes import summary_of

if TYPE_CHECKING:
    from lazr.smtptest.store.contract import Change
    from lazr.smtptest.web.scope import Scope

__all__ = ["frames", "router"]

router: APIRouter = APIRouter()

# Totals are told so often at most, in seconds; a client that takes longer than that to read a frame is dropped.
_STATS = 0.25
_PATIENCE = 10.0

_TOO_SLOW = 1013  # RFC 6455 7.4.1 and IANA: try again later


@router.websocket("/api/events")
async def events(websocket: WebSocket, scope: Scoped) -> None:
    """Text frames of `{"Type": …, "Data": …}`; what the client says is not listened to."""
    with Ear(scope) as ear:
        await websocket.accept()
        telling = asyncio.ensure_future(_tell(websocket, scope, ear))
        gone = asyncio.ensure_future(_until_gone(websocket))
        try:
            await asyncio.wait({telling, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (telling, gone):
                task.cancel()
            await asyncio.gather(telling, gone, return_exceptions=True)


async def _until_gone(websocket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return


async def _tell(websocket: WebSocket, scope: Scope, ear: Ear) -> None:
    stats_due: float | None = monotonic()
    while not ear.leaving:
        changes = await ear.listen(None if stats_due is None else max(stats_due - monotonic(), 0))
        try:
            for change in changes:
                for frame in await run_in_threadpool(frames, change, scope):
                    await _send(websocket, frame)
            if changes and stats_due is None:
                stats_due = monotonic() + _STATS
            if stats_due is not None and monotonic() >= stats_due:
                stats_due = None
                await _send(websocket, await run_in_threadpool(_stats, scope))
        except StoreError as error:
            told = {"Level": "error", "Type": "store", "IP": "", "Message": str(error)}
            await _send(websocket, _frame("error", told))
        except TimeoutError:
            ear.overrun = True
        if ear.overrun:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await websocket.close(_TOO_SLOW)
            return


async def _send(websocket: WebSocket, frame: str) -> None:
    async with asyncio.timeout(_PATIENCE):
        await websocket.send_text(frame)


def frames(change: Change, scope: Scope) -> list[str]:
    """What a client is told of a change, in Mailpit's words."""
    if change.kind in ("prune", "truncate"):
        return [_frame(change.kind, None)]
    if change.kind == "delete":
        if scope.mailbox is not None:  # whose they were cannot be asked any more: the client is to look for itself
            return [_frame("prune", None)]
        return [_frame("delete", {"ID": name}) for name in change.ids]
    entries = [entry for entry in map(scope.entry, change.ids) if entry is not None]
    if change.kind == "new":
        return [_frame("new", summary_of(entry, "event")) for entry in entries]
    if change.kind == "tags":
        return [_frame("update", {"ID": entry.id, "Tags": list(entry.tags)}) for entry in entries]
    return [_frame("update", {"ID": entry.id, "Read": change.kind == "read"}) for entry in entries]


def _stats(scope: Scope) -> str:
    totals = scope.totals()
    return _frame("stats", {"Total": totals.mails, "Unread": totals.unread, "Version": __version__})


def _frame(kind: str, data: Any) -> str:
    return encoded({"Type": kind, "Data": data}, end="").encode("utf-8", "replace").decode("utf-8")

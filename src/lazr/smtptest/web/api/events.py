"""Send the changes of the store over a websocket."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from lazr.smtptest.web.api.access_scope import AccessScopeDep
from lazr.smtptest.web.api.event_hub import get_event_hub
from lazr.smtptest.web.api.event_listener import CLOSE_POLICY_VIOLATION, EventListener

if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.web.middleware import Authenticator

__all__ = ["router"]

router: APIRouter = APIRouter()

_SESSION_CHECK_SECONDS = 5.0


@router.websocket("/api/events")
async def stream_events(websocket: WebSocket, scope: AccessScopeDep) -> None:
    """Send text frames of `{"Type": …, "Data": …}`; ignore frames of the client.

    The websocket of a browser that has logged in is closed when its session ends.
    """
    listener = EventListener(websocket)
    hub = get_event_hub(scope.app_context)
    hub.join(scope, listener)
    remove_callback = scope.app_context.add_shutdown_callback(_build_shutdown_callback(listener))
    try:
        await websocket.accept()
        sender = asyncio.ensure_future(listener.run())
        receiver = asyncio.ensure_future(_wait_for_disconnect(websocket))
        watcher = asyncio.ensure_future(_close_after_session(websocket, listener))
        try:
            await asyncio.wait({sender, receiver}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sender, receiver, watcher):
                task.cancel()
            await asyncio.gather(sender, receiver, watcher, return_exceptions=True)
    except WebSocketDisconnect:  # the client did not wait for the answer
        return
    finally:
        remove_callback()
        hub.leave(scope, listener)


def _build_shutdown_callback(listener: EventListener) -> Callable[[], None]:
    """Return a function that ends the websocket, from any thread."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(listener.stop)

    return stop


async def _close_after_session(websocket: WebSocket, listener: EventListener) -> None:
    """Close a websocket when the session of its cookie ends, by a logout or by its age.

    Return at once if the websocket has other credentials, or none.
    """
    authenticator: Authenticator = websocket.state.authenticator
    if not authenticator.is_session_request(websocket.scope):
        return
    while True:
        await asyncio.sleep(_SESSION_CHECK_SECONDS)
        if not authenticator.is_session_request(websocket.scope):
            listener.close(CLOSE_POLICY_VIOLATION)
            return


async def _wait_for_disconnect(websocket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return

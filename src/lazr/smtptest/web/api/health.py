"""Health probes: whether the process is alive, and whether it can receive mail."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from fastapi import APIRouter, Request
from starlette.responses import Response

from lazr.smtptest.errors import StoreError
from lazr.smtptest.web.responses import text_response

if TYPE_CHECKING:
    from lazr.smtptest.web.app_context import AppContext

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["health"])

# Below the time limits of common health checks.
_PROBE_TIMEOUT_SECONDS = 1.5

_running_probes: WeakKeyDictionary[AppContext, Future[bool]] = WeakKeyDictionary()
_probes_lock = threading.Lock()


@router.get("/livez")
async def is_alive() -> Response:  # in the event loop: other requests may hold all threads
    """Return 200 while the process responds.  Needs no credentials."""
    return text_response("")


@router.get("/readyz", responses={503: {"description": "The server cannot receive mail now"}})
async def is_ready(request: Request) -> Response:
    """Return 200 while the server can receive and store mail, else 503.  Needs no credentials.

    The answer takes at most 2 seconds.
    """
    probe = asyncio.wrap_future(_start_probe(request.app.state.app_context))
    done, _ = await asyncio.wait([probe], timeout=_PROBE_TIMEOUT_SECONDS)
    ready = bool(done) and probe.result()
    return text_response("") if ready else text_response("Service Unavailable\n", 503)


def _start_probe(app_context: AppContext) -> Future[bool]:
    """Return the result of a probe in a thread of its own; of the running one if there is one.

    A store that does not respond blocks one thread, however often it is probed.
    """
    with _probes_lock:
        running = _running_probes.get(app_context)
        if running is not None:
            return running
        result: Future[bool] = Future()
        _running_probes[app_context] = result

    def run() -> None:
        try:
            ready = _probe(app_context)
        except StoreError:
            ready = False
        except BaseException as error:  # noqa: BLE001 - the request gets it
            _end_probe(app_context)
            result.set_exception(error)
            return
        _end_probe(app_context)
        result.set_result(ready)

    threading.Thread(target=run, name="smtptest readiness probe", daemon=True).start()
    return result


def _end_probe(app_context: AppContext) -> None:
    with _probes_lock:
        _running_probes.pop(app_context, None)


def _probe(app_context: AppContext) -> bool:
    app_context.store.get_note("readyz")  # raises StoreError when the store is unavailable
    return app_context.server.running and app_context.store.has_room(0)

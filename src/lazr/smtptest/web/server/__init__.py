"""The HTTP server: uvicorn in a thread, with deadlines and limits for connections."""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.web.server.uvicorn_protocols import (
        HttpProtocol,
        WebSocketProtocol,
        make_uvicorn_config,
    )
    from lazr.smtptest.web.server.web_server import WebServer

__all__ = [
    "HttpProtocol",
    "WebServer",
    "WebSocketProtocol",
    "make_uvicorn_config",
]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "lazr.smtptest.web.server.uvicorn_protocols": (
            "HttpProtocol",
            "WebSocketProtocol",
            "make_uvicorn_config",
        ),
        "lazr.smtptest.web.server.web_server": ("WebServer",),
    },
)

"""The middleware stack as a whole: its order, and what passes all layers alike."""

import contextlib
import json
import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from lazr.smtptest.web.middleware import stack
from lazr.smtptest.web.middleware.stack import Guard
from tests.helpers.raw_http import (
    PATH_SPELLINGS,
    open_websocket,
    send_request,
    serve_app,
)

ROOT = Path(__file__).parents[3]
FILES_WITH_OPTIONS = [
    "docs/how-to/security.md",
    "docs/how-to/webhooks.md",
    *(
        f"src/lazr/smtptest/web/{name}.py"
        for name in (
            "middleware/trusted_host",
            "middleware/cors",
            "middleware/exposure",
            "outbound/network_backend",
            "outbound/webhook_thread",
        )
    ),
]


def list_layers(app):
    """Return the class names of a middleware stack, from the outermost to the innermost."""
    names = []
    while isinstance(app, Guard) or type(app).__name__.endswith("Middleware"):
        names.append(type(app).__name__)
        app = app.app
    return names


def test_docstring_lists_the_layers_in_their_order():
    documented = re.findall(r"^\d+\. `(\w+)`", stack.__doc__, re.MULTILINE)

    assert documented == list_layers(Guard(PlainTextResponse("")))[1:]
    assert [int(number) for number in re.findall(r"^(\d+)\. ", stack.__doc__, re.MULTILINE)] == list(range(1, 10))


@pytest.mark.parametrize("target", PATH_SPELLINGS)
def test_no_spelling_of_a_path_bypasses_the_stack(guarded, target):
    address = guarded()

    assert open_websocket(address, target, host="localhost:8025", origin="http://evil.test").status in (400, 403)
    assert send_request(address, target, "DELETE", origin="http://evil.test").status in (400, 403)
    assert open_websocket(address, target, host="evil.test").status in (400, 421)


def test_lifespan_reaches_the_application(guarded):
    events = []

    @contextlib.asynccontextmanager
    async def lifespan(app):
        events.append("up")
        yield {"from": "lifespan"}
        events.append("down")

    async def state(request):
        return JSONResponse({"from": request.state._state["from"], "user": request.state.user})

    app = Guard(Starlette(routes=[Route("/", state)], lifespan=lifespan))
    with serve_app(app, lifespan="on") as address:
        assert json.loads(send_request(address, "/").body) == {"from": "lifespan", "user": None}
    assert events == ["up", "down"]


@pytest.mark.parametrize("path", FILES_WITH_OPTIONS)
def test_options_in_messages_and_docs_exist(path):
    from lazr.smtptest.cli.app import build_command

    options = {option for parameter in build_command().commands["serve"].params for option in parameter.opts}
    quoted = set(re.findall(r"--[a-z]+(?:-[a-z]+)*", (ROOT / path).read_text("utf-8")))

    assert quoted and quoted <= options

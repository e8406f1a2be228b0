"""The description of the API in OpenAPI 3: what the framework makes of the routes, and what it cannot know.

It believes that each argument that makes no sense is answered 422, and that what is no JSON has no type; and it has not
heard of what stands in front of the routes (`guard.py`).  Errors are a table here, so that no route can forget one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi.openapi.utils import get_openapi

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

__all__ = ["described"]

_OPEN = ("/livez", "/readyz")
# Those that a mailbox's token does not open.
_WHOLE = ("/api/v1/rules", "/api/v1/presets", "/api/v1/chaos", "/api/v1/sessions", "/metrics")


class _Route(NamedTuple):
    path: str
    method: str
    operation: dict[str, Any]

    @property
    def takes_something(self) -> bool:
        return bool(self.operation.get("parameters")) or "requestBody" in self.operation

    @property
    def names_something(self) -> bool:
        """A mail, a part, a rule, a session; a tag that is not there is 400, as in Mailpit."""
        return "{" in self.path and "{tag}" not in self.path

    @property
    def keeps(self) -> bool:
        """Whether the store is asked."""
        return not self.path.startswith(_WHOLE[:4]) and self.path not in ("/livez", "/api/v1/webui")


# What is answered instead, the reason, and by which routes.
_ERRORS: tuple[tuple[int, str, Callable[[_Route], bool]], ...] = (
    (400, "It makes no sense; the text says why", lambda route: route.takes_something),
    (401, "Credentials are missing or wrong", lambda route: route.path not in _OPEN),
    (403, "A page of another site asks, or a mailbox's token for what is not its own", lambda route: True),
    (404, "There is no such thing", lambda route: route.names_something),
    (408, "The search, or the request's body, took too long", lambda route: route.keeps or route.takes_something),
    (413, "The body is too large", lambda route: "requestBody" in route.operation),
    (421, "The server is not called what `Host` says", lambda route: True),
    (429, "There were too many wrong passwords", lambda route: route.path not in _OPEN),
    (503, "The store is away, or there is too much at once", lambda route: True),
    (507, "The store is full", lambda route: route.keeps and route.method != "get"),
)

_CREDENTIALS = {
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "A user of --auth-file; or any name, with a mailbox's token",
    },
    "bearer": {"type": "http", "scheme": "bearer", "description": "A mailbox's token"},
}
_TEXT = {"text/plain": {"schema": {"type": "string"}}}
_ERROR = {
    "application/json": {
        "schema": {"type": "object", "properties": {"Error": {"type": "string"}}, "required": ["Error"]}
    }
}


def described(app: FastAPI) -> dict[str, Any]:
    """The description, made once."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        for path, methods in made["paths"].items():
            for method, operation in methods.items():
                _correct(_Route(path, method, operation))
        shapes = made["components"]["schemas"]
        for unused in ("HTTPValidationError", "ValidationError"):
            shapes.pop(unused, None)
        made["components"]["securitySchemes"] = _CREDENTIALS
        app.openapi_schema = made
    return app.openapi_schema


def _correct(route: _Route) -> None:
    operation = route.operation
    # What a reader of a list sees is the docstring's first sentence, not the function's name.
    first = re.split(r"[.;:]\s|\.$|\n\n", operation.get("description", ""), maxsplit=1)[0]
    operation["summary"] = " ".join(first.split())
    answers = operation["responses"]
    answers.pop("422", None)
    for status, answer in answers.items():
        content = answer.setdefault("content", {})
        if content.get("application/json", {}).get("schema") == {}:
            del content["application/json"]
            if not content and status == "200":
                content.update(_TEXT)
        for one in content.values():
            one.setdefault("schema", {"type": "string"})
        if status == "302":
            answer["headers"] = {"Location": {"schema": {"type": "string"}}}
    for code, reason, applies in _ERRORS:
        if applies(route):
            answer = answers.setdefault(str(code), {"description": reason})
            if not answer.get("content"):
                answer["content"] = _ERROR if route.path == "/api/v1/send" and code in (400, 413) else _TEXT
    operation["responses"] = dict(sorted(answers.items()))
    if route.path not in _OPEN:
        operation["security"] = [{}, *({name: list[str]()} for name in _CREDENTIALS)]

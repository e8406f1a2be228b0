"""The OpenAPI 3 document of the REST API.

FastAPI makes it from the routes.  This module corrects what FastAPI cannot know: invalid parameters are answered 400,
not 422, many responses are not JSON, and the middleware before the routes has responses of its own.  The errors are in
one table, so that no route can omit one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import APIRouter, Request
from fastapi.openapi.utils import get_openapi
from starlette.responses import Response

from lazr.smtptest.web.api.access_scope import AccessScopeDep
from lazr.smtptest.web.middleware import LOGIN_PATHS, PUBLIC_PATHS, get_webroot
from lazr.smtptest.web.responses import json_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

__all__ = ["build_openapi", "router"]

router: APIRouter = APIRouter()

_PROBE_PATHS = frozenset(path.decode() for path in PUBLIC_PATHS)
_UNAUTHENTICATED_PATHS = _PROBE_PATHS | {path.decode() for path in LOGIN_PATHS}
_PATHS_WITHOUT_STORE = ("/livez", "/api/v1/webui", "/api/v1/ca.pem", "/api/v1/login", "/api/v1/logout")
# These routes do not use the store.
_RULE_PATHS = (
    "/api/v1/rules",
    "/api/v1/notifications",
    "/api/v1/presets",
    "/api/v1/chaos",
    "/api/v1/sessions",
    "/api/v1/mailboxes",
    "/api/v2/jim",
    "/api/v2/outgoing",
)


@router.get("/openapi.json", include_in_schema=False)
@router.get("/api/v1/swagger.json", include_in_schema=False)  # Mailpit has Swagger 2 at this path
def get_openapi_document(_scope: AccessScopeDep, request: Request) -> Response:
    """Return the OpenAPI 3 document of this API."""
    document = request.app.openapi()
    if webroot := get_webroot(request.scope):
        document = {**document, "servers": [{"url": webroot}]}
    return json_response(document)


class _Route(NamedTuple):
    path: str
    method: str
    operation: dict[str, Any]

    @property
    def has_input(self) -> bool:
        return bool(self.operation.get("parameters")) or "requestBody" in self.operation

    @property
    def has_path_resource(self) -> bool:
        """Whether the path names a mail, a part, a rule, a session or a mailbox.

        A tag is none of these: an unknown tag is 400, as in Mailpit.
        """
        return "{" in self.path and "{tag}" not in self.path

    @property
    def uses_store(self) -> bool:
        return not self.path.startswith(_RULE_PATHS) and self.path not in _PATHS_WITHOUT_STORE


# An error status, its description, and which routes can have it.
_ERROR_RESPONSES: tuple[tuple[int, str, Callable[[_Route], bool]], ...] = (
    (400, "The request is invalid; the text has the reason", lambda route: route.has_input),
    (401, "The credentials are missing or wrong", lambda route: route.path not in _PROBE_PATHS),
    (
        403,
        "The request comes from a page of another site, or the token of a mailbox does not open this route",
        lambda route: True,
    ),
    (404, "It does not exist", lambda route: route.has_path_resource or route.path == "/api/v1/ca.pem"),
    (
        408,
        "The body of the request arrived too slowly",
        lambda route: "requestBody" in route.operation,
    ),
    (
        409,
        "There is a mailbox of this name, or there are too many",
        lambda route: (route.path, route.method) == ("/api/v1/mailboxes", "post"),
    ),
    (413, "The body of the request is too large", lambda route: "requestBody" in route.operation),
    (421, "The server does not have the name in `Host`", lambda route: True),
    (429, "There were too many wrong passwords", lambda route: route.path not in _PROBE_PATHS),
    (503, "The store is unavailable, a search took too long, or the server is overloaded", lambda route: True),
    (507, "The store is full", lambda route: route.uses_store and route.method != "get"),
)

_SECURITY_SCHEMES = {
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "A user of --auth-file and the password; or any user name and the token of a mailbox",
    },
    "bearer": {"type": "http", "scheme": "bearer", "description": "The token of a mailbox"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "smtptest-8025",
        "description": "The cookie of /api/v1/login; its name has the port of the server",
    },
}
_TEXT_CONTENT = {"text/plain": {"schema": {"type": "string"}}}
# OpenAPI 3.1 needs no `format`, but generators use it to return bytes instead of text.
_BINARY_SCHEMA = {"type": "string", "format": "binary"}
_SEND_ERROR_SCHEMA = {
    "title": "SendError",
    "description": "The reason why a mail cannot be composed.",
    "type": "object",
    "properties": {"Error": {"title": "Error", "type": "string"}},
    "required": ["Error"],
}
_JSON_ERROR_CONTENT = {"application/json": {"schema": {"$ref": "#/components/schemas/SendError"}}}


def build_openapi(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of an app; the first call builds it."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemas = document["components"]["schemas"]
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                _correct_operation(_Route(path, method, operation))
                _move_definitions(operation, schemas)
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        schemas["SendError"] = _SEND_ERROR_SCHEMA
        document["components"]["securitySchemes"] = _SECURITY_SCHEMES
        app.openapi_schema = document
    return app.openapi_schema


def _move_definitions(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Move the schema of the body and its `$defs` to the components, where generators look."""
    for media_type in operation.get("requestBody", {}).get("content", {}).values():
        schema = dict(media_type["schema"])
        definitions = schema.pop("$defs", {})
        if "title" in schema:
            definitions[schema["title"]] = schema
            schema = {"$ref": f"#/components/schemas/{schema['title']}"}
        media_type["schema"] = schema
        for name, definition in definitions.items():
            if schemas.setdefault(name, definition) != definition:
                raise ValueError(f"two schemas have the name {name}; rename one of the classes")


def _correct_operation(route: _Route) -> None:
    operation = route.operation
    # FastAPI's summary is the name of the function; the first sentence of the docstring is more useful.
    first_sentence = re.split(r"[.;:]\s|\.$|\n\n", operation.get("description", ""), maxsplit=1)[0]
    operation["summary"] = " ".join(first_sentence.split())
    responses = operation["responses"]
    responses.pop("422", None)
    for status, response in responses.items():
        content = response.setdefault("content", {})
        if content.get("application/json", {}).get("schema") == {}:
            del content["application/json"]
            if not content and status == "200":
                content.update(_TEXT_CONTENT)
        for name, media_type in content.items():
            media_type.setdefault("schema", {"type": "string"} if name.startswith("text/") else _BINARY_SCHEMA)
        if int(status) >= 400 and not content:
            content.update(_TEXT_CONTENT)
        if status == "302":
            response["headers"] = {"Location": {"schema": {"type": "string"}}}
    for code, description, applies in _ERROR_RESPONSES:
        if applies(route):
            response = responses.setdefault(str(code), {"description": description})
            if not response.get("content"):
                response["content"] = (
                    _JSON_ERROR_CONTENT if route.path == "/api/v1/send" and code in (400, 403, 413) else _TEXT_CONTENT
                )
    operation["responses"] = dict(sorted(responses.items()))
    if route.path not in _UNAUTHENTICATED_PATHS:
        operation["security"] = [{}, *({name: list[str]()} for name in _SECURITY_SCHEMES)]

"""Routes for Jim, with the paths and fields of MailHog."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest.web.api.access_scope import FullAccessDep
from lazr.smtptest.web.api.request_body import RequestBody, RequestBodyDep, build_request_body_schema
from lazr.smtptest.web.mailhog.jim import JimSettings
from lazr.smtptest.web.responses import ApiError, json_response

if TYPE_CHECKING:
    from lazr.smtptest.web.app_context import AppContext
    from lazr.smtptest.web.mailhog.jim import Jim

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["mailhog"])

_OFF_RESPONSES: dict[int | str, dict[str, Any]] = {404: {"description": "Jim is off"}}


class JimSchema(TypedDict, total=False):
    """The chances from 0 to 1, and the speeds in bytes per second."""

    DisconnectChance: float
    AcceptChance: float
    LinkSpeedAffect: float
    LinkSpeedMin: float
    LinkSpeedMax: float
    RejectSenderChance: float
    RejectRecipientChance: float
    RejectAuthChance: float


@router.get("/api/v2/jim", responses={200: {"model": JimSchema}, **_OFF_RESPONSES})
def get_jim(app_context: FullAccessDep) -> Response:
    """Return how likely faults at random are.

    404 while Jim is off.
    """
    return json_response(asdict(_require_settings(_require_jim(app_context))))


@router.post(
    "/api/v2/jim",
    status_code=201,
    response_class=Response,
    openapi_extra=build_request_body_schema(JimSchema, required=False),
)
def invite_jim(app_context: FullAccessDep, body: RequestBodyDep) -> Response:
    """Switch Jim on: refuse connections and commands at random, slow down, and disconnect.

    Without a body, MailHog's defaults apply.  400 if Jim is on, or if the body is invalid.
    """
    jim = _require_jim(app_context)
    if jim.settings is not None:
        raise ApiError(400, "Jim is on; use PUT to change its settings")
    jim.set(_parse_settings(body) if body.content.strip() else JimSettings())
    return Response(status_code=201)


@router.put(
    "/api/v2/jim",
    response_class=Response,
    responses=_OFF_RESPONSES,
    openapi_extra=build_request_body_schema(JimSchema),
)
def change_jim(app_context: FullAccessDep, body: RequestBodyDep) -> Response:
    """Replace the settings of Jim; the chance of a fault that is left out becomes 0.

    400 if the body is invalid; 404 while Jim is off.
    """
    jim = _require_jim(app_context)
    _require_settings(jim)
    jim.set(_parse_settings(body))
    return Response(status_code=200)


@router.delete("/api/v2/jim", response_class=Response, responses=_OFF_RESPONSES)
def remove_jim(app_context: FullAccessDep) -> Response:
    """Switch Jim off.

    404 while Jim is off.
    """
    jim = _require_jim(app_context)
    _require_settings(jim)
    jim.set(None)
    return Response(status_code=200)


@router.get("/api/v2/outgoing-smtp", responses={200: {"model": dict[str, dict[str, str]]}})
def list_outgoing_servers(_app_context: FullAccessDep) -> Response:
    """Return no servers: mails can only be released through the relay of this server."""
    return json_response({})


def _require_jim(app_context: AppContext) -> Jim:
    if app_context.jim is None:
        raise ApiError(404, "Chaos is not enabled")
    return app_context.jim


def _require_settings(jim: Jim) -> JimSettings:
    settings = jim.settings
    if settings is None:
        raise ApiError(404, "Jim is off; switch it on with POST")
    return settings


def _parse_settings(body: RequestBody) -> JimSettings:
    form = body.parse_object()
    values = {field.name: form.get_number(field.name) for field in fields(JimSettings)}
    if "AcceptChance" not in form:
        values["AcceptChance"] = 1.0
    try:
        return JimSettings(**values)
    except ValueError as error:
        raise ApiError(400, str(error)) from None

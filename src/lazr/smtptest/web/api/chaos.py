"""Routes for chaos, with the paths and fields of Mailpit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest.web import chaos
from lazr.smtptest.web.api.access_scope import FullAccessDep
from lazr.smtptest.web.api.request_body import RequestBodyDep, build_request_body_schema
from lazr.smtptest.web.responses import ApiError, json_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lazr.smtptest.web.app_context import AppContext

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["chaos"])


class ChaosTriggerSchema(TypedDict, total=False):
    """A reply code from 400 to 599, and its probability in percent."""

    ErrorCode: int
    Probability: int


class ChaosTriggersSchema(TypedDict, total=False):
    """The triggers at MAIL, RCPT and AUTH; a missing one is off."""

    Sender: ChaosTriggerSchema
    Recipient: ChaosTriggerSchema
    Authentication: ChaosTriggerSchema


@router.get("/api/v1/chaos", responses={200: {"model": ChaosTriggersSchema}})
def get_triggers(app_context: FullAccessDep) -> Response:
    """Return how often the server refuses commands at random."""
    return json_response(_serialize_triggers(_require_chaos(app_context).get_triggers()))


@router.put(
    "/api/v1/chaos",
    openapi_extra=build_request_body_schema(ChaosTriggersSchema),
    responses={200: {"model": ChaosTriggersSchema}},
)
def set_triggers(app_context: FullAccessDep, body: RequestBodyDep) -> Response:
    """Let the server refuse commands at random; reset the triggers that are left out."""
    settings = body.parse_object()
    triggers = {
        name: chaos.ChaosTrigger(
            settings.get_object(name).get_int("ErrorCode"), settings.get_object(name).get_int("Probability")
        )
        for name in chaos.CHAOS_TRIGGERS
    }
    try:
        return json_response(_serialize_triggers(_require_chaos(app_context).set_triggers(triggers)))
    except ValueError as error:
        raise ApiError(400, str(error)) from None


def _require_chaos(app_context: AppContext) -> chaos.Chaos:
    if app_context.chaos is None:
        raise ApiError(400, "Chaos is not enabled")
    return app_context.chaos


def _serialize_triggers(triggers: Mapping[str, chaos.ChaosTrigger]) -> dict[str, dict[str, int]]:
    return {name: {"ErrorCode": trigger.code, "Probability": trigger.probability} for name, trigger in triggers.items()}

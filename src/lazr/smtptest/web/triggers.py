"""Chaos over HTTP, as Mailpit has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest.web import chaos
from lazr.smtptest.web.answers import Refused, as_json
from lazr.smtptest.web.given import given, takes
from lazr.smtptest.web.scope import Whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lazr.smtptest.web.catcher import Catcher

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["chaos"])


class Trigger(TypedDict, total=False):
    """A reply code from 400 to 599, and how likely it is, in per cent."""

    ErrorCode: int
    Probability: int


class Triggers(TypedDict, total=False):
    """At MAIL, at RCPT, at AUTH; one that is not there is off."""

    Sender: Trigger
    Recipient: Trigger
    Authentication: Trigger


@router.get("/api/v1/chaos", responses={200: {"model": Triggers}})
def get_triggers(catcher: Whole) -> Response:
    """How likely the server refuses by chance."""
    return as_json(_written(_chaos(catcher).triggers()))


@router.put("/api/v1/chaos", openapi_extra=takes(Triggers), responses={200: {"model": Triggers}})
def set_triggers(catcher: Whole, body: given) -> Response:
    """Have the server refuse by chance; triggers that are left out are reset."""
    form = body.given()
    wanted = {
        name: chaos.Trigger(form.object(name).number("ErrorCode"), form.object(name).number("Probability"))
        for name in chaos.TRIGGERS
    }
    try:
        return as_json(_written(_chaos(catcher).set(wanted)))
    except ValueError as error:
        raise Refused(400, str(error)) from None


def _chaos(catcher: Catcher) -> chaos.Chaos:
    if catcher.chaos is None:
        raise Refused(400, "Chaos is not enabled")
    return catcher.chaos


def _written(triggers: Mapping[str, chaos.Trigger]) -> dict[str, dict[str, int]]:
    return {name: {"ErrorCode": one.code, "Probability": one.probability} for name, one in triggers.items()}

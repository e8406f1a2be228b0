"""Release a mail: send it to real recipients through the relay."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest.web.api.access_scope import AccessScopeDep
from lazr.smtptest.web.api.message_param import MailDep
from lazr.smtptest.web.api.request_body import RequestBodyDep, build_request_body_schema
from lazr.smtptest.web.outbound import ReleaseFailed
from lazr.smtptest.web.responses import ApiError, ok_response

__all__ = ["RELAY_IS_OFF", "router"]

router: APIRouter = APIRouter(tags=["message"])

RELAY_IS_OFF = "Relaying is off; switch it on with `smtptest serve --relay HOST:PORT --relay-allow ADDRESS`"
"""The reason of the response while the server has no relay."""


class ReleaseRequest(TypedDict):
    """The recipients to send a mail to."""

    To: list[str]


@router.post("/api/v1/message/{id}/release", openapi_extra=build_request_body_schema(ReleaseRequest))
async def release_message(scope: AccessScopeDep, mail: MailDep, body: RequestBodyDep) -> Response:
    """Send a mail to real recipients through the relay, with unchanged content.

    400 if there is no relay, if it may not send to one of the recipients, or if it refuses the mail; 404 if there is
    no such mail.
    """
    relay = scope.app_context.relay
    if relay is None:
        raise ApiError(400, RELAY_IS_OFF)
    try:
        recipients = relay.parse_recipients(body.parse_object().get_strings("To"))
    except ReleaseFailed as error:
        raise ApiError(400, str(error)) from None
    try:
        await relay.release(mail, recipients)
    except ReleaseFailed as error:
        # The relay's replies have its name.
        reason = str(error) if scope.mailbox is None else "SMTP error: the relay did not accept the mail"
        raise ApiError(400, reason) from None
    return ok_response()

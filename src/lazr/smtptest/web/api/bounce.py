"""Send something back about a mail, such as a bounce, and list what came back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest._util.suggestion import describe_unknown
from lazr.smtptest.errors import NotificationFailed, StartError
from lazr.smtptest.rules import NOTICE_ACTIONS_BY_KIND, build_notice
from lazr.smtptest.web.api.access_scope import FullAccessDep
from lazr.smtptest.web.api.message_param import MailDep
from lazr.smtptest.web.api.request_body import JsonObject, RequestBodyDep, build_request_body_schema
from lazr.smtptest.web.responses import ApiError, json_response
from lazr.smtptest.web.sandbox import ConcurrencyLimit

if TYPE_CHECKING:
    from lazr.smtptest.mailserver import NotificationRecord
    from lazr.smtptest.rules import Notice

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["message"])

# Deliveries to another server happen one after another, and each may take some seconds.
_LIMIT = ConcurrencyLimit(4)

Kind = Literal["bounce", "delayed", "delivered", "complaint", "out_of_office", "challenge", "auto_reply"]


class BounceRequest(TypedDict, total=False):
    """What to send back, a bounce by default.

    `Status` is for deliveries, `FeedbackType` for complaints, and `Text` for all but complaints.  `Recipients` are
    those that it is about, all by default, and `After` is a number of seconds.
    """

    Kind: Kind
    Status: str
    Text: str
    Style: str
    FeedbackType: str
    Recipients: list[str]
    After: float


class Notification(TypedDict):
    """What came back, or will.

    `Outcome` is scheduled, delivered, not sent, failed or canceled.

    `About` are the recipients of the mail that it is about, and `Recipient` is where it goes, by `Target`: `inbox`, or
    the URL of a server.  `MailID` is the mail that it is about; empty if that was not kept.
    """

    Kind: str
    Status: str
    About: list[str]
    Recipient: str
    MailID: str
    Target: str
    Outcome: str
    Reason: str


@router.post(
    "/api/v1/message/{id}/bounce",
    openapi_extra=build_request_body_schema(BounceRequest, required=False),
    responses={200: {"model": Notification}},
)
async def bounce_message(app_context: FullAccessDep, mail: MailDep, body: RequestBodyDep) -> Response:
    """Send a bounce, a complaint or an automatic reply to the sender of a mail.

    It goes where `serve --bounces-to` says, by default into the store.  It is not sent where the RFCs forbid it: the
    outcome is then `not sent`, with the reason.  400 if it could not be delivered.
    """
    form = body.parse_object() if body.content.strip() else JsonObject({})
    recipients = form.get_strings("Recipients")
    try:
        notice = _build_notice(form)
        record = await _LIMIT.run_in_thread(app_context.server.send_back, mail, notice, recipients)
    except (NotificationFailed, StartError, TypeError, ValueError) as error:
        raise ApiError(400, str(error)) from None
    return json_response(_serialize(record))


@router.get("/api/v1/notifications", responses={200: {"model": list[Notification]}})
def list_notifications(app_context: FullAccessDep) -> Response:
    """Return what came back after mails, or will: the latest 1,000, oldest first."""
    return json_response([_serialize(record) for record in list(app_context.server.notifications)])


def _build_notice(form: JsonObject) -> Notice:
    kind = form.get_string("Kind") or "bounce"
    if kind not in NOTICE_ACTIONS_BY_KIND:
        raise ValueError(describe_unknown("kind", kind, NOTICE_ACTIONS_BY_KIND))
    arguments = {
        "status": form.get_string("Status"),
        "text": form.get_string("Text"),
        "style": form.get_string("Style"),
        "feedback_type": form.get_string("FeedbackType"),
    }
    given = {name: value for name, value in arguments.items() if value}
    return build_notice(NOTICE_ACTIONS_BY_KIND[kind], after=form.get_number("After"), **given)


def _serialize(record: NotificationRecord) -> Notification:
    return {
        "Kind": record.kind,
        "Status": record.status or "",
        "About": list(record.about),
        "Recipient": record.recipient,
        "MailID": record.mail_id,
        "Target": record.target,
        "Outcome": str(record.outcome),
        "Reason": record.reason,
    }

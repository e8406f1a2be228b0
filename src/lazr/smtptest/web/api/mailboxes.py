"""Create and remove mailboxes at run time, such as one for each parallel test job."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest._util.suggestion import find_nearest_name
from lazr.smtptest.web.api.access_scope import FullAccessDep
from lazr.smtptest.web.api.request_body import RequestBodyDep, build_request_body_schema
from lazr.smtptest.web.mailbox import Mailbox
from lazr.smtptest.web.responses import ApiError, json_response, ok_response

if TYPE_CHECKING:
    from lazr.smtptest.web.app_context import AppContext

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["mailboxes"])

_TOKEN_BYTES = 24
_MAX_NAME_CHARACTERS = 100
_MAX_PATTERN_CHARACTERS = 320  # of a mail address: 64 before the @, and 255 after it


class MailboxRequest(TypedDict, total=False):
    """The name of a new mailbox, and either the SMTP user or the recipient of its mails."""

    Name: str
    User: str
    Recipient: str


class MailboxInfo(TypedDict):
    """A mailbox without its token.

    `User` is the name of the SMTP user whose mails it has, `Recipient` the address; the other one is empty.
    """

    Name: str
    User: str
    Recipient: str


class NewMailbox(MailboxInfo):
    """A new mailbox with its token, which no later response has."""

    Token: str


@router.get("/api/v1/mailboxes", responses={200: {"model": list[MailboxInfo]}})
def list_mailboxes(app_context: FullAccessDep) -> Response:
    """Return the mailboxes in alphabetical order, without their tokens."""
    return json_response([_serialize(mailbox) for mailbox in sorted(app_context.mailboxes, key=lambda one: one.name)])


@router.post(
    "/api/v1/mailboxes",
    openapi_extra=build_request_body_schema(MailboxRequest),
    responses={200: {"model": NewMailbox}},
)
def create_mailbox(app_context: FullAccessDep, body: RequestBodyDep) -> Response:
    """Create a mailbox until the server stops, and return its token.

    400 if the body is invalid; 409 if there is a mailbox of this name.
    """
    form = body.parse_object()
    name, user, recipient = (form.get_string(key) for key in ("Name", "User", "Recipient"))
    if not name or len(name) > _MAX_NAME_CHARACTERS or not name.isprintable() or "/" in name:
        raise ApiError(
            400, f"Name must have 1 to {_MAX_NAME_CHARACTERS} printable characters other than /, got {name!r:.200}"
        )
    if bool(user) == bool(recipient):
        raise ApiError(
            400, 'a mailbox must have either "User": an SMTP user, or "Recipient": an address such as *@job7.test'
        )
    if max(len(user), len(recipient)) > _MAX_PATTERN_CHARACTERS:
        raise ApiError(400, f"User and Recipient must have at most {_MAX_PATTERN_CHARACTERS} characters, got more")
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    mailbox = Mailbox.of_user(name, token, user) if user else Mailbox.of_recipient(name, token, recipient)
    try:
        app_context.mailboxes.add(mailbox)
    except ValueError as error:
        raise ApiError(409, str(error)) from None
    created: NewMailbox = {**_serialize(mailbox), "Token": token}
    return json_response(created)


@router.delete("/api/v1/mailboxes/{name}")
def remove_mailbox(
    app_context: FullAccessDep, name: Annotated[str, Path(description="The name of a mailbox")]
) -> Response:
    """Remove a mailbox: its token is invalid at once, and its mails stay.

    404 if there is no such mailbox.
    """
    if not app_context.remove_mailbox(name):
        raise _build_unknown_mailbox_error(app_context, name)
    return ok_response()


def _build_unknown_mailbox_error(app_context: AppContext, name: str) -> ApiError:
    nearest = find_nearest_name(name, [mailbox.name for mailbox in app_context.mailboxes])
    hint = "GET /api/v1/mailboxes lists them" if nearest is None else f"did you mean {nearest!r}?"
    return ApiError(404, f"there is no mailbox {name!r:.200}; {hint}")


def _serialize(mailbox: Mailbox) -> MailboxInfo:
    return {"Name": mailbox.name, "User": mailbox.user, "Recipient": mailbox.recipient}

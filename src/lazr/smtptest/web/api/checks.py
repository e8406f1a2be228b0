"""Checks of one mail against RFCs and the advice of mailbox providers."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest.mail import check_message
from lazr.smtptest.web.api.message_param import MailDep
from lazr.smtptest.web.responses import json_response

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["message"])


class MessageCheck(TypedDict):
    """The result of one check.

    `Where` is the place, as in `Defect`: `header Date`, `html`, `text`, `content` or `part 2`.
    """

    Name: str
    Status: Literal["ok", "warning", "error"]
    Text: str
    Where: str


@router.get("/api/v1/message/{id}/checks", responses={200: {"model": list[MessageCheck]}})
def get_checks(mail: MailDep) -> Response:
    """Return how well a mail follows RFCs and the advice of mailbox providers.

    404 if there is no such mail.
    """
    return json_response(
        [
            {"Name": check.name, "Status": check.status, "Text": check.text, "Where": check.where}
            for check in check_message(mail)
        ]
    )

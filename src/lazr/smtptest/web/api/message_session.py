"""The SMTP session that brought a mail."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest.web.api.access_scope import AccessScopeDep, FullAccessDep
from lazr.smtptest.web.api.message_param import EntryDep
from lazr.smtptest.web.api.sessions import (
    MAX_LISTED_MAILS,
    Session,
    TranscriptLine,
    find_session_of_mail,
    serialize_session,
    serialize_transcript,
)
from lazr.smtptest.web.responses import ApiError, json_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lazr.smtptest.web.api.access_scope import AccessScope

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["message"])

_FORGOTTEN = (
    "the server does not remember the SMTP session of this mail: it keeps the latest sessions until it stops, "
    "and mails of POST /api/v1/send have none"
)


class SessionMessage(TypedDict):
    """A mail of a session."""

    ID: str
    Subject: str


class MessageSession(TypedDict):
    """The session of a mail, with its transcript.

    The lines from `FirstLine` to `LastLine`, counted from 0, are the transaction of this mail: from MAIL to the reply
    to the content.  `Messages` has the latest 100 mails of the session that are still in the store.
    """

    Session: Session
    Transcript: list[TranscriptLine]
    FirstLine: int
    LastLine: int
    Messages: list[SessionMessage]


@router.get("/api/v1/message/{id}/session", responses={200: {"model": MessageSession}})
def get_message_session(app_context: FullAccessDep, scope: AccessScopeDep, entry: EntryDep) -> Response:
    """Return the SMTP session that brought a mail, with its transcript.

    404 if there is no such mail, or if the server does not remember its session.
    """
    record = find_session_of_mail(app_context, entry.id)
    if record is None:
        raise ApiError(404, _FORGOTTEN)
    transcript = copy(record.transcript)  # an open session changes it
    lines = transcript.find_transaction(entry.id)
    if lines is None:
        raise ApiError(404, _FORGOTTEN)
    return json_response(
        {
            "Session": serialize_session(record),
            "Transcript": serialize_transcript(transcript),
            "FirstLine": lines[0],
            "LastLine": lines[1],
            "Messages": _list_messages(scope, record.mail_ids[-MAX_LISTED_MAILS:]),
        }
    )


def _list_messages(scope: AccessScope, mail_ids: Sequence[str]) -> list[SessionMessage]:
    entries = [scope.get_entry(mail_id) for mail_id in mail_ids]
    return [{"ID": entry.id, "Subject": entry.subject} for entry in entries if entry is not None]

"""The sessions of the mail server, and their transcripts.

`serialize_session` and `serialize_transcript` also serve the route for the session of one mail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NotRequired

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest._util.host_port import split_host_port
from lazr.smtptest.web.api.access_scope import FullAccessDep
from lazr.smtptest.web.api.attachment_response import SANDBOX_HEADERS
from lazr.smtptest.web.api.query_params import LINK_RESPONSE_HEADERS, LimitParam, StartParam, build_next_link
from lazr.smtptest.web.api.schemas import format_time
from lazr.smtptest.web.responses import ApiError, json_response

if TYPE_CHECKING:
    from lazr.smtptest.protocol.smtp import SessionRecord, Transcript
    from lazr.smtptest.web.app_context import AppContext

__all__ = [
    "MAX_LISTED_MAILS",
    "Session",
    "TranscriptLine",
    "find_session_of_mail",
    "router",
    "serialize_session",
    "serialize_transcript",
]

MAX_LISTED_MAILS = 100
"""How many of its latest mails are listed with a session."""

router: APIRouter = APIRouter(tags=["sessions"])


class Tls(TypedDict):
    """The result of a TLS handshake.

    `ServerName` and `ALPN` are empty if the client sent none.
    """

    Version: str
    Cipher: str
    ServerName: str
    ALPN: str
    Implicit: bool


class Finding(TypedDict):
    """What a client did that an RFC advises against or forbids, although accepted.

    `Code` is the kind.
    """

    Code: NotRequired[str]
    Text: str


class Session(TypedDict):
    """A session.

    `Protocol` is `smtp`, `lmtp`, `imap` or `pop3`.  `Ended` is empty while it is open, `TLS` is null without TLS,
    `User` is empty without AUTH.  `Started` is a time in UTC, and `Seconds` the duration so far.  `LastRefusal` is the
    last reply with a 4yz or 5yz code, or empty.  `Messages` has the IDs of the latest 100 mails, also those that were
    deleted since.
    """

    ID: int
    Protocol: str
    Peer: str
    Helo: str
    TLS: Tls | None
    TLSFailure: str
    User: str
    Mechanism: str
    SentInClear: list[str]
    Mails: int
    Refusals: int
    Ended: str
    Started: str
    Seconds: float
    LastRefusal: str
    Findings: list[Finding]
    Messages: list[str]


class SessionsSummary(TypedDict):
    """A page of the sessions that the server still remembers, and counts.

    The counts are of all sessions since the start.
    """

    start: int
    total: int
    counts: dict[str, int]
    sessions: list[Session]


class TranscriptLine(TypedDict):
    """A line of a transcript.

    `At` is in seconds since the start of the session.  `Who` is `C` for the client, `S` for the server, and `*` for an
    event such as the end of a TLS handshake.  `Refused` is true for a reply with a 4yz or 5yz code.
    """

    At: float
    Who: str
    Text: str
    Content: bool
    Refused: bool


SessionIdParam = Annotated[int, Path(alias="number", ge=0, lt=2**53, description="The ID of a session")]


@router.get("/api/v1/sessions", responses={200: {"model": SessionsSummary, "headers": LINK_RESPONSE_HEADERS}})
def list_sessions(
    request: Request,
    app_context: FullAccessDep,
    *,
    start: StartParam = 0,
    limit: LimitParam = 50,
    peer: Annotated[str, Query(description="Only sessions from this IP address, with or without a port")] = "",
    refused: Annotated[bool, Query(description="Only sessions with a refusal")] = False,
    without_mail: Annotated[bool, Query(description="Only sessions that brought no mail")] = False,
) -> Response:
    """Return a list of sessions, the latest first."""
    records = [
        record
        for record in app_context.server.sessions[::-1]
        if (not peer or _is_from(record, peer))
        and (not refused or record.refusals)
        and (not without_mail or not record.mails)
    ]
    return json_response(
        {
            "start": start,
            "total": len(records),
            "counts": app_context.server.sessions.counts,
            "sessions": [serialize_session(record) for record in records[start : start + limit]],
        },
        headers=build_next_link(request, start, limit, len(records)),
    )


@router.get("/api/v1/sessions/{number}", responses={200: {"model": Session}})
def get_session(app_context: FullAccessDep, number: SessionIdParam) -> Response:
    """Return one session.

    404 if there is none of this number, or if it is too old.
    """
    return json_response(serialize_session(_find_session_record(app_context, number)))


@router.get("/api/v1/sessions/{number}/transcript", responses={200: {"model": list[TranscriptLine]}})
def get_transcript(app_context: FullAccessDep, number: SessionIdParam) -> Response:
    """Return the transcript of a session, without secrets and most of the content.

    404 if there is no such session.
    """
    return json_response(serialize_transcript(_find_session_record(app_context, number).transcript))


@router.get("/api/v1/sessions/{number}/transcript.txt", responses={200: {"content": {"text/plain": {}}}})
def get_transcript_text(app_context: FullAccessDep, number: SessionIdParam) -> Response:
    """Return the transcript of a session as text.

    404 if there is no such session.
    """
    text = f"{_find_session_record(app_context, number).transcript}\n"
    return Response(
        text.encode("utf-8", "replace"), headers={"content-type": "text/plain; charset=utf-8", **SANDBOX_HEADERS}
    )


@router.get("/api/v1/sessions/{number}/transcript.svg", responses={200: {"content": {"image/svg+xml": {}}}})
def get_transcript_picture(app_context: FullAccessDep, number: SessionIdParam) -> Response:
    """Return the transcript of a session as a sequence diagram in SVG.

    404 if there is no such session.
    """
    policy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
    headers = {"content-type": "image/svg+xml", **SANDBOX_HEADERS, "content-security-policy": policy}
    return Response(_find_session_record(app_context, number).to_svg().encode("utf-8", "replace"), headers=headers)


def _find_session_record(app_context: AppContext, number: int) -> SessionRecord:
    # Numbers start at 1 again after a restart of the mail server; the latest session of that number is meant.
    for record in reversed(app_context.server.sessions[:]):
        if record.number == number:
            return record
    raise ApiError(404, f"there is no session {number}, or it is older than those that the server remembers")


def find_session_of_mail(app_context: AppContext, mail_id: str) -> SessionRecord | None:
    """Return the session that brought a mail; None if the server does not remember it."""
    records = app_context.server.sessions[:]
    return next((record for record in reversed(records) if mail_id in record.mail_ids), None)


def serialize_transcript(transcript: Transcript) -> list[TranscriptLine]:
    """Return the lines of a transcript as the API has them."""
    return [
        {
            "At": round(line.at, 3),
            "Who": line.who,
            "Text": line.text,
            "Content": line.content,
            "Refused": line.is_refusal,
        }
        for line in transcript
    ]


def serialize_session(record: SessionRecord) -> Session:
    """Return a session as the API has it."""
    tls = record.tls
    return {
        "ID": record.number,
        "Protocol": record.protocol,
        "Peer": record.peer,
        "Helo": record.helo,
        "TLS": None
        if tls is None
        else {
            "Version": tls.version,
            "Cipher": tls.cipher,
            "ServerName": tls.server_name or "",
            "ALPN": tls.alpn or "",
            "Implicit": tls.implicit,
        },
        "TLSFailure": record.tls_failure or "",
        "User": "" if record.auth is None else record.auth.username,
        "Mechanism": "" if record.auth is None else record.auth.mechanism,
        "SentInClear": sorted(record.sent_in_clear),
        "Mails": record.mails,
        "Refusals": record.refusals,
        "Ended": record.ended or "",
        "Started": format_time(record.started),
        "Seconds": _compute_duration(record),
        "LastRefusal": record.transcript.last_refusal,
        "Findings": [{"Code": finding.code, "Text": str(finding)} for finding in record.findings],
        "Messages": list(record.mail_ids[-MAX_LISTED_MAILS:]),
    }


def _compute_duration(record: SessionRecord) -> float:
    """Return the seconds from the start of a session to its end, or to now while it is open."""
    start = record.transcript.start_time
    end = monotonic() if record.ended is None else record.transcript.end_time
    return 0.0 if start is None or end is None else round(max(end - start, 0), 3)


def _is_from(record: SessionRecord, peer: str) -> bool:
    """Return whether a session is from this address, which may have a port."""
    host, port = split_host_port(record.peer)
    return split_host_port(peer) in ((host, port), (host, ""))

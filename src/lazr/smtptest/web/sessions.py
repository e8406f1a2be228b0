"""The sessions of the mail server over HTTP: who came, how, and what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest.web.answers import Refused, as_json
from lazr.smtptest.web.asked import Limit, Start
from lazr.smtptest.web.files import SANDBOX
from lazr.smtptest.web.scope import Whole

if TYPE_CHECKING:
    from lazr.smtptest.protocol.smtp.record import SessionRecord
    from lazr.smtptest.web.catcher import Catcher

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["sessions"])


class Tls(TypedDict):
    """What a handshake agreed on; `ServerName` and `ALPN` are empty where there was none."""

    Version: str
    Cipher: str
    ServerName: str
    ALPN: str
    Implicit: bool


class Session(TypedDict):
    """A session.  `Ended` is empty while it goes on; `TLS` null in clear; `User` empty before AUTH."""

    ID: int
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


class SessionsSummary(TypedDict):
    """Some sessions of those that are kept, and counts of all that there were."""

    start: int
    total: int
    counts: dict[str, int]
    sessions: list[Session]


class Line(TypedDict):
    """A line of a dialogue: `At` in seconds since its start, `Who` is C, S, or * for what nobody said."""

    At: float
    Who: str
    Text: str
    Content: bool


Number = Annotated[int, Path(alias="number", ge=0, lt=2**53, description="A session's ID")]


@router.get("/api/v1/sessions", responses={200: {"model": SessionsSummary}})
def list_sessions(
    catcher: Whole,
    start: Start = 0,
    limit: Limit = 50,
    peer: Annotated[str, Query(description="Only those from this address, with or without its port")] = "",
) -> Response:
    """The sessions, the latest first."""
    records = catcher.server.sessions[::-1]
    if peer:
        records = [record for record in records if peer in (record.peer, record.peer.rpartition(":")[0])]
    return as_json(
        {
            "start": start,
            "total": len(records),
            "counts": catcher.server.sessions.counts,
            "sessions": [_written(record) for record in records[start : start + limit]],
        }
    )


@router.get("/api/v1/sessions/{number}", responses={200: {"model": Session}})
def get_session(catcher: Whole, number: Number) -> Response:
    """One session."""
    return as_json(_written(_record(catcher, number)))


@router.get("/api/v1/sessions/{number}/transcript", responses={200: {"model": list[Line]}})
def get_transcript(catcher: Whole, number: Number) -> Response:
    """The dialogue, without secrets and most of the content."""
    return as_json(
        [
            {"At": round(line.at, 3), "Who": line.who, "Text": line.text, "Content": line.content}
            for line in _record(catcher, number).transcript
        ]
    )


@router.get("/api/v1/sessions/{number}/transcript.txt", responses={200: {"content": {"text/plain": {}}}})
def get_transcript_text(catcher: Whole, number: Number) -> Response:
    """The dialogue for people."""
    text = f"{_record(catcher, number).transcript}\n"
    return Response(text.encode("utf-8", "replace"), headers={"content-type": "text/plain; charset=utf-8", **SANDBOX})


@router.get("/api/v1/sessions/{number}/transcript.svg", responses={200: {"content": {"image/svg+xml": {}}}})
def get_transcript_picture(catcher: Whole, number: Number) -> Response:
    """The dialogue as a sequence diagram."""
    policy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
    headers = {"content-type": "image/svg+xml", **SANDBOX, "content-security-policy": policy}
    return Response(_record(catcher, number).to_svg().encode("utf-8", "replace"), headers=headers)


def _record(catcher: Catcher, number: int) -> SessionRecord:
    # A server that was stopped and started counts afresh: the latest of that number is meant.
    for record in reversed(catcher.server.sessions[:]):
        if record.number == number:
            return record
    raise Refused(404, f"there is no session {number}, or it is one of too many")


def _written(record: SessionRecord) -> Session:
    tls = record.tls
    return {
        "ID": record.number,
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
    }

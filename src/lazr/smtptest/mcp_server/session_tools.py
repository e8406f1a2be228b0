"""The tools that show the mail server and its SMTP sessions."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from typing_extensions import TypedDict

from lazr.smtptest.api_client import ApiError
from lazr.smtptest.mcp_server.field_types import MailId  # noqa: TC001 - pydantic reads it
from lazr.smtptest.mcp_server.rest_api import RestApi, build_query, request_json
from lazr.smtptest.mcp_server.tool import Arguments, Effect, NoArguments, Tool, ToolError
from lazr.smtptest.mcp_server.untrusted_text import Cleaner, Truncation

__all__ = ["SESSION_TOOLS"]

MAX_LISTED_SESSIONS = 100
MAX_TRANSCRIPT_LINES = 1_000

_NOT_FOUND = 404


class SmtpAddress(TypedDict):
    """Where the server receives mail; `tls` is the TLS mode."""

    host: str
    port: int
    tls: str


class ServerInfo(TypedDict):
    """The version, the number of mails, and where mail is received.

    `mailbox` is the mailbox whose token is used; it is empty with access to all mails.
    """

    version: str
    mails: int
    unread: int
    mailbox: str
    smtp: list[SmtpAddress]


class SessionInfo(TypedDict):
    """An SMTP session; it is open while `ended` is empty.

    `untrusted_content` was written by the client, or has parts of it: `helo`, `user`, `last_refusal`, `findings`.
    """

    number: int
    peer: str
    started: str
    seconds: float
    ended: str
    tls: str
    mails: int
    refusals: int
    mail_ids: list[str]
    untrusted_content: dict[str, Any]


class SessionList(TypedDict):
    """SMTP sessions, the latest first; `total` is how many match."""

    total: int
    sessions: list[SessionInfo]
    truncated: list[Truncation]


class TranscriptResult(TypedDict):
    """The transcript of an SMTP session, without passwords and most of the content.

    `untrusted_content` has the `lines` from `first_line` on: seconds since the start, `C` for the client, `S` for the
    server or `*` for an event, and the text.  `mail_lines` are the first and the last line of the mail that was asked
    for.
    """

    session: SessionInfo
    first_line: int
    mail_lines: list[int]
    truncated: list[Truncation]
    untrusted_content: dict[str, Any]


async def _get_server_info(api: RestApi, _arguments: NoArguments) -> ServerInfo:
    info = await request_json(api, "GET", "/api/v1/info")
    configuration = await request_json(api, "GET", "/api/v1/webui")
    if "SMTP" not in configuration:
        raise ToolError("the server is not `smtptest serve`: Mailpit has no addresses in its API")
    return {
        "version": info["Version"],
        "mails": info["Messages"],
        "unread": info["Unread"],
        "mailbox": configuration["Mailbox"],
        "smtp": [{"host": one["Host"], "port": one["Port"], "tls": one["TLS"]} for one in configuration["SMTP"]],
    }


class ListSessionsArguments(Arguments):
    """Which SMTP sessions to list."""

    limit: Annotated[int, Field(ge=1, le=MAX_LISTED_SESSIONS, description="The number of sessions to return.")] = 20
    start: Annotated[int, Field(ge=0, le=2**31, description="The number of sessions to skip.")] = 0
    only_refused: Annotated[bool, Field(description="Only sessions in which the server refused something.")] = False
    only_without_mail: Annotated[bool, Field(description="Only sessions that brought no mail.")] = False
    peer: Annotated[str, Field(max_length=100, description="Only sessions from this IP address, or host:port.")] = ""


async def _list_sessions(api: RestApi, arguments: ListSessionsArguments) -> SessionList:
    query = build_query(
        start=arguments.start,
        limit=arguments.limit,
        refused=arguments.only_refused,
        without_mail=arguments.only_without_mail,
        peer=arguments.peer,
    )
    found = await request_json(api, "GET", "/api/v1/sessions", query=query)
    cleaner = Cleaner()
    sessions = [_build_session(cleaner, one) for one in found["sessions"]]
    return {"total": found["total"], "sessions": sessions, "truncated": cleaner.truncated}


def _build_session(cleaner: Cleaner, session: dict[str, Any]) -> SessionInfo:
    return {
        "number": session["ID"],
        "peer": session["Peer"],
        "started": session["Started"],
        "seconds": session["Seconds"],
        "ended": session["Ended"],
        "tls": session["TLS"]["Version"] if session["TLS"] else "",
        "mails": session["Mails"],
        "refusals": session["Refusals"],
        "mail_ids": session["Messages"],
        "untrusted_content": {
            "helo": cleaner.clean("helo", session["Helo"]),
            "user": cleaner.clean("user", session["User"]),
            "last_refusal": cleaner.clean("last_refusal", session["LastRefusal"]),
            "findings": cleaner.clean("findings", [one["Text"] for one in session["Findings"]]),
        },
    }


class TranscriptArguments(Arguments):
    """Which SMTP session: that of a mail, or one by its number."""

    mail_id: Annotated[MailId | None, Field(description="ID of a mail, or `latest` for the newest mail.")] = None
    session: Annotated[
        int | None, Field(ge=0, lt=2**53, description="Number of a session, as list_sessions returns it.")
    ] = None
    first_line: Annotated[int, Field(ge=0, le=2**31, description="The first line to return, counted from 0.")] = 0
    max_lines: Annotated[int, Field(ge=1, le=MAX_TRANSCRIPT_LINES, description="The number of lines to return.")] = 200

    @model_validator(mode="after")
    def _check_that_one_is_given(self) -> Self:
        if (self.mail_id is None) == (self.session is None):
            raise ValueError("exactly one of mail_id and session must be given")
        return self


async def _get_transcript(api: RestApi, arguments: TranscriptArguments) -> TranscriptResult:
    mail_lines: list[int] = []
    try:
        if arguments.mail_id is not None:
            found = await request_json(api, "GET", f"/api/v1/message/{arguments.mail_id}/session")
            session, transcript = found["Session"], found["Transcript"]
            mail_lines = [found["FirstLine"], found["LastLine"]]
        else:
            path = f"/api/v1/sessions/{arguments.session}"
            session = await request_json(api, "GET", path)
            transcript = await request_json(api, "GET", f"{path}/transcript")
    except ApiError as error:
        if error.http_status != _NOT_FOUND:
            raise
        reason = "there is no such mail" if error.body.startswith(b"404") else str(error)
        raise ToolError(f"transcript: {reason}; `search` lists mails, `list_sessions` lists sessions") from None
    cleaner = Cleaner()
    shown = transcript[arguments.first_line : arguments.first_line + arguments.max_lines]
    cleaner.report("lines", len(shown), len(transcript), "items")
    lines = [str(cleaner.clean("lines", f"{one['At']:.3f} {one['Who']} {one['Text']}")) for one in shown]
    return {
        "session": _build_session(cleaner, session),
        "first_line": arguments.first_line,
        "mail_lines": mail_lines,
        "untrusted_content": {"lines": lines},
        "truncated": cleaner.truncated,
    }


SESSION_TOOLS: tuple[Tool[Any], ...] = (
    Tool(
        "server_info",
        title="Server information",
        description="Return where the server receives mail by SMTP (for the settings of the application under test), "
        "and how many mails it has.",
        arguments=NoArguments,
        result=ServerInfo,
        effect=Effect(is_read_only=True),
        run=_get_server_info,
    ),
    Tool(
        "list_sessions",
        title="List SMTP sessions",
        description="List the latest SMTP sessions with their refusals. Look here if a mail does not arrive.",
        arguments=ListSessionsArguments,
        result=SessionList,
        effect=Effect(is_read_only=True, returns_mail_content=True),
        run=_list_sessions,
    ),
    Tool(
        "transcript",
        title="Read an SMTP transcript",
        description="Return the SMTP dialogue of the session that brought a mail, or of a session by its number.",
        arguments=TranscriptArguments,
        result=TranscriptResult,
        effect=Effect(is_read_only=True, returns_mail_content=True),
        run=_get_transcript,
    ),
)

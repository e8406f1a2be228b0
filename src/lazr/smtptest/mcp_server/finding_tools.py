"""The tools that find mails: `wait_for_mail` and `search`."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from lazr.smtptest.api_client import ApiError
from lazr.smtptest.mcp_server.field_types import Address, Query, format_address
from lazr.smtptest.mcp_server.rest_api import RestApi, build_query, request_json
from lazr.smtptest.mcp_server.tool import Arguments, Effect, Tool
from lazr.smtptest.mcp_server.untrusted_text import Cleaner, Truncation

__all__ = ["FINDING_TOOLS"]

MAX_WAIT_SECONDS = 300
MAX_LISTED_MAILS = 100

# How much longer than the wait the response may take.
_RESPONSE_SECONDS = 30

_NOT_FOUND = 404


class MailHead(TypedDict):
    """What lists have of a mail.

    `untrusted_content` was written by the sender: `from`, `to`, `recipients` (RCPT TO), `subject`, `snippet`, `tags`.
    """

    id: str
    received: str
    size: int
    attachments: int
    is_read: bool
    untrusted_content: dict[str, Any]


class MailList(TypedDict):
    """Mails, the newest first.

    `total` is how many match, and `not_indexed` how many new mails the search left out.
    """

    total: int
    mails: list[MailHead]
    not_indexed: int
    next_cursor: str
    truncated: list[Truncation]


class WaitResult(TypedDict):
    """The mails that match, the newest first.

    If `found` is false, `untrusted_content` has the reasons that the server knows: `error`, `other_mails` (the latest
    mails that do not match), and `explanation` (refused commands, and the ends of the latest SMTP sessions).
    """

    found: bool
    total: int
    mails: list[MailHead]
    truncated: list[Truncation]
    untrusted_content: NotRequired[dict[str, Any]]


class WaitArguments(Arguments):
    """Which mail to wait for; without criteria, any mail."""

    to: Annotated[
        Address | None,
        Field(description="Recipient by the envelope (RCPT TO, so Bcc too); * matches any characters, ? one."),
    ] = None
    sender: Annotated[Address | None, Field(description="Address in From, with the same wildcards.")] = None
    subject: Annotated[
        str | None,
        Field(max_length=500, pattern='^[^"]*[^"\\s][^"]*$', description="A part of the subject, in any case."),
    ] = None
    query: Query = ""
    received_within: Annotated[
        int | None,
        Field(
            ge=1,
            le=31_536_000,
            description="Only mails that arrived in the last N seconds, or arrive during the wait. By default, older "
            "mails count as well, and the tool returns at once if there is one.",
        ),
    ] = None
    timeout: Annotated[float, Field(ge=0, le=MAX_WAIT_SECONDS, description="Seconds to wait.")] = 30.0
    count: Annotated[int, Field(ge=1, le=100, description="The number of mails to wait for.")] = 1


async def _wait_for_mail(api: RestApi, arguments: WaitArguments) -> WaitResult:
    terms = [arguments.query] if arguments.query.strip() else []
    terms += [
        f'{name}"{value}"'
        for name, value in (
            ("recipient:", arguments.to),
            ("from:=", arguments.sender),
            ("subject:", arguments.subject),
        )
        if value is not None
    ]
    if arguments.received_within is not None:
        terms.append(f"after:{arguments.received_within}s")
    query = " ".join(terms)
    if terms:  # a wait ignores invalid terms, so it would return other mails, too
        await request_json(api, "GET", "/api/v1/search", query=build_query(query=query, strict=True, limit=1))
    cleaner = Cleaner()
    try:
        page = await request_json(
            api,
            "GET",
            "/api/v1/wait",
            query=build_query(query=query, timeout=arguments.timeout, count=arguments.count, limit=MAX_LISTED_MAILS),
            timeout=arguments.timeout + _RESPONSE_SECONDS,
        )
    except ApiError as error:
        page = error.parse_body()
        if error.http_status != _NOT_FOUND or "messages" not in page:
            raise
        report = {
            "error": page["Error"],
            "other_mails": page["Others"],
            "explanation": page["Explanation"],
        }
        return {
            "found": False,
            "total": page["messages_count"],
            "mails": _list_mails(cleaner, page["messages"]),
            "untrusted_content": {name: cleaner.clean(name, value) for name, value in report.items()},
            "truncated": cleaner.truncated,
        }
    mails = _list_mails(cleaner, page["messages"])
    return {"found": True, "total": page["messages_count"], "mails": mails, "truncated": cleaner.truncated}


class SearchArguments(Arguments):
    """Which mails to list, the newest first."""

    query: Query = ""
    limit: Annotated[int, Field(ge=1, le=MAX_LISTED_MAILS, description="The number of mails to return.")] = 20
    cursor: Annotated[
        str, Field(max_length=200, description="`next_cursor` of the last result, to continue the list after it.")
    ] = ""


async def _search(api: RestApi, arguments: SearchArguments) -> MailList:
    path = "/api/v1/search" if arguments.query.strip() else "/api/v1/messages"
    query = build_query(query=arguments.query.strip(), limit=arguments.limit, cursor=arguments.cursor)
    if arguments.query.strip():
        query["strict"] = 1
    page = await request_json(api, "GET", path, query=query)
    cleaner = Cleaner()
    mails = _list_mails(cleaner, page["messages"])
    return {
        "total": page["messages_count"],
        "mails": mails,
        "not_indexed": page["pending"],
        "next_cursor": page["cursors"]["next"],
        "truncated": cleaner.truncated,
    }


def _list_mails(cleaner: Cleaner, summaries: list[dict[str, Any]]) -> list[MailHead]:
    return [
        {
            "id": one["ID"],
            "received": one["Created"],
            "size": one["Size"],
            "attachments": one["Attachments"],
            "is_read": one["Read"],
            "untrusted_content": {
                "from": cleaner.clean("from", format_address(one["From"]) or one.get("ReturnPath", "")),
                "to": cleaner.clean("to", [format_address(address) for address in one["To"] or ()]),
                "recipients": cleaner.clean("recipients", one["Recipients"]),
                "subject": cleaner.clean("subject", one["Subject"]),
                "snippet": cleaner.clean("snippet", one["Snippet"]),
                "tags": cleaner.clean("tags", one["Tags"]),
            },
        }
        for one in summaries
    ]


FINDING_TOOLS: tuple[Tool[Any], ...] = (
    Tool(
        "wait_for_mail",
        title="Wait for mail",
        description="Wait until a mail arrives that matches all criteria, and return the matching mails. A mail that "
        "is there already counts. If none arrives in time, the result explains what happened instead.",
        arguments=WaitArguments,
        result=WaitResult,
        effect=Effect(is_read_only=True, returns_mail_content=True),
        run=_wait_for_mail,
        is_waiting=True,
    ),
    Tool(
        "search",
        title="Search mails",
        description="List mails, the newest first: all of them, or those that a search finds.",
        arguments=SearchArguments,
        result=MailList,
        effect=Effect(is_read_only=True, returns_mail_content=True),
        run=_search,
    ),
)

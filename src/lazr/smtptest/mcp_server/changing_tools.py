"""The tools that add and delete mails: `send` and `delete`."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from typing_extensions import TypedDict

from lazr.smtptest.api_client import ApiError
from lazr.smtptest.mcp_server.field_types import QUERY_HELP, Address, Query
from lazr.smtptest.mcp_server.rest_api import RestApi, build_query, request_json
from lazr.smtptest.mcp_server.tool import Arguments, Effect, Tool, ToolError
from lazr.smtptest.mcp_server.untrusted_text import make_visible

__all__ = ["CHANGING_TOOLS"]

MAX_DELETED_MAILS = 1_000

# The largest call must fit into a message over HTTP (4 MiB), with 12 bytes for a character: two escapes of JSON.
MAX_SENT_CHARACTERS = 90_000
MAX_HEADERS = 50
MAX_HEADER_NAME_CHARACTERS = 100
MAX_HEADER_CHARACTERS = 1_000

_MAX_REASON_CHARACTERS = 500


class SentResult(TypedDict):
    """The ID of the new mail."""

    id: str


class DeletedResult(TypedDict):
    """How many mails were deleted, and how many are left.

    `not_found` is how many of `ids` do not exist.
    """

    deleted: int
    not_found: int
    remaining: int


_Addresses = list[Address]
_HeaderName = Annotated[str, Field(max_length=MAX_HEADER_NAME_CHARACTERS)]
_HeaderValue = Annotated[str, Field(max_length=MAX_HEADER_CHARACTERS)]


class SendArguments(Arguments):
    """A mail to put into the server."""

    to: Annotated[_Addresses, Field(min_length=1, max_length=100, description="Addresses for To.")]
    sender: Annotated[Address, Field(description="The address for From.")] = "smtptest@example.com"
    cc: Annotated[_Addresses, Field(max_length=100, description="Addresses for Cc.")] = []  # noqa: RUF012 - pydantic copies it
    bcc: Annotated[_Addresses, Field(max_length=100, description="Addresses for Bcc.")] = []  # noqa: RUF012 - pydantic copies it
    subject: Annotated[str, Field(max_length=1_000, description="The subject.")] = "A test mail"
    text: Annotated[str, Field(max_length=MAX_SENT_CHARACTERS, description="The text part.")] = ""
    html: Annotated[str, Field(max_length=MAX_SENT_CHARACTERS, description="The HTML part.")] = ""
    headers: Annotated[
        dict[_HeaderName, _HeaderValue],
        Field(max_length=MAX_HEADERS, description="More header fields, by name, such as X-Campaign."),
    ] = {}  # noqa: RUF012 - pydantic copies it


async def _send(api: RestApi, arguments: SendArguments) -> SentResult:
    body = {
        "From": {"Email": arguments.sender},
        "To": [{"Email": address} for address in arguments.to],
        "Cc": [{"Email": address} for address in arguments.cc],
        "Bcc": list(arguments.bcc),
        "Subject": arguments.subject,
        "Text": arguments.text,
        "HTML": arguments.html,
        "Headers": arguments.headers,
    }
    try:
        return {"id": (await request_json(api, "POST", "/api/v1/send", body))["ID"]}
    except ApiError as error:
        reason = error.parse_body().get("Error")
        if not isinstance(reason, str):
            raise
        raise ToolError(f"send: {make_visible(reason[:_MAX_REASON_CHARACTERS])}; nothing was sent") from None


class DeleteArguments(Arguments):
    """Which mails to delete: exactly one of the arguments."""

    ids: Annotated[
        list[Annotated[str, Field(pattern="^[0-9A-Za-z]{1,100}$")]],
        Field(max_length=MAX_DELETED_MAILS, description="IDs of mails; `latest` is not one."),
    ] = []  # noqa: RUF012 - pydantic copies it
    query: Annotated[Query, Field(description="A search; all mails that it finds are deleted. " + QUERY_HELP)] = ""
    all: Annotated[bool, Field(description="Delete all mails.")] = False

    @model_validator(mode="after")
    def _check_that_one_is_given(self) -> Self:
        if sum((bool(self.ids), bool(self.query.strip()), self.all)) != 1:
            raise ValueError("exactly one of ids, query and all=true must be given")
        if "latest" in self.ids:
            raise ValueError("ids must be IDs that `search` returns; 'latest' could be another mail by now")
        return self


async def _delete(api: RestApi, arguments: DeleteArguments) -> DeletedResult:
    at_once = {"delay": 0}  # with a delay, the response has the number
    if arguments.query.strip():
        done = await request_json(api, "DELETE", "/api/v1/search", query={"query": arguments.query, **at_once})
    else:
        body = {"IDs": list(arguments.ids)} if arguments.ids else {}
        done = await request_json(api, "DELETE", "/api/v1/messages", body, query=at_once)
    page = await request_json(api, "GET", "/api/v1/messages", query=build_query(limit=1))
    not_found = len(set(arguments.ids)) - done["Deleted"] if arguments.ids else 0
    return {"deleted": done["Deleted"], "not_found": not_found, "remaining": page["total"]}


CHANGING_TOOLS: tuple[Tool[Any], ...] = (
    Tool(
        "send",
        title="Send a test mail",
        description="Put a mail into this server, as if it had been received. It is not delivered, and the rules do "
        "not apply. To test an application, let the application send its mail by SMTP instead.",
        arguments=SendArguments,
        result=SentResult,
        effect=Effect(),
        run=_send,
    ),
    Tool(
        "delete",
        title="Delete mails",
        description="Delete mails for good: by ID, all that a search finds, or all.",
        arguments=DeleteArguments,
        result=DeletedResult,
        effect=Effect(is_destructive=True, is_idempotent=True),
        run=_delete,
    ),
)

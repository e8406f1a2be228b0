"""The tool that reads a mail: `get_mail`."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import Field
from typing_extensions import TypedDict

from lazr.smtptest.api_client import ApiError
from lazr.smtptest.mcp_server.field_types import QUERY_HELP, MailId, Query, format_address
from lazr.smtptest.mcp_server.rest_api import RestApi, build_query, rename_keys, request_json
from lazr.smtptest.mcp_server.tool import Arguments, Effect, Tool, ToolError
from lazr.smtptest.mcp_server.untrusted_text import Cleaner, Truncation

__all__ = ["READING_TOOLS"]

# The longest escape, so that each call reads on.
MIN_TEXT_CHARACTERS = 10
MAX_TEXT_CHARACTERS = 100_000

_NOT_FOUND = 404

Part = Literal["text", "html", "links", "codes", "attachments", "headers", "envelope", "structure", "source"]


class MailResult(TypedDict):
    """A mail.

    `untrusted_content` was written by the sender: `from`, `to`, `cc`, `bcc`, `reply_to`, `return_path`, `subject`,
    `date`, `tags`, and what `include` names.  `truncated` lists the texts that were cut.
    """

    id: str
    size: int
    is_read: bool
    offset: int
    truncated: list[Truncation]
    untrusted_content: dict[str, Any]


class GetMailArguments(Arguments):
    """Which mail to read, and which parts of it."""

    id: MailId = "latest"
    query: Annotated[
        Query, Field(description="With id=latest: the newest mail that this search finds. " + QUERY_HELP)
    ] = ""
    include: Annotated[
        list[Part],
        Field(
            min_length=1,
            max_length=9,
            description="What to return: text (of the HTML, if there is no text part), html, links, codes (one-time "
            "codes), attachments (names, types, sizes and checksums, not the content), headers, envelope (the SMTP "
            "commands), structure (MIME parts, and where they are in the source), source (as it was sent).",
        ),
    ] = ["text", "links", "codes", "attachments"]  # noqa: RUF012 - pydantic copies it
    offset: Annotated[
        int,
        Field(
            ge=0,
            le=2**40,
            description="The first character of text and html, and the first byte of source. To read on, add "
            "`returned` of `truncated`. Only the first MiB of text and html can be read; source has all of the mail.",
        ),
    ] = 0
    max_characters: Annotated[
        int,
        Field(
            ge=MIN_TEXT_CHARACTERS,
            le=MAX_TEXT_CHARACTERS,
            description="The longest text, html and source, with escapes. `truncated` lists the texts that were "
            "cut; call again with `offset` to read on.",
        ),
    ] = 20_000


async def _get_mail(api: RestApi, arguments: GetMailArguments) -> MailResult:
    parts = set(arguments.include)
    if arguments.query and arguments.id != "latest":
        raise ToolError("get_mail: query needs id=latest; leave out one of them")
    query = build_query(query=arguments.query.strip(), mark_read=0)
    if "query" in query:  # `latest` ignores invalid terms, so it could be a mail that does not match
        strict = build_query(query=query["query"], strict=True, limit=1)
        await request_json(api, "GET", "/api/v1/search", query=strict)
    message = await _read_mail(api, arguments.id, query)
    path = f"/api/v1/message/{quote(message['ID'], safe='')}"  # `latest` may be another mail by now
    cleaner = Cleaner()
    content = _build_content(cleaner, message)
    lengths = {one["Field"]: one["Characters"] for one in message.get("Truncated", ())}
    for name, field in (("text", "Text"), ("html", "HTML")):
        if name in parts:
            available = len(message[field])
            if lengths.get(field, 0) > available and arguments.offset >= available:
                raise ToolError(
                    f"get_mail: offset must be less than {available} for {name}, as only that many characters of it "
                    f'can be read, got {arguments.offset}; read on with include=["source"]'
                )
            content[name] = cleaner.cut_text(
                name,
                message[field],
                offset=arguments.offset,
                limit=arguments.max_characters,
                total=lengths.get(field, 0),
            )
    if "attachments" in parts:
        files = [_build_attachment(one, is_inline=False) for one in message["Attachments"]]
        files += [_build_attachment(one, is_inline=True) for one in message["Inline"]]
        content["attachments"] = cleaner.clean("attachments", files)
    for name in ("links", "codes", "headers", "envelope"):
        if name in parts:
            value = await request_json(api, "GET", f"{path}/{name}")
            if name == "links":
                value = list(map(rename_keys, value))
            if name == "headers" and "Headers" in lengths:
                read = sum(len(field) + len(text) + 4 for field, texts in value.items() for text in texts)
                cleaner.report("headers", min(read, lengths["Headers"] - 1), lengths["Headers"], "bytes")
            content[name] = cleaner.clean(name, rename_keys(value) if name == "envelope" else value)
    if "structure" in parts:
        structure = await request_json(api, "GET", f"{path}/structure")
        content["structure"] = cleaner.clean("structure", _flatten_parts(structure["Part"]))
    if "source" in parts:
        content["source"] = await _read_source(api, path, cleaner, arguments, message["Size"])
    return {
        "id": message["ID"],
        "size": message["Size"],
        "is_read": message["Read"],
        "offset": arguments.offset,
        "truncated": cleaner.truncated,
        "untrusted_content": content,
    }


async def _read_mail(api: RestApi, id: str, query: dict[str, object]) -> dict[str, Any]:
    try:
        message: dict[str, Any] = await request_json(api, "GET", f"/api/v1/message/{quote(id, safe='')}", query=query)
    except ApiError as error:
        if error.http_status != _NOT_FOUND:
            raise
        found = f" that matches {query['query']!r}" if "query" in query else ""
        raise ToolError(f"there is no mail {id!r}{found}; `search` lists the mails, `wait_for_mail` waits") from None
    return message


def _build_content(cleaner: Cleaner, message: dict[str, Any]) -> dict[str, Any]:
    content = {
        "from": format_address(message["From"]),
        "to": [format_address(one) for one in message["To"]],
        "cc": [format_address(one) for one in message["Cc"]],
        "bcc": [format_address(one) for one in message["Bcc"]],
        "reply_to": [format_address(one) for one in message["ReplyTo"]],
        "return_path": message["ReturnPath"],
        "subject": message["Subject"],
        "date": message["Date"],
        "tags": message["Tags"],
    }
    return {name: cleaner.clean(name, value) for name, value in content.items()}


def _build_attachment(part: dict[str, Any], *, is_inline: bool) -> dict[str, Any]:
    return {
        "part_id": part["PartID"],
        "file_name": part["FileName"],
        "content_type": part["ContentType"],
        "content_id": part["ContentID"],
        "size": part["Size"],
        "sha256": part["Checksums"]["SHA256"],
        "is_inline": is_inline,
    }


def _flatten_parts(root: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the parts in their order in the source, each with its depth.

    A tree can be 100 levels deep, and clients could not parse that.
    """
    parts: list[dict[str, Any]] = []
    pending = [(root, 0)]
    while pending:
        part, depth = pending.pop()
        parts.append({"depth": depth} | rename_keys({name: part[name] for name in part if name != "Parts"}))
        pending += [(child, depth + 1) for child in reversed(part["Parts"])]
    return parts


async def _read_source(api: RestApi, path: str, cleaner: Cleaner, arguments: GetMailArguments, size: int) -> str:
    end = arguments.offset + arguments.max_characters
    response = await api.request("GET", f"{path}/raw", max_bytes=max(end, 1))
    piece = response.body[arguments.offset : end]
    return cleaner.cut_source("source", piece, limit=arguments.max_characters, total=size)


READING_TOOLS: tuple[Tool[Any], ...] = (
    Tool(
        "get_mail",
        title="Read a mail",
        description="Return a mail: its text, links, one-time codes and attachments by default; the HTML, header "
        "fields, SMTP envelope, MIME structure or source on request. Links are returned, never opened. The mail is not "
        "marked as read.",
        arguments=GetMailArguments,
        result=MailResult,
        effect=Effect(is_read_only=True, returns_mail_content=True),
        run=_get_mail,
    ),
)

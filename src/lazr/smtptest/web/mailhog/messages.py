"""Mails with the paths and fields of MailHog: list, search, delete, download, release."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BeforeValidator
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest._util.host_port import format_host_port
from lazr.smtptest.mail import Attachment, Defects, read_tree
from lazr.smtptest.store import AddressTerm, Page, Search, TextTerm, fold, make_storable
from lazr.smtptest.web.api.access_scope import AccessScope, AccessScopeDep
from lazr.smtptest.web.api.attachment_response import (
    SANDBOX_HEADERS,
    build_part_response,
    format_content_disposition,
)
from lazr.smtptest.web.api.message_param import MailDep, MessageRef, check_id
from lazr.smtptest.web.api.message_parts import ANY_CONTENT
from lazr.smtptest.web.api.query_params import StartParam
from lazr.smtptest.web.api.release import RELAY_IS_OFF
from lazr.smtptest.web.api.request_body import RequestBodyDep, build_request_body_schema
from lazr.smtptest.web.mailhog.schemas import (
    MAX_SHOWN_CHARACTERS,
    MailHogMessage,
    MailHogMessages,
    build_mailhog_message,
)
from lazr.smtptest.web.outbound import ReleaseFailed
from lazr.smtptest.web.responses import ApiError, json_response
from lazr.smtptest.web.sandbox import ConcurrencyLimit

if TYPE_CHECKING:
    from lazr.smtptest.mail import Mail

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["mailhog"])

_DEFAULT_LIMIT = 50
_MAX_LIMIT = 250
_MAX_SEARCH_START = 10_000

# A page has the content of each mail several times, so its size is limited, and only one is built at a time.
_MAX_PAGE_CHARACTERS = MAX_SHOWN_CHARACTERS
_PAGE_LIMIT = ConcurrencyLimit(1)

IdParam = Annotated[str, Path(description="The ID of a mail")]


def _parse_limit(text: object) -> int:
    digits = str(text)[:9]
    return min(int(digits), _MAX_LIMIT) or _DEFAULT_LIMIT if digits.isdecimal() else _DEFAULT_LIMIT


MailHogLimitParam = Annotated[
    int,
    BeforeValidator(_parse_limit),
    Query(description=f"The number of mails to return, at most {_MAX_LIMIT}"),
]


class MailHogReleaseRequest(TypedDict, total=False):
    """The recipient.

    `Host` and `Port` may only name the relay of this server; `Name` and `Save` must be empty.
    """

    Email: str
    Host: str
    Port: str
    Name: str
    Save: bool


@router.get("/api/v2/messages", responses={200: {"model": MailHogMessages}})
async def list_mailhog_messages(
    scope: AccessScopeDep, start: StartParam = 0, limit: MailHogLimitParam = _DEFAULT_LIMIT
) -> Response:
    """Return a list of mails, the newest first.

    The list ends early, after at least one mail, before it has more than 24 MiB.  A mail whose JSON has more, which
    usually is one above 8 MiB, has its header fields only.
    """

    def build_response() -> Response:
        return _build_page_response(scope, scope.get_page(start=start, limit=limit), start)

    return await _PAGE_LIMIT.run_in_thread(build_response)


@router.get("/api/v2/search", responses={200: {"model": MailHogMessages}})
async def search_mailhog_messages(
    scope: AccessScopeDep,
    kind: Annotated[str, Query(description="Where to look: from, to or containing")] = "",
    query: Annotated[str, Query(description="The text to look for, in any letter case")] = "",
    start: StartParam = 0,
    limit: MailHogLimitParam = _DEFAULT_LIMIT,
) -> Response:
    """Return the mails that contain a text, the newest first.

    `from` and `to` look in the envelope and in the header field of this name, `containing` in the addresses, the
    subject, the decoded text and the names of attachments.  400 for another kind or without a query.
    """
    searches = _build_searches(kind, fold(make_storable(query)))
    if start > _MAX_SEARCH_START:
        raise ApiError(400, f"start must be at most {_MAX_SEARCH_START:,} in a search, got {start}")

    def build_response() -> Response:
        return _build_page_response(scope, _find_any(scope, searches, start, limit), start)

    return await _PAGE_LIMIT.run_in_thread(build_response)


@router.get("/api/v1/messages/{id}", responses={200: {"model": MailHogMessage}})
async def get_mailhog_message(scope: AccessScopeDep, id: IdParam) -> Response:
    """Return one mail.

    A mail whose JSON has more than 24 MiB has its header fields only.  404 if there is no such mail.
    """

    def build_response() -> Response:
        return json_response(build_mailhog_message(_get_mail(scope, id))[0])

    return await _PAGE_LIMIT.run_in_thread(build_response)


@router.delete("/api/v1/messages/{id}", response_class=Response)
def delete_mailhog_message(scope: AccessScopeDep, id: IdParam) -> Response:
    """Delete one mail; the response has no body.

    404 if there is no such mail.
    """
    if scope.get_entry(check_id(id)) is None:
        raise MessageRef(id).build_not_found_error()
    scope.delete(ids=[id])
    return Response(status_code=200)


@router.get("/api/v1/messages/{id}/download", responses={200: {"content": {"application/octet-stream": {}}}})
def download_mailhog_message(mail: MailDep) -> Response:
    """Return the content of a mail, byte for byte, as a file.

    404 if there is no such mail.
    """
    headers = {
        "content-type": "application/octet-stream",
        "content-disposition": format_content_disposition("attachment", f"{mail.id}.eml"),
        **SANDBOX_HEADERS,
    }
    return Response(mail.content, headers=headers)


@router.get("/api/v1/messages/{id}/mime/part/{part}/download", responses={200: {"content": ANY_CONTENT}})
def download_mailhog_part(
    mail: MailDep,
    part: Annotated[str, Path(description="The position of the part in `MIME.Parts`; the first is 0")],
) -> Response:
    """Return the decoded content of one part.

    404 if there is no such mail or part.
    """
    content = mail.content
    parts = dict(enumerate(read_tree(content, Defects()).children))
    found = parts.get(int(part)) if part.isdecimal() and len(part) < 9 else None
    if found is None:
        raise MessageRef(mail.id).build_not_found_error()
    attachment = Attachment("", found.type.value, found.decode_body(content, lambda _: None), number=found.number)
    return build_part_response(attachment)


@router.post(
    "/api/v1/messages/{id}/release",
    response_class=Response,
    openapi_extra=build_request_body_schema(MailHogReleaseRequest),
)
async def release_mailhog_message(scope: AccessScopeDep, mail: MailDep, body: RequestBodyDep) -> Response:
    """Send a mail to a real recipient through the relay, with unchanged content.

    400 if there is no relay, if `Host` and `Port` are another server, if `Name` names a server or `Save` is true, if
    the relay may not send to the recipient, or if it refuses the mail; 404 if there is no such mail.
    """
    relay = scope.app_context.relay
    if relay is None:
        raise ApiError(400, RELAY_IS_OFF)
    form = body.parse_object()
    # MailHog keeps servers by their names; `GET /api/v2/outgoing-smtp` says that there are none.
    if form.get_string("Name") or form.get_bool("Save"):
        raise ApiError(
            400,
            f"Name and Save must be absent: this server has only the relay {relay.server} of its configuration, and "
            "keeps no other outgoing servers",
        )
    host, port = form.get_string("Host"), form.get_string("Port")
    if host and format_host_port(host, port) != relay.server:
        raise ApiError(400, f"Host and Port must be those of the relay, {relay.server}, or absent; got {host}:{port}")
    try:
        await relay.release(mail, relay.parse_recipients([form.get_string("Email")]))
    except ReleaseFailed as error:
        raise ApiError(400, str(error)) from None
    return Response(status_code=200)


def _build_searches(kind: str, text: str) -> list[Search]:
    """Return the searches whose mails are wanted: a mail must match one of them."""
    if not text:
        raise ApiError(400, "query must be the text to look for, got nothing")
    pattern = f"*{text.replace('*', '?')}*"  # ? matches the * too
    if kind == "from":
        return [(AddressTerm("sender", pattern),), (TextTerm("from", text),)]
    if kind == "to":
        return [(AddressTerm("recipient", pattern),), (TextTerm("to", text),)]
    if kind == "containing":
        return [(TextTerm("anywhere", text),)]
    raise ApiError(400, f"kind must be from, to or containing, got {kind!r}")


def _find_any(scope: AccessScope, searches: list[Search], start: int, limit: int) -> Page:
    """Return a page of the mails that match at least one of the searches, each of one term."""
    if len(searches) == 1:
        return scope.get_page(searches[0], start=start, limit=limit)
    first, second = searches
    # The second search leaves out what the first finds, so no mail is counted or listed twice.
    rest = (*second, *(replace(term, negated=True) for term in first))
    pages = [scope.get_page(search, limit=start + limit) for search in (first, rest)]
    entries = sorted((entry for page in pages for entry in page.entries), key=lambda entry: entry.number, reverse=True)
    return Page(
        entries[start : start + limit],
        sum(page.match_count for page in pages),
        sum(page.unread_count for page in pages),
    )


def _build_page_response(scope: AccessScope, page: Page, start: int) -> Response:
    items: list[MailHogMessage] = []
    total_characters = 0
    for entry in page.entries:
        mail = scope.get_mail(entry.id)
        if mail is None:  # it has been deleted meanwhile
            continue
        message, characters = build_mailhog_message(mail)
        total_characters += characters
        if items and total_characters > _MAX_PAGE_CHARACTERS:
            break
        items.append(message)
    return json_response({"total": page.match_count, "count": len(items), "start": start, "items": items})


def _get_mail(scope: AccessScope, id: str) -> Mail:
    mail = scope.get_mail(check_id(id))
    if mail is None:
        raise MessageRef(id).build_not_found_error()
    return mail

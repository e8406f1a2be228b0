"""One mail: read, its header, its octets, its parts; and what could be done with it, but is off."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest.errors import StoreFull
from lazr.smtptest.mail.mime.charset import header_text
from lazr.smtptest.web.answers import Refused, as_json, ok
from lazr.smtptest.web.apart import Failed
from lazr.smtptest.web.files import SANDBOX, disposition, file, name_of, shown
from lazr.smtptest.web.given import given, takes
from lazr.smtptest.web.htmlcheck.score import HTMLCheckResponse, checked
from lazr.smtptest.web.inturn import InTurn
from lazr.smtptest.web.mentioned import mentioned
from lazr.smtptest.web.one import NamedEntry, NamedMail, mail_of
from lazr.smtptest.web.relay import NotReleased
from lazr.smtptest.web.scope import Scoped
from lazr.smtptest.web.shapes import Message, message_of
from lazr.smtptest.web.thumbnail import thumbnail

if TYPE_CHECKING:
    from lazr.smtptest.mail.attachment import Attachment
    from lazr.smtptest.mail.headers import Field
    from lazr.smtptest.mail.mail import Mail

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["message"])

# Each is a process for a while.  The mail is got in the turn, not before: those who wait hold none.
_THUMBNAILS = InTurn(1)
_HTML_CHECKS = InTurn(1)


class CheckedLink(TypedDict):
    """What became of a link; the status is 0 where nothing was answered, and 451 where it leads into this network."""

    URL: str
    StatusCode: int
    Status: str


class LinkCheckResponse(TypedDict):
    """What became of the links."""

    Errors: int
    Links: list[CheckedLink]


Number = Annotated[str, Path(alias="PartID", description="A part's PartID")]


class Releasing(TypedDict):
    """To whom a mail is sent on."""

    To: list[str]


@router.get("/api/v1/message/{id}", responses={200: {"model": Message}})
def get_message(scope: Scoped, entry: NamedEntry, mail: NamedMail) -> Response:
    """A mail, which is marked as read by this."""
    with suppress(StoreFull):  # it can be read all the same
        scope.mark(read=True, ids=[entry.id])
    return as_json(message_of(entry, mail))


@router.get("/api/v1/message/{id}/headers", responses={200: {"model": dict[str, list[str]]}})
def get_headers(mail: NamedMail) -> Response:
    """The header fields by their names, in alphabetical order; values are not decoded."""
    found: dict[str, list[str]] = {}
    for field in mail.headers:
        found.setdefault(_canonical(field.name), []).append(_unfolded(field))
    return as_json(dict(sorted(found.items())))


@router.get("/api/v1/message/{id}/raw", responses={200: {"content": {"text/plain": {}}}})
def get_source(mail: NamedMail, dl: Annotated[str, Query(description="1: to be saved as a file")] = "") -> Response:
    """The content, to the octet as it was on the wire."""
    headers = {"content-type": "text/plain; charset=utf-8", **SANDBOX}
    if dl == "1":
        headers["content-disposition"] = disposition("attachment", f"{mail.id}.eml")
    return Response(mail.content, headers=headers)


@router.get("/api/v1/message/{id}/part/{PartID}", responses={200: {"content": {"*/*": {}}}})
def get_part(mail: NamedMail, number: Number) -> Response:
    """A part's octets.  Pictures can be shown, everything else is to be saved."""
    return file(_part_of(mail, number))


@router.get("/api/v1/message/{id}/part/{PartID}/thumb", responses={200: {"content": {"image/jpeg": {}}}})
async def get_thumbnail(scope: Scoped, entry: NamedEntry, number: Number) -> Response:
    """A JPEG of 180 × 120 of a part; blank where that is no picture, or too large a one."""

    def made() -> Response:
        part = _part_of(mail_of(scope, entry), number)
        return shown(thumbnail(part), "image/jpeg", name_of(part))

    return await _THUMBNAILS.call(made)


@router.post("/api/v1/message/{id}/release", openapi_extra=takes(Releasing))
async def release_message(scope: Scoped, mail: NamedMail, body: given) -> Response:
    """Send a mail on to real people, where a relay is set up and they are allowed."""
    relay = scope.catcher.relay
    if relay is None:
        raise Refused(400, "Relaying is off: `smtptest serve --relay HOST:PORT --relay-allow ADDRESS` switches it on")
    try:
        await relay.release(mail, relay.recipients(body.given().strings("To")))
    except NotReleased as error:
        raise Refused(400, str(error)) from None
    return ok()


@router.get("/api/v1/message/{id}/html-check", responses={200: {"model": HTMLCheckResponse}})
async def check_html(scope: Scoped, entry: NamedEntry) -> Response:
    """How well mail programs support the HTML, by the data of caniemail.com."""

    def made() -> Response:
        html = mail_of(scope, entry).html
        if not html:
            raise Refused(400, "message does not contain HTML")
        try:
            return as_json(checked(html))
        except Failed as error:
            raise Refused(400, f"the HTML cannot be checked: {error}") from None

    return await _HTML_CHECKS.call(made)


@router.get("/api/v1/message/{id}/link-check", responses={200: {"model": LinkCheckResponse}})
async def check_links(
    scope: Scoped,
    entry: NamedEntry,
    mail: NamedMail,
    follow: Annotated[str, Query(description="true or 1: follow redirects")] = "",
) -> Response:
    """Whether the links lead somewhere; the mail is marked as read by this."""
    links = scope.catcher.links
    if links is None:
        raise Refused(
            403, "Link checking is off: `smtptest serve --check-links` switches it on, and connects to others"
        )
    await run_in_threadpool(scope.mark, read=True, ids=[entry.id])
    urls = await run_in_threadpool(mentioned, mail, links.most)
    checked = await links.check(urls, follow=follow in ("true", "1"))
    return as_json(
        {
            "Errors": sum(one.is_broken for one in checked),
            "Links": [{"URL": one.url, "StatusCode": one.status, "Status": one.words} for one in checked],
        }
    )


def _part_of(mail: Mail, number: str) -> Attachment:
    for part in mail.attachments:
        if part.number == number:
            return part
    raise Refused(404, "404 page not found")


def _canonical(name: str) -> str:
    """A name as Go's textproto writes it: `Message-Id`."""
    return "-".join(word[:1].upper() + word[1:].lower() for word in name.split("-"))


def _unfolded(field: Field) -> str:
    """As Go's textproto does it: each line's white space at both ends is one space."""
    text = header_text(field.raw, lambda _: None)
    return " ".join(line.strip(" \t\r") for line in text.split("\n")).strip()

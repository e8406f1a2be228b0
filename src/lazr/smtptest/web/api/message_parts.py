"""The parts of a mail as files, and thumbnails of pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import Response

from lazr.smtptest.web.api.access_scope import AccessScopeDep
from lazr.smtptest.web.api.attachment_response import build_file_response, build_part_response, get_filename
from lazr.smtptest.web.api.message_param import EntryDep, MailDep, load_mail
from lazr.smtptest.web.responses import ApiError
from lazr.smtptest.web.sandbox import ConcurrencyLimit, make_thumbnail

if TYPE_CHECKING:
    from lazr.smtptest.mail import Attachment, Mail

__all__ = ["ANY_CONTENT", "router"]

router: APIRouter = APIRouter(tags=["message"])

# Each thumbnail takes a child process.  Waiting requests hold no mail: it is loaded when the turn has come.
_THUMBNAIL_LIMIT = ConcurrencyLimit(1)

PartIdParam = Annotated[str, Path(alias="PartID", description="The PartID of an attachment")]


ANY_CONTENT: dict[str, Any] = {"application/octet-stream": {}, "*/*": {}}
"""The OpenAPI description of content of any type.  Generators choose the first type that they know; few know `*/*`."""


@router.get("/api/v1/message/{id}/part/{PartID}", responses={200: {"content": ANY_CONTENT}})
def get_part(mail: MailDep, number: PartIdParam) -> Response:
    """Return the decoded content of an attachment.

    Browsers show pictures and save everything else.  404 if there is no such mail or attachment.
    """
    return build_part_response(_find_part(mail, number))


@router.get("/api/v1/message/{id}/part/{PartID}/thumb", responses={200: {"content": {"image/jpeg": {}}}})
async def get_thumbnail(scope: AccessScopeDep, entry: EntryDep, number: PartIdParam) -> Response:
    """Return a JPEG of an attachment, 180 × 120 pixels.

    It is blank if the attachment is not a picture, or too large a picture.  404 if there is no such mail or
    attachment; 501 for a picture if the extra `thumbnails` is not installed; 503 if too many requests wait for
    thumbnails.
    """

    def build_thumbnail_response() -> Response:
        part = _find_part(load_mail(scope, entry), number)
        return build_file_response(make_thumbnail(part), "image/jpeg", get_filename(part))

    return await _THUMBNAIL_LIMIT.run_in_thread(build_thumbnail_response)


def _find_part(mail: Mail, number: str) -> Attachment:
    for part in mail.attachments:
        if part.number == number:
            return part
    raise ApiError(404, "404 page not found")

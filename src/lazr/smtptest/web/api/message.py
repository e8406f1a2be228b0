"""One mail: its texts and attachments as JSON, its header fields, and its source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from lazr.smtptest.mail import decode_header_text
from lazr.smtptest.web.api.access_scope import AccessScopeDep
from lazr.smtptest.web.api.attachment_response import SANDBOX_HEADERS, format_content_disposition
from lazr.smtptest.web.api.message_param import MailDep, MarkReadParam, OpenedMessageRefDep, open_message
from lazr.smtptest.web.api.schemas import Message, build_message
from lazr.smtptest.web.middleware import get_webroot
from lazr.smtptest.web.responses import json_response

if TYPE_CHECKING:
    from lazr.smtptest.mail import Field

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["message"])


@router.get("/api/v1/message/{id}", responses={200: {"model": Message}})
def get_message(
    request: Request, scope: AccessScopeDep, ref: OpenedMessageRefDep, *, mark_read: MarkReadParam = True
) -> Response:
    """Return a mail with its texts and attachments, and mark it as read.

    With `mark_read=0`, the mark does not change.  404 if there is no such mail.
    """
    opened = open_message(scope, ref, mark_read=mark_read)
    return json_response(build_message(opened.entry, opened.mail, webroot=get_webroot(request.scope)))


@router.get("/api/v1/message/{id}/headers", responses={200: {"model": dict[str, list[str]]}})
def get_headers(mail: MailDep) -> Response:
    """Return the values of the header fields by name, in alphabetical order.

    Encoded words (RFC 2047) are not decoded.  404 if there is no such mail.
    """
    values_by_name: dict[str, list[str]] = {}
    for field in mail.headers:
        values_by_name.setdefault(_canonicalize_field_name(field.name), []).append(_unfold_field(field))
    return json_response(dict(sorted(values_by_name.items())))


@router.get("/api/v1/message/{id}/raw", responses={200: {"content": {"text/plain": {}}}})
def get_source(
    mail: MailDep, dl: Annotated[str, Query(description="1: have browsers save it as a file")] = ""
) -> Response:
    """Return the content of a mail, byte for byte as the client sent it.

    404 if there is no such mail.
    """
    headers = {"content-type": "text/plain; charset=utf-8", **SANDBOX_HEADERS}
    if dl == "1":
        headers["content-disposition"] = format_content_disposition("attachment", f"{mail.id}.eml")
    return Response(mail.content, headers=headers)


def _canonicalize_field_name(name: str) -> str:
    """Return a field name as Go's textproto writes it, such as `Message-Id`."""
    return "-".join(word[:1].upper() + word[1:].lower() for word in name.split("-"))


def _unfold_field(field: Field) -> str:
    """Return a field's value as Go's textproto does.

    White space around a line break becomes one space.
    """
    text = decode_header_text(field.raw, lambda _: None)
    return " ".join(line.strip(" \t\r") for line in text.split("\n")).strip()

"""Compose a mail from a JSON description and put it into the store."""

from __future__ import annotations

import binascii
import time
from datetime import UTC, datetime
from email.utils import format_datetime

from fastapi import APIRouter, Request
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest._util.host_port import format_host_port
from lazr.smtptest.mail import (
    AttachmentFile,
    Envelope,
    build_address_field,
    build_text_field,
    compose_message,
    sniff_content_type,
)
from lazr.smtptest.protocol.smtp import Credentials
from lazr.smtptest.store import Arrival, check_tags
from lazr.smtptest.store_delivery import generate_id
from lazr.smtptest.web.api.access_scope import AccessScopeDep
from lazr.smtptest.web.api.request_body import JsonObject, RequestBodyDep, build_request_body_schema
from lazr.smtptest.web.responses import ApiError, json_response

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["send"])

# The header fields that a request cannot set in `Headers`, in lower case.  X-Tags is another one if there are `Tags`.
_RESERVED_FIELD_NAMES = frozenset(
    # These have members of their own in the request.
    {"to", "from", "cc", "bcc", "reply-to", "date", "subject", "content-type", "mime-version"}
    # This one would make the message unreadable.
    | {"content-transfer-encoding"}
)


class NamedAddress(TypedDict, total=False):
    """An email address and its display name."""

    Name: str
    Email: str


class SendAttachment(TypedDict, total=False):
    """A file in base64; with a `ContentID`, the HTML can refer to it as `cid:…`."""

    Content: str
    Filename: str
    ContentType: str
    ContentID: str


class SendRequest(TypedDict, total=False):
    """The header fields, texts and attachments of a mail."""

    From: NamedAddress
    To: list[NamedAddress]
    Cc: list[NamedAddress]
    Bcc: list[str]
    ReplyTo: list[NamedAddress]
    Subject: str
    Text: str
    HTML: str
    Attachments: list[SendAttachment]
    Tags: list[str]
    Headers: dict[str, str]


class SendResponse(TypedDict):
    """The ID of the new mail."""

    ID: str


@router.post(
    "/api/v1/send", openapi_extra=build_request_body_schema(SendRequest), responses={200: {"model": SendResponse}}
)
def send_message(scope: AccessScopeDep, request: Request, body: RequestBodyDep) -> Response:
    """Compose a mail and put it into the store, as if it had been received over SMTP.

    The rules of the mail server do not apply.  As in Mailpit, the mail has the header fields Return-Path and Bcc.  400
    if an address, a header field or an attachment is invalid, with `{"Error": …}`.
    """
    try:
        form = body.parse_object()
        sender = form.get_object("From").get_string("Email")
        content, recipients = _compose_content(form, sender)
    except ApiError as error:
        return json_response({"Error": error.reason}, error.status)
    except ValueError as error:
        return json_response({"Error": str(error)}, 400)
    envelope = Envelope(
        sender,
        tuple(recipients),
        mail_parameters={},
        rcpt_parameters=tuple({} for _ in recipients),
        peer=format_host_port(request.client.host, request.client.port) if request.client else "",
        auth=Credentials("HTTP", scope.user) if scope.user else None,
    )
    arrival = Arrival(generate_id(), time.time(), envelope, [content])
    try:
        scope.add(arrival)
    except ApiError as error:
        return json_response({"Error": error.reason}, error.status)
    return json_response({"ID": arrival.id})


def _compose_content(form: JsonObject, sender: str) -> tuple[bytes, list[str]]:
    """Return the content and the envelope recipients; raise `ValueError` for invalid values."""
    headers, tags = form.get_string_map("Headers"), form.get_strings("Tags")
    given_names = {name.lower() for name in headers}
    addresses = {name: _get_addresses(form, name) for name in ("To", "Cc", "ReplyTo")}
    from_field = _build_checked_address_field("From", [(form.get_object("From").get_string("Name"), sender)])
    fields = [from_field] if "return-path" in given_names else [f"Return-Path: <{sender}>", from_field]
    fields += [
        _build_checked_address_field(header, addresses[name])
        for name, header in (("To", "To"), ("Cc", "Cc"), ("ReplyTo", "Reply-To"))
        if addresses[name]
    ]
    bcc = form.get_strings("Bcc")
    if bcc:
        fields.append(_build_checked_address_field("Bcc", [("", address) for address in bcc]))
    fields.append(build_text_field("Subject", form.get_string("Subject")))
    fields.append(f"Date: {format_datetime(datetime.now(UTC))}")
    if "message-id" not in given_names:
        fields.append(f"Message-ID: <{generate_id()}@localhost>")
    check_tags(tags)
    if tags:
        fields.append(build_text_field("X-Tags", ", ".join(tags)))
    for name, value in headers.items():
        if name.lower() in _RESERVED_FIELD_NAMES or (tags and name.lower() == "x-tags"):
            raise ValueError(f'cannot overwrite header: "{name}"')
        fields.append(build_text_field(name, value))
    files = [_decode_attachment(attachment) for attachment in form.get_objects("Attachments")]
    content = compose_message(fields, form.get_string("Text"), form.get_string("HTML"), files)
    return content, [address for _, address in (*addresses["To"], *addresses["Cc"])] + bcc


def _get_addresses(form: JsonObject, name: str) -> list[tuple[str, str]]:
    return [(address.get_string("Name"), address.get_string("Email")) for address in form.get_objects(name)]


def _build_checked_address_field(name: str, addresses: list[tuple[str, str]]) -> str:
    try:
        return build_address_field(name, addresses)
    except ValueError as error:
        raise ValueError(f"invalid {name} address: {error}") from None


def _decode_attachment(form: JsonObject) -> AttachmentFile:
    name = form.get_string("Filename")
    data = form.get_string("Content").rpartition(",")[2]  # without the prefix of a data: URL
    try:
        content = binascii.a2b_base64(data.encode("ascii"), strict_mode=True) if data else b""
    except ValueError as error:
        raise ValueError(f'error decoding base64 attachment "{name}": {error}') from None
    return AttachmentFile(
        name, form.get_string("ContentType") or sniff_content_type(content), content, form.get_string("ContentID")
    )

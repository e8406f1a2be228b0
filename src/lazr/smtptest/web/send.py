"""A mail that comes over HTTP: written from what a client says is in it, and put into the store."""

from __future__ import annotations

import binascii
import time
from datetime import UTC, datetime
from email.utils import format_datetime

from fastapi import APIRouter, Request
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest.keeping import new_id
from lazr.smtptest.mail.envelope import Envelope
from lazr.smtptest.protocol.smtp.sasl import Credentials
from lazr.smtptest.store.contract import Arrival
from lazr.smtptest.web.answers import Refused, as_json
from lazr.smtptest.web.compose import File, address_field, composed, sniffed, text_field
from lazr.smtptest.web.given import Given, given, takes
from lazr.smtptest.web.scope import Scoped

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["send"])

# What has a place of its own in a request, in small letters; and Tags, where there are any.
_RESERVED = frozenset(
    {"to", "from", "cc", "bcc", "reply-to", "date", "subject", "content-type", "mime-version"}
    | {"content-transfer-encoding"}  # ... and would make the message unreadable
)


class Person(TypedDict, total=False):
    """An address, and the name of whose it is."""

    Name: str
    Email: str


class Attached(TypedDict, total=False):
    """A file, in base64; with a ContentID, one that the HTML shows."""

    Content: str
    Filename: str
    ContentType: str
    ContentID: str


class Sending(TypedDict, total=False):
    """A mail."""

    From: Person
    To: list[Person]
    Cc: list[Person]
    Bcc: list[str]
    ReplyTo: list[Person]
    Subject: str
    Text: str
    HTML: str
    Attachments: list[Attached]
    Tags: list[str]
    Headers: dict[str, str]


class Sent(TypedDict):
    """The name of the new mail."""

    ID: str


@router.post("/api/v1/send", openapi_extra=takes(Sending), responses={200: {"model": Sent}})
def send_message(scope: Scoped, request: Request, body: given) -> Response:
    """Put a mail into the store, as if it had been received; SMTP's rules are not asked."""
    try:
        form = body.given()
        sender = form.object("From").text("Email")
        content, recipients = _written(form, sender)
    except Refused as error:
        return as_json({"Error": error.reason}, error.status)
    except ValueError as error:
        return as_json({"Error": str(error)}, 400)
    envelope = Envelope(
        sender,
        tuple(recipients),
        mail_parameters={},
        rcpt_parameters=tuple({} for _ in recipients),
        peer=f"{request.client.host}:{request.client.port}" if request.client else "",
        auth=Credentials("HTTP", scope.user) if scope.user else None,
    )
    arrival = Arrival(new_id(), time.time(), envelope, [content])
    scope.add(arrival)
    return as_json({"ID": arrival.id})


def _written(form: Given, sender: str) -> tuple[bytes, list[str]]:
    """The content, and the recipients; raises `ValueError`, whose text is for people."""
    people = {name: _people(form, name) for name in ("To", "Cc", "ReplyTo")}
    fields = [_address_field("From", [(form.object("From").text("Name"), sender)])]
    fields += [
        _address_field(header, people[name])
        for name, header in (("To", "To"), ("Cc", "Cc"), ("ReplyTo", "Reply-To"))
        if people[name]
    ]
    hidden = form.strings("Bcc")
    _address_field("Bcc", [("", one) for one in hidden])  # to look at; nobody is told
    fields.append(text_field("Subject", form.text("Subject")))
    fields.append(f"Date: {format_datetime(datetime.now(UTC))}")
    headers, tags = form.mapping("Headers"), form.strings("Tags")
    if "message-id" not in map(str.lower, headers):
        fields.append(f"Message-ID: <{new_id()}@localhost>")
    if tags:
        fields.append(text_field("X-Tags", ", ".join(tags)))
    for name, value in headers.items():
        if name.lower() in _RESERVED or (tags and name.lower() == "x-tags"):
            raise ValueError(f'cannot overwrite header: "{name}"')
        fields.append(text_field(name, value))
    files = [_file(one) for one in form.objects("Attachments")]
    content = composed(fields, form.text("Text"), form.text("HTML"), files)
    return content, [address for _, address in (*people["To"], *people["Cc"])] + hidden


def _people(form: Given, name: str) -> list[tuple[str, str]]:
    return [(one.text("Name"), one.text("Email")) for one in form.objects(name)]


def _address_field(name: str, addresses: list[tuple[str, str]]) -> str:
    try:
        return address_field(name, addresses)
    except ValueError as error:
        raise ValueError(f"invalid {name} address: {error}") from None


def _file(form: Given) -> File:
    name = form.text("Filename")
    data = form.text("Content").rpartition(",")[2]  # what is in front is that of a data: URL
    try:
        content = binascii.a2b_base64(data.encode("ascii"), strict_mode=True) if data else b""
    except ValueError as error:
        raise ValueError(f'error decoding base64 attachment "{name}": {error}') from None
    return File(name, form.text("ContentType") or sniffed(content), content, form.text("ContentID"))

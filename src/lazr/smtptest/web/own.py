"""What Mailpit does not tell of a mail: its links, its codes, its envelope, its defects."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest.web.answers import as_json
from lazr.smtptest.web.one import NamedMail

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["message"])


class Link(TypedDict):
    """A link: `Text` is what a reader sees of it, `Where` is html or text."""

    URL: str
    Text: str
    Where: str


class Envelope(TypedDict):
    """By the commands of the session; parameters are those of MAIL, and of each RCPT."""

    From: str
    To: list[str]
    FromParameters: dict[str, str]
    ToParameters: list[dict[str, str]]
    Bcc: list[str]
    Helo: str
    Peer: str
    TLS: str
    User: str


class Defect(TypedDict):
    """Something that is wrong with a mail, and where."""

    Where: str
    Reason: str


@router.get("/api/v1/message/{id}/links", responses={200: {"model": list[Link]}})
def get_links(mail: NamedMail) -> Response:
    """The links of the HTML, then those of the text."""
    return as_json([{"URL": link.url, "Text": link.text, "Where": link.where} for link in mail.links])


@router.get("/api/v1/message/{id}/codes", responses={200: {"model": list[str]}})
def get_codes(mail: NamedMail) -> Response:
    """One-time codes, digits only; the likeliest first."""
    return as_json(list(mail.codes))


@router.get("/api/v1/message/{id}/envelope", responses={200: {"model": Envelope}})
def get_envelope(mail: NamedMail) -> Response:
    """Who the mail is from and for, whatever its header says; and how it came."""
    envelope = mail.envelope
    return as_json(
        {
            "From": envelope.mail_from,
            "To": list(envelope.rcpt_tos),
            "FromParameters": dict(envelope.mail_parameters),
            "ToParameters": [dict(one) for one in envelope.rcpt_parameters],
            "Bcc": list(mail.bcc),
            "Helo": envelope.helo,
            "Peer": envelope.peer,
            "TLS": "" if envelope.tls is None else envelope.tls.told(),
            "User": "" if envelope.auth is None else envelope.auth.username,
        }
    )


@router.get("/api/v1/message/{id}/defects", responses={200: {"model": list[Defect]}})
def get_defects(mail: NamedMail) -> Response:
    """What is wrong with the content, or could not be read."""
    return as_json([{"Where": one.where, "Reason": one.reason} for one in mail.defects])

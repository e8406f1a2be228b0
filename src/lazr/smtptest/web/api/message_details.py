"""Details of one mail that Mailpit's API does not have.

They are links, one-time codes, envelope and defects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest.web.api.message_param import MailDep
from lazr.smtptest.web.responses import json_response

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["message"])


class Link(TypedDict):
    """A link: `Text` is its visible text, `Where` is `html` or `text`."""

    URL: str
    Text: str
    Where: str


class Envelope(TypedDict):
    """The envelope by the SMTP commands.

    It has the addresses, and the parameters of MAIL and of each RCPT.
    """

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
    """A violation of the mail format, and where it is.

    `Start` and `End` are octets in the source, the end after the last one, and `Line` is counted from 1.  They are null
    if the violation has no place, such as a missing field.
    """

    Where: str
    Reason: str
    Start: int | None
    End: int | None
    Line: int | None


@router.get("/api/v1/message/{id}/links", responses={200: {"model": list[Link]}})
def get_links(mail: MailDep) -> Response:
    """Return the links of a mail: those of the HTML, then those of the text.

    404 if there is no such mail.
    """
    return json_response([{"URL": link.url, "Text": link.text, "Where": link.where} for link in mail.links])


@router.get("/api/v1/message/{id}/codes", responses={200: {"model": list[str]}})
def get_codes(mail: MailDep) -> Response:
    """Return the one-time codes in a mail, digits only, the likeliest first.

    404 if there is no such mail.
    """
    return json_response(list(mail.codes))


@router.get("/api/v1/message/{id}/envelope", responses={200: {"model": Envelope}})
def get_envelope(mail: MailDep) -> Response:
    """Return the sender and recipients by the SMTP commands, and facts about the session.

    404 if there is no such mail.
    """
    envelope = mail.envelope
    return json_response(
        {
            "From": envelope.mail_from,
            "To": list(envelope.rcpt_tos),
            "FromParameters": dict(envelope.mail_parameters),
            "ToParameters": [dict(parameters) for parameters in envelope.rcpt_parameters],
            "Bcc": list(mail.bcc),
            "Helo": envelope.helo,
            "Peer": envelope.peer,
            "TLS": "" if envelope.tls is None else envelope.tls.describe(),
            "User": "" if envelope.auth is None else envelope.auth.username,
        }
    )


@router.get("/api/v1/message/{id}/defects", responses={200: {"model": list[Defect]}})
def get_defects(mail: MailDep) -> Response:
    """Return the violations of the mail format that the parser found.

    404 if there is no such mail.
    """
    ranges = mail.defect_ranges
    lines = _count_lines(mail.content, {place[0] for place in ranges.values() if place is not None})
    return json_response(
        [
            {
                "Where": defect.where,
                "Reason": defect.reason,
                "Start": None if place is None else place[0],
                "End": None if place is None else place[1],
                "Line": None if place is None else lines[place[0]],
            }
            for defect, place in ranges.items()
        ]
    )


def _count_lines(content: bytes, positions: Iterable[int]) -> dict[int, int]:
    """Return the number of the line, from 1, for each position; one pass over the content."""
    lines: dict[int, int] = {}
    at, line = 0, 1
    for position in sorted(positions):
        line += content.count(b"\n", at, position)
        at = position
        lines[position] = line
    return lines

"""The MIME parts of a mail, with their places in its bytes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest.web.api.message_param import MailDep
from lazr.smtptest.web.api.schemas import MAX_NAME_CHARACTERS
from lazr.smtptest.web.responses import json_response

if TYPE_CHECKING:
    from lazr.smtptest.mail import MessagePart

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["message"])


class StructurePart(TypedDict):
    """A MIME part.

    The positions are octets in the source; an end is after the last octet.  `PartID` is empty for a message of several
    parts.  `DetectedType` is the type by the content; it is empty for a multipart, and if the content does not tell it.
    `DecodedSize` and the checksums are those of the content without its transfer encoding; they are null for a part
    that has parts.
    """

    PartID: str
    ContentType: str
    DetectedType: str
    FileName: str
    ContentID: str
    Charset: str
    Encoding: str
    Disposition: str
    HeaderStart: int
    HeaderEnd: int
    BodyStart: int
    BodyEnd: int
    DecodedSize: int | None
    SHA256: str | None
    MD5: str | None
    Parts: list[StructurePart]


class Structure(TypedDict):
    """The MIME parts of a mail, and the size of its source in octets."""

    Size: int
    Part: StructurePart


@router.get("/api/v1/message/{id}/structure", responses={200: {"model": Structure}})
def get_structure(mail: MailDep) -> Response:
    """Return the tree of MIME parts, with their places in the source.

    404 if there is no such mail.
    """
    return json_response({"Size": mail.size, "Part": _serialize_part(mail.structure)})


def _serialize_part(part: MessagePart) -> StructurePart:
    """Return a part as JSON; the parser limits the depth of parts."""
    content = None if part.parts else part.decode()
    return {
        "PartID": part.number,
        "ContentType": part.content_type[:MAX_NAME_CHARACTERS],
        "DetectedType": part.detected_type[:MAX_NAME_CHARACTERS],
        "FileName": part.filename[:MAX_NAME_CHARACTERS],
        "ContentID": part.content_id[:MAX_NAME_CHARACTERS],
        "Charset": part.charset[:MAX_NAME_CHARACTERS],
        "Encoding": part.encoding[:MAX_NAME_CHARACTERS],
        "Disposition": part.disposition[:MAX_NAME_CHARACTERS],
        "HeaderStart": part.header_range[0],
        "HeaderEnd": part.header_range[1],
        "BodyStart": part.body_range[0],
        "BodyEnd": part.body_range[1],
        "DecodedSize": None if content is None else len(content),
        "SHA256": None if content is None else hashlib.sha256(content).hexdigest(),
        "MD5": None if content is None else hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "Parts": [_serialize_part(child) for child in part.parts],
    }

"""`smtptest show`: a mail that a running server has."""

from pathlib import Path
from typing import Annotated

import typer

from lazr.smtptest.cli.api import Api
from lazr.smtptest.cli.failure import Failure
from lazr.smtptest.cli.ls import when
from lazr.smtptest.cli.options import Json, Reach
from lazr.smtptest.cli.paint import Paint, colourful
from lazr.smtptest.cli.rows import flag, option, takes
from lazr.smtptest.cli.terminal import say, say_json, say_octets
from lazr.smtptest.cli.visible import visible
from lazr.smtptest.mail.envelope import Envelope
from lazr.smtptest.mail.mail import Mail

__all__ = ["EXAMPLES", "painted", "show"]

EXAMPLES = (
    "smtptest show",
    "smtptest show --query to:ann@example.com --codes",
    "smtptest show 3xLkqAmcJ0VdIHpYDWS2ZR --raw > mail.eml",
    "smtptest show latest --part 2 --output photo.png",
)

_WHAT = "What of it"


@takes(reach=Reach)
def show(
    reach: Reach,
    *,
    id: Annotated[str, typer.Argument(metavar="[ID]", help="Which; the newest by default.")] = "latest",
    query: Annotated[
        str, option("--query", "-q", help="The newest of those that this finds.", show_default=False)
    ] = "",
    raw: Annotated[bool, flag("--raw", help="Its octets.", panel=_WHAT)] = False,
    html: Annotated[bool, flag("--html", help="Its HTML.", panel=_WHAT)] = False,
    part: Annotated[
        str, option("--part", help="A part, by its number or its file name.", panel=_WHAT, show_default=False)
    ] = "",
    links: Annotated[bool, flag("--links", help="Its links, a line each.", panel=_WHAT)] = False,
    codes: Annotated[bool, flag("--codes", help="The one-time codes in it, a line each.", panel=_WHAT)] = False,
    output: Annotated[
        Path | None, option("--output", "-o", help="Write octets to this file.", panel=_WHAT, metavar="FILE")
    ] = None,
    as_json: Json = False,
) -> int:
    """Show a mail: header, text, attachments; or one thing of it. It counts as read then."""
    if sum(map(bool, (raw, html, part, links, codes))) > 1:
        raise Failure("--raw, --html, --part, --links and --codes: one of them", 2)
    with reach.open() as api:
        message = api.message(id, query)
        name = message["ID"]
        if part:
            say_octets(_part(api, name, part), output)
        elif html:
            if not message["HTML"]:
                raise Failure(f"{name} has no HTML")
            say_octets(message["HTML"].encode("utf-8", "surrogatepass"), output)
        elif raw:
            say_octets(api.raw(name), output)
        elif links or codes:
            mail = _mail(api.raw(name))
            found = [link.url for link in mail.links] if links else list(mail.codes)
            if as_json:
                say_json(found)
            else:
                say("\n".join(visible(one, keep_lines=False) for one in found)) if found else None
            return 0 if found else 1
        elif as_json:
            say_json(message)
        else:
            say(painted(api, message))
    return 0


def painted(api: Api, message: dict[str, object]) -> str:
    """A mail as text, with the numbers of its parts."""
    import sys

    paint = Paint(colours=colourful(sys.stdout))
    mail = _mail(api.raw(str(message["ID"])))
    facts = [f"── {message['ID']}", f"{mail.size:,} octets"]
    created = message.get("Created")
    facts += [when(str(created))] if created else []
    tags = message.get("Tags")
    facts += [f"tags: {', '.join(map(str, tags))}"] if isinstance(tags, list) and tags else []
    lines = [paint.bold(visible(" ── ".join(facts), keep_lines=False))]
    bcc = message.get("Bcc")
    if isinstance(bcc, list) and bcc:
        lines.append(f"Bcc (of the envelope): {visible(', '.join(one['Address'] for one in bcc), keep_lines=False)}")
    return "\n".join([*lines, *paint.fields(mail), *paint.body(mail)])


def _mail(octets: bytes) -> Mail:
    return Mail("", Envelope("", (), mail_parameters={}, rcpt_parameters=()), [octets])


def _part(api: Api, id: str, wanted: str) -> bytes:
    mail = _mail(api.raw(id))
    for one in mail.attachments:
        if wanted in (one.number, one.filename):
            return one.content
    known = ", ".join(f"{one.number} ({one.filename or one.content_type})" for one in mail.attachments)
    raise Failure(visible(f"{id} has no part {wanted!r}; it has {known or 'none'}", keep_lines=False))

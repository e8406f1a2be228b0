"""`smtptest show`: print a mail of a running server, or a part of it."""

from pathlib import Path
from typing import Annotated

import typer

from lazr.smtptest import Envelope, Mail
from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest.api_client import ApiClient
from lazr.smtptest.cli.commands.ls import format_time
from lazr.smtptest.cli.config.shared_options import ApiOptions, JsonOption
from lazr.smtptest.cli.config.typer_options import expand_options, flag, option
from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.cli.output.terminal import print_bytes, print_json, print_text
from lazr.smtptest.cli.output.text import TextRenderer, is_color_enabled

__all__ = ["EXAMPLES", "render_message", "show"]

EXAMPLES = (
    "smtptest show",
    "smtptest show --query to:=ann@example.com --codes",
    "smtptest show 3xLkqAmcJ0VdIHpYDWS2ZR --raw > mail.eml",
    "smtptest show latest --part 2 --output photo.png",
)

_CONTENT_PANEL = "Content"


@expand_options(api_options=ApiOptions)
def show(
    api_options: ApiOptions,
    *,
    id: Annotated[str, typer.Argument(metavar="ID", help="ID of the mail; latest is the newest.")] = "latest",
    query: Annotated[
        str, option("--query", "-q", help="With latest: the newest mail that this search finds.", show_default=False)
    ] = "",
    raw: Annotated[bool, flag("--raw", help="Print the mail byte for byte.", panel=_CONTENT_PANEL)] = False,
    html: Annotated[bool, flag("--html", help="Print the HTML.", panel=_CONTENT_PANEL)] = False,
    part: Annotated[
        str,
        option(
            "--part",
            help="Print the decoded part with this number or file name.",
            panel=_CONTENT_PANEL,
            show_default=False,
        ),
    ] = "",
    links: Annotated[bool, flag("--links", help="Print the links, one on each line.", panel=_CONTENT_PANEL)] = False,
    codes: Annotated[
        bool, flag("--codes", help="Print the one-time codes, one on each line.", panel=_CONTENT_PANEL)
    ] = False,
    output: Annotated[
        Path | None,
        option(
            "--output",
            "-o",
            help="File to write to, with --raw, --html or --part.",
            panel=_CONTENT_PANEL,
            metavar="FILE",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Print a mail, or one part of it, and mark it as read."""
    if sum(map(bool, (raw, html, part, links, codes))) > 1:
        raise CommandError("show takes at most one of: --raw, --html, --part, --links, --codes", 2)
    with api_options.open_client() as api:
        message = api.fetch_message(id, query)
        name = message["ID"]
        if part:
            print_bytes(_find_part(api, name, part), output)
        elif html:
            if not message["HTML"]:
                raise CommandError(f"mail {name} has no HTML")
            print_bytes(message["HTML"].encode("utf-8", "surrogatepass"), output)
        elif raw:
            print_bytes(api.fetch_raw(name), output)
        elif links or codes:
            mail = _parse_mail(api.fetch_raw(name))
            items = [link.url for link in mail.links] if links else list(mail.codes)
            if as_json:
                print_json(items)
            elif items:
                print_text("\n".join(map(escape_unprintable, items)))
            return 0 if items else 1
        elif as_json:
            print_json({**message, "URL": api.build_mail_url(name)})
        else:
            print_text(render_message(api, message))
    return 0


def render_message(api: ApiClient, message: dict[str, object]) -> str:
    """Return a mail as text; `message` is its summary from the API.

    On a terminal, it has the URL of the mail's page.  In a pipe it has not: scripts read that output.
    """
    import sys

    renderer = TextRenderer(color=is_color_enabled(sys.stdout))
    mail = _parse_mail(api.fetch_raw(str(message["ID"])))
    facts = [f"── {message['ID']}", f"{mail.size:,} bytes"]
    created = message.get("Created")
    facts += [format_time(str(created))] if created else []
    tags = message.get("Tags")
    facts += [f"tags: {', '.join(map(str, tags))}"] if isinstance(tags, list) and tags else []
    lines = [renderer.format_bold(escape_unprintable(" ── ".join(facts)))]
    if sys.stdout.isatty():
        lines.append(api.build_mail_url(str(message["ID"])))
    bcc = message.get("Bcc")
    if isinstance(bcc, list) and bcc:
        lines.append(f"Bcc (of the envelope): {escape_unprintable(', '.join(one['Address'] for one in bcc))}")
    return "\n".join([*lines, *renderer.render_fields(mail), *renderer.render_body(mail)])


def _parse_mail(content: bytes) -> Mail:
    return Mail("", Envelope("", (), mail_parameters={}, rcpt_parameters=()), [content])


def _find_part(api: ApiClient, id: str, number_or_name: str) -> bytes:
    mail = _parse_mail(api.fetch_raw(id))
    for one in mail.attachments:
        if number_or_name in (one.number, one.filename):
            return one.content
    known = ", ".join(f"{one.number} ({one.filename or one.content_type})" for one in mail.attachments)
    raise CommandError(escape_unprintable(f"mail {id} has no part {number_or_name!r}; parts: {known or 'none'}"))

"""`smtptest send`: compose a mail and send it by SMTP."""

import json
import re
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest.cli.client.compose import compose_message, parse_addresses
from lazr.smtptest.cli.client.smtp import describe_refusals, open_session
from lazr.smtptest.cli.config.shared_options import JsonOption, SmtpServerOptions
from lazr.smtptest.cli.config.typer_options import expand_options, option
from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.smtp_client import deliver

__all__ = ["EXAMPLES", "send"]

EXAMPLES = (
    "smtptest send --to ann@example.com",
    'smtptest send --to ann@example.com --subject Welcome --text "Hi Ann" --html "<p>Hi Ann</p>" --attach photo.png',
    "date | smtptest send --from cron@example.com --to root@example.com --subject Today",
    "smtptest send --to ann@example.com --count 100 --server smtp.example.com:587 --starttls --user me",
)

_QUEUED_ID = re.compile(r"queued as (\w+)")


_TextList = list[str] | None


@expand_options(server_options=SmtpServerOptions)
def send(
    server_options: SmtpServerOptions,
    *,
    to: Annotated[_TextList, option("--to", metavar="ADDRESS", help="Recipient in To; repeatable.")] = None,
    sender: Annotated[str, option("--from", metavar="ADDRESS", help="Sender.")] = "smtptest@example.com",
    cc: Annotated[_TextList, option("--cc", metavar="ADDRESS", help="Recipient in Cc; repeatable.")] = None,
    bcc: Annotated[
        _TextList, option("--bcc", metavar="ADDRESS", help="Recipient that no header field names; repeatable.")
    ] = None,
    subject: Annotated[str, option("--subject", help="Subject.")] = "A test mail",
    text: Annotated[str | None, option("--text", help="Text; by default read from standard input.")] = None,
    html: Annotated[str | None, option("--html", help="HTML, besides or instead of the text.")] = None,
    attach: Annotated[list[Path] | None, option("--attach", help="File to attach; repeatable.", metavar="FILE")] = None,
    header: Annotated[
        _TextList,
        option("--header", metavar="FIELD", help="Header field to add or replace, as 'Name: value'; repeatable."),
    ] = None,
    count: Annotated[int, option("--count", help="Number of copies to send, in one session.", min=1)] = 1,
    as_json: JsonOption = False,
) -> int:
    """Compose a mail and send it by SMTP."""
    to, cc, bcc = to or [], cc or [], bcc or []
    recipients = parse_addresses([*to, *cc, *bcc])
    if not recipients:
        raise CommandError("send needs a recipient; add --to, --cc or --bcc", 2)
    if text is None and html is None:
        text = "This is a test.\n" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read()
    reverse_path = parse_addresses([sender])[0] if sender else ""
    results: list[dict[str, Any]] = []
    status = 0
    compose = partial(
        compose_message,
        sender=sender,
        to=to,
        cc=cc,
        subject=subject,
        text=text,
        html=html,
        fields=header or [],
        files=attach or [],
    )
    compose(now=datetime.now(UTC))  # a wrong option is an error, also if the server does not answer
    with open_session(server_options.server, server_options.connection_settings) as client:
        for _ in range(count):
            message_id, content = compose(now=datetime.now(UTC))
            reply, refused = deliver(client, reverse_path, recipients, content)
            results.append(
                {
                    "message_id": message_id,
                    "reply": reply,
                    "id": match[1] if (match := _QUEUED_ID.search(reply)) else None,
                    "refused": {
                        recipient: f"{code} {reply_text.decode('utf-8', 'replace')}"
                        for recipient, (code, reply_text) in refused.items()
                    },
                }
            )
            for line in describe_refusals(refused):
                status = 1
                print(f"smtptest: {server_options.server}: {line}", file=sys.stderr)  # noqa: T201
    if as_json:
        print(json.dumps(results, indent=2))  # noqa: T201
    else:
        mails = "1 mail" if count == 1 else f"{count} mails"
        print(f"sent {mails} to {server_options.server}: {escape_unprintable(results[-1]['reply'])}")  # noqa: T201
    return status

"""`smtptest send`: compose a mail, and send it by SMTP."""

import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from lazr.smtptest.cli.compose import addresses, compose
from lazr.smtptest.cli.failure import Failure
from lazr.smtptest.cli.options import Json, Where
from lazr.smtptest.cli.rows import option, takes
from lazr.smtptest.cli.smtp import session, why
from lazr.smtptest.cli.visible import visible
from lazr.smtptest.delivery import deliver

__all__ = ["EXAMPLES", "send"]

EXAMPLES = (
    "smtptest send --to ann@example.com",
    'smtptest send --to ann@example.com --subject Welcome --text "Hi Ann" --html "<p>Hi Ann</p>" --attach photo.png',
    "date | smtptest send --from cron@example.com --to root@example.com --subject Today",
    "smtptest send --to ann@example.com --count 100 --server smtp.example.com:587 --starttls --user me",
)

_QUEUED = re.compile(r"queued as (\w+)")


_Texts = list[str] | None


@takes(where=Where)
def send(
    where: Where,
    *,
    to: Annotated[_Texts, option("--to", metavar="ADDRESS", help="A recipient; any of these may come again.")] = None,
    sender: Annotated[str, option("--from", metavar="ADDRESS", help="The sender.")] = "smtptest@example.com",
    cc: Annotated[_Texts, option("--cc", metavar="ADDRESS", help="A recipient of a copy.")] = None,
    bcc: Annotated[_Texts, option("--bcc", metavar="ADDRESS", help="A recipient that no header field names.")] = None,
    subject: Annotated[str, option("--subject", help="The subject.")] = "A test mail",
    text: Annotated[str | None, option("--text", help="The text; else, what comes on standard input.")] = None,
    html: Annotated[str | None, option("--html", help="The HTML.")] = None,
    attach: Annotated[list[Path] | None, option("--attach", help="A file to attach.", metavar="FILE")] = None,
    header: Annotated[
        _Texts, option("--header", metavar="FIELD", help="A further header field, as 'Name: value'.")
    ] = None,
    count: Annotated[int, option("--count", help="So many of them, in one session.", min=1)] = 1,
    as_json: Json = False,
) -> int:
    """Compose a mail, and send it by SMTP."""
    to, cc, bcc = to or [], cc or [], bcc or []
    recipients = addresses([*to, *cc, *bcc])
    if not recipients:
        raise Failure("a mail wants somebody to go to: --to, --cc or --bcc", 2)
    if text is None and html is None:
        text = "This is a test.\n" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read()
    reverse_path = addresses([sender])[0] if sender else ""
    told = []
    status = 0
    with session(where.server, where.access) as client:
        for _ in range(count):
            message = compose(
                sender=sender,
                to=to,
                cc=cc,
                subject=subject,
                text=text,
                html=html,
                fields=header or [],
                files=attach or [],
                now=datetime.now(UTC),
            )
            reply, refused = deliver(client, reverse_path, recipients, message.as_bytes())
            told.append(
                {
                    "message_id": message["Message-ID"],
                    "reply": reply,
                    "id": found[1] if (found := _QUEUED.search(reply)) else None,
                    "refused": {
                        to: f"{code} {said.decode('utf-8', 'replace')}" for to, (code, said) in refused.items()
                    },
                }
            )
            for line in why(refused):
                status = 1
                print(f"smtptest: {where.server}: {line}", file=sys.stderr)  # noqa: T201
    if as_json:
        print(json.dumps(told, indent=2))  # noqa: T201
    else:
        mails = "1 mail" if count == 1 else f"{count} mails"
        print(f"sent {mails} to {where.server}: {visible(told[-1]['reply'], keep_lines=False)}")  # noqa: T201
    return status

"""`smtptest import`: send the mails of archives to a server."""

import smtplib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest.cli.client.archive import ArchivedMail, detect_format, read_archive, read_standard_input
from lazr.smtptest.cli.client.compose import parse_addresses
from lazr.smtptest.cli.client.smtp import open_session
from lazr.smtptest.cli.commands.export import FormatOption
from lazr.smtptest.cli.config.shared_options import SmtpServerOptions
from lazr.smtptest.cli.config.typer_options import expand_options, option
from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.cli.output.terminal import create_progress_bar, print_warning
from lazr.smtptest.cli.sendmail.message import SubmittedMessage
from lazr.smtptest.smtp_client import deliver

__all__ = ["EXAMPLES", "import_"]

EXAMPLES = (
    "smtptest import mail.eml",
    "smtptest import archive.mbox --to qa@example.com",
    "smtptest import ~/Maildir --format maildir",
    "zcat mails.mbox.gz | smtptest import -",
)

_MAX_EQUAL_PROBLEMS = 3


@expand_options(server_options=SmtpServerOptions)
def import_(
    server_options: SmtpServerOptions,
    *,
    paths: Annotated[
        list[Path],
        typer.Argument(help="Files (.eml or mbox), folders of .eml files, or Maildirs; - is standard input."),
    ],
    format: FormatOption = None,
    sender: Annotated[
        str | None,
        option(
            "--from",
            metavar="ADDRESS",
            help="Envelope sender of all mails; by default that of the mbox, of Return-Path, or of the header.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        list[str] | None,
        option(
            "--to",
            metavar="ADDRESS",
            help="Envelope recipient of all mails; by default those of each header; repeatable.",
        ),
    ] = None,
) -> int:
    """Send the mails of archives by SMTP.

    With a server that offers CHUNKING, every byte stays the same.
    """
    for path in paths:
        if str(path) != "-" and not path.exists():
            raise CommandError(f"{path}: No such file or directory", 2)
    recipients = parse_addresses(to or [])
    mails = [(path, mail) for path in paths for mail in _read_path(path, format)]
    if not mails:
        raise CommandError(f"no mail found in {', '.join(map(str, paths))}; --format sets the format")
    sent = 0
    problems: Counter[str] = Counter()
    with (
        open_session(server_options.server, server_options.connection_settings) as client,
        create_progress_bar("import") as bar,
    ):
        for number, (path, mail) in enumerate(bar.track(mails), 1):
            problem = _send_mail(client, mail, sender, recipients)
            if not problem:
                sent += 1
                continue
            problems[problem] += 1
            if problems[problem] <= _MAX_EQUAL_PROBLEMS:
                print_warning(escape_unprintable(f"{path}, {mail.id or f'mail {number}'}: {problem}"))
    for problem, count in problems.items():
        if count > _MAX_EQUAL_PROBLEMS:
            print_warning(escape_unprintable(f"{count - _MAX_EQUAL_PROBLEMS} more: {problem}"))
    failed = len(mails) - sent
    print_warning(
        f"{sent} mail{'' if sent == 1 else 's'} sent to {server_options.server}{f', {failed} failed' if failed else ''}"
    )
    return 1 if failed else 0


def _read_path(path: Path, format: str | None) -> Iterator[ArchivedMail]:
    if str(path) == "-":
        return read_standard_input(format)
    return read_archive(path, detect_format(path, format), lambda text: print_warning(escape_unprintable(text)))


def _send_mail(client: smtplib.SMTP, mail: ArchivedMail, sender: str | None, recipients: list[str]) -> str:
    """Send a mail; return the refusal, or ""."""
    header = SubmittedMessage(mail.content)
    rcpt_tos = recipients or header.recipients
    if not rcpt_tos:
        return "the header names no recipient; set one with --to"
    reverse_path = sender if sender is not None else mail.sender if mail.sender is not None else header.sender
    try:
        _, refused = deliver(client, reverse_path, rcpt_tos, mail.content)
    except smtplib.SMTPRecipientsRefused as error:
        refused = error.recipients
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
        client.rset()
        text = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        return f"{error.smtp_code} {text}"
    return "; ".join(
        f"{address}: {code} {text.decode('utf-8', 'replace')}" for address, (code, text) in refused.items()
    )

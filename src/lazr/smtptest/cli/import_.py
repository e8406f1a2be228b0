"""`smtptest import`: mails out of files, sent to a server."""

import smtplib
from pathlib import Path
from typing import Annotated

import typer

from lazr.smtptest.cli.archive import Kept, format_of, read
from lazr.smtptest.cli.compose import addresses
from lazr.smtptest.cli.export import Format
from lazr.smtptest.cli.failure import Failure
from lazr.smtptest.cli.options import Where
from lazr.smtptest.cli.rows import option, takes
from lazr.smtptest.cli.smtp import session
from lazr.smtptest.cli.submission import Submission
from lazr.smtptest.cli.terminal import progress, warn
from lazr.smtptest.cli.visible import visible
from lazr.smtptest.delivery import deliver

__all__ = ["EXAMPLES", "import_"]

EXAMPLES = (
    "smtptest import mail.eml",
    "smtptest import archive.mbox --to qa@example.com",
    "smtptest import ~/Maildir --format maildir",
)


@takes(where=Where)
def import_(
    where: Where,
    *,
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders of .eml files, or Maildirs.")],
    format: Format = None,
    sender: Annotated[
        str | None, option("--from", metavar="ADDRESS", help="The envelope's sender, for all.", show_default=False)
    ] = None,
    to: Annotated[
        list[str] | None,
        option("--to", metavar="ADDRESS", help="The envelope's recipients; else, whom the header names."),
    ] = None,
) -> int:
    """Send mails out of files, to the octet where the server offers CHUNKING."""
    for path in paths:
        if not path.exists():
            raise Failure(f"{path}: No such file or directory", 2)
    recipients = addresses(to or [])
    mails = [(path, mail) for path in paths for mail in read(path, format_of(path, format))]
    sent = failed = 0
    with session(where.server, where.access) as client, progress("import") as bar:
        for path, mail in bar.track(mails):
            problem = _send(client, mail, sender, recipients)
            if problem:
                failed += 1
                warn(visible(f"{path}, {mail.id or f'mail {sent + failed}'}: {problem}", keep_lines=False))
            else:
                sent += 1
    warn(f"{sent} mail{'' if sent == 1 else 's'} sent to {where.server}{f', {failed} not' if failed else ''}")
    return 1 if failed else 0


def _send(client: smtplib.SMTP, mail: Kept, sender: str | None, recipients: list[str]) -> str:
    """Send one; what is wrong with it, or nothing."""
    header = Submission(mail.content)
    whom = recipients or header.recipients
    if not whom:
        return "nobody is named in its header; --to says whom it is for"
    reverse_path = sender if sender is not None else mail.sender if mail.sender is not None else header.sender
    try:
        _, refused = deliver(client, reverse_path, whom, mail.content)
    except smtplib.SMTPRecipientsRefused as error:
        refused = error.recipients
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
        client.rset()
        text = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        return f"{error.smtp_code} {text}"
    return "; ".join(
        f"{address}: {code} {said.decode('utf-8', 'replace')}" for address, (code, said) in refused.items()
    )

"""`smtptest export`: the mails of a running server as files."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from lazr.smtptest.cli.archive import Kept, format_of, writer
from lazr.smtptest.cli.failure import Failure
from lazr.smtptest.cli.options import Reach
from lazr.smtptest.cli.rows import option, takes
from lazr.smtptest.cli.terminal import progress, warn

__all__ = ["EXAMPLES", "export"]

EXAMPLES = (
    "smtptest export mails/",
    "smtptest export archive.mbox --query tag:release",
    "smtptest export Maildir --format maildir",
    "smtptest export - --format mbox | gzip > mails.mbox.gz",
)

Format = Annotated[
    Literal["mbox", "maildir", "eml"] | None,
    option(
        "--format",
        metavar="mbox|maildir|eml",
        help="What the files are; else, as the name or what is there says.",
        show_default=False,
    ),
]


@takes(reach=Reach)
def export(
    reach: Reach,
    *,
    path: Annotated[Path, typer.Argument(help="The folder or file to write; it must not be there, or be empty.")],
    format: Format = None,
    query: Annotated[str, option("--query", "-q", help="Those that this finds.", show_default=False)] = "",
) -> int:
    """Write mails to files, oldest first: an mbox, a Maildir, or a folder of .eml files, which keep every octet."""
    kind = format_of(path, format)
    if str(path) == "-" and kind != "mbox":
        raise Failure("only --format mbox goes to standard output", 2)
    with reach.open() as api:
        mails = list(api.all(query))[::-1]
        out = writer(path, kind)
        changed = 0
        try:
            with progress("export") as bar:
                for one in bar.track(mails):
                    at = _time(one["Created"])
                    sender = (one.get("From") or {}).get("Address")
                    changed += not out.add(Kept(api.raw(one["ID"]), one["ID"], sender, at, one["Read"]))
        except OSError as error:
            raise Failure(f"{path}: {error.strerror or error}") from None
        finally:
            out.close()
    warn(f"{len(mails)} mail{'' if len(mails) == 1 else 's'} written to {path} ({kind})")
    if changed:
        warn(f"{changed} of them have line ends that {kind} cannot keep; --format eml keeps every octet")
    return 0


def _time(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0

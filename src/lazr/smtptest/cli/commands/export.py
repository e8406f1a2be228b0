"""`smtptest export`: write the mails of a running server to an archive."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from lazr.smtptest.api_client import ApiClient
from lazr.smtptest.cli.client.archive import ArchivedMail, detect_format, find_return_path, open_writer
from lazr.smtptest.cli.config.shared_options import ApiOptions
from lazr.smtptest.cli.config.typer_options import expand_options, option
from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.cli.output.terminal import create_progress_bar, print_warning

__all__ = ["EXAMPLES", "export"]

EXAMPLES = (
    "smtptest export mails/",
    "smtptest export archive.mbox --query tag:release",
    "smtptest export Maildir --format maildir",
    "smtptest export - --format mbox | gzip > mails.mbox.gz",
)

FormatOption = Annotated[
    Literal["mbox", "maildir", "eml"] | None,
    option(
        "--format",
        metavar="mbox|maildir|eml",
        help="Format of the archive; by default detected from the existing files or the suffix.",
        show_default=False,
    ),
]


@expand_options(api_options=ApiOptions)
def export(
    api_options: ApiOptions,
    *,
    path: Annotated[Path, typer.Argument(help="File or folder to write; it must not exist, or be an empty folder.")],
    format: FormatOption = None,
    query: Annotated[
        str, option("--query", "-q", help="Export only the mails that this search finds.", show_default=False)
    ] = "",
) -> int:
    """Write mails to an mbox, a Maildir or a folder of .eml files, oldest first.

    Only .eml files keep every byte.
    """
    kind = detect_format(path, format)
    if str(path) == "-" and kind != "mbox":
        raise CommandError(f"standard output takes --format mbox only, got {kind}; add --format mbox", 2)
    with api_options.open_client() as api:
        mails = list(api.iterate_messages(query))[::-1]
        out = open_writer(path, kind)
        changed = 0
        try:
            with create_progress_bar("export") as bar:
                for one in bar.track(mails):
                    at = _parse_timestamp(one["Created"])
                    content = api.fetch_raw(one["ID"])
                    sender = _find_sender(api, one, content) if kind == "mbox" else None
                    changed += not out.add(ArchivedMail(content, one["ID"], sender, at, one["Read"]))
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror or error}") from None
        finally:
            out.close()
    print_warning(f"{len(mails)} mail{'' if len(mails) == 1 else 's'} written to {path} ({kind})")
    if changed:
        print_warning(f"{changed} of them have line ends that {kind} cannot keep; --format eml keeps every byte")
    return 0


def _find_sender(api: ApiClient, summary: dict[str, Any], content: bytes) -> str | None:
    """Return the reverse-path of a mail, from its envelope, its Return-Path, or its From."""
    for sender in (api.fetch_reverse_path(summary["ID"]), find_return_path(content)):
        if sender is not None:
            return sender
    return (summary.get("From") or {}).get("Address")


def _parse_timestamp(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0

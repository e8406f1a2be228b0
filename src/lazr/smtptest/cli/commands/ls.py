"""`smtptest ls`: list the mails of a running server."""

from datetime import datetime
from typing import Annotated, Any

from lazr.smtptest.cli.commands.message_filter import format_sender, iterate_addresses
from lazr.smtptest.cli.config.shared_options import ApiOptions, JsonOption
from lazr.smtptest.cli.config.typer_options import expand_options, option
from lazr.smtptest.cli.output.terminal import print_json, print_table

__all__ = ["EXAMPLES", "ls"]

EXAMPLES = (
    "smtptest ls",
    "smtptest ls --query 'to:=ann@example.com has:attachment'",
    "smtptest ls --json | jq -r '.[0].ID'",
)


@expand_options(api_options=ApiOptions)
def ls(
    api_options: ApiOptions,
    *,
    query: Annotated[
        str, option("--query", "-q", help="List only the mails that this search finds.", show_default=False)
    ] = "",
    limit: Annotated[int, option("--limit", help="Maximum number of mails.", min=1, max=1000)] = 50,
    as_json: JsonOption = False,
) -> int:
    """List mails, newest first."""
    with api_options.open_client() as api:
        messages = api.fetch_page(query, limit=limit)["messages"]
        urls = [api.build_mail_url(mail["ID"]) for mail in messages]
    if as_json:
        print_json([{**mail, "URL": url} for mail, url in zip(messages, urls, strict=True)])
        return 0
    columns = ("ID", "received", "from", "to", "subject", "size", "")
    print_table(columns, map(_format_row, messages), right_aligned=("size",), links=urls)
    return 0


def _format_row(mail: dict[str, Any]) -> tuple[str, ...]:
    state = ("" if mail["Read"] else "new ") + ("+" * mail["Attachments"])[:3]
    return (
        mail["ID"],
        format_time(mail["Created"]),
        format_sender(mail),
        ", ".join(iterate_addresses(mail, "To", "Cc", "Bcc")),
        mail["Subject"],
        f"{mail['Size']:,}",
        state.strip(),
    )


def format_time(text: str) -> str:
    """Return a time of the API in the local time zone."""
    try:
        return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return text

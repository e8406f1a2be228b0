"""`smtptest ls`: the mails that a running server has."""

from datetime import datetime
from typing import Annotated, Any

from lazr.smtptest.cli.options import Json, Reach
from lazr.smtptest.cli.rows import option, takes
from lazr.smtptest.cli.terminal import say_json, say_table
from lazr.smtptest.cli.wanted import names

__all__ = ["EXAMPLES", "ls"]

EXAMPLES = (
    "smtptest ls",
    "smtptest ls --query 'to:ann@example.com has:attachment'",
    "smtptest ls --json | jq -r '.[0].ID'",
)


@takes(reach=Reach)
def ls(
    reach: Reach,
    *,
    query: Annotated[str, option("--query", "-q", help="What to look for.", show_default=False)] = "",
    limit: Annotated[int, option("--limit", help="So many at most.", min=1, max=1000)] = 50,
    as_json: Json = False,
) -> int:
    """List mails, newest first."""
    with reach.open() as api:
        found = api.page(query, limit=limit)["messages"]
    if as_json:
        say_json(found)
        return 0
    columns = ("ID", "received", "from", "to", "subject", "size", "")
    say_table(columns, map(_row, found), right=("size",))
    return 0


def _row(mail: dict[str, Any]) -> tuple[str, ...]:
    state = ("" if mail["Read"] else "new ") + ("+" * mail["Attachments"])[:3]
    return (
        mail["ID"],
        when(mail["Created"]),
        next(names(mail, "From"), "<>"),
        ", ".join(names(mail, "To", "Cc", "Bcc")),
        mail["Subject"],
        f"{mail['Size']:,}",
        state.strip(),
    )


def when(text: str) -> str:
    """A time of the API, in this machine's zone."""
    try:
        return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return text

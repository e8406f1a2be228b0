"""`smtptest rm`: delete mails from a running server."""

import sys
from typing import Annotated

import typer

from lazr.smtptest.cli.failure import Failure
from lazr.smtptest.cli.options import Reach
from lazr.smtptest.cli.rows import flag, option, takes
from lazr.smtptest.cli.terminal import say

__all__ = ["EXAMPLES", "rm"]

EXAMPLES = ("smtptest rm 3xLkqAmcJ0VdIHpYDWS2ZR", "smtptest rm --query before:1d", "smtptest rm --all --yes")


@takes(reach=Reach)
def rm(
    reach: Reach,
    *,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", show_default=False)] = None,
    query: Annotated[str, option("--query", "-q", help="Those that this finds.", show_default=False)] = "",
    all_: Annotated[bool, flag("--all", help="Every one.")] = False,
    yes: Annotated[bool, flag("--yes", "-y", help="Do not ask.")] = False,
) -> int:
    """Delete mails, by ID, by a search, or all of them."""
    if sum(map(bool, (ids, query.strip(), all_))) != 1:
        raise Failure("say which: IDs, or --query, or --all", 2)
    with reach.open() as api:
        total = api.page()["total"]
        if ids:
            known = {one["ID"] for one in api.all()}
            unknown = [one for one in ids if one not in known]
            if unknown:
                raise Failure(f"there is no {', '.join(map(repr, unknown))}; nothing is deleted")
            api.ask("DELETE", "/api/v1/messages", {"IDs": ids})
        elif query.strip():
            api.ask("DELETE", "/api/v1/search", query={"query": query})
        else:
            if not yes and sys.stdin.isatty():
                typer.confirm(f"Delete all {total} mails of {api.url}?", abort=True)
            api.ask("DELETE", "/api/v1/messages", {"IDs": []})
        gone = total - api.page()["total"]
    say(f"deleted {gone} mail{'' if gone == 1 else 's'}")
    return 0

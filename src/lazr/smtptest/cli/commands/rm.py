"""`smtptest rm`: delete mails from a running server."""

import sys
from typing import Annotated

import typer

from lazr.smtptest.cli.config.shared_options import ApiOptions
from lazr.smtptest.cli.config.typer_options import expand_options, flag, option
from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.cli.output.terminal import print_text

__all__ = ["EXAMPLES", "rm"]

EXAMPLES = ("smtptest rm 3xLkqAmcJ0VdIHpYDWS2ZR", "smtptest rm --query before:1d", "smtptest rm --all --yes")


@expand_options(api_options=ApiOptions)
def rm(
    api_options: ApiOptions,
    *,
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="IDs of mails.", show_default=False)] = None,
    query: Annotated[
        str, option("--query", "-q", help="Delete the mails that this search finds.", show_default=False)
    ] = "",
    all_: Annotated[bool, flag("--all", help="Delete all mails.")] = False,
    yes: Annotated[bool, flag("--yes", "-y", help="Do not ask for confirmation.")] = False,
) -> int:
    """Delete mails by ID, by a search, or all of them."""
    if sum(map(bool, (ids, query.strip(), all_))) != 1:
        raise CommandError("rm needs exactly one of: IDs, --query, --all", 2)
    with api_options.open_client() as api:
        total = api.fetch_page()["total"]
        if ids:
            known = {one["ID"] for one in api.iterate_messages()}
            unknown = [one for one in ids if one not in known]
            if unknown:
                raise CommandError(
                    f"unknown mail {', '.join(map(repr, unknown))}; nothing is deleted (`smtptest ls` lists IDs)"
                )
            api.request("DELETE", "/api/v1/messages", {"IDs": ids})
        elif query.strip():
            api.request("DELETE", "/api/v1/search", query={"query": query})
        else:
            if not yes and sys.stdin.isatty():
                typer.confirm(f"Delete all {total} mails of {api.url}?", abort=True)
            api.request("DELETE", "/api/v1/messages")
        deleted = total - api.fetch_page()["total"]
    print_text(f"deleted {deleted} mail{'' if deleted == 1 else 's'}")
    return 0

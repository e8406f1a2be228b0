"""`smtptest mailboxes`: list, add and remove the mailboxes of a running server."""

import json
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import quote

import typer

from lazr.smtptest.api_client import ApiClient, ApiError
from lazr.smtptest.cli.config.shared_options import ApiOptions, JsonOption
from lazr.smtptest.cli.config.typer_options import expand_options, option
from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.cli.output.terminal import print_json, print_table, print_text

__all__ = ["COMMANDS"]


@expand_options(api_options=ApiOptions)
def ls(api_options: ApiOptions, *, as_json: JsonOption = False) -> int:
    """List the mailboxes, without their tokens."""
    with api_options.open_client() as api:
        found = _request_json(api, "GET", "/api/v1/mailboxes")
    if as_json:
        print_json(found)
    else:
        rows = [(one["Name"], one["User"], one["Recipient"]) for one in found]
        print_table(("mailbox", "user", "recipient"), rows)
    return 0


@expand_options(api_options=ApiOptions)
def add(
    api_options: ApiOptions,
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the mailbox.", show_default=False)],
    smtp_user: Annotated[
        str, option("--smtp-user", help="SMTP user whose mails are in the mailbox.", metavar="USER", show_default=False)
    ] = "",
    recipient: Annotated[
        str,
        option(
            "--recipient",
            help="Recipient whose mails are in the mailbox; * and ? are wildcards.",
            metavar="ADDRESS",
            show_default=False,
        ),
    ] = "",
    as_json: JsonOption = False,
) -> int:
    """Add a mailbox until the server stops, and print its token, which cannot be shown again."""
    if bool(smtp_user) == bool(recipient):
        raise CommandError("mailboxes add needs exactly one of: --smtp-user, --recipient", 2)
    with api_options.open_client() as api:
        body = {"Name": name, "User": smtp_user, "Recipient": recipient}
        created = _request_json(api, "POST", "/api/v1/mailboxes", body)
    if as_json:
        print_json(created)
    else:
        print_text(created["Token"])
    return 0


@expand_options(api_options=ApiOptions)
def rm(
    api_options: ApiOptions,
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the mailbox.", show_default=False)],
) -> int:
    """Remove a mailbox: its token is invalid at once, and its mails stay."""
    with api_options.open_client() as api:
        _request(api, "DELETE", f"/api/v1/mailboxes/{quote(name, safe='')}")
    return 0


COMMANDS: tuple[tuple[str, Callable[..., int], tuple[str, ...]], ...] = (
    ("ls", ls, ("smtptest mailboxes ls", "smtptest mailboxes ls --json")),
    (
        "add",
        add,
        (
            "smtptest mailboxes add 'job 7' --recipient '*@job7.example'",
            "export SMTPTEST_TOKEN=$(smtptest mailboxes add 'job 7' --smtp-user ci-7)",
        ),
    ),
    ("rm", rm, ("smtptest mailboxes rm 'job 7'",)),
)


def _request(api: ApiClient, method: str, path: str, body: object = None) -> bytes:
    try:
        return api.request(method, path, body)
    except ApiError as error:
        if error.http_status == 404 and error.body.startswith(b"404 page not found"):
            raise CommandError(
                f"{api.url}: this server has no mailboxes API; use `smtptest serve` (Mailpit has none)"
            ) from None
        raise


def _request_json(api: ApiClient, method: str, path: str, body: object = None) -> Any:
    return json.loads(_request(api, method, path, body))

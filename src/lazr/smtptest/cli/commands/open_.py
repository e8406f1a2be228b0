"""`smtptest open`: open the web inbox of a running server, a mail in it, or a search."""

import re
from typing import Annotated
from urllib.parse import quote

import typer

from lazr.smtptest.api_client import ApiClient, ApiError
from lazr.smtptest.cli.browser import open_browser
from lazr.smtptest.cli.config.shared_options import ApiOptions
from lazr.smtptest.cli.config.typer_options import expand_options, flag
from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.cli.output.terminal import print_text

__all__ = ["EXAMPLES", "open_"]

EXAMPLES = (
    "smtptest open",
    "smtptest open latest",
    "smtptest open 3xLkqAmcJ0VdIHpYDWS2ZR",
    "smtptest open 'to:=ann@example.com is:unread'",
    "smtptest open latest --print",
)

_ID_PATTERN = re.compile(r"[0-9A-Za-z]{10,40}")


@expand_options(api_options=ApiOptions)
def open_(
    api_options: ApiOptions,
    *,
    target: Annotated[
        str,
        typer.Argument(
            metavar="ID|latest|QUERY",
            help="ID of a mail, latest for the newest one, or a search; the whole inbox by default.",
            show_default=False,
        ),
    ] = "",
    only_print: Annotated[bool, flag("--print", help="Print the URL, and open no browser.")] = False,
) -> int:
    """Open the web inbox in the browser: all mails, one mail, or those that a search finds.

    The page does not get the login of --api or --token; it asks for one where the server requires it.
    """
    with api_options.open_client() as api:
        url = _find_url(api, target.strip())
    if only_print:
        print_text(url)
    else:
        open_browser(url)
    return 0


def _find_url(api: ApiClient, target: str) -> str:
    """Return the URL of a page; the server must run, and have the mail."""
    page = api.fetch_page(limit=1)  # also shows whether the server runs, and which one it is
    if target == "latest":
        if not page["messages"]:
            raise CommandError(f"{api.url}: there is no mail yet; `smtptest open` opens the inbox")
        return api.build_mail_url(page["messages"][0]["ID"])
    if _ID_PATTERN.fullmatch(target) and _has_mail(api, target):
        return api.build_mail_url(target)
    return api.build_search_url(target)


def _has_mail(api: ApiClient, id: str) -> bool:
    try:
        api.request("GET", f"/api/v1/message/{quote(id, safe='')}/headers")  # does not mark the mail as read
    except ApiError as error:
        if error.http_status == 404:
            return False
        raise
    return True

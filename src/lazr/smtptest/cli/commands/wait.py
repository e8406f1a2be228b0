"""`smtptest wait`: wait for a mail, and report the other mails if it does not arrive."""

import json
import time
from typing import Annotated, Any

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest.api_client import ApiClient, ApiError
from lazr.smtptest.cli.commands.message_filter import MessageFilter, format_summary
from lazr.smtptest.cli.commands.show import render_message
from lazr.smtptest.cli.config.shared_options import ApiOptions, JsonOption
from lazr.smtptest.cli.config.typer_options import expand_options, option
from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.cli.output.terminal import print_json, print_text
from lazr.smtptest.mail import format_headline, format_mails

__all__ = ["EXAMPLES", "wait"]

EXAMPLES = (
    "smtptest wait --to ann@example.com --timeout 10",
    "smtptest wait --to '*@example.com' --subject Welcome --json | jq -r .ID",
    "smtptest wait --to ann@example.com --query is:unread",
)

_POLL_INTERVAL_SECONDS = 0.25
_MAX_CHECKED_MESSAGES = 100
_MAX_REPORTED_MESSAGES = 10
# Upper limit for one request, also if the server allows more.
_MAX_LONG_POLL_SECONDS = 30.0


@expand_options(api_options=ApiOptions)
def wait(
    api_options: ApiOptions,
    *,
    to: Annotated[
        str,
        option(
            "--to",
            metavar="ADDRESS",
            help="Recipient in To, Cc or Bcc; * matches any characters, ? one.",
            show_default=False,
        ),
    ] = "",
    sender: Annotated[
        str, option("--from", metavar="ADDRESS", help="Address in From, with the same wildcards.", show_default=False)
    ] = "",
    subject: Annotated[str, option("--subject", help="Part of the subject, in any case.", show_default=False)] = "",
    query: Annotated[str, option("--query", "-q", help="Search that finds the mail.", show_default=False)] = "",
    timeout: Annotated[float, option("--timeout", help="Seconds to wait.", min=0)] = 10.0,
    as_json: JsonOption = False,
) -> int:
    """Wait for a mail, print it, and mark it as read; a stored mail counts too.

    With --query is:unread, mails that wait or show has printed do not count.
    On timeout, report the other mails and exit with status 1.
    """
    message_filter = MessageFilter(to=to, sender=sender, subject=subject, query=query)
    with api_options.open_client() as api:
        found, explanation = _wait_for_message(api, message_filter, timeout)
        if found is None:
            raise CommandError("\n".join(_build_report(api, message_filter, timeout, explanation)))
        message = api.fetch_message(found["ID"])
        if as_json:
            print_json({**message, "URL": api.build_mail_url(message["ID"])})
        else:
            print_text(render_message(api, {**message, "Created": found["Created"]}))
    return 0


def _wait_for_message(
    api: ApiClient, message_filter: MessageFilter, timeout: float
) -> tuple[dict[str, Any] | None, list[str]]:
    """Return the newest matching mail, or None and the server's explanation."""
    deadline = time.monotonic() + timeout
    has_long_poll = True
    explanation: list[str] | None = None
    while True:
        page = api.fetch_page(message_filter.search_query, limit=_MAX_CHECKED_MESSAGES)
        for one in page["messages"]:
            if not message_filter.describe_mismatch(one):
                return one, []
        left = deadline - time.monotonic()
        if left <= 0 and explanation is not None:
            return None, explanation
        if not has_long_poll:
            time.sleep(min(_POLL_INTERVAL_SECONDS, max(left, 0)))
            continue
        seconds = min(max(left, 0), _MAX_LONG_POLL_SECONDS)
        try:
            api.request_json(
                "GET",
                "/api/v1/wait",
                query={
                    "query": message_filter.search_query,
                    "timeout": seconds,
                    "count": page["messages_count"] + 1,
                    "limit": 1,
                },
                timeout=seconds + 30,
            )
        except ApiError as error:
            lines = _parse_explanation(error)
            has_long_poll, explanation = lines is not None, lines or []


def _parse_explanation(error: ApiError) -> list[str] | None:
    """Return the server's explanation of a timeout; None for Mailpit, which has no long poll."""
    if error.http_status not in (404, 405):
        raise error
    try:
        content = json.loads(error.body)
    except ValueError:
        return None
    lines = content.get("Explanation") if isinstance(content, dict) else None
    return [str(line) for line in lines] if isinstance(lines, list) else []


def _build_report(api: ApiClient, message_filter: MessageFilter, timeout: float, explanation: list[str]) -> list[str]:
    page = api.fetch_page(limit=_MAX_REPORTED_MESSAGES)
    total = page["total"]
    criteria = str(message_filter)
    headline = format_headline(f"with {criteria}" if criteria else "", 0, other_count=total, timeout=timeout)
    rows = []
    for one in page["messages"]:
        mismatch = message_filter.describe_mismatch(one)
        rows.append((format_summary(one), [escape_unprintable(mismatch)] if mismatch else []))
    mails = format_mails(rows, total)
    lines = [f"{headline}:" if mails else headline, *mails]
    lines += [f"  {escape_unprintable(line)}" for line in explanation]
    pages = [api.build_search_url(message_filter.search_query), api.build_sessions_url()]
    return [*lines, f"  see {' and '.join(filter(None, pages))}"]

"""`smtptest wait`: until a mail is there; or what came in its place."""

import json
import time
from typing import Annotated, Any

from lazr.smtptest.cli.api import Api, ApiError
from lazr.smtptest.cli.failure import Failure
from lazr.smtptest.cli.options import Json, Reach
from lazr.smtptest.cli.rows import option, takes
from lazr.smtptest.cli.show import painted
from lazr.smtptest.cli.terminal import say, say_json
from lazr.smtptest.cli.visible import visible
from lazr.smtptest.cli.wanted import Wanted, line_of

__all__ = ["EXAMPLES", "wait"]

EXAMPLES = (
    "smtptest wait --to ann@example.com --timeout 10",
    "smtptest wait --to '*@example.com' --subject Welcome --json | jq -r .ID",
    "smtptest wait --query 'has:attachment is:unread'",
)

_POLL = 0.25
_LOOKED_AT = 100
_OTHERS = 10
# One request lasts no longer, whatever the server would allow.
_LONGEST = 30.0


@takes(reach=Reach)
def wait(
    reach: Reach,
    *,
    to: Annotated[
        str, option("--to", metavar="ADDRESS", help="A recipient; * stands for anything.", show_default=False)
    ] = "",
    sender: Annotated[str, option("--from", metavar="ADDRESS", help="The From, likewise.", show_default=False)] = "",
    subject: Annotated[str, option("--subject", help="Words of the subject.", show_default=False)] = "",
    query: Annotated[str, option("--query", "-q", help="A search.", show_default=False)] = "",
    timeout: Annotated[float, option("--timeout", help="So many seconds.", min=0)] = 10.0,
    as_json: Json = False,
) -> int:
    """Wait for a mail, and show it. One that is there already will do. Else say what came, with status 1."""
    wanted = Wanted(to=to, sender=sender, subject=subject, query=query)
    with reach.open() as api:
        found, told = _wait(api, wanted, timeout)
        if found is None:
            raise Failure("\n".join(_evidence(api, wanted, timeout, told)))
        message = api.message(found["ID"])
        if as_json:
            say_json(message)
        else:
            say(painted(api, {**message, "Created": found["Created"]}))
    return 0


def _wait(api: Api, wanted: Wanted, timeout: float) -> tuple[dict[str, Any] | None, list[str]]:
    """The newest that is wanted, or what the server has to say about its absence."""
    until = time.monotonic() + timeout
    long_polls = True
    told: list[str] | None = None
    while True:
        page = api.page(wanted.search, limit=_LOOKED_AT)
        for one in page["messages"]:
            if not wanted.failure(one):
                return one, []
        left = until - time.monotonic()
        if left <= 0 and told is not None:
            return None, told
        if not long_polls:
            time.sleep(min(_POLL, max(left, 0)))
            continue
        seconds = min(max(left, 0), _LONGEST)
        try:
            api.json(
                "GET",
                "/api/v1/wait",
                query={"query": wanted.search, "timeout": seconds, "count": page["messages_count"] + 1, "limit": 1},
                patience=seconds + 30,
            )
        except ApiError as error:
            nothing = _nothing(error)
            long_polls, told = nothing is not None, nothing or []


def _nothing(error: ApiError) -> list[str] | None:
    """What the server knows about a mail that did not come; None where it is a Mailpit, which cannot wait."""
    if error.code not in (404, 405):
        raise error
    try:
        said = json.loads(error.body)
    except ValueError:
        return None
    lines = said.get("Explanation") if isinstance(said, dict) else None
    return [str(line) for line in lines] if isinstance(lines, list) else []


def _evidence(api: Api, wanted: Wanted, timeout: float, told: list[str]) -> list[str]:
    page = api.page(limit=_OTHERS)
    total = page["total"]
    others = "no other came" if not total else f"{total} other{'' if total == 1 else 's'} came"
    lines = [f"no {wanted} within {timeout:g} s; {others}{':' if total else ''}"]
    for one in page["messages"]:
        lines.append(f"  {line_of(one)}")
        lack = wanted.failure(one)
        lines += [f"      {visible(lack, keep_lines=False)}"] if lack else []
    if total > len(page["messages"]) > 0:
        lines.append("  (the latest)")
    return lines + [f"  {visible(line, keep_lines=False)}" for line in told]

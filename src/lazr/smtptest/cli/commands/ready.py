"""`smtptest ready`: check whether a server can receive mail, or wait until it can."""

import time
from typing import Annotated

from lazr.smtptest.api_client import ApiClient, ApiError, ApiUnavailable
from lazr.smtptest.cli.config.shared_options import ApiOptions
from lazr.smtptest.cli.config.typer_options import expand_options, option
from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.cli.output.terminal import print_text

__all__ = ["EXAMPLES", "ready"]

EXAMPLES = (
    "smtptest ready",
    "smtptest ready --wait 30 && pytest",
    "smtptest ready --api http://mail:8025 --wait 10",
)

_POLL_INTERVAL_SECONDS = 0.1
_REQUEST_TIMEOUT_SECONDS = 10.0
_UNAVAILABLE = 503


@expand_options(api_options=ApiOptions)
def ready(
    api_options: ApiOptions,
    *,
    wait: Annotated[float, option("--wait", metavar="SECONDS", help="Seconds to wait for the server.", min=0)] = 0.0,
) -> int:
    """Check that the server can receive and store mail; exit with status 1 if it cannot.

    It asks /readyz, which needs no login.
    """
    deadline = time.monotonic() + wait
    with api_options.open_client() as api:
        while (problem := _find_problem(api)) is not None:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                waited = f" after {wait:g} s" if wait else ""
                raise CommandError(f"not ready{waited}: {problem}")
            time.sleep(min(_POLL_INTERVAL_SECONDS, remaining))
        print_text(f"{api.url} is ready")
    return 0


def _find_problem(api: ApiClient) -> ApiUnavailable | str | None:
    """Return why the server cannot receive mail; None if it can."""
    try:
        api.request("GET", "/readyz", timeout=_REQUEST_TIMEOUT_SECONDS)
    except ApiError as error:
        if error.http_status == _UNAVAILABLE:
            return f"{api.url} runs, and its store or its SMTP server is unavailable (503)"
        return error
    except ApiUnavailable as error:
        return error
    return None

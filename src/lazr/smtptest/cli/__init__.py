"""The command line, `smtptest`: run a server, send to it, look at what it has.

It knows terminals, files and exit statuses; of a running server it knows what SMTP and the REST API say.  Each command
is a file, each option a row; what the options are called in the environment and in the file of settings follows from
that.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_LIBRARIES = ("typer", "rich")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the process's exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # Applications call sendmail for each mail, so it comes before whatever takes time to import.
    if arguments is None and os.path.basename(sys.argv[0]) == "sendmail":
        given.insert(0, "sendmail")
    if given[:1] == ["sendmail"] and "--help" not in given:
        from lazr.smtptest.cli.sendmail import run as sendmail

        return sendmail(given[1:])
    try:
        from lazr.smtptest.cli.app import run

        return run(given)
    except ModuleNotFoundError as error:
        if error.name not in _LIBRARIES:
            raise
        print(f'smtptest: {error.name} is missing: pip install "lazr.smtptest[serve]"', file=sys.stderr)  # noqa: T201
        return 1

"""The command line `smtptest`: run a server, send mail to it, and inspect its mail.

The rooms: `commands` has one file for each command that talks to a running server, `serve` and `sendmail` have the two
large commands, `client` the REST and SMTP clients and the mail archives, `config` the options and the configuration
file, `output` the renderers.  `app` assembles the commands.

A command talks to a running server by SMTP and by the REST API only.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_REQUIRED_LIBRARIES = ("typer", "rich")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and return the exit status of the process.

    Called without arguments, it reads `sys.argv`, and a program name `sendmail` selects the command `sendmail`.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    # Applications start sendmail for each mail, so this comes before the imports that take time.
    if arguments is None and os.path.basename(sys.argv[0]) == "sendmail":
        words.insert(0, "sendmail")
    if words[:1] == ["sendmail"] and "--help" not in words:
        from lazr.smtptest.cli.sendmail.command import run as sendmail

        return sendmail(words[1:])
    try:
        from lazr.smtptest.cli.app import run

        return run(words)
    except ModuleNotFoundError as error:
        if error.name not in _REQUIRED_LIBRARIES:
            raise
        print(f'smtptest: {error.name} is missing: pip install "lazr.smtptest[serve]"', file=sys.stderr)  # noqa: T201
        return 1

"""Running `smtptest` as somebody would: processes, their output, and servers that stop with the test."""

import os
import signal
import subprocess
import sys

COMMAND = [sys.executable, "-m", "lazr.smtptest"]


def environment(**variables):
    """This process's, without what its user has set for `smtptest`, and with what is given."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("SMTPTEST_")}
    # Nor are mails of tests kept in the data directory of whoever runs them.
    return ours | {"COLUMNS": "200", "SMTPTEST_SERVE_DATABASE": "none"} | variables


def smtptest(*arguments, stdin="", cwd=None, text=True, **variables):
    """The command, ended."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        **({"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}),
        capture_output=True, text=text, timeout=120, check=False, cwd=cwd, env=environment(**variables),
    )  # fmt: skip


class Serving:
    """A process that runs `smtptest serve` on free ports; `before` is a command that runs it, where one has to."""

    def __init__(self, *arguments, before=(), cwd=None, **variables):
        self.process = subprocess.Popen(
            [*before, *COMMAND, "serve", "--smtp-port", "0", "--database", "none", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd, env=environment(**variables),
        )  # fmt: skip
        self.first = self.process.stdout.readline()

    @property
    def address(self):
        return "127.0.0.1", int(self.first.split(";")[0].split(" and ")[0].rpartition(":")[2])

    @property
    def server(self):
        """As `--server` takes it."""
        return "{}:{}".format(*self.address)

    def stop(self, how=signal.SIGINT):
        """What it said after its first line, its errors, and its exit status."""
        self.process.send_signal(how)
        with self.process:
            return self.process.stdout.read(), self.process.stderr.read(), self.process.wait(30)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.process.kill()
        with self.process:  # closes its pipes
            self.process.wait(30)

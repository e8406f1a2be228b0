"""Run `smtptest` in this process, which is fast, or in a process of its own where a test needs one.

`run_smtptest` runs a command to its end, `ServeThread` runs `smtptest serve` in a thread, and `ServeProcess` in a
process.  A command in this process gets its own standard streams, environment, working directory, logging and signals.
"""

import contextlib
import io
import logging
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from unittest import mock

from lazr.smtptest.cli import main

try:
    import resource
except ImportError:  # Windows
    resource = None

SMTPTEST_COMMAND = [sys.executable, "-m", "lazr.smtptest"]
STOP_TIMEOUT_SECONDS = 60
PROCESS_STOP_TIMEOUT_SECONDS = 30


def build_environment(**variables):
    """Return the environment of this process with these variables, and without the `SMTPTEST_` settings of its user."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SMTPTEST_")}
    # The default database is in the user's data directory, which tests must not change.  Only tests of IMAP and POP3
    # switch them on.
    defaults = {"SMTPTEST_SERVE_DATABASE": "none", "SMTPTEST_SERVE_NO_IMAP": "1", "SMTPTEST_SERVE_NO_POP3": "1"}
    return inherited | {"COLUMNS": "200"} | defaults | variables


@contextlib.contextmanager
def _replace_process_state(stdin, stdout, stderr, cwd, variables):
    """Replace the standard streams, the environment and the working directory of this process for a while."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.multiple(sys, stdin=stdin, stdout=stdout, stderr=stderr))
        stack.enter_context(mock.patch.dict(os.environ, build_environment(**variables), clear=True))
        if cwd is not None:
            stack.enter_context(contextlib.chdir(cwd))
        yield


def _run_main(arguments):
    """Run the command in this process, and return its exit status."""
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as error:
        return error.code


class _NamedBytesIO(io.BytesIO):
    """A buffer with the name of the standard stream that it replaces."""

    def __init__(self, name):
        super().__init__()
        self.name = name


def run_smtptest(*arguments, stdin="", cwd=None, text=True, **variables):
    """Run a command in this process to its end, and return a `CompletedProcess`.

    Args:
        arguments: the command line after `smtptest`.
        stdin: text or bytes that the command reads; None is an empty input.
        cwd: the working directory of the command; None keeps the current one.
        text: decode the output; False returns bytes.
        variables: environment variables of the command.
    """
    input_bytes = stdin.encode() if isinstance(stdin, str) else stdin or b""
    out, err = _NamedBytesIO("<stdout>"), _NamedBytesIO("<stderr>")
    with tempfile.TemporaryFile() as file:  # `sendmail -bs` watches a file descriptor
        file.write(input_bytes)
        file.seek(0)
        streams = (
            io.TextIOWrapper(file, "utf-8"),
            io.TextIOWrapper(out, "utf-8"),
            io.TextIOWrapper(err, "utf-8", errors="backslashreplace", write_through=True),
        )
        with _replace_process_state(*streams, cwd, variables):
            status = _run_main(arguments)
            sys.stdout.flush()
    output = out.getvalue(), err.getvalue()
    if text:  # with universal newlines, like subprocess
        output = (io.TextIOWrapper(io.BytesIO(data), "utf-8").read() for data in output)
    return subprocess.CompletedProcess(list(arguments), status, *output)


class _RunningServe:
    """A running `smtptest serve`; its first line of output names the addresses."""

    first_line = ""

    @property
    def address(self):
        """The host and the port of the SMTP server."""
        return "127.0.0.1", int(re.search(r":([0-9]+)\b", self.first_line)[1])

    @property
    def server(self):
        """The SMTP address as a value for the option `--server`."""
        return "{}:{}".format(*self.address)

    def __enter__(self):
        return self


class _SignalsForThread:
    """Signals for a command in a thread, where Python delivers none.

    A signal is one byte in the descriptor of `set_wakeup_fd`, as with `signal.set_wakeup_fd`.
    """

    def __init__(self):
        self.wakeup = -1

    def set_wakeup_fd(self, fd, *, warn_on_full_buffer=True):
        before, self.wakeup = self.wakeup, fd
        return before

    def signal(self, number, handler):
        return signal.getsignal(number)

    def send(self, number):
        if self.wakeup != -1:  # the command is still running
            os.write(self.wakeup, bytes([number]))


@contextlib.contextmanager
def _restore_logging():
    """Let the command configure logging; keep the handlers of pytest, and remove those of the command at the end."""
    root, uvicorn, added = logging.getLogger(), logging.getLogger("uvicorn.error"), []
    levels = root.level, uvicorn.level

    def basic_config(*, level, handlers, force):
        assert force
        added.extend(handlers)
        for handler in handlers:
            root.addHandler(handler)
        root.setLevel(level)

    with mock.patch.object(logging, "basicConfig", basic_config):
        try:
            yield
        finally:
            for handler in added:
                root.removeHandler(handler)
            for logger, level in zip((root, uvicorn), levels, strict=True):
                logger.setLevel(level)


@contextlib.contextmanager
def _restore_file_limit():
    """Restore the limit of open files at the end."""
    limits = resource and resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        yield
    finally:
        if resource:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)


class ServeThread(_RunningServe):
    """`smtptest serve` on free ports, in a thread of this process."""

    def __init__(self, *arguments, cwd=None, **variables):
        self._arguments = ["serve", "--smtp-port", "0", "--database", "none", *arguments]
        self._signals = _SignalsForThread()
        self._results = []
        self._process_state = contextlib.ExitStack()
        readers, writers = [], []
        for _ in range(2):
            reader, writer = os.pipe()
            readers.append(open(reader, encoding="utf-8"))  # noqa: SIM115 - closed by `_join`
            writers.append(open(writer, "w", encoding="utf-8", buffering=1))  # noqa: SIM115 - closed by `_run`
        self._stdout, self._stderr = readers
        enter = self._process_state.enter_context
        for reader in readers:
            enter(reader)
        enter(_restore_file_limit())
        enter(_restore_logging())
        enter(mock.patch.multiple(signal, signal=self._signals.signal, set_wakeup_fd=self._signals.set_wakeup_fd))
        enter(_replace_process_state(io.StringIO(), *writers, cwd, variables))
        self._thread = threading.Thread(target=self._run, args=writers, daemon=True)
        self._thread.start()
        self.first_line = self._stdout.readline()

    def _run(self, *writers):
        try:
            self._results.append(_run_main(self._arguments))
        except BaseException as error:
            self._results.append(error)
        finally:
            for writer in writers:
                writer.close()

    def stop(self, number=signal.SIGINT):
        """Send a signal, and return the output after the first line, the errors, and the exit status."""
        self._signals.send(number)
        output = self._stdout.read(), self._stderr.read()
        self._join()
        if isinstance(self._results[0], BaseException):
            raise self._results[0]
        return *output, self._results[0]

    def _join(self):
        self._thread.join(STOP_TIMEOUT_SECONDS)
        self._process_state.close()
        assert not self._thread.is_alive()

    def __exit__(self, *error):
        if self._thread.is_alive():
            self.stop()
        self._process_state.close()


class ServeProcess(_RunningServe):
    """`smtptest serve` on free ports, in a process that a test can kill; `before` is a command that runs it."""

    def __init__(self, *arguments, before=(), cwd=None, **variables):
        self.process = subprocess.Popen(
            [*before, *SMTPTEST_COMMAND, "serve", "--smtp-port", "0", "--database", "none", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd, env=build_environment(**variables),
        )  # fmt: skip
        self.first_line = self.process.stdout.readline()

    def describe_failure(self):
        """Return the exit status and the errors of a process that ended without a first line."""
        return f"exit status {self.process.wait(PROCESS_STOP_TIMEOUT_SECONDS)}: {self.process.stderr.read()}"

    def stop(self, number=signal.SIGINT):
        """Send a signal, and return the output after the first line, the errors, and the exit status."""
        self.process.send_signal(number)
        with self.process:
            output = self.process.stdout.read(), self.process.stderr.read()
            return *output, self.process.wait(PROCESS_STOP_TIMEOUT_SECONDS)

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.process.kill()
        with self.process:  # close its pipes
            self.process.wait(PROCESS_STOP_TIMEOUT_SECONDS)

"""Run a tutorial as its reader does: write its files, run its commands in one shell, and compare their output.

In a page, "`NAME`:" before a block of Python is a file to create, and before a block of diff a file to change.  Each
`$ ` line of a `console` block is a command; the lines after it are its output, in which `...` matches any text.
"""

import contextlib
import doctest
import os
import re
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "tutorial"
CHECKOUT = "path/to/checkout"  # what readers replace
TIMEOUT_SECONDS = 1200
END_MARK = "--- end of the command, status"

_BLOCK = re.compile(r"(?:`([\w.]+)`:\n\n)?^```(python|diff|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
_PORTS = re.compile(r"(\w+)://127\.0\.0\.1:(\d+)[,; ]")
_DOCUMENTED_PORTS = {"smtp": "1025", "http": "8025", "imap": "1143", "pop3": "1110"}
_SEPARATOR = re.compile(r"([=_-])\1{2,}")
_INSTALLING = ("python3 -m venv ", ". .venv/", "pip install ")
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Step:
    """One step of a page: a file to create or to change, or a command with its output."""

    kind: str
    name: str  # of the file, or the command
    text: str


def parse_steps(text):
    """Return the steps of a page in their order."""
    steps = []
    for name, kind, content in _BLOCK.findall(text):
        if kind == "console":
            steps += [Step("command", command, output) for command, output in _COMMAND.findall(content)]
        else:
            steps.append(Step("create" if kind == "python" else "change", name, content))
    return steps


def change_file(path, diff):
    """Replace the lines of a diff that begin with `-` by those that begin with `+`."""
    lines = diff.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] in "- ")
    new = "".join(line[1:] for line in lines if line[0] in "+ ")
    content = path.read_text("utf-8")
    assert content.count(old) == 1, f"{path.name} has not exactly once:\n{old}"
    path.write_text(content.replace(old, new), "utf-8")


def build_environment(home):
    """Return the environment of a new terminal: without settings of this run, with a home of its own."""
    foreign = ("SMTPTEST_", "PYTEST_", "COV", "VIRTUAL_ENV")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return variables | {"HOME": str(home), "COLUMNS": "80", "SMTPTEST_SERVE_DATABASE": str(home / "mails.sqlite")}


class Terminal:
    """A shell in a folder, in which a reader works through a page.

    Args:
        folder: the working directory of the first command.
        environment: the variables of the shell.
        install: run the commands that make an environment and install packages; False uses this environment.
    """

    def __init__(self, folder, environment, *, install):
        self.install = install
        self.environment = dict(environment)
        if not install:
            self.environment["PATH"] = f"{Path(sys.executable).parent}:{self.environment['PATH']}"
            # Plugins of this environment, which a reader has not, would change the output.
            self.environment |= {
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "PYTEST_PLUGINS": "lazr.smtptest.pytest_plugin",
            }
        self._ports = {}  # those of the page, and those of the server here
        self._server = None
        self._shell = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, cwd=folder, env=self.environment,
        )  # fmt: skip
        self._watchdog = threading.Timer(TIMEOUT_SECONDS, self._kill)
        self._watchdog.start()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._watchdog.cancel()
        self._kill()

    def get_folder(self):
        """Return the current working directory of the shell."""
        return Path(self._run("pwd").strip())

    def do(self, step):
        """Do one step, and return the output of a command as it would be in the page."""
        if step.kind == "create":
            (self.get_folder() / step.name).write_text(step.text, "utf-8")
        elif step.kind == "change":
            change_file(self.get_folder() / step.name, step.text)
        elif step.name == "smtptest serve":
            return self._serve()
        elif self.install or not step.name.startswith(_INSTALLING):
            return self._run(step.name)
        return ""

    def _run(self, command):
        command = command.replace(CHECKOUT, str(ROOT))
        command = re.sub(r"^python3\b", sys._base_executable, command)  # the Python of this run
        for documented, actual in self._ports.items():
            command = re.sub(rf"\b{documented}\b", actual, command)
        self._shell.stdin.write(f'{{ {command}\n}} </dev/null\necho "{END_MARK} $?"\n')
        self._shell.stdin.flush()
        output = []
        for line in self._shell.stdout:
            before, mark, _ = line.partition(END_MARK)
            output.append(before)
            if mark:
                break
        else:
            raise AssertionError(f"$ {command}\nthe shell has ended: {''.join(output)}")
        return self._translate("".join(output))

    def _translate(self, text):
        for documented, actual in self._ports.items():
            text = text.replace(actual, documented)
        return text

    def _serve(self):
        program = self._run("command -v smtptest").strip()
        self._server = subprocess.Popen(
            [program, "serve", "--smtp-port", "0", "--http-port", "0"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.environment,
        )  # fmt: skip
        lines = []
        for line in self._server.stdout:
            lines.append(line)
            if line.startswith("web inbox"):
                break
        self._ports = {_DOCUMENTED_PORTS[scheme]: port for scheme, port in _PORTS.findall("".join(lines))}
        self._run("export SMTPTEST_SERVER=127.0.0.1:1025 SMTPTEST_API=http://127.0.0.1:8025")
        return self._translate("".join(lines))

    def _kill(self):
        for process in (self._shell, self._server):
            if process is not None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                process.wait()
                for stream in (process.stdin, process.stdout):
                    if stream is not None:
                        with contextlib.suppress(BrokenPipeError):
                            stream.close()


def is_expected(expected, output):
    """Return whether the output is what the page shows; white space and the widths of separators may differ."""
    texts = [_SEPARATOR.sub(r"\1\1\1", text) for text in (expected, output)]
    return not expected or doctest.OutputChecker().check_output(*texts, _FLAGS)

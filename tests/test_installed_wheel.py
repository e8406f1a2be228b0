"""The wheel in an empty environment: the examples of README.md, `smtptest serve`, pipx and uv."""

import os
import re
import shlex
import smtplib
import socket
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.helpers.package_index import run_pip
from tests.helpers.third_party_clients import find_release_program

README = Path(__file__).parent.parent / "README.md"
INSTALL_PAGE = Path(__file__).parent.parent / "docs" / "how-to" / "install.md"
TIMEOUT_SECONDS = 600  # a machine that installs packages for several tests at once is slow

pytestmark = pytest.mark.slow


class Environment:
    """A new virtual environment without pip, and programs that run in it."""

    def __init__(self, folder):
        venv.create(folder / "env", with_pip=False)
        self._folder = folder
        self._bin = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
        self.python = self._bin / "python"

    def install(self, *requirements):
        command = [sys.executable, "-m", "pip", "--python", self.python, "install", "--quiet", *requirements]
        run_pip(*command, timeout=TIMEOUT_SECONDS)

    def start(self, *command):
        """Start a program of the environment; it sees no other package, and none of the user's settings."""
        hidden = ("PYTHON", "SMTPTEST_", "COVERAGE")
        variables = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        variables |= {"HOME": str(self._folder), "XDG_DATA_HOME": str(self._folder), "COLUMNS": "200"}
        return subprocess.Popen(
            [self._bin / command[0], *command[1:]],
            cwd=self._folder, env=variables | {"PYTHONUNBUFFERED": "1"}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *command):
        """Run a program of the environment to its end; return its exit status, its output and its errors."""
        with self.start(*command) as process:
            output, errors = process.communicate(timeout=TIMEOUT_SECONDS)
        return process.returncode, output, errors

    def write(self, name, text):
        path = self._folder / name
        path.write_text(text, "utf-8")
        return str(path)


@pytest.fixture(scope="module")
def core(tmp_path_factory, wheel):
    """An environment with the wheel and nothing else."""
    environment = Environment(tmp_path_factory.mktemp("core"))
    environment.install("--no-index", wheel)
    return environment


def run_doctests(environment, path):
    """Run the examples of a page in an environment; return how many there are and how many fail, and the output."""
    program = (
        "import doctest, sys; result = doctest.testfile(sys.argv[1], False, optionflags=doctest.ELLIPSIS,"
        "encoding='utf-8'); print(result.attempted, result.failed)"
    )
    status, output, errors = environment.run("python", "-c", program, path)
    assert status == 0, errors
    *_, last_line = output.splitlines()
    return [*map(int, last_line.split())], output


def test_wheel_needs_no_other_package(core):
    program = "from importlib.metadata import distributions; print(*[found.name for found in distributions()])"
    assert core.run("python", "-c", program) == (0, "lazr.smtptest\n", "")


def test_python_examples_of_readme_run_in_empty_environment(core):
    (attempted, failed), output = run_doctests(core, str(README))
    assert failed == 0, output
    assert attempted >= 2


def test_wrong_example_fails_in_empty_environment(core):
    (attempted, failed), _ = run_doctests(core, core.write("wrong.md", ">>> 1 + 1\n3\n\n"))
    assert (attempted, failed) == (1, 1)


def test_module_prints_mail_in_empty_environment(core):
    with core.start("python", "-m", "lazr.smtptest", "--port", "0") as process:
        try:
            port = int(re.search(r":(\d+)\b", process.stderr.readline())[1])
            with smtplib.SMTP("127.0.0.1", port) as client:
                client.sendmail("app@example.com", ["ann@example.com"], "Subject: Hi\r\n\r\nHi Ann\r\n")
            checked = core.run("python", "-m", "lazr.smtptest", "--check", f"127.0.0.1:{port}")
        finally:
            process.terminate()
            output, errors = process.communicate(timeout=TIMEOUT_SECONDS)
    assert checked[0] == 0, checked
    assert "Hi Ann" in output, errors


def test_program_names_the_missing_extra(core):
    assert core.run("smtptest", "ls") == (1, "", 'smtptest: typer is missing: pip install "lazr.smtptest[serve]"\n')


def test_pytest_example_of_readme_runs_with_wheel_and_pytest(tmp_path, wheel):
    environment = Environment(tmp_path)
    environment.install("pytest", wheel)
    blocks = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    tests = [block for block in blocks if "\ndef test_" in f"\n{block}"]
    assert tests
    for number, block in enumerate(tests):
        environment.write(f"test_readme_{number}.py", block)

    status, output, errors = environment.run("python", "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider")

    assert status == 0, output + errors
    count = sum(len(re.findall(r"^(?:async )?def test_", block, re.MULTILINE)) for block in tests)
    assert re.search(rf"^{count} passed", output, re.MULTILINE), output


def test_serve_command_of_readme_catches_mail(tmp_path, wheel):
    assert "smtptest serve" in README.read_text("utf-8")
    environment = Environment(tmp_path)
    environment.install(f"{wheel}[serve]")
    with environment.start("smtptest", "serve", "--smtp-port", "0", "--http-port", "0") as process:
        try:
            first_line = process.stdout.readline()
            smtp = re.search(r"smtp://(127\.0\.0\.1:\d+)", first_line)[1]
            api = re.search(r"http://127\.0\.0\.1:\d+", first_line)[0]
            ready = environment.run("smtptest", "ready", "--wait", "60", "--api", api)
            sent = environment.run(
                "smtptest", "send", "--server", smtp, "--to", "ann@example.com", "--subject", "Welcome"
            )  # fmt: skip
            listed = environment.run("smtptest", "ls", "--api", api)
        finally:
            process.terminate()
            output, errors = process.communicate(timeout=TIMEOUT_SECONDS)
    assert (ready[0], sent[0], listed[0]) == (0, 0, 0), (ready, sent, listed, errors)
    assert "ann@example.com" in listed[1]
    assert "Welcome" in listed[1]
    assert process.returncode == 0, output + errors


# Installing without an index


@pytest.fixture
def pip_without_index(monkeypatch):
    """Let pip ask only an index at an address where nothing listens."""
    for name in [name for name in os.environ if name.startswith("PIP_") or name.upper().endswith("_PROXY")]:
        monkeypatch.delenv(name)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # without listen(), connections are refused
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{unused.getsockname()[1]}/simple")
        monkeypatch.setenv("PIP_RETRIES", "1")
        yield


def test_missing_index_skips_a_test_except_on_ci(tmp_path, monkeypatch, pip_without_index):
    environment = Environment(tmp_path)
    monkeypatch.delenv("SMTPTEST_ALL_CLIENTS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="the package index cannot be reached"):
        environment.install("lazr.smtptest")
    monkeypatch.setenv("SMTPTEST_ALL_CLIENTS", "1")
    with pytest.raises(AssertionError, match="No matching distribution"):
        environment.install("lazr.smtptest")


def test_requirement_that_no_package_satisfies_fails(tmp_path, monkeypatch):
    monkeypatch.delenv("SMTPTEST_ALL_CLIENTS", raising=False)
    with pytest.raises((AssertionError, pytest.skip.Exception)) as caught:
        Environment(tmp_path).install("--no-index", "lazr.smtptest")
    assert caught.type is AssertionError
    assert "No matching distribution" in str(caught.value)


# The page with the commands of pipx and uv


def find_command(*words):
    """Return the command on the page that begins with these words, as a list."""
    lines = INSTALL_PAGE.read_text("utf-8").splitlines()
    [line] = [line for line in lines if line.startswith(" ".join(words) + " ")]
    return shlex.split(line)


class Tools:
    """pipx and uv, which keep all files in one folder."""

    def __init__(self, folder, wheel):
        self.folder = folder
        self._wheel = wheel
        names = ("PIPX_HOME", "PIPX_BIN_DIR", "PIPX_MAN_DIR", "UV_CACHE_DIR", "UV_TOOL_DIR", "UV_TOOL_BIN_DIR")
        hidden = ("PYTHON", "VIRTUAL_ENV", "COVERAGE")
        self._variables = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        self._variables |= {name: str(folder / name.lower()) for name in names}
        # uv would download the newest Python of its own.
        self._variables |= {"UV_PYTHON": sys.executable, "UV_PYTHON_DOWNLOADS": "never"}

    def run(self, *command):
        """Run a command of the page with the wheel instead of the name on PyPI, and return its output."""
        program = Path(command[0])
        path = program if program.is_absolute() else find_release_program(command[0])
        arguments = [str(word).replace("lazr.smtptest[", f"{self._wheel}[") for word in command[1:]]
        done = subprocess.run(
            [path, *arguments],
            cwd=self.folder, env=self._variables, text=True, capture_output=True, timeout=TIMEOUT_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def find_installed(self, name):
        """Return the path of a program that pipx or uv has installed."""
        [path] = [*self.folder.glob(f"pipx_bin_dir/{name}"), *self.folder.glob(f"uv_tool_bin_dir/{name}")]
        return path


@pytest.fixture
def tools(tmp_path, wheel):
    return Tools(tmp_path, wheel)


@pytest.mark.parametrize("words", [("uvx",), ("pipx", "run")])
def test_page_command_runs_program_without_installation(words, tools, wheel):
    *command, last = find_command(*words)
    assert last == "serve"
    assert tools.run(*command, "--version") == f"smtptest {wheel.name.split('-')[1]}\n"


@pytest.mark.parametrize("words", [("uv", "tool", "install"), ("pipx", "install")])
def test_page_command_installs_program(words, tools, wheel):
    tools.run(*find_command(*words))
    assert tools.run(tools.find_installed("smtptest"), "--version") == f"smtptest {wheel.name.split('-')[1]}\n"


def test_page_command_adds_the_package_to_a_project(tools):
    tools.run("uv", "init", "--quiet", "--bare", "--name", "project", "--python", sys.executable)
    tools.run(*find_command("uv", "add"))
    tools.run("uv", "add", "--quiet", "--dev", "pytest")
    (tools.folder / "test_fixture.py").write_text("def test_fixture(smtptest):\n    assert smtptest.address\n")
    assert "1 passed" in tools.run("uv", "run", "--quiet", "pytest", "-q")

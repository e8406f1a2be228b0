"""What `.ci/run` installs on machines without programs, with fake programs that log how they are called."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests import check_coverage
from tests.helpers import third_party_clients

PROJECT = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


class Machine:
    """A machine that has only the programs of one folder, and a copy of the script."""

    def __init__(self, folder):
        self._programs = folder / "programs"
        self._programs.mkdir()
        self._log = folder / "log"
        self.project = folder / "project"
        (self.project / ".ci").mkdir(parents=True)
        shutil.copy(PROJECT / ".ci" / "run", self.project / ".ci")
        for name in ("bash", "cat", "dirname", "env", "rm"):
            (self._programs / name).symlink_to(shutil.which(name))

    def add(self, name, script="exit 0"):
        """Add a program: a script of the shell."""
        path = self._programs / name
        path.write_text(f'#!{shutil.which("sh")}\necho "$(basename "$0") $*" >>"{self._log}"\n{script}\n', "utf-8")
        path.chmod(0o755)

    def add_python(self, version):
        """Add a Python that knows its version, and cannot create environments: the script ends there."""
        self.add(f"python{version}", f'case "$*" in *assert*) ;; *print*) echo {version} ;; *) exit 9 ;; esac')

    def run(self, *steps, pythons="3.12"):
        """Run the script to its end; return its exit status, its errors, and the calls of the programs."""
        variables = {"PATH": str(self._programs), "HOME": str(self.project), "PYTHONS": pythons}
        command = [shutil.which("bash"), str(self.project / ".ci" / "run"), *steps]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120, check=False)
        calls = self._log.read_text("utf-8").splitlines()
        return done.returncode, done.stderr, [call for call in calls if not call.startswith("python")]


@pytest.fixture
def machine(tmp_path):
    machine = Machine(tmp_path)
    (machine.project.parent / "programs" / "basename").symlink_to(shutil.which("basename"))
    for version in ("3.12", "3.13"):
        machine.add_python(version)
    machine.add("id", "echo 0")
    machine.add("dpkg")
    machine.add("apt-get", 'case "$1" in install) echo "$DEBIAN_FRONTEND" >&2; exit 8 ;; esac')
    return machine


def add_tools(machine):
    for name in ("git", "make", "node", "npm"):
        machine.add(name)


INSTALL = "apt-get install -y -qq --no-install-recommends"


@pytest.mark.parametrize(("present", "missing"), [("", "git make nodejs npm"), ("git make node", "npm")])
def test_script_installs_only_the_tools_that_are_missing(present, missing, machine):
    for name in present.split():
        machine.add(name)
    status, errors, calls = machine.run("check")
    assert (status, errors) == (8, "noninteractive\n")
    assert calls == ["id -u", "apt-get update -qq", f"{INSTALL} {missing}"]


def test_script_installs_nothing_where_all_programs_are(machine):
    add_tools(machine)
    assert machine.run("check")[::2] == (9, [])
    status, _, calls = machine.run("full")
    assert status == 9
    assert [call.split()[0] for call in calls] == ["dpkg", "npm"]


def test_script_installs_with_sudo_without_the_rights_of_root(machine):
    machine.add("id", "echo 1000")
    machine.add("sudo", 'exec "$@"')
    status, errors, calls = machine.run("check")
    assert (status, errors) == (8, "noninteractive\n")  # sudo itself would not pass the variable on
    assert calls[1] == "sudo apt-get update -qq"
    assert calls[3] == f"sudo env DEBIAN_FRONTEND=noninteractive {INSTALL} git make nodejs npm"


def test_missing_mail_clients_are_installed(machine):
    add_tools(machine)
    machine.add("dpkg", "exit 1")
    status, _, calls = machine.run("part")
    assert status == 8
    assert calls[-1].startswith(f"{INSTALL} swaks ")


@pytest.mark.parametrize(("pythons", "warns"), [("3.12 3.13", False), ("3.13", True)])
def test_script_tells_when_no_python_is_old_enough_for_mailhog(pythons, warns, machine):
    add_tools(machine)
    status, errors, _ = machine.run("part", pythons=pythons)
    assert status == 9
    assert ("mailhog (PyPI) needs Python 3.12 or older, and the oldest one here is 3.13" in errors) == warns


def test_clients_of_another_python_are_removed(machine):
    add_tools(machine)
    packages = machine.project / ".cache" / "clients" / "lib" / "python3.12" / "site-packages"
    packages.mkdir(parents=True)
    machine.run("part", pythons="3.12")
    assert packages.exists()
    machine.run("part", pythons="3.13")
    assert not packages.exists()


@pytest.mark.parametrize(
    ("version", "outcome"),
    [("3.13.0", "does not work on Python 3.13"), ("3.12.1", "is not installed, and SMTPTEST_ALL_CLIENTS is set")],
)
def test_only_a_client_that_cannot_work_is_skipped_on_ci(version, outcome, tmp_path, monkeypatch):
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.touch()
    (tmp_path / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {version}\n", "utf-8")
    monkeypatch.setattr(third_party_clients, "CLIENTS_PYTHON", python)
    monkeypatch.setenv("SMTPTEST_ALL_CLIENTS", "1")
    with pytest.raises((pytest.skip.Exception, AssertionError), match=outcome) as caught:
        third_party_clients.find_python_of_clients("mailhog")
    assert caught.type is (pytest.skip.Exception if version == "3.13.0" else AssertionError)


@pytest.mark.parametrize(
    ("names", "retried"),
    [
        ([], False),
        (["a.py::test_a", "b.py::test_b[1]", "b.py::test_b[2]", "b.py::test_b[3]"], True),
        (["a.py::test_a", "a.py::test_b", "a.py::test_c"], False),
    ],
)
def test_few_failed_tests_run_again_whatever_their_cases(names, retried, monkeypatch):
    monkeypatch.setenv("MAX_RETRIED_TESTS", "2")
    assert check_coverage.may_retry(names) is retried


def test_failed_tests_run_again_only_where_it_is_asked_for(monkeypatch):
    monkeypatch.delenv("MAX_RETRIED_TESTS", raising=False)
    assert not check_coverage.may_retry(["a.py::test_a"])

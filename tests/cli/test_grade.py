"""`smtptest grade`: the exit status, the selection of behaviors, the reports, the baseline, and hints."""

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from lazr.smtptest.grading import BEHAVIORS, GROUPS
from tests.helpers.command_line import SMTPTEST_COMMAND, build_environment, run_smtptest
from tests.helpers.default_signals import default_signals

CLIENT = Path(__file__).parents[1] / "examples" / "send_mail.py"
RIGHT, WRONG = "rcpt-550", "rcpt-one-of-three-550"
BOTH = ("--only", RIGHT, "--only", WRONG)


def grade(*options, client=(sys.executable, CLIENT), **variables):
    """Grade a client; by default one that overlooks a refused recipient."""
    return run_smtptest("grade", *options, "--", *client, **variables)


def python(program, *arguments):
    """Return a client that is a line of Python."""
    return (sys.executable, "-c", f"import os, smtplib, sys\n{program}", *arguments)


@pytest.mark.parametrize(("only", "status"), [([RIGHT], 0), ([WRONG], 1), ([RIGHT, WRONG], 1)])
def test_exit_status_says_whether_all_is_right(only, status):
    done = grade(*(option for name in only for option in ("--only", name)))
    assert done.returncode == status, done.stderr


def test_nothing_tried_is_no_success(tmp_path):
    badge = tmp_path / "badge.svg"
    done = grade("--only", "bdat-552", "--badge", badge)

    assert done.returncode == 2 and done.stdout.endswith("nothing tried, 1 not tried\n")
    assert "no behavior was tried, so that there is no grade: The client did not send BDAT" in done.stderr
    assert "SMTP behavior: nothing tried" in badge.read_text()


def test_output_has_table_and_score_and_progress_is_on_stderr():
    done = grade(*BOTH)

    lines = done.stdout.splitlines()
    assert lines[0] == "envelope" and lines[-1] == "1 of 2 right"
    assert f"  ✗ {WRONG}  lost" in done.stdout
    assert "    Expected: The client reports the refused recipient" in done.stdout
    assert len(done.stderr.splitlines()) == 2 and "1/2  " in done.stderr and "2/2  " in done.stderr


def test_terminal_shows_a_bar_and_wrong_results_at_once():
    pty = pytest.importorskip("pty", reason="this platform has no pseudo-terminals")
    reader, terminal = pty.openpty()
    try:
        command = [*SMTPTEST_COMMAND, "grade", *BOTH, "--", sys.executable, CLIENT]
        environment = build_environment(TERM="xterm")
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=terminal, text=True, timeout=60, check=False, env=environment
        )
        output = os.read(reader, 100_000).decode()
    finally:
        os.close(terminal)
        os.close(reader)

    assert done.stdout.endswith("1 of 2 right\n")
    assert "grading" in output and "2/2" in output
    assert f"X {WRONG}" in output and RIGHT + " " not in output


def test_list_shows_behaviors_without_a_command():
    done = run_smtptest("grade", "--list")

    assert done.returncode == 0
    rows = [line.split()[:2] for line in done.stdout.splitlines()[1:]]
    assert rows == [[one.group, one.name] for one in BEHAVIORS]
    assert {group for group, _ in rows} <= set(GROUPS)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--only", "rcpt-550"], ["rcpt-550"]),
        (["--only", "greeting-554", "--only", "rcpt-5?0"], ["greeting-554", "rcpt-550"]),
        (["--only", "greeting-*", "--exclude", "greeting-[!5]*", "--exclude", "greeting-4*"], None),
    ],
)
def test_only_and_exclude_select_behaviors(options, names):
    done = run_smtptest("grade", "--list", *options)

    if names is None:  # brackets are no wildcard
        assert done.returncode == 2 and "no behavior matches 'greeting-[!5]*'" in done.stderr
    else:
        assert [line.split()[1] for line in done.stdout.splitlines()[1:]] == names


@pytest.mark.parametrize("option", ["--only", "--exclude"])
def test_unknown_behavior_gets_the_nearest_name(option):
    done = run_smtptest("grade", option, "gretting-554", "--list")
    assert (done.returncode, done.stdout) == (2, "")
    assert "unknown behavior 'gretting-554'; did you mean 'greeting-554'?" in done.stderr


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("startls", "did you mean 'starttls'? Otherwise, the groups are greeting, ehlo, "),
        ("greylist", "unknown behavior 'greylist'; the groups are greeting, ehlo, "),
        ("foo*", "no behavior matches 'foo*'; the groups are greeting, ehlo, "),
        ("quit,data", "expected one behavior, group or pattern, got 'quit,data'; give the names one by one"),
    ],
)
def test_error_of_a_selection_is_short(name, text):
    done = run_smtptest("grade", "--only", name, "--list")
    assert done.returncode == 2 and text in done.stderr and len(done.stderr) < 300


def test_selection_without_a_rest_names_both_options():
    done = run_smtptest("grade", "--only", "tls", "--exclude", "tls-*", "--list")
    assert "no behavior is left: `only` is tls, and `exclude` is tls-*\n" in done.stderr


def test_reports_are_written_to_files(tmp_path):
    (tmp_path / "badges").mkdir()
    files = {
        "--json": "a.json",
        "--junit": "a.xml",
        "--markdown": "a.md",
        "--html": "a.html",
        "--badge": "badges/a.svg",
    }
    done = grade(
        *BOTH, "--name", "my client", *(tmp_path / word if "." in word else word
        for pair in files.items() for word in pair),
    )  # fmt: skip

    assert done.stdout.endswith("1 of 2 right\n")
    values = json.loads((tmp_path / "a.json").read_text())
    assert (values["client"], values["right"], values["wrong"]) == ("my client", 1, 1)
    assert ET.parse(tmp_path / "a.xml").getroot().get("failures") == "1"
    assert "![SMTP behavior: 1 of 2 right](<badges/a.svg>)" in (tmp_path / "a.md").read_text("utf-8")
    assert "<h1>How my client copes with mail servers</h1>" in (tmp_path / "a.html").read_text("utf-8")
    assert (tmp_path / "badges" / "a.svg").read_text().startswith("<svg ")


@pytest.mark.parametrize(
    ("option", "beginning"),
    [("--json", "{"), ("--junit", "<?xml "), ("--markdown", "# How python"), ("--html", "<!doctype html>")],
)
def test_hyphen_writes_only_the_report_to_the_output(option, beginning):
    done = grade("--only", RIGHT, option, "-")
    assert done.stdout.startswith(beginning) and "1 of 1 right\n" not in done.stdout


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--json", "-", "--html", "-"], "only one report can be on standard output, got --json and --html"),
        (["--json", "missing/a.json"], "--json: missing/a.json must be a file in an existing folder"),
        (["--html", "."], "--html: . must be a file in an existing folder"),
        (["--baseline", "missing.json"], "--baseline: missing.json: No such file or directory"),
    ],
)
def test_wrong_files_are_errors_before_the_client_runs(options, text, tmp_path):
    done = grade(*options, client=python("open('ran', 'w')"), cwd=tmp_path)
    assert done.returncode == 2 and text in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_baseline_fails_only_for_what_is_worse(tmp_path):
    path = tmp_path / "grades.json"
    assert grade(*BOTH, "--json", path).returncode == 1

    same = grade(*BOTH, "--baseline", path)
    assert same.returncode == 0
    assert same.stdout.endswith("1 wrong as in the baseline\nnothing is worse than the baseline\n1 of 2 right\n")

    path.write_text(path.read_text().replace('"outcome": "lost"', '"outcome": "delivered"').replace("false", "true"))
    worse = grade(*BOTH, "--baseline", path)
    assert worse.returncode == 1
    assert f"\nworse (right → wrong) than the baseline: {WRONG}\n" in worse.stdout


def test_new_behavior_is_not_worse(tmp_path):
    path = tmp_path / "grades.json"
    grade("--only", RIGHT, "--json", path)

    done = grade("--only", WRONG, "--baseline", path)
    assert done.returncode == 0 and f"new and wrong: {WRONG}\n" in done.stdout


def test_other_file_is_no_baseline(tmp_path):
    (tmp_path / "a.json").write_text('{"schema": 9}')

    done = grade("--baseline", "a.json", cwd=tmp_path)
    assert done.returncode == 2
    assert "--baseline: a.json must be a file that `smtptest grade --json` wrote" in done.stderr


@pytest.mark.parametrize("words", [["grade"], ["grade", "--"], ["grade", "--only", RIGHT]])
def test_grade_needs_a_command(words):
    done = run_smtptest(*words)
    assert done.returncode == 2 and "grade needs a command: smtptest grade [OPTIONS] -- COMMAND" in done.stderr


def test_missing_program_is_one_error():
    done = grade(client=("no-such-client", "--to", "x"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "smtptest: cannot run 'no-such-client'; the program must be on the PATH, or named with its folder\n"
    )


def test_program_that_cannot_be_started_is_one_error(tmp_path):
    program = tmp_path / "client"
    program.write_bytes(b"no program")
    program.chmod(0o755)

    done = grade(client=(program,))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"smtptest: cannot run {str(program)!r}: Exec format error\n"


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs limits of POSIX")
def test_too_many_jobs_for_the_system_are_one_error():
    command = [
        *SMTPTEST_COMMAND,
        "grade",
        "--jobs",
        "64",
        "--only",
        "data",
        "--only",
        "envelope",
        "--",
        sys.executable,
        str(CLIENT),
    ]
    script = f"ulimit -n 60; exec {shlex.join(map(str, command))}"
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, timeout=60, check=False, env=build_environment()
    )

    assert done.returncode == 2
    assert "smtptest: cannot run that many trials at the same time (Too many open files); use fewer" in done.stderr


@pytest.mark.parametrize("security", ["starttls", "implicit"])
def test_client_that_knows_only_tls_can_be_graded(security):
    check = python(f"import runpy\nassert os.environ['SMTP_SECURITY'] == {security!r}\nrunpy.run_path({str(CLIENT)!r})")
    only = {"starttls": "starttls-expired", "implicit": "tls-expired"}[security]

    assert grade("--only", only, client=check).stdout.endswith("1 of 1 right\n")
    assert grade("--only", only, "--only", RIGHT, client=check).returncode == 2


ALWAYS = (
    "import ssl\n"
    "e = os.environ\n"
    "client = smtplib.SMTP(e['SMTP_HOST'], e['SMTP_PORT'], timeout=3)\n"
    "client.starttls(context=ssl.create_default_context(cafile=e['SMTP_CA_FILE'] or None))\n"
    "{login}"
    "client.sendmail(e['SMTP_SENDER'], e['SMTP_RECIPIENTS'].split(), sys.stdin.buffer.read())\n"
)
ALWAYS_TLS = ALWAYS.format(login="")
ALWAYS_LOGIN = ALWAYS.format(login="client.login(e['SMTP_USERNAME'], e['SMTP_PASSWORD'])\n")


@pytest.mark.parametrize(
    ("program", "options"), [(ALWAYS_TLS, "--security starttls"), (ALWAYS_LOGIN, "--security starttls --auth")]
)
def test_client_with_own_demands_gets_the_options_for_them(program, options):
    only = ("--only", RIGHT, "--only", "quit-reset")
    done = grade(*only, client=python(program))
    assert done.returncode == 2 and f"it works with {options}: add that" in done.stderr

    done = grade(*options.split(), *only, "--json", "-", client=python(program))
    transcripts = [result["transcripts"][0] for result in json.loads(done.stdout)["results"]]
    assert done.returncode == 0 and all("STARTTLS" in transcript for transcript in transcripts)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--security", "tls"], "'tls' is not one of 'starttls', 'implicit'"),
        (["--security", "implicit", "--only", "starttls"], "that demands implicit TLS cannot meet starttls-valid, "),
        (["--auth", "--only", "ehlo-refused"], "a client that demands AUTH cannot meet ehlo-refused"),
    ],
)
def test_demand_that_leaves_no_behavior_is_an_error(options, text):
    done = run_smtptest("grade", *options, "--list")
    assert done.returncode == 2 and text in done.stderr


def test_error_shows_the_begin_of_a_long_line():
    done = grade("--only", RIGHT, client=python("print('x' * 5000); sys.exit(1)"))
    assert done.returncode == 2 and f"    {'x' * 300}…" in done.stderr and "x" * 301 not in done.stderr


def test_long_command_is_a_short_name():
    program = CLIENT.read_text("utf-8") + "#" * 5000
    done = grade("--only", RIGHT, "--json", "-", client=(sys.executable, "-c", program))
    name = json.loads(done.stdout)["client"]
    assert name.startswith(f"{Path(sys.executable).name} -c ") and len(name) == 60


def test_command_in_quotes_gets_a_hint():
    done = grade(client=("python3 send_mail.py",))
    assert done.returncode == 2 and "write the words without quotes: -- python3 send_mail.py\n" in done.stderr


def test_client_that_does_not_connect_gets_one_hint():
    done = grade(client=python("print('no server configured', file=sys.stderr); sys.exit(3)"))

    assert (done.returncode, done.stdout) == (2, "")
    assert "the client must first send a mail to a server without faults, and this failed" in done.stderr
    assert "its exit status is 3" in done.stderr and "the client did not connect to SMTP_HOST" in done.stderr
    assert "  it printed:\n    no server configured\n" in done.stderr


def test_client_that_breaks_off_gets_a_hint_with_the_dialogue():
    done = grade(client=python("smtplib.SMTP(os.environ['SMTP_HOST'], os.environ['SMTP_PORT']).ehlo('x'); os._exit(0)"))

    assert done.returncode == 2
    assert "lost (its exit status is 0)" in done.stderr
    assert "  the dialogue:\n" in done.stderr and "C: ehlo x" in done.stderr


def test_client_that_hangs_at_first_gets_a_hint():
    done = grade("--timeout", "0.3", client=python("import time; time.sleep(60)"))
    assert done.returncode == 2 and "hung (it was stopped)" in done.stderr


PROGRAM = (
    "assert sys.argv[3] == '--exclude'\n"
    "client = smtplib.SMTP('localhost', sys.argv[1])\n"
    "client.sendmail(os.environ['SMTP_SENDER'], os.environ['SMTP_RECIPIENTS'].split(), open(sys.argv[2], 'rb').read())"
)


@pytest.mark.parametrize("separator", [["--"], []])
def test_words_are_replaced_and_options_of_the_client_stay(separator):
    client = python(PROGRAM, "{port}", "{message}", "--exclude", "x")
    done = run_smtptest("grade", "--only", RIGHT, *separator, *client)
    assert done.stdout.endswith("1 of 1 right\n"), done.stderr


def test_client_may_be_a_shell():
    command = f"{shlex.quote(sys.executable)} {shlex.quote(str(CLIENT))} 2> /dev/null || exit 4"
    done = grade("--only", RIGHT, "--json", "-", client=("sh", "-c", command))
    assert json.loads(done.stdout)["results"][0]["exit_status"] == 4


HANGING_CLIENT = """
import os, runpy, subprocess, sys, time
if os.environ["SMTPTEST_BEHAVIOR"] == "control":
    runpy.run_path(sys.argv[1])
    sys.exit()
child = "import sys, time; pipe = open(sys.argv[1], 'w'); print('started', file=pipe, flush=True); time.sleep(600)"
subprocess.Popen([sys.executable, "-c", child, sys.argv[2]])
time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs signals and pipes of POSIX")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signal_kills_clients_and_removes_their_files(name, tmp_path):
    folder, path = tmp_path / "temporary", tmp_path / "pipe"
    folder.mkdir()
    os.mkfifo(path)
    client = [sys.executable, "-c", HANGING_CLIENT, CLIENT, path]
    with default_signals(name):
        process = subprocess.Popen(
            [*SMTPTEST_COMMAND, "grade", "--only", RIGHT, "--timeout", "60", "--", *client],
            stderr=subprocess.PIPE,
            text=True,
            env=build_environment(TMPDIR=str(folder)),
        )
    with path.open() as pipe:
        assert pipe.readline() == "started\n"
        process.send_signal(getattr(signal, name))
        errors = process.communicate(timeout=30)[1]
        assert pipe.read() == ""  # at once, as the child of the client is gone

    assert process.returncode in {130, -getattr(signal, name)}
    assert errors.strip() == ""
    assert not list(folder.iterdir())


def test_options_come_from_the_configuration_file(tmp_path):
    (tmp_path / "smtptest.toml").write_text('[grade]\nonly = ["rcpt-550"]\nname = "from the file"\n')

    done = grade("--json", "-", cwd=tmp_path)
    values = json.loads(done.stdout)
    assert values["client"] == "from the file" and len(values["results"]) == 1

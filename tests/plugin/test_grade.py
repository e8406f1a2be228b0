"""The marker `smtptest_grade`: one test for each behavior of servers, judged by what became of the mail."""

import json
import sys

import pytest

from lazr.smtptest.grading import grade
from lazr.smtptest.grading.reports import render_json

CLIENT = """
from lazr.smtptest.grading import Deferred, NotSupported

def deliver(task):
    with smtplib.SMTP(task.host, task.port, timeout=task.timeout) as client:
        client.sendmail(task.sender, task.recipients, task.message)
"""
RIGHT, WRONG, SKIPPED = "rcpt-550", "rcpt-one-of-three-550", "bdat-valid"
NAMES = [RIGHT, WRONG, SKIPPED]

GRADED = f"""{CLIENT}
@pytest.mark.smtptest_grade(only={NAMES})
def test_client(smtptest_task):
    deliver(smtptest_task)

class TestServer:
    @pytest.mark.smtptest_grade(only={RIGHT!r})
    def test_server(self, smtptest, smtptest_factory):
        assert not smtptest_factory().inbox
        send(smtptest, to="bob@example.com")
"""


def deliver_carelessly(task):
    """Send the mail, and overlook a refused recipient."""
    import smtplib

    with smtplib.SMTP(task.host, task.port, timeout=task.timeout) as client:
        client.sendmail(task.sender, task.recipients, task.message)


def test_each_behavior_is_a_test_and_wrong_ones_fail(runner):
    runner.write(test_a=GRADED)

    result = runner.run("-v", "-rs", "--strict-markers", "--color=no")
    result.assert_outcomes(passed=2, failed=1, skipped=1)
    result.stdout.fnmatch_lines_random(
        [
            "*test_client?rcpt-550? PASSED*",
            "*test_client?rcpt-one-of-three-550? FAILED*",
            "*test_client?bdat-valid? SKIPPED*",
            "*test_server?rcpt-550? PASSED*",
            "SKIPPED *test_a.py:1?: bdat-valid: not tried: The client did not send BDAT. *",
        ]
    )
    result.stdout.fnmatch_lines(
        [
            "rcpt-one-of-three-550: lost: *it did not arrive for carol@example.com: *550 to RCPT. (RFC 5321 3.3)",
            "The server refuses one of three recipients with 550.",
            "Expected: The client reports the refused recipient, whether or not it delivers to the others.",
            "*SMTP transcript*",
            "*S: 550 5.1.1 *",
        ]
    )
    result.stdout.no_fnmatch_line("*traceback entries are hidden*")


def test_xdist_runs_the_same_tests(newest):
    newest.write(test_a=GRADED)
    newest.run("-n", "2").assert_outcomes(passed=2, failed=1, skipped=1)


def test_report_shows_what_the_client_raised_and_a_late_client(newest):
    newest.write(
        test_a=f"""{CLIENT}
@pytest.mark.smtptest_grade(only="content-plain")
def test_client(smtptest_task):
    deliver(smtptest_task)
    raise KeyError("after the mail")

@pytest.mark.smtptest_grade(only=["data-354-late"], timeout=0.2)
def test_late_client(smtptest_task):
    deliver(smtptest_task)
"""
    )
    result = newest.run()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "content-plain: refused and reported: The client reported a failure, although the mail had arrived*",
            "*what the client raised*",
            "*raise KeyError*",
            "KeyError: 'after the mail'",
            "data-354-late: hung: *",
        ]
    )


ENDS = [
    ("raise Deferred('tomorrow')", "rcpt-450", "passed"),
    ("raise Deferred('tomorrow')", "content-plain", "failed"),
    ("raise NotSupported('no TLS')", "rcpt-550", "skipped"),
    ("raise SystemExit(75)", "rcpt-450", "passed"),
    ("raise SystemExit(1)", "rcpt-550", "passed"),
    ("raise SystemExit('no')", "rcpt-550", "passed"),
    ("raise SystemExit", "rcpt-550", "failed"),
    ("pass", "rcpt-550", "failed"),
    ("raise AssertionError('refused')", "rcpt-550", "passed"),
    ("pytest.skip('not here')", "rcpt-550", "skipped"),
    ("pytest.fail('my own')", "rcpt-550", "failed"),
    ("pytest.xfail('known')", "rcpt-550", "xfailed"),
]


def test_end_of_the_body_is_what_the_client_reports(newest):
    tests = [
        f"""
@pytest.mark.smtptest_grade(only=[{behavior!r}])
def test_{number:02}_{outcome}(smtptest_task):
    try:
        deliver(smtptest_task)
    except smtplib.SMTPException:
        pass
    {statement}
"""
        for number, (statement, behavior, outcome) in enumerate(ENDS)
    ]
    newest.write(test_a=CLIENT + "".join(tests))

    result = newest.run("-v", "--color=no")
    found = [line.split()[:2] for line in result.outlines if line.startswith("test_a.py::")]
    assert [word.lower() for _, word in found] == [outcome.replace("xfailed", "xfail") for _, _, outcome in ENDS]


def write_baseline(path, *, is_right):
    """Write a baseline in which the client is wrong, or one in which it was right."""
    values = json.loads(render_json(grade(deliver_carelessly, only=[WRONG])))
    if is_right:
        values["results"][0] |= {"outcome": "delivered", "right": True}
    path.write_text(json.dumps(values))


@pytest.mark.parametrize(
    ("is_right", "outcomes", "line"),
    [
        (False, {"passed": 1, "xfailed": 1}, "XFAIL *not worse than the baseline: rcpt-one-of-three-550: lost*"),
        (True, {"passed": 1, "failed": 1}, "worse than the baseline: rcpt-one-of-three-550: lost*"),
    ],
)
def test_baseline_fails_only_what_is_worse(is_right, outcomes, line, newest):
    write_baseline(newest.path / "grades.json", is_right=is_right)
    (newest.path / "sub").mkdir()
    newest.write(
        **{
            "sub/test_a": f"""{CLIENT}
@pytest.mark.smtptest_grade(only=[{RIGHT!r}, {WRONG!r}], baseline="grades.json")
def test_client(smtptest_task):
    deliver(smtptest_task)
"""
        }
    )
    result = newest.run("-rx", f"--rootdir={newest.path}")
    result.assert_outcomes(**outcomes)
    result.stdout.fnmatch_lines([line])


def test_client_with_own_demands_meets_other_behaviors(newest):
    newest.write(
        test_a=f"""
import smtplib

@pytest.mark.smtptest_grade(only={[RIGHT, "content-plain"]}, security="starttls", auth=True)
def test_client(smtptest_task):
    task = smtptest_task
    with smtplib.SMTP(task.host, task.port, timeout=task.timeout) as client:
        client.starttls(context=task.context())
        client.login(task.user, task.password)
        client.sendmail(task.sender, task.recipients, task.message)
"""
    )
    newest.run().assert_outcomes(passed=2)


WRONG_ARGUMENTS = [
    ('"starttls"', "@pytest.mark.smtptest_grade('starttls'): arguments must have names: only=[\"starttls\"]"),
    ("onny=[]", "smtptest_grade: unknown argument 'onny'; did you mean 'only'? "),
    ('only=["rctp-550"]', "smtptest_grade: only: unknown behavior 'rctp-550'; did you mean 'rcpt-550'? "),
    ("only=5", '@pytest.mark.smtptest_grade: only must be a list of names, got 5; write only=["starttls"]'),
    ('exclude="*"', "smtptest_grade: no behavior is left: "),
    ('security="tls"', 'smtptest_grade: security must be "starttls" or "implicit", got \'tls\''),
    ('security="implicit", only="starttls"', "a client that demands implicit TLS cannot meet starttls-valid, "),
    ("timeout=0", "smtptest_grade: timeout must be a number of seconds > 0, got 0"),
    ('only="rcpt-550", baseline="no.json"', "no.json: No such file or directory"),
    ('only="rcpt-550", baseline="test_0.py"', "test_0.py must be a file that `smtptest grade --json` wrote"),
]


def test_wrong_argument_of_the_marker_is_an_error(newest):
    newest.write(
        **{
            f"test_{number}": f"@pytest.mark.smtptest_grade({arguments})\ndef test_client(smtptest_task): pass\n"
            for number, (arguments, _) in enumerate(WRONG_ARGUMENTS)
        }
    )

    result = newest.run("--continue-on-collection-errors")
    result.assert_outcomes(errors=len(WRONG_ARGUMENTS))
    output = result.stdout.str()
    assert [text for _, text in WRONG_ARGUMENTS if text not in output] == []


def test_marker_and_task_need_each_other(newest):
    newest.write(
        test_a="@pytest.mark.smtptest_grade\ndef test_client(): pass\n",
        test_b="import unittest as u\n@pytest.mark.smtptest_grade\nclass TestA(u.TestCase):\n def test_a(self): 1/0\n",
        test_c="def test_client(smtptest_task): pass\n",
    )

    result = newest.run("--continue-on-collection-errors")
    result.assert_outcomes(errors=3)
    output = result.stdout.str()
    assert output.count("\n@pytest.mark.smtptest_grade has no effect: it needs a test function") == 2
    assert "\nthe fixture smtptest_task needs the marker: @pytest.mark.smtptest_grade(only=[...])" in output


def test_marker_is_listed(newest):
    newest.run("--markers").stdout.fnmatch_lines(["@pytest.mark.smtptest_grade(only=*, baseline=PATH, timeout=10): *"])


def test_run_without_the_marker_imports_no_grading(newest):
    newest.write(test_a="import sys\ndef test_a(smtptest): assert 'lazr.smtptest.grading.grader' not in sys.modules\n")

    newest.run(process=True).assert_outcomes(passed=1)
    assert sys.modules["lazr.smtptest.grading.grader"]

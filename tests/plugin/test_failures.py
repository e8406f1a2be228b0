"""The end of a test: exceptions of handlers fail it, and reports show the mails."""

import re

import pytest

HANDLERS = """
def raises(event, reply):
    raise KeyError("the handler's")

def refused(server):
    with pytest.raises(smtplib.SMTPException):
        smtplib.SMTP(*server.address)

@pytest.mark.smtptest(decide=raises)
def test_one(smtptest):
    refused(smtptest)

@pytest.mark.smtptest(decide=raises)
def test_several_calls(smtptest):
    refused(smtptest)
    refused(smtptest)

@pytest.mark.smtptest(decide=raises)
def test_several_servers(smtptest, smtptest_factory):
    refused(smtptest)
    refused(smtptest_factory())

def test_the_factory(smtptest_factory):
    refused(smtptest_factory(decide=raises))

@pytest.mark.smtptest(decide=raises)
def test_failed_anyway(smtptest):
    refused(smtptest)
    assert smtptest is None, "the test's own"

@pytest.mark.smtptest(decide=raises)
def test_skipped(smtptest):
    refused(smtptest)
    pytest.skip("no longer")

@pytest.mark.smtptest(decide=raises)
@pytest.mark.xfail(raises=KeyError, strict=True)
def test_expected_to_fail(smtptest):
    refused(smtptest)

def asserts(event, reply):
    assert event.verb != "DATA", "the handler's assertion"
    return reply

@pytest.mark.smtptest(decide=asserts)
def test_an_assertion(smtptest):
    with pytest.raises(smtplib.SMTPDataError):
        send(smtptest)
    smtptest.inbox.one(timeout=0.01)  # raises the exception of the handler

@pytest.mark.smtptest(decide=raises)
class TestLate:
    @pytest.fixture
    def late(self, smtptest):
        yield
        refused(smtptest)

    def test_after_its_end(self, late):
        pass

def test_fine(smtptest):
    send(smtptest)
"""
SESSION = """
@pytest.fixture(scope="session")
def smtptest_session_options():
    def decide(event, reply):
        if event.verb == "RCPT" and event.path.mailbox == "bad@example.com":
            raise KeyError("the handler's")
        return reply
    return {"decide": decide}

@pytest.mark.parametrize("to", ["good@example.com", "bad@example.com", "other@example.com"])
def test_of_many(smtptest_session, to):
    try:
        send(smtptest_session, to=to)
    except smtplib.SMTPRecipientsRefused:
        pass
"""


LATE_IN_SESSION = """
@pytest.fixture
def late(smtptest_session):
    yield
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(smtptest_session, to="bad@example.com")

def test_late(late):
    pass
"""


def find_report(result, test):
    """Return the report of one test."""
    text = result.stdout.str()
    return re.split(r"\n(?:_{3,} |=+ short)", text.split(f"_ {test} _", 1)[1])[0]


GREETING = "ESMTP lazr.smtptest"


def test_handler_exception_fails_the_test_with_its_traceback(runner):
    runner.write(test_handlers=HANDLERS)

    result = runner.run("--color=no")

    # The late test passes, and its teardown is an error.
    result.assert_outcomes(failed=7, passed=2, errors=1, xfailed=1)
    one = find_report(result, "test_one")
    assert "def raises(event, reply):\n>       raise KeyError" in one and 'E       KeyError: "the handler\'s"' in one
    assert re.search(r"\ntest_handlers\.py:\d+: KeyError", one)
    several = find_report(result, "test_several_calls")
    assert "several calls of the server's handler raised (2 sub-exceptions)" in several
    assert several.count("raise KeyError") == 2 and "in raises" in several
    assert "the handlers of several servers raised (2 sub-exc" in find_report(result, "test_several_servers")
    assert "KeyError" in find_report(result, "test_the_factory")
    anyway = find_report(result, "test_failed_anyway")
    test_part, handler_part = anyway.split("SMTP handler raised")
    assert "AssertionError: the test's own" in test_part and "KeyError" not in test_part
    assert "in raises" in handler_part and handler_part.rstrip().endswith('KeyError: "the handler\'s"')
    assert "AssertionError" not in handler_part
    assert "KeyError" in find_report(result, "test_skipped")
    assert "AssertionError: the handler's assertion" in find_report(result, "test_an_assertion")
    late = find_report(result, "ERROR at teardown of TestLate.test_after_its_end")
    assert "KeyError" in late and "SMTP transcript" in late
    assert "lazr" not in one.replace(GREETING, "") and "lazr" not in anyway


def test_handler_exception_of_session_server_fails_the_current_test(newest):
    newest.write(test_session=SESSION + LATE_IN_SESSION)

    result = newest.run()

    result.assert_outcomes(passed=3, failed=1, errors=1)
    assert "KeyError" in find_report(result, "ERROR at teardown of test_late")
    assert "KeyError" in find_report(result, "test_of_many[bad@example.com]")


FAILING = """
def test_nothing_came(smtptest):
    assert False

def test_a_mail(smtptest):
    send(smtptest, "=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Hi Bob\\r\\n" + "x" * 900 + "\\r\\nlast\\r\\n\\x1b[2Jesc")
    assert False

def test_many_mails(smtptest):
    with smtplib.SMTP(*smtptest.address) as client:
        for number in range(13):
            client.sendmail("ann@example.com", ["bob@example.com"], f"Subject: mail {number}\\n\\n" + "line\\n" * 300)
    assert False

def test_several_servers(smtptest, smtptest_factory):
    first, second = smtptest_factory(), smtptest_factory()
    send(second, "for the second")
    assert False

def test_broken_text(smtptest):
    with smtplib.SMTP(*smtptest.address) as client:
        client.sendmail("ann@example.com", ["bob@example.com"], b"Subject: \\xed\\xa0\\x80\\n\\n\\xff\\x00")
    assert False

def test_the_servers_of_the_run(smtptest_session):
    send(smtptest_session, "to all")
    assert False

@pytest.fixture
def broken(smtptest):
    send(smtptest, "in setup")
    raise ValueError

def test_setup(broken):
    pass

@pytest.fixture
def clears_up(smtptest):
    yield
    send(smtptest, "at last")
    raise ValueError

def test_teardown(clears_up):
    pass

def test_call_and_teardown(clears_up):
    assert False

def test_expectation(smtptest):
    send(smtptest, "other")
    smtptest.inbox.one(subject="expected", timeout=0.01)

def test_passes(smtptest):
    send(smtptest, "unseen")

def test_without_a_server():
    assert False
"""


@pytest.mark.parametrize(
    ("runner", "parallel"),
    [("newest", ()), pytest.param("newest", ("-n", "2"), marks=pytest.mark.slow), ("oldest", ())],
    indirect=["runner"],
    ids=["newest", "by xdist", "oldest"],
)
def test_failure_report_shows_mails_and_transcripts(runner, parallel):
    runner.write(test_failing=FAILING)

    result = runner.run("--color=no", *parallel)

    result.assert_outcomes(failed=9, errors=3, passed=2)
    nothing = find_report(result, "test_nothing_came")
    assert "- mail received -" in nothing and "no mail arrived" in nothing and "no client connected" in nothing
    mail = find_report(result, "test_a_mail")
    assert "<Mail 1 ann@example.com -> bob@example.com 'Grüße' " in mail
    assert "\nSubject: Grüße\n\nHi Bob\n" in mail
    assert "x" * 200 + " … and 700 more characters\nlast\n\\x1b[2Jesc\n" in mail
    assert re.search(
        r"SMTP transcript -+\n<SessionRecord from 127\.0\.0\.1:\d+.*\n +0\.000 S: 220 .*\n.* C: ehlo", mail
    )
    many = find_report(result, "test_many_mails")
    assert "(the last 10 of 13 mails)" in many and "Subject: mail 3\n" in many and "Subject: mail 2\n" not in many
    assert many.count("\nline" * 40 + "\n… and 260 more lines") == 10
    several = find_report(result, "test_several_servers")
    assert re.search(r"mail received of smtptest, 127\.0\.0\.1:\d+ -+\nno mail arrived", several)
    assert re.search(r"mail received of smtptest_factory, 127\.0\.0\.1:\d+ -+\nno mail arrived", several)
    assert re.search(r"mail received of smtptest_factory 2, 127\.0\.0\.1:\d+ -+\n<Mail 1 .*'for the second'", several)
    assert "\\x00" in find_report(result, "test_broken_text")
    assert "to all" in find_report(result, "test_the_servers_of_the_run")
    assert "in setup" in find_report(result, "ERROR at setup of test_setup")
    assert "at last" in find_report(result, "ERROR at teardown of test_teardown")
    assert "no mail arrived" in find_report(result, "test_call_and_teardown")
    assert "SMTP transcript" not in find_report(result, "ERROR at teardown of test_call_and_teardown")
    expectation = find_report(result, "test_expectation")
    assert "WaitTimeout: no mail with subject='expected'" in expectation
    assert '>       smtptest.inbox.one(subject="expected", timeout=0.01)\n' in expectation
    assert "inbox.py" not in expectation and "def one" not in expectation
    assert "unseen" not in result.stdout.str()
    assert "SMTP" not in find_report(result, "test_without_a_server")


KEPT = """
@pytest.mark.parametrize("name", ["../../up", "a/b", "a\\\\b", "x" * 300, "ü", "a b", "A b", "nul\\0"])
def test_kept(smtptest, name):
    send(smtptest, "first")
    send(smtptest, "second", "a\\r\\n..\\r\\n\\xff")
    assert False

def test_several(smtptest, smtptest_factory):
    send(smtptest_factory())
    assert False

@pytest.fixture
def later(smtptest):
    yield
    send(smtptest, "later")
    raise ValueError

def test_call_and_teardown(later):
    assert False

def test_passes(smtptest):
    send(smtptest)

def test_without_a_server():
    assert False
"""


# Files that pytest leaves in the folder of every run.
USUAL = {".pytest_cache", "__pycache__", "stdout", "stderr"}


@pytest.mark.parametrize(
    "parallel", [(), pytest.param(("-n", "2"), marks=pytest.mark.slow)], ids=["in one process", "by xdist"]
)
def test_keep_option_writes_a_folder_for_each_failed_test(newest, parallel):
    newest.write(test_kept=KEPT)
    (newest.path / "outside").mkdir()
    before = set(newest.path.iterdir())

    for _ in range(2):  # the second run replaces the files of the first
        result = newest.run("--smtptest-keep=kept", *parallel)
        result.assert_outcomes(failed=11, passed=1, errors=1)

    kept = newest.path / "kept"
    assert {path.name for path in set(newest.path.iterdir()) - before} <= USUAL | {"kept"}
    folders = sorted(kept.iterdir())
    assert len(folders) == 10
    assert all(re.fullmatch(r"test_kept\.py-test_[\w.=+-]{1,120}-[0-9a-f]{8}", folder.name) for folder in folders)
    for folder in folders:
        if "-test_kept" in folder.name:
            files = {path.name for path in folder.iterdir()}
            assert files == {"1.eml", "2.eml", "transcript.txt", "session-1.svg", "session-2.svg"}
            content = (folder / "2.eml").read_bytes()
            assert content == "Subject: second\r\n\r\na\r\n..\r\n\xff\r\n".encode()
            assert "bob@example.com" in (folder / "transcript.txt").read_text("utf-8")
            assert (folder / "session-2.svg").read_text("utf-8").startswith("<svg")
        assert str(folder) in result.stdout.str()
    [several] = [folder for folder in folders if "several" in folder.name]
    assert len(list(several.iterdir())) == 2 and len(list(several.glob("smtptest_factory-*/1.eml"))) == 1
    [both] = [folder for folder in folders if "call_and_teardown" in folder.name]
    assert b"later" in (both / "1.eml").read_bytes()


def test_keep_option_rejects_a_file(newest):
    newest.write(test_kept="def test_kept(smtptest): assert False\n")
    (newest.path / "kept").write_text("a file")

    result = newest.run("--smtptest-keep=kept")

    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: --smtptest-keep: *kept is not a directory"])


def test_unwritable_keep_folder_is_reported_without_a_failure(newest):
    newest.write(test_kept="def test_kept(smtptest): assert False\n")
    (newest.path / "file").write_text("a file")

    result = newest.run("--smtptest-keep=file/kept")

    result.assert_outcomes(failed=1)
    assert "cannot write " in result.stdout.str()


def test_artifacts_are_written_only_for_failed_tests(newest):
    newest.write(test_fine="def test_fine(smtptest): send(smtptest)\n")

    newest.run("--smtptest-keep=kept").assert_outcomes(passed=1)

    assert not (newest.path / "kept").exists()


MEMORY = """
import gc, weakref
SERVERS = []

@pytest.mark.parametrize("turn", range(3))
def test_it(smtptest, turn):
    SERVERS.append(weakref.ref(smtptest))

def test_servers_are_released_after_the_test():
    gc.collect()
    assert len(SERVERS) == 3 and all(server() is None for server in SERVERS[:2])
"""


def test_servers_are_garbage_collected_with_their_tests(newest):
    newest.write(test_memory=MEMORY)

    newest.run().assert_outcomes(passed=4)


def test_unused_rule_fails_the_test(newest):
    newest.write(
        test_rules="""
def test_unused(smtptest):
    smtptest.on("RCPT", to="*@full.example").reply(452, "4.2.2", "Mailbox full")
    send(smtptest)

def test_used(smtptest):
    smtptest.on("RCPT", to="*@example.com").reply(452, "4.2.2", "Mailbox full")
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(smtptest)

def test_fails_anyway(smtptest):
    smtptest.on("NOOP").drop()
    assert False, "its own"
"""
    )
    result = newest.run()
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        ["*RuleNeverActed: 1 rule never acted*", "*its own*", "*- SMTP rules -*", "1 rule never*"]
    )
    result.stdout.no_fnmatch_line("*handler raised*")
    result.stdout.no_fnmatch_line("*--full-trace*")


def test_failed_settle_shows_the_line_of_the_test(newest):
    newest.write(
        test_it="""
import smtplib

def test_open_client(smtptest):
    with smtplib.SMTP(*smtptest.address):
        smtptest.settle(timeout=0.01)
"""
    )
    result = newest.run()
    result.stdout.fnmatch_lines([">*smtptest.settle(timeout=0.01)", "*TimeoutError: clients are still connected*"])
    result.stdout.no_fnmatch_line("*def settle*")


def test_last_commands_of_a_leaving_client_count_for_rules(newest):
    newest.write(
        test_hurry="""
import socket

@pytest.mark.parametrize("turn", range(30))
def test_quit(smtptest, turn):
    smtptest.on("QUIT").drop()
    with socket.create_connection(smtptest.address) as client:
        client.recv(100)
        client.sendall(b"QUIT\\r\\n")

@pytest.mark.parametrize("turn", range(30))
def test_of_the_run(smtptest_session, turn):
    smtptest_session.on("QUIT").drop()
    with socket.create_connection(smtptest_session.address) as client:
        client.recv(100)
        client.sendall(b"QUIT\\r\\n")
"""
    )
    newest.run().assert_outcomes(passed=60)


def test_failure_report_names_the_seed_of_random_rules(newest):
    newest.write(
        test_dice="""
@pytest.fixture
def smtptest_options():
    return {"seed": 77}

def test_fails(smtptest):
    with smtptest.on("RCPT", probability=0.5).reply(450).optional():
        assert False, "its own"

def test_fails_without_dice(smtptest):
    assert False, "its own"
"""
    )
    result = newest.run("--tb=short")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*- dice of the rules -*", "seed=77; MailServer(seed=77) repeats it"])
    assert result.stdout.str().count("dice of the rules") == 1


def test_skipped_test_may_have_unused_rules(newest):
    newest.write(
        test_skips="""
def test_skipped(smtptest):
    smtptest.on("RCPT").reply(450)
    pytest.skip("no network here")

def test_expected(smtptest):
    smtptest.on("RCPT").reply(450)
    pytest.xfail("known")

@pytest.mark.xfail(strict=True, reason="no client sends")
def test_marked(smtptest):
    smtptest.on("RCPT").reply(450)

def test_skipped_of_the_run(smtptest_session):
    smtptest_session.on("RCPT").reply(450)
    pytest.skip("no network here")
"""
    )
    newest.run().assert_outcomes(skipped=2, xfailed=2)

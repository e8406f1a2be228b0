"""What the report of a failed test shows: all servers, links, defects, logins, and the fact in the last line."""

import re

import pytest

OWN_SERVERS = """
from lazr.smtptest import MailServer

@pytest.fixture(scope="module")
def shared():
    with MailServer() as server:
        send(server, "before the test")
        yield server

@pytest.fixture
def own():
    with MailServer() as server:
        yield server

@pytest.fixture
def application(own):
    return own.address

def test_first_of_a_module(shared):
    pass

def test_of_a_module_fixture(shared):
    send(shared, "to the shared one")
    assert False

def test_of_a_fixture(own):
    send(own, "to the own one")
    assert False

def test_of_an_indirect_fixture(application):
    assert False

@pytest.fixture
def indirect(shared):
    return shared.address

def test_of_an_idle_module_fixture(indirect):
    assert False

def test_in_the_test():
    with MailServer(bounces_to=("127.0.0.1", 1)) as server:
        server.on("END_OF_DATA").accept().then_bounce("5.2.2")
        send(server, "in the test")
        server.settle()
        assert False

def test_beside_the_fixture(smtptest):
    send(smtptest, "to the fixture")
    with MailServer() as server:
        send(server, "to the other")
    assert False

def test_unrelated():
    assert False

@pytest.fixture
def broken(own):
    send(own, "in setup")
    raise ValueError

def test_setup(broken): pass

def test_passes(own):
    send(own, "unseen")
"""


def get_report(result, name):
    """Return the part of the output about one test."""
    heading = rf"\n_+ (?:ERROR at setup of )?{name} _+\n"
    match = re.search(heading + r"(.*?)(?=\n_{5,} \S.* _{5,}\n|\n={5,} )", result.stdout.str(), re.DOTALL)
    assert match, name
    return match[1]


def test_report_shows_each_server_that_ran_in_the_test(runner):
    runner.write(test_own=OWN_SERVERS)
    result = runner.run("--color=no")
    result.assert_outcomes(failed=7, errors=1, passed=2)

    shared = get_report(result, "test_of_a_module_fixture")
    assert "mail received -" in shared and "Subject: to the shared one" in shared
    assert "before the test" not in shared  # it arrived in the setup of another test
    own = get_report(result, "test_of_a_fixture")
    assert "Subject: to the own one" in own and "SMTP transcript -" in own and "C: data" in own
    assert "no client connected to 127.0.0.1:" in get_report(result, "test_of_an_indirect_fixture")
    inner = get_report(result, "test_in_the_test")
    assert "Subject: in the test" in inner and "to the shared one" not in inner
    assert re.search(r"sent back -+\nbounce 5\.2\.2 about bob@.* by smtp://127\.0\.0\.1:1, failed: .*refused", inner)
    assert "sent back" not in shared
    both = get_report(result, "test_beside_the_fixture")
    assert re.search(r"mail received of smtptest, 127\.0\.0\.1:\d+ -", both) and "Subject: to the fixture" in both
    assert re.search(r"mail received of MailServer 127\.0\.0\.1:\d+ -", both) and "Subject: to the other" in both
    unrelated = get_report(result, "test_unrelated")
    assert "Subject:" not in unrelated and "SMTP" not in unrelated
    assert "no client connected to 127.0.0.1:" in get_report(result, "test_of_an_idle_module_fixture")
    assert "Subject: in setup" in get_report(result, "test_setup")
    assert "unseen" not in result.stdout.str()


def test_artifacts_have_the_servers_of_the_test(newest):
    newest.write(test_own=OWN_SERVERS)
    newest.run("--smtptest-keep=kept", "-k", "test_in_the_test or test_unrelated or test_beside")
    folders = {path.name.rpartition("-")[0]: path for path in (newest.path / "kept").iterdir()}
    assert set(folders) == {"test_own.py-test_in_the_test", "test_own.py-test_beside_the_fixture"}
    assert b"in the test" in (folders["test_own.py-test_in_the_test"] / "1.eml").read_bytes()
    assert len(list(folders["test_own.py-test_beside_the_fixture"].iterdir())) == 2


DETAILS = """
HTML = '<a href="http://localhost:8000/confirm/None">Confirm</a>' + '<a href="http://x.example/\\x1b[2J">' * 20

def test_links(smtptest):
    with smtplib.SMTP(*smtptest.address) as client:
        head = "Subject: Hi\\r\\nContent-Type: text/html\\r\\n\\r\\n"
        client.sendmail("a@example.com", "b@example.com", f"{head}{HTML}\\r\\n")
    assert False

def test_defects(smtptest):
    send(smtptest, "=?x-none?q?Gr=FC=DFe?=")
    assert False

@pytest.mark.smtptest(auth={"ann": "secret"})
def test_logins(smtptest):
    with smtplib.SMTP(*smtptest.address) as client:
        client.login("bob", "the-password")

def test_unittest_like():
    pass
"""


def test_report_shows_links_defects_and_logins(newest):
    newest.write(test_details=DETAILS)
    result = newest.run("--color=no")
    result.assert_outcomes(failed=3, passed=1)

    links = get_report(result, "test_links")
    assert "\nlink: Confirm → http://localhost:8000/confirm/None\n" in links
    assert links.count("\nlink: ") == 10 and "\n… and 11 more links\n" in links and "\x1b" not in links
    assert "\ndefect: header Subject: " in get_report(result, "test_defects")
    logins = get_report(result, "test_logins")
    assert re.search(r"refused SMTP commands -+\nAUTH \S+ bob: 535", logins)
    assert "the-password" not in logins.partition("mail received")[2]


@pytest.mark.parametrize("columns", ["80", "200"])
def test_last_line_begins_with_the_fact(runner, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    runner.write(
        test_a="""
        import lazr.smtptest

        def test_one(smtptest):
            send(smtptest)
            smtptest.inbox.one(to="ann@example.com", timeout=0)

        def test_rule(smtptest):
            smtptest.on("DATA").reply(450)

        def test_start():
            lazr.smtptest.MailServer().inbox.one()

        def test_other():
            raise KeyError("x")
        """.replace("\n        ", "\n")
    )
    result = runner.run("--color=no")
    last = [line for line in result.stdout.str().splitlines() if line.startswith("FAILED")]
    assert [line.partition(" - ")[2][:28] for line in last] == [
        "no mail to ann@example.com w",
        last[1].partition(" - ")[2][:28],
        "the server was never started",
        "KeyError: 'x'",
    ]
    assert "lazr.smtptest" not in last[1]


MARKERS = """
@pytest.mark.smtptest(hostname="a.example")
def test_without(): pass

@pytest.mark.smtptest(hostname="a.example")
def test_by_request(request):
    request.getfixturevalue("smtptest")

@pytest.mark.smtptest(hostname="a.example")
def test_request_without(request): pass

@pytest.mark.smtptest(hostname="a.example")
def test_skipped(request):
    pytest.skip("not today")

@pytest.mark.smtptest(hostname="a.example")
def test_fails_anyway(request):
    assert False, "its own"

@pytest.mark.smtptest(hostname="a.example")
class TestClass:
    def test_of_a_class(self): pass

@pytest.mark.smtptest(hostname="a.example")
def test_factory(smtptest_factory): pass

@pytest.fixture
def application(smtptest):
    return smtptest

@pytest.mark.smtptest(hostname="a.example")
def test_indirect(application): pass
"""


def test_marker_without_a_server_fails_the_test(runner):
    runner.write(test_markers=MARKERS)
    result = runner.run("--color=no")
    result.assert_outcomes(errors=1, failed=2, passed=4, skipped=1)
    text = "@pytest.mark.smtptest has no effect: this test uses none of the fixtures smtptest, smtptest_factory"
    assert text in get_report(result, "test_without")
    assert text in get_report(result, "test_request_without")
    assert text not in get_report(result, "test_fails_anyway")


TIMEOUTS = """
from lazr.smtptest import MailServer

def test_of_the_file(smtptest, smtptest_factory, smtptest_session):
    assert smtptest.default_timeout == smtptest_factory().default_timeout == smtptest_session.default_timeout == 0.25

@pytest.mark.smtptest(timeout=0.5)
def test_of_the_marker(smtptest):
    assert smtptest.default_timeout == 0.5

def test_of_another_server():
    assert MailServer().default_timeout == 5
"""


def test_timeout_comes_from_file_and_marker(runner):
    runner.write(test_timeouts=TIMEOUTS)
    runner.pytester.makeini("[pytest]\nsmtptest_timeout = 0.25\n")
    runner.run().assert_outcomes(passed=3)
    runner.pytester.makeini("[pytest]\nsmtptest_timeout = 9\nsmtptest_options =\n    timeout = 0.25\n")
    runner.run().assert_outcomes(passed=3)


@pytest.mark.parametrize("value", ["soon", "-1", "nan"])
def test_wrong_timeout_is_a_usage_error(newest, value):
    newest.pytester.makeini(f"[pytest]\nsmtptest_timeout = {value}\n")
    result = newest.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*smtptest_timeout in * must be a number of seconds >= 0, got '{value}'; write *"])

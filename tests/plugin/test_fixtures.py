"""The fixtures: the servers that they start, and the sources of their options."""

import pytest

SERVING = """
def test_a_fresh_server(smtptest):
    assert smtptest.running and len(smtptest.inbox) == 0
    send(smtptest)
    assert smtptest.inbox.one(to="bob@example.com").subject == "Hi"

test_another_fresh_server = test_a_fresh_server

def test_further_servers(smtptest, smtptest_factory):
    first, second = smtptest_factory(hostname="first.example"), smtptest_factory()
    send(first)
    assert [len(server.inbox) for server in (smtptest, first, second)] == [0, 1, 0]
    with smtplib.SMTP(*first.address) as client:
        assert b"first.example" in client.ehlo()[1]
    KEPT.extend((smtptest, first, second))

def test_they_are_stopped_at_the_end_of_the_test():
    assert KEPT and not any(server.running for server in KEPT)

KEPT = []

def test_the_factory_says_what_it_does_not_know(smtptest_factory):
    with pytest.raises(ValueError, match="factory: unknown MailServer option 'hostnaem'; did you mean 'hostname'"):
        smtptest_factory(hostnaem="a")

@pytest.mark.parametrize("turn", range(3))
def test_the_servers_of_the_run_are_one_emptied(smtptest_session, smtptest_session_server, turn):
    assert smtptest_session is smtptest_session_server
    SEEN.add(smtptest_session.port)
    assert len(SEEN) == 1
    assert not smtptest_session.inbox and not smtptest_session.sessions
    assert "refused" not in str(smtptest_session.explain())
    with smtplib.SMTP(*smtptest_session.address) as client:
        assert client.docmd("NONSENSE")[0] == 500
    send(smtptest_session)
    assert len(smtptest_session.inbox) == 1 and len(smtptest_session.sessions) == 2
    assert "1 command was refused" in str(smtptest_session.explain())

SEEN = set()

@pytest.fixture(scope="module")
def application(smtptest_session_server):
    return smtptest_session_server.address

def test_an_application_that_outlives_the_test(application, smtptest_session):
    assert application == smtptest_session.address
"""

# The greeting shows which source of options takes precedence.
SETTING = """
pytestmark = pytest.mark.smtptest(hostname="module.example", greeting="module")

@pytest.fixture
def smtptest_options():
    return {"hostname": "fixture.example", "greeting": "fixture", "strict": True}

def greeting(server):
    with smtplib.SMTP() as client:
        return client.connect(*server.address)[1].decode()

def test_the_file_the_fixture_the_module(smtptest, smtptest_factory):
    assert greeting(smtptest) == greeting(smtptest_factory()) == "module.example module"
    with smtplib.SMTP(*smtptest.address) as client:
        client.ehlo()
        assert client.esmtp_features.keys() == {"size"}  # the extensions of the configuration file
    assert greeting(smtptest_factory(greeting="call")) == "module.example call"

@pytest.mark.smtptest(hostname="class.example")
class TestClass:
    def test_adds_to_the_module(self, smtptest):
        assert greeting(smtptest) == "class.example module"

    @pytest.mark.smtptest(greeting="function")
    def test_and_the_function_to_the_class(self, smtptest):
        assert greeting(smtptest) == "class.example function"

MARKED = pytest.param("b.example", marks=pytest.mark.smtptest(hostname="b.example"))

@pytest.mark.parametrize("name", ["a.example", MARKED])
def test_a_parameter_may_have_a_marker(smtptest, name):
    assert greeting(smtptest).startswith(name) == (name == "b.example")
"""
PARAMETERS = """
@pytest.mark.parametrize("smtptest_options", [{"hostname": "a.example"}, {"hostname": "b.example"}])
def test_options_may_be_parameters(smtptest, smtptest_options):
    with smtplib.SMTP() as client:
        assert client.connect(*smtptest.address)[1].decode().startswith(smtptest_options["hostname"])

class TestClass:
    @pytest.fixture
    def smtptest_options(self):
        return {"hostname": "class.example"}

    def test_options_of_a_class(self, smtptest):
        with smtplib.SMTP() as client:
            assert client.connect(*smtptest.address)[1].startswith(b"class.example")

def test_the_session_server_follows_the_file(smtptest_session):
    with smtplib.SMTP() as client:
        assert client.connect(*smtptest_session.address)[1] == b"file.example file"
"""
FILES = {
    "pytest.ini": """
[pytest]
addopts = --strict-markers --strict-config
smtptest_options =
    hostname = file.example
    greeting = "file"
    extensions = ["SIZE"]
""",
    "pyproject.toml": """
[tool.pytest.ini_options]
addopts = ["--strict-markers", "--strict-config"]
smtptest_options = ["hostname = file.example", "greeting = 'file'", 'extensions = ["SIZE"]']
""",
    "pyproject.toml of pytest 9": """
[tool.pytest]
addopts = ["--strict-markers", "--strict-config"]
smtptest_options = ["hostname = file.example", "greeting = 'file'", 'extensions = ["SIZE"]']
""",
}


def test_fixtures_give_fresh_further_and_shared_servers(runner):
    runner.write(test_serving=SERVING)

    runner.run().assert_outcomes(passed=9)


@pytest.mark.parametrize("name", FILES)
def test_options_of_file_fixture_and_markers_nearest_wins(name, newest):
    (newest.path / name.split()[0]).write_text(FILES[name])
    newest.write(test_setting=SETTING, test_parameters=PARAMETERS)

    newest.run().assert_outcomes(passed=9)


def test_oldest_pytest_reads_options(runner):
    (runner.path / "pytest.ini").write_text(FILES["pytest.ini"])
    runner.write(test_setting=SETTING)

    runner.run().assert_outcomes(passed=5)


WRONG = """
@pytest.mark.smtptest(tsl="starttls")
def test_unknown(smtptest): pass

@pytest.mark.smtptest(tls="sometimes")
def test_senseless(smtptest): pass

@pytest.mark.smtptest("starttls")
def test_nameless(smtptest): pass

@pytest.mark.smtptest(hostname="a.example")
def test_too_late(smtptest_session): pass

@pytest.mark.smtptest(hostname="localhost", greeting="Hi")
def test_both(smtptest_session, smtptest): pass

@pytest.mark.parametrize("smtptest_options", [{"prot": 1}])
def test_fixture(smtptest): pass
"""


def test_wrong_options_fail_with_one_line_and_no_traceback(runner):
    runner.write(test_wrong=WRONG)

    result = runner.run()

    result.assert_outcomes(passed=1, errors=5)
    result.stdout.fnmatch_lines_random([
        "@pytest.mark.smtptest: unknown MailServer option 'tsl'; did you mean 'tls'? Known: host, port, *",
        "MailServer(tls='sometimes'): unknown TLS mode 'sometimes'; known: starttls, implicit, both",
        "@pytest.mark.smtptest('starttls'): options must have names: tls=\"starttls\"",
        "@pytest.mark.smtptest sets hostname='a.example', but smtptest_session is one server *",
        "the fixture smtptest_options: unknown MailServer option 'prot'; did you mean 'port'? *",
    ])  # fmt: skip
    assert "pytest_plugin.py" not in result.stdout.str()


def test_malformed_option_line_is_a_usage_error(newest):
    (newest.path / "pytest.ini").write_text("[pytest]\nsmtptest_options =\n  tls: starttls\n")
    newest.write(test_nothing="def test_nothing(): pass")

    result = newest.run()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([
        "*smtptest_options in *pytest.ini: cannot read 'tls: starttls'; write `name = value`, such as `tls = starttls`"
    ])  # fmt: skip


def test_unknown_option_in_file_fails_only_tests_with_servers(newest):
    (newest.path / "pytest.ini").write_text("[pytest]\nsmtptest_options =\n  tsl = starttls\n")
    newest.write(test_a="def test_a(smtptest): pass\ndef test_b(smtptest_session): pass\ndef test_c(): pass\n")

    result = newest.run()

    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(
        ["smtptest_options in *pytest.ini: unknown MailServer option 'tsl'; did you mean 'tls'?*"]
    )


def test_session_server_is_restarted_and_loses_its_rules(newest):
    newest.write(
        test_a="""
@pytest.mark.parametrize("turn", range(3))
def test(smtptest_session, turn):
    send(smtptest_session)
    assert len(smtptest_session.inbox) == 1 and not smtptest_session.rules
    smtptest_session.on("NOOP").drop().optional()
    smtptest_session.stop()
"""
    )
    newest.run().assert_outcomes(passed=3)


def test_wrong_options_are_reported_without_passwords(newest):
    newest.write(
        test_a="""
@pytest.mark.smtptest(auth={"ann": "s3cr3t"}, tls="bogus")
def test_wrong(smtptest): pass

@pytest.mark.smtptest(auth={"ann": "s3cr3t"})
def test_too_late(smtptest_session): pass
"""
    )
    result = newest.run("--tb=short")
    result.assert_outcomes(errors=2)
    assert "s3cr3t" not in result.stdout.str().replace('auth={"ann": "s3cr3t"}', "")

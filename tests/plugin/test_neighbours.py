"""The plugin costs nothing in runs without servers, and works with other plugins."""

import subprocess
import sys

import pytest

HEAVY = ("asyncio", "email", "ssl", "logging", "typing", "dataclasses", "lazr.smtptest.mailserver")


def test_plugin_import_is_cheap():
    program = (
        f"import importlib, sys; import _pytest.python, pytest; names = {HEAVY!r}\n"
        "for name in [n for n in sys.modules if n.split('.')[0] in names]: del sys.modules[name]\n"
        "before = set(sys.modules); import lazr.smtptest.pytest_plugin; print(*sorted(set(sys.modules) - before))"
    )

    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert set(output.stdout.split()) - {"lazr"} == {"lazr.smtptest", "lazr.smtptest.pytest_plugin"}


UNUSED = """
import sys

def test_nothing_is_imported_for_a_test_without_a_server():
    assert not [name for name in sys.modules if name.startswith("lazr.") and name not in LOADED]

LOADED = {"lazr.smtptest", "lazr.smtptest.pytest_plugin"}
"""


@pytest.mark.slow
def test_run_without_servers_imports_only_the_plugin(newest):
    newest.pytester.makepyfile(test_unused=UNUSED)

    newest.run(process=True).assert_outcomes(passed=1)


ASYNCIO = """
import asyncio
import aiosmtplib

pytestmark = pytest.mark.{mark}

async def deliver(server):
    await aiosmtplib.send(
        b"Subject: Hi\\r\\n\\r\\nHello\\r\\n",
        sender="ann@example.com", recipients=["bob@example.com"], hostname=server.host, port=server.port,
    )

async def test_the_server_beside_the_loop(smtptest):
    await deliver(smtptest)
    [mail] = await smtptest.inbox.async_wait(to="bob@example.com")
    assert mail is smtptest.inbox.one(subject="Hi")

async def test_the_server_of_the_run(smtptest_session):
    await deliver(smtptest_session)
    assert len(smtptest_session.inbox) == 1

def raises(event, reply):
    raise KeyError("the handler's")

@pytest.mark.smtptest(decide=raises)
async def test_a_handler(smtptest):
    with pytest.raises(aiosmtplib.SMTPException):
        await deliver(smtptest)
"""


@pytest.mark.parametrize("mark", ["asyncio", "anyio"])
def test_fixtures_work_in_coroutine_tests(mark, newest):
    newest.write(test_coroutines=ASYNCIO.replace("{mark}", mark))
    (newest.path / "conftest.py").write_text("import pytest\n@pytest.fixture\ndef anyio_backend(): return 'asyncio'\n")
    options = ["-o", "asyncio_default_fixture_loop_scope=function"] if mark == "asyncio" else []

    result = newest.run("-p", mark if mark == "anyio" else "pytest_asyncio.plugin", *options)

    result.assert_outcomes(passed=2, failed=1)
    assert 'KeyError: "the handler\'s"' in result.stdout.str()


SERVING = """
@pytest.mark.parametrize("turn", range(6))
def test_serves(smtptest, smtptest_session, turn):
    for server in (smtptest, smtptest_session):
        send(server)
        assert len(server.inbox) == 1
"""


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("-n", "2", "-p", "randomly", "-p", "no:cacheprovider"), marks=pytest.mark.slow),
        ("--import-mode=importlib", "--strict-markers", "--strict-config"),
    ],
    ids=" ".join,
)
def test_fixtures_work_with_xdist_and_importlib_mode(arguments, newest):
    newest.write(test_a=SERVING, test_b=SERVING)
    # The last `-p` takes precedence over `-p no:randomly` of the runner.
    newest.run(*arguments).assert_outcomes(passed=12)


def test_plugin_can_be_disabled(newest):
    newest.write(test_a="def test_a(smtptest): pass\ndef test_b(): pass\n")

    result = newest.run("-p", "no:smtptest")

    result.assert_outcomes(passed=1, errors=1)
    assert "fixture 'smtptest' not found" in result.stdout.str()
    assert "--smtptest-keep" not in newest.run("-p", "no:smtptest", "--help").stdout.str()


def test_option_marker_and_fixtures_are_in_the_help(newest):
    output = (
        newest.run("--help").stdout.str() + newest.run("--markers").stdout.str() + newest.run("--fixtures").stdout.str()
    )

    for text in (
        "--smtptest-keep=DIR",
        "smtptest_options (linelist):",
        "@pytest.mark.smtptest(**options): options of MailServer",
        "Start an SMTP server for this test",
        "Return a server that all tests of the run share",
    ):
        assert text in output

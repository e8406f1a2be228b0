"""The pytest plugin: servers as fixtures, and failure reports with their mails.

pytest imports this module in every run.  Other modules of the package are imported only when a test uses a fixture.
"""

from __future__ import annotations

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from lazr.smtptest.grading import GradeTask
    from lazr.smtptest.mailserver import MailServer
    from lazr.smtptest.testing import GradedTest, GradeMarker, Servers, ServerSnapshot, SharedServer

__all__ = [
    "smtptest",
    "smtptest_domain",
    "smtptest_factory",
    "smtptest_options",
    "smtptest_session",
    "smtptest_session_options",
    "smtptest_session_server",
    "smtptest_task",
]

_MARKER_HELP = "smtptest(**options): options of MailServer for the fixtures smtptest and smtptest_factory"
_GRADE_MARKER_HELP = (
    "smtptest_grade(only=[...], exclude=[...], security=..., auth=..., baseline=PATH, timeout=10): run the test once "
    "for each behavior of servers, and judge what the client does"
)
_TIMEOUT_OPTION_HELP = "Default timeout of all waits, in seconds, for the MailServer of each fixture (5)."
_INI_OPTION_HELP = "Options for the MailServer of each fixture, in lines of `name = value`."
_SERVER_OPTION_HELP = "Run the tests against a running `smtptest serve`, whose web inbox is at URL."
_SMTP_OPTION_HELP = "SMTP address of that server, if tests reach it by another than the server reports."
_KEEP_OPTION_HELP = "Write the mails and transcripts of each failed test into a folder within DIR."

_SERVER_VARIABLE = "SMTPTEST_PYTEST_SERVER"
_LOCAL_DOMAIN = "smtptest.example"
# The options of `MailServer` that are about the inbox, and not about the server.
_INBOX_OPTIONS = frozenset({"timeout", "keep_mails", "keep_bytes"})

_MAX_LISTED_PATHS = 30

_INI_OPTIONS_KEY: pytest.StashKey[dict[str, Any]] = pytest.StashKey()  # from the configuration file
_SESSION_OPTIONS_KEY: pytest.StashKey[dict[str, Any]] = pytest.StashKey()  # of the running session server
_TEST_STATE_KEY: pytest.StashKey[_TestState] = pytest.StashKey()
_SHARED_URL_KEY: pytest.StashKey[str] = pytest.StashKey()  # of `--smtptest-server`; "" without it
_SNAPSHOT_KEY: pytest.StashKey[ServerSnapshot] = pytest.StashKey()  # of the servers at the start of the test

_FIXTURE_NAMES = frozenset({"smtptest", "smtptest_factory", "smtptest_session", "smtptest_session_server"})

# pytest cuts the last line of a failure at the width of the terminal, so the fact must come first.
_EXCEPTION_PREFIXES = (
    "lazr.smtptest.WaitTimeout: ",
    "lazr.smtptest.RuleNeverActed: ",
    "lazr.smtptest.StartError: ",
    "lazr.smtptest.testing.shared_server.LocalServerNeeded: ",
)


class _TestState:
    """The state of a test that uses a server, until its teardown."""

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self.shared_server: SharedServer | None = None  # of `--smtptest-server`
        self.graded_test: GradedTest | None = None  # with the marker `smtptest_grade`
        self.client_error: BaseException | None = None  # what the client of a graded test reported
        self.handler_error: BaseException | None = None  # only if the test failed on its own, too
        self.is_reported = False  # whether a report has shown the servers


# -- configuration ------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options `--smtptest-…`, and the settings of the configuration file."""
    group = parser.getgroup("smtptest")
    group.addoption("--smtptest-keep", metavar="DIR", default=None, help=_KEEP_OPTION_HELP)
    group.addoption("--smtptest-server", metavar="URL", default=None, help=_SERVER_OPTION_HELP)
    group.addoption("--smtptest-smtp", metavar="HOST:PORT", default=None, help=_SMTP_OPTION_HELP)
    parser.addini("smtptest_server", _SERVER_OPTION_HELP, default="")
    parser.addini("smtptest_smtp", _SMTP_OPTION_HELP, default="")
    parser.addini("smtptest_options", _INI_OPTION_HELP, type="linelist", default=[])
    parser.addini("smtptest_timeout", _TIMEOUT_OPTION_HELP, default="")


def pytest_configure(config: pytest.Config) -> None:
    """Parse the options in the configuration file, and register the marker."""
    config.addinivalue_line("markers", _MARKER_HELP)
    config.addinivalue_line("markers", _GRADE_MARKER_HELP)
    keep = config.getoption("smtptest_keep")
    if keep is not None:  # absolute, because workers of xdist may run in another folder
        path = config.invocation_params.dir / keep
        if path.exists() and not path.is_dir():
            raise pytest.UsageError(f"--smtptest-keep: {path} is not a directory")
        config.option.smtptest_keep = str(path)
    config.stash[_SHARED_URL_KEY] = _read_shared_url(config)
    options = config.stash[_INI_OPTIONS_KEY] = _parse_timeout(config)
    lines = config.getini("smtptest_options")
    if not lines:
        return
    from lazr.smtptest.testing import OptionError, parse_option_lines

    try:
        options |= parse_option_lines(lines)
    except OptionError as error:
        raise pytest.UsageError(f"smtptest_options in {config.inipath}: {error}") from None


def _read_shared_url(config: pytest.Config) -> str:
    """Return the URL of the shared server, after a check; "" without one."""
    import os

    url = str(
        config.getoption("smtptest_server") or os.environ.get(_SERVER_VARIABLE) or config.getini("smtptest_server")
    )
    if url:
        from lazr.smtptest.testing import SharedServer

        try:
            SharedServer(url, smtp=_get_shared_smtp(config))
        except ValueError as error:
            raise pytest.UsageError(f"--smtptest-server: {error}") from None
    return url


def _get_shared_smtp(config: pytest.Config) -> str | None:
    return config.getoption("smtptest_smtp") or config.getini("smtptest_smtp") or None


def _parse_timeout(config: pytest.Config) -> dict[str, Any]:
    text = str(config.getini("smtptest_timeout")).strip()
    if not text:
        return {}
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not seconds >= 0:  # NaN is not
        raise pytest.UsageError(
            f"smtptest_timeout in {config.inipath} must be a number of seconds >= 0, got {text!r}; write "
            "smtptest_timeout = 10"
        )
    return {"timeout": seconds}


# -- fixtures -----------------------------------------------------------------------------------


@pytest.fixture
def smtptest_options() -> Mapping[str, object]:
    """Return the options of `smtptest` and `smtptest_factory`; override it to set them.

    The options are the keyword arguments of `MailServer`.  They take precedence over `smtptest_options` in the
    configuration file; the marker `smtptest` takes precedence over them.

        @pytest.fixture
        def smtptest_options():
            return {"hostname": "mail.example.com", "tls": "starttls"}
    """
    return {}


@pytest.fixture
def smtptest(
    request: pytest.FixtureRequest, smtptest_options: Mapping[str, Any]
) -> Iterator[MailServer | SharedServer]:
    """Start an SMTP server for this test, a `MailServer`; the end of the test stops it.

    With `--smtptest-server URL`, it is a `SharedServer`: a running server, and the mails of this test there.

    The options come from the configuration file, the fixture `smtptest_options` and the marker
    `@pytest.mark.smtptest(tls="starttls")`; the source nearest to the test wins, for each option.

    An exception in a handler of the server, and a rule that never acted, fail the test.

        def test_signup(smtptest):
            signup("ann@example.com", smtptest.address)
            assert smtptest.inbox.one(to="ann@example.com").subject == "Welcome"
    """
    if request.node.get_closest_marker("smtptest_grade") is not None:
        request.getfixturevalue("smtptest_task")
        yield get_servers(request).to_dict()["smtptest"]
        return
    options = _merge_options(request, smtptest_options)
    if request.config.stash[_SHARED_URL_KEY]:
        with _start_shared_server(request, options, request.node.name) as shared_server:
            _get_test_state(request).shared_server = shared_server
            yield shared_server
        return
    servers = get_servers(request)
    yield _start_server(servers, "smtptest", options)
    servers.stop()


@pytest.fixture
def smtptest_task(request: pytest.FixtureRequest) -> Iterator[GradeTask]:
    """Return what the client has to send, in a test with the marker `smtptest_grade`.

    The marker runs the test once for each behavior of servers.  An exception of the test means that the client reports
    a failure.  The test fails if the client does the wrong thing, such as to lose the mail.

        @pytest.mark.smtptest_grade(only=["starttls"])
        def test_client(smtptest_task):
            send(smtptest_task.host, smtptest_task.port, smtptest_task.message)
    """
    behavior = getattr(request, "param", None)
    if behavior is None:
        raise _build_failure("the fixture smtptest_task needs the marker: @pytest.mark.smtptest_grade(only=[...])")
    from lazr.smtptest.errors import MissingExtra
    from lazr.smtptest.testing import GradedTest, GradeMarkerError

    try:
        graded_test = GradedTest(behavior, _parse_grade_marker(request.node), request.config.rootpath)
    except (GradeMarkerError, MissingExtra) as error:  # a traceback would not help
        raise _build_failure(str(error)) from None
    test = _get_test_state(request)
    test.graded_test = graded_test
    test.servers.add("smtptest", graded_test.server)
    yield graded_test.task
    graded_test.close()


def _parse_grade_marker(node: pytest.Item) -> GradeMarker:
    from lazr.smtptest.testing import GradeMarker, GradeMarkerError

    marker = next(node.iter_markers("smtptest_grade"))
    try:
        return GradeMarker.parse(marker.args, marker.kwargs)
    except GradeMarkerError as error:
        raise _build_failure(str(error)) from None


@pytest.fixture
def smtptest_domain(request: pytest.FixtureRequest) -> str:
    """Return a mail domain for the recipients of this test.

    With `--smtptest-server URL`, mails to it are in the inbox of this test, and no other test has the same domain.

        def test_signup(smtptest, smtptest_domain):
            signup(f"ann@{smtptest_domain}")
            assert smtptest.inbox.one(to=f"ann@{smtptest_domain}").subject == "Welcome"
    """
    if not request.config.stash[_SHARED_URL_KEY]:
        return _LOCAL_DOMAIN
    name = "smtptest_session" if "smtptest_session" in request.fixturenames else "smtptest"
    shared_server: SharedServer = request.getfixturevalue(name)
    return shared_server.domain


@pytest.fixture
def smtptest_factory(
    request: pytest.FixtureRequest, smtptest_options: Mapping[str, Any]
) -> Iterator[Callable[..., MailServer]]:
    """Return a function that starts further servers; the end of the test stops them.

    They run in this process, also with `--smtptest-server`.

    The arguments of the function are options of `MailServer`; they take precedence over those of `smtptest`.

        def test_backup(smtptest_factory):
            primary, backup = smtptest_factory(), smtptest_factory(tls="implicit")
    """
    from lazr.smtptest.testing import check_options

    defaults = _merge_options(request, smtptest_options)
    servers = get_servers(request)

    def start(**options: Any) -> MailServer:
        return servers.start("smtptest_factory", defaults | check_options(options, "smtptest_factory"))

    yield start
    servers.stop()


@pytest.fixture(scope="session")
def smtptest_session_options() -> Mapping[str, object]:
    """Return the options of the server of `smtptest_session`; override it to set them.

    The override needs the scope `session`:

        @pytest.fixture(scope="session")
        def smtptest_session_options():
            return {"hostname": "mail.example.com"}
    """
    return {}


@pytest.fixture(scope="session")
def smtptest_session_server(
    request: pytest.FixtureRequest, smtptest_session_options: Mapping[str, Any]
) -> Iterator[MailServer | SharedServer]:
    """Start the server of `smtptest_session`, for session fixtures that need its address."""
    from lazr.smtptest.testing import Servers

    servers = Servers()
    options: dict[str, Any] = _get_ini_options(request)
    options |= _check_options(smtptest_session_options, "the fixture smtptest_session_options")
    request.config.stash[_SESSION_OPTIONS_KEY] = options
    if request.config.stash[_SHARED_URL_KEY]:
        with _start_shared_server(request, options, "session") as shared_server:
            yield shared_server
        return
    yield _start_server(servers, "smtptest_session", options)
    servers.stop()


@pytest.fixture
def smtptest_session(
    request: pytest.FixtureRequest, smtptest_session_server: MailServer | SharedServer
) -> Iterator[MailServer | SharedServer]:
    """Return a server that all tests of the run share, emptied for this test.

    A marker with other options than those of the running server is an error.

        def test_signup(smtptest_session):
            signup("ann@example.com", smtptest_session.address)
            assert smtptest_session.inbox.one(to="ann@example.com").subject == "Welcome"
    """
    marker_options = _collect_marker_options(request)
    rules = marker_options.pop("rules", request.config.stash[_SESSION_OPTIONS_KEY].get("rules", ()))
    if marker_options and not {"smtptest", "smtptest_factory"} & set(request.fixturenames):
        session_options = request.config.stash[_SESSION_OPTIONS_KEY]
        _reject_marker_options(marker_options, session_options)
    if not smtptest_session_server.running:  # an earlier test stopped it
        smtptest_session_server.start()
    smtptest_session_server.forget()
    from lazr.smtptest.mailserver import MailServer

    if not isinstance(smtptest_session_server, MailServer):
        _reject_local_options({"rules": rules} if rules else {})
        _get_test_state(request).shared_server = smtptest_session_server
        yield smtptest_session_server
        return
    if rules:
        from lazr.smtptest.rules import copy_rules

        smtptest_session_server.rules.add(copy_rules(rules))
    servers = get_servers(request)
    servers.add("smtptest_session", smtptest_session_server)
    yield smtptest_session_server
    error = servers.collect_error()
    if error is not None:
        raise error


def _start_server(servers: Servers, name: str, options: dict[str, Any]) -> MailServer:
    try:
        return servers.start(name, options)
    except (TypeError, ValueError, ImportError) as error:  # wrong options: a traceback would not help
        shown = ", ".join(f"{option}={_format_option(option, value)}" for option, value in options.items())
        raise _build_failure(f"MailServer({shown}): {error}") from None


def _format_option(option: str, value: object) -> str:
    return "…" if option == "auth" else repr(value)  # may contain passwords


def _start_shared_server(request: pytest.FixtureRequest, options: dict[str, Any], name: str) -> SharedServer:
    """Return the server of `--smtptest-server`, started, with an inbox of its own.

    The options must be about the inbox, because the server runs already.
    """
    from lazr.smtptest.api_client import ApiUnavailable
    from lazr.smtptest.testing import SharedServer

    _reject_local_options(
        {option: value for option, value in options.items() if option not in _INBOX_OPTIONS or value is False}
    )
    url = request.config.stash[_SHARED_URL_KEY]
    server = SharedServer(url, name, smtp=_get_shared_smtp(request.config), **options)
    try:
        server.start()
    except ApiUnavailable as error:  # a traceback would not help
        raise _build_failure(str(error)) from None
    return server


def _reject_local_options(options: Mapping[str, Any]) -> None:
    """Raise a test failure for options that only a server in this process can have."""
    if options:
        shown = ", ".join(f"{name}={_format_option(name, value)}" for name, value in options.items())
        raise _build_failure(
            f"this test sets {shown}, but --smtptest-server selects a server that runs already: start that one with "
            "the options it needs (smtptest serve --help), use smtptest_factory(…), which starts a server for the "
            "test, or run without --smtptest-server"
        )


def get_servers(request: pytest.FixtureRequest) -> Servers:
    """Return the servers of the test that requests a fixture."""
    return _get_test_state(request).servers


def _get_test_state(request: pytest.FixtureRequest) -> _TestState:
    from lazr.smtptest.testing import Servers

    item: pytest.Item = request.node
    return item.stash.setdefault(_TEST_STATE_KEY, _TestState(Servers()))


def _merge_options(request: pytest.FixtureRequest, fixture_options: Mapping[str, Any]) -> dict[str, Any]:
    """Merge the options of file, fixture and markers; the last one takes precedence."""
    return (
        _get_ini_options(request)
        | _check_options(fixture_options, "the fixture smtptest_options")
        | _collect_marker_options(request)
    )


def _get_ini_options(request: pytest.FixtureRequest) -> dict[str, Any]:
    options = request.config.stash[_INI_OPTIONS_KEY]
    return _check_options(options, f"smtptest_options in {request.config.inipath}")


def _collect_marker_options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Merge the markers of module, class and test; the last one takes precedence."""
    options: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("smtptest"))):
        if marker.args:
            arguments = ", ".join(map(repr, marker.args))
            raise _build_failure(f'@pytest.mark.smtptest({arguments}): options must have names: tls="starttls"')
        options |= _check_options(marker.kwargs, "@pytest.mark.smtptest")
    return options


def _check_options(options: Mapping[str, Any], source: str) -> dict[str, Any]:
    if not options:
        return {}
    from lazr.smtptest.testing import OptionError, check_options

    try:
        return check_options(options, source)
    except OptionError as error:
        raise _build_failure(str(error)) from None


def _build_failure(text: str) -> BaseException:
    """Return a test failure without a traceback."""
    return pytest.fail.Exception(text, pytrace=False)


def _reject_marker_options(marker_options: Mapping[str, Any], running_options: Mapping[str, Any]) -> None:
    """Raise a test failure for options that differ from those of the running session server."""
    changed = {
        name: value
        for name, value in marker_options.items()
        if name not in running_options or running_options[name] != value
    }
    if changed:
        options = ", ".join(f"{name}={_format_option(name, value)}" for name, value in changed.items())
        raise _build_failure(
            f"@pytest.mark.smtptest sets {options}, but smtptest_session is one server for the whole run: set its "
            "options in the configuration file or the fixture smtptest_session_options, or use the fixture smtptest"
        )


# -- collection ---------------------------------------------------------------------------------


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test for each behavior of the marker `smtptest_grade`."""
    if metafunc.definition.get_closest_marker("smtptest_grade") is None:
        return
    if not {"smtptest", "smtptest_task"} & set(metafunc.fixturenames):
        raise _build_failure(_GRADE_MARKER_WITHOUT_SERVER)
    behaviors = _parse_grade_marker(metafunc.definition).behaviors
    if "smtptest_task" not in metafunc.fixturenames:
        metafunc.fixturenames.append("smtptest_task")  # the fixture `smtptest` requests it
    metafunc.parametrize("smtptest_task", behaviors, indirect=True, ids=behaviors)


_GRADE_MARKER_WITHOUT_SERVER = (
    "@pytest.mark.smtptest_grade has no effect: it needs a test function, not a method of unittest.TestCase, with the "
    "fixture smtptest_task or smtptest; add one to its arguments, or remove the marker"
)


# -- a test -------------------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note the servers that run already, and check that the marker has an effect."""
    _add_snapshot(item)
    if item.get_closest_marker("smtptest_grade") is not None and "smtptest_task" not in _get_parameters(item):
        raise _build_failure(_GRADE_MARKER_WITHOUT_SERVER)
    marker = next((marker for marker in item.own_markers if marker.name == "smtptest"), None)
    if marker is None:
        return
    # With `request`, a fixture may ask for the server later: see `pytest_runtest_call`.
    names = set(getattr(item, "fixturenames", ()))
    if not names & _FIXTURE_NAMES and "request" not in names:
        raise _build_failure(_MARKER_WITHOUT_SERVER)


_MARKER_WITHOUT_SERVER = (
    "@pytest.mark.smtptest has no effect: this test uses none of the fixtures smtptest, smtptest_factory and "
    "smtptest_session; add one to its arguments, or remove the marker"
)


def _get_parameters(item: pytest.Item) -> Mapping[str, object]:
    parameters: Mapping[str, object] = getattr(getattr(item, "callspec", None), "params", {})
    return parameters


def _add_snapshot(item: pytest.Item) -> None:
    import sys

    if "lazr.smtptest.mailserver.server" in sys.modules:  # else no server runs
        from lazr.smtptest.testing import ServerSnapshot

        item.stash[_SNAPSHOT_KEY] = ServerSnapshot.take()


# -- the end of a test --------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a passed test for an exception in a handler, or an unused rule."""
    __tracebackhide__ = True
    failure = result = None
    test = item.stash.get(_TEST_STATE_KEY, None)
    if test is not None and test.graded_test is not None:
        test.graded_test.restart_clock()
    try:
        result = yield
    except BaseException as error:  # noqa: BLE001 - raised again below, outside of this handler
        failure = error
    test = item.stash.get(_TEST_STATE_KEY, None)
    if test is not None and test.graded_test is not None:
        failure = _judge(test, test.graded_test, failure)
    is_skipped = isinstance(failure, pytest.skip.Exception)
    handler_error = None if test is None else test.servers.collect_error(is_skipped=is_skipped)
    if handler_error is not None and (failure is None or is_skipped):
        raise handler_error
    if failure is not None:
        if test is not None:
            test.handler_error = handler_error
        raise failure
    if test is None and any(marker.name == "smtptest" for marker in item.own_markers):
        raise _build_failure(_MARKER_WITHOUT_SERVER)
    return result


def _judge(test: _TestState, graded_test: GradedTest, error: BaseException | None) -> BaseException | None:
    """Return the exception with which a graded test must end; None if it passes.

    An exception is what the client reports; pytest's own ones, such as that of `pytest.skip`, stay as they are.
    """
    if error is not None and not isinstance(error, (Exception, SystemExit)):
        return error
    from lazr.smtptest.testing import GradeVerdict

    test.client_error = error
    verdict, text = graded_test.finish(error)
    if verdict is GradeVerdict.PASSED:
        return None
    if verdict is GradeVerdict.NOT_TRIED:
        return pytest.skip.Exception(text)
    return pytest.xfail.Exception(text) if verdict is GradeVerdict.KNOWN else _build_failure(text)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what the servers received to the report of a failure."""
    report = yield
    if report.failed:
        if _shorten_last_line(report) or _is_graded(item):
            _drop_advice_about_frames(report)
        report.sections += _build_report_sections(item)
    elif report.skipped and _is_graded(item) and isinstance(report.longrepr, tuple):
        path, line, _ = item.reportinfo()  # not the place of the hook that has judged the test
        report.longrepr = (str(path), (line or 0) + 1, report.longrepr[2])
    if call.when == "teardown":  # the item lives until the end of the run
        if _TEST_STATE_KEY in item.stash:
            del item.stash[_TEST_STATE_KEY]
        if _SNAPSHOT_KEY in item.stash:
            del item.stash[_SNAPSHOT_KEY]
    return report


def _is_graded(item: pytest.Item) -> bool:
    test = item.stash.get(_TEST_STATE_KEY, None)
    return test is not None and test.graded_test is not None


def _shorten_last_line(report: pytest.TestReport) -> bool:
    """Begin the line of a failure in pytest's summary with the fact, not the class.

    Return False for other errors.
    """
    crash = getattr(report.longrepr, "reprcrash", None)
    for prefix in _EXCEPTION_PREFIXES:
        if crash is not None and crash.message.startswith(prefix):
            crash.message = crash.message.removeprefix(prefix)
            return True
    return False


def _drop_advice_about_frames(report: pytest.TestReport) -> None:
    """Drop pytest's advice about hidden frames: an error of this plugin has no others."""
    traceback = getattr(report.longrepr, "reprtraceback", None)
    if traceback is not None and (traceback.extraline or "").startswith("All traceback entries are hidden"):
        traceback.extraline = None


def _build_report_sections(item: pytest.Item) -> list[tuple[str, str]]:
    import sys

    if _TEST_STATE_KEY not in item.stash and "lazr.smtptest.mailserver.server" not in sys.modules:
        return []  # no server has run
    from lazr.smtptest.testing import Servers, ServerSnapshot, describe_shared_server, format_traceback

    test = item.stash.setdefault(_TEST_STATE_KEY, _TestState(Servers()))
    before = item.stash.get(_SNAPSHOT_KEY, None) or ServerSnapshot()
    sections: list[tuple[str, str]] = []
    if not test.is_reported:
        test.is_reported = True
        if test.shared_server is not None:
            sections += describe_shared_server(test.shared_server)
        sections += test.servers.build_report_sections(before, _list_fixture_values(item))
        if test.client_error is not None:
            sections.append(("what the client raised", format_traceback(test.client_error)))
        if test.handler_error is not None:
            sections.append(_build_error_section(test.handler_error))
    keep: str | None = item.config.getoption("smtptest_keep")
    if keep is not None:
        servers: dict[str, MailServer | SharedServer] = {**test.servers.list_active(before)}
        if test.shared_server is not None:
            servers["smtptest"] = test.shared_server
        if servers:
            sections.append(("SMTP kept", _save_artifacts(keep, item.nodeid, servers)))
    return sections


def _list_fixture_values(item: pytest.Item) -> list[object]:
    """Return the values of all fixtures of a test, also of those that other fixtures request."""
    definitions = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    results = [getattr(one, "cached_result", None) for several in definitions.values() for one in several]
    return [result[0] for result in results if result]


def _build_error_section(error: BaseException) -> tuple[str, str]:
    from lazr.smtptest._util.escape import escape_unprintable
    from lazr.smtptest.errors import RuleNeverActed
    from lazr.smtptest.testing import format_traceback

    if isinstance(error, RuleNeverActed):  # its traceback shows only this package
        return "SMTP rules", escape_unprintable(str(error), multiline=True)
    return "SMTP handler raised", format_traceback(error)


def _save_artifacts(directory: str, test_id: str, servers: Mapping[str, MailServer | SharedServer]) -> str:
    from pathlib import Path

    from lazr.smtptest.testing import build_folder_name, write_artifacts

    folder = Path(directory) / build_folder_name(test_id)
    try:
        written: list[Path] = write_artifacts(folder, servers)
    except OSError as error:
        return f"cannot write {folder}: {error}"
    more = [f"… and {len(written) - _MAX_LISTED_PATHS} more there"] if len(written) > _MAX_LISTED_PATHS else []
    return "\n".join([*map(str, written[:_MAX_LISTED_PATHS]), *more])

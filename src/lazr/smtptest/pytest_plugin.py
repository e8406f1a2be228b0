"""The pytest plugin: servers as fixtures, and failures that show what the servers saw.

pytest loads this for each run, whether its tests send mail or not; so nothing else of this package is
imported before a test asks for a fixture.
"""

from __future__ import annotations

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from lazr.smtptest.mailserver import MailServer
    from lazr.smtptest.testing.servers import Servers

__all__ = [
    "smtptest",
    "smtptest_factory",
    "smtptest_options",
    "smtptest_session",
    "smtptest_session_options",
    "smtptest_session_server",
]

_MARKER = "smtptest(**options): what the servers of the fixtures smtptest and smtptest_factory are; see MailServer"
_INI = "The options of each MailServer that a fixture makes, lines of `name = value`."
_KEEP = "Write the mails and transcripts of each failed test into a folder of its own in DIR."

_PATHS = 30  # of what was kept, so many are named

_DEFAULTS: pytest.StashKey[dict[str, Any]] = pytest.StashKey()  # those of the configuration file
_OF_SESSION: pytest.StashKey[dict[str, Any]] = pytest.StashKey()  # what its server was made of
_TESTS: pytest.StashKey[_Test] = pytest.StashKey()


class _Test:
    """What is to be remembered of a test that uses a server, until its end."""

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self.raised: BaseException | None = None  # by a handler, and the test failed anyway
        self.shown = False  # a report has had the evidence


# -- configuration ------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--smtptest-keep`, and `smtptest_options` in the configuration file."""
    parser.getgroup("smtptest").addoption("--smtptest-keep", metavar="DIR", default=None, help=_KEEP)
    parser.addini("smtptest_options", _INI, type="linelist", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Read the configuration file's options, and make the marker known."""
    config.addinivalue_line("markers", _MARKER)
    keep = config.getoption("smtptest_keep")
    if keep is not None:  # xdist hands this value to its workers, which may run elsewhere
        path = config.invocation_params.dir / keep
        if path.exists() and not path.is_dir():
            raise pytest.UsageError(f"--smtptest-keep: {path} is not a directory")
        config.option.smtptest_keep = str(path)
    lines = config.getini("smtptest_options")
    if not lines:
        config.stash[_DEFAULTS] = {}
        return
    from lazr.smtptest.testing.options import OptionError, from_lines

    try:
        config.stash[_DEFAULTS] = from_lines(lines)
    except OptionError as error:
        raise pytest.UsageError(f"smtptest_options in {config.inipath}: {error}") from None


# -- fixtures -----------------------------------------------------------------------------------


@pytest.fixture
def smtptest_options() -> Mapping[str, object]:
    """The options of `smtptest` and of the servers of `smtptest_factory`: override it to set them up."""
    return {}


@pytest.fixture
def smtptest(request: pytest.FixtureRequest, smtptest_options: Mapping[str, Any]) -> Iterator[MailServer]:
    """A real SMTP server for this test: a started `MailServer`, with an empty inbox."""
    options = _options(request, smtptest_options)
    servers = servers_of(request)
    yield _started(servers, "smtptest", options)
    servers.stop()


@pytest.fixture
def smtptest_factory(
    request: pytest.FixtureRequest, smtptest_options: Mapping[str, Any]
) -> Iterator[Callable[..., MailServer]]:
    """A function that starts further servers: `smtptest_factory(tls="starttls")`; the test's end stops them."""
    from lazr.smtptest.testing.options import checked

    defaults = _options(request, smtptest_options)
    servers = servers_of(request)

    def start(**options: Any) -> MailServer:
        return servers.start("smtptest_factory", defaults | checked(options, "smtptest_factory"))

    yield start
    servers.stop()


@pytest.fixture(scope="session")
def smtptest_session_options() -> Mapping[str, object]:
    """The options of the one server of `smtptest_session`: override it to set that up."""
    return {}


@pytest.fixture(scope="session")
def smtptest_session_server(
    request: pytest.FixtureRequest, smtptest_session_options: Mapping[str, Any]
) -> Iterator[MailServer]:
    """The server of `smtptest_session`, for fixtures that live longer than a test and need its address."""
    from lazr.smtptest.testing.servers import Servers

    servers = Servers()
    options: dict[str, Any] = _from_file(request)
    options |= _checked(smtptest_session_options, "the fixture smtptest_session_options")
    request.config.stash[_OF_SESSION] = options
    yield _started(servers, "smtptest_session", options)
    servers.stop()


@pytest.fixture
def smtptest_session(request: pytest.FixtureRequest, smtptest_session_server: MailServer) -> Iterator[MailServer]:
    """A server that all tests of the run share, emptied for this test: cheaper than `smtptest`."""
    marked = _marked(request)
    if marked and not {"smtptest", "smtptest_factory"} & set(request.fixturenames):
        running_with = request.config.stash[_OF_SESSION]
        _refuse(marked, running_with)
    if not smtptest_session_server.running:  # an earlier test has stopped it
        smtptest_session_server.start()
    smtptest_session_server.forget()
    servers = servers_of(request)
    servers.add("smtptest_session", smtptest_session_server)
    yield smtptest_session_server
    error = servers.error()
    if error is not None:
        raise error


def _started(servers: Servers, name: str, options: dict[str, Any]) -> MailServer:
    try:
        return servers.start(name, options)
    except (TypeError, ValueError, ImportError) as error:  # the options are wrong, not the code that led here
        shown = ", ".join(f"{option}={_shown(option, value)}" for option, value in options.items())
        raise _wrong(f"MailServer({shown}): {error}") from None


def _shown(option: str, value: object) -> str:
    return "…" if option == "auth" else repr(value)  # there may be passwords in it


def servers_of(request: pytest.FixtureRequest) -> Servers:
    """Those of the test that asks."""
    from lazr.smtptest.testing.servers import Servers

    item: pytest.Item = request.node
    return item.stash.setdefault(_TESTS, _Test(Servers())).servers


def _options(request: pytest.FixtureRequest, own: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration file's, the fixture's and the markers' options; what is nearer to the test wins."""
    return _from_file(request) | _checked(own, "the fixture smtptest_options") | _marked(request)


def _from_file(request: pytest.FixtureRequest) -> dict[str, Any]:
    options = request.config.stash[_DEFAULTS]
    return _checked(options, f"smtptest_options in {request.config.inipath}")


def _marked(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the markers of the test, its class and its module say; the closest wins."""
    options: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("smtptest"))):
        if marker.args:
            said = ", ".join(map(repr, marker.args))
            raise _wrong(f'@pytest.mark.smtptest({said}): name what it is, as in tls="starttls"')
        options |= _checked(marker.kwargs, "@pytest.mark.smtptest")
    return options


def _checked(options: Mapping[str, Any], where: str) -> dict[str, Any]:
    if not options:
        return {}
    from lazr.smtptest.testing.options import OptionError, checked

    try:
        return checked(options, where)
    except OptionError as error:
        raise _wrong(str(error)) from None


def _wrong(text: str) -> BaseException:
    """The failure of a test that asks for what there is not: the text is all that there is to see."""
    return pytest.fail.Exception(text, pytrace=False)


def _refuse(marked: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """A marker cannot change a server that is running already."""
    other = {name: value for name, value in marked.items() if name not in options or options[name] != value}
    if other:
        asked = ", ".join(f"{name}={_shown(name, value)}" for name, value in other.items())
        raise _wrong(
            f"@pytest.mark.smtptest asks for {asked}, but smtptest_session is one server for the whole run, which the "
            "configuration file and the fixture smtptest_session_options set up; use the fixture smtptest instead"
        )


# -- the end of a test --------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """What a handler raised, or a rule that never acted, fails the test, unless it failed by itself; see the report."""
    __tracebackhide__ = True
    failure = result = None
    try:
        result = yield
    except BaseException as error:  # noqa: BLE001 - it is raised below, where it is not the context of ours
        failure = error
    test = item.stash.get(_TESTS, None)
    skipped = isinstance(failure, pytest.skip.Exception)
    raised = None if test is None else test.servers.error(skipped=skipped)
    if raised is not None and (failure is None or skipped):
        raise raised
    if failure is not None:
        if test is not None:
            test.raised = raised
        raise failure
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A report of a failure shows what the servers saw."""
    report = yield
    test = item.stash.get(_TESTS, None)
    if test is None:
        return report
    if report.failed:
        report.sections += _evidence(item, test)
    if call.when == "teardown":
        del item.stash[_TESTS]  # the item lives as long as the run; its mails need not
    return report


def _evidence(item: pytest.Item, test: _Test) -> list[tuple[str, str]]:
    sections: list[tuple[str, str]] = []
    if not test.shown:
        test.shown = True
        sections += test.servers.sections()
        if test.raised is not None:
            sections.append(_what_was_raised(test.raised))
    keep: str | None = item.config.getoption("smtptest_keep")
    if keep is not None and test.servers.by_name():
        sections.append(("SMTP kept", _kept(keep, item.nodeid, test.servers)))
    return sections


def _what_was_raised(error: BaseException) -> tuple[str, str]:
    from lazr.smtptest.errors import RuleNeverActed
    from lazr.smtptest.testing.evidence import harmless, traceback

    if isinstance(error, RuleNeverActed):  # nobody raised it: there is no traceback worth reading
        return "SMTP rules", harmless(str(error))
    return "SMTP handler raised", traceback(error)


def _kept(directory: str, test: str, servers: Servers) -> str:
    from pathlib import Path

    from lazr.smtptest.testing.keep import folder_name, keep

    folder = Path(directory) / folder_name(test)
    try:
        written: list[Path] = keep(folder, servers.by_name())
    except OSError as error:
        return f"could not be kept in {folder}: {error}"
    more = [f"… and {len(written) - _PATHS} more there"] if len(written) > _PATHS else []
    return "\n".join([*map(str, written[:_PATHS]), *more])

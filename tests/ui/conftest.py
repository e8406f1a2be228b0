"""Fixtures of the browser tests: a fresh profile and a fresh server for each; `browser` is in tests/conftest.py."""

import contextlib

import pytest

from tests.ui.browser import Tab
from tests.ui.canary import Canary
from tests.ui.inbox_server import InboxServer
from tests.ui.pages import AppPage
from tests.ui.pages.inbox_page import InboxPage

_REPORT_KEY = pytest.StashKey()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call":
        item.stash[_REPORT_KEY] = report
    return report


@pytest.fixture
def serve_inbox():
    """Start a server with settings of its own: `serve_inbox(users="ann:{PLAIN}secret")`."""
    with contextlib.ExitStack() as stack:

        def serve_inbox(**settings):
            server = InboxServer(**settings)
            stack.callback(server.close)
            return server

        yield serve_inbox


@pytest.fixture
def inbox_server(serve_inbox):
    """A server without a login."""
    return serve_inbox()


@pytest.fixture
def canary():
    """A server that nothing may connect to."""
    canary = Canary()
    yield canary
    canary.close()


@pytest.fixture
def open_tab(browser, request):
    """Open a tab with a fresh profile: `open_tab(server, **settings of Playwright's new_context)`.

    At the end of the test, everything unexpected in the tab fails the test: errors, dialogs, foreign requests.  A
    picture of each tab of a failed test is in .cache/ui.
    """
    tabs = []
    with browser.active():

        def open_tab(server, **settings):
            tabs.append(Tab(browser, server, **settings))
            return tabs[-1]

        yield open_tab
        report = request.node.stash.get(_REPORT_KEY, None)
        unexpected = [text for tab in tabs for text in tab.find_unexpected()]
        if unexpected or report is None or report.failed:
            for number, tab in enumerate(tabs):
                with contextlib.suppress(Exception):  # the tab may be broken, and the test has failed already
                    tab.take_picture(f"{request.node.name}-{number}")
        for tab in tabs:
            tab.close()
        assert not unexpected, "\n".join(unexpected)


@pytest.fixture
def tab(open_tab, inbox_server):
    """A tab for the pages of `inbox_server`."""
    return open_tab(inbox_server)


@pytest.fixture
def app_page(tab, inbox_server):
    """The inbox of `inbox_server`, not yet opened."""
    return AppPage(tab, inbox_server)


@pytest.fixture
def inbox(open_tab, inbox_server):
    """The list of `inbox_server` in a wide window, not yet opened."""
    return InboxPage(open_tab(inbox_server, viewport={"width": 1400, "height": 900}), inbox_server)

"""The list of mails and the search, as tests use them."""

import time

from playwright.sync_api import expect

from lazr.smtptest import Envelope
from lazr.smtptest.store import Arrival
from lazr.smtptest.web import WebServer, make_app


class InboxPage:
    """The inbox in a tab of the browser, and the server behind it.

    Args:
        tab: the tab.
        inbox_server: the servers of the test.
    """

    def __init__(self, tab, inbox_server):
        self.tab, self.inbox_server = tab, inbox_server
        self.page = tab.page
        self.url = inbox_server.url
        self.server = inbox_server.mail_server
        self.store = inbox_server.store
        self._count = 0

    def open(self, path="/"):
        """Open a page, and wait until its live connection and, if it has one, its list are there."""
        self.page.goto(self.url + path)
        expect(self.page.locator(".dot.live")).to_be_visible()
        expect(self.page.locator("message-list .mails:not([aria-busy=false])")).to_have_count(0)
        return self

    def add(self, subject="Hello", *, to="ann@example.com", **options):
        """Add a mail to the store, as if it had arrived now; return its ID."""
        return self.add_all([(subject, to)], **options)[0]

    def add_all(self, mails, *, text="Hi", headers=""):
        """Add mails of subjects and recipients, the oldest first; return their IDs."""
        arrivals = []
        for subject, to in mails:
            self._count += 1
            recipients = tuple(to.split())
            content = (
                f"From: The App <app@example.com>\r\nTo: {', '.join(recipients)}\r\nSubject: {subject}\r\n{headers}"
                f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
            )
            envelope = Envelope(
                "bounces@example.com", recipients, mail_parameters={}, rcpt_parameters=tuple({} for _ in recipients)
            )
            received_at = time.time() + self._count / 1000  # no two mails at the same time
            arrivals.append(Arrival(f"{self._count:08}", received_at, envelope, [content.encode()]))
        self.store.add(arrivals)
        return [arrival.id for arrival in arrivals]

    def stop_web(self):
        """Stop the web server; errors of the network in the console are expected from now on."""
        self.tab.expect("ERR_CONNECTION|WebSocket connection|Failed to fetch dynamically imported module")
        self.inbox_server.web.stop()

    def start_web(self):
        """Start a web server at the same address, which has the same store."""
        app = make_app(self.inbox_server.app_context)
        self.inbox_server.web = WebServer(app, port=int(self.url.rpartition(":")[2]))
        self.inbox_server.web.start()

    @property
    def grid(self):
        return self.page.locator("message-list .mails")

    @property
    def rows(self):
        return self.grid.get_by_role("row")

    @property
    def focused(self):
        return self.page.locator("message-list [role=row]:focus")

    @property
    def selected(self):
        return self.page.locator("message-list [role=row][aria-selected=true]")

    @property
    def status(self):
        return self.page.locator(".list-status")

    @property
    def pill(self):
        return self.page.locator("message-list .pill")

    @property
    def search(self):
        return self.page.get_by_role("combobox", name="Search mails")

    @property
    def completions(self):
        return self.page.get_by_role("listbox", name="Completions").get_by_role("option")

    @property
    def toasts(self):
        return self.page.locator(".toasts")

    def row(self, subject):
        return self.rows.filter(has=self.page.get_by_role("link", name=subject, exact=True))

    def select(self, subject):
        self.row(subject).get_by_role("checkbox").check()

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def click(self, name):
        """Press the visible button of this name."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def expect_subjects(self, *subjects):
        """Wait until the list shows exactly these mails, in this order."""
        expect(self.rows.locator(".subject a")).to_have_text(list(subjects))

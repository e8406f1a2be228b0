"""The page of SMTP sessions, the page of one, and the transcript that the tab Wire shares with it."""

from playwright.sync_api import Locator, Page


class SessionsPage:
    """The list of sessions."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.rows = page.locator("table.sessions tbody tr")
        self.peer = page.get_by_label("Client address")
        self.refused = page.get_by_label("With refusals")
        self.without_mail = page.get_by_label("Without a mail")
        self.tiles = page.locator(".tile")
        self.older = page.get_by_role("button", name="Older")
        self.newer = page.get_by_role("button", name="Newer")

    def row(self, number: int) -> Locator:
        """Return the row of a session."""
        return self.rows.filter(has=self.page.get_by_role("link", name=str(number), exact=True))


class SessionView:
    """One session: its facts, its mails and its transcript."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.facts = page.locator("session-view dl.facts")
        self.findings = page.get_by_role("region", name="Findings")
        self.mails = page.get_by_role("region", name="Mails of this session")
        self.transcript = page.locator("ol.transcript")
        self.lines = self.transcript.locator("li:not(.pause, .mark)")
        self.transaction = self.transcript.locator("li.current")
        self.refusals = self.transcript.locator("li.refused")
        self.pauses = self.transcript.locator("li.pause")
        self.contents = self.transcript.locator("li.content")
        self.diagram = page.locator("figure.diagram img")

    def fact(self, name: str) -> Locator:
        """Return the value of a fact, such as "TLS"."""
        term = self.page.locator("dt").get_by_text(name, exact=True)
        return self.facts.locator("div").filter(has=term).locator("dd")

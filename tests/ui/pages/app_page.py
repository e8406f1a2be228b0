"""The frame that all pages of the inbox share: header, navigation, and the mail's frame."""

from urllib.parse import urlsplit


class AppPage:
    """The inbox in a tab of the browser.

    Subclasses are in the other modules of this folder: one for each page, with its own buttons and texts.
    """

    def __init__(self, tab, server):
        self.tab, self.server = tab, server
        self.page = tab.page

    def open(self, path="/"):
        """Load a path below the webroot, and wait until its requests are answered."""
        self.page.goto(self.server.url + path)
        self.page.locator("app-shell main").wait_for()
        self.tab.settle()
        return self

    def follow(self, path):
        """Show a path as a click on a link does: without loading the page again."""
        self.page.evaluate(
            "path => { history.pushState(null, '', path); dispatchEvent(new PopStateEvent('popstate')); }",
            self.server.webroot + path,
        )
        self.tab.settle()
        return self

    @property
    def path(self):
        """The path and the query in the address bar, below the webroot."""
        url = urlsplit(self.page.url)
        return url.path.removeprefix(self.server.webroot) + (f"?{url.query}" if url.query else "")

    @property
    def main(self):
        """The part of the page below the header."""
        return self.page.locator("main")

    @property
    def connection(self):
        """The state of the live connection."""
        return self.page.get_by_role("banner").get_by_role("status")

    def list_navigation(self):
        """Return the names of the pages in the header."""
        return self.page.get_by_role("navigation", name="Pages").get_by_role("link").all_inner_texts()

    @property
    def mail_frame(self):
        """The frame that shows the HTML of a mail."""
        return self.page.frame_locator("iframe")

"""The form of the login, which needs no script."""


class LoginPage:
    """The login in a tab of the browser."""

    def __init__(self, tab, server):
        self.tab, self.server = tab, server
        self.page = tab.page

    def open(self, target="/"):
        """Load the form, with the path of the page after it."""
        self.page.goto(f"{self.server.url}/login?next={self.server.webroot}{target}")
        return self

    @property
    def is_shown(self):
        return self.page.get_by_role("heading", name="Log in").is_visible()

    @property
    def error(self):
        """The text of the error; empty without one."""
        alert = self.page.get_by_role("alert")
        return alert.inner_text() if alert.count() else ""

    def log_in(self, user="ann", password="secret"):
        """Fill the form in and send it."""
        self.page.get_by_label("Name").fill(user)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Log in").click()

    def log_in_with_token(self, token):
        """Send the token of a mailbox on a server without users."""
        self.page.get_by_label("Token").fill(token)
        self.page.get_by_role("button", name="Log in").click()

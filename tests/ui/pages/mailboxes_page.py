"""The page of mailboxes."""

from playwright.sync_api import Locator, Page


class MailboxesPage:
    """The list of mailboxes, the form for a new one, and the dialogs."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.rows = page.locator("mailboxes-page tbody tr")
        self.name = page.get_by_label("Name", exact=True)
        self.problem = page.locator("mailboxes-page").get_by_role("alert")
        self.dialog = page.get_by_role("dialog")
        self.token = self.dialog.locator(".copyable code").first

    def row(self, name: str) -> Locator:
        """Return the row of a mailbox."""
        return self.rows.filter(has=self.page.get_by_role("rowheader", name=name, exact=True))

    def create(self, name: str, *, recipient: str = "", user: str = "") -> None:
        """Fill in the form and send it."""
        self.name.fill(name)
        self.page.get_by_label("of an SMTP user" if user else "to a recipient").check()
        self.page.get_by_label("SMTP user" if user else "Recipient", exact=True).fill(user or recipient)
        self.page.get_by_role("button", name="Create").click()

    def close_dialog(self) -> None:
        """Wait for a dialog, and close it by the keyboard."""
        self.dialog.wait_for()
        self.page.keyboard.press("Escape")
        self.dialog.wait_for(state="detached")

    def ask_to_remove(self, name: str) -> None:
        """Press the button that removes a mailbox; a dialog asks whether it is meant."""
        self.row(name).get_by_role("button", name=f"Remove {name}").click()

"""The settings of the browser."""

from playwright.sync_api import Locator, Page


class SettingsPage:
    """All settings, and the saved searches."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.searches = page.locator(".searches li")
        self.toasts = page.locator(".toasts")

    def field(self, label: str) -> Locator:
        """Return the control of a setting."""
        return self.page.get_by_label(label)

    def stored(self) -> dict[str, object]:
        """Return what the browser has stored."""
        values: dict[str, object] = self.page.evaluate("JSON.parse(localStorage.getItem('smtptest.settings') ?? '{}')")
        return values

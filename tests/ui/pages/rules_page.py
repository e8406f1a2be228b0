"""The page of rules, with the editor and the presets."""

from playwright.sync_api import Locator, Page


class RulesPage:
    """The list of rules, the editor of one, and the presets."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.items = page.locator("ol.rules > li")
        self.banner = page.get_by_role("complementary", name="Rules")
        self.editor = page.get_by_role("form", name="Rule")
        self.json = self.editor.get_by_label("Rule as JSON")
        self.problem = self.editor.get_by_role("alert")
        self.add = self.editor.get_by_role("button", name="Add the rule")
        self.save = self.editor.get_by_role("button", name="Save the rule")
        self.new = page.get_by_role("button", name="New rule")
        self.remove_all = page.get_by_role("button", name="Remove all")
        self.toasts = page.locator(".toasts")

    def item(self, text: str) -> Locator:
        """Return the rule that has a text."""
        return self.items.filter(has_text=text)

    def switch(self, text: str) -> Locator:
        """Return the switch of the rule that has a text."""
        return self.item(text).get_by_role("switch")

    def count(self, text: str) -> Locator:
        """Return how often the rule that has a text acted."""
        return self.item(text).locator(".calls-count strong")

    def field(self, label: str) -> Locator:
        """Return a field of the editor."""
        return self.editor.get_by_label(label, exact=True)

    def add_preset(self, name: str, **values: str) -> None:
        """Add a preset with values for fields, by their labels."""
        self.page.locator(".presets button").filter(has=self.page.get_by_text(name, exact=True)).click()
        dialog = self.page.get_by_role("dialog")
        for label, value in values.items():
            dialog.get_by_label(label.replace("_", " ")).fill(value)
        dialog.get_by_role("button", name="Add").click()

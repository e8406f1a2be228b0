"""One mail: its head, its tabs, and the dialogs that its buttons open."""

import ast

from tests.ui.pages.app_page import AppPage


class MailPage(AppPage):
    """A mail in a tab of the browser."""

    def open_mail(self, mail_id, tab="", query=""):
        """Load the page of a mail and wait for its head."""
        suffix = f"/{tab}" if tab else ""
        self.open(f"/mail/{mail_id}{suffix}" + (f"?q={query}" if query else ""))
        self.subject.wait_for()
        self.tab.settle()
        return self

    def delay_configuration(self, detail):
        """Let the server's configuration arrive after this detail of the mail, as on a busy machine."""
        held = []

        def hold(route):
            held.append(route)

        def release(response):
            if response.url.endswith(f"/{detail}"):
                self.page.unroute("**/api/v1/webui")
                for route in held:
                    route.continue_()

        self.page.route("**/api/v1/webui", hold)
        self.page.on("response", release)

    @property
    def view(self):
        """The part of the page with the mail."""
        return self.page.locator("message-view")

    @property
    def subject(self):
        return self.view.get_by_role("heading", level=1)

    @property
    def panel(self):
        """The content of the selected tab."""
        return self.view.get_by_role("tabpanel")

    @property
    def selected_tab(self):
        """The name of the selected tab, without its count."""
        return self.view.get_by_role("tab", selected=True).evaluate("tab => tab.querySelector('.label').textContent")

    def select_tab(self, name):
        """Press a tab and wait for its content."""
        self.view.get_by_role("tab", name=name).click()
        self.tab.settle()

    def press(self, key):
        """Press a key of the keyboard, outside of all fields."""
        self.page.keyboard.press(key)
        self.tab.settle()

    def button(self, name):
        """A button of the head or of the selected tab."""
        return self.view.get_by_role("button", name=name, exact=True)

    def read_fields(self):
        """Return the fields of the head by name: texts of the addresses."""
        return dict(
            self.view.locator(".mail-fields").evaluate(
                """list => [...list.querySelectorAll("dt")].map((name) => [
                    name.textContent, [...name.nextElementSibling.children].map((child) => child.textContent)])"""
            )
        )

    def read_clipboard(self):
        """Return the text in the clipboard; the context needs the permission for it."""
        return self.page.evaluate("navigator.clipboard.readText()")

    # -- source -----------------------------------------------------------------------------------------------------

    @property
    def lines(self):
        """The rows of the source that are in the document."""
        return self.panel.locator("line-view .line")

    def line(self, number):
        """The first row of a line."""
        return self.panel.locator(f'line-view .line[data-line="{number}"]').first

    def copy_octets(self):
        """Copy the source, or the chosen part, as Python bytes, and return them."""
        self.button('Copy as b"…"').click()
        return ast.literal_eval(self.read_clipboard())

    # -- "Copy as …" ------------------------------------------------------------------------------------------------

    def read_snippets(self):
        """Open "Copy as …" and return the code by title."""
        self.button("Copy as …").click()
        dialog = self.page.get_by_role("dialog", name="Copy as …")
        dialog.wait_for()
        return dict(
            dialog.locator(".snippet").evaluate_all(
                "all => all.map((one) => [one.ariaLabel, one.querySelector('pre')?.textContent ?? ''])"
            )
        )


class DiffPage(AppPage):
    """The difference of two mails."""

    def section(self, name):
        """One compared part: Headers, Text or HTML source."""
        return self.main.get_by_role("region", name=name)

    def list_changes(self, name):
        """Return the changed lines of a section: removed or added, and the text."""
        return [
            tuple(line)
            for line in self.section(name)
            .locator("tr.removed, tr.added")
            .evaluate_all("all => all.map((row) => [row.className, row.querySelector('code').textContent])")
        ]

    def list_words(self, name):
        """Return the marked words of a section."""
        return self.section(name).locator("mark").all_inner_texts()

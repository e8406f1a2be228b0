"""Open a page in the browser of the user."""

from __future__ import annotations

import webbrowser

from lazr.smtptest.cli.errors import CommandError

__all__ = ["open_browser"]

# They run in the terminal, which belongs to the command, and have no JavaScript.
_TEXT_BROWSERS = frozenset({"www-browser", "lynx", "links", "elinks", "w3m"})


def open_browser(url: str) -> None:
    """Open a URL in the browser that the environment names, or the system has as its default.

    Raises:
        CommandError: If there is no graphical browser; the text has the URL.
    """
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        browser = None
    is_text_browser = getattr(browser, "name", "") in _TEXT_BROWSERS
    if browser is None or is_text_browser or not browser.open(url):
        raise CommandError(f"no browser could be started; open {url} yourself, or set the variable BROWSER")

"""The browser of the tests: Debian's Chromium, which connects to nothing but the servers of the tests."""

import asyncio
import contextlib
import os
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

PICTURES_FOLDER = Path(__file__).parent.parent.parent / ".cache" / "ui"

TIMEOUT_SECONDS = 20

# Chromium must not call home, and no mail of a test must reach another machine: only names of this machine have an
# address.  /dev/shm is small in containers.
CHROMIUM_FLAGS = (
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-client-side-phishing-detection",
    "--disable-component-extensions-with-background-pages",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-features=AutofillServerCommunication,CertificateTransparencyComponentUpdater,MediaRouter,Translate",
    "--disable-sync",
    "--dns-prefetch-disable",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--metrics-recording-only",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-pings",
    "--safebrowsing-disable-auto-update",
)

# Two frames: what a script has changed is laid out and painted after them.
WAIT_FOR_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))"

# A listener in the page: it knows violations that the console does not print.
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`CSP violation: ${event.effectiveDirective} ${event.blockedURI} in ${event.documentURI}`);
});
"""


def find_chromium():
    """Return the path of Chromium, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def find_missing_program():
    """Return why the browser tests cannot run; None if they can."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "Playwright is not installed: pip install --group test"
    return None if find_chromium() else "Chromium is not installed: apt-get install chromium"


# What the browser's messages about the frame of a mail have, and those about frames in that frame: the inbox has no
# `srcdoc`, and names all directives, so that `default-src` blocks nothing of its own.
_PARTS_OF_MAIL_FRAME = ("/view/", "about:srcdoc", "'default-src' is used as a fallback")


class Browser:
    """One Chromium for all tests of a worker; each test gets a fresh profile.

    Playwright's event loop belongs to the thread, and other tests have loops of their own in it: outside of `active`,
    the loop is hidden.
    """

    def __init__(self):
        from playwright.sync_api import expect, sync_playwright

        expect.set_options(timeout=TIMEOUT_SECONDS * 1000)  # 5 s by default, which a busy machine may need
        self._playwright = sync_playwright().start()
        self._loop = asyncio._get_running_loop()
        self.chromium = self._playwright.chromium.launch(executable_path=find_chromium(), args=[*CHROMIUM_FLAGS])
        asyncio._set_running_loop(None)

    @contextlib.contextmanager
    def active(self):
        """Let Playwright run in a `with` block."""
        asyncio._set_running_loop(self._loop)
        try:
            yield self
        finally:
            asyncio._set_running_loop(None)

    def close(self):
        with self.active():
            self.chromium.close()
            self._playwright.stop()


class Tab:
    """A tab of a fresh browser profile, and everything unexpected that happens in it.

    `page` is Playwright's `Page`.  Every message of the console, error, dialog, and request to another origin is
    unexpected, unless `expect` has a pattern for it.  What the policy of a mail's own frame blocks is in `blocked`.
    """

    def __init__(self, browser, server, **settings):
        self.server = server
        self.unexpected, self.blocked, self.requests, self.responses = [], [], [], []
        self._pending, self._foreign = set(), set()
        self._expected = []
        settings = {"locale": "en-US", "timezone_id": "UTC", "viewport": {"width": 1280, "height": 800}} | settings
        self.context = browser.chromium.new_context(**settings)
        self.context.set_default_timeout(TIMEOUT_SECONDS * 1000)
        self.context.add_init_script(REPORT_VIOLATIONS)
        self.context.on("console", self._handle_console)
        self.context.on("weberror", lambda error: self._report(f"script error: {error.error}"))
        self.context.on("dialog", self._handle_dialog)
        self.context.on("request", self._handle_request)
        self.context.on("requestfinished", self._handle_end)
        self.context.on("requestfailed", self._handle_end)
        self.page = self.context.new_page()
        self.context.on("page", lambda page: self._report(f"new tab: {page.url}"))

    def expect(self, pattern):
        """Accept what matches this regular expression from now on."""
        self._expected.append(re.compile(pattern))

    def find_unexpected(self):
        """Return the unexpected events that no pattern of `expect` matches."""
        events = [*self.unexpected, *(f"request to another server: {request.url}" for request in self._foreign)]
        return [text for text in events if not any(pattern.search(text) for pattern in self._expected)]

    def take_unexpected(self):
        """Return the unexpected events since the last call."""
        found = self.find_unexpected()
        self.unexpected.clear()
        self._foreign.clear()
        return found

    def settle(self):
        """Wait until all requests are answered, and the page has shown the answers."""
        quiet_checks = 0  # an answer may lead to further requests
        for _ in range(30 * TIMEOUT_SECONDS):
            self.page.evaluate(WAIT_FOR_FRAMES)
            quiet_checks = 0 if self._pending else quiet_checks + 1
            if quiet_checks == 2:
                return
        raise TimeoutError(f"requests without an answer: {[request.url for request in self._pending]}")

    def take_picture(self, name):
        """Save a picture of the page, and return its path."""
        PICTURES_FOLDER.mkdir(parents=True, exist_ok=True)
        path = PICTURES_FOLDER / (re.sub(r"[^0-9A-Za-z_.-]+", "-", name)[:150] + ".png")
        self.page.screenshot(path=path)
        return path

    def close(self):
        self.context.close()

    def _report(self, text):
        self.unexpected.append(text)

    def _handle_console(self, message):
        source = (message.location or {}).get("url", "")
        text = f"console {message.type}: {message.text.strip()} ({source})"
        if message.type in ("error", "warning", "assert"):
            is_about_mail = any(part in text for part in _PARTS_OF_MAIL_FRAME)
            (self.blocked if is_about_mail else self.unexpected).append(text)
        elif "PWNED" in text:
            self._report(text)

    def _handle_dialog(self, dialog):
        self._report(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _handle_request(self, request):
        self._pending.add(request)
        self.requests.append(request)
        scheme, authority = urlsplit(request.url)[:2]
        if scheme in ("http", "https", "ws", "wss", "ftp") and authority not in self.server.authorities:
            self._foreign.add(request)

    def _handle_end(self, request):
        self._pending.discard(request)
        # Playwright also reports requests that a policy, or the rule of the same origin, has stopped in the browser.
        if request in self._foreign and request.failure in ("csp", "origin"):
            self._foreign.discard(request)
            self.blocked.append(f"request: {request.url}")


def is_ci():
    """Return whether a missing browser is an error."""
    return bool(os.environ.get("CI"))

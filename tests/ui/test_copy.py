"""The code of "Copy as …" runs, and finds the mail, whatever its subject is."""

import base64
import os
import shutil
import smtplib
import subprocess
import sys
from pathlib import Path

import pytest

from lazr.smtptest import MailServer
from tests.ui.example_mails import RECIPIENTS, build_rich_mail
from tests.ui.pages import LoginPage, MailPage

SUBJECTS = [
    "Your sign-in code — Grüße",
    "It's \"5 o'clock\"; $(touch pwned) `id` !! \\ 100% $HOME",
    "-rf --help",
    "line\nbreak\ttab \x1b[31mred \x07",
    "right\u202eto left\u200b invisible",
    "\"\"\"'''\\",
    "a=b&c=d#e?f+g",
    "emoji 🎉 ünïcode",
]


@pytest.fixture
def mail_page(open_tab, inbox_server):
    return MailPage(open_tab(inbox_server, permissions=["clipboard-read", "clipboard-write"]), inbox_server)


def build_mail(subject):
    """Return a mail with a subject that may have any character."""
    encoded = base64.b64encode(subject.encode()).decode()
    return f"From: app@example.com\r\nTo: ann@example.com\r\nSubject: =?utf-8?b?{encoded}?=\r\n\r\nHi\r\n".encode()


@pytest.fixture
def run_shell(tmp_path):
    """Run a command in bash, with this package's commands, and return its output."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def run_shell(command):
        done = subprocess.run(
            ["bash", "-c", command],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
            env=environment,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert list(tmp_path.iterdir()) == []
        return done.stdout

    return run_shell


@pytest.mark.parametrize("subject", SUBJECTS)
def test_code_finds_the_mail(inbox_server, mail_page, subject):
    content = build_mail(subject)
    other = inbox_server.add_mail(Subject="Other", To="ann@example.com")
    mail_id = inbox_server.add_mail(content, to=["ann@example.com"], sender="app@example.com")
    mail_page.open_mail(mail_id)
    snippets = mail_page.read_snippets()

    assert not any(letter in "".join(snippets.values()) for letter in "\x1b\x07\u202e\u200b")
    names = {}
    exec(snippets["pytest"], names)
    with MailServer() as server:
        with smtplib.SMTP(*server.address) as client:
            client.sendmail("app@example.com", ["ann@example.com"], content)
        names["test_mail"](server)
    namespace = {}
    exec(snippets["httpx"], namespace)
    assert namespace["mail"]["ID"] == mail_id != other
    with inbox_server.connect() as http:
        found = http.get("/api/v1/search", params={"query": snippets["Search"]}).json()["messages"]
    assert mail_id in [mail["ID"] for mail in found]


@pytest.mark.parametrize("subject", SUBJECTS[:5])
def test_commands_find_the_mail(inbox_server, mail_page, run_shell, subject):
    mail_id = inbox_server.add_mail(build_mail(subject), to=["ann@example.com"])
    mail_page.open_mail(mail_id)
    snippets = mail_page.read_snippets()

    assert "\n" not in snippets["smtptest wait"] + snippets["curl"]
    run_shell(snippets["smtptest wait"] + " --json --timeout 0")
    if shutil.which("curl"):
        assert mail_id in run_shell(snippets["curl"])


def test_snippets_are_copied(inbox_server, mail_page):
    content = build_rich_mail()
    mail_page.open_mail(inbox_server.add_mail(content, to=RECIPIENTS, sender="shop@example.com"))
    mail_page.press("c")
    dialog = mail_page.page.get_by_role("dialog", name="Copy as …")
    dialog.get_by_role("button", name="Copy pytest").click()
    mail_page.page.get_by_text("pytest copied").wait_for()
    assert mail_page.read_clipboard() == (
        "def test_mail(smtptest):\n"
        "    ...  # here your application sends the mail to smtptest.address\n"
        "\n"
        '    mail = smtptest.inbox.one(to=["ann@example.com", "team@example.com", "archive@example.com"],'
        ' subject="Your sign-in code — Grüße")\n'
        '    assert mail.sender == "shop@example.com"\n'
        '    assert mail.codes[0] == "482913"\n'
        '    assert "logo.png" in [part.filename for part in mail.attachments]\n'
    )
    dialog.get_by_role("button", name="Copy the source as text").click()
    mail_page.page.get_by_text("Source copied").wait_for()
    assert mail_page.read_clipboard().encode() == content
    with mail_page.page.expect_download() as download:
        dialog.get_by_role("link", name="Download .eml").click()
    assert Path(download.value.path()).read_bytes() == content


@pytest.mark.parametrize(
    ("settings", "texts"),
    [
        ({"users": "ann:{PLAIN}secret"}, ["--user ann", 'auth=("ann", os.environ["SMTPTEST_PASSWORD"])']),
        ({"webroot": "/box"}, ["/box/api/v1/wait", "/box"]),
    ],
)
def test_code_knows_the_login_and_the_webroot(serve_inbox, open_tab, settings, texts):
    server = serve_inbox(**settings)
    page = MailPage(open_tab(server), server)
    mail_id = server.add_mail(build_rich_mail(), to=RECIPIENTS)
    if "users" in settings:
        LoginPage(page.tab, server).open().log_in("ann", "secret")
        page.page.locator("app-shell main").wait_for()
    page.open_mail(mail_id)
    snippets = page.read_snippets()

    for text in texts:
        assert text in snippets["curl"] + snippets["httpx"]


def test_copying_without_a_clipboard_works_in_a_dialog_or_fails_aloud(inbox_server, mail_page):
    mail_page.tab.context.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    mail_page.open_mail(inbox_server.add_mail(build_rich_mail(), to=RECIPIENTS))
    mail_page.page.evaluate(
        "document.addEventListener('copy', () => { window.copied = document.activeElement.value ?? ''; })"
    )
    mail_page.press("c")
    dialog = mail_page.page.get_by_role("dialog", name="Copy as …")
    button = dialog.get_by_role("button", name="Copy pytest")
    button.click()
    dialog.get_by_text("pytest copied").wait_for()
    assert mail_page.page.evaluate("window.copied").startswith("def test_mail")
    assert button.evaluate("button => button === document.activeElement")
    mail_page.page.evaluate("document.execCommand = () => false")
    button.click()
    message = dialog.get_by_text("The browser does not allow copying here. Select the text and press Ctrl+C.")
    message.wait_for()
    mail_page.press("Escape")
    dialog.wait_for(state="detached")
    mail_page.page.get_by_text("The browser does not allow copying here.").wait_for()

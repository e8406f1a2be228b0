"""Hostile mails in a real browser: no script runs, nothing leaves the server, and the page stays where it is.

The threats are W1 to W4.  Each mail is opened in every tab, without loading the page again.
"""

import smtplib
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from tests.ui.hostile_mails import list_hostile_mails
from tests.ui.pages import AppPage

TABS = ("preview", "text", "html", "headers", "source", "wire", "envelope", "checks", "attachments")

# The links and buttons that a user may click in a mail.
CLICKED = ("links that run", "links that navigate the page", "SVG with links", "forms", "base", "pop-ups")

FILES = ("pages as files", "file names with markup", "hostile content IDs", "mail in a mail", "calendar and card")

# What no part of the page may have, whatever a mail contains.
FIND_INTRUDERS = r"""
() => {
  const found = [];
  if (window.pwned !== undefined) found.push("a script of the mail ran");
  for (const element of document.querySelectorAll("*")) {
    const tag = element.localName;
    if (tag === "script" && !element.src.endsWith("/ui/app.js")) found.push("script");
    if (["object", "embed", "base", "frame", "portal", "applet", "template", "slot"].includes(tag)) found.push(tag);
    if (tag === "iframe") {
      const { pathname, origin } = new URL(element.src);
      const sandbox = element.getAttribute("sandbox");
      if (sandbox !== "allow-popups allow-popups-to-escape-sandbox") found.push(`iframe with sandbox ${sandbox}`);
      if (!pathname.includes("/view/") || origin !== location.origin) found.push(`iframe ${element.src}`);
    }
    for (const { name, value } of element.attributes) {
      if (name.startsWith("on") || name === "srcdoc") found.push(`${tag} ${name}`);
      if (/^(?:href|src|action|formaction|xlink:href|data|srcset|ping)$/.test(name)) {
        const isRunnable = /^[\s\x00-\x20]*(?:javascript|vbscript|data:text|data:application)/i.test(value);
        if (isRunnable && tag !== "iframe") found.push(`${tag} ${name}=${value.slice(0, 40)}`);
        const isLoaded = !["a", "form"].includes(tag) && !/^(?:data:|blob:)/.test(value);
        if (isLoaded && new URL(value, location.href).origin !== location.origin) found.push(`${tag} ${name}=${value}`);
      }
    }
  }
  return found;
}
"""


@contextmanager
def open_session(server):
    """Open an SMTP session whose commands are hostile, too."""
    with smtplib.SMTP(*server.mail_server.address, local_hostname="laptop.example") as client:
        client.docmd("EHLO", "<script>alert(1)</script>")
        client.docmd("HELO", '"><img/src=x/onerror=alert(1)>')
        client.docmd("<svg", "onload=alert(1)>\x1b[31m")
        client.ehlo()
        yield client


def send(server, mail):
    """Send a mail, and return its ID."""
    with open_session(server) as client:
        replies = [client.docmd("MAIL", f"FROM:<{mail.sender}>")]
        replies += [client.docmd("RCPT", f"TO:<{recipient}>") for recipient in mail.recipients]
        content = mail.content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        replies.append(client.data(content))
        assert {code for code, _ in replies} == {250}, (mail.name, replies)
    return server.store.get_latest().id


@pytest.fixture
def hostile_inbox(serve_inbox, canary):
    """A server with all hostile mails, and their IDs by name."""
    server = serve_inbox()
    ids = {mail.name: send(server, mail) for mail in list_hostile_mails(canary.url)}
    return server, ids


def open_inbox(open_tab, server):
    tab = open_tab(server)
    app = AppPage(tab, server).open()
    expect(tab.page.locator(".dot.live")).to_be_visible()
    return tab, app


@pytest.mark.slow
def test_hostile_mail_does_no_harm_in_any_tab(hostile_inbox, open_tab, canary):
    server, ids = hostile_inbox
    tab, app = open_inbox(open_tab, server)
    found = {}
    for name, mail_id in ids.items():
        for shown in TABS:
            path = f"/mail/{mail_id}/{shown}"
            app.follow(path)
            if shown == "preview" and server.store.get_mail(mail_id).html:
                tab.page.locator("iframe").wait_for(state="attached")
                tab.settle()
            problems = tab.page.evaluate(FIND_INTRUDERS) + tab.take_unexpected()
            if tab.page.url != server.url + path:
                problems.append(f"the page has moved to {tab.page.url}")
            if problems:
                found[name, shown] = sorted(set(problems))

    assert len(ids) >= 40
    assert found == {}
    assert canary.connections == 0
    assert len(tab.context.pages) == 1
    # The frames were really shown, and the browser has blocked what is in them.
    views = {f"{server.url}/view/{mail_id}.html" for mail_id in ids.values() if server.store.get_mail(mail_id).html}
    shown = {request.url.partition("?")[0] for request in tab.requests}
    assert views <= shown and len(views) > 40
    assert len(tab.blocked) > len(views) / 2


@pytest.mark.slow
def test_clicks_in_hostile_mail_do_no_harm(hostile_inbox, open_tab, canary):
    """A link may open its page in a new tab; it may not run anything, or navigate the inbox."""
    server, ids = hostile_inbox
    tab, app = open_inbox(open_tab, server)
    tab.expect("^new tab: |^request to another server: .*/(?:top|parent|ping)$|Failed to load resource")
    clicks = 0
    for name in CLICKED:
        path = f"/mail/{ids[name]}/preview"
        app.follow(path)
        elements = tab.page.frame_locator("iframe").locator("a, button, input, [contenteditable]")
        elements.first.wait_for(state="attached")
        for number in range(elements.count()):
            elements.nth(number).click(force=True)
            tab.settle()
            clicks += 1

        assert tab.page.url == server.url + path, name
        assert tab.page.evaluate(FIND_INTRUDERS) + tab.take_unexpected() == [], name
        for page in tab.context.pages[1:]:
            page.close()
    assert clicks > 20
    # `ping` would be a POST.
    allowed = {b"GET /top HTTP/1.1", b"GET /parent HTTP/1.1", b"GET /ping HTTP/1.1", b""}
    assert {request.partition(b"\r\n")[0] for request in canary.requests} <= allowed


@pytest.mark.slow
def test_hostile_mails_and_files_run_nothing_in_tabs_of_their_own(hostile_inbox, open_tab, canary):
    server, ids = hostile_inbox
    tab = open_tab(server)
    tab.expect("Blocked|Content Security Policy|Failed to load resource")  # what the browser reports is what it stopped
    paths = [f"/view/{mail_id}" for mail_id in ids.values()]
    with server.connect(follow_redirects=True) as http:
        for name in FILES:
            message = http.get(f"/api/v1/message/{ids[name]}").json()
            parts = [part["PartID"] for part in message["Attachments"] + message["Inline"]]
            paths += [f"/api/v1/message/{ids[name]}/part/{part}" for part in parts]
        answers = {path: http.get(path) for path in paths}
    found = {}
    for path, answer in answers.items():
        is_text = answer.headers["content-type"].startswith("text/plain")
        assert answer.status_code == 200 and (is_text or "sandbox" in answer.headers["content-security-policy"]), path
        if not answer.headers.get("content-disposition", "").startswith("attachment"):  # else the browser saves it
            tab.page.goto(server.url + path)
            if problems := tab.take_unexpected():
                found[path] = problems

    assert found == {} and len(answers) > 90
    assert canary.connections == 0 and len(tab.context.pages) == 1


def test_texts_of_hostile_mail_are_shown_as_they_are(serve_inbox, open_tab):
    server = serve_inbox()
    subject = "<img src=x onerror=alert(1)>{{7*7}}</title>"
    mail_id = server.add_mail(Subject=subject, From='"<b>Ann</b>" <ann@example.com>', X_Tags="<i>tag</i>")
    tab, app = open_inbox(open_tab, server)

    expect(app.main.get_by_text(subject).first).to_be_visible()
    app.follow(f"/mail/{mail_id}/headers")
    expect(tab.page.locator("message-view").get_by_text("<b>Ann</b>").first).to_be_visible()
    assert tab.page.evaluate(FIND_INTRUDERS) == []

"""Take the pictures of the web inbox for the documentation (`make screenshots`), light and dark.

docs/pictures/*.png are pages.  docs/pictures/live-*.webp is a recording: mails arrive, and a rule refuses one.

    python -m tests.ui.render_pictures [NAME ...]
"""

import io
import smtplib
import sys
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import expect

from lazr.smtptest.grading import grade_command
from lazr.smtptest.grading.reports import render_html
from tests.authentication.signing import RSA_KEY_NAME, make_rsa_key, sign, write_rsa_record
from tests.ui.browser import Browser, Tab
from tests.ui.inbox_server import InboxServer
from tests.ui.pages import AppPage

PROJECT = Path(__file__).parents[2]
FOLDER = PROJECT / "docs" / "pictures"
VIEWPORT = {"width": 1280, "height": 800}
MAX_COLORS = 128
RECORDING = "live"
REPORT = "grade-report"
RECORDING_VIEWPORT = {"width": 1280, "height": 720}
POINTER = ((0, 0), (0, 17), (4, 13), (7, 20), (10, 19), (7, 12), (12, 12))
POINTER_SCALE = 1.4

# Pictures by name: the path, with the IDs of two mails, and the keys to press there.
PICTURES = {
    "inbox": ("/mail/{order}", ()),
    "list": ("/", ()),
    "source": ("/mail/{order}/source", ()),
    "wire": ("/mail/{order}/wire", ()),
    "envelope": ("/mail/{order}/envelope", ()),
    "checks": ("/mail/{order}/checks", ()),
    "authentication": ("/mail/{order}/checks", ()),
    "attachments": ("/mail/{order}/attachments", ()),
    "headers": ("/mail/{order}/headers", ()),
    "diff": ("/diff/{welcome}/{other_welcome}", ()),
    "sessions": ("/sessions", ()),
    "session": ("/sessions/{refused}", ()),
    "rules": ("/rules", ()),
    "settings": ("/settings", ()),
    "about": ("/about", ()),
    "mailboxes": ("/mailboxes", ()),
    "palette": ("/", ("Control+k",)),
    "keyboard": ("/", ("?",)),
}

# The part of a page that a picture is about, if it is not at the top.
REGIONS = {"authentication": "Sender"}
DNS = {
    RSA_KEY_NAME: write_rsa_record(make_rsa_key()),
    "example.com": "v=spf1 ip4:192.0.2.0/24 ~all",
    "_dmarc.example.com": "v=DMARC1; p=reject",
}

HTML = """<html><body style="font-family: sans-serif"><h1 style="color: #2456c4">{title}</h1>
<p>Your code is <b>{code}</b>.</p>
<p><a href="https://shop.example/confirm?token=k7w2">Confirm your address</a></p>
<p style="color: #666">Shop, 1 Main Street</p></body></html>"""


def build_mail(subject, to, *, html="", text="Hello,\n\nthank you.\n", tags="", bcc=(), attachments=()):
    """Return a message, and its recipients."""
    message = EmailMessage()
    message["From"] = "Shop <shop@example.com>"
    message["To"] = ", ".join(to)
    message["Subject"] = subject
    message["Date"] = "Sun, 29 Nov 2026 11:00:00 +0000"
    message["Message-ID"] = f"<{len(subject)}.{to[0]}>"
    if tags:
        message["X-Tags"] = tags
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    for name, kind, content in attachments:
        message.add_attachment(content, maintype=kind[0], subtype=kind[1], filename=name)
    return message, [*to, *bcc]


def draw_chart():
    """Return a small picture in PNG."""
    picture = Image.new("RGB", (240, 160), "#2456c4")
    picture.paste("#8db2ff", (40, 60, 90, 160))
    picture.paste("#fff", (120, 30, 170, 160))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def send(server, message, recipients, *, is_signed=False):
    """Send a message, with a DKIM signature or without, and return the ID of its mail."""
    with smtplib.SMTP(*server.mail_server.address) as client:
        if is_signed:
            client.sendmail("shop@example.com", recipients, sign(message.as_bytes(policy=SMTP)))
        else:
            client.send_message(message, to_addrs=recipients)
    return server.store.get_latest().id


def fill_server(server):
    """Send the mails of the pictures, and return what paths need."""
    server.mail_server.on("RCPT", to="*@full.example").reply(452, "4.2.2", "Mailbox full").optional()
    for number in range(1, 9):
        send(
            server,
            *build_mail(f"Daily report {number}", ["team@example.com"], text=f"Report {number}.\n", tags="report"),
        )
    html = HTML.format(title="Welcome, Ann", code="482 913")
    ids = {"welcome": send(server, *build_mail("Welcome to the shop", ["ann@example.com"], html=html, tags="signup"))}
    html = HTML.format(title="Welcome, Erin", code="107 554")
    ids["other_welcome"] = send(
        server, *build_mail("Welcome to the shop", ["erin@example.net"], html=html, tags="signup, staging")
    )
    send(server, *build_mail("Reset your password", ["dora@example.org"], tags="account"))
    with smtplib.SMTP(*server.mail_server.address) as client:
        client.ehlo()
        client.mail("shop@example.com")
        client.rcpt("carl@full.example")
    refused = server.mail_server.sessions[-1].number
    ids["order"] = send(
        server,
        *build_mail(
            "Your order 10023 is on its way",
            ["bob@example.com", "carl@example.com"],
            html=HTML.format(title="Your order is on its way", code="771 204"),
            tags="orders",
            bcc=["audit@example.com"],
            attachments=[
                ("invoice.pdf", ("application", "pdf"), b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"),
                ("chart.png", ("image", "png"), draw_chart()),
                ("photo.jpg", ("image", "jpeg"), draw_chart()),
            ],
        ),
        is_signed=True,
    )
    return {**ids, "refused": refused}


def save(picture, path):
    """Write a picture with few colors: it is a third as large."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(MAX_COLORS, dither=Image.Dither.NONE).save(
        path, optimize=True
    )


class Recording:
    """An animation of a page: pictures, each with the time that it is shown."""

    def __init__(self, page):
        self.page = page
        self.frames, self.milliseconds = [], []

    def show(self, seconds, *, pointer=None):
        """Show the page as it is now, with a pointer on an element."""
        frame = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        if pointer is not None:
            box = pointer.bounding_box()
            center = box["x"] + min(box["width"] / 2, 120), box["y"] + box["height"] / 2
            corners = [(center[0] + x * POINTER_SCALE, center[1] + y * POINTER_SCALE) for x, y in POINTER]
            ImageDraw.Draw(frame).polygon(corners, fill="black", outline="white", width=2)
        self.frames.append(frame)
        self.milliseconds.append(round(seconds * 1000))

    def click(self, element, seconds=0.8):
        """Show the pointer on an element, and click it."""
        self.show(seconds, pointer=element)
        element.click()

    def save(self, path):
        """Write an animated WebP, without loss."""
        self.frames[0].save(
            path, save_all=True, append_images=self.frames[1:], duration=self.milliseconds, loop=0,
            lossless=True, quality=80, method=4, minimize_size=True,
        )  # fmt: skip


class InboxRecorder:
    """The scenes of the recording of the web inbox.

    Args:
        server: the server, without a mail.
        tab: the tab in which the inbox is opened.
    """

    def __init__(self, server, tab):
        self.server, self.tab = server, tab
        self.app = AppPage(tab, server).open()
        self.page = self.app.page
        self.recording = Recording(self.page)

    def wait_for(self, element):
        """Wait until an element is visible and the page is complete."""
        expect(element).to_be_visible()
        self.tab.settle()

    def receive(self, subject, to, html="", **options):
        """Send a mail, and return its row in the list."""
        send(self.server, *build_mail(subject, [to], html=html, **options))
        row = self.page.locator("message-list .mails").get_by_role("row").filter(has_text=to)
        self.wait_for(row)
        return row

    def show_arrivals(self):
        """Show three mails that arrive, and return the row of the first."""
        self.wait_for(self.page.locator(".dot.live"))
        self.recording.show(1.5)
        html = HTML.format(title="Welcome, Ann", code="482 913")
        row = self.receive("Welcome to the shop", "ann@example.com", html)
        self.recording.show(1.2)
        self.receive("Reset your password", "dora@example.org", tags="account")
        self.recording.show(0.8)
        self.receive("Your order 10023 is on its way", "bob@example.com", tags="orders")
        self.recording.show(1.2)
        return row

    def show_mail(self, row):
        """Show the mail of a row, and its SMTP dialogue."""
        self.recording.click(row)
        self.wait_for(self.app.mail_frame.get_by_role("heading", name="Welcome, Ann"))
        self.recording.show(2.5)
        self.recording.click(self.page.get_by_role("tab", name="Wire"))
        self.wait_for(self.app.main.get_by_text("This mail", exact=True))
        self.recording.show(3)

    def show_rule(self):
        """Show a rule, which then refuses a recipient."""
        self.recording.click(self.page.get_by_role("navigation", name="Pages").get_by_role("link", name="Rules"))
        make_fail = self.app.main.get_by_role("button", name="Make the next RCPT fail")
        self.wait_for(make_fail)
        self.recording.show(0.8)
        self.recording.click(make_fail)
        self.wait_for(self.app.main.get_by_role("switch"))
        self.recording.show(1.8)
        try:
            send(self.server, *build_mail("Your invoice", ["carl@example.com"]))
        except smtplib.SMTPRecipientsRefused:
            expect(self.app.main.locator(".calls-count strong").first).to_have_text("1")
        else:
            raise AssertionError("the rule has not acted")
        self.page.locator(".toasts").get_by_role("button").last.click()

    def show_refusal(self):
        """Show the session with the refused recipient."""
        self.recording.click(self.page.get_by_role("navigation", name="Pages").get_by_role("link", name="Sessions"))
        refused = self.app.main.get_by_role("row").filter(has_text="451 4.3.0 Try again later")
        self.wait_for(refused)
        self.recording.show(1)
        self.recording.click(refused.get_by_role("link").first)
        self.wait_for(self.page.locator("ol.transcript li.refused"))
        self.recording.show(4)


def record_inbox(browser, theme):
    """Record how mails arrive in the web inbox, and how a rule refuses one."""
    server = InboxServer(label="Shop")
    try:
        tab = Tab(browser, server, viewport=RECORDING_VIEWPORT, color_scheme=theme)
        recorder = InboxRecorder(server, tab)
        recorder.show_mail(recorder.show_arrivals())
        recorder.show_rule()
        recorder.show_refusal()
        tab.close()
        return recorder.recording
    finally:
        server.close()


def grade_example_client():
    """Return the HTML report of the client in docs/how-to/grade.md."""
    client = PROJECT / "tests" / "examples" / "send_mail.py"
    return render_html(grade_command([sys.executable, str(client)], client="send_mail.py"))


def take_report(browser, server, theme, report):
    """Return a picture of the report of `smtptest grade`: the wrong results, one of them open."""
    tab = Tab(browser, server, viewport=VIEWPORT, color_scheme=theme)
    tab.page.set_content(report)
    tab.page.get_by_role("button", name="Wrong").click()
    tab.page.locator("#rcpt-one-of-three-550 summary").click()
    tab.page.locator("#rcpt-one-of-three-550 summary").blur()
    picture = tab.page.screenshot()
    tab.close()
    return picture


def main(names):
    """Take the pictures of these names, or all."""
    names = names or [*PICTURES, RECORDING, REPORT]
    report = grade_example_client() if REPORT in names else ""
    browser, server = Browser(), InboxServer(label="Shop", server_settings={"dns": DNS})
    try:
        values = fill_server(server)
        with browser.active():
            for theme in ("light", "dark"):
                tab = Tab(browser, server, viewport=VIEWPORT, color_scheme=theme)
                app = AppPage(tab, server)
                for name in names:
                    if name == RECORDING:
                        record_inbox(browser, theme).save(FOLDER / f"{name}-{theme}.webp")
                        continue
                    if name == REPORT:
                        save(take_report(browser, server, theme, report), FOLDER / f"{name}-{theme}.png")
                        continue
                    path, keys = PICTURES[name]
                    app.open(path.format(**values))
                    expect(app.page.locator(".dot.live")).to_be_visible()
                    for key in keys:
                        app.page.keyboard.press(key)
                    tab.settle()
                    if name in REGIONS:
                        region = app.page.get_by_role("region", name=REGIONS[name])
                        expect(region.get_by_role("listitem").first).to_be_visible()
                        region.evaluate("region => region.scrollIntoView({block: 'end'})")
                    save(app.page.screenshot(), FOLDER / f"{name}-{theme}.png")
                print(f"{theme}: {len(names)} pictures in {FOLDER}")
                tab.close()
    finally:
        browser.close()
        server.close()


if __name__ == "__main__":
    main(sys.argv[1:])

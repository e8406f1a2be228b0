"""Playwright: from the sign-up to the link in the mail, in a browser."""

import smtplib
from email.message import EmailMessage
from socketserver import ThreadingMixIn
from threading import Thread
from wsgiref.simple_server import WSGIServer, make_server

import pytest
from flask import Flask, request, url_for
from playwright.sync_api import expect

FORM = "<form method=post action=/signup><label>Email <input name=email></label><button>Sign up</button></form>"


def create_app(smtp_address):  # the code under test
    app = Flask("shop")

    @app.get("/")
    def start():
        return FORM

    @app.post("/signup")
    def signup():
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "shop@example.com", request.form["email"], "Welcome"
        link = url_for("confirm", user="ann", _external=True)
        message.set_content(f"<h1>Welcome</h1><a href='{link}'>Confirm</a>", subtype="html")
        with smtplib.SMTP(*smtp_address) as client:
            client.send_message(message)
        return "Look into your inbox"

    @app.get("/confirm/<user>")
    def confirm(user):
        return f"<h1>Hello {user}</h1>"

    return app


class ThreadingServer(ThreadingMixIn, WSGIServer):
    """A server for a browser, which opens several connections."""


@pytest.fixture
def shop(smtptest):
    with make_server("127.0.0.1", 0, create_app(smtptest.address), ThreadingServer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def mail(shop, smtptest, page):  # `page` is a fixture of pytest-playwright
    page.goto(shop)
    page.get_by_label("Email").fill("ann@example.com")
    page.get_by_role("button", name="Sign up").click()
    return smtptest.inbox.one(to="ann@example.com", subject="Welcome", timeout=30)


def test_link_in_the_mail_confirms_the_address(page, mail):
    mail.open(page)
    expect(page.get_by_role("heading")).to_have_text("Welcome")
    page.get_by_role("link", name="Confirm").click()

    expect(page.get_by_role("heading")).to_have_text("Hello ann")


def test_mail_on_a_phone(page, mail, tmp_path):
    picture = mail.screenshot(page, tmp_path / "welcome.png", width=375)

    assert picture.startswith(b"\x89PNG")  # or compare it with an earlier picture
    assert (tmp_path / "welcome.png").read_bytes() == picture

"""Flask-Mail, with a real server."""

import smtplib

import pytest
from flask import Flask, request
from flask_mail import Mail, Message

mail = Mail()


def create_app(**config):  # the code under test
    app = Flask("shop")
    app.config.update(MAIL_DEFAULT_SENDER="shop@example.com", **config)
    mail.init_app(app)

    @app.post("/signup")
    def signup():
        message = Message("Welcome", recipients=[request.form["email"]], body="Hi")
        message.attach("terms.txt", "text/plain", "Be nice.")
        try:
            mail.send(message)
        except smtplib.SMTPException:
            return "Please try again later", 503
        return "Look into your inbox"

    return app


def create_client(smtptest, **config):
    app = create_app(
        TESTING=True,
        MAIL_SUPPRESS_SEND=False,  # Flask-Mail suppresses mail while TESTING
        MAIL_SERVER=smtptest.host,
        MAIL_PORT=smtptest.port,
        **config,
    )
    return app.test_client()


def test_signup(smtptest):
    client = create_client(smtptest)
    assert client.post("/signup", data={"email": "ann@example.com"}).status_code == 200

    [terms] = smtptest.inbox.one(to="ann@example.com", subject="Welcome").attachments
    assert (terms.filename, terms.content) == ("terms.txt", b"Be nice.")


def test_full_mailbox(smtptest):
    smtptest.on("RCPT", to="ann@example.com").reply(452, "4.2.2", "Mailbox full")
    client = create_client(smtptest)

    assert client.post("/signup", data={"email": "ann@example.com"}).status_code == 503


@pytest.mark.smtptest(tls="starttls", auth={"shop": "secret"})
def test_login(smtptest):
    client = create_client(smtptest, MAIL_USE_TLS=True, MAIL_USERNAME="shop", MAIL_PASSWORD="secret")
    client.post("/signup", data={"email": "ann@example.com"})

    mail = smtptest.inbox.one(to="ann@example.com")
    assert mail.username == "shop"
    assert "credentials" not in mail.session.sent_in_clear

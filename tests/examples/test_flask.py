"""Flask-Mail, against a real server."""

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
        mail.send(message)
        return "Look into your inbox"

    return app


@pytest.fixture
def client(smtptest):
    app = create_app(
        TESTING=True,
        MAIL_SUPPRESS_SEND=False,  # else Flask-Mail sends nothing while TESTING
        MAIL_SERVER=smtptest.host,
        MAIL_PORT=smtptest.port,
    )
    return app.test_client()


def test_signup(client, smtptest):
    assert client.post("/signup", data={"email": "ann@example.com"}).status_code == 200

    [terms] = smtptest.inbox.one(to="ann@example.com", subject="Welcome").attachments
    assert (terms.filename, terms.content) == ("terms.txt", b"Be nice.")

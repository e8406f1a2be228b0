"""Expectations that are not met, one of each kind; the docstring says what happened.  `page.py` shows them."""

import smtplib
import ssl
from contextlib import suppress

from lazr.smtptest import MailServer, Match, Reply


def send(server, *to, text="Subject: Welcome\r\nTo: ann@example.com\r\n\r\nHi Ann,\r\nplease confirm.\r\nThe App\r\n"):
    """What the application does."""
    with smtplib.SMTP(*server.address, local_hostname="app") as client:
        client.sendmail("app@example.com", to or ("ann@example.com",), text)


def nobody_connected():
    """Nothing was sent: no client connected at all."""
    with MailServer() as server:
        server.inbox.one(to="ann@example.com", timeout=0.1)


def another_mail_came():
    """Mail came, but not this one: every criterion that a mail fails is named, with what it has instead."""
    with MailServer() as server:
        send(server, "bob@example.com", text="Subject: Your invoice\r\n\r\nHi Bob\r\n")
        server.inbox.one(to="ann@example.com", subject="Welcome", timeout=0.1)


def only_the_case_differs():
    """The address differs only in case, which counts before the @ (RFC 5321 2.4)."""
    with MailServer() as server:
        send(server, "ann@example.com")
        server.inbox.one(to="Ann@example.com", timeout=0.1)


def only_a_header_names_the_recipient():
    """A header names the recipient, and the envelope does not: a mailing that forgot somebody."""
    with MailServer() as server:
        send(server, "bob@example.com")
        server.inbox.one(to="ann@example.com", timeout=0.1)


def the_text_differs():
    """The text is not what it should be: the difference is shown."""
    with MailServer() as server:
        send(server)
        server.inbox.one(text="Hi Ann,\nplease confirm your address.\nThe App\n", timeout=0.1)


def white_space_at_the_end():
    """The text is right but for its end: a message ends with a line end."""
    with MailServer() as server:
        send(server, text="Subject: Hi\r\n\r\nHi Ann")
        server.inbox.one(text="Hi Ann", timeout=0.1)


def too_many():
    """There are two, and one was expected."""
    with MailServer() as server:
        send(server)
        send(server)
        server.inbox.one(subject="Welcome")


def too_few():
    """Fewer came than were waited for."""
    with MailServer() as server:
        send(server)
        server.inbox.wait(3, timeout=0.1)


def one_that_should_not_be():
    """A mail came that should not have."""
    with MailServer() as server:
        send(server, "ann@example.com", "audit@example.com")
        server.inbox.none(Match(to="audit@*") & ~Match(subject="Audit"))


def before_the_mark():
    """The mail came before the mark after which it was expected."""
    with MailServer() as server:
        send(server)
        mark = server.inbox.mark()
        server.inbox.one(subject="Welcome", since=mark, timeout=0.1)


def the_server_refused():
    """The server refused a recipient, and the application did not say so."""

    def decide(event, reply):
        return Reply(550, "5.1.1", "No such user") if event.verb == "RCPT" else reply

    with MailServer(decide=decide) as server:
        with suppress(smtplib.SMTPRecipientsRefused):
            send(server)
        server.inbox.one(to="ann@example.com", timeout=0.1)


def the_client_did_not_trust_the_server():
    """The client does not trust the server's certificate."""
    with MailServer(tls="implicit") as server:
        with suppress(ssl.SSLError):
            smtplib.SMTP_SSL(*server.address, context=ssl.create_default_context())
        server.inbox.one(to="ann@example.com", timeout=0.1)


def the_wrong_server():
    """The mail went to another server of the test."""
    with MailServer() as server, MailServer() as backup:
        send(backup)
        server.inbox.one(to="ann@example.com", timeout=0.1)


def a_server_that_does_not_run():
    """The server was never started."""
    MailServer().inbox.one(timeout=0.1)


def a_handler_raised():
    """A handler of the test's own raised: the client was answered 451, and the test gets the exception itself."""

    def decide(event, reply):
        if event.verb == "RCPT":
            raise KeyError(event.path.mailbox)
        return reply

    with MailServer(decide=decide) as server:
        with suppress(smtplib.SMTPRecipientsRefused):
            send(server)
        server.inbox.one(to="ann@example.com", timeout=0.1)


def a_rule_never_acted():
    """A rule was to make something fail, and nothing came near it: the test would have tested nothing."""
    with MailServer() as server:
        server.on("RCPT", to="*@ful.example").reply(452, "4.2.2", "Mailbox full")
        server.on("END_OF_DATA", size=">1_000_000").drop()
        server.on("VRYF").reply(550)
        server.on("NOOP").drop().optional()
        send(server, "bob@full.example")


EXAMPLES = [
    nobody_connected,
    another_mail_came,
    only_the_case_differs,
    only_a_header_names_the_recipient,
    the_text_differs,
    white_space_at_the_end,
    too_many,
    too_few,
    one_that_should_not_be,
    before_the_mark,
    the_server_refused,
    the_client_did_not_trust_the_server,
    the_wrong_server,
    a_server_that_does_not_run,
    a_handler_raised,
    a_rule_never_acted,
]

"""Failing expectations, one of each kind, for `docs/reference/failures.md`.

`render_page.py` shows each function with the message of its failure; the name is the title, the docstring the text.
"""

import smtplib
import ssl
from contextlib import suppress

from lazr.smtptest import MailServer, Match, Reply


def send(server, *to, text="Subject: Welcome\r\nTo: ann@example.com\r\n\r\nHi Ann,\r\nplease confirm.\r\nThe App\r\n"):
    """Send a mail, as the application does."""
    with smtplib.SMTP(*server.address, local_hostname="app") as client:
        client.sendmail("app@example.com", to or ("ann@example.com",), text)


def no_client_connected():
    """The application did not connect to the server."""
    with MailServer() as server:
        server.inbox.one(to="ann@example.com", timeout=0.1)


def another_mail_arrived():
    """Another mail arrived. Each unmet criterion is listed with the value of the mail."""
    with MailServer() as server:
        send(server, "bob@example.com", text="Subject: Your invoice\r\n\r\nHi Bob\r\n")
        server.inbox.one(to="ann@example.com", subject="Welcome", timeout=0.1)


def only_the_case_differs():
    """The local part of the address differs in case, which is significant (RFC 5321 2.4)."""
    with MailServer() as server:
        send(server, "ann@example.com")
        server.inbox.one(to="Ann@example.com", timeout=0.1)


def only_a_header_names_the_recipient():
    """A header field names the recipient, but the application sent no RCPT command for it."""
    with MailServer() as server:
        send(server, "bob@example.com")
        server.inbox.one(to="ann@example.com", timeout=0.1)


def a_domain_instead_of_an_address():
    """Criteria compare whole addresses. The report offers the pattern."""
    with MailServer() as server:
        send(server, "bob@example.com")
        server.inbox.one(to="@example.com", timeout=0.1)


def strings_that_look_equal():
    """The strings look equal. The report names the difference: here a no-break space in the mail."""
    with MailServer() as server:
        send(server, text="Subject: =?utf-8?q?Only_10=C2=A0EUR?=\r\n\r\nHi Ann\r\n")
        server.inbox.one(subject="Only 10 EUR", timeout=0.1)


def the_application_damaged_the_text():
    """The application encoded the text twice. The report names it."""
    with MailServer() as server:
        send(server, text="Subject: =?utf-8?q?Gr=C3=83=C2=BC=C3=83=C5=B8e?=\r\n\r\nHi Ann\r\n")
        server.inbox.one(subject="Grüße", timeout=0.1)


def the_text_differs():
    """The text is not equal. The report shows the difference."""
    with MailServer() as server:
        send(server)
        server.inbox.one(text="Hi Ann,\nplease confirm your address.\nThe App\n", timeout=0.1)


def white_space_at_the_end():
    """Only the end of the text differs: the text of a message ends with a line end."""
    with MailServer() as server:
        send(server, text="Subject: Hi\r\n\r\nHi Ann")
        server.inbox.one(text="Hi Ann", timeout=0.1)


def too_many_mails():
    """Two mails match, and one was expected."""
    with MailServer() as server:
        send(server)
        send(server)
        server.inbox.one(subject="Welcome")


def too_few_mails():
    """Fewer mails arrived than expected."""
    with MailServer() as server:
        send(server)
        server.inbox.wait(3, timeout=0.1)


def an_unwanted_mail():
    """A mail arrived that the application must not send."""
    with MailServer() as server:
        send(server, "ann@example.com", "audit@example.com")
        server.inbox.none(Match(to="audit@*") & ~Match(subject="Audit"))


def before_the_mark():
    """The mail arrived before the mark that `since` names."""
    with MailServer() as server:
        send(server)
        mark = server.inbox.mark()
        server.inbox.one(subject="Welcome", since=mark, timeout=0.1)


def the_server_refused():
    """The server refused a recipient, and the application ignored the refusal."""

    def decide(event, reply):
        return Reply(550, "5.1.1", "No such user") if event.verb == "RCPT" else reply

    with MailServer(decide=decide) as server:
        with suppress(smtplib.SMTPRecipientsRefused):
            send(server)
        server.inbox.one(to="ann@example.com", timeout=0.1)


def an_untrusted_certificate():
    """The client did not trust the certificate of the server."""
    with MailServer(tls="implicit") as server:
        with suppress(ssl.SSLError):
            smtplib.SMTP_SSL(*server.address, context=ssl.create_default_context())
        server.inbox.one(to="ann@example.com", timeout=0.1)


def the_wrong_server():
    """The mail arrived at another server of the test."""
    with MailServer() as server, MailServer() as backup:
        send(backup)
        server.inbox.one(to="ann@example.com", timeout=0.1)


def a_server_that_is_not_running():
    """The server was never started. All waits fail at once, also `none`, which would test nothing."""
    MailServer().inbox.one()


def a_server_that_has_stopped():
    """The server has stopped. The wait ends at once, because no mail can arrive any more."""
    with MailServer() as server:
        send(server, "bob@example.com")
    server.inbox.one(to="ann@example.com")


def an_exception_in_a_handler():
    """A handler raised. The client got a 451 reply, and the test gets the exception."""

    def decide(event, reply):
        if event.verb == "RCPT":
            raise KeyError(event.path.mailbox)
        return reply

    with MailServer(decide=decide) as server:
        with suppress(smtplib.SMTPRecipientsRefused):
            send(server)
        server.inbox.one(to="ann@example.com", timeout=0.1)


def a_rule_never_acted():
    """A rule never acted, so the test did not test the failure that the rule causes."""
    with MailServer() as server:
        server.on("RCPT", to="*@ful.example").reply(452, "4.2.2", "Mailbox full")
        server.on("END_OF_DATA", size=">1_000_000").drop()
        server.on("VRYF").reply(550)
        server.on("NOOP").drop().optional()
        send(server, "bob@full.example")


EXAMPLES = [
    no_client_connected,
    another_mail_arrived,
    only_the_case_differs,
    only_a_header_names_the_recipient,
    a_domain_instead_of_an_address,
    strings_that_look_equal,
    the_application_damaged_the_text,
    the_text_differs,
    white_space_at_the_end,
    too_many_mails,
    too_few_mails,
    an_unwanted_mail,
    before_the_mark,
    the_server_refused,
    an_untrusted_certificate,
    the_wrong_server,
    a_server_that_is_not_running,
    a_server_that_has_stopped,
    an_exception_in_a_handler,
    a_rule_never_acted,
]

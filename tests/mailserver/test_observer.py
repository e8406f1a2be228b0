"""ServerObserver: callbacks about mails, refusals and ended sessions."""

import smtplib

import pytest

from lazr.smtptest import MailServer, Reply, ServerObserver
from lazr.smtptest.store import MemoryStore

FULL = Reply(452, "4.3.1", "Full")


class Log(ServerObserver):
    """Keeps a list of all calls; `refusal` is the answer to `on_mail_received`."""

    def __init__(self, refusal=None):
        self.calls = []
        self.refusal = refusal

    def on_mail_received(self, mail):
        self.calls.append(("received", mail.subject))
        return self.refusal

    def on_mail_accepted(self, mail):
        self.calls.append(("accepted", mail.subject))

    def on_command_refused(self, command, reply):
        self.calls.append(("refused", command, reply.code))

    def on_session_ended(self, session):
        self.calls.append(("ended", session.ended))


def send(server, subject="Hi"):
    with smtplib.SMTP(*server.address) as client:
        client.sendmail("ann@example.com", ["bob@example.com"], f"Subject: {subject}\r\n\r\nHello")


@pytest.mark.parametrize("settings", [{}, {"keep_mails": False}, {"loop": "uvloop"}], ids=repr)
def test_an_observer_sees_mails_refusals_and_ends_in_order(settings):
    log = Log()
    with MailServer(observer=log, **settings) as server:
        send(server)
        with smtplib.SMTP(*server.address) as client:
            client.docmd("MIAL")
        server.settle()

    assert log.calls == [
        ("received", "Hi"),
        ("accepted", "Hi"),
        ("ended", "QUIT"),
        ("refused", "MIAL", 500),
        ("ended", "QUIT"),
    ]


def test_a_mail_is_in_the_store_and_the_inbox_when_it_is_accepted():
    store, found = MemoryStore(), []

    class Look(ServerObserver):
        def on_mail_received(self, mail):
            found.append((store.get_totals().mails, len(server.inbox)))

        def on_mail_accepted(self, mail):
            found.append((store.get_totals().mails, len(server.inbox)))

    with MailServer(observer=Look(), store=store) as server:
        send(server)

    assert found == [(0, 0), (1, 1)]


def test_an_observer_can_refuse_a_mail_that_is_then_kept_nowhere():
    log, store = Log(refusal=FULL), MemoryStore()
    with MailServer(observer=log, store=store) as server:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            send(server)
        server.settle()

        assert (refused.value.smtp_code, refused.value.smtp_error) == (452, b"4.3.1 Full")
        assert not server.inbox and store.get_totals().mails == 0
        assert any("452 4.3.1 Full" in line for line in server.explain())
    assert [call[0] for call in log.calls] == ["received", "refused", "ended"]


def test_an_observer_sees_what_rules_decide():
    log = Log()
    with MailServer(observer=log) as server:
        server.on("MAIL").reply(451, "4.3.0", "Later").times(1)
        with pytest.raises(smtplib.SMTPSenderRefused):
            send(server)
        server.on("END_OF_DATA").reply(250, "2.0.0", "Ok")
        send(server)
        server.settle()

    assert [call for call in log.calls if call[0] != "ended"] == [
        ("refused", "MAIL FROM:<ann@example.com>", 451),
        ("received", "Hi"),
        ("accepted", "Hi"),
    ]


@pytest.mark.parametrize("method", ["on_mail_received", "on_mail_accepted", "on_command_refused", "on_session_ended"])
def test_an_exception_in_a_callback_is_raised_at_the_end(method):
    def fail(self, *arguments):
        raise KeyError("mine")

    observer = type("Failing", (ServerObserver,), {method: fail})()
    with pytest.raises(KeyError, match="mine"), MailServer(observer=observer) as server:
        with smtplib.SMTP(*server.address) as client:
            if method == "on_command_refused":
                assert client.docmd("MIAL")[0] == 500
            client.ehlo()
            client.mail("ann@example.com")
            client.rcpt("bob@example.com")
            code, _ = client.data(b"Hello")
            assert code == (451 if method == "on_mail_received" else 250)
        server.settle()
        assert len(server.inbox) == (method != "on_mail_received")


@pytest.mark.parametrize("answer", [True, Reply(250, "2.0.0", "Ok"), "452 no"], ids=repr)
def test_a_wrong_answer_of_an_observer_is_an_error(answer):
    expected = "on_mail_received must return None or a negative Reply, got"
    with (
        pytest.raises(TypeError, match=expected),
        MailServer(observer=Log(refusal=answer)) as server,
        pytest.raises(smtplib.SMTPDataError, match="451"),
    ):
        send(server)


def test_a_client_that_is_turned_away_is_no_session(connect):
    from lazr.smtptest import Limits

    log = Log()
    with MailServer(observer=log, limits=Limits(connections=1)) as server:
        first = connect(server)
        assert connect(server).greeting.startswith(b"421")
        first.send_command(b"QUIT")
        first.close()
        server.settle()

    assert log.calls == [("ended", "QUIT")]

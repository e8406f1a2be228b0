"""Calls that send something back about a mail of the inbox."""

import asyncio
import smtplib

import pytest

from lazr.smtptest import MailServer, NotificationFailed, StartError
from lazr.smtptest.mail import Envelope, Mail
from lazr.smtptest.store import MemoryStore

SENDER = "app@shop.example"
TEXT = b"From: app@shop.example\r\nTo: ann@x.example\r\nMessage-ID: <7@shop.example>\r\nSubject: Order\r\n\r\nHello\r\n"

CALLS = {
    "bounce": lambda server, mail: server.bounce(mail, "5.2.2", "Full", style="postfix"),
    "delayed": lambda server, mail: server.notify_delay(mail),
    "complaint": lambda server, mail: server.complain(mail, feedback_type="virus"),
    "out_of_office": lambda server, mail: server.send_out_of_office(mail),
    "challenge": lambda server, mail: server.send_challenge(mail),
    "auto_reply": lambda server, mail: server.send_auto_reply(mail, "Ticket 5"),
}


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("is_running", [False, True])
def test_call_delivers_before_it_returns(kind, is_running):
    server = MailServer()
    if is_running:
        server.start()
    mail = server.deliver(TEXT)
    record = CALLS[kind](server, mail)

    assert (record.kind, record.outcome, record.about) == (kind, "delivered", ("ann@x.example",))
    assert server.inbox[-1].recipients == (SENDER,) and server.inbox[-1].content == record.content
    assert record.to_dict()["target"] == "inbox" and list(server.notifications) == [record]
    server.stop()


def test_notice_of_delivery_needs_the_wish_of_the_client(server):
    with smtplib.SMTP(*server.address) as client:
        for options in ([], ["NOTIFY=SUCCESS"]):
            client.sendmail(SENDER, ["ann@x.example"], TEXT, rcpt_options=options)

    outcomes = [server.notify_delivery(mail).outcome for mail in server.inbox[:2]]
    assert outcomes == ["not sent", "delivered"]


def test_bounce_about_one_recipient(server):
    mail = server.deliver(TEXT, to=["ann@x.example", "bob@x.example"])

    assert server.bounce(mail, recipient="bob@x.example").about == ("bob@x.example",)
    with pytest.raises(ValueError, match=r"got 'eve@x.example'; they are: ann@x.example, bob@x.example"):
        server.bounce(mail, recipient="eve@x.example")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda server, mail: server.bounce("mail"), TypeError, "expected a Mail"),
        (lambda server, mail: server.bounce(mail, "nonsense"), ValueError, 'must be as "5.1.1"'),
        (lambda server, mail: server.bounce(mail, style="sendmail"), ValueError, "unknown style"),
        (lambda server, mail: server.send_auto_reply(mail, ""), ValueError, "must have a text"),
        (lambda server, mail: server.bounce(mail, after=1), StartError, "after=1 needs a running server"),
        (lambda server, mail: server.bounce(Mail("1", EMPTY, [TEXT])), ValueError, "they are: none"),
        (lambda server, mail: server.complaint(mail), AttributeError, "server.complain"),
        (lambda server, mail: server.notifications[0].error, AttributeError, "record.reason"),
    ],
)
def test_wrong_calls_say_what_to_do(call, error, message):
    server = MailServer()
    server.bounce(server.deliver(TEXT))
    with pytest.raises(error, match=message):
        call(server, server.inbox[0])


EMPTY = Envelope(SENDER, (), mail_parameters={}, rcpt_parameters=())


def test_call_with_a_time_returns_before_the_delivery(server):
    record = server.bounce(server.deliver(TEXT), after=0.05)

    assert record.outcome == "scheduled"
    assert server.inbox.one(to=SENDER).sender == "" and server.notifications.wait()[0] is record
    assert record.outcome == "delivered" and record.is_done


def test_call_raises_when_the_application_refuses():
    with MailServer() as application, MailServer(bounces_to=application.address) as server:
        application.on("MAIL", sender="").reply(451, "4.3.0", "Later")
        mail = server.deliver(TEXT)
        with pytest.raises(NotificationFailed, match=r"failed: 451 4.3.0 Later"):
            server.bounce(mail)
        assert server.notifications[0].outcome == "failed"


def test_bounce_is_in_the_store():
    with MemoryStore() as store:
        server = MailServer(store=store, keep_mails=False)
        server.bounce(server.deliver(TEXT))

        assert store.get_totals().mails == 2


def test_calls_in_the_loop_of_the_server_do_not_block_it():
    async def run():
        async with MailServer() as application, MailServer(bounces_to=application.address) as server:
            mail = server.deliver(TEXT)
            record = server.bounce(mail)
            assert record.outcome == "scheduled"
            await server.async_settle()
            assert record.outcome == "delivered"
            assert (await application.inbox.async_one(to=SENDER)).sender == ""
        async with MailServer() as server:
            assert server.bounce(server.deliver(TEXT)).outcome == "delivered"

    asyncio.run(run())


def test_rules_work_in_the_loop_of_a_coroutine():
    async def run():
        async with MailServer() as server:
            server.on("END_OF_DATA").then_bounce(after=0.01)
            await asyncio.to_thread(send, server)
            assert (await server.inbox.async_one(to=SENDER)).sender == ""

    def send(server):
        with smtplib.SMTP(*server.address) as client:
            client.sendmail(SENDER, ["ann@x.example"], TEXT)

    asyncio.run(run())


def test_failed_wait_for_notifications_lists_them(server):
    server.bounce(server.deliver(TEXT), after=60)

    with pytest.raises(AssertionError, match=r"expected 1 notifications within 0 s, got 0:\n  bounce 5.1.1 about ann"):
        server.notifications.wait(timeout=0)

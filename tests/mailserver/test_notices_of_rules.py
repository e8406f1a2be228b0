"""What comes back after a mail that a rule has accepted: when, about whom, and when not."""

import imaplib
import smtplib
import time

import pytest

from lazr.smtptest import MailServer, NotificationFailed, Reply, Rule, ServerObserver, presets
from lazr.smtptest.errors import StoreFull
from lazr.smtptest.mailserver import bounce_service, notification_log
from lazr.smtptest.store import MemoryStore, create_store

SENDER = "app@shop.example"
TEXT = "From: app@shop.example\r\nTo: away@x.example, gone@x.example\r\nSubject: Order 7\r\n\r\nHello\r\n"


def send(server, *recipients, sender=SENDER, text=TEXT, mail_options=(), rcpt_options=()):
    with smtplib.SMTP(*server.address, local_hostname="app") as client:
        return client.sendmail(sender, recipients or ("gone@x.example",), text, mail_options, rcpt_options)


def read_status_fields(mail):
    """Return the fields about the recipients of a delivery notification."""
    (part,) = [part for part in mail.message.walk() if part.get_content_type() == "message/delivery-status"]
    return [dict(block) for block in part.get_payload()[1:]]


def test_bounce_after_a_time_as_in_the_documentation(server):
    rule = server.on("END_OF_DATA", to="gone@*").accept().then_bounce("5.1.1", after=0.05)
    began = time.monotonic()
    send(server)

    bounce = server.inbox.one(to=SENDER)

    assert time.monotonic() - began >= 0.05
    assert (bounce.sender, bounce.recipients) == ("", (SENDER,))
    (fields,) = read_status_fields(bounce)
    assert (fields["Action"], fields["Status"]) == ("failed", "5.1.1")
    assert rule.calls[0].action == "accept().then_bounce('5.1.1', after=0.05)"


def test_bounce_is_about_the_matching_recipients_only(server):
    server.on("END_OF_DATA", to="gone@*").accept().then_bounce()
    send(server, "ann@x.example", "gone@x.example", "bob@x.example", "gone@y.example")
    server.settle()

    (record,) = server.notifications
    assert record.about == ("gone@x.example", "gone@y.example")
    fields = read_status_fields(server.inbox.one(to=SENDER))
    assert [one["Final-Recipient"].split(";")[1].strip() for one in fields] == list(record.about)


@pytest.mark.parametrize(
    ("selectors", "about"),
    [
        ({}, ("ann@x.example", "gone@x.example")),
        ({"subject": "Order 7"}, ("ann@x.example", "gone@x.example")),
        ({"to": ["ann@*", "gone@*"]}, ("ann@x.example", "gone@x.example")),
        ({"to": "GONE@X.example"}, ()),
    ],
    ids=repr,
)
def test_recipients_of_a_notice_follow_the_selectors(server, selectors, about):
    server.on("END_OF_DATA", **selectors).then_bounce().optional()
    send(server, "ann@x.example", "gone@x.example", "ann@x.example")
    server.settle()

    assert [record.about for record in server.notifications] == ([about] if about else [])


def test_several_rules_send_back_after_one_mail(server):
    first = server.on("END_OF_DATA", to="gone@*").accept().then_bounce()
    second = server.on("END_OF_DATA", to="away@*").accept().then_out_of_office("Until Monday")
    overruled = server.on("END_OF_DATA").reply(451).optional()
    send(server, "gone@x.example", "away@x.example")
    server.settle()

    assert (first.count, second.count, overruled.count) == (1, 1, 0)
    assert [(record.kind, record.about) for record in server.notifications] == [
        ("bounce", ("gone@x.example",)),
        ("out_of_office", ("away@x.example",)),
    ]
    assert "Until Monday" in server.inbox.one(to=SENDER, from_="away@*").text
    notes = [line.text for line in server.sessions[0].transcript if line.text.startswith("rule:")]
    assert len(notes) == 2


def test_rule_that_changes_the_reply_is_the_only_one(server):
    server.on("END_OF_DATA").delay(0.01).then_delayed()
    later = server.on("END_OF_DATA").then_bounce().optional()
    send(server)
    server.settle()

    assert [record.kind for record in server.notifications] == ["delayed"] and later.count == 0


def test_notices_of_one_rule_come_in_the_order_of_their_times(server):
    server.on("END_OF_DATA").then_bounce("4.4.7", after=0.06).then_delayed(after=0.02)
    send(server)

    assert len(server.notifications.wait(2)) == 2
    assert [read_status_fields(mail)[0]["Status"] for mail in server.inbox.sent_to(SENDER)] == ["4.4.1", "4.4.7"]


def test_lost_mail_is_not_in_the_inbox_and_bounces(server):
    server.on("END_OF_DATA", to="gone@*").accept_but_lose().then_bounce()
    send(server)
    server.settle()

    (bounce,) = server.inbox
    assert bounce.recipients == (SENDER,) and server.notifications[0].mail_id == ""


def test_bounce_of_a_store_is_read_by_imap():
    with MailServer(imap=True) as server:
        server.on("END_OF_DATA", to="gone@*").accept().then_bounce()
        send(server)
        server.settle()
        with imaplib.IMAP4(*server.imap.address) as client:
            client.login(SENDER, "any password")
            client.select()
            _, found = client.search(None, "ALL")
            _, data = client.fetch(found[0], "(BODY.PEEK[])")

    assert found == [b"1"] and b"Final-Recipient: rfc822; gone@x.example" in data[0][1]


def test_durable_store_has_the_mail_and_the_bounce(tmp_path):
    with create_store(f"sqlite:///{tmp_path}/mails.sqlite") as store:
        with MailServer(store=store) as server:
            server.on("END_OF_DATA", to="gone@*").accept().then_bounce()
            send(server)
            server.settle()
            ids = [mail.id for mail in server.inbox]
            assert server.notifications[0].mail_id == ids[0]
        assert store.get_totals().mails == 2 == len(set(ids))


@pytest.mark.parametrize(
    ("sender", "options", "reason"),
    [
        ("", (), "the reverse-path is null (RFC 5321 4.5.5)"),
        (SENDER, ("NOTIFY=NEVER",), "no recipient has asked for it: NOTIFY is without FAILURE (RFC 3461 4.1)"),
        (SENDER, ("NOTIFY=SUCCESS",), "no recipient has asked for it: NOTIFY is without FAILURE (RFC 3461 4.1)"),
    ],
)
def test_nothing_comes_back_where_the_rfcs_forbid_it(server, sender, options, reason):
    server.on("END_OF_DATA").then_bounce()
    send(server, sender=sender, rcpt_options=options)
    server.settle()

    (record,) = server.notifications
    assert (record.outcome, record.reason) == ("not sent", reason) and len(server.inbox) == 1


def test_envelope_id_and_original_recipient_are_in_the_bounce(server):
    server.on("END_OF_DATA").then_bounce()
    send(server, mail_options=["ENVID=QQ7", "RET=HDRS"], rcpt_options=["ORCPT=rfc822;old@x.example"])
    bounce = server.inbox.one(to=SENDER)

    assert b"Original-Envelope-Id: QQ7" in bounce.content
    assert read_status_fields(bounce)[0]["Original-Recipient"].endswith("old@x.example")


def test_automatic_reply_is_not_sent_to_an_automatic_mail(server):
    server.on("END_OF_DATA").then_auto_reply("Thank you")
    send(server, text=f"Auto-Submitted: auto-generated\r\n{TEXT}")
    server.settle()

    assert server.notifications[0].reason == "Auto-Submitted is not no (RFC 3834 2)"


def test_failed_wait_tells_why_nothing_came_back(server):
    server.on("END_OF_DATA").then_bounce()
    send(server, rcpt_options=["NOTIFY=NEVER"])
    server.settle()

    with pytest.raises(AssertionError, match="not sent: no recipient has asked for it"):
        server.inbox.one(to=SENDER, timeout=0)


class FullStore(MemoryStore):
    def add(self, arrivals):
        raise StoreFull("full")


class Refuse(ServerObserver):
    def on_mail_received(self, mail):
        return Reply(550, "5.7.1", "No")


@pytest.mark.parametrize(
    "settings",
    [
        {"decide": lambda event, reply: Reply(550) if event.verb == "END_OF_DATA" else reply},
        {"observer": Refuse()},
        {"store": FullStore()},
    ],
    ids=["decide", "observer", "store"],
)
def test_nothing_comes_back_after_a_mail_that_is_refused_later(settings):
    with MailServer(**settings) as server:
        server.on("END_OF_DATA").then_bounce()
        with pytest.raises(smtplib.SMTPDataError):
            send(server)
        server.settle()

        assert len(server.notifications) == 0 == len(server.inbox)


def test_accept_keeps_the_reply_of_the_server():
    with MailServer(decide=lambda event, reply: Reply(550, "5.1.1", "No") if event.verb == "RCPT" else reply) as server:
        server.on("RCPT", to="ann@*").accept()
        server.on("RCPT", to="*@y.example").reply(450).optional()

        assert send(server, "ann@x.example", "ann@y.example", "bob@x.example") == {
            "bob@x.example": (550, b"5.1.1 No"),
        }


def test_lmtp_bounces_for_one_recipient(connect):
    with MailServer(protocol="lmtp") as server:
        server.on("END_OF_DATA", to="gone@*").then_bounce()
        server.on("END_OF_DATA", to="lost@*").accept_but_lose().then_bounce("5.2.2")
        client = connect(server)
        for line in (b"LHLO me", b"MAIL FROM:<app@shop.example>", b"RCPT TO:<ann@x>", b"RCPT TO:<gone@x>"):
            client.send_command(line)
        client.send_command(b"RCPT TO:<lost@x>")
        client.send_command(b"DATA")
        client.send(TEXT.encode() + b".\r\n")
        assert [client.read_reply()[:3] for _ in range(3)] == [b"250"] * 3
        client.send_command(b"QUIT")
        client.close()
        server.settle()

        assert {(record.about, record.status) for record in server.notifications} == {
            (("gone@x",), "5.1.1"),
            (("lost@x",), "5.2.2"),
        }
        assert server.inbox.one(to="ann@x").recipients == ("ann@x", "gone@x")


@pytest.mark.parametrize("with_store", [False, True])
@pytest.mark.parametrize("delay", [0, 0.1])
def test_bounce_arrives_after_the_250_to_its_mail(connect, delay, with_store):
    with MailServer(store=MemoryStore() if with_store else None) as server:
        server.on("END_OF_DATA").delay(delay).then_bounce()
        client = connect(server)
        for line in (b"EHLO me", b"MAIL FROM:<app@shop.example>", b"RCPT TO:<gone@x.example>", b"DATA"):
            client.send_command(line)
        client.send(TEXT.encode() + b".\r\n")
        server.inbox.one(to=SENDER)
        client.socket.settimeout(0)  # what the client has now (promise P2)

        assert client.read_reply()[:3] == b"250"


@pytest.mark.parametrize(
    "act",
    [
        lambda rule: rule.call(lambda event: None),
        lambda rule: rule.reply(250, "2.0.0", "Fine"),
        lambda rule: rule.truncate(0).close_after(),
        lambda rule: rule.duplicate(),
        lambda rule: rule.raw(b"250 Ok\r\n"),
    ],
    ids=["call", "reply", "truncate", "duplicate", "raw"],
)
def test_one_bounce_with_each_action_that_accepts(server, act):
    act(server.on("END_OF_DATA")).then_bounce()
    try:
        send(server)
    except smtplib.SMTPServerDisconnected:
        pass
    server.settle()

    assert [record.outcome for record in server.notifications] == ["delivered"]


def test_coroutine_that_refuses_lets_nothing_come_back(server):
    async def refuse(event):
        return Reply(451)

    server.on("END_OF_DATA").call(refuse).then_bounce()
    with pytest.raises(smtplib.SMTPDataError):
        send(server)
    server.settle()

    assert len(server.notifications) == 0


@pytest.mark.parametrize("end", ["drop", "reset", "stall"])
def test_notice_cannot_be_combined_with_an_end_of_the_connection(server, end):
    rule = server.on("END_OF_DATA").then_bounce()
    with pytest.raises(ValueError, match="cannot be combined with then_bounce"):
        getattr(rule, end)()
    rule.remove()
    server.rules.excuse_unused()


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda rule: rule.then_bounce("550"), 'must be as "5.1.1"'),
        (lambda rule: rule.then_bounce("2.0.0"), "must begin with 5. or 4."),
        (lambda rule: rule.then_delayed("5.1.1"), "must begin with 4."),
        (lambda rule: rule.then_bounce(511), "must be a string"),
        (lambda rule: rule.then_bounce(after=-1), "after= of then_bounce"),
        (lambda rule: rule.then_bounce(after="1"), "after= of then_bounce"),
        (lambda rule: rule.then_bounce(style="postfixx"), "did you mean 'postfix'"),
        (lambda rule: rule.then_bounce(text="x" * 10_001), "at most 10,000 characters"),
        (lambda rule: rule.then_complaint(feedback_type="abus"), "did you mean 'abuse'"),
        (lambda rule: rule.then_auto_reply(" "), "must have a text"),
        (lambda rule: rule.reply(550).then_bounce(), r"cannot be combined with reply\(550\)"),
        (lambda rule: rule.then_bounce().reply(451), r"cannot be combined with reply\(451\)"),
        (lambda rule: rule.then_bounce().then_bounce(), "there twice"),
    ],
)
def test_wrong_notices_are_refused_when_written(write, message):
    with pytest.raises((ValueError, TypeError), match=message):
        write(Rule("END_OF_DATA"))


def test_stop_cancels_what_is_not_due():
    with MailServer() as server:
        server.on("END_OF_DATA").then_bounce(after=3600)
        send(server)
        server.settle()
        began = time.monotonic()
    (record,) = server.notifications

    assert (record.outcome, record.reason) == ("canceled", "the server was stopped")
    assert time.monotonic() - began < 2 and len(server.inbox) == 1


def test_forget_cancels_what_is_not_due(server):
    server.on("END_OF_DATA").then_bounce(after=0.05)
    send(server)
    (record,) = server.notifications
    server.forget()

    assert record.outcome == "canceled" and len(server.notifications) == 0
    server.on("END_OF_DATA").then_bounce(after=0.06)
    send(server, "later@x.example")
    assert server.notifications.wait()[0].about == ("later@x.example",)
    assert len(server.inbox.sent_to(SENDER)) == 1


def test_notifications_that_wait_are_limited(monkeypatch):
    monkeypatch.setattr(bounce_service, "MAX_WAITING_NOTIFICATIONS", 2)
    server = MailServer()
    server.start()
    server.on("END_OF_DATA").then_bounce(after=3600)
    for _ in range(3):
        send(server)

    with pytest.raises(NotificationFailed, match="2 others wait, and no more may"):
        server.stop()
    assert [record.outcome for record in server.notifications] == ["canceled", "canceled", "failed"]


def test_size_of_the_mails_that_wait_is_limited(monkeypatch):
    monkeypatch.setattr(bounce_service, "MAX_WAITING_BYTES", 2 * len(TEXT))
    server = MailServer()
    server.start()
    server.on("END_OF_DATA").then_bounce(after=3600)
    for _ in range(3):
        send(server)

    with pytest.raises(NotificationFailed, match="others wait whose mails have 174 bytes, and no more may"):
        server.stop()


def test_oldest_contents_of_the_record_are_dropped(server, monkeypatch):
    monkeypatch.setattr(notification_log, "MAX_CONTENT_BYTES", 3_000)
    mail = server.deliver(TEXT)
    for _ in range(5):
        server.bounce(mail)

    kept = [record.content for record in server.notifications if record.content is not None]
    assert len(server.notifications) == 5 and kept and sum(map(len, kept)) <= 3_000
    assert server.notifications[-1].content is not None


def test_rules_do_not_see_notifications_in_the_own_inbox(server):
    rule = server.on("END_OF_DATA").then_bounce()
    send(server)
    server.settle()

    assert rule.count == 1 and len(server.inbox) == 2


def test_bounces_go_on_after_a_restart():
    server = MailServer()
    rule = server.on("END_OF_DATA").then_bounce()
    for _ in range(2):
        server.start()
        send(server)
        server.settle()
        server.stop()

    assert [record.outcome for record in server.notifications] == ["delivered", "delivered"] and rule.count == 2


def test_client_that_leaves_during_the_delay_gets_a_bounce(server, connect):
    server.on("END_OF_DATA").delay(60).then_bounce()
    client = connect(server)
    for line in (b"EHLO me", b"MAIL FROM:<app@shop.example>", b"RCPT TO:<gone@x>", b"DATA"):
        client.send_command(line)
    client.send(TEXT.encode() + b".\r\n")
    client.close()

    assert server.inbox.one(to=SENDER).sender == ""


def test_presets_and_notices_go_together(server):
    server.rules.add(presets.greylist(to="gone@*"))
    server.on("END_OF_DATA", to="gone@*").then_bounce()
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(server)
    send(server)
    server.settle()

    assert len(server.notifications) == 1


def test_bytes_that_come_back_about_one_mail_are_limited(monkeypatch):
    monkeypatch.setattr(bounce_service, "MAX_SENT_BYTES", 5_000)
    server = MailServer()
    server.start()
    server.on("END_OF_DATA").then_complaint()
    send(server, *[f"u{number}@x.example" for number in range(100)])
    server.settle()

    with pytest.raises(
        NotificationFailed,
        match=r"about u0@x.example, .*, u4@x.example and 95 more to .*failed: more than 5,000 bytes would come back",
    ):
        server.stop()
    sent = [mail.size for mail in server.inbox if not mail.sender]
    assert len(sent) >= 2 and sum(sent) <= 5_000


def test_one_large_bounce_comes_back(monkeypatch, server):
    monkeypatch.setattr(bounce_service, "MAX_SENT_BYTES", 100)
    server.on("END_OF_DATA").then_bounce()
    send(server)

    assert server.notifications.wait()[0].outcome == "delivered"

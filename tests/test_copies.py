"""Copies of the public values, by `copy` and by `pickle`."""

import copy
import pickle
import re
import smtplib

import pytest

import lazr.smtptest
from lazr.smtptest import (
    EXTENSIONS,
    Address,
    Attachment,
    Auth,
    Credentials,
    Dsn,
    Envelope,
    Field,
    Headers,
    Inbox,
    Lenient,
    Limits,
    Listen,
    Mail,
    MailServer,
    Match,
    MissingExtra,
    NotificationFailed,
    Reply,
    Rule,
    RuleNeverActed,
    Rules,
    SmtptestError,
    StartError,
    StopTimeout,
    Tls,
    TlsFacts,
    TranscriptLine,
    WaitTimeout,
    presets,
)
from lazr.smtptest.bounces import build_bounce
from lazr.smtptest.grading import BEHAVIORS
from lazr.smtptest.protocol.smtp.reply import PENDING
from lazr.smtptest.rules.linear_pattern import LinearPattern

COPIERS = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {n}": lambda value, n=n: pickle.loads(pickle.dumps(value, n)) for n in range(2, 6)},
}

# Names of `__all__` that are not values: functions, types, and classes that users extend.
NOT_VALUES = {"Event", "MailServer", "MailServerMixin", "Moment", "ServerObserver", "__version__", "with_server"}


def is_long(value):
    return len(value) > 5


@pytest.fixture(scope="module")
def server():
    """Return a stopped server that got a mail, refused one, and has a rule that acted."""
    with MailServer(auth={"ann": "secret"}, transcript="full") as server, smtplib.SMTP(*server.address) as client:
        server.on("RCPT", to="full@example.com").reply(452)
        client.login("ann", "secret")
        client.sendmail("app@example.com", "ann@example.com", "Subject: Hi\r\n\r\nhttp://localhost/a?t=1")
        client.mail("app@example.com", ["SIZE=10"])
        client.rcpt("full@example.com")
    return server


VALUES = {
    "Address": lambda _: Address("Ann", "ann@example.com"),
    "Attachment": lambda _: Attachment("a.csv", "text/csv", b"1;2", filenames=("a.csv",)),
    "Auth": lambda _: Auth({"ann": "secret"}, mechanisms=["PLAIN"]),
    "Auth any": lambda _: Auth("any"),
    "Auth function": lambda _: Auth(is_long),
    "Call": lambda server: server.rules[0].calls[0],
    "Command": lambda server: server.sessions[0].commands,
    "Credentials": lambda _: Credentials("PLAIN", "ann", password="secret"),
    "Defect": lambda _: Mail.from_bytes(b"Subject: =?utf-9?q?x?=\r\n\r\nHi").defects[0],
    "Dsn": lambda _: Dsn(frozenset({"NEVER"}), ("rfc822", "ann@example.com")),
    "Envelope": lambda server: server.inbox[0].envelope,
    "Envelope without session": lambda _: Envelope("", (), mail_parameters={}, rcpt_parameters=()),
    "EXTENSIONS": lambda _: EXTENSIONS,
    "Extension": lambda _: EXTENSIONS[0],
    "Field": lambda server: server.inbox[0].headers[0],
    "Finding": lambda server: server.sessions[0].findings,
    "Headers": lambda _: Headers([Field("Subject", b" Hi")]),
    "Headers of a mail": lambda server: server.inbox[0].headers,
    "Lenient": lambda _: Lenient(),
    "Limits": lambda _: Limits(recipients=2),
    "Link": lambda server: server.inbox[0].links[0],
    "Listen": lambda _: Listen("::1", tls="implicit"),
    "LinearPattern": lambda _: LinearPattern("a+", "i"),
    "Mail": lambda server: server.inbox[0],
    "Mail without session": lambda _: Mail.from_bytes(b"Subject: Hi\n\nHello"),
    "Match": lambda _: Match(to="*@example.com", subject=re.compile("x"), attachment="*.pdf", code="12-34"),
    "Match lists": lambda _: Match(to=["a@example.com", "*@b.example"], header={"X-Tag": ["a", re.compile("b")]}),
    "Match nothing": lambda _: Match(),
    "Match function": lambda _: Match(text=is_long, where=is_long),
    "Match combination": lambda _: Match(to="a@b.example") & ~Match(subject="b") | Match(text="c"),
    "Reply": lambda _: Reply(250, "2.0.0", "Ok"),
    "Reply changed": lambda _: Reply(250).replace(wire=b"ab", closes=True),
    "PENDING": lambda _: PENDING,
    "Review": lambda server: server.inbox[0].check(),
    "ReviewFinding": lambda server: server.inbox[0].check()[0],
    "Rule": lambda _: Rule("RCPT", to=["a@b.example", re.compile("x")]).delay(1).reply(451).times(2).then().drop(),
    "Rule function": lambda _: Rule("RCPT", to=is_long).call(is_long).optional(when_it_never_comes=True),
    "Rule condition": lambda _: Rule("RCPT", to=~Match(to="*@example.com")).reply(450),
    "Rule dice": lambda _: Rule("RCPT", probability=0.5, seed=3).reply(450).optional(),
    "Rule group": lambda _: Rules().add(presets.maintenance()),
    "preset": lambda _: presets.greylist(attempts=2),
    "presets": lambda _: presets.tarpit(0.1),
    "Authentication": lambda server: server.inbox[0].authenticate({"example.com TXT": "v=spf1 -all"}),
    "Behavior": lambda _: BEHAVIORS[0],
    "Notification": lambda server: build_bounce(server.inbox[0], "5.1.1"),
    "provider": lambda _: presets.provider("gmail").over_quota(),
    "Tls": lambda _: Tls("implicit", certificate="expired", names=["a.example"]),
    "TlsFacts": lambda _: TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", channel_bindings={"tls-unique": b"x"}),
    "TranscriptLine": lambda _: TranscriptLine(1.5, "C", "NOOP"),
}
PARTS = (
    "Inbox",
    "NotificationOutcome",
    "NotificationRecord",
    "Notifications",
    "RuleContext",
    "Rules",
    "SessionRecord",
    "Sessions",
    "Transcript",
)
ERRORS = (MissingExtra, NotificationFailed, RuleNeverActed, SmtptestError, StartError, StopTimeout, WaitTimeout)


def test_every_public_value_type_is_in_a_table():
    tested = {name.partition(" ")[0] for name in VALUES} | set(PARTS) | {kind.__name__ for kind in ERRORS}

    assert set(lazr.smtptest.__all__) - tested == NOT_VALUES


@pytest.mark.parametrize("make_copy", COPIERS.values(), ids=COPIERS)
@pytest.mark.parametrize("name", VALUES)
def test_copy_of_a_value_is_equal(server, name, make_copy):
    value = VALUES[name](server)

    copied = make_copy(value)

    assert copied == value
    assert type(copied) is type(value)
    assert hash(copied) == hash(value)
    assert repr(copied) == repr(value)


@pytest.mark.parametrize("make_copy", COPIERS.values(), ids=COPIERS)
def test_copy_of_an_event_is_equal(make_copy):
    events = []
    server = MailServer(decide=lambda event, reply: events.append(event) or reply, auth="any")
    with server, smtplib.SMTP(*server.address) as client:
        client.login("ann", "secret")
        client.sendmail("app@example.com", "ann@example.com", "Subject: Hi\r\n\r\nHello")
        for line in ("NOOP", "HELP", "VRFY a", "EXPN a", "RSET", "foo", "MAIL x", "HELO me"):
            client.docmd(line)

    assert len(events) >= 14
    assert [make_copy(event) for event in events] == events
    assert [repr(make_copy(event)) for event in events] == [*map(repr, events)]
    assert "mappingproxy" not in repr(events)


@pytest.mark.parametrize("make_copy", COPIERS.values(), ids=COPIERS)
@pytest.mark.parametrize("kind", ERRORS)
def test_copy_of_an_error_has_its_text(kind, make_copy):
    assert repr(make_copy(kind("no mail"))) == repr(kind("no mail"))


@pytest.mark.parametrize("make_copy", COPIERS.values(), ids=COPIERS)
class TestPartsOfServer:
    def test_copy_of_an_inbox_has_its_mails_and_positions(self, make_copy):
        with MailServer(keep_mails=2) as server, smtplib.SMTP(*server.address) as client:
            for name in ("one", "two", "three"):
                mark = server.inbox.mark()
                client.sendmail("app@example.com", f"{name}@example.com", f"Subject: {name}\r\n\r\nHi")
            copied = make_copy(server.inbox)
            client.sendmail("app@example.com", "four@example.com", "Subject: four\r\n\r\nHi")

        assert [mail.subject for mail in copied] == ["two", "three"]
        assert [mail.subject for mail in copied.matching(since=mark)] == ["three"]
        assert copied.one(to="three@example.com").session.commands[0].verb == "EHLO"
        assert copied.dropped == 1

    def test_wait_of_a_copied_inbox_does_not_wait(self, make_copy):
        with MailServer() as server:
            copied = make_copy(server.inbox)

            with pytest.raises(WaitTimeout, match=r"(?s)no mail to ann@example.com.*this inbox is a copy"):
                copied.one(to="ann@example.com", timeout=None)
            assert [*copied.arrivals()] == []

    def test_copy_of_an_inbox_is_no_other_server_in_failures(self, server, make_copy):
        copied = make_copy(server.inbox)

        with pytest.raises(WaitTimeout) as caught:
            Inbox().one(to="ann@example.com", timeout=0)

        assert len(copied) == 1
        assert "but arrived at" not in str(caught.value)

    def test_copy_of_rules_has_equal_rules_of_no_server(self, make_copy):
        server = MailServer(seed=7)
        server.on("NOOP").drop()
        server.rules.add(presets.tarpit(0.1))

        copied = make_copy(server.rules)

        assert [*copied] == [*server.rules]
        assert copied.seed == 7
        assert MailServer().rules.add(*map(copy.copy, copied))

    def test_copy_of_sessions_has_their_facts(self, server, make_copy):
        copied = make_copy(server.sessions)

        assert copied.counts == server.sessions.counts
        assert repr(copied[0]) == repr(server.sessions[0])
        assert copied[0].transcript == server.sessions[0].transcript
        assert str(copied[0].transcript) == str(server.sessions[0].transcript)
        assert copied[0].commands == server.sessions[0].commands
        assert copied.to_svg() == server.sessions.to_svg()

    def test_copy_of_notifications_has_their_records(self, make_copy):
        server = MailServer()
        server.bounce(server.deliver(b"Subject: Hi\r\n\r\nHello\r\n", sender="app@example.com", to="ann@example.com"))

        copied = make_copy(server.notifications)

        assert repr(copied) == repr(server.notifications)
        assert copied.wait(1, timeout=5)[0].to_dict() == server.notifications[0].to_dict()
        with pytest.raises(WaitTimeout):
            copied.wait(2)
        assert make_copy(server.notifications[0]).content == server.notifications[0].content

    def test_copy_of_a_context_has_its_values(self, make_copy):
        contexts = []
        with MailServer() as server, smtplib.SMTP(*server.address) as client:
            server.on("RCPT", where=lambda context: contexts.append(context) or True).reply(450)
            client.ehlo()
            client.mail("app@example.com")
            client.rcpt("ann@example.com")

        copied = make_copy(contexts[0])

        assert repr(copied) == repr(contexts[0])
        assert (copied.sender, copied.recipients) == ("app@example.com", ("ann@example.com",))

    @pytest.mark.parametrize(
        ("get", "text"),
        [
            (lambda server: server, "a MailServer cannot be copied or pickled: it has sockets and a thread"),
            (lambda server: server.inbox.arrivals(), "an iterator of arrivals cannot be copied or pickled"),
        ],
    )
    def test_copy_of_a_running_part_is_refused(self, server, make_copy, get, text):
        with pytest.raises(TypeError, match=text):
            make_copy(get(server))


def test_deep_copy_of_an_open_session_does_not_change():
    with MailServer() as server, smtplib.SMTP(*server.address) as client:
        client.noop()
        copied = copy.deepcopy(server.sessions[0])
        before = len(copied.transcript)
        client.noop()

        assert len(copied.transcript) == before
        assert len(server.sessions[0].transcript) == before + 2


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Match(to="a@b.example"), Match(to="c@b.example")),
        (Match(to="a@b.example"), ~Match(to="a@b.example")),
        (Match(to="a@b.example") & Match(text="a"), Match(to="a@b.example") | Match(text="a")),
        (Attachment("a", "text/csv", b"1"), Attachment("a", "text/csv", b"2")),
        (Auth({"ann": "a"}), Auth({"ann": "b"})),
        (Tls(), Tls(required=True)),
        (Headers([Field("A", b"1")]), Headers([Field("A", b"2")])),
        (TranscriptLine(1, "C", "NOOP"), TranscriptLine(1, "S", "NOOP")),
        (EXTENSIONS[0], EXTENSIONS[1]),
        (Mail.from_bytes(b"A: 1\n\n"), Mail.from_bytes(b"A: 2\n\n")),
        (Match(), "x"),
        (Mail.from_bytes(b""), "x"),
    ],
)
def test_different_values_are_not_equal(first, second):
    assert first != second
    assert not first == second  # noqa: SIM201 - the other operator

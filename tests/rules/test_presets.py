"""Each preset over a real socket: what a client observes, and that nothing else changes."""

import smtplib
import socket
import ssl
import time

import pytest

from lazr.smtptest import Limits, MailServer, Rule, RuleNeverActed, presets
from lazr.smtptest.presets import PROVIDERS, provider
from lazr.smtptest.protocol.smtp.session_record import SessionRecord
from lazr.smtptest.rules.counters import RateLimit
from lazr.smtptest.rules.rule import get_engine
from lazr.smtptest.rules.rule_context import RuleContext
from tests.helpers.smtp_client import RawSmtpClient

CONTENT = "Subject: Hi\r\n\r\nHi\r\n"
BIG = CONTENT + "x" * 70 + "\r\n"


def send(server, *to, sender="app@example.com", text=CONTENT, timeout=10):
    """Send a mail; return the code, the name of the exception, or the refused recipients."""
    try:
        with smtplib.SMTP(*server.address, timeout=timeout, local_hostname="app") as client:
            refused = client.sendmail(sender, to or ("bob@example.com",), text)
    except smtplib.SMTPResponseException as error:
        return error.smtp_code, error.smtp_error.decode("ascii")
    except smtplib.SMTPRecipientsRefused as error:
        code, text = error.recipients[(to or ("bob@example.com",))[0]]
        return code, text.decode("ascii")
    except smtplib.SMTPServerDisconnected as error:
        return type(error).__name__
    return sorted(refused)


GREY = (451, "4.7.1 Greylisted, try again later")
SLOW_DOWN = (450, "4.7.1 Too much mail from this host")

# A preset, and mails with their outcomes: the recipients and the result of `send`.
CASES = [
    (presets.greylist, [((), GREY), ((), []), (("new@example.com",), GREY), ((), [])]),
    (lambda: presets.greylist(attempts=2), [((), GREY), ((), GREY), ((), [])]),
    (lambda: presets.greylist(seconds=600), [((), GREY), ((), GREY), ((), GREY)]),
    (lambda: presets.greylist(to="*@grey.example"), [((), []), (("a@grey.example",), GREY)]),
    (lambda: presets.rate_limit(2, per=600), [((), []), ((), []), ((), SLOW_DOWN), ((), SLOW_DOWN)]),
    (presets.quota_full, [((), (452, "4.2.2 Mailbox full"))]),
    (lambda: presets.quota_full(permanent=True), [((), (552, "5.2.2 Mailbox full"))]),
    (lambda: presets.quota_full(to="ann@*"), [(("bob@example.com", "ann@example.com"), ["ann@example.com"])]),
    (lambda: presets.unknown_user(to="no*"), [((), []), (("nobody@example.com",), (550, "5.1.1 User unknown"))]),
    (presets.spam_rejected, [((), (554, "5.7.1 Spam message rejected"))]),
    (presets.maintenance, [((), (421, "4.3.2 Down for maintenance, try again later"))]),
    (lambda: presets.maintenance().once(), [((), (421, "4.3.2 Down for maintenance, try again later")), ((), [])]),
    (lambda: presets.max_recipients(1), [((), []), (("a@example.com", "b@example.com"), ["b@example.com"])]),
    (lambda: presets.blackhole(session=1), [((), "SMTPServerDisconnected"), ((), [])]),
    (lambda: presets.flaky(1.0), [((), (451, "4.3.0 Local error, try again"))]),
    (lambda: presets.flaky(1.0, when="MAIL"), [((), (451, "4.3.0 Local error, try again"))]),
]


@pytest.mark.parametrize(("preset", "mails"), CASES, ids=[str(number) for number in range(len(CASES))])
def test_preset_replies_to_mails(preset, mails):
    with MailServer() as server:
        server.rules.add(preset())
        for to, outcome in mails:
            assert send(server, *to, timeout=0.2 if outcome == "SMTPServerDisconnected" else 10) == outcome


def test_connection_limit_refuses_until_one_closes(connect):
    with MailServer() as server:
        server.rules.add(presets.connection_limit(2))
        first, _second = connect(server), connect(server)

        assert connect(server).greeting == b"421 4.7.0 Too many connections from this host\r\n"
        assert first.send_command(b"QUIT").startswith(b"221")
        assert connect(server).greeting.startswith(b"220")


def test_tarpit_delays_every_reply(connect):
    with MailServer() as server:
        server.rules.add(presets.tarpit(0.02))
        began = time.monotonic()
        client = connect(server)
        assert client.send_command(b"EHLO client.example").startswith(b"250")
        assert client.send_mail().startswith(b"250")
        assert client.send_command(b"QUIT").startswith(b"221")

        assert time.monotonic() - began >= 7 * 0.02
        assert len(server.inbox) == 1


def test_slow_link_limits_speed():
    with MailServer(greeting="ESMTP " + "x" * 180) as server:
        server.rules.add(presets.slow_link(2_000))
        began = time.monotonic()
        with RawSmtpClient(server.address) as client:
            assert len(client.greeting) > 180

        assert time.monotonic() - began >= 0.05


def test_old_server_makes_clients_use_helo():
    with MailServer() as server:
        server.rules.add(presets.old_server())
        assert send(server) == []

        assert server.inbox.one().session.helo == "app"
        assert [line.text for line in server.sessions[0].transcript if line.who == "C"][:2] == ["ehlo app", "helo app"]


def test_flaky_with_seed_fails_the_same_mails_each_time():
    def outcomes(seed):
        with MailServer() as server:
            server.rules.add(presets.flaky(0.5, seed=seed))
            return [send(server) == [] for _ in range(12)]

    first = outcomes(7)
    assert outcomes(7) == first and len(set(first)) == 2
    assert any(outcomes(seed) != first for seed in (8, 9))


def test_drops_idle_closes_silent_connections(connect):
    with MailServer() as server:
        server.rules.add(presets.drops_idle(0.05))
        client = connect(server)
        assert client.read_to_end() == b""
        client.close()
        assert server.settle()[0].ended == "rule"


def test_strip_starttls_hides_and_refuses_it(connect):
    with MailServer(tls="starttls") as server:
        server.rules.add(presets.strip_starttls())
        client = connect(server)

        assert b"STARTTLS" not in client.send_command(b"EHLO client.example")
        assert client.send_command(b"STARTTLS") == b"502 5.5.1 Command not implemented\r\n"
        assert client.send_mail().startswith(b"250")
        with smtplib.SMTP(*server.address) as careful, pytest.raises(smtplib.SMTPNotSupportedError):
            careful.starttls()


def test_lying_size_refuses_after_the_data():
    with MailServer() as server:
        server.rules.add(presets.lying_size(real=60, announced=1_000_000))
        with smtplib.SMTP(*server.address) as client:
            client.ehlo()
            assert client.esmtp_features["size"] == "1000000"
        assert send(server) == []

        assert send(server, text=BIG) == (552, "5.3.4 Message too big for this system")


def test_max_recipients_hides_limits_extension(connect):
    with MailServer() as server:
        server.rules.add(presets.max_recipients(1)[0].optional(), presets.max_recipients(1)[1:])

        assert b"LIMITS" not in connect(server).send_command(b"EHLO client.example")


@pytest.mark.parametrize(
    "preset",
    [presets.old_server, presets.strip_starttls, lambda: presets.lying_size(1), lambda: presets.max_recipients(1)],
)
def test_presets_act_with_lmtp(preset, connect):
    with MailServer(protocol="lmtp", tls="starttls") as server:
        server.rules.add(preset())
        client = connect(server)
        greeted = client.send_command(b"LHLO client.example")
        assert b"STARTTLS" not in greeted or preset is not presets.strip_starttls
        if greeted.startswith(b"250"):
            for line in (b"MAIL FROM:<a@b>", b"RCPT TO:<c@d>", b"RCPT TO:<e@f>", b"DATA"):
                client.send_command(line)
            client.send(b"Hi\r\n.\r\n")
            client.read_reply()


def test_lying_size_accepts_declared_size_up_to_announced(connect):
    with MailServer(limits=Limits(message_size=2_000)) as server:
        server.rules.add(presets.lying_size(real=60, announced=1_000_000))
        client = connect(server)
        client.send_command(b"EHLO client.example")
        assert client.send_command(b"MAIL FROM:<a@b> SIZE=1000001").startswith(b"552")
        assert client.send_command(b"MAIL FROM:<a@b> SIZE=1000000").startswith(b"250")
        for line in (b"RCPT TO:<c@d>", b"DATA"):
            client.send_command(line)
        client.send(b"x" * 70 + b"\r\n.\r\n")

        assert client.read_reply().startswith(b"552 5.3.4")


def test_strip_starttls_needs_a_server_with_starttls(connect):
    with MailServer(tls="starttls") as server:
        server.rules.add(presets.strip_starttls())
        assert connect(server).send_command(b"HELO client.example").startswith(b"250")  # HELO has no extensions
    with pytest.raises(RuleNeverActed, match="the reply had no STARTTLS"), MailServer() as server:
        server.rules.add(presets.strip_starttls())
        connect(server).send_command(b"EHLO client.example")


@pytest.mark.parametrize(
    "write",
    [lambda: presets.greylist(300), lambda: presets.flaky(0.5, "RCPT"), lambda: presets.quota_full(permanent="yes")],
)
def test_ambiguous_arguments_are_keyword_only(write):
    with pytest.raises(TypeError):
        write()


@pytest.mark.parametrize("kind", ["expired", "not-yet-valid", "wrong-host", "untrusted", "self-signed"])
def test_bad_certificate_is_refused_by_verifying_client(kind):
    with (
        MailServer(tls=presets.bad_certificate(kind)) as server,
        smtplib.SMTP(*server.address) as client,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        client.starttls(context=server.client_context())


# -- providers --------------------------------------------------------------------------------------

PROVIDER_CODES = {
    ("gmail", "unauthenticated"): (550, "5.7.26 "),
    ("gmail", "blocked_sender"): (550, "5.7.1 "),
    ("gmail", "over_quota"): (452, "4.2.2 "),
    ("gmail", "rate_limit"): (421, "4.7.28 "),
    ("outlook", "unauthenticated"): (550, "5.7.515 "),
    ("outlook", "blocked_sender"): (550, "5.7.1 This network is on our block list (S3140)"),
    ("outlook", "over_quota"): (554, "5.2.2 mailbox full"),
    ("outlook", "rate_limit"): (451, "4.7.500 "),
    ("yahoo", "unauthenticated"): (554, "5.7.9 "),
    ("yahoo", "blocked_sender"): (553, "5.7.1 [BL21]"),
    ("yahoo", "over_quota"): (554, "delivery error: dd "),
    ("yahoo", "rate_limit"): (421, "4.7.0 [TSS04]"),
}


@pytest.mark.parametrize(("name", "what"), PROVIDER_CODES)
def test_provider_replies_with_its_codes(name, what):
    with MailServer() as server:
        if what == "rate_limit":
            server.rules.add(provider(name).rate_limit(1, per=600))
            assert send(server) == []
        else:
            server.rules.add(getattr(provider(name), what)())
        code, text = send(server)

        expected_code, expected_text = PROVIDER_CODES[name, what]
        assert code == expected_code and text.startswith(expected_text)


def test_all_provider_replies_are_tested():
    assert set(PROVIDER_CODES) == {(name, what) for name, row in PROVIDERS.items() for what in row}


# -- conditions that count, without a socket -----------------------------------------------------------


def make_context(at, peer="192.0.2.1:1025"):
    session = SessionRecord()
    session.peer = peer
    return RuleContext("MAIL", session, at=at)


def test_rate_limit_counts_each_client_in_a_sliding_window():
    rate = RateLimit(2, 10)

    assert [rate(make_context(at)) for at in (0, 1, 2, 9.9, 10, 10.5, 11, 30)] == [
        *(False, False, True, True, False, True, False, False)
    ]
    assert not rate(make_context(2, "192.0.2.2:9")) and not rate(make_context(2, "[2001:db8::1]:9"))


def test_greylist_accepts_after_its_seconds():
    [refuses] = [rule.selectors["where"] for rule in [presets.greylist(seconds=300)]]

    assert [refuses(make_context(at)) for at in (5, 6, 304.9, 305, 306)] == [True, True, True, False, False]
    assert refuses(make_context(306, "192.0.2.2:1"))


def test_greylist_forgets_the_oldest_entries():
    refuses = presets.greylist().selectors["where"]
    for number in range(10_001):
        assert refuses(make_context(0, f"host{number}:1"))

    assert refuses(make_context(1, "host0:1")) and not refuses(make_context(1, "host10000:1"))


# -- use of presets ------------------------------------------------------------------------------------


def test_presets_table_has_every_preset():
    arguments = {"rate_limit": (1, 60), "connection_limit": (1,), "flaky": (0.5,), "max_recipients": (1,)}
    for name, preset in presets.PRESETS.items():
        assert getattr(presets, name) is preset
        made = preset(*arguments.get(name, ()))
        rules = (made,) if isinstance(made, Rule) else made
        assert all(get_engine(rule).has_action for rule in rules) and name in presets.__all__


def test_preset_that_never_acted_is_reported():
    with (
        pytest.raises(RuleNeverActed, match=r"1 rule never acted .*\n  CONNECT → delay\(5\)\n"),
        MailServer() as server,
    ):
        server.rules.add(presets.tarpit())


def test_add_keeps_the_order_of_rules_and_presets():
    with MailServer() as server:
        server.rules.add(Rule("NOOP").reply(250).optional(), presets.strip_starttls(), presets.greylist())

        assert [rule.when for rule in server.rules] == ["NOOP", "EHLO", "STARTTLS", "RCPT"]
        server.rules.clear()


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda: presets.greylist(attempts=0), "attempts must be a whole number >= 1"),
        (lambda: presets.greylist(attempts="2"), "attempts must be a whole number >= 1"),
        (lambda: presets.greylist(seconds=0), "must be a number of seconds"),
        (lambda: presets.rate_limit(1.5, 60), "a rate must be"),
        (lambda: presets.lying_size("x"), "whole numbers of bytes"),
        (lambda: presets.flaky(0.5, when="RCTP"), r"unknown trigger 'RCTP'; did you mean 'RCPT'\?"),
        (lambda: presets.flaky(0.5, when="STAT"), "write a Rule"),
        (lambda: presets.flaky(0.0), "must be a number > 0"),
        (lambda: presets.rate_limit(-1, 1), "a rate must be"),
        (lambda: presets.rate_limit(1, 0), "a rate must be"),
        (lambda: presets.connection_limit(-1), "must be a number of connections"),
        (lambda: presets.max_recipients(0), "must be a number of recipients >= 1"),
        (lambda: presets.quota_full(subject="Hi"), "cannot be used at RCPT"),
        (lambda: provider("aol"), "unknown provider 'aol'.*nown: gmail, outlook, yahoo"),
        (lambda: provider("yahoo").blocked_sender(sender="a@b"), "cannot be used at CONNECT"),
        (lambda: presets.bad_certificate("valid"), "kind must be a defect, got 'valid'"),
        (lambda: presets.bad_certificate("dull"), "unknown certificate 'dull'"),
    ],
)
def test_wrong_arguments_are_refused(write, message):
    with pytest.raises(ValueError, match=message):
        write()


def test_blackhole_lasts_until_the_client_leaves():
    with MailServer() as server:
        server.rules.add(presets.blackhole())
        with socket.create_connection(server.address, timeout=0.05) as client, pytest.raises(TimeoutError):
            client.recv(1)

        assert server.settle()[0].ended == "EOF"


def test_rate_limit_counts_only_selected_mails(connect):
    with MailServer() as server:
        server.rules.add(presets.rate_limit(1, per=600, sender="bulk@*"))
        client = connect(server)
        client.send_command(b"EHLO client.example")

        replies = [
            client.send_mail(sender=sender)[:3] for sender in (b"ann@a.example", b"bulk@a.example", b"bulk@a.example")
        ]
        assert replies == [b"250", b"250", b"450"]


@pytest.mark.parametrize(
    "preset", [presets.greylist, lambda **selectors: provider("gmail").rate_limit(1, 60, **selectors)]
)
def test_counting_preset_refuses_another_where(preset):
    with pytest.raises(TypeError, match="where"):
        preset(where=lambda context: True)

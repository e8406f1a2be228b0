"""The AUTH dialogue of RFC 4954; test_sasl.py tests the mechanisms themselves."""

from base64 import b64encode

import pytest

from lazr.smtptest import Auth, Credentials, Limits, MailServer, MissingExtra, Reply
from lazr.smtptest.protocol.smtp import auth as auth_module
from lazr.smtptest.protocol.smtp.events import Auth as AuthEvent
from lazr.smtptest.protocol.smtp.reply import PENDING
from lazr.smtptest.protocol.smtp.tls_mode import TlsMode
from tests.helpers.smtp_client import EHLO_LINE, TO_RCPT, RecordedSession


def b64(text):
    return b64encode(text.encode() if isinstance(text, str) else text)


USERS = {"ann": "secret"}
GOOD = b64("\0ann\0secret")
BAD = b64("\0ann\0wrong")
DONE = b"235 2.7.0 Authentication succeeded\r\n"
WRONG = b"535 5.7.8 Authentication credentials invalid\r\n"


def greeted(
    accept=USERS, decide=None, limits=None, greeting=EHLO_LINE, *, tls=TlsMode.NONE, tls_active=False, **settings
):
    auth = Auth(accept, nonce=lambda: "nonce", **settings)
    recorded = RecordedSession(decide, auth=auth, limits=limits, tls=tls, tls_active=tls_active)
    recorded.feed(greeting)
    return recorded


def offer(recorded):
    for line in recorded.feed(EHLO_LINE).decode().splitlines():
        if line[4:].startswith("AUTH "):
            return line[9:].split()
    return None


# -- the exchange ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "replies"),
    [
        ([b"AUTH PLAIN " + GOOD], [DONE]),
        ([b"auth plain " + GOOD], [DONE]),
        ([b"AUTH PLAIN  " + GOOD + b" "], [DONE]),
        ([b"AUTH PLAIN", GOOD], [b"334 \r\n", DONE]),
        ([b"AUTH PLAIN " + BAD], [WRONG]),
        ([b"AUTH LOGIN", b64("ann"), b64("secret")], [b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n", DONE]),
        ([b"AUTH LOGIN " + b64("ann"), b64("secret")], [b"334 UGFzc3dvcmQ6\r\n", DONE]),
        ([b"AUTH LOGIN", b64("ann"), b64("wrong")], [b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n", WRONG]),
        ([b"AUTH PLAIN ="], [b"501 5.5.2"]),  # an empty initial response, invalid in PLAIN
        ([b"AUTH PLAIN", b"*"], [b"334 \r\n", b"501 5.7.0 Authentication canceled\r\n"]),
        ([b"AUTH PLAIN", b"!!!"], [b"334 \r\n", b"501 5.5.2 Cannot decode base64\r\n"]),
        ([b"AUTH PLAIN", b"="], [b"334 \r\n", b"501 5.5.2 Cannot decode base64\r\n"]),
        ([b"AUTH PLAIN", b"QQ"], [b"334 \r\n", b"501 5.5.2 Cannot decode base64\r\n"]),
        ([b"AUTH PLAIN", b"QUIT"], [b"334 \r\n", b"501 5.5.2"]),  # not a command: a response without NUL
        ([b"AUTH PLAIN a\xc3\xa4"], [b"501 5.5.2 Cannot decode base64\r\n"]),
        ([b"AUTH PLAIN \xff"], [b"501 5.5.2"]),
        ([b"AUTH"], [b"501 5.5.4 Syntax: AUTH mechanism [initial-response]\r\n"]),
        ([b"AUTH PLAIN " + GOOD + b" more"], [b"501 5.5.4"]),
        ([b"AUTH PL/IN"], [b"501 5.5.4"]),
        ([b"AUTH NTLM"], [b"504 5.5.4 Unrecognized authentication type"]),
        ([b"AUTH EXTERNAL ="], [b"504 5.5.4"]),  # no certificate without TLS
        ([b"AUTH CRAM-MD5 ="], [b"501 5.7.0"]),
        ([b"AUTH XOAUTH2 " + b64("user=ann\1auth=Bearer secret\1\1")], [DONE]),
        (
            [b"AUTH XOAUTH2 " + b64("user=ann\1auth=Bearer wrong\1\1"), b""],
            [b"334 eyJzdGF0dXMi", WRONG],  # the error as JSON first; the client acknowledges it
        ),
        (
            [b"AUTH OAUTHBEARER " + b64("n,a=ann,\1auth=Bearer wrong\1\1"), b"AQ=="],
            [b"334 eyJzdGF0dXMi", WRONG],
        ),
        ([b"AUTH OAUTHBEARER " + b64("n,,\1auth=Bearer secret\1\1")], [DONE]),
        ([b"AUTH OAUTHBEARER " + b64("n,,\1auth=Bearer wrong\1\1"), b"AQ=="], [b"334 ", WRONG]),
        ([b"AUTH PLAIN " + b64("\0nobody\0secret")], [WRONG]),
        ([b"AUTH PLAIN " + b64("\0nobody\0\0")], [b"501"]),
    ],
    ids=str,
)
def test_dialogue_of_each_mechanism(lines, replies):
    recorded = greeted()
    outputs = [recorded.feed(line + b"\r\n") for line in lines]

    assert len(outputs) == len(replies)
    for output, reply in zip(outputs, replies, strict=True):
        assert output.startswith(reply)
    accepted = replies[-1] == DONE
    assert (recorded.record.auth is not None) == accepted
    assert recorded.feed_command(b"NOOP") == 250  # the exchange is over
    assert (recorded.feed_command(b"MAIL FROM:<a@b.example>") == 250) == accepted


def test_dialogue_byte_by_byte():
    recorded = greeted()

    assert recorded.feed_bytewise(b"AUTH LOGIN\r\n") == b"334 VXNlcm5hbWU6\r\n"
    assert recorded.feed_bytewise(b64("ann") + b"\r\n") == b"334 UGFzc3dvcmQ6\r\n"
    assert recorded.feed_bytewise(b64("secret") + b"\r\n") == DONE


def test_scram_sends_its_final_message_before_the_reply():
    from scramp import ScramClient

    recorded = greeted()
    client = ScramClient(["SCRAM-SHA-256"], "ann", "secret")
    first = recorded.feed(b"AUTH SCRAM-SHA-256 " + b64(client.get_client_first()) + b"\r\n")
    client.set_server_first(_text(first))
    final = recorded.feed(b64(client.get_client_final()) + b"\r\n")
    client.set_server_final(_text(final))  # raises if the server does not know the password

    assert recorded.feed(b"\r\n") == DONE
    assert recorded.record.auth.proved and recorded.record.auth.password is None


def _text(reply):
    from base64 import b64decode

    assert reply.startswith(b"334 ")
    return b64decode(reply[4:]).decode()


def test_auth_event_has_credentials_but_shows_no_secret():
    recorded = greeted()
    recorded.feed(b"AUTH PLAIN " + b64("boss\0ann\0secret") + b"\r\n")
    event = recorded.events[-1]

    assert event == AuthEvent(Credentials("PLAIN", "ann", password="secret", authzid="boss"))
    assert event.said() == "AUTH PLAIN ann" and event.credentials.password == "secret"
    assert recorded.record.auth == event.credentials
    assert recorded.record.auth_attempts == (event.credentials,)


@pytest.mark.parametrize(
    "lines",
    [
        [b"AUTH PLAIN " + b64("\0ann\0hunter2")],
        [b"AUTH PLAIN", b64("\0ann\0hunter2")],
        [b"AUTH LOGIN", b64("ann"), b64("hunter2")],
        [b"AUTH PLAIN " + b64("\0ann\0hunter2") + b" "],
        [b"AUTH PLAIN " + b64("\0ann\0hunter2") + b" x"],
        [b"AUTH NONE " + b64("\0ann\0hunter2")],
        [b"AUTH PLAIN " + b64("\0ann\0hunter2")[:-1]],
        [b"AUTH LOGIN", b64("ann"), b64("hunter2")[:-1]],
        [b"AUTH PLAIN\r" + b64("\0ann\0hunter2")],
        [b"auth\rPLAIN " + b64("\0ann\0hunter2")],
        [b"AUTH\tPLAIN " + b64("\0ann\0hunter2")],
        [b" AUTH PLAIN " + b64("\0ann\0hunter2")],
        [b"AUTH " + b64("\0ann\0hunter2")],
        [b"AUTHPLAIN " + b64("\0ann\0hunter2")],
        [b"AUTH PLAIN" + b64("\0ann\0hunter2")],
        [b"AUTH PLAIN \xff" + b64("\0ann\0hunter2")],
        [b"AUTH PLAIN", b"*"],
        [b"AUTH PLAIN " + b64("\0ann\0hunter2") + b"=" * 13000],
        [b"AUTH PLAIN", b64("\0ann\0hunter2") + b"=" * 13000],
        [b"AUTH XOAUTH2 " + b64("user=ann\1auth=Bearer hunter2\1\1"), b""],
    ],
)
@pytest.mark.parametrize("where", ["offered", "needs TLS", "no AUTH", "before EHLO", "in a transaction"])
def test_secrets_are_masked_in_events_and_records(lines, where):
    tls = TlsMode.STARTTLS if where == "needs TLS" else TlsMode.NONE
    greeting = {"before EHLO": b"", "in a transaction": TO_RCPT}.get(where, EHLO_LINE)
    recorded = greeted(in_clear=tls is TlsMode.NONE, tls=tls, required=False, greeting=greeting)
    if where == "no AUTH":
        recorded = RecordedSession()
    for line in lines if where == "offered" else lines[:1]:
        recorded.feed(line + b"\r\n")

    text = " ".join([repr(recorded.events), repr(recorded.record), *(event.said() for event in recorded.events)])
    for secret in (b64("hunter2"), b64("\0ann\0hunter2"), b64("user=ann\1auth=Bearer hunter2\1\1"), b"hunter2"):
        assert secret.decode().rstrip("=")[:-2] not in text


# -- order -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "code", "text"),
    [
        (b"", 503, b"Say EHLO first"),
        (b"HELO x\r\n", 503, b"AUTH is an extension"),
        (EHLO_LINE + b"AUTH PLAIN " + GOOD + b"\r\n", 503, b"Already authenticated"),
    ],
)
def test_auth_is_refused_when_not_allowed(before, code, text):
    recorded = greeted(greeting=b"")
    for line in before.splitlines(keepends=True):
        recorded.feed(line)

    reply = recorded.feed(b"AUTH PLAIN " + GOOD + b"\r\n")
    assert reply.startswith(b"%d 5.5.1 " % code) and text in reply


def test_auth_in_a_transaction_is_out_of_order():
    recorded = greeted(required=False, greeting=TO_RCPT)

    assert recorded.feed(b"AUTH PLAIN " + GOOD + b"\r\n") == b"503 5.5.1 AUTH is not allowed in a transaction\r\n"
    assert recorded.feed_command(b"DATA") == 354  # the transaction continues


def test_server_without_auth_answers_502():
    recorded = RecordedSession()
    recorded.feed(EHLO_LINE)

    assert recorded.feed(b"AUTH PLAIN " + GOOD + b"\r\n") == b"502 5.5.1 Command not implemented\r\n"
    assert recorded.events[-1].command == "AUTH" and recorded.events[-1].argument == "PLAIN ***"
    assert recorded.record.sent_in_clear == {"credentials"}


def test_mail_requires_auth_if_configured():
    recorded = greeted()

    for line in (b"MAIL FROM:<a@b.example>", b"VRFY ann", b"EXPN list"):
        assert recorded.feed(line + b"\r\n") == b"530 5.7.0 Authentication required\r\n"
    recorded.feed(b"AUTH PLAIN " + GOOD + b"\r\n")
    assert [recorded.feed_command(line) for line in (b"MAIL FROM:<a@b.example>", b"VRFY ann", b"EXPN list")] == [
        250,
        252,
        502,
    ]


def test_ehlo_and_rset_keep_authentication():
    recorded = greeted()
    recorded.feed(b"AUTH PLAIN " + GOOD + b"\r\n")
    recorded.feed(b"RSET\r\n")
    recorded.feed(EHLO_LINE)

    assert recorded.feed_command(b"MAIL FROM:<a@b.example>") == 250


def test_tls_handshake_resets_authentication():
    recorded = greeted(tls=TlsMode.STARTTLS, in_clear=True)
    recorded.feed(b"AUTH PLAIN " + GOOD + b"\r\n")
    recorded.feed(b"STARTTLS\r\n")
    recorded.complete_handshake().feed(EHLO_LINE)

    assert recorded.record.auth is None and len(recorded.record.auth_attempts) == 1
    assert recorded.feed_command(b"MAIL FROM:<a@b.example>") == 530


# -- in clear --------------------------------------------------------------------------------


def test_auth_is_not_offered_in_clear_with_starttls():
    recorded = greeted(tls=TlsMode.STARTTLS)

    assert offer(recorded) is None
    assert recorded.feed(b"AUTH PLAIN " + GOOD + b"\r\n").startswith(b"538 5.7.11 Encryption required")
    assert recorded.record.sent_in_clear == {"credentials"}  # they were sent already
    recorded.feed(b"STARTTLS\r\n")
    recorded.complete_handshake()
    assert "PLAIN" in offer(recorded)
    assert recorded.feed(b"AUTH PLAIN " + GOOD + b"\r\n") == DONE


def test_in_clear_offers_auth_before_starttls():
    assert "PLAIN" in offer(greeted(tls=TlsMode.STARTTLS, in_clear=True))
    never = greeted(in_clear=False)
    assert offer(never) is None
    assert never.feed_command(b"AUTH PLAIN " + GOOD) == 538


@pytest.mark.parametrize(
    ("lines", "recorded_as_clear"),
    [
        ([b"AUTH PLAIN " + GOOD], True),
        ([b"AUTH PLAIN " + BAD], True),
        ([b"AUTH PLAIN", GOOD], True),
        ([b"AUTH PLAIN", b"*"], False),
        ([b"AUTH PLAIN", b64("ann\0secret")], True),
        ([b"AUTH PLAIN", b"AGFubgBzZWNyZXQ=" * 1000], True),
        ([b"AUTH LOGIN", b64("ann"), b"secret"], True),
        ([b"AUTH LOGIN", b64("ann"), b"*"], False),
        ([b"AUTH LOGIN " + b64("ann")], False),
        ([b"AUTH LOGIN", b64("ann"), b64("secret")], True),
        ([b"AUTH CRAM-MD5", b64("ann " + "0" * 32)], False),
        ([b"AUTH SCRAM-SHA-256 " + b64("n,,n=ann,r=abc")], False),
        ([b"AUTH XOAUTH2 " + b64("user=ann\1auth=Bearer secret\1\1")], True),
    ],
)
def test_credentials_in_clear_are_recorded(lines, recorded_as_clear):
    recorded, secure = greeted(), greeted(tls_active=True)
    secure.complete_handshake().feed(EHLO_LINE)
    for line in lines:
        recorded.feed(line + b"\r\n")
        secure.feed(line + b"\r\n")

    assert ("credentials" in recorded.record.sent_in_clear) == recorded_as_clear
    assert secure.record.sent_in_clear == frozenset()


# -- hostile clients -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "reply"),
    [
        (b"AUTH PLAIN " + GOOD + b"\r\nMAIL FROM:<a@b.example>\r\n", DONE),
        (b"AUTH PLAIN\r\n" + GOOD + b"\r\n", b"334 \r\n"),
        (b"AUTH LOGIN\r\n" + b64("ann") + b"\r\n" + b64("secret") + b"\r\n", b"334 VXNlcm5hbWU6\r\n"),
        (b"AUTH NTLM\r\nMAIL FROM:<a@b.example>\r\n", b"504"),
    ],
)
def test_input_after_auth_before_its_reply_is_discarded(data, reply):
    recorded = greeted(required=False)
    output = recorded.feed(data)

    first, last = output.splitlines(keepends=True)
    assert first.startswith(reply)
    assert last.startswith(b"421 4.7.0 Input after a command that must wait")
    assert recorded.record.discarded == data.partition(b"\r\n")[2]
    assert all(getattr(event, "command", event.verb) in ("CONNECT", "EHLO", "AUTH") for event in recorded.events)
    assert recorded.session.is_closing


def test_attempt_after_three_failures_closes_the_session():
    # smtplib tries three mechanisms in turn, and its user should see the 535, not the 421.
    recorded = greeted()

    assert [recorded.feed(b"AUTH PLAIN " + BAD + b"\r\n") for _ in range(3)] == [WRONG] * 3
    assert recorded.feed_command(b"NOOP") == 250
    assert recorded.feed(b"AUTH PLAIN " + GOOD + b"\r\n") == b"421 4.7.0 Too many failed authentications, goodbye\r\n"
    assert recorded.session.is_closing
    assert recorded.record.discarded == b""
    hasty = greeted(limits=Limits(auth_failures=1))
    hasty.feed(b"AUTH PLAIN " + BAD + b"\r\n")
    assert hasty.feed(b"AUTH PLAIN\r\n" + GOOD + b"\r\n").startswith(b"421 4.7.0 Too many failed")
    assert hasty.record.discarded == GOOD + b"\r\n"
    patient = greeted(limits=Limits(auth_failures=None))
    assert [patient.feed_command(b"AUTH PLAIN " + BAD) for _ in range(10)] == [535] * 10


def test_record_keeps_the_last_hundred_attempts():
    recorded = greeted(limits=Limits(auth_failures=None, commands_without_mail=None))
    for number in range(110):
        recorded.feed(b"AUTH PLAIN " + b64(f"\0user{number}\0x") + b"\r\n")

    assert [c.username for c in recorded.record.auth_attempts] == [f"user{number}" for number in range(10, 110)]


LONGEST = 12288 - 2


@pytest.mark.parametrize("size", [LONGEST, LONGEST + 1, LONGEST + 100, 60_000])
@pytest.mark.parametrize("initial", [True, False])
def test_exchange_lines_have_a_maximum_length(size, initial):
    recorded = greeted()
    start = b"AUTH PLAIN " if initial else b""
    if not initial:
        recorded.feed(b"AUTH PLAIN\r\n")
    padding = (size - len(start)) % 4  # base64 has groups of four
    line = start + (b" " * padding if initial else b"") + b"QUJD" * ((size - len(start) - padding) // 4)
    if not initial:
        line += b"x" * padding
    assert len(line) == size

    reply = recorded.feed(line + b"\r\n")
    assert reply.startswith(b"501 " if size == LONGEST else b"500 5.5.6 Authentication exchange line is too long")
    assert recorded.feed_command(b"NOOP") == 250


def test_endless_exchange_line_closes_the_session():
    recorded = greeted()
    recorded.feed(b"AUTH PLAIN\r\n")

    assert recorded.feed(b"A" * 70_000).startswith(b"421 4.7.0 Command line has no end")
    assert recorded.record.auth is None


def test_end_of_input_during_an_exchange():
    recorded = greeted()
    recorded.feed(b"AUTH LOGIN\r\n")

    assert recorded.session.receive_eof() == b""
    assert recorded.session.is_closing


def test_timeout_during_an_exchange():
    recorded = greeted()
    recorded.feed(b"AUTH LOGIN\r\n")

    assert recorded.session.time_out().startswith(b"421 4.4.2")


# -- decisions -------------------------------------------------------------------------------


def test_decision_replaces_the_verdict():
    turned = {535: Reply(235, "2.7.0", "Be welcome"), 235: Reply(454, "4.7.0", "Later")}
    recorded = greeted(decide=lambda event, reply: turned[reply.code] if event.verb == "AUTH" else reply)

    assert recorded.feed_command(b"AUTH PLAIN " + GOOD) == 454
    assert recorded.record.auth is None
    assert recorded.feed_command(b"AUTH PLAIN " + BAD) == 235
    assert recorded.record.auth.password == "wrong"


def test_decision_334_is_not_a_success():
    recorded = greeted(decide=lambda event, reply: Reply(334, "Zm9v") if event.verb == "AUTH" else reply)

    assert recorded.feed_command(b"AUTH PLAIN " + GOOD) == 334
    assert recorded.record.auth is None


def test_temporary_failures_are_not_counted():
    recorded = greeted(decide=lambda event, reply: Reply(454, "4.7.0", "Later") if event.verb == "AUTH" else reply)

    assert [recorded.feed_command(b"AUTH PLAIN " + GOOD) for _ in range(5)] == [454] * 5


def test_pending_decision_about_credentials():
    recorded = greeted(decide=lambda event, reply: PENDING if event.verb == "AUTH" else reply)
    assert recorded.feed(b"AUTH PLAIN " + GOOD + b"\r\n") == b""
    assert recorded.session.is_reply_pending

    assert recorded.session.answer(Reply(235, "2.7.0", "At last")) == b"235 2.7.0 At last\r\n"
    assert recorded.record.auth.username == "ann"
    recorded = greeted(decide=lambda event, reply: PENDING if event.verb == "AUTH" else reply)
    recorded.feed(b"AUTH PLAIN " + GOOD + b"\r\nMAIL FROM:<>\r\n")
    assert recorded.session.answer(Reply(535, "5.7.8", "No")).splitlines()[1].startswith(b"421 4.7.0 Input after")


def test_pending_decision_with_final_challenge():
    recorded = greeted(decide=lambda event, reply: PENDING if event.verb == "AUTH" else reply)
    recorded.feed(b"AUTH XOAUTH2 " + b64("user=ann\1auth=Bearer wrong\1\1") + b"\r\n")

    assert recorded.session.answer(Reply(535, "5.7.8", "No")).startswith(b"334 ")
    assert recorded.feed(b"\r\n") == b"535 5.7.8 No\r\n"


def broken(*_):
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("auth", "lines"),
    [
        (Auth(broken), [b"AUTH PLAIN " + GOOD]),
        (Auth(USERS, nonce=broken), [b"AUTH CRAM-MD5"]),
        (Auth(USERS, nonce=broken), [b"AUTH SCRAM-SHA-1 " + b64("n,,n=ann,r=abc")]),
        (Auth(lambda credentials: "yes"), [b"AUTH LOGIN " + b64("ann"), b64("secret")]),
    ],
)
def test_exception_of_a_user_function_is_reported(auth, lines):
    errors = []

    def reply_to_exception(error):
        errors.append(error)
        return Reply(451, "4.3.0", "Broken")

    recorded = RecordedSession(auth=auth, reply_to_exception=reply_to_exception)
    recorded.feed(EHLO_LINE)

    assert [recorded.feed(line + b"\r\n") for line in lines][-1] == b"451 4.3.0 Broken\r\n"
    assert isinstance(errors[0], (ZeroDivisionError, TypeError)) and len(errors) == 1
    assert recorded.feed_command(b"NOOP") == 250


def test_exception_propagates_without_a_reporter():
    with pytest.raises(ZeroDivisionError):
        greeted(broken).feed(b"AUTH PLAIN " + GOOD + b"\r\n")


@pytest.mark.parametrize(
    ("last", "reply"),
    [(b"*", b"501 5.7.0 Authentication canceled\r\n"), (b"!", b"501 5.5.2 Cannot decode base64\r\n"), (b"", DONE)],
)
def test_client_may_cancel_after_the_final_challenge(last, reply):
    # RFC 5802 5: the client checks the server's signature, and cancels with "*" if it is wrong (RFC 4954 4).
    from scramp import ScramClient

    recorded = greeted()
    client = ScramClient(["SCRAM-SHA-1"], "ann", "secret")
    client.set_server_first(_text(recorded.feed(b"AUTH SCRAM-SHA-1 " + b64(client.get_client_first()) + b"\r\n")))
    recorded.feed(b64(client.get_client_final()) + b"\r\n")

    assert recorded.feed(last + b"\r\n") == reply
    assert (recorded.record.auth is not None) == (reply == DONE)


def test_client_cannot_cancel_a_refusal():
    recorded = greeted()
    recorded.feed(b"AUTH XOAUTH2 " + b64("user=ann\1auth=Bearer wrong\1\1") + b"\r\n")

    assert recorded.feed(b"*\r\n") == WRONG


def test_long_challenge_is_one_line():
    recorded = greeted()
    reply = recorded.feed(b"AUTH SCRAM-SHA-1 " + b64("n,,n=ann,r=" + "A" * 2000) + b"\r\n")

    assert reply.startswith(b"334 ") and reply.count(b"\r\n") == 1 and len(reply) > 2000


@pytest.mark.parametrize(
    "line",
    [b64("\0ann\0"), b64("\0ann\0\0")],
)
def test_empty_password_never_matches(line):
    assert greeted({"ann": ""}).feed_command(b"AUTH PLAIN " + line) in (501, 535)


def test_empty_token_never_matches():
    recorded = greeted({"ann": ""})
    recorded.feed(b"AUTH OAUTHBEARER " + b64("n,,\1auth=\1\1") + b"\r\n")

    assert recorded.feed(b"AQ==\r\n") == WRONG


# -- settings of Auth ------------------------------------------------------------------------

IN_CLEAR = ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER"]
PLUS = ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"]


@pytest.mark.parametrize(
    ("accept", "settings", "offered"),
    [
        (USERS, {}, IN_CLEAR),
        (USERS, {"tls_active": True}, IN_CLEAR),
        (USERS, {"tls_active": True, "channel_bindings": True}, [*IN_CLEAR, *PLUS]),
        (USERS, {"tls_active": True, "client_certificates": True}, [*IN_CLEAR, "EXTERNAL"]),
        (USERS, {"channel_bindings": True, "client_certificates": True}, IN_CLEAR),
        ("any", {}, [name for name in IN_CLEAR if "SCRAM" not in name]),
        (lambda credentials: True, {}, [name for name in IN_CLEAR if "SCRAM" not in name]),
    ],
)
def test_available_mechanisms_are_offered(accept, settings, offered):
    assert sorted(offer(RecordedSession(auth=Auth(accept), **settings))) == sorted(offered)


def test_scram_is_not_offered_without_scramp(monkeypatch):
    monkeypatch.setattr(auth_module, "is_scram_available", lambda: False)

    assert sorted(Auth(USERS).mechanisms) == sorted(
        [*(name for name in IN_CLEAR if "SCRAM" not in name), "EXTERNAL"]
    )  # fmt: skip
    with pytest.raises(MissingExtra, match=r'SCRAM-SHA-1 needs scramp: pip install "lazr.smtptest\[auth\]"'):
        Auth(USERS, mechanisms=["SCRAM-SHA-1"])


def test_named_mechanisms_are_offered():
    recorded = greeted(mechanisms=["login", "Anonymous"])

    assert offer(recorded) == ["LOGIN", "ANONYMOUS"]
    assert recorded.feed_command(b"AUTH PLAIN " + GOOD) == 504
    assert recorded.feed(b"AUTH ANONYMOUS " + b64("sirhc") + b"\r\n") == DONE
    assert recorded.record.auth.username == "sirhc"


def test_passwords_must_be_strings():
    with pytest.raises(TypeError, match="strings, got bytes"):
        Auth({"ann": b"secret"})


@pytest.mark.parametrize(
    ("accept", "mechanisms", "message"),
    [
        (USERS, ["KERBEROS"], "unknown mechanism 'KERBEROS'; known: PLAIN"),
        ("any", ["SCRAM-SHA-1"], "needs passwords"),
        (USERS, [], "mechanisms must not be empty"),
        ("all", None, 'or "any", got a value of type str'),
    ],
)
def test_invalid_auth_settings_are_rejected(accept, mechanisms, message):
    with pytest.raises(ValueError, match=message):
        Auth(accept, mechanisms=mechanisms)


def test_any_accepts_all_credentials_and_does_not_require_auth():
    recorded = greeted("any")

    assert recorded.feed_command(b"MAIL FROM:<a@b.example>") == 250
    recorded.feed(b"RSET\r\n")
    assert recorded.feed_command(b"AUTH PLAIN " + b64("\0who\0ever")) == 235
    assert recorded.record.auth.password == "ever"


def test_function_accepts_or_refuses_credentials():
    seen = []

    def accept(credentials):
        seen.append(credentials)
        return credentials.username == "ann" and credentials.matches("secret")

    recorded = greeted(accept)
    assert recorded.feed_command(b"AUTH PLAIN " + BAD) == 535
    assert recorded.feed_command(b"AUTH PLAIN " + GOOD) == 235
    assert [c.password for c in seen] == ["wrong", "secret"]


def test_function_must_return_a_bool():
    with pytest.raises(TypeError, match="must return True or False, got 'yes'"):
        Auth(lambda credentials: "yes").accepts(Credentials("PLAIN", "ann", password="x"))


@pytest.mark.parametrize(
    ("identities", "initial", "code"),
    [
        (("ann",), b"=", 235),
        (("ann",), b64("ann"), 235),
        (("ann",), b64("bob"), 535),
        (("eve",), b"=", 535),
        ((), b"=", 535),
    ],
)
def test_external_uses_the_identities_of_the_certificate(identities, initial, code):
    recorded = RecordedSession(auth=Auth(USERS), tls_active=True, client_certificates=True)
    recorded.complete_handshake(client_certificate=b"DER", identities=identities).feed(EHLO_LINE)

    assert recorded.feed_command(b"AUTH EXTERNAL " + initial) == code


def test_scram_client_without_binding_is_not_a_downgrade():
    # RFC 5802 6: "y" means that the client can bind, but believes that the server cannot.
    auth = Auth(USERS, mechanisms=["SCRAM-SHA-256"])
    recorded = RecordedSession(auth=auth, tls_active=True)
    recorded.complete_handshake(channel_bindings={"tls-server-end-point": b"hash"}).feed(EHLO_LINE)

    assert recorded.feed(b"AUTH SCRAM-SHA-256 " + b64("y,,n=ann,r=abc") + b"\r\n").startswith(b"334 ")


def test_repr_of_auth_shows_no_password():
    assert (
        repr(Auth({"a": "b", "c": "d"}, mechanisms=["PLAIN"])) == "Auth(2 users, mechanisms=['PLAIN'], required=True)"
    )
    assert repr(Auth("any", mechanisms=["LOGIN"])) == "Auth(any, mechanisms=['LOGIN'], required=False)"
    assert repr(Auth(lambda c: True, mechanisms=["LOGIN"])).startswith("Auth(a function,")
    assert Auth(USERS).nonce() != Auth(USERS).nonce()


@pytest.mark.parametrize(
    ("parameter", "code", "value"),
    [
        (b"AUTH=<>", 250, "<>"),
        (b"AUTH=e+3Dmc2@example.com", 250, "e=mc2@example.com"),
        (b"AUTH=a+zz", 501, None),
        (b"AUTH", 501, None),
        (b"AUTH=+0D+0A", 501, None),
    ],
)
def test_auth_parameter_of_mail_needs_the_auth_extension(parameter, code, value):
    recorded = greeted("any")

    assert recorded.feed_command(b"MAIL FROM:<a@b.example> " + parameter) == code
    if value is not None:
        assert recorded.events[-1].parameters == {"AUTH": value}
    without = RecordedSession()
    without.feed(EHLO_LINE)
    assert without.feed_command(b"MAIL FROM:<a@b.example> " + parameter) == 555


def test_string_of_mechanisms_is_rejected():
    with pytest.raises(TypeError, match=r"got the string 'PLAIN'; write mechanisms=\['PLAIN'\]"):
        Auth("any", mechanisms="PLAIN")


@pytest.mark.parametrize("value", ["ann:s3cret", ("ann", "s3cret"), [("ann", "s3cret")], 5])
def test_wrong_credentials_are_refused_without_their_secret(value):
    for make in (Auth, lambda value: MailServer(auth=value)):
        with pytest.raises(
            ValueError, match=r"auth must be \{user: password\}, a function of credentials, or"
        ) as caught:
            make(value)
        assert "s3cret" not in str(caught.value)


def test_equal_settings_have_equal_hashes():
    assert len({Auth({"ann": "secret"}, nonce=len), Auth({"ann": "secret"}, nonce=len), Auth("any", nonce=len)}) == 2
    assert Auth("any") != "any"


def test_credentials_have_the_name_of_rules_too():
    credentials = Credentials("PLAIN", "ann")
    assert credentials.user == credentials.username == "ann"

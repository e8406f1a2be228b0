"""AUTH: the dialogue of RFC 4954, round by round; what a mechanism says is in test_sasl."""

from base64 import b64encode

import pytest

from lazr.smtptest import Auth, Credentials, Limits, MissingExtra, Reply
from lazr.smtptest.protocol.smtp import auth as auth_module
from lazr.smtptest.protocol.smtp.event import Auth as AuthEvent
from lazr.smtptest.protocol.smtp.reply import PENDING
from talk import GREETED, TO_RCPT, Recorded


def b64(text):
    return b64encode(text.encode() if isinstance(text, str) else text)


USERS = {"ann": "secret"}
GOOD = b64("\0ann\0secret")
BAD = b64("\0ann\0wrong")
DONE = b"235 2.7.0 Authentication succeeded\r\n"
WRONG = b"535 5.7.8 Authentication credentials invalid\r\n"


def greeted(accept=USERS, decide=None, limits=None, greeting=GREETED, tls="none", **settings):
    recorded = Recorded(decide, auth=Auth(accept, nonce=lambda: "nonce", **settings), limits=limits, tls=tls)
    recorded.say(greeting)
    return recorded


def offer(recorded):
    for line in recorded.say(GREETED).decode().splitlines():
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
        ([b"AUTH PLAIN ="], [b"501 5.5.2"]),  # an initial response of no octets, which PLAIN has no use for
        ([b"AUTH PLAIN", b"*"], [b"334 \r\n", b"501 5.7.0 Authentication cancelled\r\n"]),
        ([b"AUTH PLAIN", b"!!!"], [b"334 \r\n", b"501 5.5.2 Cannot decode base64\r\n"]),
        ([b"AUTH PLAIN", b"="], [b"334 \r\n", b"501 5.5.2 Cannot decode base64\r\n"]),
        ([b"AUTH PLAIN", b"QQ"], [b"334 \r\n", b"501 5.5.2 Cannot decode base64\r\n"]),
        ([b"AUTH PLAIN", b"QUIT"], [b"334 \r\n", b"501 5.5.2"]),  # no command, but octets without a NUL
        ([b"AUTH PLAIN a\xc3\xa4"], [b"501 5.5.2 Cannot decode base64\r\n"]),
        ([b"AUTH PLAIN \xff"], [b"501 5.5.2"]),
        ([b"AUTH"], [b"501 5.5.4 Syntax: AUTH mechanism [initial-response]\r\n"]),
        ([b"AUTH PLAIN " + GOOD + b" more"], [b"501 5.5.4"]),
        ([b"AUTH PL/IN"], [b"501 5.5.4"]),
        ([b"AUTH NTLM"], [b"504 5.5.4 Unrecognized authentication type"]),
        ([b"AUTH EXTERNAL ="], [b"504 5.5.4"]),  # without TLS there is no certificate
        ([b"AUTH CRAM-MD5 ="], [b"501 5.7.0"]),
        ([b"AUTH XOAUTH2 " + b64("user=ann\1auth=Bearer secret\1\1")], [DONE]),
        (
            [b"AUTH XOAUTH2 " + b64("user=ann\1auth=Bearer wrong\1\1"), b""],
            [b"334 eyJzdGF0dXMi", WRONG],  # the error first, as JSON; the client takes note of it
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
def test_dialogues(lines, replies):
    recorded = greeted()
    said = [recorded.say(line + b"\r\n") for line in lines]

    assert len(said) == len(replies)
    for got, wanted in zip(said, replies, strict=True):
        assert got.startswith(wanted)
    accepted = replies[-1] == DONE
    assert (recorded.record.auth is not None) == accepted
    assert recorded.code(b"NOOP") == 250  # whatever it was, it is over
    assert (recorded.code(b"MAIL FROM:<a@b.example>") == 250) == accepted


def test_a_dialogue_octet_by_octet():
    recorded = greeted()

    assert recorded.bytewise(b"AUTH LOGIN\r\n") == b"334 VXNlcm5hbWU6\r\n"
    assert recorded.bytewise(b64("ann") + b"\r\n") == b"334 UGFzc3dvcmQ6\r\n"
    assert recorded.bytewise(b64("secret") + b"\r\n") == DONE


def test_scram_says_its_last_word_before_the_verdict():
    from scramp import ScramClient

    recorded = greeted()
    client = ScramClient(["SCRAM-SHA-256"], "ann", "secret")
    first = recorded.say(b"AUTH SCRAM-SHA-256 " + b64(client.get_client_first()) + b"\r\n")
    client.set_server_first(_text(first))
    final = recorded.say(b64(client.get_client_final()) + b"\r\n")
    client.set_server_final(_text(final))  # it raises if the server does not know the password

    assert recorded.say(b"\r\n") == DONE
    assert recorded.record.auth.proved and recorded.record.auth.password is None


def _text(reply):
    from base64 import b64decode

    assert reply.startswith(b"334 ")
    return b64decode(reply[4:]).decode()


def test_the_event_holds_the_credentials_and_shows_no_secret():
    recorded = greeted()
    recorded.say(b"AUTH PLAIN " + b64("boss\0ann\0secret") + b"\r\n")
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
def test_no_secret_is_in_any_event_but_its_credentials(lines, where):
    recorded = greeted(in_clear=where != "needs TLS", tls="offered" if where == "needs TLS" else "none", required=False,
                       greeting={"before EHLO": b"", "in a transaction": TO_RCPT}.get(where, GREETED))  # fmt: skip
    if where == "no AUTH":
        recorded = Recorded()
    for line in lines if where == "offered" else lines[:1]:
        recorded.say(line + b"\r\n")

    shown = " ".join([repr(recorded.events), repr(recorded.record), *(event.said() for event in recorded.events)])
    for secret in (b64("hunter2"), b64("\0ann\0hunter2"), b64("user=ann\1auth=Bearer hunter2\1\1"), b"hunter2"):
        assert secret.decode().rstrip("=")[:-2] not in shown


# -- order -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "code", "text"),
    [
        (b"", 503, b"Say EHLO first"),
        (b"HELO x\r\n", 503, b"AUTH is an extension"),
        (GREETED + b"AUTH PLAIN " + GOOD + b"\r\n", 503, b"Already authenticated"),
    ],
)
def test_when_it_may_not_come(before, code, text):
    recorded = greeted(greeting=b"")
    for line in before.splitlines(keepends=True):
        recorded.say(line)

    reply = recorded.say(b"AUTH PLAIN " + GOOD + b"\r\n")
    assert reply.startswith(b"%d 5.5.1 " % code) and text in reply


def test_inside_a_transaction_it_is_out_of_order():
    recorded = greeted(required=False, greeting=TO_RCPT)

    assert recorded.say(b"AUTH PLAIN " + GOOD + b"\r\n") == b"503 5.5.1 AUTH may not come inside a transaction\r\n"
    assert recorded.code(b"DATA") == 354  # the transaction is still there


def test_a_server_without_auth_does_not_know_it():
    recorded = Recorded()
    recorded.say(GREETED)

    assert recorded.say(b"AUTH PLAIN " + GOOD + b"\r\n") == b"502 5.5.1 Command not implemented\r\n"
    assert recorded.events[-1].verb == "AUTH" and recorded.events[-1].argument == "PLAIN ***"
    assert recorded.record.sent_in_clear == {"credentials"}


def test_mail_needs_it_where_it_is_required():
    recorded = greeted()

    for line in (b"MAIL FROM:<a@b.example>", b"VRFY ann", b"EXPN list"):
        assert recorded.say(line + b"\r\n") == b"530 5.7.0 Authentication required\r\n"
    recorded.say(b"AUTH PLAIN " + GOOD + b"\r\n")
    assert [recorded.code(line) for line in (b"MAIL FROM:<a@b.example>", b"VRFY ann", b"EXPN list")] == [250, 252, 502]


def test_ehlo_and_rset_do_not_take_it_back():
    recorded = greeted()
    recorded.say(b"AUTH PLAIN " + GOOD + b"\r\n")
    recorded.say(b"RSET\r\n")
    recorded.say(GREETED)

    assert recorded.code(b"MAIL FROM:<a@b.example>") == 250


def test_it_is_taken_back_by_the_handshake():
    recorded = greeted(tls="offered", in_clear=True)
    recorded.say(b"AUTH PLAIN " + GOOD + b"\r\n")
    recorded.say(b"STARTTLS\r\n")
    recorded.secure().say(GREETED)

    assert recorded.record.auth is None and len(recorded.record.auth_attempts) == 1
    assert recorded.code(b"MAIL FROM:<a@b.example>") == 530


# -- in clear --------------------------------------------------------------------------------


def test_beside_starttls_it_is_not_offered_in_clear():
    recorded = greeted(tls="offered")

    assert offer(recorded) is None
    assert recorded.say(b"AUTH PLAIN " + GOOD + b"\r\n").startswith(b"538 5.7.11 Encryption required")
    assert recorded.record.sent_in_clear == {"credentials"}  # too late for them
    recorded.say(b"STARTTLS\r\n")
    recorded.secure()
    assert "PLAIN" in offer(recorded)
    assert recorded.say(b"AUTH PLAIN " + GOOD + b"\r\n") == DONE


def test_unless_that_is_allowed():
    assert "PLAIN" in offer(greeted(tls="offered", in_clear=True))
    never = greeted(in_clear=False)
    assert offer(never) is None
    assert never.code(b"AUTH PLAIN " + GOOD) == 538


@pytest.mark.parametrize(
    ("lines", "told"),
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
def test_credentials_in_clear_are_a_fact(lines, told):
    recorded, secure = greeted(), greeted(tls="on")
    secure.secure().say(GREETED)
    for line in lines:
        recorded.say(line + b"\r\n")
        secure.say(line + b"\r\n")

    assert ("credentials" in recorded.record.sent_in_clear) == told
    assert secure.record.sent_in_clear == frozenset()


# -- hostile clients -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        (b"AUTH PLAIN " + GOOD + b"\r\nMAIL FROM:<a@b.example>\r\n", DONE),
        (b"AUTH PLAIN\r\n" + GOOD + b"\r\n", b"334 \r\n"),
        (b"AUTH LOGIN\r\n" + b64("ann") + b"\r\n" + b64("secret") + b"\r\n", b"334 VXNlcm5hbWU6\r\n"),
        (b"AUTH NTLM\r\nMAIL FROM:<a@b.example>\r\n", b"504"),
    ],
)
def test_what_does_not_wait_for_the_reply_is_discarded_and_never_run(said, reply):
    recorded = greeted(required=False)
    output = recorded.say(said)

    first, last = output.splitlines(keepends=True)
    assert first.startswith(reply)
    assert last.startswith(b"421 4.7.0 Octets behind a command that did not wait")
    assert recorded.record.discarded == said.partition(b"\r\n")[2]
    assert all(event.verb in ("CONNECT", "EHLO", "AUTH") for event in recorded.events)
    assert recorded.session.closing


def test_after_three_failures_the_next_attempt_is_the_last():
    # smtplib tries three mechanisms in turn, and its user should hear of the password, not of this.
    recorded = greeted()

    assert [recorded.say(b"AUTH PLAIN " + BAD + b"\r\n") for _ in range(3)] == [WRONG] * 3
    assert recorded.code(b"NOOP") == 250
    assert recorded.say(b"AUTH PLAIN " + GOOD + b"\r\n") == b"421 4.7.0 Too many failed authentications, goodbye\r\n"
    assert recorded.session.closing
    assert recorded.record.discarded == b""
    hasty = greeted(limits=Limits(auth_failures=1))
    hasty.say(b"AUTH PLAIN " + BAD + b"\r\n")
    assert hasty.say(b"AUTH PLAIN\r\n" + GOOD + b"\r\n").startswith(b"421 4.7.0 Too many failed")
    assert hasty.record.discarded == GOOD + b"\r\n"
    patient = greeted(limits=Limits(auth_failures=None))
    assert [patient.code(b"AUTH PLAIN " + BAD) for _ in range(10)] == [535] * 10


def test_the_attempts_that_are_kept_are_the_latest_hundred():
    recorded = greeted(limits=Limits(auth_failures=None, commands_without_mail=None))
    for number in range(110):
        recorded.say(b"AUTH PLAIN " + b64(f"\0user{number}\0x") + b"\r\n")

    assert [c.username for c in recorded.record.auth_attempts] == [f"user{number}" for number in range(10, 110)]


LONGEST = 12288 - 2


@pytest.mark.parametrize("size", [LONGEST, LONGEST + 1, LONGEST + 100, 60_000])
@pytest.mark.parametrize("initial", [True, False])
def test_lines_have_an_end(size, initial):
    recorded = greeted()
    start = b"AUTH PLAIN " if initial else b""
    if not initial:
        recorded.say(b"AUTH PLAIN\r\n")
    padding = (size - len(start)) % 4  # base64 comes in fours
    line = start + (b" " * padding if initial else b"") + b"QUJD" * ((size - len(start) - padding) // 4)
    if not initial:
        line += b"x" * padding
    assert len(line) == size

    reply = recorded.say(line + b"\r\n")
    assert reply.startswith(b"501 " if size == LONGEST else b"500 5.5.6 Authentication exchange line is too long")
    assert recorded.code(b"NOOP") == 250


def test_an_endless_line_of_an_exchange_is_the_end():
    recorded = greeted()
    recorded.say(b"AUTH PLAIN\r\n")

    assert recorded.say(b"A" * 70_000).startswith(b"421 4.7.0 Command line without end")
    assert recorded.record.auth is None


def test_leaving_in_the_middle_does_no_harm():
    recorded = greeted()
    recorded.say(b"AUTH LOGIN\r\n")

    assert recorded.session.end_of_input() == b""
    assert recorded.session.closing


def test_a_timeout_in_the_middle():
    recorded = greeted()
    recorded.say(b"AUTH LOGIN\r\n")

    assert recorded.session.time_out().startswith(b"421 4.4.2")


# -- deciding --------------------------------------------------------------------------------


def test_a_decision_is_the_verdict():
    turned = {535: Reply(235, "2.7.0", "Be welcome"), 235: Reply(454, "4.7.0", "Later")}
    recorded = greeted(decide=lambda event, reply: turned[reply.code] if event.verb == "AUTH" else reply)

    assert recorded.code(b"AUTH PLAIN " + GOOD) == 454
    assert recorded.record.auth is None
    assert recorded.code(b"AUTH PLAIN " + BAD) == 235
    assert recorded.record.auth.password == "wrong"


def test_one_more_challenge_for_a_verdict_is_no_success():
    recorded = greeted(decide=lambda event, reply: Reply(334, "Zm9v") if event.verb == "AUTH" else reply)

    assert recorded.code(b"AUTH PLAIN " + GOOD) == 334
    assert recorded.record.auth is None


def test_a_temporary_failure_is_none_that_counts():
    recorded = greeted(decide=lambda event, reply: Reply(454, "4.7.0", "Later") if event.verb == "AUTH" else reply)

    assert [recorded.code(b"AUTH PLAIN " + GOOD) for _ in range(5)] == [454] * 5


def test_a_late_verdict():
    recorded = greeted(decide=lambda event, reply: PENDING if event.verb == "AUTH" else reply)
    assert recorded.say(b"AUTH PLAIN " + GOOD + b"\r\n") == b""
    assert recorded.session.waiting

    assert recorded.session.answer(Reply(235, "2.7.0", "At last")) == b"235 2.7.0 At last\r\n"
    assert recorded.record.auth.username == "ann"
    recorded = greeted(decide=lambda event, reply: PENDING if event.verb == "AUTH" else reply)
    recorded.say(b"AUTH PLAIN " + GOOD + b"\r\nMAIL FROM:<>\r\n")
    assert recorded.session.answer(Reply(535, "5.7.8", "No")).splitlines()[1].startswith(b"421 4.7.0 Octets behind")


def test_a_late_verdict_with_a_last_word():
    recorded = greeted(decide=lambda event, reply: PENDING if event.verb == "AUTH" else reply)
    recorded.say(b"AUTH XOAUTH2 " + b64("user=ann\1auth=Bearer wrong\1\1") + b"\r\n")

    assert recorded.session.answer(Reply(535, "5.7.8", "No")).startswith(b"334 ")
    assert recorded.say(b"\r\n") == b"535 5.7.8 No\r\n"


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
def test_what_a_function_of_the_testers_raises_is_told_and_not_lost(auth, lines):
    errors = []

    def raised(error):
        errors.append(error)
        return Reply(451, "4.3.0", "Broken")

    recorded = Recorded(auth=auth, raised=raised)
    recorded.say(GREETED)

    assert [recorded.say(line + b"\r\n") for line in lines][-1] == b"451 4.3.0 Broken\r\n"
    assert isinstance(errors[0], (ZeroDivisionError, TypeError)) and len(errors) == 1
    assert recorded.code(b"NOOP") == 250


def test_with_nobody_to_tell_it_is_raised_at_once():
    with pytest.raises(ZeroDivisionError):
        greeted(broken).say(b"AUTH PLAIN " + GOOD + b"\r\n")


@pytest.mark.parametrize(
    ("last", "reply"),
    [(b"*", b"501 5.7.0 Authentication cancelled\r\n"), (b"!", b"501 5.5.2 Cannot decode base64\r\n"), (b"", DONE)],
)
def test_a_client_may_refuse_the_server_at_the_end(last, reply):
    # RFC 5802 5: it checks the server's signature, and "*" (RFC 4954 4) says that it is wrong.
    from scramp import ScramClient

    recorded = greeted()
    client = ScramClient(["SCRAM-SHA-1"], "ann", "secret")
    client.set_server_first(_text(recorded.say(b"AUTH SCRAM-SHA-1 " + b64(client.get_client_first()) + b"\r\n")))
    recorded.say(b64(client.get_client_final()) + b"\r\n")

    assert recorded.say(last + b"\r\n") == reply
    assert (recorded.record.auth is not None) == (reply == DONE)


def test_a_refusal_cannot_be_taken_back():
    recorded = greeted()
    recorded.say(b"AUTH XOAUTH2 " + b64("user=ann\1auth=Bearer wrong\1\1") + b"\r\n")

    assert recorded.say(b"*\r\n") == WRONG


def test_a_challenge_is_one_line_however_long():
    recorded = greeted()
    reply = recorded.say(b"AUTH SCRAM-SHA-1 " + b64("n,,n=ann,r=" + "A" * 2000) + b"\r\n")

    assert reply.startswith(b"334 ") and reply.count(b"\r\n") == 1 and len(reply) > 2000


@pytest.mark.parametrize(
    "line",
    [b64("\0ann\0"), b64("\0ann\0\0")],
)
def test_an_empty_password_is_nobodys(line):
    assert greeted({"ann": ""}).code(b"AUTH PLAIN " + line) in (501, 535)


def test_an_empty_token_is_nobodys():
    recorded = greeted({"ann": ""})
    recorded.say(b"AUTH OAUTHBEARER " + b64("n,,\1auth=\1\1") + b"\r\n")

    assert recorded.say(b"AQ==\r\n") == WRONG


# -- what Auth accepts, and offers -----------------------------------------------------------

IN_CLEAR = ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER"]
PLUS = ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"]


@pytest.mark.parametrize(
    ("accept", "settings", "offered"),
    [
        (USERS, {}, IN_CLEAR),
        (USERS, {"tls": "on"}, IN_CLEAR),
        (USERS, {"tls": "on", "channel_bindings": True}, [*IN_CLEAR, *PLUS]),
        (USERS, {"tls": "on", "client_certificates": True}, [*IN_CLEAR, "EXTERNAL"]),
        (USERS, {"channel_bindings": True, "client_certificates": True}, IN_CLEAR),
        ("any", {}, [name for name in IN_CLEAR if "SCRAM" not in name]),
        (lambda credentials: True, {}, [name for name in IN_CLEAR if "SCRAM" not in name]),
    ],
)
def test_what_can_be_done_is_offered(accept, settings, offered):
    assert sorted(offer(Recorded(auth=Auth(accept), **settings))) == sorted(offered)


def test_where_scramp_is_missing_scram_is_not_offered(monkeypatch):
    monkeypatch.setattr(auth_module, "scram_is_here", lambda: False)

    assert sorted(Auth(USERS).mechanisms) == sorted(
        [*(name for name in IN_CLEAR if "SCRAM" not in name), "EXTERNAL"]
    )  # fmt: skip
    with pytest.raises(MissingExtra, match=r'SCRAM-SHA-1 needs scramp: pip install "lazr.smtptest\[auth\]"'):
        Auth(USERS, mechanisms=["SCRAM-SHA-1"])


def test_mechanisms_by_name():
    recorded = greeted(mechanisms=["login", "Anonymous"])

    assert offer(recorded) == ["LOGIN", "ANONYMOUS"]
    assert recorded.code(b"AUTH PLAIN " + GOOD) == 504
    assert recorded.say(b"AUTH ANONYMOUS " + b64("sirhc") + b"\r\n") == DONE
    assert recorded.record.auth.username == "sirhc"


def test_passwords_are_strings():
    with pytest.raises(TypeError, match="strings, not bytes"):
        Auth({"ann": b"secret"})


@pytest.mark.parametrize(
    ("accept", "mechanisms", "says"),
    [
        (USERS, ["KERBEROS"], "no mechanism 'KERBEROS'; there are PLAIN"),
        ("any", ["SCRAM-SHA-1"], "needs passwords"),
        (USERS, [], "no mechanism is left"),
        ("all", None, "or \"any\", not 'all'"),
    ],
)
def test_settings_that_make_no_sense(accept, mechanisms, says):
    with pytest.raises(ValueError, match=says):
        Auth(accept, mechanisms=mechanisms)


def test_any_accepts_whatever_comes_and_requires_nothing():
    recorded = greeted("any")

    assert recorded.code(b"MAIL FROM:<a@b.example>") == 250
    recorded.say(b"RSET\r\n")
    assert recorded.code(b"AUTH PLAIN " + b64("\0who\0ever")) == 235
    assert recorded.record.auth.password == "ever"


def test_a_function_decides():
    seen = []

    def accept(credentials):
        seen.append(credentials)
        return credentials.username == "ann" and credentials.matches("secret")

    recorded = greeted(accept)
    assert recorded.code(b"AUTH PLAIN " + BAD) == 535
    assert recorded.code(b"AUTH PLAIN " + GOOD) == 235
    assert [c.password for c in seen] == ["wrong", "secret"]


def test_a_function_that_returns_no_bool_is_a_mistake():
    with pytest.raises(TypeError, match="auth returned 'yes'; return True or False"):
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
def test_external_goes_by_the_certificate(identities, initial, code):
    recorded = Recorded(auth=Auth(USERS), tls="on", client_certificates=True)
    recorded.secure(client_certificate=b"DER", identities=identities).say(GREETED)

    assert recorded.code(b"AUTH EXTERNAL " + initial) == code


def test_a_plain_scram_client_is_not_taken_for_a_downgraded_one():
    # RFC 5802 6: "y" says that the client could bind, and believes that the server cannot.
    auth = Auth(USERS, mechanisms=["SCRAM-SHA-256"])
    recorded = Recorded(auth=auth, tls="on")
    recorded.secure(bindings={"tls-server-end-point": b"hash"}).say(GREETED)

    assert recorded.say(b"AUTH SCRAM-SHA-256 " + b64("y,,n=ann,r=abc") + b"\r\n").startswith(b"334 ")


def test_auth_says_what_it_is():
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
def test_auth_on_mail_is_accepted_where_auth_is_offered(parameter, code, value):
    recorded = greeted("any")

    assert recorded.code(b"MAIL FROM:<a@b.example> " + parameter) == code
    if value is not None:
        assert recorded.events[-1].parameters == {"AUTH": value}
    without = Recorded()
    without.say(GREETED)
    assert without.code(b"MAIL FROM:<a@b.example> " + parameter) == 555

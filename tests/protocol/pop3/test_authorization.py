"""USER, PASS, APOP and AUTH (RFC 1939 7, RFC 5034)."""

import hmac
from base64 import b64encode
from hashlib import md5

import pytest

from lazr.smtptest.protocol.folder_access import FolderError
from lazr.smtptest.protocol.reading_session import ReadingReply
from lazr.smtptest.protocol.smtp import Limits, TlsMode
from tests.protocol.pop3.dialogue import SMALL, Dialogue

USERS = {"ann": "secret"}
DONE = "+OK Maildrop has 1 messages (25 octets)"
WRONG = "-ERR [AUTH] Authentication failed: user name or password is wrong"


def b64(text):
    return b64encode(text.encode()).decode()


def run(*lines, **settings):
    dialogue = Dialogue(SMALL, **{"accept": USERS, **settings})
    return dialogue, [dialogue.send(line) for line in lines]


@pytest.mark.parametrize(
    ("lines", "responses"),
    [
        (["USER ann", "PASS secret"], ["+OK Send PASS", DONE]),
        (["USER ann", "PASS wrong"], ["+OK Send PASS", WRONG]),
        (["USER eve", "PASS secret"], ["+OK Send PASS", WRONG]),
        (["USER ann", "PASS"], ["+OK Send PASS", WRONG]),
        (["USER ann", "PASS wrong", "PASS secret"], ["+OK Send PASS", WRONG, "-ERR Send USER before PASS"]),
        (["PASS secret"], ["-ERR Send USER before PASS"]),
        (["USER"], ["-ERR USER takes 1 arguments, got 0"]),
        (["USER ", "PASS x"], ["-ERR USER takes 1 arguments, got 0", "-ERR Send USER before PASS"]),
        ([f"APOP ann {md5(b'<nonce@localhost>secret').hexdigest()}"], [DONE]),
        ([f"APOP ann {md5(b'<nonce@localhost>wrong').hexdigest()}"], [WRONG]),
        (["APOP ann secret"], ["-ERR APOP takes a name and 32 hexadecimal digits"]),
        (["AUTH PLAIN " + b64("\0ann\0secret")], [DONE]),
        (["AUTH PLAIN", b64("\0ann\0secret")], ["+ ", DONE]),
        (["auth login", b64("ann"), b64("secret")], ["+ VXNlcm5hbWU6", "+ UGFzc3dvcmQ6", DONE]),
        (["AUTH PLAIN " + b64("\0ann\0x")], [WRONG]),
        (["AUTH PLAIN =", "STAT"], [None, "-ERR STAT needs authentication first"]),
        (["AUTH PLAIN", "*", "CAPA"], ["+ ", "-ERR Authentication cancelled", None]),
        (["AUTH FOO"], [None]),
    ],
)
def test_dialogue_of_authentication(lines, responses):
    _, got = run(*lines)

    assert [response if expected else None for response, expected in zip(got, responses, strict=True)] == responses


def test_cram_md5_proves_the_password():
    dialogue, [challenge] = run("AUTH CRAM-MD5")
    assert challenge == "+ " + b64("<nonce@localhost>")
    digest = hmac.digest(b"secret", b"<nonce@localhost>", "md5").hex()

    assert dialogue.send(b64(f"ann {digest}")) == DONE
    assert dialogue.usernames == ["ann"]
    assert dialogue.session.account is dialogue.account


def test_scram_proves_the_password():
    scramp = pytest.importorskip("scramp")
    client = scramp.ScramClient(["SCRAM-SHA-256"], "ann", "secret", c_nonce="x")
    dialogue, [first] = run("AUTH SCRAM-SHA-256 " + b64(client.get_client_first()))
    import base64

    client.set_server_first(base64.b64decode(first[2:]).decode())
    final = dialogue.send(b64(client.get_client_final()))
    client.set_server_final(base64.b64decode(final[2:]).decode())
    assert dialogue.send("") == DONE


def test_refused_token_is_explained_before_the_error():
    _, responses = run("AUTH XOAUTH2 " + b64("user=ann\1auth=Bearer x\1\1"), "")

    assert responses[0].startswith("+ ") and responses[1] == WRONG


def test_auth_without_argument_lists_mechanisms():
    _, [response] = run("AUTH", accept=None)

    assert response == "+OK Mechanisms follow\r\nPLAIN\r\nLOGIN\r\n."


def test_any_user_is_accepted_without_auth():
    dialogue, responses = run("USER päul@example.com", "PASS ", accept=None)

    assert responses == ["+OK Send PASS", DONE]
    assert dialogue.usernames == ["päul@example.com"]


def test_apop_is_refused_without_known_passwords():
    _, [response] = run("APOP ann " + "0" * 32, accept="any")

    assert response == "-ERR APOP is not offered"


def test_plain_passwords_need_tls():
    needs_tls = "-ERR Authentication needs TLS here; send STLS first"
    dialogue, responses = run("USER ann", "APOP ann " + "0" * 32, "AUTH PLAIN", tls=TlsMode.STARTTLS)

    assert responses[0] == needs_tls
    assert all(response.startswith("-ERR Authentication needs TLS here") for response in responses)
    dialogue.send("STLS")
    dialogue.complete_handshake()
    assert dialogue.send("USER ann") == "+OK Send PASS"
    assert dialogue.send("PASS secret") == DONE


def test_plain_passwords_need_a_plain_mechanism():
    _, [response] = run("USER ann", of_auth={"mechanisms": ["CRAM-MD5"]})

    assert response == "-ERR Plain passwords are not accepted; mechanisms: CRAM-MD5"


def test_too_many_failures_close():
    dialogue, responses = run(*["USER ann", "PASS x"] * 3, limits=Limits(auth_failures=2))

    assert responses[-1] == "-ERR Too many failed authentications, goodbye"
    assert dialogue.session.is_closing
    assert dialogue.session.auth_failures == 2


def test_decision_on_auth_knows_the_user():
    def decide(command):
        return ReadingReply("-ERR", "[IN-USE] Later") if command.verb == "POP3 AUTH" else None

    dialogue, [response, other] = run("AUTH PLAIN " + b64("ann\0ann\0secret"), "CAPA", decide=decide)

    assert response == "-ERR [IN-USE] Later" and other.startswith("+OK")
    assert [(command.argument, command.username) for command in dialogue.commands[1:2]] == [("PLAIN", "ann")]
    assert dialogue.session.account is None


def test_decisions_on_user_pass_and_apop_know_the_user():
    dialogue, _ = run("USER ann", "PASS x", "APOP ann x", "USER", "PASS")

    assert [(command.verb, command.argument, command.username) for command in dialogue.commands[1:]] == [
        ("POP3 USER", "ann", "ann"),
        ("POP3 PASS", "***", "ann"),
        ("POP3 APOP", "ann ***", "ann"),
        ("POP3 USER", "", ""),
        ("POP3 PASS", "", ""),
    ]


@pytest.mark.parametrize("line", ["A" * 12_287, "A" * 20_000])
def test_long_line_ends_the_exchange(line):
    _, responses = run("AUTH PLAIN", line, "CAPA")

    assert "too long" in responses[1] and responses[2].startswith("+OK")


def explode(*arguments):
    raise ZeroDivisionError


def test_exception_of_the_users_function_is_reported():
    reported = []
    dialogue, responses = run(
        "USER ann", "PASS x", accept=explode, reply_to_exception=reported.append
    )  # fmt: skip

    assert responses[1] == "-ERR [SYS/TEMP] Internal error while the credentials were checked"
    assert [type(error) for error in reported] == [ZeroDivisionError]
    assert not dialogue.session.is_closing


def test_account_may_be_refused_when_it_is_opened(monkeypatch):
    dialogue = Dialogue(SMALL)

    def refuse(username):
        raise FolderError("No such account")

    monkeypatch.setattr(dialogue, "_open_account", refuse)
    dialogue.session = type(dialogue.session)(dialogue._decide, dialogue.settings, refuse)
    dialogue.session.greet("x")
    dialogue.send("USER ann")
    assert dialogue.send("PASS x") == "-ERR [SYS/TEMP] No such account"

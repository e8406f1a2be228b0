"""POP3 of a `MailServer`: how clients log in, rules, stores, and what other readers of the store see."""

import contextlib
import poplib
import smtplib
import socket

import pytest

from lazr.smtptest import Auth, MailServer
from lazr.smtptest.store import SqliteStore
from tests.readers.example_mails import EXAMPLES, MEETING, REPORT
from tests.readers.reader_server import PASSWORD

USERS = {"bob@example.com": PASSWORD}
TIMEOUT_SECONDS = 60


@contextlib.contextmanager
def connect(server):
    client = poplib.POP3(*server.pop3.address, timeout=TIMEOUT_SECONDS)
    try:
        yield client
    finally:
        client.close()


@contextlib.contextmanager
def log_in(server, user="bob@example.com"):
    with connect(server) as client:
        client.user(user)
        client.pass_(PASSWORD)
        yield client


def get_stat(server, user="bob@example.com"):
    with log_in(server, user) as client:
        return client.stat()


def send_mails(server, *contents, recipient="bob@example.com"):
    with smtplib.SMTP(*server.address) as client:
        for content in contents:
            client.sendmail("ann@example.com", [recipient], content, mail_options=["BODY=8BITMIME"])


@pytest.fixture
def server():
    with MailServer(pop3=True) as server:
        yield server


def test_address_sees_its_mails_and_other_names_see_all(server):
    send_mails(server, MEETING)
    send_mails(server, REPORT, recipient="carol@example.com")

    counts = {user: get_stat(server, user)[0] for user in ("bob@example.com", "CAROL@example.com", "x@y", "test")}

    assert counts == {"bob@example.com": 1, "CAROL@example.com": 1, "x@y": 0, "test": 2}


def test_apop_proves_the_password():
    with MailServer(pop3=True, auth=Auth(USERS, required=False)) as server:
        send_mails(server, MEETING)
        with connect(server) as client:
            client.apop("bob@example.com", PASSWORD)
            assert client.stat() == (1, len(MEETING))
            client.quit()
    assert server.sessions[1].auth.mechanism == "APOP"
    assert not server.sessions[1].sent_in_clear


@pytest.mark.parametrize("mechanism", ["CRAM-MD5", "PLAIN", "LOGIN", "EXTERNAL"])
def test_curl_logs_in_with_each_mechanism(mechanism, run_program):
    with MailServer(pop3=True, auth=Auth(USERS, required=False)) as server:
        send_mails(server, MEETING)
        output = run_program(
            *("curl", "--silent", "--user", f"bob@example.com:{PASSWORD}", "--login-options", f"AUTH={mechanism}"),
            f"{server.pop3.url}/1",
            expected_status=67 if mechanism == "EXTERNAL" else 0,
        )
    assert output == (b"" if mechanism == "EXTERNAL" else MEETING)
    if mechanism != "EXTERNAL":
        assert server.sessions[1].auth.mechanism == mechanism


def test_wrong_passwords_are_recorded_and_limited():
    with MailServer(pop3=True, auth=Auth(USERS, required=False)) as server:
        errors = []
        with connect(server) as client:
            for _ in range(4):
                client.user("bob@example.com")
                with pytest.raises(poplib.error_proto) as error:
                    client.pass_("wrong")
                errors.append(error.value.args[0])
    assert [b"[AUTH]" in error for error in errors] == [True, True, True, False]
    assert len(server.sessions[0].auth_attempts) == 3
    assert "wrong" not in str(server.sessions[0].transcript).replace("password is wrong", "")


def test_rule_refuses_a_command(server):
    send_mails(server, MEETING)
    server.on("POP3 RETR").reply("-ERR", "[IN-USE] Maildrop is locked").times(1)

    with log_in(server) as client:
        with pytest.raises(poplib.error_proto, match="IN-USE"):
            client.retr(1)
        assert client.retr(1)[1][0] == MEETING.split(b"\r\n")[0]


def test_rule_drops_the_connection(server):
    send_mails(server, MEETING)
    server.on("POP3 RETR").drop()

    with log_in(server) as client, pytest.raises((OSError, poplib.error_proto)):
        client.retr(1)


def test_deleted_mail_stays_in_the_inbox_of_the_test(server):
    send_mails(server, MEETING)
    with log_in(server) as client:
        client.dele(1)
        client.quit()

    assert get_stat(server) == (0, 0)
    assert len(server.inbox) == 1


@pytest.mark.parametrize("name", EXAMPLES)
def test_durable_store_returns_each_byte(name, tmp_path):
    with SqliteStore(tmp_path / "mails.db") as store, MailServer(pop3=True, store=store) as server:
        send_mails(server, EXAMPLES[name])
        with log_in(server) as client:
            content = b"".join(line + b"\r\n" for line in client.retr(1)[1])
            client.dele(1)
            client.quit()
        assert get_stat(server) == (0, 0)
    assert content == EXAMPLES[name]


def test_pipelined_commands_over_a_slow_store_are_answered_in_order(tmp_path):
    with SqliteStore(tmp_path / "mails.db") as store, MailServer(pop3=True, store=store) as server:
        send_mails(server, *[MEETING] * 50)
        with socket.create_connection(server.pop3.address, timeout=TIMEOUT_SECONDS) as client:
            retrievals = b"".join(b"RETR %d\r\n" % number for number in range(1, 51))
            client.sendall(b"USER bob@example.com\r\nPASS x\r\n" + retrievals + b"DELE 50\r\nQUIT\r\n")
            output = b"".join(iter(lambda: client.recv(65_536), b""))
    assert output.count(MEETING) == 50
    assert output.endswith(b"+OK Goodbye; deleted messages: 1\r\n")


def test_server_stops_while_a_client_is_connected(server):
    with log_in(server) as client:
        server.stop()
        with pytest.raises(poplib.error_proto, match="Server shutting down"):
            client._getresp()

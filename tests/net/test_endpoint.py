"""PROXY headers, XCLIENT, LMTP, AUTH, and attacks, over real connections."""

import smtplib
import ssl
import threading
import time
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from scramp import ScramClient

from lazr.smtptest import Auth, Limits, Listen, MailServer, Reply, Tls
from lazr.smtptest.net.endpoint import TrustedPeers
from tests.helpers.leaks import list_descriptors
from tests.helpers.smtp_client import RawSmtpClient

V1 = b"PROXY TCP4 198.51.100.7 203.0.113.1 40000 25\r\n"
V2 = b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x21, 0x11, 0, 12, 198, 51, 100, 7, 203, 0, 113, 1, 0x9C, 0x40, 0, 25])
LOCAL = b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x20, 0, 0, 0])


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request):
    return request.param


# -- PROXY -----------------------------------------------------------------------------------


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
def test_proxy_header_sets_the_peer(header, loop, connect):
    with MailServer(proxy=True, loop=loop) as server:
        client = connect(server, greet=False)
        client.send(header)
        assert client.read_reply().startswith(b"220")
        client.send_command(b"EHLO x")
        client.send_mail()
        mail = server.inbox.one()

        assert mail.envelope.peer == "198.51.100.7:40000"
        assert mail.session.proxy.source == ("198.51.100.7", 40000)
        assert mail.session.proxy.destination == ("203.0.113.1", 25)


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", LOCAL], ids=["v1", "v2"])
def test_local_proxy_header_keeps_the_peer(header, connect):
    with MailServer(proxy=True) as server:
        client = connect(server, greet=False)
        client.send(header)
        assert client.read_reply().startswith(b"220")

        session = server.sessions[0]
        assert session.proxy.source is None and session.peer.startswith("127.0.0.1:")


def test_proxy_header_byte_by_byte_then_pipelined_commands(connect):
    with MailServer(proxy=True) as server:
        client = connect(server, greet=False)
        for octet in V1[:-1]:
            client.send(bytes([octet]))
        client.send(V1[-1:] + b"EHLO early\r\nNOOP\r\n")

        assert [client.read_reply()[:3] for _ in range(3)] == [b"220", b"250", b"250"]


def test_proxy_header_precedes_tls(loop, connect):
    with MailServer(proxy=True, tls="both", loop=loop) as server:
        inside = connect(server.tls_address, greet=False)
        inside.send(V2)
        inside.wrap_in_tls(server.client_context())
        assert inside.read_reply().startswith(b"220")
        later = connect(server, greet=False)
        later.send(V1)
        assert later.read_reply().startswith(b"220")
        later.starttls(server.client_context())
        later.send_command(b"EHLO x")

        assert {session.peer for session in server.sessions} == {"198.51.100.7:40000"}
        assert all(session.tls for session in server.sessions)


def test_proxy_header_and_client_hello_in_one_packet(connect):
    with MailServer(proxy=True, tls="implicit") as server:
        client = connect(server, greet=False)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        inside = server.client_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
        header, greeting = V2, b""
        while not greeting:
            try:
                greeting = inside.read(1000)
            except ssl.SSLWantReadError:
                client.send(header + outgoing.read())
                header = b""
                incoming.write(client.socket.recv(10_000))

        assert greeting == b"220 localhost ESMTP lazr.smtptest\r\n"
        assert server.sessions[0].peer == "198.51.100.7:40000"


def test_input_after_proxy_header_is_ignored_after_421(connect):
    no = Reply(421, "4.3.2", "Closed today")
    with MailServer(proxy=True, decide=lambda event, reply: no if event.verb == "CONNECT" else reply) as server:
        client = connect(server, greet=False)
        client.send(V1 + b"EHLO x\r\n")

        assert client.read_to_end() == no.wire
        assert server.sessions[0].helo == ""


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"EHLO x\r\n", "PROXY"),
        (b"PROXY TCP4 198.51.100.7\r\n", ""),
        (b"PROXY " + b"x" * 200, ""),
        (b"\x16\x03\x01\x02\x00", ""),
    ],
)
def test_invalid_proxy_header_gets_no_answer(said, why, loop, connect):
    with MailServer(proxy=True, loop=loop) as server:
        client = connect(server, greet=False)
        client.send(said)

        assert client.read_to_end() == b""
        session = server.sessions[0]
        assert session.proxy_failure and why in session.proxy_failure
        assert "proxy_failure" in repr(session)


def test_untrusted_peer_may_not_send_a_proxy_header(loop, connect):
    with MailServer(proxy=True, trusted=["192.0.2.0/24"], loop=loop) as server:
        client = connect(server, greet=False)

        assert client.read_to_end() == b""
        assert (
            server.sessions[0].proxy_failure
            == "this peer is not trusted to name another client; see MailServer(trusted=...)"
        )
        assert server.sessions[0].peer.startswith("127.0.0.1:")


def test_proxy_header_has_a_deadline(monkeypatch, connect):
    from lazr.smtptest.net import proxy_header

    monkeypatch.setattr(proxy_header, "_TIMEOUT_SECONDS", 0.05)
    with MailServer(proxy=True) as server:
        client = connect(server, greet=False)
        client.send(V1[:10])

        assert client.read_to_end() == b""
        assert server.sessions[0].proxy_failure == "timeout"


def test_proxy_header_without_proxy_option_gets_500(server, connect):
    client = connect(server)

    assert client.send_command(V1.strip()).startswith(b"500")
    assert server.sessions[0].proxy is None


def test_listen_overrides_proxy_for_one_listener(connect, tmp_path):
    path = str(tmp_path / "smtp.sock")
    with MailServer(also=[Listen(path=path, proxy=True)]) as server:
        assert connect(server).greeting.startswith(b"220")
        client = connect(path, greet=False)
        client.send(V1)

        assert client.read_reply().startswith(b"220")
        assert server.sessions[1].peer == "198.51.100.7:40000"


@pytest.mark.parametrize(
    ("host", "trusted", "is_in"),
    [
        ("127.0.0.1", ["127.0.0.0/8"], True),
        ("::1", ["127.0.0.0/8"], False),
        ("fe80::1%eth0", ["fe80::/10"], True),
        (None, [], True),
        ("192.0.2.7", ["192.0.2.9/24"], True),
    ],
)
def test_trusted_peers_match_addresses_and_networks(host, trusted, is_in):
    assert TrustedPeers(trusted).is_trusted(host) == is_in


def test_trusted_peers_reject_invalid_networks():
    with pytest.raises(ValueError, match="example"):
        MailServer(trusted=["example.com"])


# -- XCLIENT ---------------------------------------------------------------------------------


def test_xclient_is_offered_only_to_trusted_peers(connect):
    with MailServer(xclient=True) as server, MailServer(xclient=True, trusted=["192.0.2.1"]) as other:
        client, stranger = connect(server), connect(other)
        assert b"XCLIENT NAME ADDR" in client.send_command(b"EHLO proxy.example")
        assert b"XCLIENT" not in stranger.send_command(b"EHLO proxy.example")
        assert stranger.send_command(b"XCLIENT ADDR=198.51.100.7").startswith(b"500")

        assert client.send_command(b"XCLIENT ADDR=198.51.100.7 PORT=4711 NAME=mail.example LOGIN=ann").startswith(
            b"220"
        )
        client.send_command(b"EHLO client.example")
        client.send_mail()
        mail = server.inbox.one()
        assert (mail.envelope.peer, mail.envelope.helo) == ("198.51.100.7:4711", "client.example")
        assert mail.envelope.auth.username == mail.session.auth.username == "ann"
        assert mail.session.client_name == "mail.example"


def test_client_of_a_trusted_proxy_is_not_trusted(connect):
    with MailServer(proxy=True, xclient=True) as server:
        client = connect(server, greet=False)
        client.send(V1)
        client.read_reply()

        assert b"XCLIENT" not in client.send_command(b"EHLO x")
        assert client.send_command(b"XCLIENT LOGIN=admin").startswith(b"500")
        for header in (LOCAL, V1.replace(b"198.51.100.7", b"127.0.0.1")):
            local = connect(server, greet=False)
            local.send(header)
            local.read_reply()
            assert b"XCLIENT" in local.send_command(b"EHLO x")


def test_xclient_works_inside_tls(connect):
    with MailServer(xclient=True, tls="starttls") as server:
        client = connect(server)
        client.starttls(server.client_context())

        assert b"XCLIENT" in client.send_command(b"EHLO x")


# -- LMTP ------------------------------------------------------------------------------------


def full(event, reply):
    return Reply(452, "4.2.2", "Mailbox full") if event.verb == "DELIVERY" and "full@" in event.said() else reply


@pytest.mark.parametrize("unix", [False, True])
def test_lmtp_replies_for_each_recipient(unix, tmp_path, connect):
    path = str(tmp_path / "lmtp.sock")
    also = [Listen(path=path, protocol="lmtp")] if unix else []
    with MailServer(protocol="smtp" if unix else "lmtp", also=also, decide=full) as server:
        client = connect(path if unix else server)
        assert client.send_command(b"LHLO x").startswith(b"250")
        client.send_command(b"MAIL FROM:<ann@example.com>")
        for to in (b"bob", b"full", b"carol", b"bob"):
            client.send_command(b"RCPT TO:<%s@example.com>" % to)
        client.send_command(b"DATA")
        client.send(b"Hi\r\n.\r\n")

        assert [client.read_reply()[:3] for _ in range(4)] == [b"250", b"452", b"250", b"250"]
        # P1: one mail, for the accepted recipients, before the first of these replies is sent.
        assert server.inbox.one().recipients == ("bob@example.com", "carol@example.com", "bob@example.com")
        if not unix:
            assert server.url.startswith("lmtp://")


def test_lmtp_works_with_smtplib():
    with MailServer(protocol="lmtp") as server, smtplib.LMTP(*server.address) as client:
        client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\r\n\r\nHello")

        assert server.inbox.one().subject == "Hi"


def test_lmtp_works_with_slow_decisions(connect):
    async def slow(event, reply):
        return full(event, reply)

    with MailServer(protocol="lmtp", decide=slow) as server:
        client = connect(server)
        client.send_command(b"LHLO x")
        client.send_command(b"MAIL FROM:<ann@example.com>")
        client.send_command(b"RCPT TO:<full@example.com>")
        client.send_command(b"RCPT TO:<bob@example.com>")
        client.send(b"BDAT 4 LAST\r\nHi\r\n")

        assert [client.read_reply()[:3], client.read_reply()[:3]] == [b"452", b"250"]
        assert server.inbox.one().recipients == ("bob@example.com",)


# -- AUTH ------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", [None, "starttls", "implicit"])
def test_smtplib_authenticates_with_each_tls_mode(tls):
    with MailServer(tls=tls, auth={"ann": "secret"}) as server:
        if tls == "implicit":
            client = smtplib.SMTP_SSL(*server.address, context=server.client_context())
        else:
            client = smtplib.SMTP(*server.address)
        with client:
            if tls == "starttls":
                client.starttls(context=server.client_context())
            with pytest.raises(smtplib.SMTPAuthenticationError) as failure:
                client.login("ann", "wrong")  # it tries three mechanisms, which is the limit of failures
            assert failure.value.smtp_code == 535
        with (
            smtplib.SMTP_SSL(*server.address, context=server.client_context())
            if tls == "implicit"
            else smtplib.SMTP(*server.address) as client
        ):
            if tls == "starttls":
                client.starttls(context=server.client_context())
            client.login("ann", "secret")
            client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\r\n\r\nHello")
        mail = server.inbox.one()
        first, second = server.sessions

    assert mail.envelope.auth.username == mail.session.auth.username == "ann"
    assert [c.mechanism for c in first.auth_attempts] == ["CRAM-MD5", "PLAIN", "LOGIN"] and first.auth is None
    assert ("credentials" in first.sent_in_clear) == (tls is None)
    assert second.sent_in_clear == (frozenset({"mail"}) if tls is None else frozenset())


def test_exception_in_auth_function_is_451_and_raised(connect):
    def accept(credentials):
        raise ZeroDivisionError("mine")

    server = MailServer(auth=accept)
    with pytest.raises(ZeroDivisionError, match="mine"), server:
        client = connect(server)
        client.send_command(b"EHLO x")
        assert client.send_command(b"AUTH PLAIN AGFubgBzZWNyZXQ=").startswith(b"451 4.3.0")


def test_exception_in_auth_mapping_is_raised(connect):
    def nonce():
        raise ZeroDivisionError("mine")

    server = MailServer(auth=Auth({"ann": "secret"}, nonce=nonce))
    with pytest.raises(ZeroDivisionError, match="mine"), server:
        client = connect(server)
        client.send_command(b"EHLO x")
        assert client.send_command(b"AUTH CRAM-MD5").startswith(b"451 4.3.0")
        assert client.send_command(b"NOOP").startswith(b"250")


def test_inbox_failure_names_refused_credentials_without_password(connect):
    with MailServer(auth=Auth({"ann": "secret"}, mechanisms=["PLAIN"])) as server:
        client = connect(server)
        client.send_command(b"EHLO x")
        client.send_command(b"AUTH PLAIN AGFubgBodW50ZXIy")  # hunter2
        client.send_command(b"MAIL FROM:<a@b.example>")
        with pytest.raises(AssertionError) as failure:
            server.inbox.one(timeout=0.05)  # the refusal has been sent

    text = str(failure.value)
    assert "AUTH PLAIN ann: 535 5.7.8 Authentication credentials invalid" in text
    assert "MAIL FROM:a@b.example: 530 5.7.0 Authentication required" in text or "530 5.7.0" in text
    assert "hunter2" not in text and "AGFubgBodW50ZXIy" not in text


def test_failed_wait_shows_failed_handshakes(connect):
    with MailServer(tls=Tls("implicit", certificate="expired")) as server:
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(server, context=server.client_context())
        server.settle()
        with pytest.raises(AssertionError, match=r"failed in the TLS handshake: .*certificate expired"):
            server.inbox.wait(timeout=0.05)


@pytest.mark.parametrize(
    ("version", "mechanisms", "offered"),
    [
        ("TLSv1.2", None, True),
        ("TLSv1.3", None, False),  # clients would bind to tls-exporter
        ("TLSv1.3", ["SCRAM-SHA-256-PLUS", "PLAIN"], True),
    ],
)
@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_plus_mechanisms_need_a_channel_binding(version, mechanisms, offered, mode, connect):
    auth = Auth({"ann": "secret"}, mechanisms=mechanisms)
    with MailServer(tls=Tls(mode, versions=version), auth=auth) as server:
        client = connect(server, context=server.client_context() if mode == "implicit" else None)
        if mode == "starttls":
            client.starttls(server.client_context())
        assert (b"-PLUS" in client.send_command(b"EHLO x")) == offered

        scram = ScramClient(
            ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"], "ann", "secret",
            channel_binding=("tls-server-end-point", client.socket) if offered else None,
        )  # fmt: skip
        first = client.send_command(
            f"AUTH {scram.mechanism_name} ".encode() + b64encode(scram.get_client_first().encode())
        )
        scram.set_server_first(b64decode(first[4:]).decode())
        scram.set_server_final(
            b64decode(client.send_command(b64encode(scram.get_client_final().encode()))[4:]).decode()
        )
        assert client.send_command(b"").startswith(b"235")
        assert server.sessions[0].auth.mechanism == scram.mechanism_name
        assert scram.mechanism_name.endswith("-PLUS") == offered


def test_external_auth_uses_the_client_certificate(connect):
    tls = Tls("implicit", client_certificate="required")
    with MailServer(tls=tls, auth={"ann@example.com": ""}) as server:
        client = connect(server, context=server.client_context("ann@example.com"))
        assert b"EXTERNAL" in client.send_command(b"EHLO x")
        assert client.send_command(b"AUTH EXTERNAL =").startswith(b"235")
        assert server.sessions[0].auth.username == "ann@example.com"


def test_repeated_auth_failures_end_the_session(connect):
    with MailServer(auth={"ann": "secret"}, limits=Limits(auth_failures=3)) as server:
        client = connect(server)
        client.send_command(b"EHLO x")
        assert [client.send_command(b"AUTH PLAIN AGFubgB4")[:3] for _ in range(4)] == [b"535"] * 3 + [b"421"]
        assert client.read_to_end() == b""


def test_old_sessions_are_dropped(connect, monkeypatch):
    with MailServer() as server:
        for _ in range(3):
            connect(server).send_command(b"QUIT")

        assert [session.peer.partition(":")[0] for session in server.sessions] == ["127.0.0.1"] * 3


def _injection(server, client):
    client.send_command(b"EHLO x")
    client.send(b"STARTTLS\r\nMAIL FROM:<evil@example.com>\r\n")


def _before_tls(server, client):
    client.send_command(b"EHLO x")
    assert client.send_command(b"MAIL FROM:<a@b.example>").startswith(b"530")


def _half_open(server, client):
    client.send_command(b"EHLO x")
    client.send_command(b"STARTTLS")
    client.send(b"\x16\x03\x01\x02\x00\x01")


def _not_tls(server, client):
    client.send_command(b"EHLO x")
    client.send_command(b"STARTTLS")
    client.send(b"\xff" * 10_000)


def _brute_force(server, client):
    client.starttls(server.client_context())
    client.send_command(b"EHLO x")
    for _ in range(4):
        client.send_command(b"AUTH PLAIN AGFubgB4")


def _junk(server, client):
    client.starttls(server.client_context())
    client.send_command(b"EHLO x")
    client.send_command(b"AUTH LOGIN")
    client.send(b"A" * 70_000)


def _spoof(server, client):
    client.send_command(b"EHLO x")
    assert client.send_command(b"XCLIENT ADDR=192.0.2.1").startswith(b"530")


ATTACKS = [_injection, _before_tls, _half_open, _not_tls, _brute_force, _junk, _spoof]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this machine does not list its descriptors")
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__.strip("_"))
def test_server_works_after_an_attack(attack, loop):
    """THREATS: S2, S3, S4, S15, S20."""
    tls = Tls("starttls", required=True, handshake_timeout=0.2)
    with MailServer(tls=tls, auth={"ann": "secret"}, xclient=True, loop=loop) as server:
        before, threads = server.call(list_descriptors), set(threading.enumerate())
        clients = [RawSmtpClient(server.address) for _ in range(20)]
        for client in clients:
            attack(server, client)
        with RawSmtpClient(server.address) as fresh:  # in the middle of a command
            started = time.monotonic()
            fresh.starttls(server.client_context())
            assert fresh.send_command(b"EHLO x").startswith(b"250") and time.monotonic() - started < 5
        for client in clients:
            client.close()
        end = time.monotonic() + 10
        while server.call(lambda: len(server._connection_manager._connections)):
            assert time.monotonic() < end

        assert server.call(list_descriptors) - before == set() and set(threading.enumerate()) - threads == set()
        assert sum(len(session.discarded) for session in server.sessions) <= 21 * 4096

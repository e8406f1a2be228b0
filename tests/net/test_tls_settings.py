"""TLS over real connections: certificates, faults, injection, timeouts, and invalid settings."""

import asyncio
import re
import select
import smtplib
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest

from lazr.smtptest import Auth, Limits, Listen, MailServer, MissingExtra, StartError, Tls, WaitTimeout
from lazr.smtptest.net.certificates import CERTIFICATE_KINDS, get_authority
from lazr.smtptest.net.tls_settings import TLS_FAULTS
from tests.helpers.smtp_client import EHLO_LINE


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request):
    return request.param


def wait_for_sessions(server, number=1):
    """Wait until `number` sessions have ended, and return all sessions."""
    end = time.monotonic() + 10
    while len(server.sessions) < number or server.call(lambda: len(server._connection_manager._connections)):
        assert time.monotonic() < end
    return server.sessions


# -- valid settings --------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_mail_over_tls(mode, version, loop, connect):
    with MailServer(tls=Tls(mode, versions=version), loop=loop) as server:
        context = server.client_context()
        client = connect(server, context=context if mode == "implicit" else None)
        if mode == "starttls":
            client.starttls(context)
        client.send_command(b"EHLO again.example")
        assert client.send_mail().startswith(b"250")
        assert client.send_command(b"QUIT").startswith(b"221")
        assert client.read_to_end() == b""  # without close_notify this would raise
        mail = server.inbox.one()

    tls = mail.envelope.tls
    assert (tls.version, tls.server_name, tls.implicit) == (version, "localhost", mode == "implicit")
    assert tls.cipher == client.socket.cipher()[0]
    assert (tls.alpn, tls.client_certificate, tls.identities) == (None, None, ())
    assert mail.session is server.sessions[0] and mail.session.tls is tls
    assert (mail.session.sent_in_clear, mail.session.discarded, mail.session.tls_failure) == (frozenset(), b"", None)
    assert repr(tls).startswith(f"<TlsFacts {version} ")


def test_tls_both_has_two_listeners(connect):
    with MailServer(tls="both", also=[Listen(tls="none")]) as server:
        assert [listener.listen.tls for listener in server.listeners] == [None, "implicit", "none"]
        connect(server).starttls(server.client_context())
        assert connect(server.tls_address, context=server.client_context()).greeting.startswith(b"220")
        assert b"STARTTLS" not in connect(server.listeners[2].address).send_command(b"EHLO x")
        assert server.url.startswith("smtp://") and server.address != server.tls_address


def test_listen_can_add_tls_to_a_plain_server(connect):
    with MailServer(also=[Listen(tls="implicit"), Listen(tls="starttls")]) as server:
        assert b"STARTTLS" not in connect(server).send_command(b"EHLO x")
        connect(server.tls_address, context=server.client_context())
        connect(server.listeners[2].address).starttls(server.client_context())
        assert server.env()["SMTP_URL"].startswith("smtp://") and "EMAIL_USE_TLS" not in server.env()


def test_large_mail_over_tls_is_byte_identical(loop, connect):
    content = b"".join(b"%07d\r\n" % number for number in range(150_000))
    with MailServer(tls="implicit", loop=loop) as server:
        client = connect(server, context=server.client_context())
        client.send_command(b"EHLO x")
        assert client.send_mail(content=content).startswith(b"250")
        assert server.inbox.one().content == content


def test_slow_reader_over_tls_gets_all_replies(loop, connect):
    with MailServer(tls="implicit", loop=loop, limits=Limits(commands_without_mail=None)) as server:
        client = connect(server, context=server.client_context(), receive_buffer=4096)
        unsent, received = memoryview(b"NOOP\r\n" * 100_000 + b"QUIT\r\n"), []
        client.socket.setblocking(False)
        # The client reads only when it can send no more, because the server has stopped reading.
        while not received or received[-1]:
            try:
                unsent = unsent[client.socket.send(unsent[:16_384]) if unsent else 0 :]
            except ssl.SSLWantWriteError:
                pass
            else:
                if unsent:
                    continue
            try:
                received.append(client.socket.recv(16_384))
            except ssl.SSLWantReadError:
                assert select.select([client.socket], [client.socket] if unsent else [], [], 10) != ([], [], [])
        rest = b"".join(received)

        assert rest.count(b"\r\n") == 100_001 and rest.endswith(b"221 2.0.0 Bye\r\n")


def test_client_that_never_reads_over_tls_is_cut(loop, connect):
    limits = Limits(commands_without_mail=None, write_timeout=0.2)
    with MailServer(tls="implicit", loop=loop, limits=limits) as server:
        client = connect(server, context=server.client_context(), receive_buffer=4096)
        with pytest.raises((ConnectionError, ssl.SSLError)):
            while True:
                client.send(b"NOOP\r\n" * 1000)
        assert wait_for_sessions(server)[0].tls is not None


@pytest.mark.slow
def test_stop_does_not_wait_for_a_tls_client_that_reads_nothing(loop, connect):
    with MailServer(tls="implicit", loop=loop, limits=Limits(commands_without_mail=None)) as server:
        client = connect(server, context=server.client_context(), receive_buffer=4096)
        client.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            while True:
                client.send(b"NOOP\r\n" * 1000)
        server.stop(10)  # a fifth of it is for pending replies, the rest for a busy machine

        assert not server.running


def test_close_notify_is_answered(loop, connect):
    with MailServer(tls="implicit", loop=loop) as server:
        client = connect(server, context=server.client_context())
        client.send_command(b"EHLO x")
        client.file.close()
        raw = client.socket.unwrap()  # the close_notify of the client, and of the server
        assert raw.recv(10) == b""
        raw.close()
        assert wait_for_sessions(server)[0].helo == "x"


def test_stop_sends_421_over_tls(loop, connect):
    with MailServer(tls="implicit", loop=loop) as server:
        client = connect(server, context=server.client_context())
        server.stop()

        assert client.read_to_end() == b"421 4.3.2 Server shutting down, goodbye\r\n"


def test_alpn_is_negotiated(connect):
    with MailServer(tls=Tls("implicit", alpn=["smtp"])) as server:
        context = server.client_context()
        context.set_alpn_protocols(["imap", "smtp"])
        connect(server, context=context)

        assert server.sessions[0].tls.alpn == "smtp"


@pytest.mark.parametrize("names", [("mail.example",), ("*.example.com", "mail.example")])
def test_tls_names_are_in_the_certificate(names, connect):
    with MailServer(tls=Tls(names=names)) as server:
        client = connect(server)
        client.starttls(server.client_context(), "mail.example")
        client.send_command(b"NOOP")  # a client's handshake ends before the server's
        assert server.sessions[0].tls.server_name == "mail.example"
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(server).starttls(server.client_context(), "localhost")


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_client_certificate_is_recorded(version, connect):
    with MailServer(tls=Tls("implicit", client_certificate="required", versions=version)) as server:
        identities = ("ann@example.com", "192.0.2.1", "client.example")
        connect(server, context=server.client_context(*identities))
        tls = server.sessions[0].tls

        assert set(tls.identities) == {"ann@example.com", "client.example"}  # an IP address does not name a user
        pem = Path(server.client_certificate(*identities)).read_text()
        assert ssl.DER_cert_to_PEM_cert(tls.client_certificate) in pem


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_required_client_certificate_is_enforced(version, connect):
    with MailServer(tls=Tls("implicit", client_certificate="required", versions=version)) as server:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            # With TLS 1.3 the client learns it at its first read: its handshake ends before the server's.
            assert connect(server, context=server.client_context()).greeting == b""
            raise ConnectionResetError
        session = wait_for_sessions(server)[0]

        assert session.tls is None and session.tls_failure == "peer did not return a certificate"


def test_optional_client_certificate_may_be_missing(connect):
    with MailServer(tls=Tls("implicit", client_certificate="optional")) as server:
        connect(server, context=server.client_context())
        connect(server, context=server.client_context("ann@example.com"))

        assert [session.tls.identities[:1] for session in server.sessions] == [(), ("ann@example.com",)]


def test_own_ssl_context_is_used(connect):
    asked = []
    mine = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    get_authority().server_certificate("valid").load_into(mine)
    mine.sni_callback = lambda connection, name, context: asked.append(name)
    for _ in range(2):  # the callback is wrapped only once
        with MailServer(tls=Tls("implicit", certificate=mine), auth={"ann": "secret"}) as server:
            client = ssl.create_default_context(cafile=get_authority().ca_file)
            said = connect(server, context=client).send_command(b"EHLO x")
            assert b"SCRAM-SHA-256" in said and b"-PLUS" not in said  # no channel binding is known
            assert server.sessions[0].tls.server_name == "localhost"
            with pytest.raises(ValueError, match="your own"):
                _ = server.ca_file
    assert asked == ["localhost", "localhost"]


def test_client_without_sni_is_accepted(connect):
    with MailServer(tls="implicit") as server:
        context = server.client_context()
        context.check_hostname = False
        client = connect(server, greet=False)
        client.wrap_in_tls(context, None)

        assert client.read_reply().startswith(b"220") and server.sessions[0].tls.server_name is None


# -- faults ---------------------------------------------------------------------------------

FAILURES = {
    "expired": "certificate expired",
    "not-yet-valid": "bad certificate",
    "wrong-host": "bad certificate",
    "untrusted": "unknown ca",
    "self-signed": "unknown ca",
    "missing-intermediate": "unknown ca",
    "sha1": "bad certificate",
    "short-key": "bad certificate",
}


def test_all_kinds_and_faults_have_a_test():
    assert set(FAILURES) | {"valid"} == set(CERTIFICATE_KINDS)
    assert {"garbage", "close", "stall", "plaintext", "refused", "stripped"} == set(TLS_FAULTS)


@pytest.mark.parametrize("kind", FAILURES)
@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_bad_certificate_is_refused_and_the_alert_recorded(kind, mode, connect):
    with MailServer(tls=Tls(mode, certificate=kind)) as server:
        context = server.client_context()
        context.set_ciphers("DEFAULT:@SECLEVEL=2")
        with pytest.raises(ssl.SSLCertVerificationError):
            if mode == "implicit":
                connect(server, context=context)
            else:
                connect(server).starttls(context)
        session = wait_for_sessions(server)[0]

    assert session.tls is None
    assert FAILURES[kind] in session.tls_failure or "bad certificate" in session.tls_failure
    assert "alert" in session.tls_failure


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
@pytest.mark.parametrize(
    ("fault", "error"),
    [("garbage", ssl.SSLError), ("close", (ssl.SSLEOFError, ConnectionResetError)), ("plaintext", ssl.SSLError)],
)
def test_handshake_fault_fails_the_client(fault, error, mode, loop, connect):
    with MailServer(tls=Tls(mode, fault=fault), loop=loop) as server:
        with pytest.raises(error):
            if mode == "implicit":
                connect(server, context=server.client_context())
            else:
                connect(server).starttls(server.client_context())
        assert wait_for_sessions(server)[0].tls_failure == f"Tls(fault={fault!r}) spoils the handshake"


def test_plaintext_fault_sends_an_smtp_reply(connect):
    with MailServer(tls=Tls("starttls", fault="plaintext")) as server:
        client = connect(server)
        client.send_command(b"EHLO x")
        client.send_command(b"STARTTLS")
        client.send(b"\x16\x03\x01")

        assert client.read_reply() == b"500 5.5.2 Command not recognized\r\n"


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_stall_fault_never_answers_the_handshake(mode, loop, connect):
    with MailServer(tls=Tls(mode, fault="stall", handshake_timeout=0.01), loop=loop) as server:
        client = connect(server, greet=mode == "starttls")
        if mode == "starttls":
            client.send_command(b"EHLO x")
            assert client.send_command(b"STARTTLS").startswith(b"220")
        client.socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.wrap_in_tls(server.client_context())
        client.close()
        assert wait_for_sessions(server)[0].tls_failure == "the client closed the connection"


def test_session_timeout_ends_a_stalled_handshake(connect):
    with MailServer(tls=Tls("implicit", fault="stall"), limits=Limits(session_timeout=0.1)) as server:
        assert connect(server, greet=False).read_to_end() == b""
        assert server.sessions[0].tls_failure.startswith("timeout")


def test_starttls_faults_refused_and_stripped(connect):
    with MailServer(tls=Tls(fault="refused")) as server:
        client = connect(server)
        assert b"STARTTLS" in client.send_command(b"EHLO x")
        assert client.send_command(b"STARTTLS").startswith(b"454 4.7.0")
    with MailServer(tls=Tls(fault="stripped")) as server:
        client = connect(server)
        assert b"STARTTLS" not in client.send_command(b"EHLO x")


@pytest.mark.parametrize(("server_version", "client_version"), [("TLSv1.2", "TLSv1_3"), ("TLSv1.3", "TLSv1_2")])
def test_different_tls_versions_fail(server_version, client_version, connect):
    with MailServer(tls=Tls("implicit", versions=server_version)) as server:
        context = server.client_context()
        context.minimum_version = context.maximum_version = ssl.TLSVersion[client_version]
        with pytest.raises(ssl.SSLError):
            connect(server, context=context)
        assert "unsupported protocol" in wait_for_sessions(server)[0].tls_failure


def test_required_tls_refuses_mail_before_starttls(connect):
    with MailServer(tls=Tls(required=True), auth={"ann": "secret"}) as server:
        client = connect(server)
        assert b"AUTH" not in client.send_command(b"EHLO x")
        assert client.send_command(b"MAIL FROM:<a@b.example>").startswith(b"530 5.7.0")
        assert client.send_command(b"AUTH PLAIN AGFubgBzZWNyZXQ=").startswith(b"530 5.7.0")
        client.starttls(server.client_context())
        assert b"AUTH" in client.send_command(b"EHLO x")


# -- injection (CVE-2011-0411, NO STARTTLS) --------------------------------------------------


def test_commands_after_starttls_in_one_packet_are_discarded(loop, connect):
    with MailServer(tls="starttls", loop=loop) as server:
        client = connect(server)
        client.send_command(b"EHLO x")
        client.send(b"STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@example.com>\r\n")

        assert client.read_to_end() == b"421 4.7.0 Input in clear after STARTTLS; discarded, goodbye\r\n"
        client.close()
        session = wait_for_sessions(server)[0]
        assert session.discarded == b"EHLO evil\r\nMAIL FROM:<evil@example.com>\r\n"
        assert session.helo == "x"


def test_commands_after_starttls_in_two_packets_are_discarded(loop, connect):
    with MailServer(tls="starttls", loop=loop) as server:
        client = connect(server)
        client.send_command(b"EHLO x")
        client.send_command(b"STARTTLS")
        client.send(b"MAIL FROM:<evil@example.com>\r\n")

        assert b"250" not in client.read_to_end()
        client.close()
        session = wait_for_sessions(server)[0]
        assert session.discarded == b"MAIL FROM:<evil@example.com>\r\n"
        assert session.tls is None and session.tls_failure


def test_client_hello_after_plaintext_is_discarded(connect):
    with MailServer(tls="starttls") as server:
        client = connect(server)
        client.send_command(b"EHLO x")
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        hello = server.client_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
        with pytest.raises(ssl.SSLWantReadError):
            hello.do_handshake()
        client.send(b"STARTTLS\r\nRSET\r\n" + outgoing.read())

        assert client.read_to_end().startswith(b"421 4.7.0")
        client.close()
        assert wait_for_sessions(server)[0].discarded.startswith(b"RSET\r\n\x16\x03")


def test_starttls_resets_the_session(connect):
    with MailServer(tls="starttls") as server:
        client = connect(server)
        client.starttls(server.client_context())

        assert client.send_command(b"MAIL FROM:<a@b.example>").startswith(b"503")
        assert server.sessions[0].helo == ""
        assert client.send_command(b"STARTTLS").startswith(b"503")
        client.send_command(b"EHLO x")
        assert client.send_command(b"STARTTLS").startswith(b"503")
        assert b"STARTTLS" not in client.send_command(b"EHLO x")


def test_auth_before_starttls_is_forgotten(connect):
    with MailServer(tls="starttls", auth={"ann": "secret"}) as server:
        client = connect(server)
        client.send_command(b"EHLO x")
        assert client.send_command(b"AUTH PLAIN AGFubgBzZWNyZXQ=").startswith(b"538")
        client.starttls(server.client_context())
        client.send_command(b"EHLO x")

        assert client.send_command(b"MAIL FROM:<a@b.example>").startswith(b"530")
        assert server.sessions[0].sent_in_clear == {"credentials"}


async def decide_slowly(event, reply):
    await asyncio.sleep(0.05)
    return reply


def test_handshake_follows_a_slow_decision(loop, connect):
    with MailServer(tls="starttls", loop=loop, decide=decide_slowly) as server:
        client = connect(server)
        client.starttls(server.client_context())
        client.send_command(b"EHLO x")

        assert client.send_mail().startswith(b"250")


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("command", [b"STARTTLS", b"AUTH PLAIN AGFubgBzZWNyZXQ="])
def test_input_during_a_pending_starttls_decision_is_discarded(command, apart, loop, connect):
    asked, decided = threading.Event(), threading.Event()

    async def patiently(event, reply):
        if event.verb in ("STARTTLS", "AUTH"):
            asked.set()
            await asyncio.to_thread(decided.wait, 10)
        return reply

    auth = Auth({"ann": "secret"}, in_clear=True)
    with MailServer(tls="starttls", auth=auth, loop=loop, decide=patiently) as server:
        client = connect(server)
        client.send_command(b"EHLO x")
        client.send(command + b"\r\n" + (b"" if apart else b"NOOP evil\r\n"))
        assert asked.wait(10)
        if apart:
            client.send(b"NOOP evil\r\n")
            [connection] = server.call(lambda: list(server._connection_manager._connections))
            while not server.call(lambda: connection.session.has_unread_input):
                pass
        decided.set()

        assert client.read_to_end().endswith(b"discarded, goodbye\r\n")
        client.close()
        assert wait_for_sessions(server)[0].discarded == b"NOOP evil\r\n"


# -- slow and absent handshakes --------------------------------------------------------------


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02\x00"])
def test_handshake_has_a_deadline(mode, said, loop, connect):
    with MailServer(tls=Tls(mode, handshake_timeout=0.1), loop=loop) as server:
        client = connect(server, greet=mode == "starttls")
        if mode == "starttls":
            client.send(EHLO_LINE)
            client.read_reply()
            client.send_command(b"STARTTLS")
        client.send(said)

        assert client.read_to_end() == b""
        client.close()
        assert wait_for_sessions(server)[0].tls_failure.startswith("timeout")


def test_open_handshakes_do_not_delay_others(connect):
    with MailServer(tls="implicit") as server:
        crowd = [connect(server, greet=False) for _ in range(200)]
        for client in crowd[::2]:
            client.send(b"\x16\x03\x01\x02\x00\x01")
        started = time.monotonic()
        client = connect(server, context=server.client_context())
        client.send_command(b"EHLO x")
        assert client.send_mail().startswith(b"250")

        assert time.monotonic() - started < 5


def test_stop_does_not_wait_for_handshakes(loop, connect):
    with MailServer(tls="both", loop=loop) as server:
        client = connect(server)
        client.send_command(b"EHLO x")
        client.send_command(b"STARTTLS")
        silent = connect(server.tls_address, greet=False)
        server.stop()

        assert client.read_to_end() == silent.read_to_end() == b""  # a 421 in plaintext would be read as TLS


def test_connection_beyond_the_limit_is_closed_before_tls(connect):
    with MailServer(tls="implicit", limits=Limits(connections=1)) as server:
        connect(server, context=server.client_context())

        assert connect(server, greet=False).read_to_end() == b""


def test_garbage_inside_tls_ends_the_session(loop, connect):
    with MailServer(tls="implicit", loop=loop) as server:
        client = connect(server, context=server.client_context())
        client.send_command(b"EHLO x")
        raw = socket.socket(fileno=client.socket.detach())
        raw.settimeout(10)
        raw.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)
        while raw.recv(1000):
            pass
        raw.close()

        session = wait_for_sessions(server)[0]
        assert session.tls is not None
        # OpenSSL 3.0 says "decryption failed or bad record mac", and 3.6 "record layer failure".
        assert re.search("decryption failed|record layer failure", session.tls_failure)


def test_tls_client_on_a_plaintext_port_fails(server, connect):
    client = connect(server)
    with pytest.raises(ssl.SSLError):
        client.wrap_in_tls(ssl.create_default_context())


# -- settings --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"mode": "tls"}, "unknown TLS mode 'tls'; known: starttls, implicit, both"),
        ({"certificate": "bad"}, "unknown certificate 'bad'; known: valid, expired"),
        ({"client_certificate": "maybe"}, "unknown client_certificate 'maybe'; known: none, optional, required"),
        ({"versions": "SSLv3"}, "unknown TLS version 'SSLv3'; known: TLSv1.2, TLSv1.3"),
        ({"versions": ()}, "unknown TLS version"),
        ({"fault": "explode"}, "unknown TLS fault 'explode'; known: garbage"),
        ({"mode": "implicit", "fault": "refused"}, "fault='refused' is a fault of STARTTLS"),
        ({"handshake_timeout": 0}, "handshake_timeout must be a number of seconds above 0, got 0"),
        ({"certificate": ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), "alpn": "smtp"}, "your own SSLContext"),
    ],
)
def test_tls_rejects_invalid_settings(settings, says):
    with pytest.raises(ValueError, match=says):
        Tls(**settings)


def test_mail_server_and_listen_reject_invalid_tls():
    with pytest.raises(ValueError, match="unknown TLS mode 'on'"):
        MailServer(tls="on")
    with pytest.raises(TypeError, match="pass an SSLContext as Tls"):
        MailServer(tls=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    assert (Tls(names="mail.example").names, Tls(alpn="smtp").alpn) == (("mail.example",), ("smtp",))
    with pytest.raises(ValueError, match="unknown TLS mode 'both'; known: none, starttls, implicit"):
        Listen(tls="both")
    with pytest.raises(ValueError, match="unknown protocol 'nntp'; known: smtp, lmtp, imap, pop3"):
        Listen(protocol="nntp")
    with pytest.raises(ValueError, match="unknown protocol 'imap'; known: smtp, lmtp"):
        MailServer(protocol="imap")


def test_client_settings_without_tls_raise_start_error(server):
    for ask in (lambda: server.ca_file, server.client_context, server.client_certificate):
        with pytest.raises(StartError, match='this server has no TLS; add MailServer\\(tls="starttls"\\)'):
            ask()
    with pytest.raises(StartError, match="this server has no implicit TLS"):
        _ = server.tls_address
    with pytest.raises(StartError, match="not started"):
        _ = MailServer(tls="implicit").tls_address


def test_tls_without_the_extra_raises_missing_extra(monkeypatch):
    import sys

    from lazr.smtptest.net import certificates

    monkeypatch.setitem(sys.modules, "trustme", None)
    monkeypatch.setattr(certificates, "_authority_cache", {})
    server = MailServer(tls="implicit")
    try:
        with pytest.raises(MissingExtra, match=r'pip install "lazr.smtptest\[tls\]"'):
            server.start()
        assert server.listeners == () and not server.running
    finally:
        server.stop()


def test_env_and_url_follow_the_tls_mode(connect):
    with MailServer(tls="starttls") as server:
        assert server.env()["EMAIL_USE_TLS"] == server.env()["MAIL_USE_TLS"] == "True"
    with MailServer(tls="implicit") as server:
        assert server.env()["EMAIL_USE_SSL"] == server.env()["MAIL_USE_SSL"] == "True"
        assert server.url.startswith("smtps://")
    assert repr(Tls("implicit", fault="stall")) == "Tls('implicit', certificate='valid', fault='stall')"
    assert repr(Listen(tls="implicit", proxy=True)) == "Listen('127.0.0.1', 0, tls='implicit', proxy=True)"


def test_wrong_tls_mode_of_a_client_is_recorded(connect):
    with MailServer(tls=Tls("implicit", handshake_timeout=0.1)) as server:
        client = connect(server, greet=False)
        client.read_to_end()
        client.close()
        assert server.settle()[0].tls_failure == (
            "timeout: the client sent nothing; it may wait for a greeting, but this port begins with TLS"
        )
        client = connect(server, greet=False)
        client.send(b"EHLO me\r\n")
        client.read_to_end()
        client.close()
        assert server.settle()[1].tls_failure == "the client sent plaintext where TLS begins"
        assert server.sessions[1].discarded == b"EHLO me\r\n"
    with MailServer(tls="starttls") as server:
        with pytest.raises(ssl.SSLError):
            smtplib.SMTP_SSL(*server.address, context=server.client_context())
        why = "the client began a TLS handshake, and this listener has no implicit TLS"
        assert server.settle()[0].tls_failure == why
        with pytest.raises(WaitTimeout, match=why):
            server.inbox.one(timeout=0)

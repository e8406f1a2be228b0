"""TLS as clients meet it: good and bad certificates, handshakes that fail, and what is known of each."""

import asyncio
import select
import smtplib
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest

from lazr.smtptest import Auth, Limits, Listen, MailServer, MissingExtra, StartError, Tls, WaitTimeout
from lazr.smtptest.net.certificates import KINDS, authority
from lazr.smtptest.net.tls import FAULTS
from talk import GREETED


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request):
    return request.param


def gone(server, number=1):
    """The facts of so many sessions, when all of them are over."""
    end = time.monotonic() + 10
    while len(server.sessions) < number or server.call(lambda: len(server._service._connections)):
        assert time.monotonic() < end
    return server.sessions


# -- what works ------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_mail_by_tls(mode, version, loop, connect):
    with MailServer(tls=Tls(mode, versions=version), loop=loop) as server:
        context = server.client_context()
        client = connect(server, context=context if mode == "implicit" else None)
        if mode == "starttls":
            client.starttls(context)
        client.ask(b"EHLO again.example")
        assert client.mail().startswith(b"250")
        assert client.ask(b"QUIT").startswith(b"221")
        assert client.rest() == b""  # closed in good order: without close_notify this would raise
        mail = server.inbox.one()

    tls = mail.envelope.tls
    assert (tls.version, tls.server_name, tls.implicit) == (version, "localhost", mode == "implicit")
    assert tls.cipher == client.socket.cipher()[0]
    assert (tls.alpn, tls.client_certificate, tls.identities) == (None, None, ())
    assert mail.session is server.sessions[0] and mail.session.tls is tls
    assert (mail.session.sent_in_clear, mail.session.discarded, mail.session.tls_failure) == (frozenset(), b"", None)
    assert repr(tls).startswith(f"<TlsFacts {version} ")


def test_both_ways_side_by_side(connect):
    with MailServer(tls="both", also=[Listen(tls="none")]) as server:
        assert [listener.where.tls for listener in server.listeners] == [None, "implicit", "none"]
        connect(server).starttls(server.client_context())
        assert connect(server.tls_address, context=server.client_context()).greeting.startswith(b"220")
        assert b"STARTTLS" not in connect(server.listeners[2].address).ask(b"EHLO x")
        assert server.url.startswith("smtp://") and server.address != server.tls_address


def test_a_listener_alone_can_have_tls(connect):
    with MailServer(also=[Listen(tls="implicit"), Listen(tls="starttls")]) as server:
        assert b"STARTTLS" not in connect(server).ask(b"EHLO x")
        connect(server.tls_address, context=server.client_context())
        connect(server.listeners[2].address).starttls(server.client_context())
        assert server.env()["SMTP_URL"].startswith("smtp://") and "EMAIL_USE_TLS" not in server.env()


def test_a_large_mail_by_tls_arrives_to_the_octet(loop, connect):
    content = b"".join(b"%07d\r\n" % number for number in range(150_000))
    with MailServer(tls="implicit", loop=loop) as server:
        client = connect(server, context=server.client_context())
        client.ask(b"EHLO x")
        assert client.mail(content=content).startswith(b"250")
        assert server.inbox.one().content == content


def test_a_client_that_does_not_read_by_tls_gets_all_of_its_replies_when_it_does(loop, connect):
    with MailServer(tls="implicit", loop=loop, limits=Limits(commands_without_mail=None)) as server:
        client = connect(server, context=server.client_context(), receive_buffer=4096)
        unsent, received = memoryview(b"NOOP\r\n" * 100_000 + b"QUIT\r\n"), []
        client.socket.setblocking(False)
        # It reads only when it can send no more, because the server does not read on.
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


def test_a_client_that_never_reads_by_tls_is_cut(loop, connect):
    limits = Limits(commands_without_mail=None, write_timeout=0.2)
    with MailServer(tls="implicit", loop=loop, limits=limits) as server:
        client = connect(server, context=server.client_context(), receive_buffer=4096)
        with pytest.raises((ConnectionError, ssl.SSLError)):
            while True:
                client.send(b"NOOP\r\n" * 1000)
        assert gone(server)[0].tls is not None


def test_a_client_that_does_not_read_by_tls_keeps_no_server_from_stopping(loop, connect):
    with MailServer(tls="implicit", loop=loop, limits=Limits(commands_without_mail=None)) as server:
        client = connect(server, context=server.client_context(), receive_buffer=4096)
        client.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            while True:
                client.send(b"NOOP\r\n" * 1000)
        server.stop(10)  # a fifth of it is for replies that are due, the rest for a machine that is busy

        assert not server.running


def test_a_client_that_ends_tls_is_answered_in_kind(loop, connect):
    with MailServer(tls="implicit", loop=loop) as server:
        client = connect(server, context=server.client_context())
        client.ask(b"EHLO x")
        client.file.close()
        raw = client.socket.unwrap()  # our close_notify, and the server's
        assert raw.recv(10) == b""
        raw.close()
        assert gone(server)[0].helo == "x"


def test_a_server_that_stops_says_goodbye_by_tls(loop, connect):
    with MailServer(tls="implicit", loop=loop) as server:
        client = connect(server, context=server.client_context())
        server.stop()

        assert client.rest() == b"421 4.3.2 Server shutting down, goodbye\r\n"


def test_alpn_is_agreed_on(connect):
    with MailServer(tls=Tls("implicit", alpn=["smtp"])) as server:
        context = server.client_context()
        context.set_alpn_protocols(["imap", "smtp"])
        connect(server, context=context)

        assert server.sessions[0].tls.alpn == "smtp"


@pytest.mark.parametrize("names", [("mail.example",), ("*.example.com", "mail.example")])
def test_the_certificate_is_for_the_names_that_you_say(names, connect):
    with MailServer(tls=Tls(names=names)) as server:
        client = connect(server)
        client.starttls(server.client_context(), "mail.example")
        client.ask(b"NOOP")  # a client's handshake is over before the server's
        assert server.sessions[0].tls.server_name == "mail.example"
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(server).starttls(server.client_context(), "localhost")


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_client_certificate_is_a_fact(version, connect):
    with MailServer(tls=Tls("implicit", client_certificate="required", versions=version)) as server:
        identities = ("ann@example.com", "192.0.2.1", "client.example")
        connect(server, context=server.client_context(*identities))
        tls = server.sessions[0].tls

        assert set(tls.identities) == {"ann@example.com", "client.example"}  # an IP address is no user
        pem = Path(server.client_certificate(*identities)).read_text()
        assert ssl.DER_cert_to_PEM_cert(tls.client_certificate) in pem


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_client_without_the_certificate_that_is_demanded_is_refused(version, connect):
    with MailServer(tls=Tls("implicit", client_certificate="required", versions=version)) as server:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            # TLS 1.3 tells it when it first reads: its own handshake is over before the server's is.
            assert connect(server, context=server.client_context()).greeting == b""
            raise ConnectionResetError
        session = gone(server)[0]

        assert session.tls is None and session.tls_failure == "peer did not return a certificate"


def test_an_optional_certificate_is_optional(connect):
    with MailServer(tls=Tls("implicit", client_certificate="optional")) as server:
        connect(server, context=server.client_context())
        connect(server, context=server.client_context("ann@example.com"))

        assert [session.tls.identities[:1] for session in server.sessions] == [(), ("ann@example.com",)]


def test_a_context_of_your_own(connect):
    asked = []
    mine = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().server_certificate("valid").load_into(mine)
    mine.sni_callback = lambda connection, name, context: asked.append(name)
    for _ in range(2):  # the callback is wrapped once
        with MailServer(tls=Tls("implicit", certificate=mine), auth={"ann": "secret"}) as server:
            client = ssl.create_default_context(cafile=authority().ca_file)
            said = connect(server, context=client).ask(b"EHLO x")
            assert b"SCRAM-SHA-256" in said and b"-PLUS" not in said  # there is nothing known to bind to
            assert server.sessions[0].tls.server_name == "localhost"
            with pytest.raises(ValueError, match="your own"):
                _ = server.ca_file
    assert asked == ["localhost", "localhost"]


def test_a_client_without_server_name(connect):
    with MailServer(tls="implicit") as server:
        context = server.client_context()
        context.check_hostname = False
        client = connect(server, greet=False)
        client.wrap(context, None)

        assert client.reply().startswith(b"220") and server.sessions[0].tls.server_name is None


# -- what is made to fail --------------------------------------------------------------------

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


def test_every_bad_certificate_is_tried_here():
    assert set(FAILURES) | {"valid"} == set(KINDS)
    assert {"garbage", "close", "stall", "plaintext", "refused", "stripped"} == set(FAULTS)


@pytest.mark.parametrize("kind", FAILURES)
@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_a_bad_certificate_is_refused_and_the_alert_is_a_fact(kind, mode, connect):
    with MailServer(tls=Tls(mode, certificate=kind)) as server:
        context = server.client_context()
        context.set_ciphers("DEFAULT:@SECLEVEL=2")
        with pytest.raises(ssl.SSLCertVerificationError):
            if mode == "implicit":
                connect(server, context=context)
            else:
                connect(server).starttls(context)
        session = gone(server)[0]

    assert session.tls is None
    assert FAILURES[kind] in session.tls_failure or "bad certificate" in session.tls_failure
    assert "alert" in session.tls_failure


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
@pytest.mark.parametrize(
    ("fault", "error"),
    [("garbage", ssl.SSLError), ("close", (ssl.SSLEOFError, ConnectionResetError)), ("plaintext", ssl.SSLError)],
)
def test_a_bad_handshake(fault, error, mode, loop, connect):
    with MailServer(tls=Tls(mode, fault=fault), loop=loop) as server:
        with pytest.raises(error):
            if mode == "implicit":
                connect(server, context=server.client_context())
            else:
                connect(server).starttls(server.client_context())
        assert gone(server)[0].tls_failure == f"the server was told to answer it so: {fault}"


def test_plaintext_is_plaintext(connect):
    with MailServer(tls=Tls("starttls", fault="plaintext")) as server:
        client = connect(server)
        client.ask(b"EHLO x")
        client.ask(b"STARTTLS")
        client.send(b"\x16\x03\x01")

        assert client.reply() == b"500 5.5.2 Command not recognized\r\n"


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_a_handshake_that_is_never_answered(mode, loop, connect):
    with MailServer(tls=Tls(mode, fault="stall", handshake_timeout=0.01), loop=loop) as server:
        client = connect(server, greet=mode == "starttls")
        if mode == "starttls":
            client.ask(b"EHLO x")
            assert client.ask(b"STARTTLS").startswith(b"220")
        client.socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.wrap(server.client_context())
        client.close()
        assert gone(server)[0].tls_failure == "the client closed the connection"


def test_a_session_that_never_gets_its_handshake_ends_all_the_same(connect):
    with MailServer(tls=Tls("implicit", fault="stall"), limits=Limits(session_timeout=0.1)) as server:
        assert connect(server, greet=False).rest() == b""
        assert server.sessions[0].tls_failure.startswith("it took too long")


def test_starttls_refused_and_stripped(connect):
    with MailServer(tls=Tls(fault="refused")) as server:
        client = connect(server)
        assert b"STARTTLS" in client.ask(b"EHLO x")
        assert client.ask(b"STARTTLS").startswith(b"454 4.7.0")
    with MailServer(tls=Tls(fault="stripped")) as server:
        client = connect(server)
        assert b"STARTTLS" not in client.ask(b"EHLO x")


@pytest.mark.parametrize(("server_version", "client_version"), [("TLSv1.2", "TLSv1_3"), ("TLSv1.3", "TLSv1_2")])
def test_versions_that_do_not_meet(server_version, client_version, connect):
    with MailServer(tls=Tls("implicit", versions=server_version)) as server:
        context = server.client_context()
        context.minimum_version = context.maximum_version = ssl.TLSVersion[client_version]
        with pytest.raises(ssl.SSLError):
            connect(server, context=context)
        assert "unsupported protocol" in gone(server)[0].tls_failure


def test_require_tls_on_the_wire(connect):
    with MailServer(tls=Tls(required=True), auth={"ann": "secret"}) as server:
        client = connect(server)
        assert b"AUTH" not in client.ask(b"EHLO x")
        assert client.ask(b"MAIL FROM:<a@b.example>").startswith(b"530 5.7.0")
        assert client.ask(b"AUTH PLAIN AGFubgBzZWNyZXQ=").startswith(b"530 5.7.0")
        client.starttls(server.client_context())
        assert b"AUTH" in client.ask(b"EHLO x")


# -- injection (CVE-2011-0411, NO STARTTLS) --------------------------------------------------


def test_commands_behind_starttls_in_one_packet(loop, connect):
    with MailServer(tls="starttls", loop=loop) as server:
        client = connect(server)
        client.ask(b"EHLO x")
        client.send(b"STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@example.com>\r\n")

        assert client.rest() == b"421 4.7.0 Octets in clear behind STARTTLS; discarded, goodbye\r\n"
        client.close()
        session = gone(server)[0]
        assert session.discarded == b"EHLO evil\r\nMAIL FROM:<evil@example.com>\r\n"
        assert session.helo == "x"


def test_commands_behind_starttls_in_two_packets(loop, connect):
    with MailServer(tls="starttls", loop=loop) as server:
        client = connect(server)
        client.ask(b"EHLO x")
        client.ask(b"STARTTLS")
        client.send(b"MAIL FROM:<evil@example.com>\r\n")

        assert b"250" not in client.rest()
        client.close()
        session = gone(server)[0]
        assert session.discarded == b"MAIL FROM:<evil@example.com>\r\n"
        assert session.tls is None and session.tls_failure


def test_a_hello_behind_clear_octets_does_not_save_them(connect):
    with MailServer(tls="starttls") as server:
        client = connect(server)
        client.ask(b"EHLO x")
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        hello = server.client_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
        with pytest.raises(ssl.SSLWantReadError):
            hello.do_handshake()
        client.send(b"STARTTLS\r\nRSET\r\n" + outgoing.read())

        assert client.rest().startswith(b"421 4.7.0")
        client.close()
        assert gone(server)[0].discarded.startswith(b"RSET\r\n\x16\x03")


def test_no_state_survives_the_handshake(connect):
    with MailServer(tls="starttls") as server:
        client = connect(server)
        client.starttls(server.client_context())

        assert client.ask(b"MAIL FROM:<a@b.example>").startswith(b"503")
        assert server.sessions[0].helo == ""
        assert client.ask(b"STARTTLS").startswith(b"503")
        client.ask(b"EHLO x")
        assert client.ask(b"STARTTLS").startswith(b"503")
        assert b"STARTTLS" not in client.ask(b"EHLO x")


def test_credentials_in_clear_do_not_count_inside(connect):
    with MailServer(tls="starttls", auth={"ann": "secret"}) as server:
        client = connect(server)
        client.ask(b"EHLO x")
        assert client.ask(b"AUTH PLAIN AGFubgBzZWNyZXQ=").startswith(b"538")
        client.starttls(server.client_context())
        client.ask(b"EHLO x")

        assert client.ask(b"MAIL FROM:<a@b.example>").startswith(b"530")
        assert server.sessions[0].sent_in_clear == {"credentials"}


async def slowly(event, reply):
    await asyncio.sleep(0.05)
    return reply


def test_a_slow_decision_does_not_keep_the_handshake_from_coming(loop, connect):
    with MailServer(tls="starttls", loop=loop, decide=slowly) as server:
        client = connect(server)
        client.starttls(server.client_context())
        client.ask(b"EHLO x")

        assert client.mail().startswith(b"250")


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("command", [b"STARTTLS", b"AUTH PLAIN AGFubgBzZWNyZXQ="])
def test_while_a_decision_is_due_what_comes_behind_is_discarded_too(command, apart, loop, connect):
    asked, decided = threading.Event(), threading.Event()

    async def patiently(event, reply):
        if event.verb in ("STARTTLS", "AUTH"):
            asked.set()
            await asyncio.to_thread(decided.wait, 10)
        return reply

    auth = Auth({"ann": "secret"}, in_clear=True)
    with MailServer(tls="starttls", auth=auth, loop=loop, decide=patiently) as server:
        client = connect(server)
        client.ask(b"EHLO x")
        client.send(command + b"\r\n" + (b"" if apart else b"NOOP evil\r\n"))
        assert asked.wait(10)
        if apart:
            client.send(b"NOOP evil\r\n")
        while apart and not server.call(lambda: next(iter(server._service._connections))._session._unread):
            pass
        decided.set()

        assert client.rest().endswith(b"discarded, goodbye\r\n")
        client.close()
        assert gone(server)[0].discarded == b"NOOP evil\r\n"


# -- slow and absent handshakes --------------------------------------------------------------


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02\x00"])
def test_a_handshake_has_a_deadline(mode, said, loop, connect):
    with MailServer(tls=Tls(mode, handshake_timeout=0.1), loop=loop) as server:
        client = connect(server, greet=mode == "starttls")
        if mode == "starttls":
            client.send(GREETED)
            client.reply()
            client.ask(b"STARTTLS")
        client.send(said)

        assert client.rest() == b""
        client.close()
        assert gone(server)[0].tls_failure.startswith("it took too long")


def test_half_open_handshakes_delay_nobody(connect):
    with MailServer(tls="implicit") as server:
        crowd = [connect(server, greet=False) for _ in range(200)]
        for client in crowd[::2]:
            client.send(b"\x16\x03\x01\x02\x00\x01")
        started = time.monotonic()
        client = connect(server, context=server.client_context())
        client.ask(b"EHLO x")
        assert client.mail().startswith(b"250")

        assert time.monotonic() - started < 5


def test_a_server_stops_although_handshakes_are_open(loop, connect):
    with MailServer(tls="both", loop=loop) as server:
        client = connect(server)
        client.ask(b"EHLO x")
        client.ask(b"STARTTLS")
        silent = connect(server.tls_address, greet=False)
        server.stop()

        assert client.rest() == silent.rest() == b""  # a goodbye in clear would be taken for TLS


def test_one_connection_too_many_is_closed_before_its_handshake(connect):
    with MailServer(tls="implicit", limits=Limits(connections=1)) as server:
        connect(server, context=server.client_context())

        assert connect(server, greet=False).rest() == b""


def test_garbage_inside_tls_is_the_end(loop, connect):
    with MailServer(tls="implicit", loop=loop) as server:
        client = connect(server, context=server.client_context())
        client.ask(b"EHLO x")
        raw = socket.socket(fileno=client.socket.detach())
        raw.settimeout(10)
        raw.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)
        while raw.recv(1000):
            pass
        raw.close()

        session = gone(server)[0]
        assert session.tls is not None and "decryption failed" in session.tls_failure


def test_a_tls_client_on_the_plain_port_is_told(server, connect):
    client = connect(server)
    with pytest.raises(ssl.SSLError):
        client.wrap(ssl.create_default_context())


# -- settings --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"mode": "tls"}, "no mode of TLS 'tls'; there are starttls, implicit, both"),
        ({"certificate": "bad"}, "no certificate 'bad'; there are valid, expired"),
        ({"client_certificate": "maybe"}, "there are none, optional, required"),
        ({"versions": "SSLv3"}, "no version of TLS 'SSLv3'; there are TLSv1.2, TLSv1.3"),
        ({"versions": ()}, "no version of TLS"),
        ({"fault": "explode"}, "there are garbage"),
        ({"mode": "implicit", "fault": "refused"}, "'refused' is a fault of STARTTLS"),
        ({"handshake_timeout": 0}, "above 0 seconds"),
        ({"certificate": ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), "alpn": "smtp"}, "your own SSLContext"),
    ],
)
def test_settings_that_make_no_sense(settings, says):
    with pytest.raises(ValueError, match=says):
        Tls(**settings)


def test_words_that_make_no_sense():
    with pytest.raises(ValueError, match="no mode of TLS 'on'"):
        MailServer(tls="on")
    with pytest.raises(TypeError, match="a context of yours goes into Tls"):
        MailServer(tls=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    assert (Tls(names="mail.example").names, Tls(alpn="smtp").alpn) == (("mail.example",), ("smtp",))
    with pytest.raises(ValueError, match='tls of a listener is "none"'):
        Listen(tls="both")
    with pytest.raises(ValueError, match='protocol is "smtp" or "lmtp"'):
        Listen(protocol="imap")
    with pytest.raises(ValueError, match='protocol is "smtp" or "lmtp"'):
        MailServer(protocol="imap")


def test_where_there_is_no_tls_nobody_is_to_be_trusted(server):
    for ask in (lambda: server.ca_file, server.client_context, server.client_certificate):
        with pytest.raises(StartError, match='this server has no TLS; give it some: MailServer\\(tls="starttls"\\)'):
            ask()
    with pytest.raises(StartError, match="this server has no implicit TLS"):
        _ = server.tls_address
    with pytest.raises(StartError, match="not started"):
        _ = MailServer(tls="implicit").tls_address


def test_without_the_extra_the_error_says_what_to_install(monkeypatch):
    import sys

    from lazr.smtptest.net import certificates

    monkeypatch.setitem(sys.modules, "trustme", None)
    monkeypatch.setattr(certificates, "_shared", {})
    server = MailServer(tls="implicit")
    try:
        with pytest.raises(MissingExtra, match=r'pip install "lazr.smtptest\[tls\]"'):
            server.start()
        assert server.listeners == () and not server.running
    finally:
        server.stop()


def test_the_environment_says_how(connect):
    with MailServer(tls="starttls") as server:
        assert server.env()["EMAIL_USE_TLS"] == server.env()["MAIL_USE_TLS"] == "True"
    with MailServer(tls="implicit") as server:
        assert server.env()["EMAIL_USE_SSL"] == server.env()["MAIL_USE_SSL"] == "True"
        assert server.url.startswith("smtps://")
    assert repr(Tls("implicit", fault="stall")) == "Tls('implicit', certificate='valid', fault='stall')"
    assert repr(Listen(tls="implicit", proxy=True)) == "Listen('127.0.0.1', 0, tls='implicit', proxy=True)"


def test_the_wrong_kind_of_tls_is_told(connect):
    with MailServer(tls=Tls("implicit", handshake_timeout=0.1)) as server:
        connect(server, greet=False).rest()
        assert server.settle()[0].tls_failure == (
            "it took too long: the client said nothing; does it wait for a greeting? TLS comes first here"
        )
        client = connect(server, greet=False)
        client.send(b"EHLO me\r\n")
        client.rest()
        assert server.settle()[1].tls_failure == "the client spoke, and it was no TLS, which comes first here"
        assert server.sessions[1].discarded == b"EHLO me\r\n"
    with MailServer(tls="starttls") as server:
        with pytest.raises(ssl.SSLError):
            smtplib.SMTP_SSL(*server.address, context=server.client_context())
        why = "the client began a TLS handshake, and this listener has no implicit TLS"
        assert server.settle()[0].tls_failure == why
        with pytest.raises(WaitTimeout, match=why):
            server.inbox.one(timeout=0)

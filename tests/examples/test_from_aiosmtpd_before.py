"""A suite for aiosmtpd 1.4, as it is usually written: handlers, a controller, and free ports by hand."""

import queue
import smtplib
import socket
import ssl
from email import message_from_bytes, policy

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from tests.examples.shop_mail import Shop


class Collector:
    """Keep the envelopes of all messages."""

    def __init__(self):
        self.envelopes = []
        self.arrived = queue.Queue()

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.envelopes.append(envelope)
        self.arrived.put(envelope)
        return "250 OK"


class FullMailbox(Collector):
    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if address.endswith("@full.example"):
            return "552 5.2.2 Mailbox full"
        envelope.rcpt_tos.append(address)
        return "250 OK"


class Greylist(Collector):
    def __init__(self):
        super().__init__()
        self.seen = set()

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if address not in self.seen:
            self.seen.add(address)
            return "451 4.7.1 Greylisted, try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"


class BrokenDisk(Collector):
    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        return "451 4.3.0 Disk error"


class ContentFilter(Collector):
    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if b"invoice attached" in envelope.content:
            return "554 5.7.1 Looks like fraud"
        return await super().handle_DATA(server, session, envelope)


def check_password(server, session, envelope, mechanism, data):
    return AuthResult(success=data.password == b"secret", handled=False)


def find_free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def start_server():
    controllers = []

    def start_server(handler, **options):
        controller = Controller(handler, hostname="127.0.0.1", port=find_free_port(), **options)
        controllers.append(controller)
        controller.start()
        return controller

    yield start_server
    for controller in controllers:
        controller.stop()


def parse(envelope):
    return message_from_bytes(envelope.content, policy=policy.default)


def test_welcome(start_server):
    handler = Collector()
    server = start_server(handler)
    Shop(server.hostname, server.port).welcome("zoe@example.com")

    assert len(handler.envelopes) == 1
    message = parse(handler.envelopes[0])
    assert handler.envelopes[0].mail_from == "shop@example.com"
    assert message["Subject"] == "Welcome to the shop, Zoë"
    assert message.get_body(("plain",)).get_content().replace("\r\n", "\n") == "Your code is 123456.\n"
    assert "<b>123456</b>" in message.get_body(("html",)).get_content()


def test_blind_copy(start_server):
    handler = Collector()
    server = start_server(handler)
    Shop(server.hostname, server.port).welcome("zoe@example.com")

    assert handler.envelopes[0].rcpt_tos == ["zoe@example.com", "archive@example.com"]
    assert "archive@example.com" not in handler.envelopes[0].content.decode()


def test_attachment(start_server):
    handler = Collector()
    server = start_server(handler)
    Shop(server.hostname, server.port).invoice("zoe@example.com")

    [attachment] = parse(handler.envelopes[0]).iter_attachments()
    assert attachment.get_filename() == "invoice.pdf"
    assert attachment.get_content() == b"%PDF-1.7"


def test_mail_of_a_thread(start_server):
    handler = Collector()
    server = start_server(handler)
    thread = Shop(server.hostname, server.port).invoice_later("zoe@example.com")

    assert parse(handler.arrived.get(timeout=60))["Subject"] == "Invoice"
    thread.join()


def test_refused_recipient(start_server):
    handler = FullMailbox()
    server = start_server(handler)
    refused = Shop(server.hostname, server.port).welcome("zoe@full.example")

    assert refused == {"zoe@full.example": (552, b"5.2.2 Mailbox full")}
    assert handler.envelopes[0].rcpt_tos == ["archive@example.com"]


def test_retry_after_greylisting(start_server):
    handler = Greylist()
    server = start_server(handler)
    Shop(server.hostname, server.port).welcome("zoe@example.com", attempts=2)

    assert len(handler.envelopes) == 1


def test_error_after_the_content(start_server):
    handler = BrokenDisk()
    server = start_server(handler)

    with pytest.raises(smtplib.SMTPDataError, match="Disk error"):
        Shop(server.hostname, server.port).invoice("zoe@example.com")
    assert handler.envelopes == []


def test_refused_content(start_server):
    handler = ContentFilter()
    server = start_server(handler)
    Shop(server.hostname, server.port).welcome("zoe@example.com")

    with pytest.raises(smtplib.SMTPDataError, match="fraud"):
        Shop(server.hostname, server.port).invoice("zoe@example.com")
    assert len(handler.envelopes) == 1


def test_starttls_and_login(start_server, tmp_path):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    handler = Collector()
    server = start_server(
        handler, tls_context=context, require_starttls=True, authenticator=check_password, auth_required=True
    )
    Shop(server.hostname, server.port, ca_file=str(tmp_path / "ca.pem"), password="secret").invoice("zoe@example.com")

    assert len(handler.envelopes) == 1

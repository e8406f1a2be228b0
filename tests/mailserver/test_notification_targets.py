"""Where notifications go: the SMTP server of the application, a webhook, and nowhere else."""

import base64
import contextlib
import json
import smtplib
import socket
import ssl
import threading
import time
from email import message_from_bytes

import pytest
from aiosmtpd.controller import Controller

from lazr.smtptest import MailServer, NotificationFailed
from lazr.smtptest.mailserver import open_socket
from lazr.smtptest.mailserver.allowed_networks import AllowedNetworks, DestinationNotAllowed
from lazr.smtptest.mailserver.notification_target import parse_target
from tests.helpers.http_receiver import Receiver, respond

SENDER = "app@shop.example"
TEXT = "From: app@shop.example\r\nTo: gone@x.example\r\nMessage-ID: <7@shop.example>\r\nSubject: Order\r\n\r\nHello\r\n"


def send(server, *recipients, sender=SENDER, text=TEXT, mail_options=()):
    with smtplib.SMTP(*server.address, local_hostname="app") as client:
        client.sendmail(sender, recipients or ("gone@x.example",), text, mail_options)


class Application:
    """The receiving side of an application: an SMTP server by aiosmtpd."""

    def __init__(self):
        self.received = []
        self.controller = Controller(self, hostname="127.0.0.1", port=0)

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - the name is aiosmtpd's
        self.received.append(envelope)
        return "250 Filed as bounce 1"

    def __enter__(self):
        # `Controller.start` connects to see that the server runs: to port 0, if the system has chosen the port.
        self.controller._trigger_server = lambda: socket.create_connection(self.address).close()
        self.controller.start()
        return self

    def __exit__(self, *error):
        self.controller.stop()

    @property
    def address(self):
        return self.controller.server.sockets[0].getsockname()[:2]


def test_bounce_goes_to_the_smtp_server_of_the_application():
    with Application() as application, MailServer(bounces_to=application.address) as server:
        server.on("END_OF_DATA", to="gone@*").accept().then_bounce("5.2.2", "Full")
        send(server)
        (record,) = server.notifications.wait()

        (envelope,) = application.received
        assert (envelope.mail_from, envelope.rcpt_tos) == ("<>", [SENDER])
        message = message_from_bytes(envelope.content)
        assert message.get_content_type() == "multipart/report" and b"Status: 5.2.2" in envelope.content
        assert (record.outcome, record.reason) == ("delivered", "250 Filed as bounce 1")
        assert len(server.inbox) == 1


@pytest.mark.parametrize("form", [lambda server: server.address, lambda server: server.url], ids=["tuple", "url"])
def test_second_mail_server_receives_all_kinds(form):
    with MailServer() as application, MailServer(bounces_to=form(application)) as server:
        server.on("END_OF_DATA").then_delayed().then_bounce().then_complaint().then_auto_reply("Grüße").then_challenge()
        send(server)
        server.settle()

        assert [mail.sender for mail in application.inbox] == [""] * 5
        assert [record.kind for record in server.notifications] == [
            *("delayed", "bounce", "complaint", "auto_reply", "challenge"),
        ]
        assert application.inbox[3].text.strip() == "Grüße"


def test_webhook_gets_json():
    with Receiver() as receiver, MailServer(bounces_to=receiver.url(path="/bounces?from=test")) as server:
        server.on("END_OF_DATA", to="gone@*").then_bounce("5.1.1", "No such user")
        send(server, mail_options=["ENVID=QQ7"])
        request = receiver.get_request()
        server.settle()
        (mail,) = server.inbox
        (record,) = server.notifications

    assert (request.method, request.path) == ("POST", "/bounces?from=test")
    assert request.headers["content-type"] == "application/json"
    document = json.loads(request.body)
    content = base64.b64decode(document["notification"].pop("content_base64"))
    assert content == record.content and b"Final-Recipient: rfc822; gone@x.example" in content
    assert document == {
        "schema": 1,
        "kind": "bounce",
        "status": "5.1.1",
        "diagnostic": "smtp; 550 5.1.1 No such user",
        "recipients": ["gone@x.example"],
        "sender": SENDER,
        "mail_id": mail.id,
        "message_id": "<7@shop.example>",
        "envelope_id": "QQ7",
        "notification": {"sender": "", "recipient": SENDER},
    }
    assert (record.outcome, record.reason) == ("delivered", "204 No Content")


@pytest.mark.parametrize("status", [301, 400, 500])
def test_other_status_of_a_webhook_fails_the_test(status):
    with Receiver(respond(status, Location="http://127.0.0.1:1/")) as receiver:
        server = MailServer(bounces_to=receiver.url())
        server.start()
        server.on("END_OF_DATA").then_bounce()
        send(server)
        server.settle()
        with pytest.raises(NotificationFailed, match=f"to <{SENDER}> by http://.*the answer was {status}"):
            server.stop()
        assert receiver.connections == 1


def test_webhook_by_https_needs_a_valid_certificate(tmp_path, monkeypatch):
    trustme = pytest.importorskip("trustme")
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    with Receiver(context=context) as receiver:
        server = MailServer(bounces_to=receiver.url(scheme="https"))
        mail = server.deliver(TEXT.encode())
        with pytest.raises(NotificationFailed, match="certificate verify failed"):
            server.bounce(mail)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

        assert server.bounce(mail).outcome == "delivered"


def test_refusal_by_the_application_fails_the_test():
    with MailServer() as application:
        application.on("RCPT").reply(550, "5.1.1", "Not mine")
        server = MailServer(bounces_to=application.address)
        server.start()
        server.on("END_OF_DATA").then_bounce()
        send(server)
        server.settle()
        with pytest.raises(NotificationFailed, match=r"bounce 5.1.1 about gone@x.*failed: 550 5.1.1 Not mine"):
            server.stop()


def test_failed_wait_raises_the_error_of_a_delivery():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    server = MailServer(bounces_to=address)  # no program listens there now
    server.start()
    server.on("END_OF_DATA").then_bounce()
    send(server)
    server.settle()
    with pytest.raises(NotificationFailed, match="ConnectionRefusedError"):
        server.inbox.one(to=SENDER, timeout=0)
    server.stop()


def test_servers_that_bounce_to_each_other_come_to_rest():
    with MailServer() as application, MailServer(bounces_to=application.address) as server:
        back = MailServer(bounces_to=server.address)
        with back:
            for each in (server, back):
                each.on("END_OF_DATA").then_bounce().then_complaint().then_auto_reply("Hi").optional()
            with smtplib.SMTP(*back.address) as client:
                client.sendmail(SENDER, ["gone@x.example"], TEXT)
            back.settle()
            server.settle()

            assert [record.outcome for record in back.notifications] == ["delivered"] * 3
            assert {record.outcome for record in server.notifications} == {"not sent"}
            assert len(application.inbox) == 0


# -- what is allowed --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (("192.0.2.1", 25), ValueError, "192.0.2.1 is not in an allowed network"),
        ("smtp://10.0.0.1", ValueError, "add it to bounces_allow"),
        ("http://[2001:db8::1]/x", ValueError, "2001:db8::1 is not in an allowed network"),
        ("http://[::ffff:192.0.2.1]/x", ValueError, "is not in an allowed network"),
        ("ftp://127.0.0.1", ValueError, "bounces_to must be"),
        ("127.0.0.1:25", ValueError, "bounces_to must be"),
        ("smtp://127.0.0.1:99999", ValueError, "bounces_to must be"),
        ("smtp://127.0.0.1:0", ValueError, "port of 1-65535"),
        ("smtp://127.0.0.1/path", ValueError, "without a path"),
        ("http://ann:secret@127.0.0.1/", ValueError, "no user name and no password"),
        ("http://127.0.0.1/a b", ValueError, "visible ASCII"),
        (("127.0.0.1",), TypeError, "bounces_to must be"),
        (("127.0.0.1", "25"), TypeError, "bounces_to must be"),
        (25, TypeError, "bounces_to must be"),
    ],
)
def test_wrong_targets_are_refused_at_once(value, error, message):
    with pytest.raises(error, match=message):
        MailServer(bounces_to=value)


@pytest.mark.parametrize("networks", ["127.0.0.0/8", ["127.0.0.1/8"], [127], ["local"]])
def test_wrong_networks_are_refused_at_once(networks):
    with pytest.raises((TypeError, ValueError), match="bounces_allow must be"):
        MailServer(bounces_allow=networks)


def test_further_networks_are_allowed_by_name():
    assert parse_target(("192.0.2.7", 25), AllowedNetworks(["192.0.2.0/24"])).url == "smtp://192.0.2.7:25"
    assert parse_target("smtp://192.0.2.7", AllowedNetworks(["192.0.2.7"])).url == "smtp://192.0.2.7:25"


def test_name_with_addresses_that_are_not_allowed_is_not_connected_to():
    with MailServer() as application:
        server = MailServer(bounces_to=("localhost", application.port), bounces_allow=["192.0.2.0/24"])
        mail = server.deliver(TEXT.encode())
        with pytest.raises(NotificationFailed, match=r"localhost has 127.0.0.1, ::1, which is not in an allowed"):
            server.bounce(mail)
        application.settle()

        assert len(application.sessions) == 0


def test_name_is_looked_up_once_and_its_address_is_used(monkeypatch):
    # The tests have no name server: this one gives a loopback address first, as for DNS rebinding.
    lookups = []

    def look_up(host, port, *args, **kwargs):
        lookups.append(host)
        address = "127.0.0.1" if len(lookups) == 1 else "192.0.2.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    with MailServer() as application:
        server = MailServer(bounces_to=("app.example", application.port))
        mail = server.deliver(TEXT.encode())
        real = socket.getaddrinfo
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda host, *rest, **more: (look_up if "app" in str(host) else real)(host, *rest, **more),
        )
        assert server.bounce(mail).outcome == "delivered"
        assert lookups == ["app.example"]
        with pytest.raises(NotificationFailed, match=r"app.example has 192.0.2.1, which is not in"):
            server.bounce(mail)


def test_address_needs_no_lookup(monkeypatch):
    def refuse(host, *rest, **more):
        if not host[0].isdigit():
            raise AssertionError(f"{host} was looked up")
        return real(host, *rest, **more)

    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with MailServer() as application:
        networks = AllowedNetworks()
        networks.connect("127.0.0.1", application.port, 5).close()
        networks.connect("localhost", application.port, 5).close()


@pytest.mark.parametrize("host", ["x" * 300, "\udcff", "nowhere.invalid"])
def test_unknown_host_raises_oserror(host):
    with pytest.raises(OSError, match=r"\w"):
        AllowedNetworks().connect(host, 25, 1)


def test_destination_error_names_the_networks():
    with pytest.raises(DestinationNotAllowed, match=r"allowed network \(127.0.0.0/8, ::1/128\)"):
        AllowedNetworks().connect("192.0.2.1", 25, 1)


# -- servers that do not answer -----------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["smtp", "http"])
def test_stop_does_not_wait_for_a_silent_server(scheme):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        others = set(threading.enumerate())
        server = MailServer(bounces_to=f"{scheme}://127.0.0.1:{silent.getsockname()[1]}")
        server.start()
        server.on("END_OF_DATA").then_bounce()
        send(server)
        connected, _ = silent.accept()  # the delivery has begun
        began = time.monotonic()
        server.stop()

        assert time.monotonic() - began < 3
        assert [record.outcome for record in server.notifications] == ["canceled"]
        assert set(threading.enumerate()) <= others
        connected.close()


def test_silent_server_does_not_block_other_clients():
    with socket.create_server(("127.0.0.1", 0)) as silent, MailServer(bounces_to=silent.getsockname()) as server:
        server.on("END_OF_DATA").then_bounce()
        for _ in range(3):
            send(server)
        with pytest.raises(TimeoutError, match=r"notifications are not delivered after 0.05 s:\n  bounce"):
            server.settle(0.05)

        assert len(server.inbox) == 3
        assert [record.outcome for record in server.notifications] == ["scheduled"] * 3


@pytest.mark.parametrize("scheme", ["smtp", "http"])
def test_delivery_ends_although_the_server_sends_a_byte_now_and_then(scheme, monkeypatch):
    monkeypatch.setattr(open_socket, "MAX_DELIVERY_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        is_over = threading.Event()

        def trickle():
            connected, _ = listener.accept()
            with connected, contextlib.suppress(OSError):
                while not is_over.wait(0.01):
                    connected.sendall(b"2" if scheme == "smtp" else b"H")

        thread = threading.Thread(target=trickle)
        thread.start()
        server = MailServer(bounces_to=f"{scheme}://127.0.0.1:{listener.getsockname()[1]}")
        mail = server.deliver(TEXT.encode())
        with pytest.raises(NotificationFailed, match=r"failed: the delivery took more than 0.2 s"):
            server.bounce(mail)
        is_over.set()
        thread.join()


def test_reply_without_end_fails_the_delivery():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def reply():
            connected, _ = listener.accept()
            with connected, contextlib.suppress(OSError):
                while True:
                    connected.sendall(b"220-" + b"x" * 500 + b"\r\n")

        thread = threading.Thread(target=reply)
        thread.start()
        server = MailServer(bounces_to=listener.getsockname())
        mail = server.deliver(TEXT.encode())
        with pytest.raises(NotificationFailed, match="the reply has more than 65,536 bytes"):
            server.bounce(mail)
        thread.join()


def test_long_reply_is_shortened_in_the_record():
    with MailServer() as application, MailServer(bounces_to=application.address) as server:
        application.on("END_OF_DATA").reply(250, "2.0.0", "\n".join(["x" * 400] * 10))
        record = server.bounce(server.deliver(TEXT.encode()))

        assert (record.outcome, len(record.reason)) == ("delivered", 1001)


def test_stopped_server_still_sends_by_a_call():
    with MailServer() as application:
        server = MailServer(bounces_to=application.address)
        with server:
            mail = server.deliver(TEXT.encode())
            server.bounce(mail)

        assert server.bounce(mail).outcome == "delivered"
        assert len(application.inbox) == 2


def test_stop_ends_a_tls_handshake_that_does_not_go_on():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = MailServer(bounces_to=f"https://127.0.0.1:{silent.getsockname()[1]}")
        server.start()
        others = set(threading.enumerate())
        server.on("END_OF_DATA").then_bounce()
        send(server)
        connected, _ = silent.accept()
        connected.recv(1)  # the handshake has begun
        server.stop()

        assert [record.outcome for record in server.notifications] == ["canceled"]
        assert set(threading.enumerate()) <= others
        connected.close()


def test_redirect_of_a_webhook_is_named_in_the_error():
    with Receiver(respond(302, Location="http://127.0.0.1:1/")) as receiver:
        server = MailServer(bounces_to=receiver.url())
        with pytest.raises(NotificationFailed, match="the answer was 302, and must be 2xx; redirects are not followed"):
            server.bounce(server.deliver(TEXT.encode()))


def test_webhook_gets_null_without_an_envelope_id():
    with Receiver() as receiver:
        server = MailServer(bounces_to=receiver.url())
        server.bounce(server.deliver(b"Subject: Hi\r\n\r\n", to="gone@x.example", sender=SENDER))
        document = json.loads(receiver.get_request().body)

    assert (document["envelope_id"], document["message_id"]) == (None, None)


def test_webhook_names_only_the_recipients_that_asked_for_a_bounce(connect):
    with Receiver() as receiver, MailServer(bounces_to=receiver.url()) as server:
        server.on("END_OF_DATA").then_bounce()
        client = connect(server)
        for line in (b"EHLO me", b"MAIL FROM:<app@shop.example>", b"RCPT TO:<quiet@x.example> NOTIFY=NEVER"):
            client.send_command(line)
        client.send_command(b"RCPT TO:<gone@x.example>")
        client.send_command(b"DATA")
        client.send_command(TEXT.encode() + b".")
        document = json.loads(receiver.get_request().body)
        (record,) = server.notifications.wait()

    assert document["recipients"] == ["gone@x.example"] and record.about == ("gone@x.example",)

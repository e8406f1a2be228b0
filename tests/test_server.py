"""The 2009 API: the behavior of 2.0.4 on Python 3.9, and the deliberate fixes."""

import email.message
import email.policy
import errno
import logging
import queue
import smtplib
import socket
import threading
import time

import pytest

from lazr.smtptest import Limits, Reply, StartError, StopTimeout
from lazr.smtptest.controller import Controller, QueueController
from lazr.smtptest.server import QueueServer, Server
from tests.helpers.leaks import get_new_threads
from tests.helpers.smtp_client import RawSmtpClient

MESSAGE = "From: Abby <a@example.com>\nSubject: A test\nX-Peer: mine\n\nHi Bart.\n"


@pytest.fixture
def controller():
    controller = QueueController("localhost", 0)
    controller.start()
    yield controller
    controller.stop()


def connect_to(controller):
    return smtplib.SMTP(controller.server.host, controller.server.port)


def send(controller, message=MESSAGE, sender="a@example.com", to=("b@example.com", "c@example.com")):
    with connect_to(controller) as client:
        return client.sendmail(sender, list(to), message)


def test_message_is_the_same_as_in_2_0_4(controller):
    with connect_to(controller) as client:
        port = client.sock.getsockname()[1]
        client.sendmail("a@example.com", ["b@example.com", "c@example.com", "b@example.com"], MESSAGE)
    [message] = controller

    assert type(message) is email.message.Message
    assert message.policy is email.policy.compat32
    assert message.items() == [
        ("From", "Abby <a@example.com>"),
        ("Subject", "A test"),
        ("X-Peer", "mine"),
        ("X-Peer", f"127.0.0.1:{port}"),
        ("X-MailFrom", "a@example.com"),
        ("X-RcptTo", "b@example.com, c@example.com, b@example.com"),
    ]
    assert message.get_payload() == "Hi Bart."  # LF line ends, without the last one


@pytest.mark.parametrize(
    ("sent", "payload"),
    [
        (b"\r\na\r\nb\r\n", "a\nb"),
        (b"\r\na\r\n\r\n", "a\n"),
        (b"\r\n..a\r\n", ".a"),
        (b"\r\na\nb\r\n", "a\nb"),
        (b"\r\n\xff\r\n", "\N{REPLACEMENT CHARACTER}"),
        (b"", ""),
    ],
)
def test_content_has_lf_line_ends_without_the_last(controller, sent, payload):
    client = RawSmtpClient((controller.server.host, controller.server.port))
    client.send_command(b"EHLO x")
    client.send_mail(content=sent)
    client.close()
    [message] = controller

    assert message.get_payload() == payload


def test_null_sender_is_angle_brackets(controller):
    send(controller, sender="<>")
    [message] = controller

    assert message["X-MailFrom"] == "<>"


def test_banner_is_the_same_as_in_2_0_4(controller):
    from lazr.smtptest import __version__

    with RawSmtpClient((controller.server.host, controller.server.port)) as client:
        assert client.greeting.decode() == f"220 {socket.gethostname()} Python SMTP proxy version {__version__}\r\n"


def test_iteration_consumes_messages_in_order_of_arrival(controller):
    for number in range(5):
        send(controller, f"Subject: {number}\n\n")
    assert [message["subject"] for message in controller] == list("01234")
    assert list(controller) == []
    send(controller, "Subject: again\n\n")
    assert [message["subject"] for message in controller] == ["again"]
    assert controller.queue.qsize() == 0


def test_each_transaction_is_a_separate_message(controller):
    with connect_to(controller) as client:
        client.sendmail("a@example.com", ["b@example.com"], "Subject: 1\n\n")
        client.sendmail("a@example.com", ["b@example.com"], "Subject: 2\n\n")
    first, second = controller
    assert first is not second


def test_constructor_binds_the_port():
    server = Server("localhost", 0)
    try:
        assert server.port != 0
        with pytest.raises(OSError, match="cannot listen") as busy:
            QueueServer("localhost", server.port, queue.Queue())
        assert busy.value.errno == errno.EADDRINUSE
        socket.create_connection((server.host, server.port)).close()
    finally:
        server.stop()


def test_subclass_can_call_init_by_name():
    class Mine(Server):
        def __init__(self, host, port):
            Server.__init__(self, host, port)
            self.calls = []

        def handle_message(self, message):
            self.calls.append((message, threading.current_thread()))

    server = Mine("localhost", 0)
    controller = Controller(server)
    controller.start()
    assert send(controller) == {}
    [(message, thread)] = server.calls  # called before the 250
    assert message["subject"] == "A test"
    assert thread is not threading.current_thread()
    controller.stop()


def test_base_class_ignores_messages_and_resets():
    controller = Controller(Server("localhost", 0))
    controller.start()
    assert send(controller) == {}
    controller.reset()
    controller.stop()


@pytest.mark.parametrize("line", [b"RSET", b"rset"])
def test_rset_of_a_client_calls_reset(controller, line):
    send(controller)
    with RawSmtpClient((controller.server.host, controller.server.port)) as client:
        assert client.send_command(line).startswith(b"250")
    assert list(controller) == []


def test_clear_on_rset_false_ignores_the_rset_of_smtplib():
    class RefusingQueueServer(QueueServer):
        def decide(self, event, reply):
            return Reply(550, "5.1.1", "No") if event.verb == "RCPT" and "no" in event.path.mailbox else reply

    class KeepingQueueServer(RefusingQueueServer):
        clear_on_rset = False

    for server_class, remaining in ((RefusingQueueServer, 0), (KeepingQueueServer, 1)):
        messages = queue.Queue()
        controller = Controller(server_class("localhost", 0, messages))
        controller.start()
        send(controller)
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send(controller, to=("no@example.com",))
        assert messages.qsize() == remaining
        controller.reset()  # this always calls `reset`
        assert messages.qsize() == 0
        controller.stop()


def test_malformed_rset_does_not_call_reset(controller):
    send(controller)
    with RawSmtpClient((controller.server.host, controller.server.port)) as client:
        assert client.send_command(b"RSET now").startswith(b"501")
    assert len(list(controller)) == 1


@pytest.mark.parametrize("line", [b"EXIT", b"exit"])
def test_exit_stops_the_server(line):
    controller = QueueController("localhost", 0)
    controller.start()
    address = controller.server.host, controller.server.port
    with RawSmtpClient(address) as client:
        assert client.send_command(line).startswith(b"250")
        client.read_to_end()
    controller.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", address[1]), timeout=5)


def test_exit_is_unknown_to_mail_server(server, connect):
    client = connect(server)

    assert client.send_command(b"EXIT").startswith(b"500")
    client.send_command(b"EHLO x")
    client.send_mail()
    client.send_command(b"RSET")
    assert len(server.inbox) == 1


def test_stop_closes_the_port_and_ends_the_thread():
    before = threading.enumerate()
    controller = QueueController("localhost", 0)
    controller.start()
    assert len(get_new_threads(before)) == 1
    controller.stop()
    assert get_new_threads(before) == set()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", controller.server.port), timeout=5)


def test_stop_before_start_stop_twice_and_restart():
    controller = QueueController("localhost", 0)
    port = controller.server.port
    controller.stop()
    controller.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    controller.start()
    assert controller.server.port == port
    send(controller)
    with pytest.raises(StartError):
        controller.start()
    controller.stop()
    controller.start()
    send(controller)
    controller.stop()
    assert len(list(controller)) == 2


def test_restart_on_a_taken_port_raises():
    controller = QueueController("localhost", 0)
    controller.stop()
    with socket.socket() as other:
        other.bind(("127.0.0.1", controller.server.port))
        other.listen()
        with pytest.raises(OSError, match="cannot listen"):
            controller.start()


def test_exception_in_handle_message_is_451_and_raised():
    class Broken(QueueServer):
        def handle_message(self, message):
            if message["subject"] == "bad":
                raise KeyError(message["subject"])
            super().handle_message(message)

    class BrokenController(QueueController):
        def _make_server(self, host, port):
            self.server = Broken(host, port, self.queue)

    controller = BrokenController("localhost", 0)
    controller.start()
    for use in (controller.reset, lambda: list(controller), controller.stop):
        with pytest.raises(smtplib.SMTPDataError) as refused:
            send(controller, "Subject: bad\n\n")
        assert refused.value.smtp_code == 451
        assert refused.value.smtp_error.startswith(b"4.3.0")
        send(controller, "Subject: good\n\n")
        with pytest.raises(KeyError, match="bad"):
            use()
    controller.stop()


def test_exception_in_reset_is_raised():
    class Broken(Server):
        def reset(self):
            raise KeyError("reset")

    controller = Controller(Broken("localhost", 0))
    controller.start()
    with pytest.raises(KeyError, match="reset"):
        controller.reset()
    with RawSmtpClient((controller.server.host, controller.server.port)) as client:
        assert client.send_command(b"RSET").startswith(b"451")
    with pytest.raises(KeyError, match="reset"):
        controller.stop()


def test_messages_that_2_0_4_could_not_parse():
    class Small(QueueServer):
        limits = Limits(message_size=100)

    messages = queue.Queue()
    controller = Controller(Small("localhost", 0, messages))
    controller.start()
    with RawSmtpClient((controller.server.host, controller.server.port)) as client:
        assert client.send_command(b"\xff\xfe").startswith(b"500")
        client.send_command(b"EHLO x")
        assert client.send_mail(content=b"x" * 150 + b"\r\n").startswith(b"552")
        assert client.send_mail().startswith(b"250")
    controller.stop()
    assert messages.qsize() == 1


def test_lenient_syntax_is_accepted(controller):
    with RawSmtpClient((controller.server.host, controller.server.port)) as client:
        client.send_command(b"HELO my_host")
        for line in (b"MAIL FROM: ann", b"RCPT TO:bob@build_host"):
            assert client.send_command(line).startswith(b"250")
        assert client.send_command(b"DATA").startswith(b"354")
        client.send(b"Hi\r\n.\r\n")
        assert client.read_reply().startswith(b"250")
        for _ in range(200):
            assert client.send_command(b"FOO").startswith(b"500")
    [message] = controller
    assert (message["X-MailFrom"], message["X-RcptTo"]) == ("ann", "bob@build_host")


def test_process_message_can_be_overridden():
    class Mine(Server):
        def process_message(self, peer, mailfrom, rcpttos, data, **kwargs):
            self.arguments = peer, mailfrom, rcpttos, data, kwargs
            return "550 5.7.1 Not today\nnor tomorrow" if b"no" in data else None

    server = Mine("localhost", 0)
    controller = Controller(server)
    controller.start()
    with connect_to(controller) as client:
        client.sendmail("a@example.com", ["b@example.com"], "yes\n", ["body=8bitmime"], ["NOTIFY=NEVER"])
        peer, *rest = server.arguments
        assert peer == client.sock.getsockname()
        assert rest == [
            "a@example.com", ["b@example.com"], b"yes",
            {"mail_options": ["SIZE=5", "BODY=8BITMIME"], "rcpt_options": ["NOTIFY=NEVER"]},
        ]  # fmt: skip
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail("a@example.com", ["b@example.com"], "no\n")
        assert (refused.value.smtp_code, refused.value.smtp_error) == (550, b"5.7.1 Not today\n5.7.1 nor tomorrow")
    controller.stop()


def test_invalid_result_of_process_message_raises():
    class Mine(Server):
        def process_message(self, peer, mailfrom, rcpttos, data, **kwargs):
            return "fine"

    controller = Controller(Mine("localhost", 0))
    controller.start()
    with pytest.raises(smtplib.SMTPDataError):
        send(controller)
    with pytest.raises(ValueError, match='must return None or a reply such as "550 No"'):
        controller.stop()


def test_unparsable_message_is_still_a_message(monkeypatch, controller):
    def raise_error(*_, **__):
        raise IndexError("no")

    monkeypatch.setattr("email.message_from_bytes", raise_error)
    send(controller, "Subject: x\n\nbody\xff".encode("latin-1"))
    [message] = controller
    assert (message["Subject"], message.get_payload(decode=True)) == ("x", b"body\xff")
    assert [str(defect) for defect in message.defects] == ["IndexError: no"]
    assert message["X-RcptTo"] == "b@example.com, c@example.com"


def test_the_logger_is_lazr_smtptest(caplog):
    with caplog.at_level(logging.INFO, logger="lazr.smtptest"):
        controller = QueueController("localhost", 0)
        controller.start()
        send(controller)
        controller.reset()
        controller.stop()
    assert {record.name for record in caplog.records} == {"lazr.smtptest"}
    assert any("processed message: n/a" in record.message for record in caplog.records)


def test_server_can_run_in_a_custom_thread():
    server = QueueServer("localhost", 0, queue.Queue())
    thread = threading.Thread(target=server.start)
    thread.start()
    assert server._engine._ready_event.wait(10)
    with smtplib.SMTP(server.host, server.port) as client:
        client.sendmail("a@example.com", ["b@example.com"], MESSAGE)
    server.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert server.queue.qsize() == 1


def test_controller_start_raises_the_servers_error(monkeypatch):
    class Broken(Server):
        def start(self):
            raise ZeroDivisionError

    controller = Controller(Broken("localhost", 0))
    with pytest.raises(ZeroDivisionError):
        controller.start()
    controller.stop()


class HungController:
    """A controller whose server blocks in `handle_message` until `release` is set."""

    def __init__(self):
        self.release = release = threading.Event()

        class Hanging(Server):
            stop_deadline = 0.2

            def handle_message(self, message):
                release.wait(20)

        self.controller = Controller(Hanging("localhost", 0))
        self.controller.start()
        self.thread = self.controller._thread
        self.address = (self.controller.server.host, self.controller.server.port)
        self.client = RawSmtpClient(self.address)
        for line in (b"EHLO x", b"MAIL FROM:<>", b"RCPT TO:<a@b.example>", b"DATA"):
            self.client.send_command(line)
        self.client.send(b".\r\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release.set()
        self.thread.join(10)
        self.client.close()


def test_controller_stop_has_a_deadline():
    with HungController() as hung:
        before = time.monotonic()
        with pytest.raises(StopTimeout, match=r"release\.wait"):
            hung.controller.stop()
        assert time.monotonic() - before < 4


def test_restart_works_after_a_hung_run():
    with HungController() as hung:
        with pytest.raises(StopTimeout):
            hung.controller.stop()
        hung.controller.start()
        hung.release.set()
        hung.thread.join(10)
        assert not hung.thread.is_alive()
        with RawSmtpClient(hung.address) as client:
            assert client.send_command(b"NOOP").startswith(b"250")
        hung.controller.stop()


def test_attributes_used_by_mailman_exist():
    """The tests of GNU Mailman use `_connect`, a STAT command and `_make_server`."""

    class Counting(QueueServer):
        count = 0

        def decide(self, event, reply):
            if event.verb == "CONNECT":
                self.count += 1
            if event.verb == "UNKNOWN" and event.command == "STAT":
                return Reply(250, str(self.count))
            return reply

    class CountingController(QueueController):
        def _make_server(self, host, port):
            self.server = Counting(host, port, self.queue)

        def reset(self):
            self._connect().docmd("RSET")

    controller = CountingController("localhost", 0)
    controller.start()
    with controller._connect() as one, controller._connect() as two:
        assert one.docmd("STAT") == two.docmd("STAT") == (250, b"2")
    controller.stop()


def test_import_of_channel_points_to_the_upgrading_page():
    with pytest.raises(ImportError, match=r"no Channel since version 3; override `decide` .*docs/how-to/upgrading\.md"):
        from lazr.smtptest.server import Channel  # noqa: F401
    with pytest.raises(ImportError, match="cannot import name 'Chann'"):
        from lazr.smtptest.server import Chann  # noqa: F401

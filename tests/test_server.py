"""The 2009 API: what 2.0.4 did on Python 3.9, and what is fixed on purpose."""

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
from talk import Client

MESSAGE = "From: Abby <a@example.com>\nSubject: A test\nX-Peer: mine\n\nHi Bart.\n"


@pytest.fixture
def controller():
    controller = QueueController("localhost", 0)
    controller.start()
    yield controller
    controller.stop()


def client_of(controller):
    return smtplib.SMTP(controller.server.host, controller.server.port)


def send(controller, message=MESSAGE, sender="a@example.com", to=("b@example.com", "c@example.com")):
    with client_of(controller) as client:
        return client.sendmail(sender, list(to), message)


def test_a_message_is_as_2_0_4_made_it(controller):
    with client_of(controller) as client:
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
    assert message.get_payload() == "Hi Bart."  # LF line ends, and none at the end


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
def test_its_line_ends_are_lf_and_the_last_one_is_gone(controller, sent, payload):
    client = Client((controller.server.host, controller.server.port))
    client.ask(b"EHLO x")
    client.mail(content=sent)
    client.close()
    [message] = controller

    assert message.get_payload() == payload


def test_the_null_sender_is_the_string_of_its_brackets(controller):
    send(controller, sender="<>")
    [message] = controller

    assert message["X-MailFrom"] == "<>"


def test_the_banner_is_2_0_4s(controller):
    from lazr.smtptest import __version__

    with Client((controller.server.host, controller.server.port)) as client:
        assert client.greeting.decode() == f"220 {socket.gethostname()} Python SMTP proxy version {__version__}\r\n"


def test_messages_come_out_in_the_order_they_were_accepted_consumed_and_afresh(controller):
    for number in range(5):
        send(controller, f"Subject: {number}\n\n")
    assert [message["subject"] for message in controller] == list("01234")
    assert list(controller) == []
    send(controller, "Subject: again\n\n")
    assert [message["subject"] for message in controller] == ["again"]
    assert controller.queue.qsize() == 0


def test_each_transaction_is_one_message_object(controller):
    with client_of(controller) as client:
        client.sendmail("a@example.com", ["b@example.com"], "Subject: 1\n\n")
        client.sendmail("a@example.com", ["b@example.com"], "Subject: 2\n\n")
    first, second = controller
    assert first is not second


def test_the_constructor_binds():
    server = Server("localhost", 0)
    try:
        assert server.port != 0
        with pytest.raises(OSError, match="cannot listen") as busy:
            QueueServer("localhost", server.port, queue.Queue())
        assert busy.value.errno == errno.EADDRINUSE
        socket.create_connection((server.host, server.port)).close()
    finally:
        server.stop()


def test_a_subclass_may_call_init_by_name():
    class Mine(Server):
        def __init__(self, host, port):
            Server.__init__(self, host, port)
            self.got = []

        def handle_message(self, message):
            self.got.append((message, threading.current_thread()))

    server = Mine("localhost", 0)
    controller = Controller(server)
    controller.start()
    assert send(controller) == {}
    [(message, thread)] = server.got  # before the 250, so it is there now
    assert message["subject"] == "A test"
    assert thread is not threading.current_thread()
    controller.stop()


def test_the_base_classes_do_nothing_with_messages_and_resets():
    controller = Controller(Server("localhost", 0))
    controller.start()
    assert send(controller) == {}
    controller.reset()
    controller.stop()


@pytest.mark.parametrize("line", [b"RSET", b"rset"])
def test_a_clients_rset_resets(controller, line):
    send(controller)
    with Client((controller.server.host, controller.server.port)) as client:
        assert client.ask(line).startswith(b"250")
    assert list(controller) == []


def test_smtplibs_own_rset_behind_a_refused_recipient_resets_and_need_not():
    class Picky(QueueServer):
        def decide(self, event, reply):
            return Reply(550, "5.1.1", "No") if event.verb == "RCPT" and "no" in event.path.mailbox else reply

    class Keeping(Picky):
        clear_on_rset = False

    for kind, left in ((Picky, 0), (Keeping, 1)):
        messages = queue.Queue()
        controller = Controller(kind("localhost", 0, messages))
        controller.start()
        send(controller)
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send(controller, to=("no@example.com",))
        assert messages.qsize() == left
        controller.reset()  # this one always does
        assert messages.qsize() == 0
        controller.stop()


def test_a_malformed_rset_resets_nothing(controller):
    send(controller)
    with Client((controller.server.host, controller.server.port)) as client:
        assert client.ask(b"RSET now").startswith(b"501")
    assert len(list(controller)) == 1


@pytest.mark.parametrize("line", [b"EXIT", b"exit"])
def test_exit_stops_the_server(line):
    controller = QueueController("localhost", 0)
    controller.start()
    address = controller.server.host, controller.server.port
    with Client(address) as client:
        assert client.ask(line).startswith(b"250")
        client.rest()
    controller.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", address[1]), timeout=5)


def test_exit_is_of_this_api_only(server, connect):
    client = connect(server)

    assert client.ask(b"EXIT").startswith(b"500")
    client.ask(b"EHLO x")
    client.mail()
    client.ask(b"RSET")
    assert len(server.inbox) == 1


def test_stop_means_that_a_connection_is_refused_and_the_thread_gone():
    before = threading.active_count()
    controller = QueueController("localhost", 0)
    controller.start()
    assert threading.active_count() == before + 1
    controller.stop()
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", controller.server.port), timeout=5)


def test_fixed_stop_before_start_twice_and_restart():
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


def test_fixed_a_restart_that_finds_its_port_taken_raises():
    controller = QueueController("localhost", 0)
    controller.stop()
    with socket.socket() as other:
        other.bind(("127.0.0.1", controller.server.port))
        other.listen()
        with pytest.raises(OSError, match="cannot listen"):
            controller.start()


def test_fixed_an_exception_in_handle_message_is_answered_and_raised_again():
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


def test_fixed_an_exception_in_reset_is_raised():
    class Broken(Server):
        def reset(self):
            raise KeyError("reset")

    controller = Controller(Broken("localhost", 0))
    controller.start()
    with pytest.raises(KeyError, match="reset"):
        controller.reset()
    with Client((controller.server.host, controller.server.port)) as client:
        assert client.ask(b"RSET").startswith(b"451")
    with pytest.raises(KeyError, match="reset"):
        controller.stop()


def test_fixed_what_2_0_4_could_not_read():
    class Small(QueueServer):
        limits = Limits(message_size=100)

    messages = queue.Queue()
    controller = Controller(Small("localhost", 0, messages))
    controller.start()
    with Client((controller.server.host, controller.server.port)) as client:
        assert client.ask(b"\xff\xfe").startswith(b"501")
        client.ask(b"EHLO x")
        assert client.mail(content=b"x" * 150 + b"\r\n").startswith(b"552")
        assert client.mail().startswith(b"250")
    controller.stop()
    assert messages.qsize() == 1


def test_clients_of_all_kinds_are_welcome(controller):
    with Client((controller.server.host, controller.server.port)) as client:
        client.ask(b"HELO my_host")
        for line in (b"MAIL FROM: ann", b"RCPT TO:bob@build_host"):
            assert client.ask(line).startswith(b"250")
        assert client.ask(b"DATA").startswith(b"354")
        client.send(b"Hi\r\n.\r\n")
        assert client.reply().startswith(b"250")
        for _ in range(200):
            assert client.ask(b"FOO").startswith(b"500")
    [message] = controller
    assert (message["X-MailFrom"], message["X-RcptTo"]) == ("ann", "bob@build_host")


def test_process_message_can_be_overridden_as_smtpds_could():
    class Mine(Server):
        def process_message(self, peer, mailfrom, rcpttos, data, **kwargs):
            self.got = peer, mailfrom, rcpttos, data, kwargs
            return "550 5.7.1 Not today\nnor tomorrow" if b"no" in data else None

    server = Mine("localhost", 0)
    controller = Controller(server)
    controller.start()
    with client_of(controller) as client:
        client.sendmail("a@example.com", ["b@example.com"], "yes\n", ["body=8bitmime"], ["NOTIFY=NEVER"])
        peer, *rest = server.got
        assert peer == client.sock.getsockname()
        assert rest == [
            "a@example.com", ["b@example.com"], b"yes",
            {"mail_options": ["SIZE=5", "BODY=8BITMIME"], "rcpt_options": ["NOTIFY=NEVER"]},
        ]  # fmt: skip
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail("a@example.com", ["b@example.com"], "no\n")
        assert (refused.value.smtp_code, refused.value.smtp_error) == (550, b"5.7.1 Not today\n5.7.1 nor tomorrow")
    controller.stop()


def test_process_message_returning_nonsense_is_the_testers_failure():
    class Mine(Server):
        def process_message(self, peer, mailfrom, rcpttos, data, **kwargs):
            return "fine"

    controller = Controller(Mine("localhost", 0))
    controller.start()
    with pytest.raises(smtplib.SMTPDataError):
        send(controller)
    with pytest.raises(ValueError, match='return None, or a reply such as "550 No"'):
        controller.stop()


def test_a_message_that_the_parser_gives_up_on_is_still_a_message(monkeypatch, controller):
    def give_up(*_, **__):
        raise IndexError("no")

    monkeypatch.setattr("email.message_from_bytes", give_up)
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


def test_a_server_can_be_started_in_a_thread_of_ones_own():
    server = QueueServer("localhost", 0, queue.Queue())
    thread = threading.Thread(target=server.start)
    thread.start()
    assert server._engine._opened.wait(10)
    with smtplib.SMTP(server.host, server.port) as client:
        client.sendmail("a@example.com", ["b@example.com"], MESSAGE)
    server.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert server.queue.qsize() == 1


def test_a_server_that_cannot_run_fails_its_controllers_start(monkeypatch):
    class Broken(Server):
        def start(self):
            raise ZeroDivisionError

    controller = Controller(Broken("localhost", 0))
    with pytest.raises(ZeroDivisionError):
        controller.start()
    controller.stop()


class Hung:
    """A controller whose server's thread is inside `handle_message`, until `release` is set."""

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
        self.client = Client(self.address)
        for line in (b"EHLO x", b"MAIL FROM:<>", b"RCPT TO:<a@b.example>", b"DATA"):
            self.client.ask(line)
        self.client.send(b".\r\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release.set()
        self.thread.join(10)
        self.client.close()


def test_the_controllers_stop_has_a_deadline():
    with Hung() as hung:
        before = time.monotonic()
        with pytest.raises(StopTimeout, match=r"release\.wait"):
            hung.controller.stop()
        assert time.monotonic() - before < 4


def test_a_restart_outlives_the_run_that_hung():
    with Hung() as hung:
        with pytest.raises(StopTimeout):
            hung.controller.stop()
        hung.controller.start()
        hung.release.set()
        hung.thread.join(10)
        assert not hung.thread.is_alive()
        with Client(hung.address) as client:
            assert client.ask(b"NOOP").startswith(b"250")
        hung.controller.stop()


def test_mailmans_subclasses_find_what_they_use():
    """GNU Mailman's tests connect by `_connect`, count by STAT, and make the server in `_make_server`."""

    class Counting(QueueServer):
        count = 0

        def decide(self, event, reply):
            if event.verb == "CONNECT":
                self.count += 1
            if event.verb == "STAT":
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

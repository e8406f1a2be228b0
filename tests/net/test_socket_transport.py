"""A socket in a reactor: queue, water marks, pauses, and each way in which it ends."""

import contextlib
import random
import socket
import struct
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest.net.poller import SelectPoller
from lazr.smtptest.net.reactor import READ, Reactor
from lazr.smtptest.net.socket_transport import SocketTransport

SEND_BUFFER_BYTES = 4096  # small, so that writes are partial
MAX_PASSES = 2000  # enough for all that a test does; a busy loop exceeds it


class RecordingUser:
    """A connection that records what its transport calls."""

    def __init__(self, *, stays_open_at_eof=False):
        self.transport = None
        self.received = b""
        self.stays_open_at_eof = stays_open_at_eof
        self.eof_count = 0
        self.losses = []
        self.is_paused = False
        self.on_input = lambda data: None
        self.on_resume = lambda: None

    def data_received(self, data):
        assert not self.losses
        self.received += data
        self.on_input(data)

    def eof_received(self):
        assert not self.losses
        self.eof_count += 1
        return self.stays_open_at_eof

    def connection_lost(self, error):
        self.losses.append(error)

    def pause_writing(self):
        assert not self.losses and not self.is_paused
        self.is_paused = True

    def resume_writing(self):
        assert not self.losses and self.is_paused
        self.is_paused = False
        self.on_resume()


class Link:
    """A transport in a reactor, and its peer.

    A socket pair passes bytes on at once.  With `tcp` it is a TCP connection, where acknowledgments take time.
    """

    def __init__(self, *, tcp=False, uses_select=False, high_water=None, stays_open_at_eof=False):
        self.reactor = Reactor(SelectPoller() if uses_select else None)
        if tcp:
            with socket.create_server(("127.0.0.1", 0)) as listening:
                self.peer = socket.create_connection(listening.getsockname())
                connected, _ = listening.accept()
        else:
            connected, self.peer = socket.socketpair()
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        for one in (connected, self.peer):
            one.setblocking(False)
        self.user = RecordingUser(stays_open_at_eof=stays_open_at_eof)
        self.socket = connected
        self.transport = self.user.transport = SocketTransport(
            self.reactor, connected, "the peer", self.user, memoryview(bytearray(3000))
        )
        if high_water is not None:
            self.transport.set_write_buffer_limits(high_water)
        self.reactor.register(connected.fileno(), READ, self.transport)
        self.peer_received = b""
        self.has_peer_ended = False  # the peer has read the end
        self.is_peer_reset = False

    def run_passes(self):
        """Run passes until nothing is left to do; return how many."""
        for count in range(MAX_PASSES):
            if self.reactor.next_time != 0.0 and not self.reactor._poller.poll(0.0):
                return count
            self.reactor.run_once(0.0)
        raise AssertionError("the reactor does not come to rest")

    def read_at_peer(self, size=1_000_000):
        """Read at the peer what has arrived."""
        try:
            while size > 0:
                data = self.peer.recv(min(size, 65_536))
                if not data:
                    self.has_peer_ended = True
                    return
                self.peer_received += data
                size -= len(data)
        except BlockingIOError:
            pass
        except OSError:
            self.is_peer_reset = True

    def exchange(self):
        """Run passes and read at the peer until both are at rest."""
        for _ in range(MAX_PASSES):
            before = (len(self.peer_received), len(self.user.received), len(self.user.losses), self.has_peer_ended)
            self.run_passes()
            if not self.is_peer_reset and self.peer.fileno() >= 0:
                self.read_at_peer()
            if before == (len(self.peer_received), len(self.user.received), len(self.user.losses), self.has_peer_ended):
                return
        raise AssertionError("the two do not come to rest")

    def reset(self):
        """Close the peer so that the system resets the connection."""
        if self.peer.family == socket.AF_UNIX:
            self.transport.write(b"x")  # a peer that has not read all resets
            self.peer.close()
            return
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.peer.close()

    def close(self):
        self.transport.abort()
        self.reactor.close()
        self.peer.close()


@pytest.fixture
def open_link():
    """Return a function that opens a `Link`."""
    links = []

    def open_link(**options):
        links.append(Link(**options))
        return links[-1]

    yield open_link
    for link in links:
        link.close()
        assert len(link.user.losses) == 1
        assert link.socket.fileno() == -1


# -- writing ---------------------------------------------------------------------------------


def test_short_write_needs_no_queue(open_link):
    link = open_link()
    link.transport.write(b"250 OK\r\n")
    assert link.transport.get_write_buffer_size() == 0
    link.read_at_peer()
    assert link.peer_received == b"250 OK\r\n"


def test_long_writes_arrive_in_order_as_the_peer_reads(open_link):
    link = open_link()
    expected = b""
    for number in range(50):
        data = bytes([number]) * 9999
        link.transport.write(data)
        expected += data
    assert link.transport.get_write_buffer_size() > 0
    link.exchange()
    assert link.transport.get_write_buffer_size() == 0
    assert link.peer_received == expected
    assert not link.user.losses


def test_long_writes_arrive_by_tcp(open_link):
    link = open_link(tcp=True)
    data = CONTENT[:1_000_000]
    link.peer.setblocking(True)
    thread = threading.Thread(target=read_all, args=(link,))
    thread.start()
    for start in range(0, len(data), 50_000):
        link.transport.write(data[start : start + 50_000])
    link.transport.close()
    while not link.user.losses:
        link.reactor.run_once(30.0)
    thread.join()
    assert link.user.losses == [None]
    assert link.peer_received == data


def read_all(link):
    """Read at the peer until the end."""
    with link.peer.makefile("rb") as file:
        link.peer_received = file.read()


def test_water_marks_pause_and_resume_once(open_link):
    link = open_link(high_water=10_000)
    sizes = []
    link.user.on_resume = lambda: sizes.append(link.transport.get_write_buffer_size())
    while not link.user.is_paused:
        assert link.transport.get_write_buffer_size() <= 10_000
        link.transport.write(bytes(1000))
    assert link.transport.get_write_buffer_size() > 10_000
    link.transport.write(bytes(100_000))  # one who ignores the pause is not paused twice
    link.exchange()
    assert len(sizes) == 1 and sizes[0] <= 2500


def test_write_from_resume_writing_continues(open_link):
    link = open_link(high_water=10_000)
    left = [20]

    def write_more():
        while left[0] and not link.user.is_paused:
            left[0] -= 1
            link.transport.write(bytes(20_000))

    link.user.on_resume = write_more
    write_more()
    link.exchange()
    assert left == [0]
    assert len(link.peer_received) == 400_000


@pytest.mark.parametrize("end", ["close", "abort", "write_eof"])
def test_end_from_resume_writing(open_link, end):
    link = open_link(high_water=1000)
    link.user.on_resume = getattr(link.transport, end)
    link.transport.write(bytes(100_000))
    link.exchange()
    assert link.has_peer_ended
    assert len(link.user.losses) == (0 if end == "write_eof" else 1)
    assert len(link.peer_received) == 100_000 or end == "abort"


@pytest.mark.parametrize("write_size", [100, 200_000])
def test_write_eof_is_sent_after_the_queue_and_reading_goes_on(open_link, write_size):
    link = open_link()
    link.transport.write(bytes(write_size))
    link.transport.write_eof()
    link.transport.write_eof()
    link.transport.write(b"too late")
    link.exchange()
    assert len(link.peer_received) == write_size and link.has_peer_ended
    link.peer.send(b"QUIT\r\n")
    link.run_passes()
    assert link.user.received == b"QUIT\r\n"
    assert not link.user.losses
    link.transport.close()
    link.run_passes()
    assert link.user.losses == [None]


# -- the end ---------------------------------------------------------------------------------


@pytest.mark.parametrize("write_size", [0, 100, 200_000])
def test_close_sends_the_queue_first(open_link, write_size):
    link = open_link()
    link.transport.write(bytes(write_size))
    link.transport.close()
    link.transport.close()
    assert link.transport.is_closing()
    link.transport.write(b"!")  # as long as the queue is not sent, more can be written
    link.exchange()
    assert link.user.losses == [None]
    assert link.peer_received.rstrip(b"!") == bytes(write_size) and link.has_peer_ended


def test_closing_transport_reads_no_more(open_link):
    link = open_link()
    link.transport.write(bytes(200_000))
    link.transport.close()
    link.transport.resume_reading()
    link.peer.send(b"more")
    link.run_passes()
    assert link.user.received == b"" and not link.user.losses


def test_late_pause_leaves_the_next_owner_of_the_descriptor_alone(open_link):
    link = open_link()
    fd = link.socket.fileno()
    link.transport.abort()
    link.run_passes()
    masks = []
    link.reactor.set_mask = lambda *arguments: masks.append(arguments)
    link.transport.pause_reading()
    assert masks == [] and link.socket.fileno() != fd


def test_abort_drops_the_queue(open_link):
    link = open_link()
    link.transport.write(bytes(200_000))
    link.transport.abort()
    link.transport.abort()
    assert link.transport.get_write_buffer_size() == 0
    assert link.user.losses == []  # it is called at the end of the pass
    link.exchange()
    assert link.user.losses == [None]
    assert 0 < len(link.peer_received) < 200_000
    for method in ("pause_reading", "resume_reading", "close", "abort"):
        getattr(link.transport, method)()
    link.transport.write(b"x")
    assert link.transport.get_write_buffer_size() == 0


@pytest.mark.parametrize("stays_open", [False, True])
def test_end_of_peer_is_told_once(open_link, stays_open):
    link = open_link(stays_open_at_eof=stays_open)
    link.peer.send(b"QUIT\r\n")
    link.peer.shutdown(socket.SHUT_WR)
    link.run_passes()
    assert link.user.received == b"QUIT\r\n" and link.user.eof_count == 1
    assert link.user.losses == ([] if stays_open else [None])
    if stays_open:
        link.transport.write(b"221 Bye\r\n")
        link.transport.close()
        link.exchange()
        assert link.peer_received == b"221 Bye\r\n" and link.has_peer_ended


def test_end_of_peer_does_not_keep_the_reactor_busy(open_link):
    link = open_link(stays_open_at_eof=True, tcp=True)
    link.transport.write_eof()
    link.peer.close()  # both halves are closed now, which the poller reports to any mask
    assert link.run_passes() <= 2
    assert not link.user.losses and link.user.eof_count == 1


# Each state of a transport, and what it may do when the peer resets the connection: whether it sees it at once.
STATES = {
    "reads": (lambda link: None, True),
    "has paused reading": (lambda link: link.transport.pause_reading(), False),
    "has a queue": (lambda link: link.transport.write(bytes(200_000)), True),
    "has a queue and has paused reading": (
        lambda link: (link.transport.pause_reading(), link.transport.write(bytes(200_000))),
        True,
    ),
    "closes with a queue": (lambda link: (link.transport.write(bytes(200_000)), link.transport.close()), True),
    "has sent its end": (lambda link: link.transport.write_eof(), True),
    "sends its end after the queue": (
        lambda link: (link.transport.write(bytes(200_000)), link.transport.write_eof()),
        True,
    ),
    "has got the peer's end": (lambda link: (link.peer.shutdown(socket.SHUT_WR), link.run_passes()), False),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("uses_select", [False, True])
def test_reset_ends_the_connection_without_a_busy_loop(open_link, state, uses_select):
    enter_state, is_seen_at_once = STATES[state]
    link = open_link(tcp=True, stays_open_at_eof=True, uses_select=uses_select)
    enter_state(link)
    link.run_passes()
    link.reset()
    assert link.run_passes() <= 3
    if not is_seen_at_once:
        assert not link.user.losses
        link.transport.write(b"250 OK\r\n")
        link.run_passes()
    assert len(link.user.losses) == 1
    assert isinstance(link.user.losses[0], ConnectionError)


def test_write_after_a_reset_ends_the_connection(open_link):
    link = open_link(tcp=True)
    link.transport.pause_reading()
    link.reset()
    link.transport.write(b"250 OK\r\n")
    link.transport.write(b"250 OK\r\n")
    link.run_passes()
    assert len(link.user.losses) == 1
    assert isinstance(link.user.losses[0], ConnectionError)


def test_error_of_the_connection_ends_it_alone(open_link, caplog):
    link = open_link()
    link.user.on_input = lambda data: 1 / 0
    link.peer.send(b"x")
    link.run_passes()
    assert isinstance(link.user.losses[0], ZeroDivisionError)
    assert "ZeroDivisionError" in caplog.text


def test_socket_is_closed_if_connection_lost_fails(open_link, caplog):
    link = open_link()

    def fail(error):
        link.user.losses.append(error)
        raise ZeroDivisionError

    link.user.connection_lost = fail
    link.transport.abort()
    link.run_passes()
    assert link.socket.fileno() == -1
    assert "ZeroDivisionError" in caplog.text


def test_unready_socket_is_left_alone(open_link):
    link = open_link()
    link.transport.handle_readable()
    link.transport.handle_writable()
    assert link.user.received == b"" and not link.user.losses


def test_extra_info_has_the_socket_and_the_peer(open_link):
    link = open_link()
    assert link.transport.get_extra_info("socket") is link.socket
    assert link.transport.get_extra_info("peername") == "the peer"
    assert link.transport.can_write_eof()


# -- any order -------------------------------------------------------------------------------

CONTENT = random.Random(7).randbytes(3_000_000)
SIZES = st.integers(1, 30_000)
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["write", "send", "read"]), SIZES),
        st.tuples(st.sampled_from(["pass", "pause", "resume", "pass", "read all"])),
    ),
    max_size=30,
)
ENDS = st.sampled_from(["close", "abort", "write_eof", "peer shuts down", "peer closes", "reset"])


@settings(max_examples=150, deadline=None)
@given(
    actions=ACTIONS,
    end=ENDS,
    after_end=ACTIONS,
    link_options=st.fixed_dictionaries(
        {
            "stays_open_at_eof": st.booleans(),
            "uses_select": st.booleans(),
            "high_water": st.sampled_from([0, 1000, 50_000]),
        }
    ),
)
def test_what_arrives_is_what_was_sent(actions, end, after_end, link_options):
    high_water = link_options["high_water"]
    link = Link(**link_options)
    with contextlib.closing(link):
        written, sent = bytearray(), bytearray()
        for action in actions:
            act(link, action, written, sent)
            assert link.peer_received == written[: len(link.peer_received)]
        assert link.user.losses == []
        assert link.user.is_paused == (link.transport.get_write_buffer_size() > high_water) or (
            link.user.is_paused and link.transport.get_write_buffer_size() > high_water // 4
        )
        written_before_end = len(written)
        apply_end(link, end)
        for action in after_end:
            act(link, action, written, sent)
        if end in {"write_eof", "peer shuts down"}:
            link.transport.resume_reading()
            link.exchange()
            link.transport.close()
        elif end in {"peer closes", "reset"}:
            link.transport.resume_reading()
            link.run_passes()
            link.transport.close()
        link.exchange()

        assert len(link.user.losses) == 1
        assert link.user.received == sent[: len(link.user.received)]
        assert link.peer_received == written[: len(link.peer_received)]
        if end in {"write_eof", "peer shuts down"}:
            assert link.user.received == sent
        if end in {"close", "write_eof"} and not link.is_peer_reset and len(link.user.received) == len(sent):
            assert len(link.peer_received) >= written_before_end
        assert link.socket.fileno() == -1
        assert not link.reactor._masks.keys() - {link.reactor._waker.fileno()}


def apply_end(link, end):
    """End a connection in one of the ways of `ENDS`."""
    if end == "peer shuts down":
        link.peer.shutdown(socket.SHUT_WR)
    elif end == "peer closes":
        link.peer.close()
    elif end == "reset":
        link.reset()
    else:
        getattr(link.transport, end)()


def act(link, action, written, sent):
    """Carry out one action of `ACTIONS`."""
    kind, size = action[0], action[-1]
    is_peer_open = link.peer.fileno() >= 0
    if kind == "write":
        data = CONTENT[len(written) : len(written) + size]
        written += data
        link.transport.write(data)
    elif kind == "send" and is_peer_open:
        with contextlib.suppress(OSError):
            sent += CONTENT[len(sent) : len(sent) + link.peer.send(CONTENT[len(sent) : len(sent) + size])]
    elif kind == "read" and is_peer_open:
        link.read_at_peer(size)
    elif kind == "read all" and is_peer_open:
        link.read_at_peer()
    elif kind == "pass":
        link.reactor.run_once(0.0)
    elif kind == "pause":
        link.transport.pause_reading()
    elif kind == "resume":
        link.transport.resume_reading()

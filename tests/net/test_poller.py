"""Each poller: what it reports, and when.

kqueue is replaced by a double on systems without it, which checks only the calls of our poller.
"""

import errno
import os
import select
import socket
import sys
import types

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest.net import poller as poller_module
from lazr.smtptest.net.poller import READ, WRITE, SelectPoller, create_poller

READ_FILTER, WRITE_FILTER = -1, -2
EV_ADD, EV_DELETE = 1, 2


class KqueueDouble:
    """A kqueue that is carried out by `select.select`.

    As in the system, each operation of a descriptor has a filter, and an unknown filter cannot be deleted.
    """

    def __init__(self):
        self.filters = set()
        self.fd = os.open(os.devnull, os.O_RDONLY)

    def control(self, changes, max_events, timeout):
        for change in changes or ():
            if change.flags == EV_ADD:
                self.filters.add((change.ident, change.filter))
            elif (change.ident, change.filter) in self.filters:
                self.filters.remove((change.ident, change.filter))
            else:
                raise OSError(errno.ENOENT, "there is no such filter")
        if max_events == 0:
            return []
        readers, writers = (
            [fd for fd, kind in self.filters if kind == wanted] for wanted in (READ_FILTER, WRITE_FILTER)
        )
        readable, writable, _ = select.select(readers, writers, [], timeout)
        found = [(fd, READ_FILTER) for fd in readable] + [(fd, WRITE_FILTER) for fd in writable]
        return [types.SimpleNamespace(ident=fd, filter=kind) for fd, kind in found[:max_events]]

    def fileno(self):
        return self.fd

    def close(self):
        os.close(self.fd)


KQUEUE_SYSTEM = types.SimpleNamespace(
    kqueue=KqueueDouble,
    kevent=lambda ident, kind, flags: types.SimpleNamespace(ident=ident, filter=kind, flags=flags),
    KQ_FILTER_READ=READ_FILTER,
    KQ_FILTER_WRITE=WRITE_FILTER,
    KQ_EV_ADD=EV_ADD,
    KQ_EV_DELETE=EV_DELETE,
)


@pytest.fixture(params=["best", "select", "kqueue"])
def kind(request, monkeypatch):
    if request.param == "kqueue" and not hasattr(select, "kqueue"):
        monkeypatch.setattr(poller_module, "select", KQUEUE_SYSTEM)
    return request.param


def create(kind):
    """Return a new poller of a kind."""
    return SelectPoller() if kind == "select" else create_poller()


@pytest.fixture
def poller(kind):
    poller = create(kind)
    yield poller
    poller.close()


@pytest.fixture
def pair():
    with_peer = socket.socketpair()
    for one in with_peer:
        one.setblocking(False)
    yield with_peer
    for one in with_peer:
        one.close()


def fill(connected):
    """Write until the peer's buffer is full."""
    try:
        while True:
            connected.send(bytes(65_536))
    except BlockingIOError:
        pass


def drain(connected):
    """Read all that waits."""
    try:
        while connected.recv(1_000_000):
            pass
    except BlockingIOError:
        pass


def test_silent_socket_is_not_readable(poller, pair):
    poller.register(pair[0].fileno(), READ)
    assert poller.poll(0.0) == []
    assert poller.poll(0.001) == []


def test_input_is_reported_until_it_is_read(poller, pair):
    fd = pair[0].fileno()
    poller.register(fd, READ)
    pair[1].send(b"x")
    assert poller.poll(None) == [(fd, READ)]
    assert poller.poll(0.0) == [(fd, READ)]
    drain(pair[0])
    assert poller.poll(0.0) == []


def test_write_is_reported_until_the_buffer_is_full(poller, pair):
    fd = pair[0].fileno()
    poller.register(fd, WRITE)
    assert poller.poll(None) == [(fd, WRITE)]
    fill(pair[0])
    assert poller.poll(0.0) == []
    drain(pair[1])
    assert poller.poll(None) == [(fd, WRITE)]


def test_both_operations_are_reported_in_one_mask(poller, pair):
    fd = pair[0].fileno()
    poller.register(fd, READ | WRITE)
    pair[1].send(b"x")
    assert poller.poll(None) == [(fd, READ | WRITE)]


@pytest.mark.parametrize("mask", [READ, WRITE, READ | WRITE])
def test_end_of_peer_wakes_whatever_is_watched(poller, pair, mask):
    fd = pair[0].fileno()
    poller.register(fd, mask)
    pair[1].close()
    ((found, ready),) = poller.poll(None)
    assert found == fd and ready & mask


def test_unregistered_socket_is_not_reported(poller, pair):
    fd = pair[0].fileno()
    poller.register(fd, READ | WRITE)
    poller.unregister(fd)
    pair[1].close()
    assert poller.poll(0.0) == []
    poller.register(fd, READ)
    assert poller.poll(None)[0][0] == fd


def test_closed_descriptor_number_can_be_registered_again(poller):
    for _ in range(3):
        one, other = socket.socketpair()
        with one, other:
            poller.register(one.fileno(), READ | WRITE)
            other.send(b"x")
            assert poller.poll(None) == [(one.fileno(), READ | WRITE)]
            poller.unregister(one.fileno())


def test_descriptor_of_a_poller_is_readable_when_a_socket_is(pair):
    poller = create_poller()
    if poller.fileno() < 0:
        pytest.skip("the poller of this platform has no descriptor")
    poller.register(pair[0].fileno(), READ)
    assert select.select([poller.fileno()], [], [], 0.0)[0] == []
    pair[1].send(b"x")
    assert select.select([poller.fileno()], [], [], 5.0)[0] == [poller.fileno()]
    poller.close()


def test_select_poller_has_no_descriptor():
    assert SelectPoller().fileno() == -1


def test_select_poller_refuses_what_select_cannot_watch(monkeypatch, pair):
    poller = SelectPoller()
    with pytest.raises(OSError, match="cannot watch descriptor 1024"):
        poller.register(1024, READ)
    poller.register(pair[0].fileno(), READ)
    assert poller.poll(0.0) == []
    monkeypatch.setattr(SelectPoller, "_first_refused_fd", sys.maxsize)  # as on Windows
    poller.register(1024, READ)


def test_platform_without_epoll_and_kqueue_gets_select(monkeypatch):
    monkeypatch.setattr(poller_module, "select", types.SimpleNamespace(select=select.select))
    assert isinstance(create_poller(), SelectPoller)


CHANGES = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from([0, READ, WRITE, READ | WRITE, "send", "drain", "fill", "drain peer"]),
    ),
    max_size=30,
)


@pytest.mark.parametrize("name", ["best", "select", "kqueue"])
@settings(max_examples=60, deadline=None)
@given(changes=CHANGES)
def test_reports_match_masks_and_buffers(name, changes):
    with pytest.MonkeyPatch.context() as patch:
        if name == "kqueue" and not hasattr(select, "kqueue"):
            patch.setattr(poller_module, "select", KQUEUE_SYSTEM)
        poller = create(name)
        pairs = [socket.socketpair() for _ in range(4)]
        try:
            for pair in pairs:
                for one in pair:
                    one.setblocking(False)
            masks = {}
            for number, change in changes:
                apply_change(poller, pairs[number], masks, change)
                fds = [one.fileno() for one, _ in pairs]
                readable, writable, _ = select.select(fds, fds, [], 0.0)
                ready = {fd: (READ if fd in readable else 0) | (WRITE if fd in writable else 0) for fd in fds}
                expected = {fd: mask & ready[fd] for fd, mask in masks.items() if mask & ready[fd]}
                assert dict(poller.poll(0.0)) == expected
        finally:
            poller.close()
            for pair in pairs:
                for one in pair:
                    one.close()


def apply_change(poller, pair, masks, change):
    """Apply one change to a socket or to what is watched of it."""
    one, peer = pair
    fd = one.fileno()
    if change == "send":
        with_room = select.select([], [peer], [], 0.0)[1]
        if with_room:
            peer.send(b"x")
    elif change == "drain":
        drain(one)
    elif change == "fill":
        fill(one)
    elif change == "drain peer":
        drain(peer)
    elif change == 0:
        if masks.pop(fd, 0):
            poller.unregister(fd)
    elif fd in masks:
        poller.modify(fd, change)
        masks[fd] = change
    else:
        poller.register(fd, change)
        masks[fd] = change

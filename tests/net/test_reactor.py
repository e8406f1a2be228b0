"""The reactor: sockets, timers and calls, in any order, from any thread, also when handlers fail."""

import contextlib
import errno
import functools
import itertools
import logging
import os
import random
import resource
import socket
import sys
import threading
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest.net import reactor as reactor_module
from lazr.smtptest.net.poller import SelectPoller
from lazr.smtptest.net.reactor import READ, WRITE, Reactor
from tests.helpers.leaks import check_leaks


@pytest.fixture(params=["best", "select", "best, woken by a socket"])
def reactor(request, monkeypatch):
    if request.param == "best, woken by a socket":
        monkeypatch.delattr(os, "eventfd", raising=False)
    reactor = Reactor(SelectPoller() if request.param == "select" else None)
    yield reactor
    reactor.close()


@pytest.fixture
def make_pair():
    """Return a function that creates connected sockets; they are closed at the end."""
    with contextlib.ExitStack() as stack:

        def make_pair():
            pair = socket.socketpair()
            for one in pair:
                one.setblocking(False)
                stack.enter_context(one)
            return pair

        yield make_pair


class RecordingHandler:
    """A handler that records what it is called with, and calls the functions of a test."""

    def __init__(self, on_readable=None, on_writable=None):
        self.calls = []
        self.on_readable = on_readable or (lambda: None)
        self.on_writable = on_writable or (lambda: None)

    def handle_readable(self):
        self.calls.append("readable")
        self.on_readable()

    def handle_writable(self):
        self.calls.append("writable")
        self.on_writable()

    def handle_failure(self, error):
        self.calls.append(error)


def fail():
    raise ZeroDivisionError


# -- sockets ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mask", "expected"),
    [(0, []), (READ, ["readable"]), (WRITE, ["writable"]), (READ | WRITE, ["readable", "writable"])],
)
def test_handler_is_called_for_the_operations_of_its_mask(reactor, make_pair, mask, expected):
    one, other = make_pair()
    other.send(b"x")
    handler = RecordingHandler()
    reactor.set_mask(one.fileno(), mask, handler)
    reactor.run_once(0.0)
    assert handler.calls == expected
    reactor.set_mask(one.fileno(), 0, handler)
    reactor.run_once(0.0)
    assert handler.calls == expected


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.tuples(st.sampled_from([0, READ, WRITE, READ | WRITE]), st.booleans()), max_size=20),
    uses_select=st.booleans(),
)
def test_each_sequence_of_masks_leaves_the_last_one(steps, uses_select):
    reactor = Reactor(SelectPoller() if uses_select else None)
    one, other = socket.socketpair()
    with one, other, contextlib.closing(reactor):
        other.send(b"x")
        handler = RecordingHandler()
        for mask, is_unregistered in steps:
            handler.calls.clear()
            reactor.set_mask(one.fileno(), mask, handler)
            reactor.run_once(0.0)
            assert handler.calls == ["readable"] * bool(mask & READ) + ["writable"] * bool(mask & WRITE)
            if is_unregistered:
                reactor.unregister(one.fileno(), handler)


def test_wait_ends_when_a_socket_is_ready(reactor, make_pair):
    one, other = make_pair()
    handler = RecordingHandler(lambda: one.recv(100))
    reactor.register(one.fileno(), READ, handler)
    thread = threading.Thread(target=other.send, args=(b"x",))
    thread.start()
    reactor.run_once(30.0)
    thread.join()
    assert handler.calls == ["readable"]


def test_handler_that_was_unregistered_in_the_pass_is_not_called(reactor, make_pair):
    pairs = [make_pair() for _ in range(5)]
    called, handlers = [], {}

    def unregister_others(fd):
        called.append(fd)
        for one, _ in pairs:
            if one.fileno() != fd:
                reactor.unregister(one.fileno(), handlers[one.fileno()])

    for one, other in pairs:
        handlers[one.fileno()] = RecordingHandler(functools.partial(unregister_others, one.fileno()))
        reactor.register(one.fileno(), READ, handlers[one.fileno()])
        other.send(b"x")
    reactor.run_once(0.0)
    reactor.run_once(0.0)
    assert len(set(called)) == 1


def test_handler_can_unregister_and_close_itself(reactor, make_pair):
    one, other = make_pair()

    def close():
        reactor.unregister(one.fileno(), handler)
        one.close()

    handler = RecordingHandler(close)
    reactor.register(one.fileno(), READ, handler)
    other.send(b"x")
    reactor.run_once(0.0)
    reactor.run_once(0.0)
    assert handler.calls == ["readable"]


def test_new_socket_with_a_reused_descriptor_gets_its_own_events(reactor, make_pair):
    one, other = make_pair()
    new, new_peer = make_pair()
    fd = one.fileno()
    new_handler = RecordingHandler()

    def replace():
        reactor.unregister(fd, handler)
        os.dup2(new.fileno(), fd)
        reactor.register(fd, READ, new_handler)

    handler = RecordingHandler(replace)
    reactor.register(fd, READ, handler)
    other.send(b"x")
    reactor.run_once(0.0)
    reactor.run_once(0.0)
    assert new_handler.calls == []
    new_peer.send(b"y")
    reactor.run_once(0.0)
    assert new_handler.calls == ["readable"]


def test_late_call_of_a_handler_leaves_the_next_one_registered(reactor, make_pair):
    (one, other), handler, late = make_pair(), RecordingHandler(), RecordingHandler()
    reactor.register(one.fileno(), READ, handler)
    reactor.unregister(one.fileno(), late)
    for mask in (0, WRITE, READ | WRITE):
        reactor.set_mask(one.fileno(), mask, late)
    other.send(b"x")
    reactor.run_once(0.0)
    assert (handler.calls, late.calls) == (["readable"], [])


def test_unregister_after_the_descriptor_is_closed(reactor):
    one, other = socket.socketpair()
    handler = RecordingHandler()
    fd = one.fileno()
    reactor.register(fd, READ, handler)
    one.close()
    reactor.unregister(fd, handler)
    other.close()
    reactor.run_once(0.0)
    assert handler.calls == []


def test_waker_that_cannot_be_registered_is_closed(monkeypatch):
    class FullPoller(SelectPoller):
        def register(self, fd, mask, /):
            raise OSError(errno.EMFILE, "full")

    with check_leaks(), pytest.raises(OSError, match="full"):
        Reactor(FullPoller())


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), uses_select=st.booleans())
def test_random_closes_and_registrations_call_only_registered_handlers(seed, uses_select):
    dice = random.Random(seed)
    reactor = Reactor(SelectPoller() if uses_select else None)
    sockets = {}  # by descriptor: the socket, its peer, and its handler

    def add():
        one, other = socket.socketpair()
        one.setblocking(False)
        handler = RecordingHandler()
        handler.on_readable = lambda: act(one.fileno(), handler)
        sockets[one.fileno()] = (one, other, handler)
        reactor.register(one.fileno(), READ, handler)

    def remove(fd):
        one, other, handler = sockets.pop(fd)
        reactor.unregister(fd, handler)
        one.close()
        other.close()

    def act(fd, handler):
        assert fd in sockets and sockets[fd][2] is handler, "a handler is called after its end"
        with contextlib.suppress(BlockingIOError):  # its descriptor was reused in this pass
            sockets[fd][0].recv(100)
        for _ in range(dice.randrange(3)):
            choice = dice.randrange(3)
            if choice == 0 and len(sockets) < 20:
                add()
            elif choice == 1 and sockets:
                remove(dice.choice(sorted(sockets)))
            elif sockets:
                sockets[dice.choice(sorted(sockets))][1].send(b"x")

    try:
        for _ in range(5):
            add()
        for _ in range(10):
            for fd in dice.sample(sorted(sockets), len(sockets) // 2):
                sockets[fd][1].send(b"x")
            reactor.run_once(0.0)
            failures = [call for _, _, handler in sockets.values() for call in handler.calls if call != "readable"]
            assert failures == []
    finally:
        for fd in list(sockets):
            remove(fd)
        reactor.close()


def test_failing_handler_is_closed_and_the_others_go_on(reactor, make_pair, caplog):
    (one, other), (two, other_two) = make_pair(), make_pair()
    failing, working = RecordingHandler(fail), RecordingHandler()
    reactor.register(one.fileno(), READ | WRITE, failing)
    reactor.register(two.fileno(), READ, working)
    other.send(b"x")
    other_two.send(b"x")
    reactor.run_once(0.0)
    assert failing.calls[0] == "readable" and isinstance(failing.calls[1], ZeroDivisionError)
    assert working.calls == ["readable"]
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux names sockets by itself")
def test_ten_thousand_idle_sockets_cost_nothing_and_all_can_wake(raised_fd_limit):
    count = min(10_000, raised_fd_limit - 500)
    reactor = Reactor()
    with contextlib.ExitStack() as stack:
        stack.callback(reactor.close)
        sender = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        woken = set()
        sockets = []
        for number in range(count):
            one = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            one.bind("")  # a name that the system chooses
            one.setblocking(False)
            sockets.append(one)

            def receive(number=number, one=one):
                one.recv(1)
                woken.add(number)

            reactor.register(one.fileno(), READ, RecordingHandler(receive))
        reactor.run_once(0.0)
        assert woken == set()
        sender.sendto(b"x", sockets[-1].getsockname())
        reactor.run_once(None)
        assert woken == {count - 1}
        for first in range(0, count, 100):  # the system limits what a sender has on its way
            for one in sockets[first : first + 100]:
                sender.sendto(b"x", one.getsockname())
            reactor.run_once(0.0)
        assert len(woken) == count


@pytest.fixture
def raised_fd_limit():
    """Raise the limit of open files for a test; return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 20_000 if hard == resource.RLIM_INFINITY else min(hard, 20_000)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    yield wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# -- timers ----------------------------------------------------------------------------------


class SimulatedTime:
    """A poller whose waits take no time: they move a clock, which the reactor reads."""

    def __init__(self):
        self.now = 1000.0
        self.waits = []

    def read_clock(self):
        return self.now

    def poll(self, timeout):
        self.waits.append(timeout)
        assert timeout is not None, "the reactor would wait without end"
        self.now += timeout
        return []

    def register(self, fd, mask):
        pass

    modify = register

    def unregister(self, fd):
        pass

    def fileno(self):
        return -1

    def close(self):
        pass


@contextlib.contextmanager
def simulate_time():
    """Give a reactor and its time."""
    simulated = SimulatedTime()
    with mock.patch.object(reactor_module, "monotonic", simulated.read_clock):
        reactor = Reactor(simulated)
        try:
            yield reactor, simulated
        finally:
            reactor.close()


# What a timer does: nothing, create another one, cancel another one, cancel itself, or fail.
TIMERS = st.lists(
    st.tuples(
        st.integers(-3, 12),
        st.one_of(
            st.none(),
            st.tuples(st.just("create"), st.integers(-3, 12)),
            st.tuples(st.just("cancel"), st.integers(0, 40)),
            st.just(("cancel itself",)),
            st.just(("fail",)),
        ),
    ),
    max_size=30,
)


@settings(max_examples=150, deadline=None)
@given(timers=TIMERS, cancelled=st.sets(st.integers(0, 29)), step=st.sampled_from([0.0, 0.5, 3.0, 100.0]))
def test_timers_fire_once_in_order_unless_they_are_cancelled(timers, cancelled, step):
    logging.disable(logging.CRITICAL)
    with simulate_time() as (reactor, simulated):
        created, fired, ended = [], [], set()

        def create(delay, action):
            number = len(created)
            due = simulated.now + max(delay, 0)
            created.append((due, reactor.call_later(delay, fire, number, action)))

        def fire(number, action):
            assert number not in ended, "it was cancelled, or has fired before"
            assert created[number][0] <= simulated.now
            ended.add(number)
            fired.append((simulated.now, created[number][0], number))
            if action is None:
                return
            if action[0] == "create":
                create(action[1], None)
            elif action[0] == "cancel" and created:
                cancel(action[1] % len(created))
            elif action[0] == "cancel itself":
                created[number][1].cancel()
            else:
                fail()

        def cancel(number):
            created[number][1].cancel()
            ended.add(number)
            assert created[number][1].is_cancelled

        for delay, action in timers:
            create(delay, action)
        for number in cancelled:
            if number < len(created):
                cancel(number)
        for _ in range(3 * len(timers) + 3):
            reactor.run_once(step)
            if step:
                simulated.now += 0.25
        for _ in range(100):
            if reactor.next_time is None:
                break
            reactor.run_once(50.0)
        logging.disable(logging.NOTSET)
        assert ended == set(range(len(created)))
        assert reactor.next_time is None
        # Within one pass, timers fire by time.
        for (first_now, first_due, _), (second_now, second_due, _) in itertools.pairwise(fired):
            assert first_now < second_now or first_due <= second_due


def test_pass_waits_until_the_next_timer():
    with simulate_time() as (reactor, simulated):
        reactor.call_later(7.0, lambda: None)
        cancelled = reactor.call_later(2.0, lambda: None)
        cancelled.cancel()
        for max_wait, expected in ((3.0, 3.0), (None, 4.0)):
            reactor.run_once(max_wait)
            assert simulated.waits[-1] == expected
        assert reactor.next_time is None


def test_distant_timer_does_not_overflow_the_wait():
    with simulate_time() as (reactor, simulated):
        fired = []
        reactor.call_later(1e12, fired.append, 1)
        reactor.run_once()
        assert 0 < simulated.waits[-1] <= 86_400.0
        assert fired == []


def test_next_time_is_now_while_a_call_waits(reactor):
    assert reactor.next_time is None
    timer = reactor.call_later(1000.0, lambda: None)
    assert reactor.next_time == timer.time
    reactor.call_soon(lambda: None)
    assert reactor.next_time == 0.0
    reactor.run_once()
    assert reactor.next_time == timer.time
    timer.cancel()
    assert reactor.next_time is None


@pytest.mark.parametrize("delay", [0.0, -1.0, -1000.0])
def test_timer_that_renews_itself_without_delay_does_not_stop_the_others(delay):
    with simulate_time() as (reactor, _):
        fired = []

        def renew():
            fired.append("renewed")
            if len(fired) > 100:
                raise SystemExit("the pass does not end")
            reactor.call_later(delay, renew)

        reactor.call_later(0.0, renew)
        reactor.call_later(0.0, fired.append, "other")
        reactor.call_soon(fired.append, "call")
        for _ in range(3):
            reactor.run_once(0.0)
        assert {"renewed", "other", "call"} == set(fired)


def test_cancelled_timers_leave_the_heap():
    with simulate_time() as (reactor, _):
        kept = [reactor.call_later(100.0, lambda: None) for _ in range(50)]
        for _ in range(10_000):
            reactor.call_later(50.0, lambda: None).cancel()
            assert len(reactor._timers) < 300
        for timer in kept:
            timer.cancel()
        assert reactor.next_time is None
        assert reactor._timers == []


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_random_cancellation_keeps_the_heap_small_and_the_rest_in_order(seed):
    dice = random.Random(seed)
    with simulate_time() as (reactor, simulated):
        fired, live = [], {}
        for number in range(2000):
            delay = dice.uniform(0, 50)
            live[number] = reactor.call_later(delay, fired.append, number)
            if live and dice.random() < 0.8:
                live.pop(dice.choice(list(live))).cancel()
            if dice.random() < 0.02:
                reactor.run_once(dice.uniform(0, 5))
                for done in fired:
                    live.pop(done, None)
            assert len(reactor._timers) <= 2 * len(live) + 102
        expected = sorted(live, key=lambda number: live[number].time)
        fired.clear()
        simulated.now += 1000
        reactor.run_once(0.0)
        assert fired == expected


def test_cancelled_timer_releases_its_function_and_arguments():
    with simulate_time() as (reactor, _):
        before = sys.getrefcount(fail)
        timer = reactor.call_later(10.0, fail, fail)
        assert sys.getrefcount(fail) > before
        timer.cancel()
        timer.cancel()
        assert sys.getrefcount(fail) == before


def test_failing_timer_is_logged_and_the_others_fire(caplog):
    with simulate_time() as (reactor, _):
        fired = []
        reactor.call_later(1.0, fail)
        reactor.call_later(1.0, fired.append, 1)
        reactor.call_later(1.5, fired.append, 2)
        reactor.run_once()
        reactor.run_once()
        assert sorted(fired) == [1, 2]
        assert "ZeroDivisionError" in caplog.text


# -- calls -----------------------------------------------------------------------------------


def test_calls_run_after_the_input_of_the_pass(reactor, make_pair):
    log = []
    for number in range(3):
        one, other = make_pair()
        other.send(b"x")

        def handle(number=number):
            log.append(number)
            reactor.call_soon(log.append, "call")

        reactor.register(one.fileno(), READ, RecordingHandler(handle))
    reactor.run_once(0.0)
    assert sorted(log[:3]) == [0, 1, 2] and log[3:] == ["call"] * 3


def test_call_of_a_call_runs_in_the_next_pass(reactor):
    log = []

    def repeat(left):
        log.append(left)
        if left:
            reactor.call_soon(repeat, left - 1)

    reactor.call_soon(repeat, 3)
    for expected in ([3], [3, 2], [3, 2, 1], [3, 2, 1, 0]):
        reactor.run_once(None)  # the pass does not wait, as there is something to do
        assert log == expected


def test_call_in_next_pass_runs_after_later_input(reactor, make_pair):
    one, other = make_pair()
    log = []

    def handle():
        log.append(one.recv(100))
        if len(log) == 1:
            reactor.call_in_next_pass(log.append, "call")
            other.send(b"2")

    reactor.register(one.fileno(), READ, RecordingHandler(handle))
    other.send(b"1")
    reactor.run_once(0.0)
    assert log == [b"1"]
    reactor.run_once(0.0)
    assert log == [b"1", b"2", "call"]


def test_call_in_next_pass_outside_of_a_pass_runs_in_the_next_one(reactor):
    log = []
    reactor.call_in_next_pass(log.append, 1)
    reactor.run_once(None)
    assert log == [1]


def test_failing_call_is_logged_and_the_others_run(reactor, caplog):
    log = []
    reactor.call_soon(fail)
    reactor.call_soon(log.append, 1)
    reactor.run_once(0.0)
    assert log == [1] and "ZeroDivisionError" in caplog.text


def test_interrupt_ends_the_pass_and_the_next_one_goes_on(reactor):
    def interrupt():
        raise KeyboardInterrupt

    log = []
    reactor.call_in_next_pass(log.append, "later")
    reactor.call_soon(interrupt)
    reactor.call_soon(log.append, "rest")
    with pytest.raises(KeyboardInterrupt):
        reactor.run_once(0.0)
    reactor.run_once(0.0)
    assert log == ["later", "rest"]


def test_driver_learns_of_calls_scheduled_outside_of_a_pass(reactor):
    planned = []
    reactor.on_schedule = lambda: planned.append(reactor.next_time)
    timer = reactor.call_later(1000.0, lambda: None)
    reactor.call_soon(reactor.call_soon, fail)
    assert planned == [timer.time, 0.0]
    reactor.on_schedule = lambda: planned.append("in a pass")
    reactor.run_once(0.0)
    assert len(planned) == 2
    timer.cancel()


# -- other threads ---------------------------------------------------------------------------


def test_wake_ends_the_wait(reactor):
    thread = threading.Thread(target=reactor.wake)
    thread.start()
    reactor.run_once(30.0)
    thread.join()


def test_many_wakes_need_one_pass(reactor):
    for _ in range(5_000 if reactor._waker._receiver is not None else 1000):  # more than a socket's buffer holds
        assert reactor.wake()
    passes = 0
    while passes < 1000:
        reactor.run_once(0.0)
        passes += 1
        if not reactor._poller.poll(0.0):
            break
    assert passes < 1000
    thread = threading.Thread(target=reactor.wake)
    thread.start()
    reactor.run_once(30.0)
    thread.join()


def test_calls_of_threads_run_once_and_in_the_order_of_each_thread(reactor):
    thread_count, call_count = 8, 500
    received = [[] for _ in range(thread_count)]

    def call(number):
        for index in range(call_count):
            assert reactor.call_soon_threadsafe(received[number].append, index)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(thread_count)]
    for thread in threads:
        thread.start()
    while sum(map(len, received)) < thread_count * call_count:
        reactor.run_once(30.0)
    for thread in threads:
        thread.join()
    assert received == [list(range(call_count))] * thread_count


@pytest.mark.slow
def test_call_from_a_thread_is_run_at_close_or_refused(short_switch_interval):
    for round_number in range(30):
        reactor = Reactor()
        accepted, run = [[], []], []
        is_closed = threading.Event()

        def call(number, reactor=reactor, accepted=accepted, run=run, is_closed=is_closed):
            index = 0
            while not is_closed.is_set():
                token = (number, index)
                if reactor.call_soon_threadsafe(run.append, token):
                    accepted[number].append(token)
                index += 1

        threads = [threading.Thread(target=call, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for _ in range(round_number % 3):
            reactor.run_once(0.01)
        reactor.close()
        is_closed.set()
        for thread in threads:
            thread.join()
        assert sorted(run) == sorted(accepted[0] + accepted[1])
        assert not reactor.call_soon_threadsafe(fail) and not reactor.wake()


@pytest.fixture
def short_switch_interval():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_close_runs_the_calls_and_those_that_they_schedule(reactor):
    log = []
    reactor.call_soon(reactor.call_soon, log.append, 1)
    reactor.call_in_next_pass(log.append, 2)
    reactor.call_soon_threadsafe(log.append, 3)
    reactor.call_later(0.0, log.append, "a timer")
    reactor.close()
    assert sorted(log) == [1, 2, 3]
    reactor.close()


def test_closed_reactor_refuses_calls_and_keeps_nothing(reactor):
    reactor.close()
    assert not reactor.call_soon_threadsafe(fail)
    assert not reactor.wake()
    assert not reactor._calls


def test_close_releases_all_descriptors(monkeypatch):
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("only Linux lists the descriptors of a process")
    for is_woken_by_socket in (False, True):
        if is_woken_by_socket:
            monkeypatch.delattr(os, "eventfd", raising=False)
        with check_leaks():
            reactors = [Reactor() for _ in range(5)]
            for reactor in reactors:
                reactor.close()

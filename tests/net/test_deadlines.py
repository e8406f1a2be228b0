"""The deadline of a connection, for each combination of what it waits for and the limits."""

import pytest

from lazr.smtptest import Limits
from lazr.smtptest.net.connection_state import Phase
from tests.net.connection_driver import ConnectionDriver

TO_DATA = b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n"
LIMITS = {
    "session_timeout": 1000,
    "idle_timeout": 300,
    "command_timeout": 200,
    "write_timeout": 100,
    "crowded_timeout": 10,
    "data_rate": None,
}


class Trusting:
    """Trusts all peers."""

    def is_trusted(self, host):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Set the time of all parts of a connection."""

    class Clock:
        now = 5000.0

        def __call__(self):
            return self.now

    clock = Clock()
    for module in ("connection", "deadlines", "pending_decision", "fault_injector", "idle_rules"):
        monkeypatch.setattr(f"lazr.smtptest.net.{module}.monotonic", clock)
    return clock


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, 200),
        ({"command_timeout": None}, 300),
        ({"idle_timeout": None}, 200),
        ({"idle_timeout": 50}, 50),
        ({"idle_timeout": None, "command_timeout": None}, 1000),
        ({"session_timeout": 20}, 20),
        ({"session_timeout": None, "idle_timeout": None, "command_timeout": None}, None),
    ],
)
def test_deadline_of_a_command_is_the_earliest_limit(limits, expected, clock):
    driver = ConnectionDriver(limits=Limits(**{**LIMITS, **limits}))

    assert driver.reactor.delays == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("limits", "expected"),
    [({}, 10), ({"crowded_timeout": None}, 200), ({"crowded_timeout": 250}, 200), ({"idle_timeout": 5}, 5)],
)
def test_deadline_of_a_crowded_server_is_earlier(limits, expected, clock):
    driver = ConnectionDriver(limits=Limits(**{**LIMITS, **limits}))
    driver.manager.is_crowded = True

    driver.connection.update_deadline()

    assert driver.reactor.delays == [expected]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, 300),  # without a rate, content has only the idle timeout
        ({"data_rate": 10, "idle_timeout": None}, 200 + 15 / 10),
        ({"data_rate": 10, "session_timeout": 7}, 7),
    ],
)
def test_deadline_of_content_depends_on_its_size(limits, expected, clock):
    driver = ConnectionDriver(limits=Limits(**{**LIMITS, **limits}))
    driver.receive(TO_DATA)
    driver.receive(b"Subject: slow\r\n")

    driver.connection.update_deadline()

    assert driver.reactor.delays == [expected]


@pytest.mark.parametrize("wait", ["delay", "stall", "throttle"])
def test_client_that_waits_has_only_the_session_timeout(wait, clock):
    driver = ConnectionDriver(limits=Limits(**LIMITS))
    rule = driver.rules.on("NOOP")
    rule.stall() if wait == "stall" else getattr(rule, wait)(5000)
    driver.receive(b"NOOP\r\n")

    driver.connection.update_deadline()

    assert 1000 in driver.reactor.delays and 200 not in driver.reactor.delays
    assert (driver.connection.phase is Phase.STALLED) is (wait == "stall")


def test_input_moves_the_deadline_without_a_timer(clock):
    driver = ConnectionDriver(limits=Limits(**LIMITS))
    [timer] = driver.reactor.timers
    clock.now += 150
    driver.receive(b"NOOP\r\n")
    assert driver.reactor.timers == [timer]

    clock.now += 50
    driver.reactor.fire_timers()
    assert driver.transport.take() == b"" and driver.reactor.delays == [150]

    clock.now += 150
    driver.reactor.fire_timers()
    assert driver.transport.take() == b"421 4.4.2 Timeout, goodbye\r\n"
    assert driver.connection.record.ended == "timeout" and driver.transport.end == "write_eof"
    assert driver.reactor.delays == [2]  # then the connection is cut

    driver.reactor.fire_timers()
    driver.connection.connection_lost(None)
    assert driver.reactor.delays == []


def test_client_that_reads_slowly_gets_the_write_timeout_again(clock):
    driver = ConnectionDriver(limits=Limits(**LIMITS))
    driver.transport.unsent_count = 5000
    driver.connection.pause_writing()

    for unsent_count in (4000, 3000):
        assert driver.reactor.delays == [100] and driver.transport.end is None
        driver.transport.unsent_count = unsent_count
        clock.now += 100
        driver.reactor.fire_timers()
    clock.now += 100
    driver.reactor.fire_timers()  # the client has read nothing since

    assert driver.transport.end == "abort" and driver.connection.record.ended == "timeout"


def test_session_timeout_ends_a_client_that_reads_slowly(clock):
    driver = ConnectionDriver(limits=Limits(**{**LIMITS, "session_timeout": 50}))
    driver.transport.unsent_count = 5000
    driver.connection.pause_writing()
    assert driver.reactor.delays == [50]

    driver.transport.unsent_count = 4000
    clock.now += 50
    driver.reactor.fire_timers()

    assert driver.transport.end == "abort" and driver.connection.record.ended == "timeout"


def test_phase_of_proxy_has_its_own_deadline(clock):
    driver = ConnectionDriver(
        limits=Limits(**LIMITS), endpoint={"expects_proxy_header": True, "trusted_peers": Trusting()}
    )
    assert driver.greeting == b"" and driver.reactor.delays == [3]

    clock.now += 3
    driver.reactor.fire_timers()
    assert driver.connection.record.proxy_failure == "timeout" and driver.transport.end == "write_eof"

"""A connection in any order of input, timers, commits and ends: it keeps nothing, and ends once."""

from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest import Limits
from lazr.smtptest.net.connection_state import Phase
from lazr.smtptest.net.pending_commit import PendingCommit
from tests.net.connection_driver import ConnectionDriver

LONG_LINE = b"x" * 2000
INPUTS = [
    b"EHLO x\r\n",
    b"NOOP\r\n",
    b"NOOP\r\n" * 150,
    b"VRFY a\r\n",
    b"HELP\r\n",
    b"MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n",
    b"Hi\r\n.\r\n",
    LONG_LINE,
    b"QUIT\r\n",
]
RULES = {
    "delay": lambda rules: rules.on("NOOP").delay(1),
    "stall": lambda rules: rules.on("VRFY").stall(),
    "drop": lambda rules: rules.on("HELP").delay(1).drop(),
    "content": lambda rules: rules.on("CONTENT", after=3).delay(1).once(),
    "content at once": lambda rules: rules.on("CONTENT", after=2).throttle(100_000, "out").once(),
    "idle": lambda rules: rules.on("IDLE", after=0.001).raw(b"200 still there?\r\n"),
}
STEPS = ["pause", "resume", "calls", "timers", "commit", "eof", "crowded"]
ENDS = ["shut_down", "abort", "lost"]


class DurableDriver(ConnectionDriver):
    """A connection whose mails a test commits."""

    def __init__(self, rules):
        self.commits = []
        self.replies = b""  # to input; others are still in the transport
        super().__init__(limits=Limits(commands_without_mail=None), is_durable=True)
        for name in rules:
            RULES[name](self.rules)
        self.manager.schedule_idle_checks()

    def apply_reply(self, event, reply):
        if event.verb == "END_OF_DATA":
            self.commits.append(PendingCommit())
            self.manager.pending_commits.append(self.commits[-1])
        return reply

    def take_step(self, step):
        connection = self.connection
        if isinstance(step, bytes):
            if self.transport.is_reading and self.transport.end not in ("close", "abort"):
                self.replies += self.receive(step)
        elif step == "pause":
            connection.pause_writing()
        elif step == "resume":
            connection.resume_writing()
        elif step == "calls":
            self.reactor.run_calls()
        elif step == "timers":
            self.reactor.fire_timers()
        elif step == "commit":
            for commit in self.commits:
                if not commit.is_done:
                    commit.set_result(None)
        elif step == "eof":
            connection.eof_received()
        elif step == "crowded":
            self.manager.is_crowded = not self.manager.is_crowded
            connection.update_deadline()
        else:
            self.manager.is_closing = True
            {"shut_down": connection.shut_down, "abort": connection.abort, "lost": lambda: None}[step]()


@settings(max_examples=300, deadline=None)
@given(
    rules=st.sets(st.sampled_from(sorted(RULES)), max_size=3),
    steps=st.lists(st.sampled_from([*INPUTS, *STEPS]), max_size=25),
    end=st.sampled_from(ENDS),
)
def test_connection_ends_once_and_keeps_nothing(rules, steps, end):
    driver = DurableDriver(rules)
    connection = driver.connection
    for step in steps:
        driver.take_step(step)
        if connection.phase is not Phase.CLOSING:
            assert driver.transport.is_reading is not connection.is_reading_paused
    driver.take_step(end)
    connection.connection_lost(None)
    written = driver.transport.written

    for step in ("commit", "calls", "timers", "calls"):
        driver.take_step(step)

    assert connection.record.ended is not None and connection.session.is_closing
    assert connection.phase is Phase.CLOSING and connection.pending is None
    assert driver.transport.written == written
    assert driver.reactor.delays == []


@settings(max_examples=200, deadline=None)
@given(
    rules=st.sets(st.sampled_from(["delay", "content"])),
    inputs=st.lists(st.sampled_from([data for data in INPUTS if data != LONG_LINE]), max_size=8),
    pauses=st.lists(st.integers(0, 7)),
)
def test_session_reaches_its_end_whatever_waits(rules, inputs, pauses):
    driver = DurableDriver(rules)
    for number, data in enumerate([*inputs, b"\r\n.\r\n", b"QUIT\r\n"]):
        for _ in range(1000):
            if driver.transport.is_reading or driver.transport.end is not None:
                break
            driver.take_step("resume" if driver.connection.is_writing_paused else "timers")
            driver.take_step("calls")
            driver.take_step("commit")
        driver.take_step(data)
        if number in pauses and driver.transport.end is None:
            driver.take_step("pause")
    for _ in range(1000):
        if driver.transport.end is not None:
            break
        for step in ("resume", "timers", "calls", "commit"):
            driver.take_step(step)

    assert driver.transport.end in ("close", "write_eof")
    assert driver.connection.record.ended in ("QUIT", "421")
    assert (driver.replies + driver.transport.written).splitlines()[-1][:3] in (b"221", b"421")

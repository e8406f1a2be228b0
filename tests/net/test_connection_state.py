"""The states of a connection: phases, what a reply waits for, and why the connection does not read."""

import types

import pytest

from lazr.smtptest import Limits, Reply
from lazr.smtptest.net.connection_state import NEXT_PHASES, PauseReason, Phase, ReplyWait
from lazr.smtptest.net.pending_commit import PendingCommit
from tests.net.connection_driver import ConnectionDriver

TO_DATA = b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n"
NOT_STORED = Reply(452, "4.3.1", "Not stored")


def test_each_phase_can_end():
    assert NEXT_PHASES.keys() == set(Phase)
    assert all(phase is Phase.CLOSING or Phase.CLOSING in following for phase, following in NEXT_PHASES.items())


@pytest.mark.parametrize(("before", "after"), [(Phase.CLOSING, Phase.SESSION), (Phase.STALLED, Phase.HANDSHAKE)])
def test_phase_that_cannot_follow_raises(before, after):
    connection = ConnectionDriver().connection
    connection.phase = before

    with pytest.raises(AssertionError, match="cannot follow"):
        connection.enter_phase(after, None, None)


def test_table_explains_each_reason_to_pause():
    assert all(reason.explanation for reason in PauseReason)


def test_connection_reads_again_after_the_last_reason():
    driver = ConnectionDriver()
    for reason in PauseReason:
        driver.connection.pause_reading(reason)
        driver.connection.pause_reading(reason)
    for reason in PauseReason:
        assert not driver.transport.is_reading and driver.connection.is_reading_paused
        driver.connection.resume_reading(reason)
        driver.connection.resume_reading(reason)

    assert driver.transport.is_reading and not driver.connection.is_reading_paused


def test_pending_coroutine_pauses_reading_until_its_reply():
    async def decide():
        return Reply(250, "2.0.0", "late")

    driver = ConnectionDriver(decide=lambda event, reply: decide() if event.verb == "NOOP" else reply)
    driver.receive(b"NOOP\r\nVRFY ann\r\n")
    assert driver.connection.pending.wait is ReplyWait.DECISION and not driver.transport.is_reading

    driver.tasks[0].run()

    assert driver.transport.take().startswith(b"250 2.0.0 late\r\n252")
    assert driver.connection.pending is None and driver.transport.is_reading


def add_commit(driver, count=1):
    """Let the end of a message wait for commits, and return them."""
    commits = [PendingCommit() for _ in range(count)]

    def apply_reply(event, reply):
        if event.verb == "END_OF_DATA":
            driver.manager.pending_commits.extend(commits)
        return reply

    driver.apply_reply = apply_reply
    return commits


def test_commit_does_not_pause_reading_until_input_arrives():
    driver = ConnectionDriver(is_durable=True)
    [commit] = add_commit(driver)
    driver.receive(TO_DATA)
    assert driver.receive(b"Hi\r\n.\r\n") == b""
    assert driver.connection.pending.wait is ReplyWait.COMMIT and driver.transport.is_reading

    driver.receive(b"NOOP\r\n")
    assert not driver.transport.is_reading

    commit.set_result(None)
    assert driver.transport.take() == b"250 2.0.0 Message accepted\r\n250 2.0.0 Ok\r\n"
    assert driver.transport.is_reading


@pytest.mark.parametrize("refused", [(), (0,), (1,), (0, 1)])
def test_reply_waits_for_all_commits_and_the_first_refusal(refused):
    driver = ConnectionDriver(is_durable=True)
    commits = add_commit(driver, 2)
    driver.receive(TO_DATA)
    driver.receive(b"Hi\r\n.\r\n")

    for number, commit in enumerate(commits):
        assert driver.transport.take() == b""
        commit.set_result(NOT_STORED if number in refused else None)

    assert driver.transport.take() == (b"452 4.3.1 Not stored\r\n" if refused else b"250 2.0.0 Message accepted\r\n")


@pytest.mark.parametrize("end", ["shut_down", "abort"])
def test_stop_sends_the_reply_to_a_commit_first_and_abort_does_not(end):
    driver = ConnectionDriver(is_durable=True)
    [commit] = add_commit(driver)
    driver.receive(TO_DATA)
    driver.receive(b"Hi\r\n.\r\n")
    driver.manager.is_closing = True

    getattr(driver.connection, end)()

    assert commit.is_done is (end == "abort")
    if end == "abort":
        assert driver.transport.take() == b"421 4.3.2 Server shutting down, goodbye\r\n"
    else:
        assert driver.transport.end is None and driver.transport.take() == b""
        commit.set_result(None)
        assert driver.transport.take().startswith(b"250 2.0.0 Message accepted\r\n421 ")
    assert driver.transport.end == end.replace("shut_down", "close")


def test_other_clients_have_their_turn_before_the_rest_of_the_input():
    driver = ConnectionDriver(limits=Limits(commands_without_mail=None))

    assert driver.receive(b"NOOP\r\n" * 250).count(b"250") == 100
    for count, is_reading in ((100, False), (50, True), (0, True)):
        assert driver.reactor.calls or not count
        driver.reactor.run_calls()
        assert driver.transport.take().count(b"250") == count and driver.transport.is_reading is is_reading


def test_client_that_reads_no_replies_is_not_read_until_it_does():
    driver = ConnectionDriver(limits=Limits(commands_without_mail=None))
    driver.receive(b"NOOP\r\n" * 250)

    driver.connection.pause_writing()
    driver.reactor.run_calls()
    assert driver.transport.take() == b"" and not driver.transport.is_reading

    driver.connection.resume_writing()
    driver.reactor.run_calls()
    driver.reactor.run_calls()
    assert driver.transport.take().count(b"250") == 150 and driver.transport.is_reading


def test_rule_keeps_input_up_to_its_limit():
    driver = ConnectionDriver(limits=Limits(commands_without_mail=None))
    driver.rules.on("NOOP").delay(5).once()
    driver.receive(b"NOOP\r\n")
    assert driver.connection.pending.wait is ReplyWait.DELAY and driver.connection.is_client_waiting

    driver.receive(b"RSET\r\n" + b"HELP\r\n" * 10_900)
    assert driver.transport.is_reading
    driver.receive(b"HELP\r\n" * 100)
    assert not driver.transport.is_reading

    driver.reactor.fire_timers()
    while driver.reactor.calls:
        driver.reactor.run_calls()
    replies = driver.transport.take()
    assert (replies.count(b"250 2.0.0 Ok\r\n"), replies.count(b"214 ")) == (2, 11_000)
    assert driver.transport.is_reading and driver.connection.pending is None


def test_stop_cancels_a_delay_by_a_rule():
    driver = ConnectionDriver()
    driver.rules.on("NOOP").delay(5)
    driver.receive(b"NOOP\r\nRSET\r\n")

    driver.connection.shut_down()

    assert driver.transport.take() == b"421 4.3.2 Server shutting down, goodbye\r\n" and driver.transport.end == "close"
    assert driver.reactor.delays == []


def test_end_of_a_connection_leaves_no_timer():
    driver = ConnectionDriver()
    driver.rules.on("IDLE", after=100).drop()
    driver.rules.on("NOOP").delay(5)
    driver.manager.schedule_idle_checks()
    driver.receive(b"NOOP\r\n")
    assert driver.reactor.delays

    driver.connection.connection_lost(None)

    assert driver.reactor.delays == [] and driver.connection.record.ended == "EOF"


def test_connection_without_rules_evaluates_none(monkeypatch):
    from lazr.smtptest.net import fault_injector

    monkeypatch.setattr(fault_injector, "FaultInjector", None)
    driver = ConnectionDriver()

    assert driver.receive(b"EHLO x\r\n").startswith(b"250")
    assert driver.receive(b"QUIT\r\n").startswith(b"221")
    driver.connection.connection_lost(None)
    assert driver.connection.record.ended == "QUIT"


@pytest.mark.parametrize("end", ["eof_received", "connection_lost"])
def test_client_that_leaves_cancels_a_called_coroutine(end):
    @types.coroutine
    def wait():
        yield

    async def answer(event):
        await wait()

    driver = ConnectionDriver()
    driver.rules.on("NOOP").call(answer)
    driver.receive(b"NOOP\r\n")
    driver.tasks[0].run()
    assert driver.connection.pending.wait is ReplyWait.CALL and driver.transport.is_reading

    if end == "eof_received":
        assert driver.connection.eof_received()
        driver.reactor.run_calls()
        assert driver.transport.end == "close"
    else:
        driver.connection.connection_lost(None)
    driver.reactor.run_calls()

    assert driver.tasks[0].is_cancelled and driver.transport.take() == b""
    assert driver.connection.record.ended == "EOF"

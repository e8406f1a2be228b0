"""`AttemptLimit`: turns and memory."""

import pytest

from lazr.smtptest.web.middleware.attempt_limit import AttemptLimit


@pytest.fixture
def clock():
    return [0.0]


@pytest.fixture
def attempts(clock):
    return AttemptLimit(burst=2, interval_seconds=5, max_wait_seconds=12, clock=lambda: clock[0])


def test_turns_follow_each_other(attempts):
    assert [attempts.start_attempt("eve") for _ in range(6)] == [0, 0, 5, 10, None, None]


@pytest.mark.parametrize(("seconds", "wait"), [(0, 10), (3, 7), (10, 0), (15, 0), (1000, 0)])
def test_wait_is_short_when_the_failures_end(attempts, clock, seconds, wait):
    for _ in range(3):
        attempts.start_attempt("eve")
    clock[0] = seconds

    assert attempts.start_attempt("eve") == wait


def test_unused_time_is_not_saved_up(attempts, clock):
    clock[0] = 1000.0

    assert [attempts.start_attempt("eve") for _ in range(3)] == [0, 0, 5]


def test_forgiven_attempts_do_not_count(attempts):
    for _ in range(100):
        assert attempts.start_attempt("ann") == 0
        attempts.forgive("ann")
    attempts.forgive("ann")

    assert [attempts.start_attempt("ann") for _ in range(3)] == [0, 0, 5]


def test_number_of_keys_is_limited():
    attempts = AttemptLimit(burst=1, interval_seconds=60, max_wait_seconds=60, max_keys=100)

    for key in range(10_000):
        attempts.start_attempt(key)
    assert len(attempts) == 100

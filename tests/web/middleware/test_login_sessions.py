"""`LoginSessions`: how long a session lasts, and how many there may be."""

import pytest

from lazr.smtptest.web.middleware.identity import Identity
from lazr.smtptest.web.middleware.login_sessions import LoginSessions

ANN, BOB = Identity("ann"), Identity("bob")


class Clock:
    """A clock that a test moves."""

    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_tokens_are_long_and_differ(clock):
    sessions = LoginSessions(clock=clock)
    tokens = {sessions.start(ANN) for _ in range(100)}

    assert len(tokens) == 100 and {len(token) for token in tokens} == {43}  # 256 bits in base64
    assert {sessions.find(token) for token in tokens} == {ANN}


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "x" * 100_000, "\udcff", "é"])
def test_unknown_token_has_no_session(clock, token):
    sessions = LoginSessions(clock=clock)
    sessions.start(ANN)

    assert sessions.find(token) is None
    sessions.end(token)
    assert len(sessions) == 1


def test_session_ends_when_it_is_idle(clock):
    sessions = LoginSessions(idle_seconds=100, max_seconds=1000, clock=clock)
    token = sessions.start(ANN)
    for _ in range(5):
        clock.now += 100
        assert sessions.find(token) == ANN
    clock.now += 101

    assert sessions.find(token) is None and len(sessions) == 0


def test_session_ends_after_the_longest_time(clock):
    sessions = LoginSessions(idle_seconds=100, max_seconds=250, clock=clock)
    token = sessions.start(ANN)
    found = []
    for _ in range(3):
        clock.now += 90
        found.append(sessions.find(token))

    assert found == [ANN, ANN, None]


def test_default_times(clock):
    sessions = LoginSessions(clock=clock)
    idle, used = sessions.start(ANN), sessions.start(ANN)
    clock.now += 12 * 3600
    assert sessions.find(used) == ANN
    clock.now += 1

    assert sessions.find(idle) is None
    for _ in range(13):
        clock.now += 12 * 3600 - 1
        assert sessions.find(used) == ANN
    clock.now += 60

    assert sessions.find(used) is None  # after seven days


def test_new_session_replaces_the_least_recently_used_one(clock):
    sessions = LoginSessions(max_count=3, clock=clock)
    first, second, third = (sessions.start(ANN) for _ in range(3))
    sessions.find(first)
    fourth = sessions.start(BOB)

    assert [sessions.find(token) for token in (first, second, third, fourth)] == [ANN, None, ANN, BOB]
    assert len(sessions) == 3


def test_sessions_of_one_identity_do_not_replace_those_of_others(clock):
    sessions = LoginSessions(max_count=10, max_count_per_identity=3, clock=clock)
    bob = sessions.start(BOB)
    first, second, third = (sessions.start(ANN) for _ in range(3))
    sessions.find(first)
    more = [sessions.start(ANN) for _ in range(20)][-2:]

    assert [sessions.find(token) for token in (bob, first, second, third, *more)] == [BOB, None, None, None, ANN, ANN]
    assert len(sessions) == 4


def test_look_up_without_a_use_does_not_keep_the_session_alive(clock):
    sessions = LoginSessions(idle_seconds=100, clock=clock)
    token = sessions.start(ANN)
    clock.now += 60
    assert sessions.find(token, keep_alive=False) == ANN
    clock.now += 60

    assert sessions.find(token, keep_alive=False) is None


def test_ended_session_is_gone(clock):
    sessions = LoginSessions(clock=clock)
    token, other = sessions.start(ANN), sessions.start(ANN)
    sessions.end(token)

    assert (sessions.find(token), sessions.find(other)) == (None, ANN)

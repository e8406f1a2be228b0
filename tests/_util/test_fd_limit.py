"""The limit of open file descriptors, and the shares of SMTP and HTTP."""

import sys

import pytest

from lazr.smtptest._util.fd_limit import compute_max_http_connections, compute_max_smtp_connections, raise_fd_limit

resource = pytest.importorskip("resource")
UNLIMITED = resource.RLIM_INFINITY


@pytest.fixture
def set_limits(monkeypatch):
    """Replace the process's limits; the result lists what `setrlimit` was called with."""

    def set_limits(soft, hard=None):
        changes = []
        monkeypatch.setattr(resource, "getrlimit", lambda which: (soft, soft if hard is None else hard))
        monkeypatch.setattr(resource, "setrlimit", lambda which, limits: changes.append(limits))
        return changes

    return set_limits


@pytest.mark.parametrize(
    ("limit", "configured", "smtp", "http"),
    [
        (1024, 10_000, 799, 153),
        (1024, 100, 100, 153),
        (1024, None, None, 153),
        (1_048_576, 10_000, 10_000, 10_000),
        (UNLIMITED, 10_000, 10_000, 10_000),
        (30, 10_000, 4, 10),
        (10, 10_000, 1, 10),
    ],
)
def test_connections_get_a_share_of_the_limit(limit, configured, smtp, http, set_limits):
    set_limits(limit)

    assert compute_max_smtp_connections(configured) == smtp
    assert compute_max_http_connections() == http


def test_both_shares_leave_descriptors_free(set_limits):
    for limit in range(512, 20_000, 97):
        set_limits(limit)
        assert compute_max_smtp_connections(10**9) + compute_max_http_connections() < limit * 0.95


def test_without_rlimits_the_configured_limits_hold(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)

    assert (compute_max_smtp_connections(500), compute_max_http_connections()) == (500, 10_000)
    raise_fd_limit()


@pytest.mark.parametrize(
    ("soft", "hard", "changes"),
    [
        (1024, 524_288, [(524_288, 524_288)]),
        (1024, UNLIMITED, [(65_536, UNLIMITED)]),
        (524_288, 524_288, []),
        (UNLIMITED, UNLIMITED, []),
        (100_000, UNLIMITED, []),
    ],
)
def test_the_soft_limit_is_raised_to_the_hard_one(soft, hard, changes, set_limits):
    found = set_limits(soft, hard)

    raise_fd_limit()

    assert found == changes


def test_a_refused_raise_is_no_error(monkeypatch):
    def refuse(which, limits):
        raise ValueError("not allowed")

    monkeypatch.setattr(resource, "getrlimit", lambda which: (1024, UNLIMITED))
    monkeypatch.setattr(resource, "setrlimit", refuse)

    raise_fd_limit()

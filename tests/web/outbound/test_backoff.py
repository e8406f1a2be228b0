"""`Backoff`: how the delays grow."""

import pytest

from lazr.smtptest.web.outbound.backoff import Backoff


def test_delays_double_up_to_the_maximum_with_jitter():
    backoff = Backoff(initial_delay=1, max_delay=60)

    delays = [backoff.get_next_delay() for _ in range(2000)]
    assert all(limit / 2 <= delay <= limit for delay, limit in zip(delays, [1, 2, 4, 8, 16, 32, 60, 60], strict=False))
    assert all(30 <= delay <= 60 for delay in delays[6:])
    assert len(set(delays[6:])) > 100
    backoff.reset()
    assert 0.5 <= backoff.get_next_delay() <= 1


@pytest.mark.parametrize(("min_delay", "delay"), [(20.0, 20.0), (0.1, 1.0), (10_000.0, 60.0)])
def test_minimum_delay_is_bounded_by_the_maximum(min_delay, delay):
    assert Backoff(initial_delay=1, max_delay=60, jitter=lambda: 0.0).get_next_delay(min_delay) == delay

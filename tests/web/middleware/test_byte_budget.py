"""`ByteBudget`: the bytes that requests hold together."""

import contextlib

from lazr.smtptest.web.middleware.byte_budget import ByteBudget


def test_share_is_within_the_budget_up_to_the_limit():
    budget = ByteBudget(100)
    with budget.open_share() as share:
        assert share.add(100) and not budget.is_exceeded
        assert not share.add(1) and budget.is_exceeded
        assert (share.size, budget.held_bytes) == (101, 101)


def test_shares_count_together_and_are_given_back():
    budget = ByteBudget(100)
    with budget.open_share() as first:
        first.add(60)
        assert first.is_only_one
        with budget.open_share() as second:
            assert not second.add(60)
            assert not first.is_only_one and not second.is_only_one
        assert budget.held_bytes == 60 and first.is_only_one
    assert budget.held_bytes == 0


def test_bytes_are_given_back_after_an_exception():
    budget = ByteBudget(100)
    with contextlib.suppress(ZeroDivisionError), budget.open_share() as share:
        share.add(1 // 0 if share.add(10) else 0)
    assert budget.held_bytes == 0

"""New mails are kept until the database notifies of them, within a limit."""

import pytest

from lazr.smtptest.store.sql.recent_arrivals import RecentArrivals
from tests.store.contract import arrival


def test_mail_with_a_known_id_takes_its_place():
    recent = RecentArrivals(10_000)
    for _ in range(20):
        recent.add([arrival(b"old", id="m1"), arrival(b"new", id="m1")])

    assert [list(kept.parts) for kept in recent.take(["m1"])] == [[b"new"]]
    recent.add([arrival(b"x", id="m2")])
    assert len(recent.take(["m2"])) == 1


@pytest.mark.parametrize(("content", "recipients"), [(b"", 1), (b"x" * 5000, 1), (b"", 100)])
def test_old_mails_are_dropped_at_the_limit(content, recipients):
    to = tuple(f"u{number}@example.com" for number in range(recipients))
    recent = RecentArrivals(100_000)
    for number in range(200):
        recent.add([arrival(content, id=f"m{number}", to=to)])

    assert len(recent.take(["m199"])) == 1
    assert recent.take(["m0"]) == ()

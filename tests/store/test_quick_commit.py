"""The decision to commit in the thread of the event loop, by the time that commits take."""

import pytest

from lazr.smtptest import Envelope
from lazr.smtptest.errors import StoreFull
from lazr.smtptest.store import Arrival, QuickCommit

ENVELOPE = Envelope("", ("bob@example.com",), mail_parameters={}, rcpt_parameters=({},))


def build_arrivals(count=1, size=10):
    return [Arrival(str(number), 0.0, ENVELOPE, [b"x" * size]) for number in range(count)]


class Disk:
    """A store on a disk that takes `seconds` for a commit, by the clock `now`."""

    def __init__(self):
        self.now = 0.0
        self.seconds = 0.0005
        self.raises = None
        self.batches = []
        self.commit = QuickCommit(self.try_add, clock=lambda: self.now)

    def try_add(self, arrivals):
        self.now += self.seconds
        self.batches.append(len(arrivals))
        if self.raises is not None:
            raise self.raises
        return True

    def count_quick_commits(self, attempts, arrivals=None):
        return sum(self.commit.try_add(arrivals or build_arrivals()) for _ in range(attempts))


def test_fast_disk_commits_every_batch():
    disk = Disk()

    assert disk.count_quick_commits(100) == 100 and disk.batches == [1] * 100


def test_one_slow_commit_changes_nothing():
    disk = Disk()
    disk.count_quick_commits(10)
    disk.seconds = 5.0
    disk.count_quick_commits(1)
    disk.seconds = 0.0005

    assert disk.count_quick_commits(100) == 100


@pytest.mark.parametrize("seconds", [0.005, 0.02, 0.5])
def test_slow_disk_commits_two_percent_of_the_time(seconds):
    disk = Disk()
    disk.seconds = seconds
    assert 1 < disk.count_quick_commits(100) < 12

    start, committing = disk.now, 0.0
    while disk.now < start + 1000 * seconds:
        before = disk.now
        disk.count_quick_commits(1)
        committing += disk.now - before
        disk.now += 0.001
    assert 0.01 < committing / (disk.now - start) < 0.025


def test_disk_that_becomes_fast_is_used_again():
    disk = Disk()
    disk.seconds = 0.02
    disk.count_quick_commits(100)
    disk.seconds = 0.0005
    disk.now += 1.1

    assert disk.count_quick_commits(100) == 100


def test_large_batch_is_left_to_the_other_thread():
    disk = Disk()

    assert not disk.commit.try_add(build_arrivals(count=201))
    assert not disk.commit.try_add(build_arrivals(size=1024 * 1024 + 1))
    assert disk.batches == []
    assert disk.commit.try_add(build_arrivals(count=200))


def test_time_of_a_full_batch_is_no_sign_of_a_slow_disk():
    disk = Disk()
    disk.seconds = 0.007

    assert disk.count_quick_commits(50, build_arrivals(count=200)) == 50


def test_batch_after_an_exception_is_left_to_the_other_thread():
    disk = Disk()
    disk.raises = StoreFull("no room")
    assert not disk.commit.try_add(build_arrivals())
    disk.raises = None
    assert not disk.commit.try_add(build_arrivals())
    disk.now += 1.1

    assert disk.commit.try_add(build_arrivals()) and disk.batches == [1, 1]


def test_refused_batch_is_tried_again_at_once():
    answers = [False, True]
    commit = QuickCommit(lambda arrivals: answers.pop(0), clock=lambda: 0.0)

    assert not commit.try_add(build_arrivals()) and commit.try_add(build_arrivals())

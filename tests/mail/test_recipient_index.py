"""Searches for a recipient find the same mails as a comparison of each mail."""

import random
import threading

import pytest

from lazr.smtptest import Envelope, Inbox, Mail
from lazr.smtptest.mail.address_comparison import fold_domain

ADDRESSES = ("ann@example.com", "ann@EXAMPLE.com", "Ann@example.com", "bob@example.com", "Postmaster", "")


def build_mail(number, recipients):
    envelope = Envelope("", recipients, mail_parameters={}, rcpt_parameters=({},) * len(recipients))
    return Mail(str(number), envelope, [b"Subject: Hi\r\n\r\nHello\r\n"])


@pytest.mark.parametrize("limits", [{}, {"keep_mails": 5}, {"keep_bytes": 100}, {"keep_mails": 1}])
@pytest.mark.parametrize("seed", range(10))
def test_searches_between_changes_find_each_mail(limits, seed):
    choose = random.Random(seed)
    inbox = Inbox(**limits)
    for number in range(200):
        inbox.append(build_mail(number, tuple(choose.choices(ADDRESSES, k=choose.randrange(5)))))
        if choose.random() < 0.02:
            inbox.clear()
        address, since = choose.choice(ADDRESSES), choose.choice([0, max(inbox.mark() - 3, 0)])
        if choose.random() < 0.3:
            first = inbox.mark() - len(inbox)
            expected = [
                mail.id
                for position, mail in enumerate(inbox, first)
                if position >= since and fold_domain(address) in map(fold_domain, mail.recipients)
            ]
            assert [mail.id for mail in inbox.matching(to=address, since=since)] == expected


def test_index_is_built_when_a_recipient_is_searched():
    inbox = Inbox()
    inbox.append(build_mail(1, ("ann@example.com",)))
    assert inbox.matching(subject="Hi") == inbox[:]
    assert inbox._recipient_index is None

    assert inbox.matching(to="ann@example.com") == inbox[:]
    assert len(inbox._recipient_index) == 1


def test_index_forgets_dropped_mails():
    inbox = Inbox(keep_mails=10)
    for number in range(1000):
        inbox.append(build_mail(number, ("ann@example.com", f"user{number}@example.com")))
        assert [mail.id for mail in inbox.sent_to(f"user{number}@example.com")] == [str(number)]
        assert len(inbox._recipient_index) <= 2 * 2 * 11
    assert [mail.id for mail in inbox.sent_to("ann@example.com")] == list(map(str, range(990, 1000)))


def test_searches_in_several_threads_find_each_mail():
    inbox = Inbox(keep_mails=50)
    stop = threading.Event()
    failures = []

    def search():
        while not stop.is_set():
            found = [int(mail.id) for mail in inbox.sent_to("ann@example.com")]
            if found != list(range(found[0], found[0] + len(found))) or not 1 <= len(found) <= 50:
                failures.append(found)

    inbox.append(build_mail(0, ("ann@example.com",)))
    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(1, 2000):
        inbox.append(build_mail(number, ("ann@example.com",)))
    stop.set()
    for thread in threads:
        thread.join()

    assert failures == []

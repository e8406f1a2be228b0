"""The inbox: a sequence that is never consumed, expectations with deadlines, failures as evidence."""

import asyncio
import re
import threading

import pytest

from lazr.smtptest import Envelope, Inbox, Mail, Match, WaitTimeout


def mail(to="bob@example.com", subject="Hi", number="1", *, sender="ann@example.com", cc="", text="Hello"):
    envelope = Envelope(sender, (to,), mail_parameters={}, rcpt_parameters=({},))
    content = f"Subject: {subject}\r\n{f'Cc: {cc}{chr(13)}{chr(10)}' if cc else ''}X-Tag: a\r\n\r\n{text}\r\n"
    return Mail(number, envelope, [content.encode()])


@pytest.fixture
def inbox():
    inbox = Inbox()
    for number, to in enumerate(["ann@example.com", "bob@example.com", "Bob@EXAMPLE.org"]):
        inbox.append(mail(to, f"Number {number}", str(number)))
    inbox.announce()
    return inbox


def test_it_is_a_sequence_and_reading_never_consumes(inbox):
    for _ in range(2):
        assert [m.id for m in inbox] == ["0", "1", "2"]
        assert (len(inbox), inbox[0].id, inbox[-1].id, [m.id for m in inbox[1:]]) == (3, "0", "2", ["1", "2"])
    assert inbox[1] in inbox
    assert repr(inbox) == "<Inbox: 3 mails>"
    inbox.clear()
    assert not inbox
    inbox.append(mail())
    assert repr(inbox) == "<Inbox: 1 mail>"


def test_iterating_goes_on_while_mail_arrives(inbox):
    seen = []
    for m in inbox:
        seen.append(m.id)
        inbox.append(mail())
    assert seen == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("match", "ids"),
    [
        ({}, "012"),
        ({"to": "bob@example.com"}, "1"),
        ({"to": "bob@EXAMPLE.com"}, "1"),  # the domain's case does not count
        ({"to": "Bob@example.com"}, ""),  # the local part's does
        ({"to": "*@example.com"}, "01"),
        ({"to": "?ob@*"}, "12"),
        ({"to": "b.b@example.com"}, ""),
        ({"to": re.compile("^b")}, "1"),
        ({"to": str.islower}, "01"),
        ({"subject": "Number 1"}, "1"),
        ({"subject": "Number *"}, ""),  # globs are for addresses
        ({"subject": re.compile("[12]")}, "12"),
        ({"subject": "Number 1", "to": "ann@example.com"}, ""),
        ({"sender": "ann@example.com"}, "012"),
        ({"text": "Hello\n"}, "012"),
        ({"html": ""}, "012"),
        ({"cc": "x@y.example"}, ""),
        ({"header": {"X-Tag": "a"}}, "012"),
        ({"header": {"X-Tag": "b"}}, ""),
        ({"where": lambda m: m.id == "2"}, "2"),
    ],
)
def test_matching(inbox, match, ids):
    assert "".join(m.id for m in inbox.matching(**match)) == ids


def test_matching_by_a_values_own_equality_and_cc():
    class Anything:
        def __eq__(self, other):
            return True

        __hash__ = None

    inbox = Inbox()
    inbox.append(mail(cc="Carol <carol@example.com>, dave@example.com"))

    assert inbox.matching(subject=Anything())
    assert inbox.matching(cc="dave@example.com")
    assert not inbox.matching(cc="eve@example.com")


def test_a_criterion_that_does_not_exist_is_refused(inbox):
    with pytest.raises(TypeError, match="no criterion 'recipient', but 'to'; there are sender, to, cc, subject"):
        inbox.one(recipient="ann@example.com")


def test_one_is_exactly_one(inbox):
    assert inbox.one(subject="Number 1").id == "1"
    with pytest.raises(
        WaitTimeout, match=r"(?s)expected one mail with to='\*@example.com', and there are 2:.*Number 0"
    ):
        inbox.one(to="*@example.com")


def test_a_failure_lists_what_came_and_the_criterion_that_each_failed(inbox):
    with pytest.raises(AssertionError) as failure:
        inbox.one(to="carol@example.com", subject="Number 0", timeout=0)

    assert str(failure.value).splitlines() == [
        "expected one mail with to='carol@example.com', subject='Number 0' within 0 s; 0 came, and 3 others:",
        "  <Mail 0 ann@example.com -> ann@example.com 'Number 0' 38 octets>",
        "      to is 'ann@example.com'",
        "  <Mail 1 ann@example.com -> bob@example.com 'Number 1' 38 octets>",
        "      to is 'bob@example.com'",
        "      subject is 'Number 1'",
        "  <Mail 2 ann@example.com -> Bob@EXAMPLE.org 'Number 2' 38 octets>",
        "      to is 'Bob@EXAMPLE.org'",
        "      subject is 'Number 2'",
    ]


def test_other_failures_say_what_happened(inbox):
    with pytest.raises(WaitTimeout, match="where says no"):
        inbox.one(where=lambda m: False, timeout=0)
    with pytest.raises(TypeError, match="header wants a mapping"):
        inbox.one(header="X-Tag")
    with pytest.raises(WaitTimeout, match=r"expected 4 mails within 0 s; 3 came, and no other mail:\n  <Mail 0 "):
        inbox.wait(4, timeout=0)
    with pytest.raises(WaitTimeout, match=r"(?s)expected no mail with to='bob@example.com', and there is:.*Number 1"):
        inbox.none(to="bob@example.com", within=0)
    for number in range(20):
        inbox.append(mail(number=str(number)))
    with pytest.raises(WaitTimeout, match="and 13 more"):
        inbox.one(to="nobody@example.com", timeout=0)
    inbox.none(to="nobody@example.com", within=0.01)


def test_a_wait_ends_when_the_mail_is_announced_and_not_before():
    inbox = Inbox()
    found = []
    waiter = threading.Thread(target=lambda: found.append(inbox.wait(2, timeout=20, to="bob@*")))
    waiter.start()
    inbox.append(mail())
    inbox.announce()
    inbox.append(mail("other@example.com"))
    inbox.append(mail())
    waiter.join(0.05)
    assert not found
    inbox.announce()
    waiter.join(20)
    assert [m.recipients for m in found[0]] == [("bob@example.com",)] * 2


def test_a_mail_that_is_not_announced_is_found_when_the_time_is_over():
    inbox = Inbox()
    inbox.append(mail())

    assert inbox.wait(timeout=0)
    assert inbox.one(timeout=0.01)


def test_clearing_starts_a_wait_again():
    inbox = Inbox()
    found = []
    waiter = threading.Thread(target=lambda: found.append(inbox.wait(2, timeout=20)))
    inbox.append(mail(number="old"))
    inbox.announce()
    waiter.start()
    waiter.join(0.05)
    inbox.clear()
    for number in ("new 1", "new 2"):
        inbox.append(mail(number=number))
        inbox.announce()
    waiter.join(20)
    assert [m.id for m in found[0]] == ["new 1", "new 2"]


def test_a_criterion_may_take_its_time_without_holding_up_the_server():
    inbox = Inbox()
    inbox.append(mail())
    inbox.announce()
    asked, go_on = threading.Event(), threading.Event()

    def where(m):
        asked.set()
        return go_on.wait(20)

    waiter = threading.Thread(target=lambda: inbox.one(where=where, timeout=20))
    waiter.start()
    assert asked.wait(20)
    inbox.append(mail())
    announcing = threading.Thread(target=inbox.announce)
    announcing.start()
    announcing.join(5)
    assert not announcing.is_alive()
    go_on.set()
    waiter.join(20)


def test_a_coroutine_waits_without_blocking_its_loop():
    inbox = Inbox()

    async def main():
        waiting = asyncio.create_task(inbox.async_wait(2, to="bob@*", timeout=20))
        await asyncio.sleep(0)
        inbox.append(mail())
        inbox.announce()
        await asyncio.sleep(0.01)
        assert not waiting.done()
        thread = threading.Thread(target=lambda: (inbox.append(mail()), inbox.announce()))
        thread.start()
        assert len(await waiting) == 2
        thread.join()
        with pytest.raises(WaitTimeout, match=r"expected 3 mails within 0\.01 s; 2 came"):
            await inbox.async_wait(3, timeout=0.01)
        inbox.append(mail())  # not announced
        assert len(await inbox.async_wait(3, timeout=0)) == 3

    asyncio.run(main())
    assert inbox._listeners == []


def test_only_what_comes_after_a_mark_counts(inbox):
    mark = inbox.mark()
    assert inbox.matching(since=mark) == []
    inbox.append(mail(number="new"))
    inbox.announce()

    assert [m.id for m in inbox.matching(since=mark)] == ["new"]
    assert inbox.one(since=mark, timeout=0).id == "new"
    inbox.none(since=inbox.mark(), within=0)
    with pytest.raises(WaitTimeout, match="1 that came before the mark `since` would match"):
        inbox.one(to="ann@example.com", since=mark, timeout=0)
    inbox.clear()
    inbox.append(mail(number="newer"))
    assert [m.id for m in inbox.matching(since=mark)] == ["newer"]
    assert inbox.matching(since=inbox.mark()) == []


def test_a_condition_or_a_function_comes_first(inbox):
    assert inbox.one(Match(to="ann@*") | Match(to="nobody@*"), timeout=0).id == "0"
    assert inbox.one(Match(to="*@example.com"), subject="Number 1", timeout=0).id == "1"
    assert [m.id for m in inbox.wait(2, ~Match(subject="Number 1"), timeout=0)] == ["0", "2"]
    assert inbox.matching(lambda m: m.id == "2")[0].id == "2"
    inbox.none(Match(to="nobody@*"), within=0)
    with pytest.raises(WaitTimeout, match=r"with \(Match\(to='a'\) & Match\(to='b'\)\) within"):
        inbox.one(Match(to="a") & Match(to="b"), timeout=0)


def test_backwards_too(inbox):
    assert [m.id for m in reversed(inbox)] == ["2", "1", "0"]
    assert [m.id for m in inbox.sent_to("*@example.com")] == ["0", "1"]


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        ({"keep_mails": 3}, "789"),
        ({"keep_mails": 1}, "9"),
        ({"keep_bytes": 100}, "89"),
        ({"keep_bytes": 1}, "9"),  # P1: the latest one stays
        ({"keep_mails": 5, "keep_bytes": 120}, "789"),
        ({"keep_mails": 2, "keep_bytes": 1000}, "89"),
        ({}, "0123456789"),
    ],
)
def test_the_oldest_go_when_there_are_too_many(limits, kept):
    inbox = Inbox(**limits)
    waiting = inbox.mark()
    for number in range(10):
        inbox.append(mail(subject=f"{number}", number=str(number), text="x" * 14))
        assert inbox[0].size == 40
    inbox.announce()

    assert "".join(m.id for m in inbox) == kept and inbox.dropped == 10 - len(kept)
    assert "".join(m.id for m in inbox.sent_to("bob@example.com")) == kept
    assert "".join(m.id for m in inbox.wait(since=waiting, timeout=0)) == kept
    if limits:
        with pytest.raises(WaitTimeout, match=f"{10 - len(kept)} older mails are here no more"):
            inbox.one(subject="0", timeout=0)
    assert sum(map(len, inbox._by_recipient.values())) == len(kept)


def test_what_was_found_while_waiting_counts_though_it_was_dropped_since():
    inbox = Inbox(keep_mails=1)
    found = []
    waiter = threading.Thread(target=lambda: found.append(inbox.wait(3, timeout=20)))
    inbox.append(mail(number="0"))
    inbox.announce()
    waiter.start()
    waiter.join(0.05)
    for number in "12":
        inbox.append(mail(number=number))
        inbox.announce()
        waiter.join(0.05)
    waiter.join(20)

    assert [m.id for m in found[0]] == ["0", "1", "2"]


def test_each_mail_is_looked_at_once_however_long_the_wait():
    inbox = Inbox()
    asked = []
    waiter = threading.Thread(target=lambda: inbox.wait(50, where=lambda m: asked.append(m.id) or True, timeout=20))
    waiter.start()
    for number in range(50):
        inbox.append(mail(number=str(number)))
        inbox.announce()
    waiter.join(20)

    assert asked == [str(number) for number in range(50)]


def test_of_many_mails_only_the_recipients_own_are_looked_at():
    inbox = Inbox()
    for number in range(1000):
        inbox.append(mail(f"user{number}@example.com", number=str(number)))
    inbox.announce()
    asked = []

    assert inbox.one(to="user7@Example.com", where=lambda m: asked.append(m.id) or True, timeout=0).id == "7"
    assert asked == ["7"]


def test_many_threads_read_while_mail_arrives_and_is_cleared():
    inbox = Inbox(keep_mails=20)
    over = threading.Event()
    errors = []

    def read():
        try:
            while not over.is_set():
                list(inbox)
                inbox.matching(to="bob@example.com")
                inbox.matching(subject="Hi", since=max(inbox.mark() - 5, 0))
                len(inbox[-3:])
        except BaseException as error:
            errors.append(error)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for number in range(3000):
        inbox.append(mail(number=str(number)))
        if number % 10 == 0:
            inbox.announce()
        if number % 500 == 0:
            inbox.clear()
    over.set()
    for reader in readers:
        reader.join(20)

    assert not errors and [m.id for m in inbox][-1] == "2999"


def test_a_mail_that_came_too_late_is_told():
    inbox = Inbox()
    for match in ({"to": "bob@example.com"}, {"to": "ann@example.com"}):
        with pytest.raises(WaitTimeout):
            inbox.one(timeout=0, **match)
    assert inbox.late() == []
    inbox.append(mail())

    (line,) = inbox.late()
    assert re.fullmatch(
        r"<Mail 1 .*> came 0\.\d+ s after the time was up for one mail with to='bob@example.com' within 0 s", line
    )
    inbox.clear()
    assert inbox.late() == []


def test_a_coroutine_has_the_other_expectations_too(inbox):
    async def main():
        assert (await inbox.async_one(to="ann@example.com")).id == "0"
        await inbox.async_none(to="nobody@example.com", within=0)
        with pytest.raises(WaitTimeout, match="expected one mail, and there are 3"):
            await inbox.async_one()
        with pytest.raises(WaitTimeout, match="expected no mail, and there is"):
            await inbox.async_none()

    asyncio.run(main())


def test_arrivals_are_iterated_as_they_come(inbox):
    async def main():
        seen = []
        with pytest.raises(WaitTimeout, match=r"expected another mail with to='bob@\*' within 0\.01 s; 2 came"):
            async for m in inbox.arrivals(to="bob@*", since=1, timeout=0.01):
                seen.append(m.id)
                if len(seen) == 1:
                    inbox.append(mail(number="new"))
                    inbox.announce()
        return seen

    assert asyncio.run(main()) == ["1", "new"]
    assert inbox._listeners == []


def test_a_wait_that_kept_a_loop_from_going_on_says_so(inbox):
    async def main():
        with pytest.raises(WaitTimeout, match="this thread runs an asyncio loop, in which nothing could go on"):
            inbox.one(to="nobody@example.com", timeout=0)
        with pytest.raises(WaitTimeout) as failure:
            await inbox.async_one(to="nobody@example.com", timeout=0)
        assert "asyncio" not in str(failure.value)

    asyncio.run(main())
    with pytest.raises(WaitTimeout) as failure:
        inbox.one(to="nobody@example.com", timeout=0)
    assert "asyncio" not in str(failure.value)


def test_arrivals_go_on_when_the_inbox_was_cleared():
    inbox = Inbox()

    async def main():
        seen = []
        with pytest.raises(WaitTimeout):
            async for m in inbox.arrivals(timeout=0.01):
                seen.append(m.id)
                if m.id == "2":
                    inbox.clear()
                    for number in "345":
                        inbox.append(mail(number=number))
                    inbox.announce()
        return seen

    for number in "012":
        inbox.append(mail(number=number))
    inbox.announce()
    assert asyncio.run(main()) == list("012345")


def test_a_loop_that_was_closed_while_somebody_waited_in_it_harms_nobody():
    inbox = Inbox()
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(inbox.async_wait())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    inbox.append(mail())
    inbox.announce()

    assert inbox._listeners == [] and len(inbox) == 1
    waiting._log_destroy_pending = False  # asyncio would complain of what this test is about


@pytest.mark.parametrize("timeout", [None, float("inf"), 1e300])
def test_a_wait_may_have_no_end(timeout):
    inbox = Inbox()
    found = []
    waiter = threading.Thread(target=lambda: found.append(inbox.one(timeout=timeout)))
    waiter.start()
    waiter.join(0.05)
    assert not found
    inbox.append(mail())
    inbox.announce()
    waiter.join(20)
    assert found[0].id == "1"


@pytest.mark.parametrize("limits", [{"keep_mails": 0}, {"keep_bytes": -5}])
def test_a_limit_that_keeps_nothing_is_refused(limits):
    with pytest.raises(ValueError, match="is a number above 0, not"):
        Inbox(**limits)


def test_clearing_forgets_what_was_dropped():
    inbox = Inbox(keep_mails=1)
    for _ in range(3):
        inbox.append(mail())
    assert inbox.dropped == 2
    inbox.clear()
    assert inbox.dropped == 0

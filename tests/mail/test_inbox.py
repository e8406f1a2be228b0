"""The inbox: a sequence that is never consumed, expectations with deadlines, failures as evidence."""

import asyncio
import re
import threading

import pytest

from lazr.smtptest import Envelope, Inbox, Mail, WaitTimeout


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
    with pytest.raises(TypeError, match="no criterion 'recipient'; there are sender, to, cc, subject"):
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
        "  <Mail 2 ann@example.com -> Bob@EXAMPLE.org 'Number 2' 38 octets>",
        "      to is 'Bob@EXAMPLE.org'",
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

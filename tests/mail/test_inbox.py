"""The inbox: a sequence, waits with deadlines, and failure reports."""

import asyncio
import re
import threading
from contextlib import aclosing

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
    inbox.notify_waiters()
    return inbox


def test_inbox_is_a_sequence_that_reading_does_not_consume(inbox):
    for _ in range(2):
        assert [m.id for m in inbox] == ["0", "1", "2"]
        assert (len(inbox), inbox[0].id, inbox[-1].id, [m.id for m in inbox[1:]]) == (3, "0", "2", ["1", "2"])
    assert inbox[1] in inbox
    assert repr(inbox) == "<Inbox: 3 mails>"
    inbox.clear()
    assert not inbox
    inbox.append(mail())
    assert repr(inbox) == "<Inbox: 1 mail>"


def test_iteration_continues_while_mail_arrives(inbox):
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
        ({"to": "bob@EXAMPLE.com"}, "1"),  # the case of the domain is ignored
        ({"to": "Bob@example.com"}, ""),  # the case of the local part counts
        ({"to": "*@example.com"}, "01"),
        ({"to": "?ob@*"}, "12"),
        ({"to": "b.b@example.com"}, ""),
        ({"to": re.compile("^b")}, "1"),
        ({"to": str.islower}, "01"),
        ({"subject": "Number 1"}, "1"),
        ({"subject": "Number *"}, ""),  # wildcards work only in addresses
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
def test_matching_returns_the_mails_that_meet_all_criteria(inbox, match, ids):
    assert "".join(m.id for m in inbox.matching(**match)) == ids


def test_matching_uses_equality_of_the_value_and_reads_cc():
    class Anything:
        def __eq__(self, other):
            return True

        __hash__ = None

    inbox = Inbox()
    inbox.append(mail(cc="Carol <carol@example.com>, dave@example.com"))

    assert inbox.matching(subject=Anything())
    assert inbox.matching(cc="dave@example.com")
    assert not inbox.matching(cc="eve@example.com")


def test_unknown_criterion_raises_type_error_with_suggestion(inbox):
    with pytest.raises(
        TypeError, match=r"unknown criterion 'recipient'; did you mean 'to'\? Known: sender, to, cc, subject"
    ):
        inbox.one(recipient="ann@example.com")


def test_one_fails_if_several_mails_match(inbox):
    assert inbox.one(subject="Number 1").id == "1"
    with pytest.raises(WaitTimeout, match=r"(?s)^2 mails to \*@example.com, expected 1:.*Number 0"):
        inbox.one(to="*@example.com")


def test_failure_lists_each_mail_with_its_unmet_criteria(inbox):
    with pytest.raises(AssertionError) as failure:
        inbox.one(to="carol@example.com", subject="Number 0", timeout=0)

    assert str(failure.value).splitlines() == [
        "no mail to carol@example.com with subject='Number 0' within 0 s (3 other mails arrived):",
        "  <Mail 0 ann@example.com -> ann@example.com 'Number 0' 38 bytes>",
        "      to is 'ann@example.com'",
        "  <Mail 1 ann@example.com -> bob@example.com 'Number 1' 38 bytes>",
        "      to is 'bob@example.com'",
        "      subject is 'Number 1'",
        "  <Mail 2 ann@example.com -> Bob@EXAMPLE.org 'Number 2' 38 bytes>",
        "      to is 'Bob@EXAMPLE.org'",
        "      subject is 'Number 2'",
    ]


def test_failures_of_other_methods(inbox):
    with pytest.raises(WaitTimeout, match="where returned false"):
        inbox.one(where=lambda m: False, timeout=0)
    with pytest.raises(TypeError, match="header must be a mapping"):
        inbox.one(header="X-Tag")
    with pytest.raises(WaitTimeout, match=r"^3 mails within 0 s, expected 4:\n  <Mail 0 "):
        inbox.wait(4, timeout=0)
    with pytest.raises(WaitTimeout, match=r"(?s)^1 mail to bob@example.com, expected none:.*Number 1"):
        inbox.none(to="bob@example.com", within=0)
    for number in range(20):
        inbox.append(mail(number=str(number)))
    with pytest.raises(WaitTimeout, match="and 13 more"):
        inbox.one(to="nobody@example.com", timeout=0)
    inbox.none(to="nobody@example.com", within=0.01)


def test_wait_ends_at_the_notification_and_not_before():
    inbox = Inbox()
    found = []
    waiter = threading.Thread(target=lambda: found.append(inbox.wait(2, timeout=20, to="bob@*")))
    waiter.start()
    inbox.append(mail())
    inbox.notify_waiters()
    inbox.append(mail("other@example.com"))
    inbox.append(mail())
    waiter.join(0.05)
    assert not found
    inbox.notify_waiters()
    waiter.join(20)
    assert [m.recipients for m in found[0]] == [("bob@example.com",)] * 2


def test_mail_without_notification_is_found_at_the_deadline():
    inbox = Inbox()
    inbox.append(mail())

    assert inbox.wait(timeout=0)
    assert inbox.one(timeout=0.01)


def test_clear_restarts_a_wait():
    inbox = Inbox()
    found = []
    waiter = threading.Thread(target=lambda: found.append(inbox.wait(2, timeout=20)))
    inbox.append(mail(number="old"))
    inbox.notify_waiters()
    waiter.start()
    waiter.join(0.05)
    inbox.clear()
    for number in ("new 1", "new 2"):
        inbox.append(mail(number=number))
        inbox.notify_waiters()
    waiter.join(20)
    assert [m.id for m in found[0]] == ["new 1", "new 2"]


def test_slow_criterion_does_not_block_the_server():
    inbox = Inbox()
    inbox.append(mail())
    inbox.notify_waiters()
    started, proceed = threading.Event(), threading.Event()

    def where(m):
        started.set()
        return proceed.wait(20)

    waiter = threading.Thread(target=lambda: inbox.one(where=where, timeout=20))
    waiter.start()
    assert started.wait(20)
    inbox.append(mail())
    notifier = threading.Thread(target=inbox.notify_waiters)
    notifier.start()
    notifier.join(5)
    assert not notifier.is_alive()
    proceed.set()
    waiter.join(20)


def test_async_wait_does_not_block_the_event_loop():
    inbox = Inbox()

    async def main():
        waiting = asyncio.create_task(inbox.async_wait(2, to="bob@*", timeout=20))
        await asyncio.sleep(0)
        inbox.append(mail())
        inbox.notify_waiters()
        await asyncio.sleep(0.01)
        assert not waiting.done()
        thread = threading.Thread(target=lambda: (inbox.append(mail()), inbox.notify_waiters()))
        thread.start()
        assert len(await waiting) == 2
        thread.join()
        with pytest.raises(WaitTimeout, match=r"^2 mails within 0\.01 s, expected 3:"):
            await inbox.async_wait(3, timeout=0.01)
        inbox.append(mail())  # without a notification
        assert len(await inbox.async_wait(3, timeout=0)) == 3

    asyncio.run(main())
    assert inbox._listeners == []


def test_since_ignores_mails_before_the_mark(inbox):
    mark = inbox.mark()
    assert inbox.matching(since=mark) == []
    inbox.append(mail(number="new"))
    inbox.notify_waiters()

    assert [m.id for m in inbox.matching(since=mark)] == ["new"]
    assert inbox.one(since=mark, timeout=0).id == "new"
    inbox.none(since=inbox.mark(), within=0)
    with pytest.raises(WaitTimeout, match="matched before the mark `since`: 1 mail"):
        inbox.one(to="ann@example.com", since=mark, timeout=0)
    inbox.clear()
    inbox.append(mail(number="newer"))
    assert [m.id for m in inbox.matching(since=mark)] == ["newer"]
    assert inbox.matching(since=inbox.mark()) == []


def test_first_argument_is_a_condition_or_a_function(inbox):
    assert inbox.one(Match(to="ann@*") | Match(to="nobody@*"), timeout=0).id == "0"
    assert inbox.one(Match(to="*@example.com"), subject="Number 1", timeout=0).id == "1"
    assert [m.id for m in inbox.wait(2, ~Match(subject="Number 1"), timeout=0)] == ["0", "2"]
    assert inbox.matching(lambda m: m.id == "2")[0].id == "2"
    inbox.none(Match(to="nobody@*"), within=0)
    with pytest.raises(WaitTimeout, match=r"with \(Match\(to='a'\) & Match\(to='b'\)\) within"):
        inbox.one(Match(to="a") & Match(to="b"), timeout=0)


def test_reversed_and_sent_to(inbox):
    assert [m.id for m in reversed(inbox)] == ["2", "1", "0"]
    assert [m.id for m in inbox.sent_to("*@example.com")] == ["0", "1"]


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        ({"keep_mails": 3}, "789"),
        ({"keep_mails": 1}, "9"),
        ({"keep_bytes": 100}, "89"),
        ({"keep_bytes": 1}, "9"),  # P1: the latest mail is never dropped
        ({"keep_mails": 5, "keep_bytes": 120}, "789"),
        ({"keep_mails": 2, "keep_bytes": 1000}, "89"),
        ({}, "0123456789"),
    ],
)
def test_limits_drop_the_oldest_mails(limits, kept):
    inbox = Inbox(**limits)
    waiting = inbox.mark()
    for number in range(10):
        inbox.append(mail(subject=f"{number}", number=str(number), text="x" * 14))
        assert inbox[0].size == 40
    inbox.notify_waiters()

    assert "".join(m.id for m in inbox) == kept and inbox.dropped == 10 - len(kept)
    assert "".join(m.id for m in inbox.sent_to("bob@example.com")) == kept
    assert "".join(m.id for m in inbox.wait(since=waiting, timeout=0)) == kept
    if limits:
        with pytest.raises(WaitTimeout, match=f"dropped by keep_mails or keep_bytes: {10 - len(kept)} older mails"):
            inbox.one(subject="0", timeout=0)


def test_wait_counts_matches_that_were_dropped_meanwhile():
    inbox = Inbox(keep_mails=1)
    found = []
    waiter = threading.Thread(target=lambda: found.append(inbox.wait(3, timeout=20)))
    inbox.append(mail(number="0"))
    inbox.notify_waiters()
    waiter.start()
    waiter.join(0.05)
    for number in "12":
        inbox.append(mail(number=number))
        inbox.notify_waiters()
        waiter.join(0.05)
    waiter.join(20)

    assert [m.id for m in found[0]] == ["0", "1", "2"]


def test_wait_compares_each_mail_once():
    inbox = Inbox()
    compared = []
    waiter = threading.Thread(target=lambda: inbox.wait(50, where=lambda m: compared.append(m.id) or True, timeout=20))
    waiter.start()
    for number in range(50):
        inbox.append(mail(number=str(number)))
        inbox.notify_waiters()
    waiter.join(20)

    assert compared == [str(number) for number in range(50)]


def test_recipient_index_limits_the_compared_mails():
    inbox = Inbox()
    for number in range(1000):
        inbox.append(mail(f"user{number}@example.com", number=str(number)))
    inbox.notify_waiters()
    compared = []

    assert inbox.one(to="user7@Example.com", where=lambda m: compared.append(m.id) or True, timeout=0).id == "7"
    assert compared == ["7"]


def test_threads_read_while_mail_arrives_and_is_cleared():
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
            inbox.notify_waiters()
        if number % 500 == 0:
            inbox.clear()
    over.set()
    for reader in readers:
        reader.join(20)

    assert not errors and [m.id for m in inbox][-1] == "2999"


def test_late_mail_is_reported():
    inbox = Inbox()
    for match in ({"to": "bob@example.com"}, {"to": "ann@example.com"}):
        with pytest.raises(WaitTimeout):
            inbox.one(timeout=0, **match)
    assert inbox.describe_late_mails() == []
    inbox.append(mail())

    (line,) = inbox.describe_late_mails()
    assert re.fullmatch(
        r"<Mail 1 .*> arrived 0\.\d+ s after the timeout of: 1 mail to bob@example.com within 0 s", line
    )
    inbox.clear()
    assert inbox.describe_late_mails() == []


def test_async_one_and_async_none(inbox):
    async def main():
        assert (await inbox.async_one(to="ann@example.com")).id == "0"
        await inbox.async_none(to="nobody@example.com", within=0)
        with pytest.raises(WaitTimeout, match=r"^3 mails, expected 1:"):
            await inbox.async_one()
        with pytest.raises(WaitTimeout, match=r"^3 mails, expected none:"):
            await inbox.async_none()

    asyncio.run(main())


def test_arrivals_yields_mails_until_the_timeout(inbox):
    async def main():
        seen = []
        with pytest.raises(WaitTimeout, match=r"^2 mails to bob@\* within 0\.01 s, expected 3 \(1 other mail"):
            async for m in inbox.arrivals(to="bob@*", since=1, timeout=0.01):
                seen.append(m.id)
                if len(seen) == 1:
                    inbox.append(mail(number="new"))
                    inbox.notify_waiters()
        return seen

    assert asyncio.run(main()) == ["1", "new"]
    assert inbox._listeners == []


def test_failed_wait_reports_a_blocked_event_loop(inbox):
    async def main():
        with pytest.raises(WaitTimeout, match="this wait blocked the asyncio event loop of its thread"):
            inbox.one(to="nobody@example.com", timeout=0)
        with pytest.raises(WaitTimeout) as failure:
            await inbox.async_one(to="nobody@example.com", timeout=0)
        assert "asyncio" not in str(failure.value)

    asyncio.run(main())
    with pytest.raises(WaitTimeout) as failure:
        inbox.one(to="nobody@example.com", timeout=0)
    assert "asyncio" not in str(failure.value)


def test_arrivals_continues_after_clear():
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
                    inbox.notify_waiters()
        return seen

    for number in "012":
        inbox.append(mail(number=number))
    inbox.notify_waiters()
    assert asyncio.run(main()) == list("012345")


def test_closed_event_loop_of_a_waiter_is_ignored():
    inbox = Inbox()
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(inbox.async_wait())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    inbox.append(mail())
    inbox.notify_waiters()

    assert inbox._listeners == [] and len(inbox) == 1
    waiting._log_destroy_pending = False  # asyncio would log that the task was destroyed


@pytest.mark.parametrize("timeout", [None, float("inf"), 1e300])
def test_wait_without_deadline_lasts_until_the_mail_arrives(timeout):
    inbox = Inbox()
    found = []
    waiter = threading.Thread(target=lambda: found.append(inbox.one(timeout=timeout)))
    waiter.start()
    waiter.join(0.05)
    assert not found
    inbox.append(mail())
    inbox.notify_waiters()
    waiter.join(20)
    assert found[0].id == "1"


@pytest.mark.parametrize("limits", [{"keep_mails": 0}, {"keep_bytes": -5}])
def test_limit_below_one_raises_value_error(limits):
    with pytest.raises(ValueError, match="must be a number >= 1, got"):
        Inbox(**limits)


def test_clear_resets_the_dropped_count():
    inbox = Inbox(keep_mails=1)
    for _ in range(3):
        inbox.append(mail())
    assert inbox.dropped == 2
    inbox.clear()
    assert inbox.dropped == 0


def test_inbox_equals_a_list_with_the_same_mails(inbox):
    mails = list(inbox)
    assert inbox == mails and inbox == tuple(mails) and mails == inbox
    assert inbox != mails[:2] and inbox not in ([], "012") and inbox != set(mails)
    assert Inbox() == [] and Inbox() == () and [] == Inbox()  # noqa: SIM300 - both directions
    assert Inbox() != Inbox() and inbox == inbox  # noqa: PLR0124
    assert len({inbox, inbox, Inbox()}) == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda inbox: Inbox()[0], r"inbox\[0\] does not exist: no mail arrived; `inbox\.one\(\)` waits"),
        (lambda inbox: inbox[3], r"inbox\[3\] does not exist: 3 mails arrived; `inbox\.one\(\)`"),
        (lambda inbox: inbox[-4], r"inbox\[-4\] does not exist: 3 mails arrived"),
    ],
)
def test_missing_index_raises_index_error_with_advice(inbox, call, message):
    with pytest.raises(IndexError, match=message):
        call(inbox)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("first", r"write inbox\.one\(to=…\)"),
        ("messages", r"write list\(inbox\)"),
        ("last", r"write inbox\[-1\]"),
        ("filter", r"write inbox\.matching"),
        ("delete_all", r"write inbox\.clear\(\)"),
        ("matchng", r"did you mean 'matching'\?"),
        ("async_onee", r"did you mean 'async_one'\?"),
        ("subject", r"write inbox\.one\(\)\.subject: it is an attribute of a mail"),
        ("links", r"write inbox\.one\(\)\.links"),
        ("zzz", r"known: .*matching"),
    ],
)
def test_unknown_attribute_raises_attribute_error_with_advice(name, advice):
    with pytest.raises(AttributeError, match=rf"^'Inbox' object has no attribute '{name}'.*{advice}"):
        getattr(Inbox(), name)
    assert not hasattr(Inbox(), name) and not hasattr(Inbox(), "__array__")


def test_completions_have_no_methods_of_the_server():
    names = {name for name in dir(Inbox()) if not name.startswith("_")}
    assert {"one", "wait", "none", "matching", "arrivals"} <= names
    assert not names & {"append", "notify_waiters", "describe_late_mails"}


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda inbox: inbox.one(timeout="1"),
            TypeError,
            "timeout must be a number of seconds, got '1'; write timeout=1",
        ),
        (lambda inbox: inbox.one(timeout="soon"), TypeError, "got 'soon'; None waits without a deadline"),
        (lambda inbox: inbox.one(timeout=True), TypeError, "timeout must be a number of seconds, got True"),
        (lambda inbox: inbox.one(timeout=-1), ValueError, "timeout must be a number of seconds >= 0, got -1; 0 does"),
        (lambda inbox: inbox.wait(timeout=float("nan")), ValueError, "timeout must be .* got nan"),
        (lambda inbox: inbox.wait(-1), ValueError, "count must be a number of mails >= 0, got -1; `none"),
        (lambda inbox: inbox.wait(True), TypeError, "count must be a number of mails, got True"),
        (lambda inbox: inbox.none(within=-1), ValueError, "within must be a number of seconds >= 0, got -1"),
        (lambda inbox: inbox.none(within=None), TypeError, "within must be a number of seconds, got None"),
        (lambda inbox: inbox.matching(since="1"), TypeError, "since must be a position, got '1'; `inbox.mark"),
        (lambda inbox: inbox.one(since=None), TypeError, "since must be a position, got None"),
        (lambda inbox: inbox.arrivals(timeout="1"), TypeError, "timeout must be a number of seconds, got '1'"),
        (lambda inbox: asyncio.run(inbox.async_one(timeout="1")), TypeError, "timeout must be a number of seconds"),
        (lambda inbox: asyncio.run(inbox.async_wait(timeout=-2)), ValueError, "timeout must be .* got -2"),
        (lambda inbox: asyncio.run(inbox.async_none(within="x")), TypeError, "within must be a number of seconds"),
    ],
)
def test_invalid_arguments_raise_before_the_wait(call, kind, message):
    with pytest.raises(kind, match=message):
        call(Inbox())


def test_arrivals_iterates_without_asyncio(inbox):
    arrivals = inbox.arrivals(to="bob@*", timeout=0.01)
    seen = [next(arrivals).id]
    inbox.append(mail(number="new"))
    inbox.notify_waiters()
    with pytest.raises(WaitTimeout, match=r"^2 mails to bob@\* within 0\.01 s, expected 3"):
        seen.extend(one.id for one in arrivals)
    assert seen == ["1", "new"]
    assert list(arrivals) == []  # it has ended
    inbox.clear()
    for number in "345":
        inbox.append(mail(number=number))
    inbox.notify_waiters()
    third = inbox.arrivals()
    assert next(third).id == "3"
    third.close()
    assert list(third) == []


def test_arrivals_can_be_closed_in_a_coroutine(inbox):
    async def main():
        async with aclosing(inbox.arrivals()) as arrivals:
            async for one in arrivals:
                assert one.id == "0"
                break
        return [one async for one in arrivals]

    assert asyncio.run(main()) == []


def test_coroutine_without_an_event_loop_raises_runtime_error():
    coroutine = Inbox().async_one()
    with pytest.raises(RuntimeError, match="needs asyncio or trio, and neither runs in this thread"):
        coroutine.send(None)


def test_notebook_shows_an_escaped_table():
    inbox = Inbox()
    assert inbox._repr_html_().startswith("<table><caption>0 mails</caption>")
    for number in range(60):
        inbox.append(mail("<b>@example.com", '<script>alert("1")</script>$a$\x1b' + "x" * 5000, str(number)))
    html = inbox._repr_html_()
    assert "<caption>the last 50 of 60 mails</caption>" in html
    assert html.count("<tr>") == 51 and "<td>59</td>" in html and "<td>9</td>" not in html
    assert "<script" not in html and "<b>" not in html and "\x1b" not in html and "$" not in html
    assert "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;" in html and len(html) < 50 * 800


def test_signatures_name_the_criteria():
    for name in ("wait", "one", "none", "matching", "async_wait", "async_one", "async_none", "arrivals"):
        documentation = " ".join(getattr(Inbox, name).__doc__.split())
        for criterion in ("sender, to, bcc, from_, cc, reply_to, subject, text, html", "attachment, header, where"):
            assert criterion in documentation, name


@pytest.mark.parametrize(
    "read",
    [
        lambda inbox: len(inbox) == 1,
        lambda inbox: inbox[0].subject == "Hi",
        lambda inbox: [one.subject for one in inbox] == ["Hi"],
        lambda inbox: next(reversed(inbox)).subject == "Hi",
        lambda inbox: inbox.mark() == 1,
        lambda inbox: inbox.matching(subject="Hi") == list(inbox),
        lambda inbox: inbox != [],
        lambda inbox: inbox.one(timeout=0).subject == "Hi",
        lambda inbox: asyncio.run(inbox.async_one(timeout=0)).subject == "Hi",
        lambda inbox: asyncio.run(inbox.async_wait(1, timeout=0)) == inbox,
        lambda inbox: next(inbox.arrivals(timeout=0)).subject == "Hi",
        lambda inbox: inbox.clear() is None and inbox == [],
    ],
)
def test_refresh_is_called_before_the_inbox_is_read(read):
    waiting = [mail()]

    def refresh():
        while waiting:
            inbox.append(waiting.pop())
            inbox.notify_waiters()

    inbox = Inbox(refresh=refresh)

    assert read(inbox)


def test_error_of_refresh_is_raised_by_a_wait():
    def refresh():
        raise ConnectionError("the server does not answer")

    with pytest.raises(ConnectionError, match="does not answer"):
        Inbox(refresh=refresh).one(timeout=5)

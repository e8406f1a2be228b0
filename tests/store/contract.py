"""What every store does, as tests: `test_contract.py` runs them on each, by its fixture `store`.

The store that a test gets is open and empty.
"""

import contextlib
import functools
import itertools
import queue
import random
import threading
from datetime import UTC, datetime, timedelta

import pytest

from lazr.smtptest import Envelope
from lazr.smtptest.mail.mail import Mail
from lazr.smtptest.protocol.smtp.record import TlsFacts
from lazr.smtptest.protocol.smtp.sasl import Credentials
from lazr.smtptest.store.contract import Arrival, Entry, Page, Retention, Totals
from lazr.smtptest.store.indexed import Indexed, indexed
from lazr.smtptest.store.search import EVERYTHING, Address, Flag, Header, Size, Tag, Text, Time, User, fold
from mail.malformed import messages
from store.library import NOON, Facts, library, terms

__all__ = ["arrival", "heard"]  # and the tests, see the last line

# A change that has not come by then is lost; it comes in milliseconds.
SECONDS = 30.0
SECRET = "not-to-be-kept-17"
_names = itertools.count(1)


def arrival(content=b"Subject: Hi\r\n\r\nHello\r\n", **other):
    """A mail for Ann, if nothing else is said; the content may be in pieces."""
    to = other.get("to", ("ann@example.com",))
    envelope = other.get("envelope") or Envelope(
        other.get("sender", "app@example.com"),
        to,
        mail_parameters={},
        rcpt_parameters=tuple({} for _ in to),
        auth=Credentials("PLAIN", other["user"], password=SECRET) if "user" in other else None,
    )
    at = other.get("at", NOON).timestamp()
    pieces = [content] if isinstance(content, bytes) else list(content)
    return Arrival(other.get("id") or f"m{next(_names):06}", at, envelope, pieces, tuple(other.get("tags", ())))


def add(store, *contents, **other):
    """Mails of these contents, in one go; their names."""
    arrivals = [arrival(content, **other) for content in contents]
    store.add(arrivals)
    return [one.id for one in arrivals]


def ids_of(store, search=EVERYTHING, **page):
    return [entry.id for entry in store.page(search, **{"limit": None, **page}).entries]


def is_read(store, one):
    return store.entry(one).read


TO_ANN = (Address("recipient", "ann@example.com"),)
TO_BOB = (Address("recipient", "bob@example.com"),)

# Names that no mail has, and that some database chokes on.
STRANGE = [
    *("", "no", "é", "%", "_", "*", "m%", "m______", "'", "' OR '1'='1", "'; DROP TABLE mails; --", "\\"),
    *("a\x00b", "\x00", "\ud800", "x" * 10_000),
]


# -- what comes back -------------------------------------------------------------------------------

EVERY_OCTET = bytes(range(256))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b".\r\n",
        b"Subject: Hi\r\n\r\nHello\r\n",
        b"Subject: Hi\n\nHello",
        b"Subject: Hi\r\rHello\r",
        b"a\r\n.\r\nb\r\n..\r\n",
        b"From: caf\xe9\r\n\r\n\xff\xfe\x00\xed\xa0\x80",
        EVERY_OCTET * 40,
        b"\xef\xbb\xbf" + EVERY_OCTET[::-1],
    ],
)
def test_the_content_comes_back_to_the_octet_however_it_came_in_pieces(store, content):
    whole, split, bytewise = (
        arrival(content),
        arrival([content[:3], b"", content[3:]]),
        arrival([content[i : i + 1] for i in range(len(content))]),
    )
    store.add([whole, split, bytewise])

    for one in (whole, split, bytewise):
        mail = store.mail(one.id)
        assert (mail.content, mail.size, mail.id, mail.session) == (content, len(content), one.id, None)
        assert store.entry(one.id).size == len(content)


ENVELOPES = {
    "the least": Envelope("a@example.com", ("b@example.com",), mail_parameters={}, rcpt_parameters=({},)),
    "the null reverse-path": Envelope("", ("b@example.com",), mail_parameters={}, rcpt_parameters=({},)),
    "notifications": Envelope(
        "a@example.com",
        ("b@example.com", "c@example.com", "b@example.com"),
        mail_parameters={"RET": "HDRS", "ENVID": "QQ+314159", "SIZE": "100", "BODY": "8BITMIME", "SMTPUTF8": ""},
        rcpt_parameters=({"NOTIFY": "SUCCESS,DELAY", "ORCPT": "rfc822;B@example.com"}, {}, {"NOTIFY": "NEVER"}),
        helo="client.example.com",
        peer="127.0.0.1:50000",
    ),
    "other scripts": Envelope(
        "jürgen@bücher.example",
        ("用户@例子.广告", '"a b\\""@example.com'),
        mail_parameters={"ENVID": 'a\x00b\x1b"\\\u2028'},
        rcpt_parameters=({"ORCPT": "utf-8;用户"}, {"X": "\udc80"}),
        helo="[IPv6:::1]",
        peer="[::1]:50000",
    ),
    "TLS": Envelope(
        "a@example.com",
        ("b@example.com",),
        mail_parameters={},
        rcpt_parameters=({},),
        tls=TlsFacts(
            "TLSv1.3",
            "TLS_AES_256_GCM_SHA384",
            server_name="mail.example.com",
            alpn="smtp",
            implicit=True,
            client_certificate=EVERY_OCTET,
            identities=("ann@example.com", "jürgen"),
        ),
    ),
    "TLS, the least": Envelope(
        "", ("b@example.com",), mail_parameters={}, rcpt_parameters=({},), tls=TlsFacts("TLSv1.2", "x")
    ),
    "a user": Envelope(
        "a@example.com",
        ("b@example.com",),
        mail_parameters={"AUTH": "<>"},
        rcpt_parameters=({},),
        auth=Credentials("SCRAM-SHA-256", "jürgen", authzid="admin", proved=True),
    ),
    "many recipients": Envelope(
        "a@example.com",
        tuple(f"user{n}@example.com" for n in range(1000)),
        mail_parameters={},
        rcpt_parameters=tuple({"NOTIFY": "NEVER"} if n % 2 else {} for n in range(1000)),
    ),
}


def shown(entry):
    """The entry as something that equals another one, which an envelope does not."""
    return {**{name: getattr(entry, name) for name in Entry.__slots__}, "envelope": facts_of(entry.envelope)}


def shown_by(page):
    return [*map(shown, page.entries)], page.matched, page.unread


def facts_of(envelope):
    tls = envelope.tls
    return {
        **{name: getattr(envelope, name) for name in ("mail_from", "rcpt_tos", "helo", "peer", "auth", "ret", "envid")},
        "mail_parameters": dict(envelope.mail_parameters),
        "rcpt_parameters": tuple(map(dict, envelope.rcpt_parameters)),
        "dsn": envelope.dsn,
        "tls": tls and {name: getattr(tls, name) for name in TlsFacts.__slots__ if name != "bindings"},
    }


@pytest.mark.parametrize("name", ENVELOPES)
def test_the_envelope_comes_back_as_it_was(store, name):
    envelope = ENVELOPES[name]
    [one] = add(store, b"Subject: Hi\r\n\r\nHello\r\n", envelope=envelope)

    for kept in (store.mail(one).envelope, store.entry(one).envelope, store.page().entries[0].envelope):
        assert facts_of(kept) == facts_of(envelope)
        assert isinstance(kept.rcpt_tos, tuple)
    assert store.entry(one).username == ("jürgen" if name == "a user" else "")


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials("PLAIN", "ann", password=SECRET, authzid="x"),
        Credentials("XOAUTH2", "ann", token=SECRET),
        Credentials("CRAM-MD5", "ann", check=lambda secret: secret == SECRET),
    ],
    ids=lambda credentials: credentials.mechanism,
)
def test_a_password_is_not_kept_nor_can_one_be_tried(store, credentials):
    envelope = Envelope("", ("b@example.com",), mail_parameters={}, rcpt_parameters=({},), auth=credentials)
    [one] = add(store, b"\r\nHello", envelope=envelope)

    for kept in (store.mail(one).envelope.auth, store.entry(one).envelope.auth, store.latest().envelope.auth):
        assert (kept.mechanism, kept.username) == (credentials.mechanism, "ann")
        assert (kept.authzid, kept.proved) == (credentials.authzid, credentials.proved)
        assert kept.password is None and kept.token is None and not kept.matches(SECRET)


@pytest.mark.parametrize(
    "at",
    [NOON, NOON + timedelta(microseconds=123_457), datetime(1970, 1, 2, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)],
)
def test_the_time_of_arrival_comes_back_to_the_microsecond(store, at):
    [one] = add(store, b"\r\nHello", at=at)

    assert store.entry(one).received_at == store.mail(one).received_at == at
    assert store.entry(one).received_at.utcoffset() == timedelta(0)


def test_an_entry_says_what_the_mail_says(store):
    content = (
        b"From: Ann <ann@example.com>, x@example.com\r\nTo: Bob <bob@example.com>\r\nCc: carol@example.com\r\n"
        b"Reply-To: no-reply@example.com\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@example.com>\r\n"
        b"X-Tags: two, one\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello \r\n Bob\r\n"
        b"--b\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\na\r\n--b\r\n"
        b"Content-Type: image/png\r\nContent-Disposition: inline; filename=b.png\r\n\r\nb\r\n--b--\r\n"
    )
    one = arrival(content, to=("bob@example.com", "dan@example.com"), user="ann", tags=["Three"])
    store.add([one])
    mail = store.mail(one.id)
    entry = store.entry(one.id)

    assert entry == Entry(
        number=entry.number,
        id=one.id,
        received_at=NOON,
        size=len(content),
        envelope=entry.envelope,
        read=False,
        tags=("one", "Three", "two"),
        message_id="1@example.com",
        from_=mail.from_[0],
        to=mail.to,
        cc=mail.cc,
        bcc=entry.bcc,
        reply_to=mail.reply_to,
        subject="Grüße",
        username="ann",
        attachments=1,
        inlines=1,
        snippet="Hello Bob",
    )
    assert [str(address) for address in entry.bcc] == ["dan@example.com"]
    assert facts_of(entry.envelope) == facts_of(one.envelope) | {"auth": Credentials("PLAIN", "ann")}
    assert shown_by(store.page()) == ([shown(entry)], 1, 1)
    assert shown(store.latest()) == shown(entry)


def test_a_big_mail_comes_back_whole_and_is_found_by_its_start(store):
    size = 9 * 1024 * 1024
    pieces = [b"Subject: big\r\n\r\nfirst words\r\n", *[random.Random(1).randbytes(1024 * 1024)] * 9]
    [one] = add(store, pieces)

    assert store.mail(one).content == b"".join(pieces)
    assert store.totals().size == store.entry(one).size == size + len(pieces[0])
    assert ids_of(store, (Text("anywhere", "first words"),)) == [one]
    assert ids_of(store, (Size("larger", size),)) == [one]
    assert store.size_on_disk() > 0


def test_entries_are_read_later_and_nobody_sees_the_difference(store):
    ids = add(store, *[b"Subject: %d\r\n\r\nHello\r\n" % n for n in range(5)])
    assert store.totals() == Totals(5, 5, 5 * 21)

    before = [shown(store.entry(one)) for one in ids[:2]]
    left = [store.catch_up(2) for _ in range(3)]
    assert left == sorted(left, reverse=True) and left[0] <= 3 and left[-1] == 0

    assert [shown(store.entry(one)) for one in ids[:2]] == before
    assert [entry.subject for entry in store.page().entries] == ["4", "3", "2", "1", "0"]
    assert store.catch_up() == 0


def test_nothing_can_be_added(store):
    store.add([])

    assert (store.totals(), store.page(), store.latest()) == (Totals(0, 0, 0), Page([], 0, 0), None)
    assert (store.tags(), store.catch_up(), store.delete(), store.mark(read=True)) == ({}, 0, 0, [])


def test_there_is_room_for_a_mail(store):
    assert store.has_room(100_000)


def test_closing_twice_does_no_harm(store):
    add(store, b"\r\nHello")

    store.close()
    store.close()


def test_a_store_says_where_it_is_and_keeps_its_passwords_to_itself(store):
    assert store.url
    assert SECRET not in store.url
    assert isinstance(store.durable, bool)


# -- broken mail -----------------------------------------------------------------------------------

LARGEST = 50_000


def test_broken_mail_is_kept_listed_and_found(store):
    contents = {name: content for name, make in messages() if len(content := make()) <= LARGEST}
    assert len(contents) > 3000
    arrivals = {name: arrival(content) for name, content in contents.items()}
    for start in range(0, len(arrivals), 200):
        store.add(list(arrivals.values())[start : start + 200])
    left = store.catch_up(len(arrivals))
    assert left == 0

    entries = {entry.id: entry for entry in store.page(limit=None).entries}
    assert len(entries) == len(arrivals) == store.totals(TO_ANN).mails
    for name, one in arrivals.items():
        entry, read_out = entries[one.id], indexed(Mail(one.id, one.envelope, list(one.parts)))
        for field in set(Indexed.__slots__) & set(Entry.__slots__) - {"tags"}:
            assert getattr(entry, field) == getattr(read_out, field), (name, field)
        assert set(map(fold, entry.tags)) == set(map(fold, read_out.tags)), name
    for name in random.Random(1).sample(sorted(arrivals), 100):
        one = arrivals[name]
        assert store.mail(one.id).content == contents[name], name
    with_subject, without = (Header("subject", ""),), (Header("subject", "", negated=True),)
    assert 100 < store.totals(with_subject).mails < len(entries)
    assert sorted(ids_of(store, with_subject) + ids_of(store, without)) == sorted(entries)


# -- lists -----------------------------------------------------------------------------------------


def test_the_newest_is_first_by_the_order_of_arrival_whatever_the_clock_said(store):
    clock = [NOON, NOON - timedelta(days=400), NOON + timedelta(days=400), NOON]
    ids = [add(store, b"\r\nHello", at=at)[0] for at in clock]

    entries = store.page().entries
    assert [entry.id for entry in entries] == ids[::-1]
    numbers = [entry.number for entry in entries]
    assert numbers == sorted(set(numbers), reverse=True)
    assert store.latest().id == ids[-1]


@pytest.mark.parametrize("limit", [0, 1, 3, 6, 7, 8, 50, 10**9, None])
@pytest.mark.parametrize("start", [0, 1, 3, 6, 7, 8, 10**9])
def test_a_page_is_a_slice_of_what_was_found(store, start, limit):
    odd = (Header("x-number", "odd"),)
    ids = add(store, *[b"X-Number: %s\r\n\r\n" % (b"odd" if n % 2 else b"even") for n in range(14)])
    store.mark(read=True, ids=ids[:4])

    everything = store.page(start=start, limit=limit)
    assert [entry.id for entry in everything.entries] == ids[::-1][start:][:limit]
    assert (everything.matched, everything.unread) == (14, 10)
    found = store.page(odd, start=start, limit=limit)
    assert [entry.id for entry in found.entries] == ids[1::2][::-1][start:][:limit]
    assert (found.matched, found.unread) == (7, 5)


def test_a_page_has_fifty_mails_if_nobody_says_how_many(store):
    ids = add(store, *[b"\r\n"] * 60)

    assert [entry.id for entry in store.page().entries] == ids[:9:-1]
    assert len(store.page(limit=None).entries) == 60


def test_totals_and_the_latest_are_of_what_is_looked_for(store):
    [ann] = add(store, b"\r\n1234")
    [bob] = add(store, b"\r\n12345678", to=["bob@example.com"])
    store.mark(read=True, ids=[bob])

    assert store.totals() == Totals(2, 1, 16)
    assert (store.totals(TO_ANN), store.totals(TO_BOB)) == (Totals(1, 1, 6), Totals(1, 0, 10))
    assert (store.latest().id, store.latest(TO_ANN).id, store.latest(TO_ANN + TO_BOB)) == (bob, ann, None)
    assert store.totals(TO_ANN + TO_BOB) == Totals(0, 0, 0)


@pytest.mark.parametrize("strange", STRANGE, ids=lambda name: ascii(name[:30]))
def test_a_name_that_no_mail_has_is_passed_over(store, strange):
    [one] = add(store, b"X-Tags: a\r\n\r\nHello")

    assert (store.entry(strange), store.mail(strange)) == (None, None)
    assert store.mark(read=True, ids=[strange, one]) == [one]
    assert store.mark(read=False, ids=[strange]) == []
    store.set_tags([strange], ["b"])
    assert store.entry(one).tags == ("a",)
    assert store.delete(ids=[strange]) == 0
    assert ids_of(store) == [one]


def test_many_names_at_once_are_no_more_than_one(store):
    ids = add(store, *[b"\r\n"] * 1500)
    names = [f"no{number}" for number in range(40_000)] + ids[:1200] + ids[:10]

    assert sorted(store.mark(read=True, ids=names)) == sorted(ids[:1200])
    store.set_tags(names, ["x"])
    assert store.tags() == {"x": 1200}
    assert store.delete(TO_BOB, ids=names) == 0
    assert store.delete(ids=names) == 1200
    assert ids_of(store) == ids[:1199:-1]


def test_what_came_after_a_number_comes_oldest_first(store):
    ids = add(store, *[b"Subject: %d\r\n\r\n" % n for n in range(7)])
    numbers = [entry.number for entry in store.after(0)]

    assert [entry.id for entry in store.after(0)] == ids
    assert [entry.id for entry in store.after(0, limit=3)] == ids[:3]
    assert [entry.id for entry in store.after(numbers[2], limit=3)] == ids[3:6]
    assert store.after(numbers[-1]) == []
    store.delete(ids=ids[5:])
    assert [entry.id for entry in store.after(numbers[3])] == ids[4:5]
    later = add(store, b"\r\n")
    assert [entry.id for entry in store.after(numbers[-1])] == later, "a number is not given twice"


# -- marks -----------------------------------------------------------------------------------------


def test_marking_tells_which_were_not_so_before(store):
    ids = add(store, *[b"\r\n"] * 4)

    assert sorted(store.mark(read=True, ids=ids[1:3])) == ids[1:3]
    assert store.totals().unread == 2
    assert sorted(store.mark(read=True)) == sorted([ids[0], ids[3]])
    assert store.mark(read=True) == []
    assert sorted(store.mark((Flag("read"),), read=False, ids=[ids[0], ids[0]])) == [ids[0]]
    assert [is_read(store, one) for one in ids] == [False, True, True, True]


def test_no_names_are_not_all_names(store):
    ids = add(store, b"X-Tags: a\r\n\r\n", b"\r\n")

    assert store.mark(read=True, ids=[]) == []
    assert store.delete(ids=[]) == 0
    store.set_tags([], ["b"])
    assert (ids_of(store), store.totals().unread, store.tags()) == (ids[::-1], 2, {"a": 1})


def test_a_mark_stays_when_the_mail_is_read_into_an_entry_later(store):
    ids = add(store, b"X-Tags: a, b\r\n\r\n", b"X-Tags: a, b\r\n\r\n", b"X-Tags: a, b\r\n\r\n")
    store.mark(read=True, ids=ids[:1])
    store.set_tags(ids[:1], ["c"])
    assert store.delete_tag("A") == 2
    store.delete(ids=ids[2:])
    while store.catch_up():
        pass

    assert [(entry.read, entry.tags) for entry in store.page().entries] == [(False, ("b",)), (True, ("c",))]
    assert store.tags() == {"b": 1, "c": 1}


# -- deleting --------------------------------------------------------------------------------------


def test_deleting_tells_how_many_were_there(store):
    ids = add(store, *[b"Subject: %d\r\nX-Tags: t%d\r\n\r\n" % (n, n) for n in range(6)])

    assert store.delete(ids=[ids[0], ids[0], "no"]) == 1
    assert store.delete((Header("subject", "1"),)) == 1
    assert store.delete((Header("subject", "1"),)) == 0
    assert store.delete((Header("subject", "3"),), ids=ids[3:]) == 1
    assert store.delete((Header("subject", "3"),), ids=ids[4:]) == 0
    assert ids_of(store) == [ids[5], ids[4], ids[2]]
    assert store.tags() == {"t2": 1, "t4": 1, "t5": 1}
    assert (store.mail(ids[0]), store.entry(ids[0])) == (None, None)
    assert store.delete() == 3
    assert (store.totals(), store.tags(), ids_of(store)) == (Totals(0, 0, 0), {}, [])
    assert ids_of(store, (Header("subject", ""),)) == []
    assert len(add(store, b"\r\n")) == store.totals().mails


# -- whoever may only see some mails may only touch those ------------------------------------------


@pytest.fixture
def two(store):
    """A mail for Ann and one for Bob, with a tag in common."""
    [ann] = add(store, b"X-Tags: shared, ann\r\n\r\nfor Ann")
    [bob] = add(store, b"X-Tags: shared, bob\r\n\r\nfor Bob", to=["bob@example.com"])
    return ann, bob


@pytest.mark.parametrize(
    "change",
    [
        lambda store, ann, bob: store.mark(TO_ANN, read=True),
        lambda store, ann, bob: store.mark(TO_ANN, read=True, ids=[ann, bob]),
        lambda store, ann, bob: store.delete(TO_ANN),
        lambda store, ann, bob: store.delete(TO_ANN, ids=[bob, ann]),
        lambda store, ann, bob: store.set_tags([ann, bob], ["new"], TO_ANN),
        lambda store, ann, bob: store.set_tags([ann, bob], [], TO_ANN),
        lambda store, ann, bob: store.rename_tag("shared", "new", TO_ANN),
        lambda store, ann, bob: store.rename_tag("shared", "bob", TO_ANN),
        lambda store, ann, bob: store.delete_tag("shared", TO_ANN),
    ],
)
def test_a_change_is_made_to_what_is_looked_for_and_to_nothing_else(store, two, change):
    ann, bob = two
    [before, other] = [shown(store.entry(one)) for one in two]

    change(store, ann, bob)

    assert shown(store.entry(bob)) == other
    assert store.mail(bob).content.endswith(b"for Bob")
    assert store.entry(ann) is None or shown(store.entry(ann)) != before


@pytest.mark.parametrize(
    "change",
    [
        lambda store, ann, bob: store.mark(TO_ANN, read=True, ids=[bob]) == [],
        lambda store, ann, bob: store.delete(TO_ANN, ids=[bob]) == 0,
        lambda store, ann, bob: store.set_tags([bob], ["new"], TO_ANN) is None,
        lambda store, ann, bob: store.rename_tag("bob", "new", TO_ANN) == 0,
        lambda store, ann, bob: store.delete_tag("bob", TO_ANN) == 0,
        lambda store, ann, bob: store.delete(TO_ANN + TO_BOB) == 0,
        lambda store, ann, bob: store.entry(bob, TO_ANN) is None,
        lambda store, ann, bob: store.mail(bob, TO_ANN) is None,
        lambda store, ann, bob: store.tags(TO_ANN) == {"ann": 1, "shared": 1},
        lambda store, ann, bob: ids_of(store, TO_ANN) == [ann],
        lambda store, ann, bob: store.latest(TO_ANN).id == ann,
    ],
)
def test_what_is_not_looked_for_is_not_there(store, two, change):
    before = shown_by(store.page())

    assert change(store, *two)

    assert shown_by(store.page()) == before


# -- tags ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([], ()),
        (["b", "A", "c"], ("A", "b", "c")),
        (["one", "ONE", "One"], ("one",)),
        (["  two   words ", "two words"], ("two words",)),
        (["a,b", "", " ", ","], ("a", "b")),
        (["Straße", "STRASSE"], ("Straße",)),
        (["é", "É", "z"], ("z", "é")),
        (["'", '"', "%", "_", "\\", "*", "'; DROP TABLE mails; --"], None),
        (["a\x00b"], ("a\ufffdb",)),
        (["\ud800"], ("\ufffd",)),
        (["🎉"], ("🎉",)),
        (["x" * 200], ("x" * 100,)),
        ([f"t{n:02}" for n in range(30)], tuple(f"t{n:02}" for n in range(20))),
    ],
)
def test_a_mail_has_the_tags_that_it_was_given_each_once(store, given, kept):
    kept = tuple(sorted(given, key=fold)) if kept is None else kept
    [by_set, by_arrival] = [*add(store, b"X-Tags: old\r\n\r\n"), *add(store, b"\r\n", tags=given)]
    store.set_tags([by_set], given)

    assert store.entry(by_set).tags == store.entry(by_arrival).tags == kept
    assert store.tags() == dict.fromkeys(kept, 2)
    assert list(store.tags()) == sorted(kept, key=fold)
    for tag in kept:
        assert ids_of(store, (Tag(fold(tag)),)) == [by_arrival, by_set]


def test_a_tag_is_the_same_in_capitals(store):
    add(store, b"X-Tags: Invoice, a\r\n\r\n", b"X-Tags: INVOICE\r\n\r\n", b"X-Tags: b\r\n\r\n")

    assert {fold(tag): count for tag, count in store.tags().items()} == {"a": 1, "b": 1, "invoice": 2}
    assert len(store.tags()) == 3
    assert store.tags((Tag("b"),)) == {"b": 1}


@pytest.mark.parametrize(
    ("tag", "new", "count", "tags"),
    [
        ("one", "three", 2, [("three", "two"), ("three",), ()]),
        ("ONE", "One", 2, [("One", "two"), ("One",), ()]),
        ("one", "TWO", 2, [("two",), ("TWO",), ()]),
        ("two", " one ", 1, [("one",), ("one",), ()]),
        ("none", "three", 0, [("one", "two"), ("one",), ()]),
        ("%", "three", 0, [("one", "two"), ("one",), ()]),
        ("on_", "three", 0, [("one", "two"), ("one",), ()]),
        ("", "three", 0, [("one", "two"), ("one",), ()]),
        ("\x00", "three", 0, [("one", "two"), ("one",), ()]),
        ("one", "\ud800'", 2, [("two", "\ufffd'"), ("\ufffd'",), ()]),
    ],
)
def test_a_tag_can_be_called_something_else(store, tag, new, count, tags):
    ids = add(store, b"X-Tags: one, two\r\n\r\n", b"X-Tags: one\r\n\r\n", b"\r\n")

    assert store.rename_tag(tag, new) == count

    renamed = [store.entry(name).tags for name in ids]
    # Of two that became one, either way of writing it may stay.
    assert [tuple(map(fold, one)) for one in renamed] == [tuple(map(fold, one)) for one in tags]
    if not {"two"} & {fold(new), fold(tag)}:
        assert renamed == tags


@pytest.mark.parametrize("new", ["", "  ", ",", "a,b"])
def test_a_tag_cannot_be_called_what_is_no_tag(store, new):
    [one] = add(store, b"X-Tags: one\r\n\r\n")

    with pytest.raises(ValueError, match="not a tag"):
        store.rename_tag("one", new)
    assert store.entry(one).tags == ("one",)


def test_a_tag_can_be_taken_off_all_mails(store):
    add(store, b"X-Tags: one, two\r\n\r\n", b"X-Tags: ONE\r\n\r\n", b"\r\n")

    assert [store.delete_tag(tag) for tag in ("One", "one", "on%", "", "'", "\x00", "\ud800")] == [2, 0, 0, 0, 0, 0, 0]
    assert store.tags() == {"two": 1}
    assert ids_of(store, (Flag("tagged"),)) == ids_of(store, (Tag("two"),)) != []


# -- changes ---------------------------------------------------------------------------------------


def heard(store, act):
    """The changes that a listener hears of while `act()` is under way, as kind and names; its result is left."""
    changes = queue.SimpleQueue()
    leave = store.subscribe(changes.put)
    with contextlib.ExitStack() as stack:
        stack.callback(leave)
        _until_new(store, changes)  # what happened before may be told late
        act()
        return [(change.kind, change.ids) for change in _until_new(store, changes)]


def _until_new(store, changes):
    """The changes until one that comes behind them."""
    [last] = add(store, b"\r\nthe last")
    found = []
    while True:
        change = changes.get(timeout=SECONDS)
        if change.kind == "new" and last in change.ids:
            return found
        found.append(change)


def names(changes, kind):
    assert {one for one, _ in changes} == {kind}
    return [one for _, ids in changes for one in ids]


def test_new_mails_are_told_in_order(store):
    ids = []
    changes = heard(store, lambda: ids.extend([*add(store, *[b"\r\n"] * 250), *add(store, b"\r\n")]))

    assert names(changes, "new") == ids


def test_a_change_is_told_with_the_mails_that_it_was_made_to(store):
    ids = add(store, b"\r\n", b"\r\n", b"\r\n")
    store.mark(read=True, ids=ids[:1])

    def read():
        store.mark(read=True, ids=ids)
        store.mark(read=True, ids=ids)

    assert sorted(names(heard(store, read), "read")) == ids[1:]
    assert names(heard(store, lambda: store.mark(read=False, ids=ids[:1])), "unread") == ids[:1]
    assert sorted(names(heard(store, lambda: store.set_tags([*ids[1:], "no"], ["a"])), "tags")) == ids[1:]
    assert sorted(names(heard(store, lambda: store.delete(ids=[*ids[:2], "no"])), "delete")) == ids[:2]
    assert names(heard(store, lambda: store.delete((Tag("a"),))), "delete") == ids[2:]


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (lambda store: store.delete(), "truncate"),
        (lambda store: store.rename_tag("a", "b"), "prune"),
        (lambda store: store.delete_tag("a"), "prune"),
        (lambda store: store.prune(Retention(mails=1), NOON.timestamp()), "prune"),
    ],
)
def test_a_change_to_many_mails_is_told_without_their_names(store, act, kind):
    add(store, b"X-Tags: a\r\n\r\n", b"X-Tags: a\r\n\r\n")

    changes = heard(store, lambda: act(store))

    assert changes and set(changes) == {(kind, ())}


def test_many_mails_that_are_marked_or_deleted_are_all_told_of(store):
    ids = add(store, *[b"\r\n"] * 350)

    assert sorted(names(heard(store, lambda: store.mark(read=True, ids=ids)), "read")) == sorted(ids)
    changes = heard(store, lambda: store.delete(ids=ids))
    assert {kind for kind, _ in changes} == {"prune"} or sorted(names(changes, "delete")) == sorted(ids)


@pytest.mark.parametrize(
    "act",
    [
        lambda store: store.add([]),
        lambda store: store.mark(read=True, ids=["no"]),
        lambda store: store.mark(read=False),
        lambda store: store.delete(TO_BOB),
        lambda store: store.delete(ids=[]),
        lambda store: store.set_tags(["no"], ["a"]),
        lambda store: store.rename_tag("no", "a"),
        lambda store: store.delete_tag("no"),
        lambda store: store.prune(Retention(mails=1000), NOON.timestamp()),
        lambda store: store.catch_up(),
        lambda store: store.page(),
    ],
)
def test_what_changes_nothing_is_told_to_nobody(store, act):
    add(store, b"\r\n")

    assert heard(store, lambda: act(store)) == []


def test_a_change_is_told_when_it_is_in_the_store(store):
    """By another thread, which looks as soon as it hears."""
    changes = queue.SimpleQueue()
    leave = store.subscribe(changes.put)
    thread = threading.Thread(target=lambda: [add(store, b"\r\n") for _ in range(30)])
    thread.start()
    seen = 0
    while seen < 30:
        for one in changes.get(timeout=SECONDS).ids:
            assert store.entry(one) is not None
            seen += 1
    thread.join()
    leave()


def test_who_left_hears_no_more_and_the_others_do(store):
    left, stays, raises = queue.SimpleQueue(), queue.SimpleQueue(), []

    def broken(change):
        raises.append(change)
        raise RuntimeError("a listener's own mistake")

    leave = store.subscribe(left.put)
    leaves = [store.subscribe(broken), store.subscribe(stays.put)]
    leave()
    leave()

    _until_new(store, stays)
    _until_new(store, stays)

    assert left.empty()
    assert len(raises) >= 2
    for leave in leaves:
        leave()


# -- keeping only so much --------------------------------------------------------------------------

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("retention", "left"),
    [
        (Retention(), "abcdef"),
        (Retention(mails=6, size=600, age=7 * DAY), "abcdef"),
        (Retention(mails=4), "cdef"),
        (Retention(mails=1), "f"),
        (Retention(mails=0), ""),
        (Retention(size=599), "bcdef"),
        (Retention(size=300), "def"),
        (Retention(size=100), "f"),
        (Retention(size=99), ""),
        (Retention(age=5 * DAY), "abcdef"),
        (Retention(age=4 * DAY), "bcdef"),
        (Retention(age=3 * DAY - timedelta(microseconds=1)), "def"),
        (Retention(mails=5, size=450, age=2 * DAY), "def"),
        (Retention(mails=2, size=450, age=4 * DAY), "ef"),
        (Retention(age=timedelta(0), most_at_once=1.0), "f"),
        (Retention(age=timedelta(0)), "def"),
        (Retention(age=timedelta(0), most_at_once=0.2), "bcdef"),
        (Retention(age=timedelta(0), most_at_once=0.0), "bcdef"),
        (Retention(mails=10**12, size=10**18, age=timedelta(days=36_500)), "abcdef"),
    ],
)
def test_what_is_more_than_is_to_be_kept_goes_the_oldest_first(store, retention, left):
    ids = [add(store, b"\r\n".ljust(100, b"x"), at=NOON - n * DAY, id=f"id{'fedcba'[n]}")[0] for n in range(5, -1, -1)]

    assert store.prune(retention, NOON.timestamp()) == 6 - len(left)
    assert ids_of(store) == [f"id{letter}" for letter in reversed(left)]
    assert store.totals() == Totals(len(left), len(left), 100 * len(left))
    assert all((store.mail(one) is not None) is (one[-1] in left) for one in ids)


def test_a_clock_that_jumps_ahead_does_not_empty_the_store_and_the_log_says_so(store, caplog):
    add(store, *[b"\r\n"] * 5)
    retention, in_ten_years = Retention(age=DAY), (NOON + 3650 * DAY).timestamp()

    assert store.prune(retention, in_ten_years) == 2
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert [store.prune(retention, in_ten_years) for _ in range(4)] == [1, 1, 1, 0]


def test_of_a_clock_that_jumped_back_the_old_ones_go_wherever_they_are(store):
    [first] = add(store, b"\r\n", at=NOON)
    [second] = add(store, b"\r\n", at=NOON - 10 * DAY)
    [third] = add(store, b"\r\n", at=NOON)

    assert store.prune(Retention(age=DAY), NOON.timestamp()) == 1
    assert ids_of(store) == [third, first]
    assert store.mail(second) is None


def test_many_go_at_once_and_what_is_left_is_found(store):
    ids = add(store, *[b"X-Tags: t%d\r\n\r\nword%d" % (n % 3, n) for n in range(3000)])
    while store.catch_up(1000):
        pass

    assert store.prune(Retention(mails=10), NOON.timestamp()) == 2990
    assert ids_of(store) == ids[:-11:-1]
    assert ids_of(store, (Text("anywhere", "word2999"),)) == ids[-1:]
    assert ids_of(store, (Text("anywhere", "word1000"),)) == []
    assert sum(store.tags().values()) == 10


# -- notes -----------------------------------------------------------------------------------------


def test_a_note_is_kept_until_another_takes_its_place(store):
    assert store.recall("key") is None
    assert not store.remember("key", "a", instead_of="b")
    assert store.remember("key", "a", instead_of=None)
    assert not store.remember("key", "b", instead_of=None)
    assert not store.remember("key", "b", instead_of="A")
    assert store.remember("key", "ü'%\n🎉", instead_of="a")
    assert store.remember("other", "", instead_of=None)
    store.delete()
    assert (store.recall("key"), store.recall("other"), store.recall("KEY")) == ("ü'%\n🎉", "", None)


# -- at the same time ------------------------------------------------------------------------------


def at_once(*functions):
    """Run these in threads, all from the same moment; what one raises is raised."""
    errors, start = [], threading.Barrier(len(functions))

    def run(function):
        start.wait()
        try:
            function()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in errors:
        raise error


def test_of_many_who_remember_at_once_one_succeeds(store):
    def take_turns(number):
        for before, value in itertools.pairwise([None, *map(str, range(10))]):
            start.wait()
            answers[number].append(store.remember("turn", value, instead_of=before))

    answers, start = [[] for _ in range(6)], threading.Barrier(6)
    at_once(*[functools.partial(take_turns, number) for number in range(6)])

    assert [sum(turn) for turn in zip(*answers, strict=True)] == [1] * 10


def test_threads_add_read_change_and_delete_at_once(store):
    """Each looks after its own mails, and at everybody's."""
    workers, each = 6, 15
    kept, done = [], threading.Event()

    def work(number):
        mine = (Header("x-worker", str(number)),)
        for n in range(each):
            ids = add(store, *[b"X-Worker: %d\r\nX-Tags: t%d\r\n\r\nHello\r\n" % (number, n)] * 3)
            assert store.mail(ids[0]).content.endswith(b"Hello\r\n")
            assert store.entry(ids[2], mine).id == ids[2]
            assert store.mark(mine, read=True, ids=ids[:2]) in (ids[:2], ids[1::-1])
            store.set_tags(ids[1:], [f"worker{number}"], mine)
            assert store.delete(mine, ids=ids[:1]) == 1
            assert store.mail(ids[0]) is None
            kept.extend(ids[1:])

    def look():
        while not done.is_set():
            page = store.page(limit=None)
            assert len(page.entries) == page.matched
            assert [entry.number for entry in page.entries] == sorted(
                {entry.number for entry in page.entries}, reverse=True
            )
            store.catch_up(5)
            store.tags()
            store.totals((Flag("read"),))

    def all_of_it():
        try:
            at_once(*[functools.partial(work, number) for number in range(workers)])
        finally:
            done.set()

    at_once(all_of_it, look, look)

    assert sorted(ids_of(store)) == sorted(kept)
    assert store.totals().mails == 2 * workers * each
    assert store.totals().unread == workers * each
    assert store.tags() == {f"worker{number}": 2 * each for number in range(workers)}


def test_one_of_many_deletes_a_mail_and_one_of_many_marks_it(store):
    ids = add(store, *[b"\r\n"] * 40)
    marked, gone = [], []

    at_once(*[lambda: marked.extend(store.mark(read=True, ids=ids))] * 5)
    at_once(*[lambda: [gone.append(store.delete(ids=[one])) for one in ids]] * 5)

    assert sorted(marked) == sorted(ids)
    assert sum(gone) == len(ids)


def test_one_mail_is_read_by_many_at_once(store):
    content = b"Subject: Hi\r\n\r\n" + b"x" * 100_000
    [one] = add(store, [content[n : n + 1000] for n in range(0, len(content), 1000)])

    at_once(
        *[lambda: (store.mail(one).content == content and store.entry(one).subject == "Hi") or pytest.fail("no")] * 8
    )


# -- searches --------------------------------------------------------------------------------------


@pytest.fixture
def searchable(store):
    """What is in the library is in the store; the same as facts, newest first."""
    arrivals = list(library())
    store.add(arrivals)
    facts = [Facts(one) for one in arrivals]
    for one in facts[::7]:
        one.read = True
    store.mark(read=True, ids=[one.id for one in facts[::7]])
    for one in facts[3::10]:
        one.tags = ["late", "Two Words"]
    store.set_tags([one.id for one in facts[3::10]], ["late", "Two Words"])
    return facts[::-1]


def differing(store, facts, searches):
    """The searches that find something else in the store, with what they find there and what they should."""
    for search in searches:
        wanted = [one for one in facts if one.found_by(search)]
        page = store.page(search, limit=None)
        found = [entry.id for entry in page.entries], page.matched, page.unread
        expected = [one.id for one in wanted], len(wanted), sum(not one.read for one in wanted)
        if found != expected:
            yield search, found, expected


def miscounted(store, facts, searches):
    """The same by counting, which is quicker; as hardly two mails have one size, the sum tells which they are."""
    for search in searches:
        wanted = [one for one in facts if one.found_by(search)]
        found = store.totals(search)
        expected = Totals(len(wanted), sum(not one.read for one in wanted), sum(one.size for one in wanted))
        if found != expected:
            yield search, found, expected


def negated(term):
    return type(term)(**{**{name: getattr(term, name) for name in term.__match_args__}, "negated": True})


def test_a_term_finds_what_it_says_and_its_negation_the_others(store, searchable):
    found = {}
    for term in terms():
        count = sum(term.holds(one) for one in searchable)
        found[type(term)] = found.get(type(term), 0) + (0 < count < len(searchable))
    assert all(found[kind] >= 3 for kind in (Text, Address, Header, Tag, User, Flag, Size, Time)), found

    assert list(differing(store, searchable, ((term,) for term in terms()))) == []
    assert list(miscounted(store, searchable, ((negated(term),) for term in terms()))) == []


def test_terms_together_find_what_all_of_them_find(store, searchable):
    chance = random.Random(6)
    useful = [one for term in terms() for one in (term, negated(term)) if any(map(one.holds, searchable))]
    searches = [tuple(chance.choices(useful, k=chance.choice((2, 2, 2, 3, 4, 50)))) for _ in range(150)]

    assert sum(any(one.found_by(search) for one in searchable) for search in searches) > 20
    assert list(differing(store, searchable, searches)) == list(miscounted(store, searchable, searches)) == []


def test_any_piece_of_a_text_is_found(store, searchable):
    """Also one that starts and ends within words, at any place, of any length."""
    chance = random.Random(7)
    searches = []
    for one in searchable:
        places = [(Text, where, part) for where, text in one.texts.items() for part in text.split("\n") if part]
        places += [(Header, name, value) for name, value in one.headers if value]
        for kind, where, text in chance.sample(places, min(4, len(places))):
            start, length = chance.randrange(len(text)), chance.choice((1, 2, 3, 4, 10, 100))
            searches.append((kind(where, fold(text[start : start + length])),))
        for where, address in chance.sample(one.addresses, min(2, len(one.addresses))):
            start = chance.randrange(len(address) + 1)
            end = chance.randrange(start, len(address) + 1)
            searches.append((Address(where, f"{address[:start]}*{address[end:]}"),))

    assert all(any(one.found_by(search) for one in searchable) for search in searches)
    assert list(differing(store, searchable, searches)) == []


def test_what_was_found_changes_with_what_is_changed(store, searchable):
    [some, *_] = searches = [(Text("subject", "welcome"),), (Flag("read"),), (Tag("changed"),), (Flag("tagged"),)]
    chosen = [one for one in searchable if one.found_by(some)]
    assert len(chosen) >= 3

    store.mark(some, read=True)
    store.set_tags([one.id for one in searchable], ["Changed"], some)
    for one in chosen:
        one.read, one.tags = True, ["Changed"]
    assert list(differing(store, searchable, searches)) == []
    assert store.delete((*some, Size("larger", 80))) == sum(one.size > 80 for one in chosen) > 0
    left = [one for one in searchable if not (one.found_by(some) and one.size > 80)]
    assert list(differing(store, left, searches)) == []


__all__ += [name for name in dir() if name.startswith("test_")] + ["searchable", "two"]

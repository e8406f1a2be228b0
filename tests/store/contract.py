"""The contract of all stores, as tests.  `test_contract.py` runs them on each store, with its fixture `store`.

The fixture provides an open and empty store.
"""

import contextlib
import dataclasses
import functools
import itertools
import math
import queue
import random
import threading
from datetime import UTC, datetime, timedelta

import pytest

from lazr.smtptest import Envelope
from lazr.smtptest.mail import parsed_message
from lazr.smtptest.mail.mail import Mail
from lazr.smtptest.protocol.smtp.sasl_types import Credentials
from lazr.smtptest.protocol.smtp.session_record import TlsFacts
from lazr.smtptest.store import (
    EVERYTHING,
    AddressTerm,
    Arrival,
    ContentSummary,
    DateTerm,
    Entry,
    FlagTerm,
    HeaderTerm,
    MatchedMail,
    MemoryStore,
    NumberTerm,
    Page,
    Retention,
    SizeTerm,
    SortOrder,
    TagTerm,
    TextTerm,
    Totals,
    UserTerm,
    build_message_index,
    counting_limit,
    fold,
    groups,
    make_storable,
    parsing_budget,
)
from lazr.smtptest.store.sql import backlog_scan, group_queries
from tests.mail.malformed import messages
from tests.store.search_corpus import NOON, Facts, library, terms

__all__ = ["arrival", "record_changes"]  # the tests are added in the last line

# Changes arrive within milliseconds; one that takes longer than this is lost.
SECONDS = 30.0
SECRET = "not-to-be-kept-17"
_names = itertools.count(1)


def arrival(content=b"Subject: Hi\r\n\r\nHello\r\n", **other):
    """Build an arrival for Ann by default; the content may be a list of pieces."""
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
    """Add mails with these contents in one call; return their IDs."""
    arrivals = [arrival(content, **other) for content in contents]
    store.add(arrivals)
    return [one.id for one in arrivals]


def ids_of(store, search=EVERYTHING, **page):
    return [entry.id for entry in store.get_page(search, **{"limit": None, **page}).entries]


def is_read(store, one):
    return store.get_entry(one).read


TO_ANN = (AddressTerm("recipient", "ann@example.com"),)
TO_BOB = (AddressTerm("recipient", "bob@example.com"),)

# IDs that no mail has, and that some databases cannot handle.
STRANGE = [
    *("", "no", "é", "%", "_", "*", "m%", "m______", "'", "' OR '1'='1", "'; DROP TABLE mails; --", "\\"),
    *("a\x00b", "\x00", "\ud800", "x" * 10_000),
]


# -- contents and entries --------------------------------------------------------------------------

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
def test_content_is_returned_unchanged_however_it_is_split(store, content):
    whole, split, bytewise = (
        arrival(content),
        arrival([content[:3], b"", content[3:]]),
        arrival([content[i : i + 1] for i in range(len(content))]),
    )
    store.add([whole, split, bytewise])

    for one in (whole, split, bytewise):
        mail = store.get_mail(one.id)
        assert (mail.content, mail.size, mail.id, mail.has_session) == (content, len(content), one.id, False)
        assert store.get_entry(one.id).size == len(content)


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
    """Return the entry as a comparable value; envelopes have no equality.

    Indexing may raise the modification sequence, which `reading_contract.py` tests.
    """
    return {
        **{field.name: getattr(entry, field.name) for field in dataclasses.fields(Entry) if field.name != "mod_seq"},
        "envelope": facts_of(entry.envelope),
    }


def shown_by(page):
    return [*map(shown, page.entries)], page.match_count, page.unread_count


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
def test_envelope_is_returned_unchanged(store, name):
    envelope = ENVELOPES[name]
    [one] = add(store, b"Subject: Hi\r\n\r\nHello\r\n", envelope=envelope)

    for kept in (store.get_mail(one).envelope, store.get_entry(one).envelope, store.get_page().entries[0].envelope):
        assert facts_of(kept) == facts_of(envelope)
        assert isinstance(kept.rcpt_tos, tuple)
    assert store.get_entry(one).username == ("jürgen" if name == "a user" else "")


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials("PLAIN", "ann", password=SECRET, authzid="x"),
        Credentials("XOAUTH2", "ann", token=SECRET),
        Credentials("CRAM-MD5", "ann", check=lambda secret: secret == SECRET),
    ],
    ids=lambda credentials: credentials.mechanism,
)
def test_secrets_of_credentials_are_dropped(store, credentials):
    envelope = Envelope("", ("b@example.com",), mail_parameters={}, rcpt_parameters=({},), auth=credentials)
    [one] = add(store, b"\r\nHello", envelope=envelope)

    for kept in (
        store.get_mail(one).envelope.auth,
        store.get_entry(one).envelope.auth,
        store.get_latest().envelope.auth,
    ):
        assert (kept.mechanism, kept.username) == (credentials.mechanism, "ann")
        assert (kept.authzid, kept.proved) == (credentials.authzid, credentials.proved)
        assert kept.password is None and kept.token is None and not kept.matches(SECRET)


@pytest.mark.parametrize(
    "at",
    [NOON, NOON + timedelta(microseconds=123_457), datetime(1970, 1, 2, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)],
)
def test_received_at_keeps_microseconds(store, at):
    [one] = add(store, b"\r\nHello", at=at)

    assert store.get_entry(one).received_at == store.get_mail(one).received_at == at
    assert store.get_entry(one).received_at.utcoffset() == timedelta(0)


def test_entry_has_all_fields_of_the_mail(store):
    content = (
        b"From: Ann <ann@example.com>, x@example.com\r\nTo: Bob <bob@example.com>\r\nCc: carol@example.com\r\n"
        b"Reply-To: no-reply@example.com\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@example.com>\r\n"
        b"X-Tags: two, one\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello \r\n Bob\r\n"
        b"--b\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\na\r\n--b\r\n"
        b"Content-Type: image/png\r\nContent-Disposition: inline; filename=b.png\r\n\r\nb\r\n--b--\r\n"
    )
    one = arrival(content, to=("bob@example.com", "dan@example.com"), user="ann", tags=["Three"])
    store.add([one])
    mail = store.get_mail(one.id)
    entry = store.get_entry(one.id)

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
        mod_seq=entry.mod_seq,
    )
    assert [str(address) for address in entry.bcc] == ["dan@example.com"]
    assert facts_of(entry.envelope) == facts_of(one.envelope) | {"auth": Credentials("PLAIN", "ann")}
    assert shown_by(store.get_page()) == ([shown(entry)], 1, 1)
    assert shown(store.get_latest()) == shown(entry)


def test_large_mail_is_returned_and_found_by_its_start(store):
    size = 9 * 1024 * 1024
    pieces = [b"Subject: big\r\n\r\nfirst words\r\n", *[random.Random(1).randbytes(1024 * 1024)] * 9]
    [one] = add(store, pieces)

    assert store.get_mail(one).content == b"".join(pieces)
    assert store.get_totals().size == store.get_entry(one).size == size + len(pieces[0])
    assert ids_of(store, (TextTerm("anywhere", "first words"),)) == [one]
    assert ids_of(store, (SizeTerm("larger", size),)) == [one]
    assert store.get_disk_usage() > 0


def test_delayed_indexing_is_invisible(store):
    ids = add(store, *[b"Subject: %d\r\n\r\nHello\r\n" % n for n in range(5)])
    assert store.get_totals() == Totals(5, 5, 5 * 21)

    before = [shown(store.get_entry(one)) for one in ids[:2]]
    left = [store.index_pending(2) for _ in range(3)]
    assert left == sorted(left, reverse=True) and left[0] <= 3 and left[-1] == 0

    assert [shown(store.get_entry(one)) for one in ids[:2]] == before
    assert [entry.subject for entry in store.get_page().entries] == ["4", "3", "2", "1", "0"]
    assert store.index_pending() == 0


def test_adding_no_mails_does_nothing(store):
    store.add([])

    assert (store.get_totals(), store.get_page(), store.get_latest()) == (Totals(0, 0, 0), Page([], 0, 0), None)
    assert (store.count_tags(), store.index_pending(), store.delete(), store.set_read(read=True)) == ({}, 0, 0, [])


def test_add_rejects_a_batch_with_an_existing_id(store):
    [one] = add(store, b"\r\nfirst")

    with pytest.raises(ValueError, match="IDs of mails must be unique"):
        store.add([arrival(b"\r\nsecond"), arrival(b"\r\nthird", id=one)])

    assert ids_of(store) == [one]
    assert store.get_mail(one).content == b"\r\nfirst"
    assert len(add(store, b"\r\nfourth")) == 1


def test_has_room_for_a_mail(store):
    assert store.has_room(100_000)


def test_close_can_be_called_twice(store):
    add(store, b"\r\nHello")

    store.close()
    store.close()


def test_url_and_repr_contain_no_password(store):
    assert store.url
    assert SECRET not in store.url
    assert isinstance(store.is_durable, bool)


# -- malformed mail --------------------------------------------------------------------------------

LARGEST = 50_000


@pytest.mark.slow
def test_malformed_mails_are_stored_listed_and_found(store):
    contents = {name: content for name, make in messages() if len(content := make()) <= LARGEST}
    assert len(contents) > 3000
    arrivals = {name: arrival(content) for name, content in contents.items()}
    for start in range(0, len(arrivals), 200):
        store.add(list(arrivals.values())[start : start + 200])
    left = store.index_pending(len(arrivals))
    assert left == 0

    entries = {entry.id: entry for entry in store.get_page(limit=None).entries}
    assert len(entries) == len(arrivals) == store.get_totals(TO_ANN).mails
    for name, one in arrivals.items():
        entry, index = entries[one.id], build_message_index(Mail(one.id, one.envelope, list(one.parts)))
        for field in dataclasses.fields(ContentSummary):
            assert getattr(entry, field.name) == getattr(index, field.name), (name, field.name)
        assert set(map(fold, entry.tags)) == set(map(fold, index.tags)), name
    for name in random.Random(1).sample(sorted(arrivals), 100):
        one = arrivals[name]
        assert store.get_mail(one.id).content == contents[name], name
    with_subject, without = (HeaderTerm("subject", ""),), (HeaderTerm("subject", "", negated=True),)
    assert 100 < store.get_totals(with_subject).mails < len(entries)
    assert sorted(ids_of(store, with_subject) + ids_of(store, without)) == sorted(entries)


# -- one mail --------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_indexed", [False, True])
@pytest.mark.parametrize("search", [EVERYTHING, TO_ANN, (UserTerm(""),)])
def test_open_message_returns_entry_and_mail(store, is_indexed, search):
    content = b"Subject: Hi\r\nX-Tags: b, a\r\n\r\nHello\r\n"
    [one, _] = add(store, content, b"\r\nanother")
    while is_indexed and store.index_pending():
        pass

    opened = store.open_message(one, search)

    assert shown(opened.entry) == shown(store.get_entry(one))
    assert (opened.entry.subject, opened.entry.tags, opened.entry.read) == ("Hi", ("a", "b"), False)
    assert (opened.mail.id, opened.mail.content, opened.mail.received_at) == (one, content, NOON)
    assert facts_of(opened.mail.envelope) == facts_of(store.get_mail(one).envelope)
    assert not is_read(store, one)


@pytest.mark.parametrize("is_indexed", [False, True])
def test_open_message_without_id_opens_the_newest_match(store, is_indexed):
    [_, ann] = add(store, b"\r\nfirst", b"\r\nsecond")
    [bob] = add(store, b"\r\nthird", to=["bob@example.com"])
    while is_indexed and store.index_pending():
        pass

    assert (store.open_message().entry.id, store.open_message(None, TO_ANN).entry.id) == (bob, ann)
    store.delete()
    assert store.open_message() is None


def test_open_message_marks_as_read_and_returns_the_previous_mark(store):
    [one, other] = add(store, b"\r\n", b"\r\n")
    marks = []

    def open_twice():
        marks.extend(store.open_message(one, TO_ANN, mark_read=True).entry.read for _ in range(2))

    assert record_changes(store, open_twice) == [("read", (one,))]
    assert marks == [False, True]
    assert (is_read(store, one), is_read(store, other)) == (True, False)


@pytest.mark.parametrize(
    "open_message",
    [
        lambda store, one: store.open_message(one),
        lambda store, one: store.open_message(one, TO_ANN, mark_read=True),
        lambda store, one: store.open_message(),
    ],
)
def test_open_message_parses_new_content_once(store, open_message, monkeypatch):
    parsed = []

    class CountingParsedMessage(parsed_message.ParsedMessage):
        def __init__(self, *arguments):
            parsed.append(True)
            super().__init__(*arguments)

    monkeypatch.setattr(parsed_message, "ParsedMessage", CountingParsedMessage)
    [one] = add(store, b"Subject: Hi\r\n\r\nHello\r\n")

    opened = open_message(store, one)

    assert (opened.entry.subject, opened.mail.text) == ("Hi", "Hello\n")
    assert len(parsed) == 1


# -- lists -----------------------------------------------------------------------------------------


def test_lists_are_ordered_by_arrival_not_by_clock(store):
    clock = [NOON, NOON - timedelta(days=400), NOON + timedelta(days=400), NOON]
    ids = [add(store, b"\r\nHello", at=at)[0] for at in clock]

    entries = store.get_page().entries
    assert [entry.id for entry in entries] == ids[::-1]
    numbers = [entry.number for entry in entries]
    assert numbers == sorted(set(numbers), reverse=True)
    assert store.get_latest().id == ids[-1]


@pytest.mark.parametrize("limit", [0, 1, 3, 6, 7, 8, 50, 10**9, None])
@pytest.mark.parametrize("start", [0, 1, 3, 6, 7, 8, 10**9])
def test_page_is_a_slice_of_the_matches(store, start, limit):
    odd = (HeaderTerm("x-number", "odd"),)
    ids = add(store, *[b"X-Number: %s\r\n\r\n" % (b"odd" if n % 2 else b"even") for n in range(14)])
    store.set_read(read=True, ids=ids[:4])

    everything = store.get_page(start=start, limit=limit)
    assert [entry.id for entry in everything.entries] == ids[::-1][start:][:limit]
    assert (everything.match_count, everything.unread_count) == (14, 10)
    found = store.get_page(odd, start=start, limit=limit)
    assert [entry.id for entry in found.entries] == ids[1::2][::-1][start:][:limit]
    assert (found.match_count, found.unread_count) == (7, 5)


def test_page_has_fifty_mails_by_default(store):
    ids = add(store, *[b"\r\n"] * 60)

    assert [entry.id for entry in store.get_page().entries] == ids[:9:-1]
    assert len(store.get_page(limit=None).entries) == 60


def test_totals_and_latest_respect_the_search(store):
    [ann] = add(store, b"\r\n1234")
    [bob] = add(store, b"\r\n12345678", to=["bob@example.com"])
    store.set_read(read=True, ids=[bob])

    assert store.get_totals() == Totals(2, 1, 16)
    assert (store.get_totals(TO_ANN), store.get_totals(TO_BOB)) == (Totals(1, 1, 6), Totals(1, 0, 10))
    assert (store.get_latest().id, store.get_latest(TO_ANN).id, store.get_latest(TO_ANN + TO_BOB)) == (bob, ann, None)
    assert store.get_totals(TO_ANN + TO_BOB) == Totals(0, 0, 0)


@pytest.mark.parametrize("strange", STRANGE, ids=lambda name: ascii(name[:30]))
def test_unknown_ids_are_ignored(store, strange):
    [one] = add(store, b"X-Tags: a\r\n\r\nHello")

    assert (store.get_entry(strange), store.get_mail(strange), store.open_message(strange)) == (None, None, None)
    assert store.set_read(read=True, ids=[strange, one]) == [one]
    assert store.set_read(read=False, ids=[strange]) == []
    store.set_tags([strange], ["b"])
    assert store.get_entry(one).tags == ("a",)
    assert store.delete(ids=[strange]) == 0
    assert ids_of(store) == [one]


@pytest.mark.slow
def test_tens_of_thousands_of_ids_are_accepted(store):
    ids = add(store, *[b"\r\n"] * 1500)
    names = [f"no{number}" for number in range(40_000)] + ids[:1200] + ids[:10]

    assert sorted(store.set_read(read=True, ids=names)) == sorted(ids[:1200])
    store.set_tags(names, ["x"])
    assert store.count_tags() == {"x": 1200}
    assert store.delete(TO_BOB, ids=names) == 0
    assert store.delete(ids=names) == 1200
    assert ids_of(store) == ids[:1199:-1]


def test_entries_after_a_number_are_returned_oldest_first(store):
    ids = add(store, *[b"Subject: %d\r\n\r\n" % n for n in range(7)])
    numbers = [entry.number for entry in store.get_entries_after(0)]

    assert [entry.id for entry in store.get_entries_after(0)] == ids
    assert [entry.id for entry in store.get_entries_after(0, limit=3)] == ids[:3]
    assert [entry.id for entry in store.get_entries_after(numbers[2], limit=3)] == ids[3:6]
    assert store.get_entries_after(numbers[-1]) == []
    store.delete(ids=ids[5:])
    assert [entry.id for entry in store.get_entries_after(numbers[3])] == ids[4:5]
    later = add(store, b"\r\n")
    assert [entry.id for entry in store.get_entries_after(numbers[-1])] == later, "a number is not given twice"


def head(number, subject, from_=b"", size=0):
    sender = b"From: %s\r\n" % from_ if from_ else b""
    return sender + b"Subject: %s\r\nX-Number: %d\r\n\r\n" % (subject, number) + b"." * size


# Contents and recipients of mails in the order of arrival, and the positions that each order lists.
SORTED_MAILS = [
    (head(0, b"beta", b"Zoe <Bob@example.com>", 300), "dora@example.com"),
    (head(1, b"Alpha", b"ann@example.com, zoe@example.com", 100), "Carl@example.com"),
    (head(2, b"alpha", b'"a, b" <carl@example.com>', 200), "bob@example.com"),
    (head(3, b"ALPHA2"), "carl@example.com"),
    (head(4, b"zeta \xc3\xa9", b"undisclosed-senders:;", 400), "ann@example.com"),
    (head(5, b"", b"ann@example.org", 500), "bob@example.com"),
]
ORDERS = {
    "received": ([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0]),
    "size": ([3, 1, 2, 0, 4, 5], [5, 4, 0, 2, 1, 3]),
    "to": ([4, 5, 2, 3, 1, 0], [0, 3, 1, 5, 2, 4]),  # equal ones: newest first
    "subject": ([5, 2, 1, 3, 0, 4], [4, 0, 3, 2, 1, 5]),
    "from": ([1, 5, 3, 4, 0, 2], [2, 0, 4, 3, 5, 1]),  # without From, the sender of the envelope
}


@pytest.mark.parametrize("field", ORDERS)
@pytest.mark.parametrize("indexed", [0, 3, 6])
@pytest.mark.parametrize("search", [(), (HeaderTerm("x-number", ""),), (SizeTerm("larger", 1),)], ids=repr)
def test_lists_can_be_sorted(store, field, indexed, search):
    ids = []
    for content, recipient in SORTED_MAILS:
        ids += add(store, content, to=[recipient], sender="app@example.com" if len(ids) == 3 else "apple@example.com")
        if len(ids) == indexed:
            store.index_pending()
    store.set_read(read=True, ids=ids[:2])

    with block_indexing(store) if indexed < len(ids) else contextlib.nullcontext():
        for is_ascending, positions in ((True, ORDERS[field][0]), (False, ORDERS[field][1])):
            order = SortOrder(field, is_ascending)
            expected = [ids[position] for position in positions]
            assert ids_of(store, search, order=order) == expected
            pages = [store.get_page(search, start=start, limit=2, order=order) for start in (0, 2, 4, 6)]
            assert [entry.id for page in pages for entry in page.entries] == expected
            newest = store.get_entry(ids[-1]).number
            counts = {(page.match_count, page.unread_count, page.newest_number, page.is_estimate) for page in pages}
            assert counts == {(6, 4, newest, False)}
            before = NumberTerm(store.get_entry(ids[2]).number)
            assert ids_of(store, (*search, before), order=order) == [one for one in expected if one in ids[:3]]


def test_sorting_by_content_counts_the_pending_mails_left_out(store, short_budget):
    add(store, *[b"Subject: red\r\n\r\n"] * 20)

    with block_indexing(store):
        page = store.get_page(order=SortOrder("subject"))
        assert 5 <= page.match_count == len(page.entries) < 20
        assert page.match_count + page.pending == 20
        assert store.get_page(order=SortOrder("size")).match_count == 20


HOSTILE = [
    '"a\\"b"@example.com',
    '"","@example.com',
    "\x00@example.com",
    "\ud800@example.com",
    "é@example.com",
    "",
]


@pytest.mark.parametrize("field", ORDERS)
def test_hostile_mails_can_be_sorted(store, field):
    contents = [b"", b"From: \xff\xfe\r\nSubject: \x00\r\n\r\n", b'From: "","" <"],["@[>\r\n\r\n', EVERY_OCTET * 4]
    ids = [
        one
        for content in contents
        for address in HOSTILE
        for one in add(store, content, to=[address] if content else [], sender=address)
    ]
    for _ in range(2):
        assert sorted(ids_of(store, order=SortOrder(field))) == ids
        while store.index_pending():
            pass


def test_number_term_selects_positions(store):
    ids = add(store, *[b"X-Number: %d\r\n\r\n" % number for number in range(20)])
    while store.index_pending():
        pass
    ids += add(store, b"X-Number: 20\r\n\r\n", b"X-Number: 21\r\n\r\n")
    numbers = [entry.number for entry in store.get_entries_after(0)]
    chosen = frozenset(numbers[12::3])
    cases = [
        ((NumberTerm(numbers[4]),), ids[:5]),
        ((NumberTerm(numbers[20]),), ids[:21]),
        ((NumberTerm(numbers[4], negated=True),), ids[5:]),
        ((NumberTerm(0),), []),
        ((NumberTerm(-1),), []),
        ((NumberTerm(2**70),), ids),
        ((NumberTerm(numbers[2], chosen),), ids[:3] + ids[12::3]),
        ((NumberTerm(0, chosen, negated=True),), [one for one in ids if one not in ids[12::3]]),
        (
            (NumberTerm(numbers[18]), NumberTerm(0, chosen, negated=True)),
            [one for one in ids[:19] if one not in ids[12::3]],
        ),
    ]
    for terms_, expected in cases:
        for search in (terms_, (HeaderTerm("x-number", ""), *terms_)):
            assert ids_of(store, search) == expected[::-1]
            assert store.get_totals(search).mails == len(expected)
            assert [one for one in ids if store.get_entry(one, search)] == expected
            latest = store.get_latest(search)
            assert (latest and latest.id) == (expected[-1] if expected else None)
    assert store.set_read((NumberTerm(0, chosen),), read=True) == ids[12::3]
    assert store.delete((NumberTerm(numbers[4]),)) == 5
    assert ids_of(store) == ids[:4:-1]


def test_find_mails_returns_what_a_change_would_concern(store):
    ids = add(store, b"Subject: red\r\n\r\n", b"Subject: blue\r\n\r\n", b"Subject: red\r\n\r\n")
    store.set_read(read=True, ids=ids[:1])
    red = (TextTerm("subject", "red"),)
    first, second, third = (MatchedMail(store.get_entry(one).number, one, one == ids[0]) for one in ids)

    assert store.find_mails() == [first, second, third]
    assert store.find_mails(red) == [first, third]
    assert store.find_mails(red, ids=[ids[2], ids[1], "unknown"]) == [third]
    assert store.find_mails(ids=[]) == []
    assert (store.get_last_number(), store.find_mails((TagTerm("x"),))) == (third.number, [])
    store.delete()
    assert (store.get_last_number(), store.find_mails()) == (0, [])


def test_page_knows_the_newest_match(store):
    ids = add(store, b"Subject: red\r\n\r\n", b"Subject: red\r\n\r\n", b"\r\n")
    numbers = [store.get_entry(one).number for one in ids]
    searches = {(): 2, (TextTerm("subject", "red"),): 1, (NumberTerm(numbers[0]),): 0}
    for search, position in searches.items():
        for start, limit in ((0, 0), (0, 1), (1, 1), (9, 1)):
            assert store.get_page(search, start=start, limit=limit).newest_number == numbers[position]
    assert store.get_page((TagTerm("none"),)).newest_number == 0


# -- mails that are not indexed yet ----------------------------------------------------------------


def block_indexing(store):
    """Act as a thread that indexes for a long time, where the store has a lock for that."""
    indexer = getattr(store, "_indexer", None)
    return contextlib.nullcontext() if indexer is None else indexer._lock


@pytest.fixture
def short_budget(monkeypatch):
    """Let searches parse five mails only."""
    monkeypatch.setattr(parsing_budget, "_MIN_MAILS", 5)
    monkeypatch.setattr(parsing_budget, "monotonic", itertools.count().__next__)


RED, UNTAGGED = (TextTerm("subject", "red"),), (FlagTerm("tagged", negated=True),)


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (lambda store, ids: ids_of(store), [3, 2, 1, 0]),
        (lambda store, ids: ids_of(store, start=1, limit=2), [2, 1]),
        (lambda store, ids: ids_of(store, TO_BOB), [2]),
        (lambda store, ids: ids_of(store, (UserTerm("ann"),)), [2]),
        (lambda store, ids: ids_of(store, (SizeTerm("larger", 1),)), [3, 2, 1, 0]),
        (lambda store, ids: ids_of(store, RED), [3, 1]),
        (lambda store, ids: ids_of(store, (*RED, *TO_ANN)), [3, 1]),
        (lambda store, ids: ids_of(store, UNTAGGED), [3, 2]),
        (lambda store, ids: [store.get_latest().id], [3]),
        (lambda store, ids: [store.get_latest(TO_BOB).id], [2]),
        (lambda store, ids: [store.get_latest((TagTerm("a"),)).id], [1]),
        (lambda store, ids: [store.open_message(None, RED).entry.id], [3]),
        (lambda store, ids: [store.open_message(None, TO_BOB).mail.id], [2]),
        (lambda store, ids: [one for one in ids if store.get_entry(one, RED)], [1, 3]),
        (lambda store, ids: [one for one in ids if store.get_mail(one, TO_BOB)], [2]),
        (lambda store, ids: [entry.id for entry in store.get_entries_after(0)], [0, 1, 2, 3]),
    ],
)
@pytest.mark.parametrize("indexed", [0, 2])
def test_reading_does_not_wait_for_indexing(store, read, expected, indexed):
    contents = [b"Subject: blue\r\nX-Tags: a\r\n\r\n", b"Subject: red\r\nX-Tags: A\r\n\r\n"]
    ids = add(store, *contents)
    assert indexed == 0 or store.index_pending(2) == 0
    ids += add(store, b"Subject: blue\r\n\r\n", to=["bob@example.com"], user="ann")
    ids += add(store, b"Subject: red\r\n\r\n")

    with block_indexing(store):
        assert read(store, ids) == [ids[number] for number in expected]
        assert store.get_totals(RED).mails == 2
        assert {fold(tag): count for tag, count in store.count_tags().items()} == {"a": 2}
        assert store.count_pending() == 4 - indexed


def test_entry_of_a_pending_mail_follows_changes(store):
    [one, other] = add(store, b"X-Tags: a\r\nSubject: Hi\r\n\r\nHello\r\n", b"\r\n")
    before = [shown(entry) for entry in store.get_page().entries]

    store.set_read(read=True, ids=[one])
    assert [entry.read for entry in store.get_page().entries] == [False, True]
    store.set_tags([one], ["b"])
    assert [entry.tags for entry in store.get_page().entries] == [(), ("b",)]
    store.delete(ids=[other])
    assert [entry.id for entry in store.get_page().entries] == [one]
    store.index_pending()
    assert shown(store.get_entry(one)) == before[1] | {"read": True, "tags": ("b",)}


def test_search_counts_the_pending_mails_that_it_left_out(store, short_budget):
    ids = add(store, *[b"Subject: red\r\n\r\n"] * 20)
    [bob] = add(store, b"Subject: red\r\n\r\n", to=["bob@example.com"])

    with block_indexing(store):
        page, totals = store.get_page(RED, limit=3), store.get_totals(RED)
        assert [entry.id for entry in page.entries] == [bob, *ids[:-3:-1]]
        assert page.match_count + page.pending == totals.mails + totals.pending == 21
        assert 5 <= page.match_count < 21 and 5 <= totals.mails < 21
        by_size = store.get_page((*RED, SizeTerm("smaller", 1)))
        assert (by_size.match_count, by_size.pending) == (0, 0)
        by_recipient = store.get_page((*RED, *TO_BOB))
        assert ([entry.id for entry in by_recipient.entries], by_recipient.pending) == ([bob], 0)
        assert (store.get_page().pending, store.get_page(TO_ANN).pending, store.get_totals(TO_ANN).mails) == (0, 0, 20)
    while store.index_pending():
        pass
    assert (store.get_page(RED).match_count, store.get_page(RED).pending, store.get_totals(RED).pending) == (21, 0, 0)
    assert store.count_pending() == 0


def test_pending_mails_of_other_recipients_are_not_counted(store, short_budget, monkeypatch):
    """Their number must stay hidden from the token of a mailbox, also if their envelopes look similar."""
    monkeypatch.setattr(backlog_scan, "_MAX_ENVELOPE_SCAN_SECONDS", math.inf)
    add(store, *[b"Subject: red\r\n\r\n"] * 300, sender="ann@example.com", to=["bob@example.com"])
    add(store, *[b"Subject: red\r\n\r\n"] * 20)

    with block_indexing(store):
        page, totals = store.get_page((*RED, *TO_ANN)), store.get_totals((*RED, *TO_ANN))
    assert page.match_count + page.pending == totals.mails + totals.pending == 20
    assert page.pending > 0


def test_counting_tags_is_bounded(store, short_budget):
    add(store, *[b"X-Tags: a\r\n\r\n"] * 20)

    with block_indexing(store):
        assert 5 <= store.count_tags()["a"] < 20
    while store.index_pending():
        pass
    assert store.count_tags() == {"a": 20}


@pytest.mark.parametrize(
    "change",
    [
        lambda store: len(store.set_read(RED, read=True)),
        lambda store: store.delete(RED),
        lambda store: store.rename_tag("a", "b"),
        lambda store: store.delete_tag("a", TO_ANN),
    ],
)
def test_changes_concern_all_pending_mails(store, short_budget, change):
    add(store, *[b"Subject: red\r\nX-Tags: a\r\n\r\n"] * 20)

    assert change(store) == 20


@pytest.mark.parametrize(
    ("recipient", "pattern"),
    [
        ("ann@example.com", "ann@example.com"),
        ("Ann@Example.COM", "*@example.com"),
        ("ann+tag@example.com", "ann+*@example.com"),
        ("Straße@example.com", "strasse@example.com"),
        ("\u212aim@example.com", "kim@example.com"),  # the Kelvin sign folds to k
        ("jürgen@example.com", "jürgen@example.com"),
        ('"a b"@example.com', '"a b"@example.com'),
        ("back\\slash@example.com", "back\\slash@example.com"),
        ("\ud800@example.com", "\ufffd@example.com"),
        ("ann@example.com", "*"),
        ("ann@example.com", "a?n@*"),
    ],
)
def test_recipient_of_a_pending_mail_is_found(store, recipient, pattern):
    [one] = add(store, b"Subject: Hi\r\n\r\n", to=[recipient])
    [other] = add(store, b"Subject: Hi\r\n\r\n", to=["x@y.example"])

    for search in ((AddressTerm("recipient", pattern),), (AddressTerm("recipient", "x@y.example", negated=True),)):
        found = ids_of(store, search)
        assert one in found
        while store.index_pending():
            pass
        assert ids_of(store, search) == found
    assert ids_of(store, (AddressTerm("recipient", pattern, negated=True),)) == ([] if pattern == "*" else [other])


# -- marks -----------------------------------------------------------------------------------------


def test_set_read_returns_the_ids_that_changed(store):
    ids = add(store, *[b"\r\n"] * 4)

    assert sorted(store.set_read(read=True, ids=ids[1:3])) == ids[1:3]
    assert store.get_totals().unread == 2
    assert sorted(store.set_read(read=True)) == sorted([ids[0], ids[3]])
    assert store.set_read(read=True) == []
    assert sorted(store.set_read((FlagTerm("read"),), read=False, ids=[ids[0], ids[0]])) == [ids[0]]
    assert [is_read(store, one) for one in ids] == [False, True, True, True]


def test_empty_ids_select_nothing(store):
    ids = add(store, b"X-Tags: a\r\n\r\n", b"\r\n")

    assert store.set_read(read=True, ids=[]) == []
    assert store.delete(ids=[]) == 0
    store.set_tags([], ["b"])
    assert (ids_of(store), store.get_totals().unread, store.count_tags()) == (ids[::-1], 2, {"a": 1})


def test_marks_and_tags_survive_later_indexing(store):
    ids = add(store, b"X-Tags: a, b\r\n\r\n", b"X-Tags: a, b\r\n\r\n", b"X-Tags: a, b\r\n\r\n")
    store.set_read(read=True, ids=ids[:1])
    store.set_tags(ids[:1], ["c"])
    assert store.delete_tag("A") == 2
    store.delete(ids=ids[2:])
    while store.index_pending():
        pass

    assert [(entry.read, entry.tags) for entry in store.get_page().entries] == [(False, ("b",)), (True, ("c",))]
    assert store.count_tags() == {"b": 1, "c": 1}


# -- deleting --------------------------------------------------------------------------------------


def test_delete_returns_the_number_of_deleted_mails(store):
    ids = add(store, *[b"Subject: %d\r\nX-Tags: t%d\r\n\r\n" % (n, n) for n in range(6)])

    assert store.delete(ids=[ids[0], ids[0], "no"]) == 1
    assert store.delete((HeaderTerm("subject", "1"),)) == 1
    assert store.delete((HeaderTerm("subject", "1"),)) == 0
    assert store.delete((HeaderTerm("subject", "3"),), ids=ids[3:]) == 1
    assert store.delete((HeaderTerm("subject", "3"),), ids=ids[4:]) == 0
    assert ids_of(store) == [ids[5], ids[4], ids[2]]
    assert store.count_tags() == {"t2": 1, "t4": 1, "t5": 1}
    assert (store.get_mail(ids[0]), store.get_entry(ids[0])) == (None, None)
    assert store.delete() == 3
    assert (store.get_totals(), store.count_tags(), ids_of(store)) == (Totals(0, 0, 0), {}, [])
    assert ids_of(store, (HeaderTerm("subject", ""),)) == []
    assert len(add(store, b"\r\n")) == store.get_totals().mails


# -- the search limits what a call sees and changes ------------------------------------------------


@pytest.fixture
def two(store):
    """Add a mail for Ann and one for Bob, with a common tag."""
    [ann] = add(store, b"X-Tags: shared, ann\r\n\r\nfor Ann")
    [bob] = add(store, b"X-Tags: shared, bob\r\n\r\nfor Bob", to=["bob@example.com"])
    return ann, bob


@pytest.mark.parametrize(
    "change",
    [
        lambda store, ann, bob: store.set_read(TO_ANN, read=True),
        lambda store, ann, bob: store.set_read(TO_ANN, read=True, ids=[ann, bob]),
        lambda store, ann, bob: store.delete(TO_ANN),
        lambda store, ann, bob: store.delete(TO_ANN, ids=[bob, ann]),
        lambda store, ann, bob: store.set_tags([ann, bob], ["new"], TO_ANN),
        lambda store, ann, bob: store.set_tags([ann, bob], [], TO_ANN),
        lambda store, ann, bob: store.rename_tag("shared", "new", TO_ANN),
        lambda store, ann, bob: store.rename_tag("shared", "bob", TO_ANN),
        lambda store, ann, bob: store.delete_tag("shared", TO_ANN),
    ],
)
def test_changes_affect_only_matching_mails(store, two, change):
    ann, bob = two
    [before, other] = [shown(store.get_entry(one)) for one in two]

    change(store, ann, bob)

    assert shown(store.get_entry(bob)) == other
    assert store.get_mail(bob).content.endswith(b"for Bob")
    assert store.get_entry(ann) is None or shown(store.get_entry(ann)) != before


@pytest.mark.parametrize(
    "change",
    [
        lambda store, ann, bob: store.set_read(TO_ANN, read=True, ids=[bob]) == [],
        lambda store, ann, bob: store.delete(TO_ANN, ids=[bob]) == 0,
        lambda store, ann, bob: store.set_tags([bob], ["new"], TO_ANN) is None,
        lambda store, ann, bob: store.rename_tag("bob", "new", TO_ANN) == 0,
        lambda store, ann, bob: store.delete_tag("bob", TO_ANN) == 0,
        lambda store, ann, bob: store.delete(TO_ANN + TO_BOB) == 0,
        lambda store, ann, bob: store.get_entry(bob, TO_ANN) is None,
        lambda store, ann, bob: store.get_mail(bob, TO_ANN) is None,
        lambda store, ann, bob: store.open_message(bob, TO_ANN, mark_read=True) is None,
        lambda store, ann, bob: store.open_message(None, TO_ANN + TO_BOB, mark_read=True) is None,
        lambda store, ann, bob: store.open_message(None, TO_ANN).entry.id == ann,
        lambda store, ann, bob: store.count_tags(TO_ANN) == {"ann": 1, "shared": 1},
        lambda store, ann, bob: ids_of(store, TO_ANN) == [ann],
        lambda store, ann, bob: store.get_latest(TO_ANN).id == ann,
    ],
)
def test_mails_outside_the_search_are_invisible(store, two, change):
    before = shown_by(store.get_page())

    assert change(store, *two)

    assert shown_by(store.get_page()) == before


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
        ([f"t{n:03}" for n in range(130)], tuple(f"t{n:03}" for n in range(100))),
    ],
)
def test_tags_are_cleaned_and_deduplicated(store, given, kept):
    kept = tuple(sorted(given, key=fold)) if kept is None else kept
    [by_set, by_arrival] = [*add(store, b"X-Tags: old\r\n\r\n"), *add(store, b"\r\n", tags=given)]
    store.set_tags([by_set], given)

    assert store.get_entry(by_set).tags == store.get_entry(by_arrival).tags == kept
    assert store.count_tags() == dict.fromkeys(kept, 2)
    assert list(store.count_tags()) == sorted(kept, key=fold)
    for tag in kept:
        assert ids_of(store, (TagTerm(fold(tag)),)) == [by_arrival, by_set]


def test_tags_ignore_letter_case(store):
    add(store, b"X-Tags: Invoice, a\r\n\r\n", b"X-Tags: INVOICE\r\n\r\n", b"X-Tags: b\r\n\r\n")

    assert {fold(tag): count for tag, count in store.count_tags().items()} == {"a": 1, "b": 1, "invoice": 2}
    assert len(store.count_tags()) == 3
    assert store.count_tags((TagTerm("b"),)) == {"b": 1}


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
def test_rename_tag(store, tag, new, count, tags):
    ids = add(store, b"X-Tags: one, two\r\n\r\n", b"X-Tags: one\r\n\r\n", b"\r\n")

    assert store.rename_tag(tag, new) == count

    renamed = [store.get_entry(name).tags for name in ids]
    # If two tags become one, either spelling may remain.
    assert [tuple(map(fold, one)) for one in renamed] == [tuple(map(fold, one)) for one in tags]
    if not {"two"} & {fold(new), fold(tag)}:
        assert renamed == tags


@pytest.mark.parametrize("new", ["", "  ", ",", "a,b"])
def test_rename_tag_rejects_invalid_names(store, new):
    [one] = add(store, b"X-Tags: one\r\n\r\n")

    with pytest.raises(ValueError, match="must not be empty"):
        store.rename_tag("one", new)
    assert store.get_entry(one).tags == ("one",)


def test_delete_tag_removes_it_from_all_mails(store):
    add(store, b"X-Tags: one, two\r\n\r\n", b"X-Tags: ONE\r\n\r\n", b"\r\n")

    assert [store.delete_tag(tag) for tag in ("One", "one", "on%", "", "'", "\x00", "\ud800")] == [2, 0, 0, 0, 0, 0, 0]
    assert store.count_tags() == {"two": 1}
    assert ids_of(store, (FlagTerm("tagged"),)) == ids_of(store, (TagTerm("two"),)) != []


def groups_of(store, by, search=EVERYTHING, **page):
    """Return the groups as tuples; the time as minutes after noon."""
    found = store.get_groups(by, search, **page)
    assert not found.is_estimate
    return [(one.name, one.mails, one.unread, (one.latest - NOON) // timedelta(minutes=1)) for one in found.groups]


@pytest.mark.parametrize("indexed", [0, 4, 9])
def test_groups_have_counts_and_the_latest_first(store, indexed):
    received = [
        (["ann@example.com"], "Red, a"),
        (["Bob@Example.com", "ann@example.com", "ANN@example.com"], "red"),
        (["ann@example.com"], ""),
        ([], "RED, b"),
        (['"a b"@example.com'], "ü"),
        (["é@example.com", "a@[127.0.0.1]"], ""),
        (["bob@example.com"], "a"),
        (['"]\\"@example.com'], ""),
    ]
    ids = []
    for minute, (to, tags) in enumerate(received):
        content = b"Subject: %d\r\nX-Tags: %s\r\n\r\n" % (minute % 2, tags.encode())
        ids += add(store, content, to=to, at=NOON + timedelta(minutes=minute))
        if len(ids) == indexed:
            store.index_pending()
    store.set_read(read=True, ids=ids[:2])

    with block_indexing(store) if indexed < 8 else contextlib.nullcontext():
        assert groups_of(store, "recipient") == [
            ('"]\\"@example.com', 1, 1, 7),
            ("bob@example.com", 2, 1, 6),
            ("a@[127.0.0.1]", 1, 1, 5),
            ("é@example.com", 1, 1, 5),
            ('"a b"@example.com', 1, 1, 4),
            ("ann@example.com", 3, 1, 2),
        ]
        assert groups_of(store, "tag") == [("a", 2, 1, 6), ("ü", 1, 1, 4), ("b", 1, 1, 3), ("Red", 3, 1, 3)]
        assert groups_of(store, "recipient", TO_ANN) == [("ann@example.com", 3, 1, 2), ("bob@example.com", 1, 0, 1)]
        odd = (TextTerm("subject", "1"),)
        assert groups_of(store, "recipient", (*odd, *TO_ANN)) == [
            ("ann@example.com", 1, 0, 1),
            ("bob@example.com", 1, 0, 1),
        ]
        assert sorted(groups_of(store, "tag", odd)) == [("b", 1, 1, 3), ("red", 2, 1, 3)]
        assert groups_of(store, "tag", (TagTerm("none"),)) == groups_of(store, "recipient", (TagTerm("none"),)) == []
        few = store.get_groups("recipient", limit=2)
        assert ([one.name for one in few.groups], few.has_more) == (['"]\\"@example.com', "bob@example.com"], True)
        assert not store.get_groups("tag", limit=4).has_more and store.get_groups("tag", limit=3).has_more


def test_groups_of_hostile_addresses_have_names(store):
    addresses = [*STRANGE, '"],"to":["x', "a\\", '"', "[", "]", "*" * 20]
    for address in addresses:
        add(store, b"\r\n", to=[address], sender='","to":["y"]')
    names = {one.name for one in store.get_groups("recipient").groups}
    assert names == {fold(make_storable(address)) for address in addresses}
    while store.index_pending():
        pass
    assert {one.name for one in store.get_groups("recipient", (TextTerm("anywhere", "y"),)).groups} == names


def test_groups_of_large_stores_count_the_newest_mails(store, monkeypatch):
    monkeypatch.setattr(group_queries, "_MAX_GROUPED_MAILS", 5)
    monkeypatch.setattr(group_queries, "_MAX_SEARCHED_MAILS", 5)
    add(store, *[b"Subject: red\r\nX-Tags: a\r\n\r\n"] * 9)
    while store.index_pending():
        pass
    for by, name in (("recipient", "ann@example.com"), ("tag", "a")):
        for search in ((), (TextTerm("subject", "red"),)):
            found = store.get_groups(by, search)
            counted = found.groups[0].mails
            assert ([one.name for one in found.groups], found.is_estimate) == ([name], counted < 9)
            assert counted == (9 if isinstance(store, MemoryStore) else 5)


def test_groups_of_mails_with_many_recipients_are_estimated(store, monkeypatch):
    monkeypatch.setattr(groups, "_MAX_COUNTED_GROUPS", 50)
    for number in range(30):
        add(store, b"\r\n", to=[f"{number}-{position}@example.com" for position in range(10)])
    while store.index_pending():
        pass
    found = store.get_groups("recipient")

    assert found.is_estimate and found.has_more is False
    assert 50 <= len(found.groups) <= 150 and found.groups[0].name == "29-0@example.com"
    monkeypatch.setattr(groups, "_MAX_COUNTED_GROUPS", 300)
    monkeypatch.setattr(groups, "_MIN_ADDITIONS", 100)
    monkeypatch.setattr(groups, "_MAX_SECONDS", -1)
    found = store.get_groups("recipient")
    assert found.is_estimate and 100 <= len(found.groups) <= 210


# -- changes ---------------------------------------------------------------------------------------


def record_changes(store, act):
    """Return the changes that a listener gets during `act()`, as pairs of kind and IDs."""
    changes = queue.SimpleQueue()
    unsubscribe = store.subscribe(changes.put)
    with contextlib.ExitStack() as stack:
        stack.callback(unsubscribe)
        _changes_until_new(store, changes)  # earlier changes may still arrive
        act()
        return [(change.kind, change.ids) for change in _changes_until_new(store, changes)]


def _changes_until_new(store, changes):
    """Add a mail, and return the changes that arrive before it."""
    [last] = add(store, b"\r\nthe last")
    found = []
    while True:
        change = changes.get(timeout=SECONDS)
        if change.kind == "new" and last in change.ids:  # a store may report several calls of `add` together
            earlier = change.ids[: change.ids.index(last)]
            return [*found, dataclasses.replace(change, ids=earlier)] if earlier else found
        found.append(change)


def names(changes, kind):
    assert {one for one, _ in changes} == {kind}
    return [one for _, ids in changes for one in ids]


def test_new_changes_arrive_in_order(store):
    ids = []
    changes = record_changes(store, lambda: ids.extend([*add(store, *[b"\r\n"] * 250), *add(store, b"\r\n")]))

    assert names(changes, "new") == ids


def test_new_changes_have_the_mails_themselves(store):
    changes = queue.Queue()
    added = [arrival(b"Subject: x\r\n\r\n") for _ in range(250)]
    unsubscribe = store.subscribe(changes.put)
    store.add(added)
    received = []
    while len(received) < len(added):
        change = changes.get(timeout=SECONDS)
        if change.kind == "new":
            assert [one.id for one in change.arrivals] == list(change.ids)
            received += change.arrivals
    unsubscribe()

    assert received == added


def test_changes_list_the_changed_mails(store):
    ids = add(store, b"\r\n", b"\r\n", b"\r\n")
    store.set_read(read=True, ids=ids[:1])

    def read():
        store.set_read(read=True, ids=ids)
        store.set_read(read=True, ids=ids)

    assert sorted(names(record_changes(store, read), "read")) == ids[1:]
    assert names(record_changes(store, lambda: store.set_read(read=False, ids=ids[:1])), "unread") == ids[:1]
    assert sorted(names(record_changes(store, lambda: store.set_tags([*ids[1:], "no"], ["a"])), "tags")) == ids[1:]
    assert sorted(names(record_changes(store, lambda: store.delete(ids=[*ids[:2], "no"])), "delete")) == ids[:2]
    assert names(record_changes(store, lambda: store.delete((TagTerm("a"),))), "delete") == ids[2:]


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (lambda store: store.delete(), "truncate"),
        (lambda store: store.rename_tag("a", "b"), "prune"),
        (lambda store: store.delete_tag("a"), "prune"),
        (lambda store: store.prune(Retention(max_mails=1), NOON.timestamp()), "prune"),
    ],
)
def test_changes_to_many_mails_list_none(store, act, kind):
    add(store, b"X-Tags: a\r\n\r\n", b"X-Tags: a\r\n\r\n")

    changes = record_changes(store, lambda: act(store))

    assert changes and set(changes) == {(kind, ())}


def test_changes_cover_all_of_many_mails(store):
    ids = add(store, *[b"\r\n"] * 350)

    assert sorted(names(record_changes(store, lambda: store.set_read(read=True, ids=ids)), "read")) == sorted(ids)
    changes = record_changes(store, lambda: store.delete(ids=ids))
    assert {kind for kind, _ in changes} == {"prune"} or sorted(names(changes, "delete")) == sorted(ids)


@pytest.mark.parametrize(
    "act",
    [
        lambda store: store.add([]),
        lambda store: store.set_read(read=True, ids=["no"]),
        lambda store: store.set_read(read=False),
        lambda store: store.delete(TO_BOB),
        lambda store: store.delete(ids=[]),
        lambda store: store.set_tags(["no"], ["a"]),
        lambda store: store.rename_tag("no", "a"),
        lambda store: store.delete_tag("no"),
        lambda store: store.prune(Retention(max_mails=1000), NOON.timestamp()),
        lambda store: store.index_pending(),
        lambda store: store.get_page(),
        lambda store: store.open_message(),
        lambda store: store.open_message("no", mark_read=True),
    ],
)
def test_calls_without_effect_publish_nothing(store, act):
    add(store, b"\r\n")

    assert record_changes(store, lambda: act(store)) == []


def test_change_is_published_after_the_commit(store):
    """A listener that reads the store at once finds the mail."""
    changes = queue.SimpleQueue()
    leave = store.subscribe(changes.put)
    thread = threading.Thread(target=lambda: [add(store, b"\r\n") for _ in range(30)])
    thread.start()
    seen = 0
    while seen < 30:
        for one in changes.get(timeout=SECONDS).ids:
            assert store.get_entry(one) is not None
            seen += 1
    thread.join()
    leave()


def test_unsubscribing_leaves_the_other_listeners(store):
    left, stays, raises = queue.SimpleQueue(), queue.SimpleQueue(), []

    def broken(change):
        raises.append(change)
        raise RuntimeError("a mistake in the listener")

    leave = store.subscribe(left.put)
    leaves = [store.subscribe(broken), store.subscribe(stays.put)]
    leave()
    leave()

    _changes_until_new(store, stays)
    _changes_until_new(store, stays)

    assert left.empty()
    assert len(raises) >= 2
    for leave in leaves:
        leave()


# -- retention -------------------------------------------------------------------------------------

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("retention", "left"),
    [
        (Retention(), "abcdef"),
        (Retention(max_mails=6, max_bytes=600, max_age=7 * DAY), "abcdef"),
        (Retention(max_mails=4), "cdef"),
        (Retention(max_mails=1), "f"),
        (Retention(max_mails=0), ""),
        (Retention(max_bytes=599), "bcdef"),
        (Retention(max_bytes=300), "def"),
        (Retention(max_bytes=100), "f"),
        (Retention(max_bytes=99), ""),
        (Retention(max_age=5 * DAY), "abcdef"),
        (Retention(max_age=4 * DAY), "bcdef"),
        (Retention(max_age=3 * DAY - timedelta(microseconds=1)), "def"),
        (Retention(max_mails=5, max_bytes=450, max_age=2 * DAY), "def"),
        (Retention(max_mails=2, max_bytes=450, max_age=4 * DAY), "ef"),
        (Retention(max_age=timedelta(0), max_fraction_by_age=1.0), "f"),
        (Retention(max_age=timedelta(0)), "def"),
        (Retention(max_age=timedelta(0), max_fraction_by_age=0.2), "bcdef"),
        (Retention(max_age=timedelta(0), max_fraction_by_age=0.0), "bcdef"),
        (Retention(max_mails=10**12, max_bytes=10**18, max_age=timedelta(days=36_500)), "abcdef"),
    ],
)
def test_prune_deletes_the_oldest_beyond_the_limits(store, retention, left):
    ids = [add(store, b"\r\n".ljust(100, b"x"), at=NOON - n * DAY, id=f"id{'fedcba'[n]}")[0] for n in range(5, -1, -1)]

    assert store.prune(retention, NOON.timestamp()) == 6 - len(left)
    assert ids_of(store) == [f"id{letter}" for letter in reversed(left)]
    assert store.get_totals() == Totals(len(left), len(left), 100 * len(left))
    assert all((store.get_mail(one) is not None) is (one[-1] in left) for one in ids)


def test_clock_jump_deletes_half_and_logs_a_warning(store, caplog):
    add(store, *[b"\r\n"] * 5)
    retention, in_ten_years = Retention(max_age=DAY), (NOON + 3650 * DAY).timestamp()

    assert store.prune(retention, in_ten_years) == 2
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert [store.prune(retention, in_ten_years) for _ in range(4)] == [1, 1, 1, 0]


def test_prune_by_age_finds_old_mails_between_new_ones(store):
    [first] = add(store, b"\r\n", at=NOON)
    [second] = add(store, b"\r\n", at=NOON - 10 * DAY)
    [third] = add(store, b"\r\n", at=NOON)

    assert store.prune(Retention(max_age=DAY), NOON.timestamp()) == 1
    assert ids_of(store) == [third, first]
    assert store.get_mail(second) is None


@pytest.mark.slow
def test_pruning_many_mails_keeps_the_rest_searchable(store):
    ids = add(store, *[b"X-Tags: t%d\r\n\r\nword%d" % (n % 3, n) for n in range(3000)])
    while store.index_pending(1000):
        pass

    assert store.prune(Retention(max_mails=10), NOON.timestamp()) == 2990
    assert ids_of(store) == ids[:-11:-1]
    assert ids_of(store, (TextTerm("anywhere", "word2999"),)) == ids[-1:]
    assert ids_of(store, (TextTerm("anywhere", "word1000"),)) == []
    assert sum(store.count_tags().values()) == 10


# -- notes -----------------------------------------------------------------------------------------


def test_note_is_replaced_only_if_expected(store):
    assert store.get_note("key") is None
    assert not store.compare_and_set_note("key", "a", expected="b")
    assert store.compare_and_set_note("key", "a", expected=None)
    assert not store.compare_and_set_note("key", "b", expected=None)
    assert not store.compare_and_set_note("key", "b", expected="A")
    assert store.compare_and_set_note("key", "ü'%\n🎉", expected="a")
    assert store.compare_and_set_note("other", "", expected=None)
    store.delete()
    assert (store.get_note("key"), store.get_note("other"), store.get_note("KEY")) == ("ü'%\n🎉", "", None)


# -- concurrency -----------------------------------------------------------------------------------


def run_concurrently(*functions):
    """Run the functions in threads that start together; raise the first exception of any."""
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


def test_one_of_concurrent_compare_and_set_calls_succeeds(store):
    def take_turns(number):
        for before, value in itertools.pairwise([None, *map(str, range(10))]):
            start.wait()
            answers[number].append(store.compare_and_set_note("turn", value, expected=before))

    answers, start = [[] for _ in range(6)], threading.Barrier(6)
    run_concurrently(*[functools.partial(take_turns, number) for number in range(6)])

    assert [sum(turn) for turn in zip(*answers, strict=True)] == [1] * 10


@pytest.mark.slow
def test_threads_add_read_change_and_delete_concurrently(store):
    """Each thread changes its own mails, while others read all of them."""
    workers, each = 6, 15
    kept, done = [], threading.Event()

    def work(number):
        mine = (HeaderTerm("x-worker", str(number)),)
        for n in range(each):
            ids = add(store, *[b"X-Worker: %d\r\nX-Tags: t%d\r\n\r\nHello\r\n" % (number, n)] * 3)
            assert store.get_mail(ids[0]).content.endswith(b"Hello\r\n")
            assert store.get_entry(ids[2], mine).id == ids[2]
            assert store.set_read(mine, read=True, ids=ids[:2]) in (ids[:2], ids[1::-1])
            store.set_tags(ids[1:], [f"worker{number}"], mine)
            assert store.delete(mine, ids=ids[:1]) == 1
            assert store.get_mail(ids[0]) is None
            kept.extend(ids[1:])

    def look():
        while not done.is_set():
            page = store.get_page(limit=None)
            assert len(page.entries) == page.match_count
            assert [entry.number for entry in page.entries] == sorted(
                {entry.number for entry in page.entries}, reverse=True
            )
            store.index_pending(5)
            store.count_tags()
            store.get_totals((FlagTerm("read"),))

    def all_of_it():
        try:
            run_concurrently(*[functools.partial(work, number) for number in range(workers)])
        finally:
            done.set()

    run_concurrently(all_of_it, look, look)

    assert sorted(ids_of(store)) == sorted(kept)
    assert store.get_totals().mails == 2 * workers * each
    assert store.get_totals().unread == workers * each
    assert store.count_tags() == {f"worker{number}": 2 * each for number in range(workers)}


def test_concurrent_changes_report_each_mail_once(store):
    ids = add(store, *[b"\r\n"] * 40)
    marked, gone = [], []

    run_concurrently(*[lambda: marked.extend(store.set_read(read=True, ids=ids))] * 5)
    run_concurrently(*[lambda: [gone.append(store.delete(ids=[one])) for one in ids]] * 5)

    assert sorted(marked) == sorted(ids)
    assert sum(gone) == len(ids)


def test_threads_read_one_mail_concurrently(store):
    content = b"Subject: Hi\r\n\r\n" + b"x" * 100_000
    [one] = add(store, [content[n : n + 1000] for n in range(0, len(content), 1000)])

    run_concurrently(
        *[
            lambda: (
                (store.get_mail(one).content == content and store.get_entry(one).subject == "Hi") or pytest.fail("no")
            )
        ]
        * 8
    )


# -- searches --------------------------------------------------------------------------------------


@pytest.fixture
def searchable(store):
    """Fill the store with the search corpus; return the reference facts, newest first."""
    arrivals = list(library())
    store.add(arrivals)
    facts = [Facts(one) for one in arrivals]
    for one in facts[::7]:
        one.read = True
    store.set_read(read=True, ids=[one.id for one in facts[::7]])
    for one in facts[3::10]:
        one.tags = ["late", "Two Words"]
    store.set_tags([one.id for one in facts[3::10]], ["late", "Two Words"])
    return facts[::-1]


def differing(store, facts, searches):
    """Yield the searches whose page differs from the reference, with both results."""
    for search in searches:
        wanted = [one for one in facts if one.matches(search)]
        page = store.get_page(search, limit=None)
        found = [entry.id for entry in page.entries], page.match_count, page.unread_count
        expected = [one.id for one in wanted], len(wanted), sum(not one.read for one in wanted)
        if found != expected:
            yield search, found, expected


def miscounted(store, facts, searches):
    """Yield the searches whose totals differ; faster, and nearly as exact, as sizes are nearly unique."""
    for search in searches:
        wanted = [one for one in facts if one.matches(search)]
        found = store.get_totals(search)
        expected = Totals(len(wanted), sum(not one.read for one in wanted), sum(one.size for one in wanted))
        if found != expected:
            yield search, found, expected


def negated(term):
    return type(term)(**{**{name: getattr(term, name) for name in term.__match_args__}, "negated": True})


@pytest.mark.slow
def test_terms_and_negations_match_the_reference(store, searchable):
    found = {}
    for term in terms():
        count = sum(term.matches(one) for one in searchable)
        found[type(term)] = found.get(type(term), 0) + (0 < count < len(searchable))
    assert all(
        found[kind] >= 3
        for kind in (TextTerm, AddressTerm, HeaderTerm, TagTerm, UserTerm, FlagTerm, SizeTerm, DateTerm)
    ), found

    assert list(differing(store, searchable, ((term,) for term in terms()))) == []
    assert list(miscounted(store, searchable, ((negated(term),) for term in terms()))) == []


@pytest.mark.slow
def test_combined_terms_match_the_reference(store, searchable):
    chance = random.Random(6)
    useful = [one for term in terms() for one in (term, negated(term)) if any(map(one.matches, searchable))]
    searches = [tuple(chance.choices(useful, k=chance.choice((2, 2, 2, 3, 4, 50)))) for _ in range(150)]

    assert sum(any(one.matches(search) for one in searchable) for search in searches) > 20
    assert list(differing(store, searchable, searches)) == list(miscounted(store, searchable, searches)) == []


@pytest.mark.slow
def test_any_substring_is_found(store, searchable):
    """A substring may start and end inside words, and have any length."""
    chance = random.Random(7)
    searches = []
    for one in searchable:
        places = [(TextTerm, where, part) for where, text in one.texts.items() for part in text.split("\n") if part]
        places += [(HeaderTerm, name, value) for name, value in one.headers if value]
        for kind, where, text in chance.sample(places, min(4, len(places))):
            start, length = chance.randrange(len(text)), chance.choice((1, 2, 3, 4, 10, 100))
            searches.append((kind(where, fold(text[start : start + length])),))
        for where, address in chance.sample(one.addresses, min(2, len(one.addresses))):
            start = chance.randrange(len(address) + 1)
            end = chance.randrange(start, len(address) + 1)
            searches.append((AddressTerm(where, f"{address[:start]}*{address[end:]}"),))

    assert all(any(one.matches(search) for one in searchable) for search in searches)
    assert list(differing(store, searchable, searches)) == []


COMMON = (TextTerm("anywhere", "common"),)


def test_counts_of_a_common_word_are_estimates_in_large_stores(store, monkeypatch):
    ids = add(store, *[b"Subject: %d\r\n\r\ncommon\r\n" % n for n in range(90)])
    store.set_read(read=True, ids=ids[1::2])
    while store.index_pending():
        pass
    exact = store.get_page(COMMON, limit=10)
    assert (exact.match_count, exact.unread_count, exact.is_estimate) == (90, 45, False)

    monkeypatch.setattr(counting_limit, "_MIN_MAILS", 20)
    monkeypatch.setattr(counting_limit, "_MAX_SECONDS", -1.0)
    page = store.get_page(COMMON, limit=10)
    assert page.is_estimate
    assert [entry.id for entry in page.entries] == ids[:-11:-1]
    assert 80 <= page.match_count <= 100 and 40 <= page.unread_count <= 50
    for search, options in ((COMMON, {"limit": None}), (COMMON, {"start": 80}), ((TextTerm("subject", "7"),), {})):
        page = store.get_page(search, **options)
        assert not page.is_estimate
        assert page.match_count == store.get_totals(search).mails
    assert store.get_latest(COMMON).id == ids[-1]


@pytest.mark.parametrize(
    "search",
    [
        COMMON,
        (TextTerm("subject", "common"),),
        (TextTerm("from", "shop"), TextTerm("anywhere", "common")),
        (TextTerm("anywhere", "rare", negated=True),),
        (TextTerm("anywhere", "co"),),
        (TextTerm("message-id", "common"),),
        (HeaderTerm("x-kind", "common"),),
        (HeaderTerm("x-kind", ""),),
        (AddressTerm("to", "ann@example.com"),),
        (AddressTerm("to", "*@example.com"),),
        (AddressTerm("recipient", "ann@example.com"), TextTerm("anywhere", "common")),
        (TagTerm("blue"), TextTerm("anywhere", "common")),
        (UserTerm("ann"), TextTerm("anywhere", "common")),
        (NumberTerm(10**6), TextTerm("anywhere", "common")),
        (SizeTerm("larger", 1), TextTerm("anywhere", "common")),
        (FlagTerm("read", negated=True), TextTerm("anywhere", "common")),
        (TextTerm("anywhere", "x" * 200),),
    ],
)
def test_pages_of_a_search_continue_each_other(store, search):
    head = b"From: shop@example.com\r\nTo: ann@example.com\r\nSubject: Common %d\r\nX-Kind: common\r\nX-Tags: blue\r\n"
    long = b"common " + b"x" * 60_000  # longer than what the full-text index holds
    texts = (b"common\r\n", b"rare\r\n", long)
    contents = [head % n + b"Message-ID: <common%d@x>\r\n\r\n" % n + texts[n % 3] for n in range(24)]
    add(store, *contents[:20], user="ann")
    while store.index_pending():
        pass
    add(store, *contents[20:], user="ann")

    whole = ids_of(store, search)
    assert len(whole) >= 8
    pages = [store.get_page(search, start=start, limit=5) for start in range(0, 30, 5)]
    assert [entry.id for page in pages for entry in page.entries] == whole
    assert {page.match_count for page in pages} == {len(whole)} == {store.get_totals(search).mails}
    assert store.get_latest(search).id == whole[0]


def test_searches_wait_for_each_other(store, monkeypatch):
    """More searches than may run at a time are all answered, each within its own time limit."""
    ids = add(store, *[b"Subject: %d\r\n\r\ncommon\r\n" % n for n in range(30)])
    running, most = [], []
    acquire = store._search_limit._slots.acquire
    release = store._search_limit._slots.release

    def count_start(**options):
        is_acquired = acquire(**options)
        running.append(None)
        most.append(len(running))
        return is_acquired

    def count_end():
        running.pop()
        release()

    monkeypatch.setattr(store._search_limit._slots, "acquire", count_start)
    monkeypatch.setattr(store._search_limit._slots, "release", count_end)
    found = []

    run_concurrently(*[lambda: found.append(ids_of(store, COMMON))] * 12)

    assert found == [ids[::-1]] * 12
    assert len(most) == 12 and max(most) <= store._search_limit.max_searches


def test_search_results_follow_changes(store, searchable):
    [some, *_] = searches = [
        (TextTerm("subject", "welcome"),),
        (FlagTerm("read"),),
        (TagTerm("changed"),),
        (FlagTerm("tagged"),),
    ]
    chosen = [one for one in searchable if one.matches(some)]
    assert len(chosen) >= 3

    store.set_read(some, read=True)
    store.set_tags([one.id for one in searchable], ["Changed"], some)
    for one in chosen:
        one.read, one.tags = True, ["Changed"]
    assert list(differing(store, searchable, searches)) == []
    assert store.delete((*some, SizeTerm("larger", 80))) == sum(one.size > 80 for one in chosen) > 0
    left = [one for one in searchable if not (one.matches(some) and one.size > 80)]
    assert list(differing(store, left, searches)) == []


__all__ += [name for name in dir() if name.startswith("test_")] + ["searchable", "short_budget", "two"]

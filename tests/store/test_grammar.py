"""What people type is read into the terms that it asks for, or refused with what would do."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lazr.smtptest.errors import BadSearch
from lazr.smtptest.store.grammar import LONGEST, MOST_TERMS, parse
from lazr.smtptest.store.indexed import holdable
from lazr.smtptest.store.search import Address, Flag, Header, Size, Tag, Text, Time, User, fold

NOW = datetime(2024, 5, 6, 12, tzinfo=UTC)


def words(text):
    return Text("anywhere", text)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        (" \t\n ", []),
        ("welcome", [words("welcome")]),
        ("Welcome TO  the club", [words("welcome"), words("to"), words("the"), words("club")]),
        ('"Welcome  to" club', [words("welcome to"), words("club")]),
        ('wel"come to"', [words("welcome to")]),
        ("Straße", [words("strasse")]),
        ("a a A", [words("a")]),
        ("-a !b", [Text("anywhere", "a", negated=True), Text("anywhere", "b", negated=True)]),
        ('-"a b"', [Text("anywhere", "a b", negated=True)]),
        ("--a", [Text("anywhere", "-a", negated=True)]),
        ("a-b!", [words("a-b!")]),
        ("- ! & ... %", []),  # signs alone say nothing, as in Mailpit
        ('"%" "-a" "" " "', [words("%"), words("-a")]),
        ("🎉 привет", [words("🎉"), words("привет")]),
        ("a\0b \ud800", [words("a\ufffdb"), words("\ufffd")]),
        ("http://example.com foo:bar", [words("http://example.com"), words("foo:bar")]),
        ('"to:ann" "is:read"', [words("to:ann"), words("is:read")]),  # in quotes, nothing is a filter
        ("to:Ann", [Text("to", "ann")]),
        ('TO:"Ann Lee"', [Text("to", "ann lee")]),
        ('-from:"Ann <ann@example.com>"', [Text("from", "ann <ann@example.com>", negated=True)]),
        ("from:a cc:b bcc:c", [Text("from", "a"), Text("cc", "b"), Text("bcc", "c")]),
        ("reply-to:a addressed:b", [Text("reply-to", "a"), Text("addressed", "b")]),
        ("subject:re: subject:=a", [Text("subject", "re:"), Text("subject", "=a")]),
        ("message-id:<A@b>", [Text("message-id", "a@b")]),
        ('to:"" tag:" " subject:""', []),
        ("to:=Ann@Example.com", [Address("to", "ann@example.com")]),
        ("!cc:=*@example.com", [Address("cc", "*@example.com", negated=True)]),
        ("bcc:=a?b@* reply-to:=a", [Address("bcc", "a?b@*"), Address("reply-to", "a")]),
        ("from:=<a@b>", [Address("from", "a@b")]),
        ('to:"=a"', [Text("to", "=a")]),
        ("sender:Ann@example.com recipient:=b@*", [Address("sender", "ann@example.com"), Address("recipient", "b@*")]),
        ("sender:<> recipient:<b@c>", [Address("sender", ""), Address("recipient", "b@c")]),
        ('recipient:"a b"@example.com', [Address("recipient", '"a b"@example.com')]),
        ('recipient:"ann@example.com"', [Address("recipient", "ann@example.com")]),
        ("recipient:a**b***", [Address("recipient", "a*b*")]),
        ("user:Ann", [User("Ann")]),
        ('user:""', [User("")]),
        ("header:X-Campaign", [Header("x-campaign", "")]),
        ("header:X-Campaign=Welcome", [Header("x-campaign", "welcome")]),
        ('-header:x-campaign="Big = Sale"', [Header("x-campaign", "big = sale", negated=True)]),
        ("header:list-id=<a:b>", [Header("list-id", "<a:b>")]),
        ("tag:One", [Tag("one")]),
        ('tag:"Two  Words" -tag:a', [Tag("two words"), Tag("a", negated=True)]),
        ("is:read is:Tagged", [Flag("read"), Flag("tagged")]),
        ("IS:UNREAD", [Flag("read", negated=True)]),
        ("-is:unread", [Flag("read")]),
        ("has:attachment has:attachments", [Flag("attachment")]),
        ("has:inline -has:inlines", [Flag("inline"), Flag("inline", negated=True)]),
        ("larger:5 smaller:5b", [Size("larger", 5), Size("smaller", 5)]),
        ("larger:2k larger:2KB", [Size("larger", 2048)]),
        ("smaller:1.5M smaller:2mb", [Size("smaller", 3 * 2**19), Size("smaller", 2**21)]),
        ('larger:"2 KB" larger:1g', [Size("larger", 2048), Size("larger", 2**30)]),
        ("smaller:999999999999999g", [Size("smaller", 2**53)]),
        ("after:2024-05-06", [Time("after", NOW - timedelta(hours=12))]),
        ("before:1/4/2024", [Time("before", datetime(2024, 1, 4, tzinfo=UTC))]),
        ('after:"May 6, 2024 1pm"', [Time("after", NOW + timedelta(hours=1))]),
        ("-before:36h", [Time("before", NOW - timedelta(hours=36), negated=True)]),
    ],
)
def test_a_text_is_read_into_terms(text, terms):
    assert parse(text, now=NOW) == tuple(terms)


def test_a_date_is_in_the_zone_that_was_asked_for():
    zone = timezone(timedelta(hours=2))

    assert parse("after:2024-05-06", zone=zone) == (Time("after", datetime(2024, 5, 5, 22, tzinfo=UTC)),)
    assert parse("after:2024-05-06T00:00Z", zone=zone) == (Time("after", datetime(2024, 5, 6, tzinfo=UTC)),)


def test_what_counts_from_now_counts_from_the_clock_if_nobody_says_when_that_is():
    before = datetime.now(UTC)
    [term] = parse("after:1h")

    assert before <= term.at + timedelta(hours=1) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("text", "problem", "leniently"),
    [
        ("before:31/12/2024 a", r"before: '31/12/2024' is no date; write 2024-12-31", [words("a")]),
        ("-after:soon", "after: 'soon' is no date", []),
        ("larger:many", "larger: 'many' is no size; write 500, 20KB or 1.5MB", [words("larger:many")]),
        ("smaller:-1", "smaller: '-1' is no size", [words("smaller:-1")]),
        ("smaller:1TB", "is no size", [words("smaller:1tb")]),
        ("-is:new", "is: 'new' is none of read, unread, tagged", [Text("anywhere", "is:new", negated=True)]),
        ("has:html", "has: 'html' is none of attachment", [words("has:html")]),
        ("to:", "to: has nothing behind it", []),
        ("Subject: hello", "Subject: has nothing behind it", [words("hello")]),
        ("header:", "header: has nothing behind it", []),
        ("header:=a", "header: which one", []),
        ('a "b c', "a quote .* is missing", [words("a"), words("b c")]),
        ("recipient:" + "*a" * 11, "recipient: an address has at most 10 asterisks", []),
        ("to: is:new", "to: .*; is: ", [words("is:new")]),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_would_or_read_as_mailpit_reads_it(text, problem, leniently):
    with pytest.raises(BadSearch, match=problem):
        parse(text)

    assert parse(text, lenient=True) == tuple(leniently)


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize(
    ("most", "problem"),
    [("a" * LONGEST, "at most 1,024 characters"), (" ".join(map(str, range(MOST_TERMS))), "at most 50 terms")],
)
def test_a_text_has_an_end(most, problem, lenient):
    parse(most, lenient=lenient)

    with pytest.raises(BadSearch, match=problem):
        parse(most + " a", lenient=lenient)


NAMES = [
    "to",
    "from",
    "cc",
    "sender",
    "recipient",
    "user",
    "header",
    "tag",
    "is",
    "has",
    "larger",
    "after",
    "before",
    "x",
]
TEXTS = st.lists(
    st.one_of(
        st.text(max_size=8),
        st.builds("{}:{}".format, st.sampled_from(NAMES), st.text(max_size=8)),
        st.sampled_from(['"', "-", "!", "=", "*", "?", ":", " ", "is:read", "after:1h", "\0", "\ud800", "<", ">"]),
    ),
    max_size=30,
).map("".join)


@given(TEXTS)
@example("header:" + "\x85" * 3)
@example('-"')
@example('recipient:"@')
def test_whatever_is_typed_is_a_search_or_a_bad_one(text):
    """What a store is asked is folded, and something that it can hold."""
    leniently = parse(text, now=NOW, lenient=True)
    for term in leniently:
        for name in ("words", "address", "tag", "name"):
            value = getattr(term, name, "")
            assert holdable(value) == value
            assert isinstance(term, User) or fold(value) == value
    try:
        strictly = parse(text, now=NOW)
    except BadSearch as error:
        assert str(error)
    else:
        assert strictly == leniently


@given(st.text(max_size=300), st.text(max_size=300))
def test_a_phrase_is_looked_for_to_the_letter(phrase, more):
    phrase = phrase.replace('"', "")

    assert parse(f'"{phrase}" "{more.replace(chr(34), "")}"')[: bool(fold(phrase))] == (
        (words(fold(holdable(phrase))),) if fold(phrase) else ()
    )


@pytest.mark.parametrize(
    "piece",
    [
        '"',
        '" ',
        "-",
        "!",
        ":",
        "to:",
        "a:",
        "=",
        "*",
        "is:",
        "a ",
        '"a',
        "after:9",
        "1/",
        " ",
        "\u3000",
        "<",
        "after:1 ",
    ],
)
def test_the_longest_texts_take_no_time(piece):
    text = (piece * LONGEST)[:LONGEST]
    begin = time.process_time()

    for whole in (text, f"after:{text}"[:LONGEST], f"recipient:{text}"[:LONGEST], f"larger:{text}"[:LONGEST]):
        try:
            parse(whole, now=NOW, lenient=True)
        except BadSearch:
            assert piece in ("a ", "a:", '"a')

    # Far more than the few milliseconds that it takes, so as not to fail by chance.
    assert time.process_time() - begin < 2

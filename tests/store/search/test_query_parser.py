"""Queries are parsed into terms, or rejected with a description of the valid form."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lazr.smtptest.errors import BadSearch
from lazr.smtptest.store import (
    MAX_QUERY_CHARACTERS,
    MAX_QUERY_TERMS,
    AddressTerm,
    DateTerm,
    FlagTerm,
    FolderTerm,
    HeaderTerm,
    SizeTerm,
    TagTerm,
    TextTerm,
    UserTerm,
    fold,
    make_storable,
    parse_query,
)

NOW = datetime(2024, 5, 6, 12, tzinfo=UTC)


def words(text):
    return TextTerm("anywhere", text)


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
        ("-a !b", [TextTerm("anywhere", "a", negated=True), TextTerm("anywhere", "b", negated=True)]),
        ('-"a b"', [TextTerm("anywhere", "a b", negated=True)]),
        ("--a", [TextTerm("anywhere", "-a", negated=True)]),
        ("a-b!", [words("a-b!")]),
        ("- ! & ... %", []),  # punctuation alone is ignored, as in Mailpit
        ('"%" "-a" "" " "', [words("%"), words("-a")]),
        ("🎉 привет", [words("🎉"), words("привет")]),
        ("a\0b \ud800", [words("a\ufffdb"), words("\ufffd")]),
        ("http://example.com foo:bar", [words("http://example.com"), words("foo:bar")]),
        ('"to:ann" "is:read"', [words("to:ann"), words("is:read")]),  # a quoted term is never a filter
        ("to:Ann", [TextTerm("to", "ann")]),
        ('TO:"Ann Lee"', [TextTerm("to", "ann lee")]),
        ('-from:"Ann <ann@example.com>"', [TextTerm("from", "ann <ann@example.com>", negated=True)]),
        ("from:a cc:b bcc:c", [TextTerm("from", "a"), TextTerm("cc", "b"), TextTerm("bcc", "c")]),
        ("reply-to:a addressed:b", [TextTerm("reply-to", "a"), TextTerm("addressed", "b")]),
        ("subject:re: subject:=a", [TextTerm("subject", "re:"), TextTerm("subject", "=a")]),
        ("message-id:<A@b>", [TextTerm("message-id", "a@b")]),
        ('to:"" tag:" " subject:""', []),
        ("to:=Ann@Example.com", [AddressTerm("to", "ann@example.com")]),
        ("!cc:=*@example.com", [AddressTerm("cc", "*@example.com", negated=True)]),
        ("bcc:=a?b@* reply-to:=a", [AddressTerm("bcc", "a?b@*"), AddressTerm("reply-to", "a")]),
        ("from:=<a@b>", [AddressTerm("from", "a@b")]),
        ('to:"=a"', [TextTerm("to", "=a")]),
        (
            "sender:Ann@example.com recipient:=b@*",
            [AddressTerm("sender", "ann@example.com"), AddressTerm("recipient", "b@*")],
        ),
        ("sender:<> recipient:<b@c>", [AddressTerm("sender", ""), AddressTerm("recipient", "b@c")]),
        ('recipient:"a b"@example.com', [AddressTerm("recipient", '"a b"@example.com')]),
        ('recipient:"ann@example.com"', [AddressTerm("recipient", "ann@example.com")]),
        ("recipient:a**b***", [AddressTerm("recipient", "a*b*")]),
        ("user:Ann", [UserTerm("Ann")]),
        ('user:""', [UserTerm("")]),
        ("in:Inbox", [FolderTerm(None, "")]),
        ('in:"Old Mails/2024/"', [FolderTerm(None, "old mails/2024")]),
        ("-in:sent", [FolderTerm(None, "sent", negated=True)]),
        ("header:X-Campaign", [HeaderTerm("x-campaign", "")]),
        ("header:X-Campaign=Welcome", [HeaderTerm("x-campaign", "welcome")]),
        ('-header:x-campaign="Big = Sale"', [HeaderTerm("x-campaign", "big = sale", negated=True)]),
        ("header:list-id=<a:b>", [HeaderTerm("list-id", "<a:b>")]),
        ("tag:One", [TagTerm("one")]),
        ('tag:"Two  Words" -tag:a', [TagTerm("two words"), TagTerm("a", negated=True)]),
        ("is:read is:Tagged", [FlagTerm("read"), FlagTerm("tagged")]),
        ("IS:UNREAD", [FlagTerm("read", negated=True)]),
        ("-is:unread", [FlagTerm("read")]),
        ("has:attachment has:attachments", [FlagTerm("attachment")]),
        ("has:inline -has:inlines", [FlagTerm("inline"), FlagTerm("inline", negated=True)]),
        ("larger:5 smaller:5b", [SizeTerm("larger", 5), SizeTerm("smaller", 5)]),
        ("larger:2k larger:2KB", [SizeTerm("larger", 2048)]),
        ("smaller:1.5M smaller:2mb", [SizeTerm("smaller", 3 * 2**19), SizeTerm("smaller", 2**21)]),
        ('larger:"2 KB" larger:1g', [SizeTerm("larger", 2048), SizeTerm("larger", 2**30)]),
        ("smaller:999999999999999g", [SizeTerm("smaller", 2**53)]),
        ("after:2024-05-06", [DateTerm("after", NOW - timedelta(hours=12))]),
        ("before:1/4/2024", [DateTerm("before", datetime(2024, 1, 4, tzinfo=UTC))]),
        ('after:"May 6, 2024 1pm"', [DateTerm("after", NOW + timedelta(hours=1))]),
        ("-before:36h", [DateTerm("before", NOW - timedelta(hours=36), negated=True)]),
    ],
)
def test_query_is_parsed_into_terms(text, terms):
    assert parse_query(text, now=NOW) == tuple(terms)


def test_date_is_in_the_given_zone():
    zone = timezone(timedelta(hours=2))

    assert parse_query("after:2024-05-06", zone=zone) == (DateTerm("after", datetime(2024, 5, 5, 22, tzinfo=UTC)),)
    assert parse_query("after:2024-05-06T00:00Z", zone=zone) == (DateTerm("after", datetime(2024, 5, 6, tzinfo=UTC)),)


def test_relative_date_uses_the_clock_by_default():
    before = datetime.now(UTC)
    [term] = parse_query("after:1h")

    assert before <= term.date + timedelta(hours=1) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("text", "problem", "lenient_terms"),
    [
        ("before:31/12/2024 a", r"before: must be a date such as 2024-12-31.*'31/12/2024'", [words("a")]),
        ("-after:soon", "after: must be a date", []),
        ("larger:many", "larger: must be a size such as 500, 20KB or 1.5MB, got 'many'", [words("larger:many")]),
        ("smaller:-1", "smaller: must be a size .* got '-1'", [words("smaller:-1")]),
        ("smaller:1TB", "must be a size", [words("smaller:1tb")]),
        ("-is:new", "is: must be one of read, unread, tagged, got", [TextTerm("anywhere", "is:new", negated=True)]),
        ("has:html", "has: must be one of attachment, .* got 'html'", [words("has:html")]),
        ("to:", "to: must have a value after the colon", []),
        ("Subject: hello", "Subject: must have a value after the colon", [words("hello")]),
        ("header:", "header: must have a value after the colon", []),
        ("header:=a", "header: must name a field", []),
        ('a "b c', "a closing quote .* is missing", [words("a"), words("b c")]),
        ("recipient:" + "*a" * 11, "recipient: an address must have at most 10 asterisks", []),
        ("to: is:new", "to: .*; is: ", [words("is:new")]),
    ],
)
def test_invalid_query_is_rejected_or_parsed_leniently(text, problem, lenient_terms):
    with pytest.raises(BadSearch, match=problem):
        parse_query(text)

    assert parse_query(text, lenient=True) == tuple(lenient_terms)


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize(
    ("longest", "problem"),
    [
        ("a" * MAX_QUERY_CHARACTERS, "at most 1,024 characters"),
        (" ".join(map(str, range(MAX_QUERY_TERMS))), "at most 50 terms"),
    ],
)
def test_query_length_and_number_of_terms_are_limited(longest, problem, lenient):
    parse_query(longest, lenient=lenient)

    with pytest.raises(BadSearch, match=problem):
        parse_query(longest + " a", lenient=lenient)


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
def test_any_text_is_parsed_or_rejected(text):
    """The values of terms are folded, and every store can hold them."""
    lenient_terms = parse_query(text, now=NOW, lenient=True)
    for term in lenient_terms:
        for name in ("words", "address", "tag", "name"):
            value = getattr(term, name, "")
            assert make_storable(value) == value
            assert isinstance(term, UserTerm) or fold(value) == value
    try:
        strict_terms = parse_query(text, now=NOW)
    except BadSearch as error:
        assert str(error)
    else:
        assert strict_terms == lenient_terms


@given(st.text(max_size=300), st.text(max_size=300))
def test_quoted_phrase_is_searched_literally(phrase, more):
    phrase = phrase.replace('"', "")

    assert parse_query(f'"{phrase}" "{more.replace(chr(34), "")}"')[: bool(fold(phrase))] == (
        (words(fold(make_storable(phrase))),) if fold(phrase) else ()
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
def test_longest_queries_are_parsed_fast(piece):
    text = (piece * MAX_QUERY_CHARACTERS)[:MAX_QUERY_CHARACTERS]
    begin = time.process_time()

    for query in (
        text,
        f"after:{text}"[:MAX_QUERY_CHARACTERS],
        f"recipient:{text}"[:MAX_QUERY_CHARACTERS],
        f"larger:{text}"[:MAX_QUERY_CHARACTERS],
    ):
        try:
            parse_query(query, now=NOW, lenient=True)
        except BadSearch:
            assert piece in ("a ", "a:", '"a')

    # It takes milliseconds; the limit is for slow machines.
    assert time.process_time() - begin < 2

"""Tags of new mails: by the X-Tags fields, plus addresses, users and searches."""

import pytest

from lazr.smtptest import Envelope
from lazr.smtptest.protocol.smtp.sasl_types import Credentials
from lazr.smtptest.store import Arrival, MemoryStore, TagFilter, TagRules, TagTerm, create_store

CONTENT = (
    b"From: app+From@example.com\r\nTo: Ann <ann+red+blue@example.com>\r\nCc: bob+@example.com\r\n"
    b"X-Tags: own, RED\r\nSubject: Invoice 7\r\n\r\nPay to a=b\r\n"
)
ENVELOPE = Envelope(
    "bounce+sender@example.com",
    ("ann+red+blue@example.com", "joe+hidden+two words@example.com"),
    mail_parameters={},
    rcpt_parameters=({}, {}),
    auth=Credentials("PLAIN", "ci, 7", password="x"),
)
OWN = ("own", "RED")
PLUS = ("blue", "From", "hidden", "two words")


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def make_store(request, tmp_path):
    """Return a function that makes a store of each kind with some tag rules."""
    if request.param == "postgres":
        url = request.getfixturevalue("postgres")
    else:
        url = "memory:" if request.param == "memory" else str(tmp_path / "mail.sqlite")
    return lambda rules: create_store(url, tag_rules=rules)


def parse_filters(*texts):
    return tuple(map(TagFilter.parse, texts))


@pytest.mark.parametrize(
    ("rules", "tags"),
    [
        (None, OWN),
        (TagRules(), OWN),
        (TagRules(x_tags=False), ()),
        (TagRules(plus_addresses=True), (*OWN, *PLUS)),
        (TagRules(x_tags=False, plus_addresses=True), ("red", *PLUS)),
        (TagRules(usernames=True), (*OWN, "ci 7")),
        (TagRules(filters=parse_filters("money, red=subject:invoice", "other=welcome")), (*OWN, "money")),
        (TagRules(filters=parse_filters('two words="pay to" -subject:offer'), x_tags=False), ("two words",)),
        (TagRules(filters=parse_filters("equal=a=b", "to=to:=ann+red+blue@example.com")), (*OWN, "equal", "to")),
        (TagRules(filters=parse_filters('user=user:"ci, 7"', "big=larger:1M")), (*OWN, "user")),
    ],
)
def test_new_mail_gets_the_tags_of_the_rules(make_store, rules, tags):
    with make_store(rules) as store:
        store.add([Arrival("m1", 1_700_000_000.0, ENVELOPE, [CONTENT])])

        assert set(store.get_entry("m1").tags) == set(tags)
        assert set(store.count_tags()) == set(tags)
        for tag in tags:
            assert store.get_page((TagTerm(tag.lower()),)).match_count == 1
        store.set_tags(["m1"], ["new"])
        assert store.get_entry("m1").tags == ("new",)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("invoices", "a tag filter must be TAG=QUERY, as in invoices=subject:invoice, got 'invoices'"),
        ("", "must be TAG=QUERY"),
        ("=query", "must name a tag"),
        (" , =query", "must name a tag"),
        ("tag=", "must have a search"),
        ("tag=  ", "must have a search"),
        ("tag=larger:many", "the query of the tag filter .* is invalid: larger: must be a size"),
        ("tag=before:31/12/2024", "is invalid: before: must be a date"),
        ("tag=tag:other", "must not search for tags or read marks"),
        ("tag=-is:read", "must not search for tags or read marks"),
        ("tag=x is:tagged", "must not search for tags or read marks"),
        ("tag=" + "x" * 2000, "is invalid: a search must have at most 1,024 characters"),
    ],
)
def test_invalid_tag_filter_is_rejected(text, reason):
    with pytest.raises(ValueError, match=reason):
        TagFilter.parse(text)


def test_mail_gets_at_most_100_tags():
    to = tuple(f"ann+{'+'.join(f't{n}' for n in range(start, start + 30))}@example.com" for start in range(0, 300, 30))
    envelope = Envelope("", to, mail_parameters={}, rcpt_parameters=tuple({} for _ in to))
    with MemoryStore(tag_rules=TagRules(plus_addresses=True)) as store:
        store.add([Arrival("m1", 1_700_000_000.0, envelope, [b"\r\n"])])

        assert set(store.get_entry("m1").tags) == {f"t{number}" for number in range(100)}


@pytest.mark.parametrize("url", ["memory:", "postgresql://ann@db.example/mails"])
def test_min_free_needs_a_file(url):
    with pytest.raises(ValueError, match=r"min_free needs an SQLite file: .*; leave it out"):
        create_store(url, min_free=1)

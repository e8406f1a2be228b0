"""The grammar of paths in RFC 5321, and each leniency."""

import time

import pytest

from lazr.smtptest import Lenient
from lazr.smtptest.protocol.smtp.address import AddressGrammar, Path

GOOD = [
    ("<ann@example.com>", "ann@example.com"),
    ("<>", ""),
    ("<Postmaster>", "Postmaster"),
    ("<poSTmaster>", "poSTmaster"),
    ("<a.b.c@x.y.z>", "a.b.c@x.y.z"),
    ("<a!#$%&'*+-/=?^_`{|}~@example.com>", "a!#$%&'*+-/=?^_`{|}~@example.com"),
    ('<"a b"@example.com>', '"a b"@example.com'),
    ('<"a\\"b\\\\c"@example.com>', '"a\\"b\\\\c"@example.com'),
    ('<""@example.com>', '""@example.com'),
    ('<"@"@example.com>', '"@"@example.com'),
    ("<ann@[192.0.2.1]>", "ann@[192.0.2.1]"),
    ("<ann@[IPv6:2001:db8::1]>", "ann@[IPv6:2001:db8::1]"),
    ("<ann@[ipv6:::1]>", "ann@[ipv6:::1]"),
    ("<ann@[x-tag:what:ever]>", "ann@[x-tag:what:ever]"),
    ("<ann@a-b--c.example>", "ann@a-b--c.example"),
    ("<ann@localhost>", "ann@localhost"),
    ("<jürgen@grüße.example>", "jürgen@grüße.example"),
    ("<@a.example,@b.example:ann@example.com>", "ann@example.com"),
]
BAD = [
    "", "ann@example.com", "<ann@example.com", "ann@example.com>", "<ann>", "<ann@>", "<@example.com>",
    "<.a@example.com>", "<a.@example.com>", "<a..b@example.com>", "<a b@example.com>", "<a@b@c>", "<a@-b.example>",
    "<a@b-.example>", "<a@b..example>", "<a@.example>", "<a@example.>", "<a@my_host>", "<a@[192.0.2.256]>",
    "<a@[192.0.2]>", "<a@[IPv6:xyz]>", "<a@[IPv6:fe80::1%eth0]>", "<a@[]>", "<a@[x:]>", "<a@[-:x]>", '<"a@example.com>',
    '<"a"b@example.com>', "<a\r@example.com>", "<a\n@example.com>", "<a\0@example.com>", '<"a\0"@example.com>',
    "<a\x7f@example.com>", "<(c)a@example.com>", "<@a.example:>", "<@a.example,b.example:ann@example.com>",
    "<ann@example.com>x", " <ann@example.com>", "<<ann@example.com>>",
]  # fmt: skip


@pytest.mark.parametrize(("text", "mailbox"), GOOD)
def test_valid_paths_are_parsed(text, mailbox):
    path, end = AddressGrammar(Lenient.none()).match_path(text, 0, reverse=mailbox == "")

    assert path.mailbox == mailbox
    assert end == len(text)


@pytest.mark.parametrize("text", BAD)
def test_invalid_paths_are_rejected(text):
    assert AddressGrammar(Lenient.none()).match_path(text, 0) is None


def test_null_path_and_postmaster_belong_to_one_direction():
    grammar = AddressGrammar(Lenient.none())

    assert grammar.match_path("<>", 0) is None
    assert grammar.match_path("<Postmaster>", 0, reverse=True) is None
    assert grammar.match_path("<@a.example:Postmaster>", 0) is None
    lenient = AddressGrammar(Lenient(address_without_domain=True, path_without_brackets=True))
    for text in ("<ann>", "ann"):
        for reverse in (False, True):
            assert lenient.match_path(text, 0, reverse=reverse)[0].mailbox == "ann"


@pytest.mark.parametrize(
    ("switch", "text", "mailbox"),
    [
        ("space_before_path", "  <a@example.com>", "a@example.com"),
        ("path_without_brackets", "a@example.com", "a@example.com"),
        ("address_without_domain", "<ann>", "ann"),
        ("underscore_in_domain", "<a@my_host.example>", "a@my_host.example"),
    ],
)
def test_each_leniency_accepts_only_its_own_departure(switch, text, mailbox):
    others = dict.fromkeys(Lenient.NAMES, True) | {switch: False}

    assert AddressGrammar(Lenient(**{switch: True})).match_path(text, 0)[0].mailbox == mailbox
    assert AddressGrammar(Lenient(**others)).match_path(text, 0) is None


def test_path_has_local_part_domain_and_route():
    path = Path('"a\\"b c"@Example.com', "@r.example")

    assert (path.local_part, path.domain) == ('a"b c', "Example.com")
    assert (Path("Postmaster").local_part, Path("Postmaster").domain) == ("Postmaster", "")
    assert str(path) == '<"a\\"b c"@Example.com>'
    assert repr(Path("a@b")) == "Path('a@b')"
    assert repr(path) == "Path('\"a\\\\\"b c\"@Example.com', route='@r.example')"
    assert path == Path('"a\\"b c"@Example.com', "@r.example")
    assert path != Path("a@b")
    assert path != "a@b"
    assert len({Path("a@b"), Path("a@b")}) == 1


def test_repr_of_lenient_lists_accepted_departures():
    assert repr(Lenient()) == "Lenient()"
    assert repr(Lenient.none()) == "Lenient.none()" and repr(Lenient.all()) == "Lenient.all()"
    assert repr(Lenient(address_without_domain=True)) == "Lenient(address_without_domain=True)"
    assert Lenient() == Lenient(space_before_path=True) != Lenient.none() and Lenient() != "Lenient()"
    assert len({Lenient(), Lenient(), Lenient.all()}) == 2
    assert all(getattr(Lenient.all(), name) for name in Lenient.NAMES)


@pytest.mark.parametrize("unit", ["a.", "a-", "-", '"', "\\", "@a,", "@", "[", "a@"])
def test_long_invalid_addresses_are_rejected_in_linear_time(unit):
    # 60 kB is far longer than any line.  A pattern that backtracks would need hours; this one needs less than a second
    # even on a busy machine.
    text = "<" + unit * (60_000 // len(unit))
    before = time.process_time()

    assert AddressGrammar(Lenient.all()).match_path(text, 0) is None
    assert time.process_time() - before < 5


ATEXT = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~")  # RFC 5322 3.2.3
LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")


@pytest.mark.parametrize("underscore", [False, True])
def test_every_character_is_classified_as_in_the_rfc(underscore):
    grammar = AddressGrammar(Lenient(underscore_in_domain=underscore))

    def is_path(text):
        found = grammar.match_path(text, 0)
        return found is not None and found[1] == len(text)

    for code in (*range(0x180), 0x2028, 0xD7FF, 0xD800, 0xDFFF, 0xFFFF, 0x10000, 0x10FFFF):
        character = chr(code)
        is_not_ascii = code >= 0x80
        assert is_path(f"<{character}@b.example>") == (is_not_ascii or character in ATEXT), hex(code)
        quoted = is_not_ascii or (0x20 <= code <= 0x7E and character not in '"\\')
        assert is_path(f'<"{character}"@b.example>') == quoted, hex(code)
        letter = is_not_ascii or character in LETTERS or (underscore and character == "_")
        assert is_path(f"<a@b{character}c.example>") == (letter or character in "-."), hex(code)


def test_path_has_the_name_of_header_fields_too():
    path = Path("ann@example.com")
    assert path.addr_spec == path.mailbox == "ann@example.com"

"""RFC 5321's grammar of paths, and each departure by its name."""

import time

import pytest

from lazr.smtptest import Lenient
from lazr.smtptest.protocol.smtp.address import Grammar, Path

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
def test_what_the_grammar_has_is_a_path(text, mailbox):
    path, end = Grammar(Lenient()).path(text, 0, reverse=mailbox == "")

    assert path.mailbox == mailbox
    assert end == len(text)


@pytest.mark.parametrize("text", BAD)
def test_what_the_grammar_does_not_have_is_none(text):
    assert Grammar(Lenient()).path(text, 0) is None


def test_only_a_reverse_path_is_null_and_only_a_forward_path_is_postmaster_alone():
    grammar = Grammar(Lenient())

    assert grammar.path("<>", 0) is None
    assert grammar.path("<Postmaster>", 0, reverse=True) is None
    assert grammar.path("<@a.example:Postmaster>", 0) is None
    lenient = Grammar(Lenient(address_without_domain=True, path_without_brackets=True))
    for text in ("<ann>", "ann"):
        for reverse in (False, True):
            assert lenient.path(text, 0, reverse=reverse)[0].mailbox == "ann"


@pytest.mark.parametrize(
    ("switch", "text", "mailbox"),
    [
        ("space_before_path", "  <a@example.com>", "a@example.com"),
        ("path_without_brackets", "a@example.com", "a@example.com"),
        ("address_without_domain", "<ann>", "ann"),
        ("underscore_in_domain", "<a@my_host.example>", "a@my_host.example"),
    ],
)
def test_each_departure_is_permitted_by_its_own_switch_alone(switch, text, mailbox):
    others = dict.fromkeys(Lenient.NAMES, True) | {switch: False}

    assert Grammar(Lenient(**{switch: True})).path(text, 0)[0].mailbox == mailbox
    assert Grammar(Lenient(**others)).path(text, 0) is None


def test_a_path_has_its_parts():
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


def test_lenient_shows_what_it_permits():
    assert repr(Lenient()) == "Lenient(any_helo_domain=True)"
    assert all(getattr(Lenient.all(), name) for name in Lenient.NAMES)


@pytest.mark.parametrize("unit", ["a.", "a-", "-", '"', "\\", "@a,", "@", "[", "a@"])
def test_no_address_takes_long_to_refuse(unit):
    # 60 kB is far over any line; a pattern that backtracks would take hours over it, not the second
    # that even a busy machine keeps well below.
    text = "<" + unit * (60_000 // len(unit))
    before = time.process_time()

    assert Grammar(Lenient.all()).path(text, 0) is None
    assert time.process_time() - before < 5


ATEXT = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~")  # RFC 5322 3.2.3
LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")


@pytest.mark.parametrize("underscore", [False, True])
def test_every_character_is_where_the_grammar_has_it(underscore):
    grammar = Grammar(Lenient(underscore_in_domain=underscore))

    def is_path(text):
        found = grammar.path(text, 0)
        return found is not None and found[1] == len(text)

    for code in (*range(0x180), 0x2028, 0xD7FF, 0xD800, 0xDFFF, 0xFFFF, 0x10000, 0x10FFFF):
        character = chr(code)
        beyond = code >= 0x80
        assert is_path(f"<{character}@b.example>") == (beyond or character in ATEXT), hex(code)
        quoted = beyond or (0x20 <= code <= 0x7E and character not in '"\\')
        assert is_path(f'<"{character}"@b.example>') == quoted, hex(code)
        letter = beyond or character in LETTERS or (underscore and character == "_")
        assert is_path(f"<a@b{character}c.example>") == (letter or character in "-."), hex(code)

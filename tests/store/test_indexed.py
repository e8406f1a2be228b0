"""What is read out of a mail for lists and searches: folded, held together, and no more than so much of it."""

import time

import pytest

from lazr.smtptest import Address, Envelope, Mail
from lazr.smtptest.store.indexed import indexed, one_tag, tags_of
from lazr.smtptest.store.search import Address as AddressTerm
from lazr.smtptest.store.search import Header, Text


def read(content, *to):
    return indexed(Mail("1", Envelope("", to, mail_parameters={}, rcpt_parameters=({},) * len(to)), [content]))


def test_words_do_not_reach_from_one_thing_into_the_next():
    found = read(
        b"From: ann@example.com\r\nTo: bob@example.com, carol@example.com\r\nSubject: one two\r\n\r\nthree\r\n"
    )

    for where, words in [("anywhere", "two three"), ("to", "com carol"), ("addressed", "com bob")]:
        assert not Text(where, words).holds(found)
    assert not Text("anywhere", "com one").holds(found)
    for where, words in [("anywhere", "one two"), ("to", "carol"), ("addressed", "bob"), ("anywhere", "three")]:
        assert Text(where, words).holds(found)


def test_a_recipient_in_quotes_is_found_as_it_was_given():
    found = read(b"\r\n", '"a \\" b"@example.com', "plain")

    assert found.bcc == (Address("", 'a " b', "example.com"), Address("", "plain"))
    assert [str(address) for address in found.bcc] == ['"a \\" b"@example.com', "plain"]
    for where in ("bcc", "recipient"):
        assert AddressTerm(where, '"a \\" b"@example.com').holds(found)


def test_attachments_are_found_behind_however_much_text():
    text = b"word " * 300_000
    found = read(
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + text + b"\r\n--b\r\n"
        b"Content-Disposition: attachment; filename=Invoice.pdf\r\n\r\nx\r\n--b--\r\n"
    )

    assert len(text) > len(found.texts["anywhere"]) == 1_000_000
    assert Text("anywhere", "invoice.pdf").holds(found)


def test_of_a_field_so_much_is_searched_and_so_many_fields():
    content = b"".join(b"X-%d: %s\r\n" % (n, b"y" * 20_000 if n == 3 else b"z") for n in range(300))
    found = read(content + b"\r\n")

    assert (len(found.headers), max(len(value) for _, value in found.headers)) == (200, 10_000)
    assert Header("x-199", "z").holds(found) and not Header("x-200", "").holds(found)


@pytest.mark.parametrize(
    ("values", "tags"),
    [
        ([], ()),
        (["", ",", " , "], ()),
        (["a, b", "A,c"], ("a", "b", "c")),
        ([" two \t words "], ("two words",)),
        (["x" * 101], ("x" * 100,)),
        ([",".join(map(str, range(99)))], tuple(map(str, range(20)))),
        (["a\0b", "\ud800"], ("a\ufffdb", "\ufffd")),
    ],
)
def test_tags_are_between_commas_each_once(values, tags):
    assert tags_of(values) == tags


def test_one_tag_is_one():
    assert one_tag("  two words ") == "two words"
    for text in ("", " ", "a,b"):
        with pytest.raises(ValueError, match="a tag is not empty, and has no comma"):
            one_tag(text)


@pytest.mark.parametrize(
    ("pattern", "address", "holds"),
    [
        ("", "", True),
        ("", "a", False),
        ("*", "", True),
        ("*", "a\nb", True),
        ("?", "", False),
        ("??", "ab", True),
        ("a*b", "ab", True),
        ("a*b", "aXbYb", True),
        ("a*b", "aXbY", False),
        ("*a*b*", "xaxbx", True),
        ("*a*b*", "xbxax", False),
        ("a?*c", "ac", False),
        ("a?*c", "abc", True),
        ("*a?c", "abcabc", True),
        ("*.*@*.*", "a.b@c.d", True),
        ("a.c", "abc", False),
        ("[a]", "a", False),
    ],
)
def test_asterisks_stand_for_anything_and_question_marks_for_one_character(pattern, address, holds):
    class Found:
        addresses = (("to", address), ("cc", pattern))

    assert AddressTerm("to", pattern).holds(Found) is holds
    assert AddressTerm("to", pattern, negated=True).holds(Found) is not holds


def test_no_pattern_keeps_a_search_busy():
    class Found:
        addresses = (("to", "a" * 10_000),)

    begin = time.process_time()
    assert not AddressTerm("to", "*a" * 500 + "*b").holds(Found)
    assert AddressTerm("to", "*a" * 500 + "*").holds(Found)
    assert time.process_time() - begin < 5  # it takes hundredths; gone back on, it would take for ever

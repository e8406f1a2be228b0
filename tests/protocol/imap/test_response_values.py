"""Values of responses are quoted, counted or NIL, by their content."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest.protocol.imap import response_values as values


@pytest.mark.parametrize(
    ("value", "rendered"),
    [
        (b"", b'""'),
        (b"plain text", b'"plain text"'),
        (b'quote " and \\', b'"quote \\" and \\\\"'),
        (b"tab\t", b'"tab\t"'),
        (b"a\rb", b"{3}\r\na\rb"),
        (b"a\nb", b"{3}\r\na\nb"),
        (b"a\0b", b"{3}\r\na\0b"),
        (b"\xfc", b"{1}\r\n\xfc"),
        (b"x" * 1000, b'"' + b"x" * 1000 + b'"'),
        (b"x" * 1001, b"{1001}\r\n" + b"x" * 1001),
    ],
)
def test_string_is_quoted_or_a_literal(value, rendered):
    assert values.render_string(value) == rendered
    assert values.render_nstring(value) == rendered


def test_none_is_nil():
    assert values.render_nstring(None) == b"NIL"


@settings(deadline=None)
@given(st.binary(max_size=1100))
def test_every_string_can_be_read_back(value):
    rendered = values.render_string(value)
    quoted = re.fullmatch(rb'"((?:[^"\\\r\n\0\x80-\xff]|\\["\\])*)"', rendered, re.DOTALL)
    if quoted:
        assert re.sub(rb"\\(.)", rb"\1", quoted[1]) == value
    else:
        assert rendered == b"{%d}\r\n%b" % (len(value), value)


def test_literal8_is_only_for_nul():
    assert values.render_literal8(b"\xff\r\n") == b"{3}\r\n\xff\r\n"
    assert values.render_literal8(b"\0") == b"~{1}\r\n\0"


@pytest.mark.parametrize(
    ("value", "rendered"),
    [
        (b"X-Field", b"X-Field"),
        (b"", b'""'),
        (b"a b", b'"a b"'),
        (b"a]", b'"a]"'),
        (b"a[", b'"a["'),
        (b"(", b'"("'),
        (b"%", b'"%"'),
        (b"*", b'"*"'),
        (b"a{", b'"a{"'),
        (b"a\\", b'"a\\\\"'),
        (b"\xfc", b"{1}\r\n\xfc"),
    ],
)
def test_astring_is_an_atom_if_possible(value, rendered):
    assert values.render_astring(value) == rendered


def test_flags_are_sorted_with_system_flags_first():
    flags = {"b", "a", "\\Draft", "\\Answered", "\\Recent", "$Forwarded"}
    assert values.render_flags(flags) == b"(\\Answered \\Draft $Forwarded \\Recent a b)"


@pytest.mark.parametrize("flag", ["", "a b", "a)", "grün", "a\r\nb", 'a"', "\\", "a\\b", "x]", "a*", "{1}", "a\n"])
def test_flag_that_is_no_atom_is_left_out(flag):
    assert values.render_flags({flag, "ok"}) == b"(ok)"


@pytest.mark.parametrize(
    ("seconds", "rendered"),
    [
        (0, b'" 1-Jan-1970 00:00:00 +0000"'),
        (1.999, b'" 1-Jan-1970 00:00:01 +0000"'),
        (-1, b'"31-Dec-1969 23:59:59 +0000"'),
        (1e300, b'"31-Dec-9999 23:59:59 +0000"'),
        (-1e300, b'" 1-Jan-0001 00:00:00 +0000"'),
    ],
)
def test_internal_date_is_in_utc_and_bounded(seconds, rendered):
    assert values.render_internal_date(seconds) == rendered

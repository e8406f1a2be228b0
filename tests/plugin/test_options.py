"""Options as lines of a configuration file."""

import pytest

from lazr.smtptest.testing.options import OptionError, from_lines


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("tls = starttls", {"tls": "starttls"}),
        ("tls=starttls", {"tls": "starttls"}),
        ("tls = 'starttls'", {"tls": "starttls"}),
        ("strict = True", {"strict": True}),
        ("auth = None", {"auth": None}),
        ("port = 2525", {"port": 2525}),
        ("host = 127.0.0.2", {"host": "127.0.0.2"}),
        ("host = ::1", {"host": "::1"}),
        ('auth = {"ann": "a=b"}', {"auth": {"ann": "a=b"}}),
        ('extensions = ["SIZE", "DSN"]', {"extensions": ["SIZE", "DSN"]}),
        ("greeting = Hi there", {"greeting": "Hi there"}),
    ],
)
def test_a_value_is_a_literal_or_a_plain_word(line, options):
    assert from_lines([line]) == options


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["tls"], "cannot read 'tls'; write `name = value`"),
        (["tls ="], "cannot read 'tls ='; write `name = value`"),
        (["= starttls"], "cannot read '= starttls'; write"),
        (["the tls = starttls"], "cannot read 'the tls = starttls'; write"),
        (['auth = {"ann": secret}'], "the value is no Python literal; write a word"),
        (['extensions = ["SIZE"'], "the value is no Python literal"),
        (["tls = starttls", "tls = both"], "'tls = both' is the second line for 'tls'; write one"),
    ],
)
def test_a_line_that_cannot_be_read_is_told_with_what_to_write(lines, said):
    with pytest.raises(OptionError) as caught:
        from_lines(lines)

    assert said in str(caught.value)

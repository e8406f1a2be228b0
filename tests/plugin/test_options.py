"""Options in lines of a configuration file."""

import pytest

from lazr.smtptest.testing.options import OptionError, parse_option_lines


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
def test_value_is_a_literal_or_a_word(line, options):
    assert parse_option_lines([line]) == options


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["tls"], "cannot read 'tls'; write `name = value`"),
        (["tls ="], "cannot read 'tls ='; write `name = value`"),
        (["= starttls"], "cannot read '= starttls'; write"),
        (["the tls = starttls"], "cannot read 'the tls = starttls'; write"),
        (['auth = {"ann": secret}'], "the value must be a word or a Python literal"),
        (['extensions = ["SIZE"'], "the value must be a word or a Python literal"),
        (["tls = starttls", "tls = both"], "'tls = both' repeats the option 'tls'; write one line"),
    ],
)
def test_malformed_line_raises_option_error_with_the_fix(lines, message):
    with pytest.raises(OptionError) as caught:
        parse_option_lines(lines)

    assert message in str(caught.value)

"""Times in seconds as arguments."""

import math

import pytest

from lazr.smtptest._util.seconds import DEFAULT_TIMEOUT, check_seconds


@pytest.mark.parametrize("value", [0, 0.0, 1, 0.5, math.inf])
def test_number_of_seconds_is_returned(value):
    assert check_seconds("timeout", value) == value


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ("1", TypeError, "timeout must be a number of seconds, got '1'; write timeout=1"),
        (" 0.5 ", TypeError, "timeout must be a number of seconds, got ' 0.5 '; write timeout=0.5"),
        ("", TypeError, "timeout must be a number of seconds, got ''"),
        (False, TypeError, "timeout must be a number of seconds, got False"),
        (None, TypeError, "timeout must be a number of seconds, got None"),
        (-0.1, ValueError, "timeout must be a number of seconds >= 0, got -0.1; 0 does not wait"),
        (math.nan, ValueError, "timeout must be a number of seconds >= 0, got nan; 0 does not wait"),
    ],
)
def test_other_values_raise_with_the_fix(value, kind, message):
    with pytest.raises(kind) as failure:
        check_seconds("timeout", value)
    assert str(failure.value) == message


def test_none_is_allowed_where_it_has_a_meaning():
    assert check_seconds("timeout", None, none="waits forever") is None
    with pytest.raises(ValueError, match="0 does not wait; None waits forever"):
        check_seconds("timeout", -1, none="waits forever")


def test_default_timeout_is_a_number_with_a_name():
    assert DEFAULT_TIMEOUT == 5 and repr(DEFAULT_TIMEOUT) == "<the timeout of MailServer, 5 s>"

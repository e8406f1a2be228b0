"""Parse and check the options of a test's server: the keyword arguments of `MailServer`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["OptionError", "check_options", "list_option_names", "parse_option_lines"]

# The first characters of Python literals; another value may be a plain word.
_LITERAL_FIRST_CHARACTERS = frozenset("[({'\"-0123456789")


class OptionError(ValueError):
    """An option is unknown or malformed; the text shows the correct form."""


def list_option_names() -> tuple[str, ...]:
    """Return the names of the options of `MailServer`, in the order of its signature.

    >>> list_option_names()[:4]
    ('host', 'port', 'also', 'hostname')
    """
    import inspect

    from lazr.smtptest.mailserver import MailServer

    return tuple(inspect.signature(MailServer).parameters)


def check_options(options: Mapping[str, object], source: str) -> dict[str, object]:
    """Return a copy of the options.

    Args:
        options: the options by name.
        source: the place that sets them, for the error message.

    Raises:
        OptionError: for an unknown option; the text names the nearest known one.

    >>> check_options({"tsl": "starttls"}, "the marker")
    Traceback (most recent call last):
    lazr.smtptest.testing.options.OptionError: the marker: unknown MailServer option 'tsl'; did you mean 'tls'? ...
    """
    names = (*list_option_names(), "rules")  # `rules` are added to the server that the options make
    for name in options:
        if name not in names:
            from lazr.smtptest._util.suggestion import describe_unknown

            raise OptionError(f"{source}: {describe_unknown('MailServer option', name, names)}")
    return dict(options)


def parse_option_lines(lines: Iterable[str]) -> dict[str, object]:
    """Return the options in lines of a configuration file; `check_options` checks their names.

    Args:
        lines: lines of `name = value`; a value is a Python literal or a plain word.

    Raises:
        OptionError: for a malformed line; the text shows the correct form.

    >>> parse_option_lines(["tls = starttls", 'auth = {"ann": "secret"}', "strict = True"])
    {'tls': 'starttls', 'auth': {'ann': 'secret'}, 'strict': True}
    """
    options: dict[str, object] = {}
    for line in lines:
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals or not name.isidentifier() or not value:
            raise OptionError(f"cannot read {line!r}; write `name = value`, such as `tls = starttls`")
        if name in options:
            raise OptionError(f"{line!r} repeats the option {name!r}; write one line")
        options[name] = _parse_value(value, line)
    return options


def _parse_value(text: str, line: str) -> object:
    import ast

    try:
        value: object = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        # An address such as 127.0.0.2 has the first character of a number.
        if text[0] in _LITERAL_FIRST_CHARACTERS and not text.replace(".", "").replace(":", "").isalnum():
            raise OptionError(
                f"cannot read {line!r}: the value must be a word or a Python literal: a number, True, False, None, "
                '["SIZE", "DSN"] or {"user": "password"}'
            ) from None
        return text
    return value

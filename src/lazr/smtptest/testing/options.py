"""How a test says what its server is to be: the keyword arguments of MailServer, from several places."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["OptionError", "checked", "from_lines", "known"]

# A value that begins so is meant to be a Python literal; anything else may be a plain word.
_LITERAL_BEGINS = frozenset("[({'\"-0123456789")


class OptionError(ValueError):
    """What a test, or its configuration, asks for is not an option of `MailServer`; the text says what to write."""


def known() -> tuple[str, ...]:
    """The names of the options, in the order of the signature.

    >>> known()[:4]
    ('host', 'port', 'also', 'hostname')
    """
    import inspect

    from lazr.smtptest.mailserver import MailServer

    return tuple(inspect.signature(MailServer).parameters)


def checked(options: Mapping[str, object], where: str) -> dict[str, object]:
    """A copy of the options, if there are such.

    Raises `OptionError`, which names `where` they were given, and the known ones.

    >>> checked({"tsl": "starttls"}, "the marker")
    Traceback (most recent call last):
    lazr.smtptest.testing.options.OptionError: the marker: MailServer has no option 'tsl'; did you mean 'tls'? ...
    """
    names = known()
    for name in options:
        if name not in names:
            from difflib import get_close_matches

            close = get_close_matches(str(name), names, 1)
            hint = f"; did you mean {close[0]!r}?" if close else "."
            raise OptionError(f"{where}: MailServer has no option {name!r}{hint} It has {', '.join(names)}")
    return dict(options)


def from_lines(lines: Iterable[str]) -> dict[str, object]:
    """Options out of a configuration file: lines of `name = value`, each value a Python literal or a plain word.

    Raises `OptionError` with the line and what to write.  Whether there are such options, `checked` says.

    >>> from_lines(["tls = starttls", 'auth = {"ann": "secret"}', "strict = True"])
    {'tls': 'starttls', 'auth': {'ann': 'secret'}, 'strict': True}
    """
    options: dict[str, object] = {}
    for line in lines:
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals or not name.isidentifier() or not value:
            raise OptionError(f"cannot read {line!r}; write `name = value`, such as `tls = starttls`")
        if name in options:
            raise OptionError(f"{line!r} is the second line for {name!r}; write one")
        options[name] = _value(value, line)
    return options


def _value(text: str, line: str) -> object:
    import ast

    try:
        value: object = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        # An address such as 127.0.0.2 begins like a number.
        if text[0] in _LITERAL_BEGINS and not text.replace(".", "").replace(":", "").isalnum():
            raise OptionError(
                f"cannot read {line!r}: the value is no Python literal; write a word, a number, True, False, None, "
                'or something like ["SIZE", "DSN"] or {"user": "password"}'
            ) from None
        return text
    return value

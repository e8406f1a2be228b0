"""Times in seconds as arguments: check them, and mark the default of a server."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["DEFAULT_TIMEOUT", "DefaultTimeout", "check_seconds"]


class DefaultTimeout(float):
    """The default of a `timeout` argument: it stands for the `timeout` of the server.

    It is recognized by its type, so that 5.0 as an argument still means 5 seconds.

    >>> DEFAULT_TIMEOUT, float(DEFAULT_TIMEOUT)
    (<the timeout of MailServer, 5 s>, 5.0)
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<the timeout of MailServer, {self:g} s>"


DEFAULT_TIMEOUT: Final[DefaultTimeout] = DefaultTimeout(5.0)


def check_seconds(name: str, value: object, *, none: str = "") -> float | None:
    """Return a number of seconds.

    Args:
        name: the argument, for the message of an error.
        value: the value to check.
        none: what None means as a value; the empty string if None is not allowed.

    Raises:
        TypeError: for a value that is not a number.
        ValueError: for a negative number, and for NaN.

    >>> check_seconds("timeout", 0.5)
    0.5
    >>> check_seconds("timeout", "1")
    Traceback (most recent call last):
    TypeError: timeout must be a number of seconds, got '1'; write timeout=1
    """
    if value is None and none:
        return None
    allowed = f"; None {none}" if none else ""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        text = value.strip() if isinstance(value, str) else ""
        advice = f"; write {name}={text}" if text.replace(".", "", 1).isdecimal() else allowed
        raise TypeError(f"{name} must be a number of seconds, got {value!r}{advice}")
    if not value >= 0:  # NaN is not
        raise ValueError(f"{name} must be a number of seconds >= 0, got {value!r}; 0 does not wait{allowed}")
    return value

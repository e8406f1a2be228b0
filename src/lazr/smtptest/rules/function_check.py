"""Check the functions of a user when a rule is written, not when a client sends mail."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["check_function"]


def check_function(label: str, function: object, argument: str, *, may_wait: bool = False) -> Callable[..., Any]:
    """Return a value if it is a function that can be called with one argument.

    Args:
        label: The parameter, for messages.
        function: The value.
        argument: What the function is called with, for messages.
        may_wait: Whether it may be a coroutine function; by default it may not.

    Raises:
        TypeError: If it is not a function, is a class, returns a coroutine or a generator, or takes other arguments.

    >>> check_function("where", lambda: True, "the context")
    Traceback (most recent call last):
    TypeError: where must be a function of one argument, the context, got <function <lambda> at ...>
    """
    if not callable(function) or isinstance(function, type):
        raise TypeError(f"{label} must be a function of {argument}, got {function!r}")
    import inspect  # most rules have no function, and this import takes some milliseconds

    if inspect.isgeneratorfunction(function) or (inspect.iscoroutinefunction(function) and not may_wait):
        raise TypeError(f"{label} must be a function that returns at once, got {function!r}; write it with `def`")
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):  # some functions of C have no signature
        return function
    try:
        signature.bind(None)
    except TypeError:
        raise TypeError(f"{label} must be a function of one argument, {argument}, got {function!r}") from None
    return function

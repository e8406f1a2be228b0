"""`with_server`: a mail server for the duration of a function call."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar, overload

    R = TypeVar("R")


__all__ = ["with_server"]


if TYPE_CHECKING:

    @overload
    def with_server(function: Callable[..., R], /) -> Callable[..., R]: ...
    @overload
    def with_server(**options: Any) -> Callable[[Callable[..., R]], Callable[..., R]]: ...


def with_server(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Decorate a function so that each call gets a started `MailServer` as `server=`.

    Functions, methods and coroutine functions can be decorated.  The server runs in a separate thread, next to any
    event loop, and stops when the function returns.  Without options, `@with_server` and `@with_server()` are the same.

    Args:
        function: The function to decorate, in `@with_server` without parentheses.
        **options: The keyword arguments of `MailServer`.

    Raises:
        TypeError: If the decorated object is not a function, or the function has no parameter `server`.  The decorated
            function raises it for an option with an unknown name or a wrong type.
        ValueError: If `MailServer` does not accept an option; raised by the decorated function.
        OSError: If the server cannot listen on its port; raised by the decorated function.
        Exception: An exception of a handler of the server, raised when the decorated function returns.

    >>> import smtplib
    >>> @with_server(hostname="mail.example.com")
    ... def welcome(to, server):
    ...     with smtplib.SMTP(*server.address) as client:
    ...         client.sendmail("app@example.com", to, "Subject: Welcome\\r\\n\\r\\nHi")
    ...     return server.inbox.one(to=to).subject
    >>> welcome("ann@example.com")
    'Welcome'
    """
    if function is not None and not callable(function):
        raise TypeError(
            f"with_server takes its options by name, got {function!r}; write @with_server(host={function!r})"
        )

    def decorate(function: Callable[..., R]) -> Callable[..., R]:
        import functools
        import inspect

        from lazr.smtptest.mailserver import MailServer

        _check_function(function)

        def call(*args: Any, **kwargs: Any) -> R:
            with MailServer(**options) as server:
                return function(*args, **kwargs, server=server)

        async def call_async(*args: Any, **kwargs: Any) -> Any:
            with MailServer(**options) as server:
                return await function(*args, **kwargs, server=server)  # type: ignore[misc]

        wrapper: Any = functools.wraps(function)(call_async if inspect.iscoroutinefunction(function) else call)
        # The signature must not show `server`: pytest would take it for a fixture.
        signature = inspect.signature(function)
        parameters = [parameter for name, parameter in signature.parameters.items() if name != "server"]
        wrapper.__signature__ = signature.replace(parameters=parameters)
        decorated: Callable[..., R] = wrapper
        return decorated

    return decorate if function is None else decorate(function)


def _check_function(function: object) -> None:
    import inspect

    if isinstance(function, type) or not callable(function):
        raise TypeError(f"with_server decorates functions and methods, got {function!r}; decorate each test of a class")
    parameters = inspect.signature(function).parameters
    if "server" not in parameters and all(one.kind is not one.VAR_KEYWORD for one in parameters.values()):
        name = getattr(function, "__name__", repr(function))
        raise TypeError(f"with_server passes the server as `server`, which {name} does not take; add the parameter")

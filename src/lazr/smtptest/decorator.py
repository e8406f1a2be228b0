"""with_server: a mail server for the time of a function call."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    R = TypeVar("R")

__all__ = ["with_server"]


def with_server(**options: Any) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """A decorator: each call of the function gets a started `MailServer` with these options as `server=`.

    For functions, methods and coroutine functions; the server runs in a thread of its own, beside any
    event loop.  When the function returns, the server is stopped, and what its handlers raised is raised.

    >>> import smtplib
    >>> @with_server(hostname="mail.example.com")
    ... def welcome(to, server):
    ...     with smtplib.SMTP(*server.address) as client:
    ...         client.sendmail("app@example.com", to, "Subject: Welcome\\r\\n\\r\\nHi")
    ...     return server.inbox.one(to=to).subject
    >>> welcome("ann@example.com")
    'Welcome'
    """

    def decorate(function: Callable[..., R]) -> Callable[..., R]:
        import functools
        import inspect

        from lazr.smtptest.mailserver import MailServer

        def call(*args: Any, **kwargs: Any) -> R:
            with MailServer(**options) as server:
                return function(*args, **kwargs, server=server)

        async def wait(*args: Any, **kwargs: Any) -> Any:
            with MailServer(**options) as server:
                return await function(*args, **kwargs, server=server)  # type: ignore[misc]

        wrapper: Any = functools.wraps(function)(wait if inspect.iscoroutinefunction(function) else call)
        # What a caller may still give; pytest, for one, would take `server` for a fixture.
        signature = inspect.signature(function)
        left = [parameter for name, parameter in signature.parameters.items() if name != "server"]
        wrapper.__signature__ = signature.replace(parameters=left)
        decorated: Callable[..., R] = wrapper
        return decorated

    return decorate

"""Wait in a coroutine for something that happens in another thread, under asyncio or trio.

The package does not import trio: a coroutine can only run under trio if the program has imported it.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol, TypeVar

    T = TypeVar("T")

    class Wakeup(Protocol):
        """An event that any thread sets, and that one coroutine awaits repeatedly."""

        def set(self) -> None:
            """Wake the coroutine.  Raises `RuntimeError` if its event loop has ended."""

        async def wait(self, timeout: float | None) -> bool:  # noqa: ASYNC109 - trio and asyncio have none in common
            """Wait until `set` is called, at most `timeout` seconds; return whether it was called."""


__all__ = ["create_wakeup", "is_in_trio", "run_in_thread"]


def is_in_trio() -> bool:
    """Return whether the current thread runs trio.

    >>> is_in_trio()
    False
    """
    trio: Any = sys.modules.get("trio")
    if trio is None:
        return False
    try:
        trio.lowlevel.current_trio_token()
    except RuntimeError:
        return False
    return True


def create_wakeup() -> Wakeup:
    """Return a `Wakeup` for the running event loop.

    Raises:
        RuntimeError: under an event loop that is neither asyncio nor trio.

    >>> import asyncio
    >>> async def main():
    ...     wakeup = create_wakeup()
    ...     wakeup.set()
    ...     return await wakeup.wait(5)
    >>> asyncio.run(main())
    True
    """
    if is_in_trio():
        return _TrioWakeup()
    import asyncio

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            "this coroutine needs asyncio or trio, and neither runs in this thread; call the method without `async_`, "
            "such as `inbox.one(…)`, in another thread"
        ) from None
    return _AsyncioWakeup(loop)


async def run_in_thread(function: Callable[..., T], *args: object) -> T:
    """Call a function in a thread, while the event loop goes on.

    >>> import asyncio
    >>> asyncio.run(run_in_thread(max, 1, 2))
    2
    """
    if is_in_trio():
        result: T = await sys.modules["trio"].to_thread.run_sync(function, *args)
        return result
    import asyncio

    return await asyncio.to_thread(function, *args)


class _AsyncioWakeup:
    def __init__(self, loop: Any) -> None:
        import asyncio

        self._loop = loop
        self._event = asyncio.Event()

    def set(self) -> None:
        self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self, timeout: float | None) -> bool:  # noqa: ASYNC109
        import asyncio

        try:
            async with asyncio.timeout(timeout):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class _TrioWakeup:
    def __init__(self) -> None:
        self._trio: Any = sys.modules["trio"]
        self._token = self._trio.lowlevel.current_trio_token()
        self._event = self._trio.Event()

    def set(self) -> None:
        self._token.run_sync_soon(self._set_event)

    def _set_event(self) -> None:
        self._event.set()

    async def wait(self, timeout: float | None) -> bool:  # noqa: ASYNC109
        with self._trio.move_on_after(float("inf") if timeout is None else timeout):
            await self._event.wait()
            self._event = self._trio.Event()
            return True
        return False

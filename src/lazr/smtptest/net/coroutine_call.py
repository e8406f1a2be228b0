"""The call of a coroutine function, which may have to wait until an asyncio loop runs."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Callable, Coroutine
    from typing import Any

__all__ = ["CoroutineCall"]


class CoroutineCall:
    """A coroutine that runs in a task as soon as there is an asyncio loop.

    Args:
        coroutine: The coroutine.
    """

    __slots__ = ("_call_soon", "_coroutine", "_get_current_task", "_has_begun", "_is_cancelled", "_task")

    def __init__(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._coroutine = coroutine
        self._has_begun = False
        self._is_cancelled = False
        self._task: Task[None] | None = None
        self._get_current_task: Callable[[], Task[Any] | None]
        self._call_soon: Callable[..., object]

    def start(
        self,
        create_task: Callable[[Coroutine[Any, Any, None]], Task[None]],
        get_current_task: Callable[[], Task[Any] | None],
        call_soon: Callable[..., object],
    ) -> None:
        """Run the coroutine in a task, by these functions of a loop."""
        self._task = create_task(self._run())
        self._get_current_task = get_current_task
        self._call_soon = call_soon
        if self._is_cancelled:
            self.cancel()

    async def _run(self) -> None:
        self._has_begun = True
        await self._coroutine

    def cancel(self) -> None:
        """Cancel the coroutine, unless it is the one that calls this.

        Where it has not begun, the cancellation waits for that; Python warns of one that never begins.
        """
        self._is_cancelled = True
        if self._task is None or self._task is self._get_current_task():
            return
        if self._has_begun:
            self._task.cancel()  # at once: another step could deliver a mail that was refused meanwhile
        else:
            self._call_soon(self._task.cancel)

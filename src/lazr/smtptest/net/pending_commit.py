"""A mail that is on its way to the disk, and the replies that wait for it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.protocol.smtp import Reply

__all__ = ["PendingCommit"]


class PendingCommit:
    """The commit of one mail; its result is None, or the refusal that replaces the reply."""

    __slots__ = ("_on_result", "is_done")

    def __init__(self) -> None:
        self.is_done: bool = False  # there is a result, or no reply waits for it any more
        self._on_result: Callable[[Reply | None], object] | None = None

    def notify(self, on_result: Callable[[Reply | None], object]) -> None:
        """Call this function with the result."""
        self._on_result = on_result

    def set_result(self, refusal: Reply | None) -> None:
        """Set the result, once."""
        self.is_done = True
        if self._on_result is not None:
            self._on_result(refusal)

    def cancel(self) -> None:
        """Wait no longer: the client is gone."""
        self.is_done = True
        self._on_result = None

"""A rate: so many in so many seconds, of each client."""

from __future__ import annotations

from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from lazr.smtptest.faults.moment import Moment

__all__ = ["Rate", "peer_of"]


def peer_of(moment: Moment) -> str:
    """The client's address, without its port."""
    peer = moment.session.peer
    return peer.rpartition(":")[0].strip("[]") or peer


class Rate:
    """Whether a moment is one too many: for a rule's `where=`.

    Each that is let pass counts for `per` seconds, by the moment's own time; one that is too many does not count.
    """

    def __init__(self, n: int, per: float) -> None:
        if n < 0 or not per > 0:
            raise ValueError(f"a rate is a number of times, and of seconds, not {n!r} and {per!r}")
        self.n: Final = n
        self.per: Final = per
        self._passed: dict[str, deque[float]] = {}

    def __call__(self, moment: Moment) -> bool:
        """Whether there were `n` already."""
        passed = self._passed.setdefault(peer_of(moment), deque())
        while passed and moment.at - passed[0] >= self.per:
            passed.popleft()
        if len(passed) >= self.n:
            return True
        passed.append(moment.at)
        return False

    def __repr__(self) -> str:
        return f"rate({self.n}, per={self.per:g})"

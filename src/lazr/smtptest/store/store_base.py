"""The base of all stores: `with` statements, subscribers, and a clock warning."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.store.base import Change, Retention
    from lazr.smtptest.store.subscribers import Subscribers

__all__ = ["StoreBase", "warn_about_clock_jump"]

_log = logging.getLogger("lazr.smtptest.store")


class StoreBase(ABC):
    """The base class of the stores.

    It opens and closes a store as a context manager, and holds its subscribers.
    """

    def __init__(self, subscribers: Subscribers) -> None:
        self._subscribers = subscribers

    @property
    @abstractmethod
    def url(self) -> str:
        """The location of the mails; see `Store.url`."""

    @abstractmethod
    def open(self) -> None:
        """Open the store; see `Store.open`."""

    @abstractmethod
    def close(self) -> None:
        """Close the store; see `Store.close`."""

    def reclaim_space(self) -> bool:
        """Free the space of deleted mails; see `Store.reclaim_space`.  There is none by default."""
        return False

    def compact(self, on_progress: Callable[[int, int], None] = lambda done, total: None) -> None:
        """Make the store as small as it can be; see `Store.compact`.  By default, it is."""
        on_progress(1, 1)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call `listener` for every change; see `Store.subscribe`."""
        return self._subscribers.subscribe(listener)


def warn_about_clock_jump(expired_count: int, mail_count: int, retention: Retention, max_deletions: int) -> None:
    """Log that pruning found more old mails than it may delete in one pass.

    Args:
        expired_count: how many mails are older than the limit.
        mail_count: how many mails there are in all.
        retention: the limits.
        max_deletions: how many mails this pass deletes by age.
    """
    _log.warning(
        "%d of %d mails are older than %s; check the system clock.  Deleting %d now, the rest later",
        *(expired_count, mail_count, retention.max_age, max_deletions),
    )

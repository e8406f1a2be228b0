"""Find the mails of a recipient in an inbox, without comparing each mail."""

from __future__ import annotations

import threading
from bisect import bisect_left

from lazr.smtptest.mail.address_comparison import fold_domain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.mail.mail import Mail

__all__ = ["RecipientIndex"]


class RecipientIndex:
    """The numbers of the mails of each recipient.

    Mails are added when a recipient is searched, in the thread that searches.  So they cost nothing in inboxes that are
    never searched, and the server's thread never waits for the index.  Mails that the inbox has dropped are removed
    when they are the greater part.

    The numbers are those of an inbox: they count from its first mail, and do not change when mails are removed.

    Args:
        inbox_lock: The lock under which the inbox changes.
        get_mails: Returns the number of the first mail in the inbox, and all mails; called with the lock held.
    """

    __slots__ = ("_end", "_get_mails", "_inbox_lock", "_lock", "_numbers_by_recipient", "_start")

    def __init__(self, inbox_lock: threading.Lock, get_mails: Callable[[], tuple[int, list[Mail]]]) -> None:
        self._inbox_lock = inbox_lock
        self._get_mails = get_mails
        self._lock = threading.Lock()
        self._start = 0  # mails with smaller numbers are not in the index any more
        self._end = 0  # mails with this and greater numbers are not in the index yet
        self._numbers_by_recipient: dict[str, list[int]] = {}  # in ascending order

    def select_mails(self, recipient: str, start: int, end: int) -> tuple[list[Mail], int]:
        """Return the mails of a recipient that are in the inbox, oldest first, and the end.

        The end is the number after the last mail that was compared.

        Args:
            recipient: the address, folded by `fold_domain`.
            start: the smallest number of a mail to return.
            end: the number after the greatest one.
        """
        with self._lock:
            with self._inbox_lock:
                new = self._copy_new_mails()
            self._add(*new)  # may take long, so the inbox can get mails meanwhile
            with self._inbox_lock:
                self._add(*self._copy_new_mails())
                first_number, mails = self._get_mails()
                numbers = self._numbers_by_recipient.get(recipient, [])
                selected = numbers[bisect_left(numbers, max(start, first_number)) : bisect_left(numbers, end)]
                found = [mails[number - first_number] for number in selected]
            if first_number - self._start > self._end - first_number:
                self._remove_before(first_number)
            return found, min(end, self._end)

    def _copy_new_mails(self) -> tuple[int, list[Mail]]:
        """Return the mails that are not in the index yet, and the number of the first of them."""
        first_number, mails = self._get_mails()
        return max(self._end, first_number), mails[max(self._end - first_number, 0) :]

    def _add(self, first_number: int, mails: list[Mail]) -> None:
        numbers_by_recipient = self._numbers_by_recipient
        for number, mail in enumerate(mails, first_number):
            for address in mail.envelope.rcpt_tos:
                recipient = fold_domain(address)
                numbers = numbers_by_recipient.get(recipient)
                if numbers is None:
                    numbers_by_recipient[recipient] = [number]
                elif numbers[-1] != number:  # else it has two recipients that differ only in their spelling
                    numbers.append(number)
        self._end = first_number + len(mails)

    def _remove_before(self, start: int) -> None:
        self._start = start
        remaining = {
            recipient: numbers[bisect_left(numbers, start) :]
            for recipient, numbers in self._numbers_by_recipient.items()
            if numbers[-1] >= start
        }
        self._numbers_by_recipient = remaining

    def __len__(self) -> int:
        """Return the number of entries: one for each recipient of each mail in the index."""
        return sum(map(len, self._numbers_by_recipient.values()))

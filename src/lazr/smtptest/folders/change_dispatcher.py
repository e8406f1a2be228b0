"""Announce changes of a store to the accounts that they may concern.

A server can have thousands of sessions that idle, each in an account of its own.  So a new mail wakes those that it is
addressed to, which a dictionary has, and not all.
"""

from __future__ import annotations

import threading
from itertools import chain

from lazr.smtptest.store import AddressTerm, fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lazr.smtptest.folders.account import StoreAccount
    from lazr.smtptest.store import Change, Store

    _Listeners = dict[object, Callable[[], object]]

__all__ = ["ChangeDispatcher"]

# After these, a mail can be gone.  A move to another folder is announced as `flags`, and has a modification sequence.
_DELETIONS = frozenset({"delete", "prune", "truncate"})


class ChangeDispatcher:
    """The subscribers of the accounts of one store.

    Thread safety: all methods may be called from any thread.

    Args:
        store: the open store.
    """

    def __init__(self, store: Store) -> None:
        self._lock = threading.Lock()
        self._generation = 0
        self._by_recipient: dict[str, _Listeners] = {}
        self._by_owner: dict[str, _Listeners] = {}
        self._others: _Listeners = {}  # those that any caught mail may concern
        self._unsubscribe = store.subscribe(self._handle_change)

    def close(self) -> None:
        """End the subscription."""
        self._unsubscribe()

    def get_generation(self) -> int:
        """Return a number that each deletion changes."""
        return self._generation

    def note_deletion(self) -> None:
        """Change the generation: a deletion of this process may be announced later."""
        with self._lock:
            self._generation += 1

    def subscribe(self, account: StoreAccount, on_change: Callable[[], object]) -> Callable[[], None]:
        """Call a function after changes that may concern an account.

        Returns the function that ends this.
        """
        key = object()
        recipient = _find_recipient(account)
        with self._lock:
            if recipient is None:
                self._others[key] = on_change
            else:
                self._by_recipient.setdefault(recipient, {})[key] = on_change
            self._by_owner.setdefault(account.owner, {})[key] = on_change

        def unsubscribe() -> None:
            with self._lock:
                self._others.pop(key, None)
                _remove(self._by_owner, account.owner, key)
                if recipient is not None:
                    _remove(self._by_recipient, recipient, key)

        return unsubscribe

    def _handle_change(self, change: Change) -> None:
        with self._lock:
            if change.kind in _DELETIONS:
                self._generation += 1
            listeners = dict(chain.from_iterable(found.items() for found in self._find_listeners(change)))
        for listener in listeners.values():
            listener()

    def _find_listeners(self, change: Change) -> Iterable[_Listeners]:
        if change.kind != "new" or not change.arrivals:
            return list(self._by_owner.values())
        found: list[_Listeners] = []
        for arrival in change.arrivals:
            if arrival.owner:
                found.append(self._by_owner.get(arrival.owner, {}))
            else:
                recipients = dict.fromkeys(map(fold, arrival.envelope.rcpt_tos))
                found += [self._by_recipient[one] for one in recipients if one in self._by_recipient]
                found.append(self._others)
        return found


def _find_recipient(account: StoreAccount) -> str | None:
    """Return the recipient that each mail in INBOX has; None if there is no such."""
    for term in account.search:
        if isinstance(term, AddressTerm) and term.field == "recipient" and term.is_exact and not term.negated:
            return term.address
    return None


def _remove(listeners: dict[str, _Listeners], name: str, key: object) -> None:
    found = listeners.get(name, {})
    found.pop(key, None)
    if not found:
        listeners.pop(name, None)

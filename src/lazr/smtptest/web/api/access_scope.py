"""Restrict each request to the mails that it may see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Depends
from fastapi.requests import HTTPConnection

from lazr.smtptest.store import NEWEST_FIRST, MemoryStore
from lazr.smtptest.web.app_context import AppContext
from lazr.smtptest.web.responses import ApiError, describe_store_error

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from lazr.smtptest.errors import StoreError
    from lazr.smtptest.mail import Mail
    from lazr.smtptest.store import (
        Arrival,
        Change,
        Entry,
        GroupField,
        GroupPage,
        OpenedMessage,
        Page,
        Search,
        SortOrder,
        Totals,
    )
    from lazr.smtptest.web.mailbox import Mailbox

__all__ = ["AccessScope", "AccessScopeDep", "FullAccessDep"]


class AccessScope:
    """The store as one request sees it.

    Routes get this object, not the store, so no route can show the mails of another mailbox.

    Args:
        app_context: the shared state of the routes.
        mailbox: the mailbox that the request has the token of; None, the default, for access to all mails.
        user: the name of an authenticated user; empty by default.  With a mailbox, the mailbox's user counts.
    """

    def __init__(self, app_context: AppContext, mailbox: Mailbox | None = None, user: str = "") -> None:
        self.app_context: Final[AppContext] = app_context
        self.mailbox: Final[Mailbox | None] = mailbox
        self.user: Final[str] = user if mailbox is None else mailbox.user
        self._store = app_context.store
        self._mailbox_search: Search = () if mailbox is None else mailbox.search

    @property
    def _search(self) -> Search:
        """The search that finds all mails of the scope that are not about to be deleted."""
        return self._mailbox_search + self.app_context.deletions.exclusion

    @property
    def label(self) -> str:
        """The name that people see: the mailbox's, or the installation's."""
        return self.app_context.label if self.mailbox is None else self.mailbox.name

    def describe_store_error(self, error: StoreError) -> str:
        """Return the text of an error for the client.

        A client with the token of a mailbox does not see paths and addresses.
        """
        return str(error) if self.mailbox is None else describe_store_error(error)

    # -- reading: the methods of `Store`, restricted to the mailbox --------------------------------

    def get_totals(self, search: Search = ()) -> Totals:
        """Return how many mails there are, how many are unread, and their size in bytes."""
        return self._store.get_totals(self._search + search)

    def get_page(
        self, search: Search = (), *, start: int = 0, limit: int | None = 50, order: SortOrder = NEWEST_FIRST
    ) -> Page:
        """Return some of the mails that a search finds, by default the newest first."""
        return self._store.get_page(self._search + search, start=start, limit=limit, order=order)

    def get_entry(self, id: str, search: Search = ()) -> Entry | None:
        """Return the list entry of a mail that a search finds, or None."""
        return self._store.get_entry(id, self._search + search)

    def get_latest(self, search: Search = ()) -> Entry | None:
        """Return the list entry of the newest mail that a search finds, or None."""
        return self._store.get_latest(self._search + search)

    def get_mail(self, id: str) -> Mail | None:
        """Return a mail, or None."""
        return self._store.get_mail(id, self._search)

    def open_message(self, id: str | None, search: Search = (), *, mark_read: bool = False) -> OpenedMessage | None:
        """Return a mail and its list entry, or None.

        With `id=None`, it is the newest mail that a search finds.
        """
        return self._store.open_message(id, self._search + search, mark_read=mark_read)

    def count_tags(self) -> dict[str, int]:
        """Return the number of mails for each tag."""
        return self._store.count_tags(self._search)

    def get_groups(self, by: GroupField, search: Search = (), *, limit: int) -> GroupPage:
        """Return groups of the mails that a search finds, the one with the newest mail first."""
        return self._store.get_groups(by, self._search + search, limit=limit)

    # -- changing --------------------------------------------------------------------------------

    def add(self, arrival: Arrival) -> None:
        """Put a mail into the store.

        Raises:
            ApiError: 403 if the mail would not be in the mailbox: the sender could not read it.
        """
        if self.mailbox is not None and not _is_found(arrival, self._mailbox_search):
            raise ApiError(
                403,
                f"the mailbox {self.mailbox.name!r} does not have mails to these recipients, so its token could not "
                f"read the mail; send to {self.mailbox.recipient or 'an address of the mailbox'}",
            )
        self._store.add([arrival])

    def set_read(self, search: Search = (), *, read: bool, ids: Collection[str] | None = None) -> None:
        """Mark mails as read or unread."""
        self._store.set_read(self._search + search, read=read, ids=ids)

    def delete(self, search: Search = (), *, ids: Collection[str] | None = None) -> int:
        """Delete mails, count them, and return their number."""
        deleted = self._store.delete(self._search + search, ids=ids)
        self.app_context.add_to_deleted_count(deleted, self.mailbox)
        return deleted

    def delete_later(self, search: Search = (), *, ids: Collection[str] | None = None, delay: float) -> str:
        """Hide mails, and delete them after a delay in seconds; return the token that undoes this.

        The token is empty if the mails were deleted at once, see `DeletionQueue.add`.
        """
        full_search = self._mailbox_search + search
        return self.app_context.deletions.add(full_search, ids, delay=delay, mailbox=self.mailbox)

    def undo_deletion(self, token: str) -> bool:
        """Show mails again that are about to be deleted, and return whether it was not too late."""
        return self.app_context.deletions.undo(token, self.mailbox)

    def set_tags(self, ids: Collection[str], tags: Collection[str]) -> None:
        """Replace the tags of mails."""
        self._store.set_tags(ids, tags, self._search)

    def rename_tag(self, tag: str, new: str) -> int:
        """Rename a tag and return the number of mails that had it."""
        return self._store.rename_tag(tag, new, self._search)

    def delete_tag(self, tag: str) -> int:
        """Remove a tag from all mails and return the number of mails that had it."""
        return self._store.delete_tag(tag, self._search)

    # -- changes of the store ----------------------------------------------------------------------

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call a function for each change of the store; return a function that ends this.

        The changes include those of mails in other mailboxes: the subscriber must look each mail up in this scope.
        """
        return self.app_context.subscribe(listener)


def _is_found(arrival: Arrival, search: Search) -> bool:
    """Return whether a search finds a mail that is not in the store yet."""
    with MemoryStore() as store:
        store.add([arrival])
        return store.get_entry(arrival.id, search) is not None


def _resolve_scope(connection: HTTPConnection) -> AccessScope:
    """Return what a request or a websocket may see.

    `AuthenticationMiddleware` has read the credentials and left the identity in the state of the ASGI scope.

    Raises:
        ApiError: 401 for a request without an identity, unless anonymous access is allowed.
    """
    app_context: AppContext = connection.app.state.app_context
    mailbox = getattr(connection.state, "mailbox", None)
    if mailbox is not None:
        return AccessScope(app_context, mailbox)
    user = getattr(connection.state, "user", None)
    if user is not None:
        return AccessScope(app_context, user=user)
    if app_context.anonymous:
        return AccessScope(app_context)
    raise ApiError(401, "Unauthorized.\n", {"www-authenticate": 'Basic realm="Login"'})


AccessScopeDep = Annotated[AccessScope, Depends(_resolve_scope)]
"""The type of a route's parameter for the mails that the request may see."""


def _require_full_access(scope: AccessScopeDep) -> AppContext:
    """Return the app context, for routes about more than mails: rules, sessions, metrics.

    Raises:
        ApiError: 403 for a request with the token of a mailbox.
    """
    if scope.mailbox is not None:
        raise ApiError(403, "the token of a mailbox gives access to its mails only, not to this route")
    return scope.app_context


FullAccessDep = Annotated[AppContext, Depends(_require_full_access)]
"""The type of a route's parameter for the shared state, in routes that the token of a mailbox does not open."""

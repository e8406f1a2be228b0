"""What a request may see: the store, through the mailbox whose token it has."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Depends
from fastapi.requests import HTTPConnection

from lazr.smtptest.web.answers import Refused
from lazr.smtptest.web.catcher import Catcher

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from lazr.smtptest.mail.mail import Mail
    from lazr.smtptest.store.contract import Arrival, Change, Entry, Page, Totals
    from lazr.smtptest.store.search import Search
    from lazr.smtptest.web.mailbox import Mailbox

__all__ = ["Scope", "Scoped", "Whole"]


class Scope:
    """The store as one request sees it.  Routes have this alone, so none can forget whose mails are whose.

    - `mailbox`: None where all is seen.  `user`: whom a middleware found the request to be from; or empty.
    """

    def __init__(self, catcher: Catcher, mailbox: Mailbox | None = None, user: str = "") -> None:
        self.catcher: Final[Catcher] = catcher
        self.mailbox: Final[Mailbox | None] = mailbox
        self.user: Final[str] = user if mailbox is None else mailbox.user
        self._store = catcher.store
        self._search: Search = () if mailbox is None else mailbox.search

    @property
    def label(self) -> str:
        """What people call it."""
        return self.catcher.label if self.mailbox is None else self.mailbox.name

    # -- reading, as `Store` has it ------------------------------------------------------------

    def totals(self, search: Search = ()) -> Totals:
        """How much there is."""
        return self._store.totals(self._search + search)

    def page(self, search: Search = (), *, start: int = 0, limit: int | None = 50) -> Page:
        """Some of it, newest first."""
        return self._store.page(self._search + search, start=start, limit=limit)

    def entry(self, id: str) -> Entry | None:
        """A mail, as lists show it."""
        return self._store.entry(id, self._search)

    def latest(self, search: Search = ()) -> Entry | None:
        """The newest."""
        return self._store.latest(self._search + search)

    def mail(self, id: str) -> Mail | None:
        """The mail itself."""
        return self._store.mail(id, self._search)

    def tags(self) -> dict[str, int]:
        """All tags, and how many mails have each."""
        return self._store.tags(self._search)

    # -- changing ------------------------------------------------------------------------------

    def add(self, arrival: Arrival) -> None:
        """Keep a mail."""
        self._store.add([arrival])

    def mark(self, search: Search = (), *, read: bool, ids: Collection[str] | None = None) -> None:
        """Mark as read or unread."""
        self._store.mark(self._search + search, read=read, ids=ids)

    def delete(self, search: Search = (), *, ids: Collection[str] | None = None) -> None:
        """Delete."""
        self.catcher.count_deleted(self._store.delete(self._search + search, ids=ids))

    def set_tags(self, ids: Collection[str], tags: Collection[str]) -> None:
        """These have these tags."""
        self._store.set_tags(ids, tags, self._search)

    def rename_tag(self, tag: str, new: str) -> int:
        """Call a tag something else."""
        return self._store.rename_tag(tag, new, self._search)

    def delete_tag(self, tag: str) -> int:
        """Take a tag off."""
        return self._store.delete_tag(tag, self._search)

    # -- hearing -------------------------------------------------------------------------------

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Hear of all changes, of other mailboxes' mails too: whoever is told has to ask whether they are its own."""
        return self._store.subscribe(listener)


def _scope_of(connection: HTTPConnection) -> Scope:
    """The scope of a request or websocket; raises `Refused`, 401, for credentials that open nothing."""
    catcher: Catcher = connection.app.state.catcher
    token = _token(connection.headers.get("authorization", ""))
    mailbox = None if token is None else catcher.mailbox_of(token)
    if mailbox is not None:
        return Scope(catcher, mailbox)
    user = getattr(connection.state, "user", None)  # which a middleware knows that checks passwords
    if isinstance(user, str):
        return Scope(catcher, user=user)
    # With mailboxes, a token with a slip in it must not open everything.
    if catcher.anonymous and (token is None or not catcher.mailboxes):
        return Scope(catcher)
    raise Refused(401, "Unauthorized.\n", {"www-authenticate": 'Basic realm="Login"'})


def _token(authorization: str) -> str | None:
    """What may be a mailbox's token; None where there are no credentials."""
    scheme, _, rest = authorization.partition(" ")
    rest = rest.strip()
    if scheme.lower() == "bearer":
        return rest
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest, validate=True).decode("utf-8").partition(":")[2]
        except (binascii.Error, ValueError):
            return ""
    return None if not authorization else ""


Scoped = Annotated[Scope, Depends(_scope_of)]
"""The type of a route's argument for the mails that the request may see."""


def _whole(scope: Scoped) -> Catcher:
    """The catcher, for what is nobody's mailbox: rules, sessions.  Raises `Refused`, 403, for a mailbox's token."""
    if scope.mailbox is not None:
        raise Refused(403, "the token of a mailbox opens its mails, and nothing else")
    return scope.catcher


Whole = Annotated[Catcher, Depends(_whole)]
"""The type of a route's argument for what concerns all mailboxes."""

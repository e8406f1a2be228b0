"""Find the mail that the path of a request names, by its ID or as `latest`."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Annotated, NamedTuple

from fastapi import Depends, Path, Query, Request
from starlette.concurrency import run_in_threadpool

from lazr.smtptest.errors import StoreFull
from lazr.smtptest.mail import Mail
from lazr.smtptest.store import Entry, OpenedMessage, Search
from lazr.smtptest.web.api.access_scope import AccessScope, AccessScopeDep
from lazr.smtptest.web.api.memory_limits import MAX_SMALL_MAIL_BYTES, OPENING_LIMIT, hold_mail_turn
from lazr.smtptest.web.api.query_params import TimeZoneParam, parse_lenient_search
from lazr.smtptest.web.responses import ApiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = [
    "EntryDep",
    "MailDep",
    "MarkReadParam",
    "MessageRef",
    "MessageRefDep",
    "OpenedMessageRefDep",
    "ReadMessageRefDep",
    "check_id",
    "load_mail",
    "open_message",
]

# No mail has another ID, and some stores cannot look up a NUL character.
_ID_PATTERN = re.compile("[0-9A-Za-z]{1,100}")


class MessageRef(NamedTuple):
    """The mail that a request names.

    `id` is None for the newest mail that `search` finds, and empty for an ID that no mail can have.  `opened` is the
    mail if the store has returned it already, and `is_marked_read` whether it has also marked it as read.
    """

    id: str | None
    search: Search = ()
    opened: OpenedMessage | None = None
    is_marked_read: bool = False

    def build_not_found_error(self) -> ApiError:
        """Return the error for a reference to no mail, with Mailpit's text."""
        return ApiError(404, "Message not found" if self.id is None else "404 page not found")


def check_id(id: str) -> str:
    """Return an ID that is safe to look up: empty if no mail can have this one."""
    return id if _ID_PATTERN.fullmatch(id) else ""


def _parse_message_ref(
    id: Annotated[str, Path(description="The ID of a mail, or `latest`")],
    zone: TimeZoneParam,
    query: Annotated[str, Query(description="With `latest`: a search; the newest mail that it finds is meant")] = "",
) -> MessageRef:
    if id == "latest":
        return MessageRef(None, parse_lenient_search(query, zone))
    return MessageRef(check_id(id))


_ParsedRefDep = Annotated[MessageRef, Depends(_parse_message_ref)]


@asynccontextmanager
async def _open_in_turn(
    request: Request, scope: AccessScope, ref: MessageRef, *, mark_read: bool
) -> AsyncIterator[MessageRef]:
    opened = await OPENING_LIMIT.run_in_thread(scope.open_message, ref.id, ref.search, mark_read=mark_read)
    if opened is None or opened.entry.size <= MAX_SMALL_MAIL_BYTES:
        yield ref._replace(opened=opened, is_marked_read=mark_read)
        return
    # The size is known only now.  The mail is dropped and read again in its turn, so that no waiting request holds one.
    # The list entry has the mark from before.
    entry = opened.entry
    del opened
    async with hold_mail_turn(request, entry.size):
        mail = await run_in_threadpool(scope.get_mail, entry.id)
        opened = None if mail is None else OpenedMessage(entry, mail)
        del mail
        yield MessageRef(entry.id, opened=opened, is_marked_read=mark_read)


async def _open_ref(request: Request, scope: AccessScopeDep, ref: _ParsedRefDep) -> AsyncIterator[MessageRef]:
    async with _open_in_turn(request, scope, ref, mark_read=False) as opened_ref:
        yield opened_ref


async def _open_ref_and_mark_read(
    request: Request, scope: AccessScopeDep, ref: _ParsedRefDep
) -> AsyncIterator[MessageRef]:
    async with _open_in_turn(request, scope, ref, mark_read=True) as opened_ref:
        yield opened_ref


MarkReadParam = Annotated[bool, Query(description="0: do not change the mark of the mail")]
"""The type of a route's parameter that decides whether the request marks the mail as read."""


async def _open_ref_and_mark_on_request(
    request: Request, scope: AccessScopeDep, ref: _ParsedRefDep, *, mark_read: MarkReadParam = True
) -> AsyncIterator[MessageRef]:
    async with _open_in_turn(request, scope, ref, mark_read=mark_read) as opened_ref:
        yield opened_ref


# The scope `function` ends the turn before the answer is sent, which takes as long as the client likes.
MessageRefDep = Annotated[MessageRef, Depends(_open_ref, scope="function")]
"""The type of a route's parameter for a reference to the mail that the path names; the mail may not exist.

`open_message` returns the mail.  If the mail is large, at most two requests are in such routes at once.
"""

ReadMessageRefDep = Annotated[MessageRef, Depends(_open_ref_and_mark_read, scope="function")]
"""The same type for routes that mark the mail as read; `open_message` then has `mark_read=True`."""

OpenedMessageRefDep = Annotated[MessageRef, Depends(_open_ref_and_mark_on_request, scope="function")]
"""The same type for routes with a `MarkReadParam`, which `open_message` gets, too."""


def open_message(scope: AccessScope, ref: MessageRef, *, mark_read: bool = False) -> OpenedMessage:
    """Return a mail and its list entry, from one snapshot of the store.

    Args:
        scope: the mails that the request may see.
        ref: the mail that the request names.
        mark_read: whether to mark the mail as read; false by default.  The entry has the mark from before.

    Raises:
        ApiError: 404 if there is no such mail.
    """
    opened = ref.opened
    if opened is None:
        opened = scope.open_message(ref.id, ref.search, mark_read=mark_read)
    elif mark_read and not ref.is_marked_read and not opened.entry.read:
        with suppress(StoreFull):  # the mail can be read all the same
            scope.set_read(read=True, ids=[opened.entry.id])
    if opened is None:
        raise ref.build_not_found_error()
    return opened


def _open_mail(scope: AccessScopeDep, ref: MessageRefDep) -> Mail:
    return open_message(scope, ref).mail


MailDep = Annotated[Mail, Depends(_open_mail)]
"""The type of a route's parameter for the mail that the path names."""


def _get_entry(scope: AccessScopeDep, ref: _ParsedRefDep) -> Entry:
    entry = scope.get_latest(ref.search) if ref.id is None else scope.get_entry(ref.id)
    if entry is None:
        raise ref.build_not_found_error()
    return entry


EntryDep = Annotated[Entry, Depends(_get_entry)]
"""The type of a route's parameter for the list entry of the mail, in routes that load the mail itself later."""


def load_mail(scope: AccessScope, entry: Entry) -> Mail:
    """Return the mail of a list entry.

    Raises:
        ApiError: 404 if the mail has been deleted since the entry was read.
    """
    mail = scope.get_mail(entry.id)
    if mail is None:
        raise MessageRef(entry.id).build_not_found_error()
    return mail

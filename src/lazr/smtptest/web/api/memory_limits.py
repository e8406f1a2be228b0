"""Run requests that need much memory a few at a time.

A request for a large mail holds the mail, its decoded text and the answer in memory.  A large JSON body becomes many
Python objects.  Such requests wait here for their turn, without a thread.  Small ones do not wait.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from lazr.smtptest.web.responses import ApiError
from lazr.smtptest.web.sandbox import ConcurrencyLimit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from lazr.smtptest.web.middleware.byte_budget import ByteShare

__all__ = ["MAX_SMALL_MAIL_BYTES", "OPENING_LIMIT", "hold_body_turn", "hold_list_turn", "hold_mail_turn"]

KIB = 1024

MAX_SMALL_MAIL_BYTES = 1024 * KIB
"""A request for a mail up to this size does not wait for its turn."""

_MAX_SMALL_BODY_BYTES = 64 * KIB
_MAX_SMALL_LIST_LENGTH = 100

OPENING_LIMIT: ConcurrencyLimit = ConcurrencyLimit(4, max_waiting=10_000)
"""How many requests may read a mail of unknown size from the store at once."""

_LARGE_MAIL_LIMIT = ConcurrencyLimit(2)
_LARGE_BODY_LIMIT = ConcurrencyLimit(2)
_LONG_LIST_LIMIT = ConcurrencyLimit(2)


@asynccontextmanager
async def hold_mail_turn(request: Request, mail_bytes: int) -> AsyncIterator[None]:
    """Wait for a turn to work on a large mail, and reserve memory for the answer.

    At most two requests have a turn.

    Args:
        request: the request that needs the mail.
        mail_bytes: the size of the mail's content.  Up to 1 MiB, the request does not wait.

    Raises:
        ApiError: 503 if the answers that are being sent take all memory that answers may have.
        TooManyWaiting: 100 requests wait already.
    """
    if mail_bytes <= MAX_SMALL_MAIL_BYTES:
        yield
        return
    async with _LARGE_MAIL_LIMIT.acquire():
        # `ResponseBackpressureMiddleware` put the share there; an app without `Guard` has none.
        share: ByteShare | None = getattr(request.state, "answer_share", None)
        if share is not None and not share.resize(mail_bytes) and not share.is_only_one:
            share.resize(0)
            raise ApiError(503, "Too many large answers are being sent; try again\n", {"retry-after": "1"})
        yield


@asynccontextmanager
async def hold_body_turn(body_bytes: int) -> AsyncIterator[None]:
    """Wait until at most one other request works on a large body.

    Args:
        body_bytes: the size of the body.  Up to 64 KiB, the request does not wait.

    Raises:
        TooManyWaiting: 100 requests wait already.
    """
    if body_bytes <= _MAX_SMALL_BODY_BYTES:
        yield
        return
    async with _LARGE_BODY_LIMIT.acquire():
        yield


@asynccontextmanager
async def hold_list_turn(length: int) -> AsyncIterator[None]:
    """Wait until at most one other request builds a long list.

    Args:
        length: how many mails the list may have.  Up to 100, the request does not wait.

    Raises:
        TooManyWaiting: 100 requests wait already.
    """
    if length <= _MAX_SMALL_LIST_LENGTH:
        yield
        return
    async with _LONG_LIST_LIMIT.acquire():
        yield

"""Who has sent a request: a user, a client with the token of a mailbox, or neither."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lazr.smtptest.web.mailbox import Mailbox

__all__ = ["Identity"]


class Identity(NamedTuple):
    """The sender of a request; both fields are None for an anonymous one.

    A user sees all mails, and a mailbox its own.
    """

    user: str | None = None
    mailbox: Mailbox | None = None

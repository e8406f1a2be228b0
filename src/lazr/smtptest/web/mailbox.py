"""A mailbox: the mails of one user, or for some recipients, and the token that opens it."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from lazr.smtptest.store.search import Address, User, fold

if TYPE_CHECKING:
    from lazr.smtptest.store.search import Search

__all__ = ["Mailbox"]

_LEAST = 16


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Some of the mails of a store, for whoever has the token.

    - `name`: for people.
    - `token`: is sent as `Authorization: Bearer TOKEN`, or as the password of HTTP Basic, with any user name.  It has
      at least 16 characters, so that nobody guesses it.
    - `search`: what is in it.
    - `user`: as whom mail is sent from it by `POST /api/v1/send`; empty for nobody.

    Raises `ValueError` for a token that is shorter, or no plain text.

    >>> Mailbox.of_user("job 7", "token-of-job-7-xyz", "ci-7")
    Mailbox(name='job 7', search=(User(negated=False, name='ci-7'),), user='ci-7')
    """

    name: str
    token: str = field(repr=False)
    search: Search
    user: str = ""

    def __post_init__(self) -> None:
        if len(self.token) < _LEAST or not re.fullmatch("[!-~]+", self.token):
            raise ValueError(f"the token of mailbox {self.name!r} wants {_LEAST} letters, digits or signs of ASCII")

    @classmethod
    def of_user(cls, name: str, token: str, user: str) -> Self:
        """What sessions bring that are authenticated as this user (SMTP's AUTH)."""
        return cls(name, token, (User(user),), user)

    @classmethod
    def of_recipient(cls, name: str, token: str, recipient: str) -> Self:
        """What has such a recipient in its envelope: an address, in which `*` and `?` stand for others."""
        return cls(name, token, (Address("recipient", fold(recipient)),))

    def opens_with(self, token: str) -> bool:
        """Whether this is its token."""
        return hmac.compare_digest(self.token.encode(), token.encode("utf-8", "replace"))

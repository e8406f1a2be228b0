"""A mailbox: the part of a store that a token opens.

Examples are the mails of one user or of one test job.
"""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from lazr.smtptest.store import AddressTerm, UserTerm, fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lazr.smtptest.store import Search

__all__ = ["Mailbox", "Mailboxes"]

# Rate limits count wrong passwords of a user, not wrong tokens of a mailbox, so a token must be too long to guess.
_MIN_TOKEN_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The mails of a store that a search finds, and the token that opens them.

    Args:
        name: the name that people see.
        token: the secret, 16 or more printable ASCII characters without spaces.  A client sends it as
            `Authorization: Bearer TOKEN`, or as the password of HTTP Basic with any user name.
        search: which mails are in the mailbox.
        user: the user name of mails that are sent from the mailbox by `POST /api/v1/send`; empty for none.
        recipient: the address whose mails are in the mailbox, for people; empty for none.

    Raises:
        ValueError: if the token is too short or has other characters.  The text does not contain the token.

    >>> Mailbox.of_user("job 7", "token-of-job-7-xyz", "ci-7")
    Mailbox(name='job 7', search=(UserTerm(negated=False, name='ci-7'),), user='ci-7', recipient='')
    """

    name: str
    token: str = field(repr=False)
    search: Search
    user: str = ""
    recipient: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(f"[!-~]{{{_MIN_TOKEN_CHARACTERS},}}", self.token):
            raise ValueError(
                f"the token of mailbox {self.name!r} must be {_MIN_TOKEN_CHARACTERS} or more printable ASCII "
                f"characters without spaces, got {len(self.token)} characters"
            )

    @classmethod
    def of_user(cls, name: str, token: str, user: str) -> Self:
        """Return a mailbox of the mails from the sessions of one user.

        The sessions are those that are authenticated as `user` (SMTP AUTH).
        """
        return cls(name, token, (UserTerm(user),), user)

    @classmethod
    def of_recipient(cls, name: str, token: str, recipient: str) -> Self:
        """Return a mailbox of the mails with this envelope recipient; `*` and `?` are wildcards."""
        return cls(name, token, (AddressTerm("recipient", fold(recipient)),), recipient=recipient)


class Mailboxes:
    """The mailboxes of one server, found by their tokens.

    Its methods may be called from any thread.

    Raises:
        ValueError: if two mailboxes have the same token.

    >>> mailboxes = Mailboxes([Mailbox.of_user("job 7", "token-of-job-7-xyz", "ci-7")])
    >>> mailboxes.find_by_token(b"token-of-job-7-xyz").name, mailboxes.find_by_token(b"token-of-job-8")
    ('job 7', None)
    """

    MAX_COUNT = 10_000
    """How many mailboxes `add` accepts."""

    __slots__ = ("_lock", "_mailbox_by_name", "_mailboxes_by_digest", "was_used")

    def __init__(self, mailboxes: Iterable[Mailbox] = ()) -> None:
        self._lock = threading.Lock()
        # Replaced as a whole by each change, so that other threads can read it without the lock.
        self._mailboxes_by_digest: dict[bytes, Mailbox] = {}
        for mailbox in mailboxes:
            other = self._mailboxes_by_digest.setdefault(_hash_token(mailbox.token.encode()), mailbox)
            if other is not mailbox:
                raise ValueError(
                    f"mailboxes {other.name!r} and {mailbox.name!r} have the same token; give each its own"
                )
        self._mailbox_by_name = _index_by_name(self._mailboxes_by_digest)
        # Also true when all mailboxes are removed: a client with the token of one must not pass as anonymous.
        self.was_used: bool = bool(self._mailboxes_by_digest)

    def find_by_token(self, token: bytes) -> Mailbox | None:
        """Return the mailbox that a token opens, or None.

        The look-up is by digest: the time that it takes does not show how close a wrong token is.
        """
        return self._mailboxes_by_digest.get(_hash_token(token))

    def find_by_name(self, name: str) -> Mailbox | None:
        """Return the mailbox of this name, or None; the first one if there are several."""
        return self._mailbox_by_name.get(name)

    def add(self, mailbox: Mailbox) -> None:
        """Add a mailbox, whose token is valid from now on.

        Raises:
            ValueError: if another mailbox has the name or the token, or if there are 10,000 already.
        """
        digest = _hash_token(mailbox.token.encode())
        with self._lock:
            if len(self) >= self.MAX_COUNT:
                raise ValueError(f"there may be at most {self.MAX_COUNT:,} mailboxes; remove one first")
            if digest in self._mailboxes_by_digest or mailbox.name in self._mailbox_by_name:
                raise ValueError(
                    f"there is a mailbox {mailbox.name!r} already; choose another name, or remove it first"
                )
            self._mailboxes_by_digest = {**self._mailboxes_by_digest, digest: mailbox}
            self._mailbox_by_name = _index_by_name(self._mailboxes_by_digest)
            self.was_used = True

    def remove(self, name: str) -> bool:
        """Remove the mailbox of this name, and return whether there was one.

        Its token is invalid from now on.  Its mails stay in the store.
        """
        with self._lock:
            kept = {digest: mailbox for digest, mailbox in self._mailboxes_by_digest.items() if mailbox.name != name}
            is_removed = len(kept) < len(self._mailboxes_by_digest)
            self._mailboxes_by_digest = kept
            self._mailbox_by_name = _index_by_name(kept)
        return is_removed

    def __contains__(self, mailbox: object) -> bool:
        return isinstance(mailbox, Mailbox) and self.find_by_token(mailbox.token.encode()) is mailbox

    def __iter__(self) -> Iterator[Mailbox]:
        return iter(self._mailboxes_by_digest.values())

    def __len__(self) -> int:
        return len(self._mailboxes_by_digest)


def _index_by_name(mailboxes_by_digest: dict[bytes, Mailbox]) -> dict[str, Mailbox]:
    return {mailbox.name: mailbox for mailbox in reversed(mailboxes_by_digest.values())}


def _hash_token(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()

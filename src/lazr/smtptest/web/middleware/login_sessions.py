"""The sessions of browsers that have logged in.

They are in memory: a restart of the server ends them, and no secret is on the disk.  With several nodes, a browser must
always talk to the node that it has logged in to.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from lazr.smtptest._util.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.web.middleware.identity import Identity

__all__ = ["LoginSessions"]

_TOKEN_BYTES = 32
_MAX_TOKEN_CHARACTERS = 100

IDLE_SECONDS = 12 * 3600.0
MAX_SECONDS = 7 * 24 * 3600.0
MAX_SESSIONS = 10_000
MAX_SESSIONS_PER_IDENTITY = 100


class _Session(NamedTuple):
    identity: Identity
    started_at: float
    used_at: float


class LoginSessions:
    """The sessions by their tokens, of which only digests are kept.

    Its methods may be called from any thread.

    Args:
        idle_seconds: a session ends when it is not used for this time, 12 hours by default.
        max_seconds: a session ends this long after its start, 7 days by default.
        max_count: how many sessions there may be, 10,000 by default; a new one replaces the one that was not used for
            the longest time.
        max_count_per_identity: how many sessions a user or a mailbox may have, 100 by default; a new one replaces the
            one of them that was not used for the longest time.
        clock: seconds that never go back.

    >>> from lazr.smtptest.web.middleware.identity import Identity
    >>> sessions = LoginSessions()
    >>> token = sessions.start(Identity("ann"))
    >>> len(token), sessions.find(token), sessions.find("another")
    (43, Identity(user='ann', mailbox=None), None)
    """

    def __init__(
        self,
        *,
        idle_seconds: float = IDLE_SECONDS,
        max_seconds: float = MAX_SECONDS,
        max_count: int = MAX_SESSIONS,
        max_count_per_identity: int = MAX_SESSIONS_PER_IDENTITY,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._idle_seconds = idle_seconds
        self._max_seconds = max_seconds
        self._max_count = max_count
        self._max_count_per_identity = max_count_per_identity
        self._clock = clock
        self._lock = threading.Lock()
        self._session_by_digest: OrderedDict[bytes, _Session] = OrderedDict()  # the least recently used one first

    def start(self, identity: Identity) -> str:
        """Start a session, and return its token of 256 random bits."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        now = self._clock()
        with self._lock:
            own = [digest for digest, session in self._session_by_digest.items() if session.identity == identity]
            for digest in own[: max(0, len(own) + 1 - self._max_count_per_identity)]:
                del self._session_by_digest[digest]
            while len(self._session_by_digest) >= self._max_count:
                self._session_by_digest.popitem(last=False)
            self._session_by_digest[_hash_token(token)] = _Session(identity, now, now)
        return token

    def find(self, token: str, *, keep_alive: bool = True) -> Identity | None:
        """Return who has logged in; None if there is no such session.

        With `keep_alive`, this counts as a use of the session.  The look-up is by digest: the time that it takes does
        not show how close a wrong token is.
        """
        if len(token) > _MAX_TOKEN_CHARACTERS:
            return None
        digest = _hash_token(token)
        now = self._clock()
        with self._lock:
            session = self._session_by_digest.get(digest)
            if session is None:
                return None
            if now - session.used_at > self._idle_seconds or now - session.started_at > self._max_seconds:
                del self._session_by_digest[digest]
                return None
            if keep_alive:
                self._session_by_digest[digest] = session._replace(used_at=now)
                self._session_by_digest.move_to_end(digest)
        return session.identity

    def end(self, token: str) -> None:
        """End a session; do nothing if there is none."""
        if len(token) <= _MAX_TOKEN_CHARACTERS:
            with self._lock:
                self._session_by_digest.pop(_hash_token(token), None)

    def __len__(self) -> int:
        return len(self._session_by_digest)


def _hash_token(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()

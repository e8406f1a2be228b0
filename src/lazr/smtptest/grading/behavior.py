"""Behaviors: what a server does, and which outcomes are right for a client that meets it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    Security = Literal["none", "starttls", "implicit"]
    Body = Literal["plain", "dots", "long-line", "lf-lines", "bare-lf", "no-line-end", "eight-bit", "large"]

__all__ = ["GROUPS", "Behavior", "Outcome"]

# The groups, in the order of a session.
GROUPS = (
    "greeting",
    "ehlo",
    "starttls",
    "tls",
    "auth",
    "envelope",
    "data",
    "content",
    "replies",
    "quit",
    "connection",
    "retries",
)


class Outcome(StrEnum):
    """What became of the mail of one trial.

    >>> Outcome.REFUSED.value
    'refused and reported'
    """

    DELIVERED = "delivered"
    DEFERRED = "deferred"
    REFUSED = "refused and reported"
    LOST = "lost"
    DUPLICATED = "sent twice"
    IN_CLEAR = "sent in clear"
    ALTERED = "altered"
    HUNG = "hung"
    SKIPPED = "not tried"


@dataclass(frozen=True, slots=True, repr=False)
class Behavior:
    """One behavior of a server, with what a good client does.

    - `name`: its unique name, such as "starttls-stripped".
    - `group`: one of `GROUPS`.
    - `rfc`: the section that the verdict follows, such as "RFC 3207 6".
    - `title`: what the server does, as a sentence without a period.
    - `expected`: what a good client does, as a sentence.
    - `accept`: the outcomes that are right.
    - `server`: arguments of `MailServer`.
    - `rules`: the rules that make the behavior, as definitions for `server.rules.load`.
    - `security`: what the client must demand: "none", "starttls" or "implicit".
    - `auth`: whether the client must authenticate.
    - `mechanisms`: the mechanisms of AUTH that the server offers.
    - `auth_in_clear`: whether it offers AUTH without TLS; by default only if it has no TLS.
    - `utf8`: whether the recipient's address needs SMTPUTF8.
    - `recipients`: the number of recipients.
    - `mails`: the number of mails, to be sent over one connection if the client can.
    - `body`: the kind of content.
    - `timeout`: the network timeout that the client is told, in seconds.
    - `needs`: the behavior is tried only if the client sends one of these verbs; "TLS" is a handshake.  If empty, one
      of the rules must act.
    - `accept_if_tls_fails`: outcomes that are right, too, if the TLS handshake fails.
    - `forbids`: codes of findings (`FINDING_CODES`) that make every outcome wrong.

    >>> from lazr.smtptest.grading import find_behaviors
    >>> behavior = find_behaviors(["starttls-stripped"])[0]
    >>> behavior.rfc, behavior.security
    ('RFC 3207 6', 'starttls')
    """

    name: str
    group: str
    rfc: str
    title: str
    expected: str
    accept: frozenset[Outcome]
    server: Mapping[str, object] = field(default_factory=dict, hash=False)
    rules: tuple[Mapping[str, object], ...] = field(default=(), hash=False)
    security: Security = "none"
    auth: bool = False
    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN")
    auth_in_clear: bool | None = None
    utf8: bool = False
    recipients: int = 1
    mails: int = 1
    body: Body = "plain"
    timeout: float = 5.0
    needs: frozenset[str] = frozenset()
    accept_if_tls_fails: frozenset[Outcome] = frozenset()
    forbids: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"<Behavior {self.name}: {self.title} ({self.rfc})>"

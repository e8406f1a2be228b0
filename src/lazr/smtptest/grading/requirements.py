"""What a client always demands, whatever its task says: TLS, or authentication.

Many applications have one server in their settings, with STARTTLS and a password.  `apply_requirements` gives all
servers these features, so that such a client meets the behaviors that are not about them, too.
"""

from __future__ import annotations

from dataclasses import replace

from lazr.smtptest.net import Tls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

    from lazr.smtptest.grading.behavior import Behavior, Security

__all__ = ["SECURITIES", "apply_requirements"]

SECURITIES: Final = ("starttls", "implicit")
# Without EHLO, a server can offer neither STARTTLS nor AUTH.
_WITHOUT_EHLO = frozenset({"ehlo-refused", "ehlo-550"})
_WITHOUT_EXTENSIONS = frozenset({"ehlo-no-extensions"})
# TLS joins the bytes of a reply, and the handshake would take a minute.
_WITHOUT_TLS = frozenset({"replies-single-bytes"})


def apply_requirements(
    behaviors: Iterable[Behavior], security: Security | None = None, *, auth: bool = False
) -> tuple[Behavior, ...]:
    """Return the behaviors for a client with these demands, with servers that fulfill them.

    Args:
        behaviors: The behaviors.
        security: The kind of TLS that the client demands, "starttls" or "implicit"; behaviors of the other kind are
            left out.  None: the client does what the task says.
        auth: Whether the client always authenticates.

    Raises:
        ValueError: `security` is another word.

    >>> from lazr.smtptest.grading import BEHAVIORS
    >>> found = {behavior.name: behavior for behavior in apply_requirements(BEHAVIORS, "starttls", auth=True)}
    >>> found["rcpt-550"].security, found["rcpt-550"].auth
    ('starttls', True)
    >>> "tls-expired" in found, "ehlo-refused" in found
    (False, False)
    """
    if security is not None and security not in SECURITIES:
        raise ValueError(f'security must be "starttls" or "implicit", got {security!r}; leave it out for both')
    impossible: frozenset[str] = frozenset()
    if security == "starttls" or auth:
        impossible |= _WITHOUT_EHLO | _WITHOUT_EXTENSIONS
    if security is not None:
        impossible |= _WITHOUT_TLS
    return tuple(
        _adapt(behavior, security, auth=auth)
        for behavior in behaviors
        if behavior.name not in impossible and (security is None or behavior.security in ("none", security))
    )


def _adapt(behavior: Behavior, security: Security | None, *, auth: bool) -> Behavior:
    if security is not None and behavior.security == "none":
        behavior = replace(
            behavior,
            security=security,
            server={**behavior.server, "tls": Tls("implicit" if security == "implicit" else "starttls")},
        )
    if auth and not behavior.auth:
        # A server without TLS offers AUTH in clear; with TLS, it must not.
        behavior = replace(behavior, auth=True)
    return behavior

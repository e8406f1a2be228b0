"""AUTH: whose credentials a server accepts, by which mechanisms, and where (RFC 4954)."""

from __future__ import annotations

import os
from collections.abc import Mapping

from lazr.smtptest.errors import MissingExtra
from lazr.smtptest.protocol.smtp.sasl import MECHANISMS
from lazr.smtptest.protocol.smtp.scram import scram_is_here

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Literal

    from lazr.smtptest.protocol.smtp.sasl import Credentials

    Accept = Mapping[str, str] | Callable[[Credentials], bool] | Literal["any"]

__all__ = ["Auth"]

# Offered only by name: it accepts nobody whom a password could tell from others.
_ON_REQUEST = frozenset({"ANONYMOUS"})


def _nonce() -> str:
    return os.urandom(18).hex()


class Auth:
    """Who may authenticate, and how (RFC 4954).

    `accept` says whose credentials are good:

    - a mapping of user names to passwords (or tokens, for XOAUTH2 and OAUTHBEARER); an empty one lets
      nobody in but by EXTERNAL;
    - a function that gets the `Credentials` and returns whether they are;
    - `"any"`: whatever comes is accepted, and recorded.

    The rest is worked out from that, unless you say otherwise:

    - `mechanisms`: names, in the order of the offer; by default all that can be done.  SCRAM needs
      the extra `auth`, and a mapping, as the server has to know the password; a function can do it
      too, if you name it, and the function asks `credentials.matches(password)`.  The -PLUS variants
      need TLS, and TLS 1.3 if you name them: clients bind to tls-exporter there, which Python's `ssl`
      has not.  EXTERNAL needs client certificates, and ANONYMOUS is offered only by name.
    - `required`: MAIL is answered 530 5.7.0 before AUTH; by default it is, but not for `"any"`.
    - `in_clear`: AUTH is offered without TLS; by default only where the listener has none.  Where it
      is not, AUTH is answered 538 5.7.11.
    - `nonce`: makes the random text of challenges; yours makes a dialogue repeatable.

    Raises `ValueError` for an unknown mechanism, or one that `accept` cannot serve, `TypeError` for
    passwords that are no strings, and
    `MissingExtra` for SCRAM by name where its library is not installed.

    >>> Auth({"ann": "secret"}, mechanisms=["PLAIN"])
    Auth(1 user, mechanisms=['PLAIN'], required=True)
    """

    __slots__ = ("_accept", "by_name", "in_clear", "mechanisms", "nonce", "passwords", "required")

    def __init__(
        self,
        accept: Accept,
        *,
        mechanisms: Iterable[str] | None = None,
        required: bool | None = None,
        in_clear: bool | None = None,
        nonce: Callable[[], str] = _nonce,
    ) -> None:
        if not (isinstance(accept, Mapping) or callable(accept) or accept == "any"):
            raise ValueError(f'auth is {{user: password}}, a function of credentials, or "any", not {accept!r}')
        if isinstance(accept, Mapping):
            for item in (part for pair in accept.items() for part in pair):
                if not isinstance(item, str):
                    raise TypeError(f"users and passwords are strings, not {type(item).__name__}")
        self._accept = accept
        self.passwords: Mapping[str, str] | None = accept if isinstance(accept, Mapping) else None
        self.mechanisms: tuple[str, ...] = self._possible() if mechanisms is None else self._named(mechanisms)
        self.by_name: bool = mechanisms is not None  # they were asked for
        self.required: bool = accept != "any" if required is None else required
        self.in_clear: bool | None = in_clear
        self.nonce: Callable[[], str] = nonce

    def _possible(self) -> tuple[str, ...]:
        scram = self.passwords is not None and scram_is_here()
        return tuple(
            name for name, row in MECHANISMS.items() if name not in _ON_REQUEST and (scram or not row.needs_password)
        )

    def _named(self, mechanisms: Iterable[str]) -> tuple[str, ...]:
        names = tuple(name.upper() for name in mechanisms)
        for name in names:
            if name not in MECHANISMS:
                raise ValueError(f"no mechanism {name!r}; there are {', '.join(MECHANISMS)}")
            if MECHANISMS[name].needs_password:
                if self._accept == "any":
                    raise ValueError(f"{name} needs passwords that the server knows: give auth={{user: password}}")
                if not scram_is_here():
                    raise MissingExtra(f'{name} needs scramp: pip install "lazr.smtptest[auth]"')
        if not names:
            raise ValueError("no mechanism is left; for a server without AUTH, leave auth out")
        return names

    def offered(self, *, over_tls: bool, client_certificates: bool, channel_bindings: bool) -> tuple[str, ...]:
        """The mechanisms that can be done there, in the order of the offer."""
        gone = {name for name, row in MECHANISMS.items() if row.needs_tls and not over_tls}
        gone |= set() if client_certificates else {"EXTERNAL"}
        gone |= set() if channel_bindings else {name for name in MECHANISMS if name.endswith("-PLUS")}
        return tuple(name for name in self.mechanisms if name not in gone)

    def accepts(self, credentials: Credentials) -> bool:
        """Whether these are good.  Raises what your own function raises, and `TypeError` if it returns no bool."""
        accept = self._accept
        if accept == "any":
            return True
        if isinstance(accept, Mapping):
            return self._is_known(accept, credentials)
        verdict: object = accept(credentials)
        if not isinstance(verdict, bool):
            raise TypeError(f"auth returned {verdict!r}; return True or False")
        return verdict

    @staticmethod
    def _is_known(passwords: Mapping[str, str], credentials: Credentials) -> bool:
        name = credentials.username
        if not name and credentials.token is not None:
            # RFC 7628 3.1: OAUTHBEARER may leave it to the token to say who the user is.
            return any([credentials.matches(token) for token in passwords.values() if token])  # noqa: C419 - not by time either
        if credentials.mechanism == "ANONYMOUS":
            return True  # it was asked for by name
        if credentials.mechanism == "EXTERNAL":
            return credentials.proved and name in passwords
        if credentials.proved:  # by SCRAM, with this password
            return bool(passwords.get(name))
        # An unknown user costs a comparison too, so that the time of the answer does not tell.
        # An empty password is nobody's: it stands where only a certificate is to count.
        expected = passwords.get(name)
        return credentials.matches(expected or "\0") and bool(expected)

    def __repr__(self) -> str:
        known = "any" if self._accept == "any" else "a function"
        if self.passwords is not None:
            known = f"{len(self.passwords)} user{'s' if len(self.passwords) != 1 else ''}"
        return f"Auth({known}, mechanisms={list(self.mechanisms)}, required={self.required})"

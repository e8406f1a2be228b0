"""Settings of AUTH: valid credentials, offered mechanisms, need of TLS (RFC 4954)."""

from __future__ import annotations

import os
from collections.abc import Mapping

from lazr.smtptest._util.suggestion import describe_unknown
from lazr.smtptest.errors import MissingExtra
from lazr.smtptest.protocol.smtp.sasl import MECHANISMS
from lazr.smtptest.protocol.smtp.saslprep import find_password
from lazr.smtptest.protocol.smtp.scram import is_scram_available

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Literal

    from lazr.smtptest.protocol.smtp.sasl_types import Credentials

    AcceptPolicy = Mapping[str, str] | Callable[[Credentials], bool] | Literal["any"]

__all__ = ["Auth"]

# Offered only if named: it does not authenticate.
_EXPLICIT_ONLY_MECHANISMS = frozenset({"ANONYMOUS"})


def _make_nonce() -> str:
    return os.urandom(18).hex()


class Auth:
    """The credentials that a server accepts, and the mechanisms that it offers (RFC 4954).

    Args:
        accept: Which credentials are valid.

            - A mapping of user names to passwords, or to tokens for XOAUTH2 and OAUTHBEARER.  A user with the password
              "" can authenticate by EXTERNAL only.
            - A function that gets the `Credentials` and returns a bool.
            - `"any"`: all credentials are accepted, and recorded.

            User names and passwords are compared in the form of SASLprep (RFC 4013): `ü` as one character equals `u`
            with a combining diaeresis.
        mechanisms: Names of mechanisms, in the order of the offer; None for all that `accept` can serve.
            SCRAM needs the extra `auth` and a mapping, as the server must know the password.  It also works with a
            function that calls `credentials.matches(password)`, if you name the mechanism.  The -PLUS variants need
            TLS; with TLS 1.3 they must be named, as clients bind to tls-exporter there, which Python's `ssl` lacks.
            EXTERNAL needs client certificates.  ANONYMOUS is offered only if you name it.
        required: Answer MAIL with 530 5.7.0 before AUTH.  None: required, except for `"any"`.
        in_clear: Offer AUTH without TLS; if False, AUTH is answered with 538 5.7.11 there.  None: offer it only
            if the listener has no TLS.
        nonce: Returns the random text of challenges; a fixed text makes a dialogue repeatable.

    Raises:
        ValueError: `accept` has another type, or a mechanism is unknown or cannot be served.
        TypeError: A user name or a password is not a string, or `mechanisms` is one string.
        MissingExtra: SCRAM is named, but its library is not installed.

    >>> Auth({"ann": "secret"}, mechanisms=["PLAIN"])
    Auth(1 user, mechanisms=['PLAIN'], required=True)
    """

    __slots__ = ("_accept", "has_explicit_mechanisms", "in_clear", "mechanisms", "nonce", "passwords", "required")

    def __init__(
        self,
        accept: AcceptPolicy,
        *,
        mechanisms: Iterable[str] | None = None,
        required: bool | None = None,
        in_clear: bool | None = None,
        nonce: Callable[[], str] = _make_nonce,
    ) -> None:
        if not (isinstance(accept, Mapping) or callable(accept) or accept == "any"):
            # The value may hold a password.
            got = f"a value of type {type(accept).__name__}"
            raise ValueError(f'auth must be {{user: password}}, a function of credentials, or "any", got {got}')
        if isinstance(accept, Mapping):
            for item in (part for pair in accept.items() for part in pair):
                if not isinstance(item, str):
                    raise TypeError(f"users and passwords must be strings, got {type(item).__name__}")
        self._accept = accept
        self.passwords: Mapping[str, str] | None = accept if isinstance(accept, Mapping) else None
        self.mechanisms: tuple[str, ...] = (
            self._list_supported_mechanisms() if mechanisms is None else self._validate_mechanisms(mechanisms)
        )
        self.has_explicit_mechanisms: bool = mechanisms is not None
        self.required: bool = accept != "any" if required is None else required
        self.in_clear: bool | None = in_clear
        self.nonce: Callable[[], str] = nonce

    @property
    def accepts_all(self) -> bool:
        """Whether all credentials are valid: `accept` is `"any"`."""
        return self._accept == "any"

    def _list_supported_mechanisms(self) -> tuple[str, ...]:
        scram = self.passwords is not None and is_scram_available()
        return tuple(
            name
            for name, row in MECHANISMS.items()
            if name not in _EXPLICIT_ONLY_MECHANISMS and (scram or not row.needs_password)
        )

    def _validate_mechanisms(self, mechanisms: Iterable[str]) -> tuple[str, ...]:
        if isinstance(mechanisms, str):
            raise TypeError(
                f"mechanisms must be a list of names, got the string {mechanisms!r}; write mechanisms=[{mechanisms!r}]"
            )
        names = tuple(name.upper() for name in mechanisms)
        for name in names:
            if name not in MECHANISMS:
                raise ValueError(describe_unknown("mechanism", name, MECHANISMS))
            if MECHANISMS[name].needs_password:
                if self._accept == "any":
                    raise ValueError(f"{name} needs passwords that the server knows: use auth={{user: password}}")
                if not is_scram_available():
                    raise MissingExtra(f'{name} needs scramp: pip install "lazr.smtptest[auth]"')
        if not names:
            raise ValueError("mechanisms must not be empty; for a server without AUTH, leave auth out")
        return names

    def select_mechanisms(
        self, *, over_tls: bool, client_certificates: bool, channel_bindings: bool
    ) -> tuple[str, ...]:
        """Return the mechanisms that work on such a connection, in the order of the offer."""
        unavailable = {name for name, row in MECHANISMS.items() if row.needs_tls and not over_tls}
        unavailable |= set() if client_certificates else {"EXTERNAL"}
        unavailable |= set() if channel_bindings else {name for name in MECHANISMS if name.endswith("-PLUS")}
        return tuple(name for name in self.mechanisms if name not in unavailable)

    def accepts(self, credentials: Credentials) -> bool:
        """Whether the credentials are valid.

        Raises what the user's function raises, and `TypeError` if that returns no bool.
        """
        accept = self._accept
        if accept == "any":
            return True
        if isinstance(accept, Mapping):
            return self._is_valid_login(accept, credentials)
        verdict: object = accept(credentials)
        if not isinstance(verdict, bool):
            raise TypeError(f"the function given as auth must return True or False, got {verdict!r}")
        return verdict

    @staticmethod
    def _is_valid_login(passwords: Mapping[str, str], credentials: Credentials) -> bool:
        name = credentials.username
        if not name and credentials.token is not None:
            # RFC 7628 3.1: in OAUTHBEARER the token alone may identify the user.  The list makes every comparison run,
            # so that the time of the answer does not depend on which token matches.
            return any([credentials.matches(token) for token in passwords.values() if token])  # noqa: C419
        if credentials.mechanism == "ANONYMOUS":
            return True  # the user named the mechanism
        if credentials.mechanism == "EXTERNAL":
            return credentials.proved and find_password(passwords, name) is not None
        if credentials.proved:  # by SCRAM, which used this password
            return bool(find_password(passwords, name))
        # Compare for an unknown user too, so that the time of the answer does not reveal which users exist.
        # An empty password never matches: such a user authenticates with a certificate only.
        expected = find_password(passwords, name)
        return credentials.matches(expected or "\0") and bool(expected)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Auth):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        return hash((self.mechanisms, self.required, self.in_clear))

    def __repr__(self) -> str:
        known = "any" if self._accept == "any" else "a function"
        if self.passwords is not None:
            known = f"{len(self.passwords)} user{'s' if len(self.passwords) != 1 else ''}"
        return f"Auth({known}, mechanisms={list(self.mechanisms)}, required={self.required})"

"""The server's side of SCRAM (RFC 5802): scramp reads the messages and does the sums.

A server needs the password only for the end of it, so nothing is looked up before, and a user
that nobody knows is led through the same rounds.  When the client's proof has come, the dialogue is
played again to scramp, with the keys that a password would have had: so any password can be
tried, and the server signs with the one that fits.
"""

from __future__ import annotations

import functools
import hmac

from lazr.smtptest.errors import MissingExtra
from lazr.smtptest.protocol.smtp.sasl import Credentials, Exchange, gs2_header, syntax, utf8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from lazr.smtptest.protocol.smtp.reply import Refused
    from lazr.smtptest.protocol.smtp.sasl import Setting

    # As scramp has them: salt, StoredKey, ServerKey (RFC 5802 3), iteration count.
    Keys = tuple[bytes, bytes, bytes, int]
    SaltOf = Callable[[str, str, str], bytes]

__all__ = ["Scram", "salt_of", "scram_is_here"]

# RFC 5802 5.1: at least 4096.  More would only make tests slower.
_ITERATIONS = 4096
# RFC 5929 has these.  scramp does not know tls-exporter (RFC 9266).
_BINDINGS = frozenset({"tls-server-end-point", "tls-unique"})
# RFC 5802 7, server-error-value: what is wrong with a message that is well formed.
_NOT_PROVED = frozenset({"invalid-proof", "channel-bindings-dont-match"})


def scram_is_here() -> bool:
    """Whether the library that SCRAM needs is installed."""
    import importlib.util

    return importlib.util.find_spec("scramp") is not None


def salt_of(hostname: str, mechanism: str, username: str) -> bytes:
    """The salt of this user's keys, which is the same whenever and wherever it is asked for.

    So an unknown user looks like any other, however often it is tried.  Nothing in it is secret:
    nobody makes tables of hashes for the passwords of tests.
    """
    return hmac.digest(hostname.encode(), f"{mechanism}\0{username}".encode(), "sha256")[:16]


# The key derivation is slow on purpose, some milliseconds; the next test has the same user and password.
@functools.lru_cache(maxsize=256)
def _keys(mechanism: str, password: str, salt: bytes) -> Keys:
    from scramp import ScramMechanism

    keys: Keys = ScramMechanism(mechanism).make_auth_info(password, iteration_count=_ITERATIONS, salt=salt)
    return keys


class Scram(Exchange):
    """SCRAM-SHA-1 or SCRAM-SHA-256, with `-PLUS` or without."""

    __slots__ = (
        "_binding",
        "_client_final",
        "_client_first",
        "_name",
        "_nonce",
        "_salt",
        "_salt_of",
        "_server",
        "_signature",
        "_unbound",
        "_username",
    )

    def __init__(self, setting: Setting, name: str, *, salt_of: SaltOf = salt_of) -> None:
        super().__init__(setting)
        try:
            import scramp  # noqa: F401 - better missed here than in the middle of the exchange
        except ImportError:
            raise MissingExtra('SCRAM needs scramp: pip install "lazr.smtptest[auth]"') from None
        self._name = name
        self._unbound = name.removesuffix("-PLUS")
        self._salt_of = salt_of
        self._nonce = setting.nonce()
        self._binding: tuple[str, bytes] | None = None
        self._client_first = ""
        self._client_final = ""
        self._username = ""
        self._salt = b""
        self._server: Any = None  # a scramp.core.ScramServer, from the client's first message on
        self._signature: bytes | None = None

    def respond(self, response: bytes) -> bytes | Credentials:
        """The server's first message to the client's first, and the credentials to its final one."""
        message = utf8(response, self._name)
        return self._first(message) if self._server is None else self._final(message)

    def last_word(self, accepted: bool) -> bytes | None:
        """The server's final message: that it knew the password.  It cannot sign what was not proved."""
        return self._signature if accepted else None

    def _first(self, message: str) -> bytes | Credentials:
        flag, authzid, bare = gs2_header(message, self._name)
        plus = self._name != self._unbound
        # RFC 5802 6: "p" is for the -PLUS mechanisms, and they are for nothing else.
        if flag.startswith("p=") is not plus:
            raise syntax(f"{self._name} {'wants' if plus else 'does not take'} a channel binding: {flag}", "5.5.4")
        if authzid:
            # RFC 5802 5.1 allows one, but scramp does not.
            raise syntax(f"{self._name} takes no authorization identity (a=) here", "5.5.4")
        bindings = self._setting.bindings
        binding = flag[2:]
        if plus and binding in _BINDINGS and bindings.get(binding):
            self._binding = (binding, bindings[binding])
        # RFC 5802 6: a binding that the server has not got fails.  So does "y", if there is one to
        # be had: somebody has taken -PLUS off the list of mechanisms before the client saw it.
        if (plus and self._binding is None) or (flag == "y" and bindings):
            self._read_first(f"n,,{bare}")
            return Credentials(self._name, self._username)
        return self._read_first(message)

    def _read_first(self, client_first: str) -> bytes:
        """Read the client's first message; the server's answer to it."""
        from scramp import ScramException

        def nobody(username: str) -> Keys:
            self._username = username
            self._salt = self._salt_of(self._setting.hostname, self._unbound, username)
            # No proof fits these: a client's key would have to hash to nothing but zeros.
            return self._salt, bytes(32), bytes(32), _ITERATIONS

        self._client_first = client_first
        try:
            self._server, server_first = self._play(nobody)
        except (ScramException, ValueError) as error:
            raise self._syntax(error) from None
        return server_first.encode()

    def _play(self, keys_of: Callable[[str], Keys]) -> tuple[Any, str]:
        """A scramp server that has read the client's first message, and its answer."""
        from scramp import ScramMechanism

        name = self._unbound if self._binding is None else self._name
        server = ScramMechanism(name).make_server(keys_of, channel_binding=self._binding, s_nonce=self._nonce)
        server.set_client_first(self._client_first)
        return server, server.get_server_first()

    def _final(self, message: str) -> Credentials:
        from scramp import ScramException

        try:
            self._server.set_client_final(message)
        except (ScramException, ValueError) as error:
            # Nobody's keys never fit; what matters is whether they were tried.
            if getattr(getattr(error, "server_error", None), "value", None) not in _NOT_PROVED:
                raise self._syntax(error) from None
        self._client_final = message
        password_of = self._setting.password_of
        password = None if password_of is None else password_of(self._username)
        proved = password is not None and self._proves(password)
        return Credentials(self._name, self._username, proved=proved, check=self._proves)

    def _proves(self, password: str) -> bool:
        """Whether the client's proof is right for this password; if so, that is what the server signs."""
        from scramp import ScramException

        try:
            # The sums of a -PLUS mechanism are those of the other; only the messages differ.
            keys = _keys(self._unbound, password, self._salt)
            server, _ = self._play(lambda _: keys)
            server.set_client_final(self._client_final)
        except (ScramException, ValueError):  # or no SASLprep (RFC 4013) of this password
            return False
        self._signature = server.get_server_final().encode()
        return True

    def _syntax(self, error: Exception) -> Refused:
        return syntax(f"{self._name}: {str(error).removesuffix(': other-error')}")

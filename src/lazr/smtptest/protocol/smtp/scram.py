"""The server side of SCRAM (RFC 5802), with the messages and proofs of scramp.

The server needs the password only at the end of an exchange.  So it looks nothing up before, and an unknown user
goes through the same steps as a known one.  When the client's proof has arrived, the dialogue is replayed to scramp
with the keys of a candidate password.  Any password can be tested this way, and the server signs with the one that
matches.
"""

from __future__ import annotations

import functools
import hmac

from lazr.smtptest.errors import MissingExtra
from lazr.smtptest.protocol.smtp.sasl_types import (
    Credentials,
    Exchange,
    build_syntax_error,
    decode_utf8,
    parse_gs2_header,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from lazr.smtptest.protocol.smtp.reply import CommandRefused
    from lazr.smtptest.protocol.smtp.sasl_types import ExchangeContext

    # In scramp's order: salt, StoredKey, ServerKey (RFC 5802 3), iteration count.
    ScramKeys = tuple[bytes, bytes, bytes, int]
    DeriveSalt = Callable[[str, str, str], bytes]

__all__ = ["ScramExchange", "derive_salt", "is_scram_available"]

# RFC 5802 5.1: at least 4096.  More would only make tests slower.
_ITERATION_COUNT = 4096
# RFC 5929.  scramp does not support tls-exporter (RFC 9266).
_SUPPORTED_BINDING_TYPES = frozenset({"tls-server-end-point", "tls-unique"})
# RFC 5802 7, server-error-value: the errors of a well-formed message.
_PROOF_ERRORS = frozenset({"invalid-proof", "channel-bindings-dont-match"})


def is_scram_available() -> bool:
    """Whether the library that SCRAM needs is installed."""
    import importlib.util

    return importlib.util.find_spec("scramp") is not None


def derive_salt(hostname: str, mechanism: str, username: str) -> bytes:
    """Derive the salt of a user's keys; the same arguments always give the same salt.

    So repeated attempts do not reveal whether a user exists.  The salt is predictable, which is fine for
    the passwords of tests.
    """
    return hmac.digest(hostname.encode(), f"{mechanism}\0{username}".encode(), "sha256")[:16]


# Key derivation takes some milliseconds on purpose; the next test usually has the same user and password.
@functools.lru_cache(maxsize=256)
def _derive_keys(mechanism: str, password: str, salt: bytes) -> ScramKeys:
    from scramp import ScramMechanism

    keys: ScramKeys = ScramMechanism(mechanism).make_auth_info(password, iteration_count=_ITERATION_COUNT, salt=salt)
    return keys


class _Gs2Header:
    """A GS2 header with an authorization identity, which scramp does not parse (RFC 5802 5.1).

    mutt and other clients with Cyrus SASL always send one.

    Args:
        header: The header without it, of scramp.
        octets: The header as the client sent it.
    """

    __slots__ = ("_header", "_octets")

    def __init__(self, header: Any, octets: bytes) -> None:
        self._header = header
        self._octets = octets

    def make_cbind_input(self, channel_binding: object) -> bytes:
        """Return what the client's last message must repeat."""
        expected: bytes = self._header.make_cbind_input(channel_binding)
        return self._octets + expected[len(bytes(self._header)) :]


class ScramExchange(Exchange):
    """An exchange of SCRAM-SHA-1 or SCRAM-SHA-256, with channel binding (`-PLUS`) or without.

    Raises `MissingExtra` if scramp is not installed.
    """

    __slots__ = (
        "_authzid",
        "_base_mechanism",
        "_channel_binding",
        "_client_final",
        "_client_first",
        "_derive_salt",
        "_gs2_header",
        "_mechanism",
        "_nonce",
        "_salt",
        "_scram_server",
        "_server_final",
        "_username",
    )

    def __init__(self, context: ExchangeContext, mechanism: str, *, derive_salt: DeriveSalt = derive_salt) -> None:
        super().__init__(context)
        try:
            import scramp  # noqa: F401 - fail before the first challenge, not in the middle of the exchange
        except ImportError:
            raise MissingExtra('SCRAM needs scramp: pip install "lazr.smtptest[auth]"') from None
        self._mechanism = mechanism
        self._base_mechanism = mechanism.removesuffix("-PLUS")
        self._derive_salt = derive_salt
        self._nonce = context.nonce()
        self._authzid = ""
        self._gs2_header = b""  # as the client sent it
        self._channel_binding: tuple[str, bytes] | None = None
        self._client_first = ""
        self._client_final = ""
        self._username = ""
        self._salt = b""
        self._scram_server: Any = None  # a scramp.core.ScramServer, once the client's first message is there
        self._server_final: bytes | None = None

    def respond(self, response: bytes) -> bytes | Credentials:
        """Return the server's first message for the client's first, then the credentials."""
        message = decode_utf8(response, self._mechanism)
        return self._handle_client_first(message) if self._scram_server is None else self._handle_client_final(message)

    def build_final_challenge(self, accepted: bool) -> bytes | None:
        """Return the server's signature, its proof of the password; None without a valid proof."""
        return self._server_final if accepted else None

    def _handle_client_first(self, message: str) -> bytes | Credentials:
        flag, authzid, bare = parse_gs2_header(message, self._mechanism)
        plus = self._mechanism != self._base_mechanism
        # RFC 5802 6: the flag "p" belongs to the -PLUS mechanisms, and to them alone.
        if flag.startswith("p=") is not plus:
            raise build_syntax_error(
                f"{self._mechanism} {'needs' if plus else 'does not take'} a channel binding: {flag}", "5.5.4"
            )
        self._authzid = authzid
        self._gs2_header = message[: len(message) - len(bare)].encode()
        bindings = self._context.channel_bindings
        binding = flag[2:]
        if plus and binding in _SUPPORTED_BINDING_TYPES and bindings.get(binding):
            self._channel_binding = (binding, bindings[binding])
        # RFC 5802 6: authentication fails if the server lacks this binding.  It also fails for the flag "y" if the
        # server offers -PLUS: an attacker has removed it from the list of mechanisms that the client saw.
        if (plus and self._channel_binding is None) or (flag == "y" and bindings):
            self._answer_client_first(f"n,,{bare}")
            return Credentials(self._mechanism, self._username)
        return self._answer_client_first(f"{flag},,{bare}")

    def _answer_client_first(self, client_first: str) -> bytes:
        """Read the client's first message, and return the server's."""
        from scramp import ScramException

        def make_unmatchable_keys(username: str) -> ScramKeys:
            self._username = username
            self._salt = self._derive_salt(self._context.hostname, self._base_mechanism, username)
            # No proof matches these keys: the hash of the client's key would have to be all zeros.
            return self._salt, bytes(32), bytes(32), _ITERATION_COUNT

        self._client_first = client_first
        try:
            self._scram_server, server_first = self._start_server(make_unmatchable_keys)
        except (ScramException, ValueError) as error:
            raise self._syntax_error(error) from None
        return server_first.encode()

    def _start_server(self, find_keys: Callable[[str], ScramKeys]) -> tuple[Any, str]:
        """Return a scramp server that has read the client's first message, and its answer."""
        from scramp import ScramMechanism

        name = self._base_mechanism if self._channel_binding is None else self._mechanism
        server = ScramMechanism(name).make_server(find_keys, channel_binding=self._channel_binding, s_nonce=self._nonce)
        server.set_client_first(self._client_first)
        if self._authzid:
            server.gs2_header = _Gs2Header(server.gs2_header, self._gs2_header)
        return server, server.get_server_first()

    def _handle_client_final(self, message: str) -> Credentials:
        from scramp import ScramException

        try:
            self._scram_server.set_client_final(message)
        except (ScramException, ValueError) as error:
            # The proof never matches these keys; any other error means that the message is malformed.
            if getattr(getattr(error, "server_error", None), "value", None) not in _PROOF_ERRORS:
                raise self._syntax_error(error) from None
        self._client_final = message
        find_password = self._context.find_password
        password = None if find_password is None else find_password(self._username)
        proved = password is not None and self._verify_password(password)
        return Credentials(
            self._mechanism, self._username, authzid=self._authzid, proved=proved, check=self._verify_password
        )

    def _verify_password(self, password: str) -> bool:
        """Whether the client's proof matches this password; if so, the server signs with it."""
        from scramp import ScramException

        try:
            # A -PLUS mechanism derives the same keys; only its messages differ.
            keys = _derive_keys(self._base_mechanism, password, self._salt)
            server, _ = self._start_server(lambda _: keys)
            server.set_client_final(self._client_final)
        except (ScramException, ValueError):  # ValueError: SASLprep (RFC 4013) rejects the password
            return False
        self._server_final = server.get_server_final().encode()
        return True

    def _syntax_error(self, error: Exception) -> CommandRefused:
        return build_syntax_error(f"{self._mechanism}: {str(error).removesuffix(': other-error')}")

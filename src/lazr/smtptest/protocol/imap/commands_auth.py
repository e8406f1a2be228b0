"""Authentication: STARTTLS, LOGIN and AUTHENTICATE (RFC 9051 6.2)."""

from __future__ import annotations

from lazr.smtptest.protocol.imap.capabilities import list_capabilities
from lazr.smtptest.protocol.imap.responses import Completion, Effect, bad, ok
from lazr.smtptest.protocol.imap.session_state import Input
from lazr.smtptest.protocol.reading_auth import Authenticated, AuthRefusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.protocol.imap.command_types import AuthenticateCommand, LoginCommand, SimpleCommand
    from lazr.smtptest.protocol.imap.session_state import ImapState, Steps
    from lazr.smtptest.protocol.reading_auth import RefusalKind

__all__ = ["run_authenticate", "run_login", "run_starttls"]

# RFC 5530 3; the status and the response code of each refusal.
_COMPLETIONS: dict[RefusalKind, tuple[str, str]] = {
    "syntax": ("BAD", ""),
    "cancelled": ("BAD", ""),  # RFC 9051 6.2.2
    "unsupported": ("NO", "CANNOT"),
    "privacy": ("NO", "PRIVACYREQUIRED"),
    "unavailable": ("NO", "UNAVAILABLE"),
    "failed": ("NO", "AUTHENTICATIONFAILED"),
    "limit": ("BYE", ""),
}


def run_starttls(state: ImapState, command: SimpleCommand) -> Steps:
    """Begin TLS (RFC 9051 6.2.1)."""
    yield b""
    if state.settings.tls_active:
        return bad("TLS is active already")
    if not state.settings.offers_starttls:
        return bad("STARTTLS is not offered here")
    return ok("Begin the TLS handshake", effect=Effect.BEGIN_TLS)


def run_login(state: ImapState, command: LoginCommand) -> Steps:
    """Authenticate with a user name and a password (RFC 9051 6.2.3)."""
    yield b""
    return _conclude(state, state.auth.login(command.username, command.password))


def run_authenticate(state: ImapState, command: AuthenticateCommand) -> Steps:
    """Authenticate by SASL (RFC 9051 6.2.2)."""
    auth = state.auth
    step = auth.begin(command.mechanism, command.initial_response)
    while True:
        if isinstance(step, bytes):
            yield b"+ %s\r\n" % _encode_base64(step)
            step = auth.respond((yield Input.LINE))
        elif isinstance(step, Authenticated | AuthRefusal):
            return _conclude(state, step)
        else:
            step = auth.conclude(step)


def _conclude(state: ImapState, step: Authenticated | AuthRefusal) -> Completion:
    """Open the account of an authenticated client, or return the refusal."""
    if isinstance(step, AuthRefusal):
        status, code = _COMPLETIONS[step.kind]
        return Completion(status, step.text, code)
    state.account = state.open_account(step.username)
    # RFC 9051 6.2.2: the client need not ask for the capabilities again.
    return ok("Logged in", f"CAPABILITY {' '.join(list_capabilities(state))}")


def _encode_base64(octets: bytes) -> bytes:
    from binascii import b2a_base64

    return b2a_base64(octets, newline=False)

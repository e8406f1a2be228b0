"""What all protocols with SASL share: the start of an exchange, and its lines."""

from __future__ import annotations

import functools

from lazr.smtptest.protocol.smtp import standard_replies
from lazr.smtptest.protocol.smtp.reply import CommandRefused
from lazr.smtptest.protocol.smtp.saslprep import find_password
from lazr.smtptest.protocol.smtp.server_settings import MAX_AUTH_LINE_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.protocol.smtp.auth import Auth
    from lazr.smtptest.protocol.smtp.sasl_types import Exchange
    from lazr.smtptest.protocol.smtp.session_record import TlsFacts

__all__ = ["decode_base64", "decode_response", "discloses_initial_secret", "start_exchange"]

# The initial response of these mechanisms holds neither a password nor a token.
_MECHANISMS_WITHOUT_INITIAL_SECRET = (
    b"CRAM-MD5",
    b"SCRAM-",
    b"EXTERNAL",
    b"ANONYMOUS",
    b"DIGEST-MD5",
    b"NTLM",
    b"GSSAPI",
    b"LOGIN",
)


def discloses_initial_secret(mechanism: bytes) -> bool:
    """Whether the initial response of a mechanism may hold a password or a token."""
    return not mechanism.startswith(_MECHANISMS_WITHOUT_INITIAL_SECRET)


def start_exchange(
    mechanism: str, auth: Auth, *, hostname: str, tls: TlsFacts | None, has_channel_binding: bool
) -> Exchange:
    """Start an exchange of a mechanism of the table.

    Args:
        mechanism: Its name, in capitals.
        auth: The accepted credentials.
        hostname: The server's name, for challenges.
        tls: What the TLS handshake agreed on; None in clear.
        has_channel_binding: Whether a -PLUS mechanism is offered.
    """
    # Imported late: most servers have no AUTH.
    from lazr.smtptest.protocol.smtp.sasl import MECHANISMS
    from lazr.smtptest.protocol.smtp.sasl_types import ExchangeContext

    context = ExchangeContext(
        hostname,
        nonce=auth.nonce,
        find_password=None if auth.passwords is None else functools.partial(find_password, auth.passwords),
        identities=() if tls is None else tls.identities,
        # Without a -PLUS mechanism the exchange must not see bindings; see `ExchangeContext`.
        channel_bindings=tls.channel_bindings if tls is not None and has_channel_binding else {},
    )
    return MECHANISMS[mechanism].start_exchange(context)


def decode_response(line: bytes) -> bytes:
    """Decode a line of an exchange, or raise the refusal (RFC 4954 4, RFC 5034 4)."""
    if len(line) + 2 > MAX_AUTH_LINE_BYTES:
        raise CommandRefused(standard_replies.AUTH_TOO_LONG)
    if line == b"*":
        raise CommandRefused(standard_replies.AUTH_CANCELLED)
    return decode_base64(line)


def decode_base64(text: bytes) -> bytes:
    """Decode strict base64, or raise the refusal (RFC 4954 4)."""
    from binascii import a2b_base64

    try:
        return a2b_base64(text, strict_mode=True)
    except ValueError:
        raise CommandRefused(standard_replies.NOT_BASE64) from None

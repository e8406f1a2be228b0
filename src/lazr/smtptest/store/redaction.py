"""Remove the secrets of an envelope before a store keeps it."""

from __future__ import annotations

from lazr.smtptest.mail import Envelope

__all__ = ["redact_envelope"]


def redact_envelope(envelope: Envelope) -> Envelope:
    """Return the envelope without secrets.

    Secrets are the password, the token, the channel bindings, and anything that could verify a password.

    >>> from lazr.smtptest import Credentials
    >>> envelope = Envelope("", (), mail_parameters={}, rcpt_parameters=(), auth=Credentials("PLAIN", "ann",
    ...     password="secret"))
    >>> redact_envelope(envelope).auth
    Credentials('PLAIN', 'ann')
    """
    auth, tls = envelope.auth, envelope.tls
    if auth is None and tls is None:
        return envelope
    return Envelope(
        envelope.mail_from,
        envelope.rcpt_tos,
        mail_parameters=envelope.mail_parameters,
        rcpt_parameters=envelope.rcpt_parameters,
        helo=envelope.helo,
        peer=envelope.peer,
        tls=None if tls is None else tls.redacted(),
        auth=None if auth is None else auth.redacted(),
    )

"""What of an envelope is kept: all but the secrets that came with it."""

from __future__ import annotations

from lazr.smtptest.mail.envelope import Envelope
from lazr.smtptest.protocol.smtp.record import TlsFacts
from lazr.smtptest.protocol.smtp.sasl import Credentials

__all__ = ["without_secrets"]


def without_secrets(envelope: Envelope) -> Envelope:
    """The envelope without password and token, nor anything that would tell whether one is right.

    >>> envelope = Envelope("", (), mail_parameters={}, rcpt_parameters=(), auth=Credentials("PLAIN", "ann",
    ...     password="secret"))
    >>> without_secrets(envelope).auth
    Credentials('PLAIN', 'ann')
    """
    auth, tls = envelope.auth, envelope.tls
    if auth is None and (tls is None or not tls.bindings):
        return envelope
    return Envelope(
        envelope.mail_from,
        envelope.rcpt_tos,
        mail_parameters=envelope.mail_parameters,
        rcpt_parameters=envelope.rcpt_parameters,
        helo=envelope.helo,
        peer=envelope.peer,
        tls=tls and _tls(tls),
        auth=auth and Credentials(auth.mechanism, auth.username, authzid=auth.authzid, proved=auth.proved),
    )


def _tls(tls: TlsFacts) -> TlsFacts:
    """The facts without the channel bindings, which are good for nothing when the channel is gone."""
    return TlsFacts(
        tls.version,
        tls.cipher,
        server_name=tls.server_name,
        alpn=tls.alpn,
        implicit=tls.implicit,
        client_certificate=tls.client_certificate,
        identities=tls.identities,
    )

"""Encode an envelope as bytes for a database, and decode it."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

from lazr.smtptest.mail import Envelope
from lazr.smtptest.protocol.smtp import Credentials, TlsFacts
from lazr.smtptest.store.redaction import redact_envelope
from lazr.smtptest.store.sql.json_codec import decode_json, encode_json

__all__ = ["decode_envelope", "encode_envelope"]


def encode_envelope(envelope: Envelope) -> bytes:
    """Return the envelope as JSON, without its secrets.

    >>> envelope = Envelope("a@example.com", ("b@example.com",), mail_parameters={}, rcpt_parameters=({},))
    >>> encode_envelope(envelope)
    b'{"from":"a@example.com","to":["b@example.com"]}'
    >>> decode_envelope(encode_envelope(envelope))
    Envelope('a@example.com' -> 'b@example.com')
    """
    envelope = redact_envelope(envelope)
    facts: dict[str, object] = {"from": envelope.mail_from, "to": envelope.rcpt_tos}
    if envelope.mail_parameters:
        facts["mail_parameters"] = dict(envelope.mail_parameters)
    if any(envelope.rcpt_parameters):
        facts["rcpt_parameters"] = [dict(parameters) for parameters in envelope.rcpt_parameters]
    if envelope.helo:
        facts["helo"] = envelope.helo
    if envelope.peer:
        facts["peer"] = envelope.peer
    if envelope.tls is not None:
        tls = envelope.tls
        certificate = tls.client_certificate
        facts["tls"] = {
            "version": tls.version,
            "cipher": tls.cipher,
            "server_name": tls.server_name,
            "alpn": tls.alpn,
            "implicit": tls.implicit,
            "client_certificate": None if certificate is None else b64encode(certificate).decode(),
            "identities": tls.identities,
        }
    if envelope.auth is not None:
        auth = envelope.auth
        facts["auth"] = [auth.mechanism, auth.username, auth.authzid, auth.proved]
    return encode_json(facts)


def decode_envelope(data: bytes) -> Envelope:
    """Return the envelope that `encode_envelope` encoded."""
    facts: dict[str, Any] = decode_json(data)
    to = tuple(facts["to"])
    tls, auth = facts.get("tls"), facts.get("auth")
    return Envelope(
        facts["from"],
        to,
        mail_parameters=facts.get("mail_parameters", {}),
        rcpt_parameters=tuple(facts["rcpt_parameters"]) if "rcpt_parameters" in facts else tuple({} for _ in to),
        helo=facts.get("helo", ""),
        peer=facts.get("peer", ""),
        tls=None if tls is None else _decode_tls(tls),
        auth=None if auth is None else Credentials(auth[0], auth[1], authzid=auth[2], proved=auth[3]),
    )


def _decode_tls(facts: dict[str, Any]) -> TlsFacts:
    certificate = facts["client_certificate"]
    return TlsFacts(
        facts["version"],
        facts["cipher"],
        server_name=facts["server_name"],
        alpn=facts["alpn"],
        implicit=facts["implicit"],
        client_certificate=None if certificate is None else b64decode(certificate),
        identities=tuple(facts["identities"]),
    )

"""Render ENVELOPE (RFC 9051 7.5.2)."""

from __future__ import annotations

from lazr.smtptest.protocol.folder_access import MessageEnvelope
from lazr.smtptest.protocol.imap.response_values import render_nstring

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    from lazr.smtptest.protocol.folder_access import MessageAddress

__all__ = ["EMPTY_ENVELOPE", "render_envelope"]

EMPTY_ENVELOPE: Final = MessageEnvelope()


def render_envelope(envelope: MessageEnvelope) -> bytes:
    """Return the list of the ten fields; without Sender or Reply-To, they are those of From.

    >>> render_envelope(MessageEnvelope(subject=b"Hi"))
    b'(NIL "Hi" NIL NIL NIL NIL NIL NIL NIL NIL)'
    """
    sender = _render_addresses(envelope.from_)
    return b"(%b %b %b %b %b %b %b %b %b %b)" % (
        render_nstring(envelope.date),
        render_nstring(envelope.subject),
        sender,
        _render_addresses(envelope.sender) if envelope.sender else sender,
        _render_addresses(envelope.reply_to) if envelope.reply_to else sender,
        _render_addresses(envelope.to),
        _render_addresses(envelope.cc),
        _render_addresses(envelope.bcc),
        render_nstring(envelope.in_reply_to),
        render_nstring(envelope.message_id),
    )


def _render_addresses(addresses: Sequence[MessageAddress]) -> bytes:
    if not addresses:
        return b"NIL"
    return b"(%b)" % b"".join(map(_render_address, addresses))


def _render_address(address: MessageAddress) -> bytes:
    return b"(%b %b %b %b)" % (
        render_nstring(address.name),
        render_nstring(address.route),
        render_nstring(address.mailbox),
        render_nstring(address.host),
    )

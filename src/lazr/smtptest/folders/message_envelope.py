"""The fields of IMAP's ENVELOPE (RFC 9051 7.5.2), from the fields of a header."""

from __future__ import annotations

import re

from lazr.smtptest.mail import Address, limits, read_raw_addresses
from lazr.smtptest.protocol.folder_access import MessageAddress, MessageEnvelope

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lazr.smtptest.mail import Group

__all__ = ["find_raw_field", "read_envelope"]

# An address with a source route; its parts are plain, or the route is left out.
_ROUTED = re.compile(rb"<(@[^\s\"<>:;]++):([^\s\"<>@:;,]++)@([^\s\"<>@:;,]++)>")
_FOLD = re.compile(rb"\r?\n(?=[ \t])")


def find_raw_field(fields: Sequence[tuple[str, bytes]], name: str) -> bytes | None:
    """Return the first field with a name (in lower case), unfolded; None if absent."""
    for found, raw in fields:
        if len(found) == len(name) and found.lower() == name:
            return _unfold(raw)
    return None


def read_envelope(fields: Sequence[tuple[str, bytes]]) -> MessageEnvelope:
    """Return the envelope of a message.

    Args:
        fields: the names and the raw values of the header fields; untrusted input.

    >>> envelope = read_envelope([("From", b" Ann <ann@example.com>"), ("Subject", b" Hello\\r\\n there")])
    >>> envelope.subject, envelope.sender[0].mailbox, envelope.to
    (b'Hello there', b'ann', ())
    """
    from_ = _read_addresses(fields, "from")
    return MessageEnvelope(
        date=find_raw_field(fields, "date"),
        subject=find_raw_field(fields, "subject"),
        from_=from_,
        sender=_read_addresses(fields, "sender") or from_,
        reply_to=_read_addresses(fields, "reply-to") or from_,
        to=_read_addresses(fields, "to"),
        cc=_read_addresses(fields, "cc"),
        bcc=_read_addresses(fields, "bcc"),
        in_reply_to=find_raw_field(fields, "in-reply-to"),
        message_id=find_raw_field(fields, "message-id"),
    )


def _unfold(raw: bytes) -> bytes:
    raw = raw[: limits.MAX_HEADER_BLOCK_BYTES]
    return (_FOLD.sub(b"", raw) if b"\n" in raw else raw).strip(b" \t\r\n")


def _read_addresses(fields: Sequence[tuple[str, bytes]], name: str) -> tuple[MessageAddress, ...]:
    """Return the addresses of all fields of a name, as `Mail` reads them."""
    return tuple(
        _build_address(one, routes)
        for found, raw in fields
        if len(found) == len(name) and found.lower() == name
        for routes in (_find_routes(raw),)
        for one in read_raw_addresses(_unfold(raw))
    )


def _find_routes(raw: bytes) -> dict[tuple[bytes, bytes], bytes]:
    """Return the source routes of a field, by local part and domain."""
    return {(match[2], match[3]): match[1] for match in _ROUTED.finditer(raw)} if b"<@" in raw else {}


def _build_address(one: Address | Group, routes: dict[tuple[bytes, bytes], bytes]) -> MessageAddress:
    if isinstance(one, Address):
        # An empty host is not NIL, because that begins a group.
        mailbox, host = _encode(one.local_part), _encode(one.domain)
        return MessageAddress(_encode(one.display_name) or None, mailbox, host, routes.get((mailbox, host)))
    return MessageAddress(None, None if one.name is None else _encode(one.name), None)


def _encode(text: str) -> bytes:
    return text.encode("ascii", "surrogateescape")

"""STARTTLS: when the handshake begins, and what it changes (RFC 3207)."""

from __future__ import annotations

from lazr.smtptest.protocol.smtp import standard_replies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from lazr.smtptest.protocol.smtp.reply import Reply
    from lazr.smtptest.protocol.smtp.session_record import SessionRecord, TlsFacts

__all__ = ["TlsUpgrade", "record_handshake", "refuse_early_input"]


class TlsUpgrade:
    """A STARTTLS that was accepted; the handshake begins if no input follows the command.

    Args:
        reply: The 220, which is sent directly before the handshake.
    """

    __slots__ = ("reply",)

    def __init__(self, reply: Reply) -> None:
        self.reply: Final = reply


def refuse_early_input(octets: bytes, record: SessionRecord, upgrade: TlsUpgrade | None) -> Reply:
    """Record input that did not wait for the reply to STARTTLS or AUTH; return the last reply.

    RFC 3207 5 (CVE-2011-0411): an attacker may have injected input after STARTTLS, so it is never executed.  Neither is
    input after AUTH: it may be a part of credentials.
    """
    record.add_discarded(octets)
    return standard_replies.PIPELINED_BEFORE_REPLY if upgrade is None else standard_replies.PIPELINED_AFTER_STARTTLS


def record_handshake(record: SessionRecord, facts: TlsFacts, original_peer: str) -> None:
    """Record what a handshake agreed on, and forget the facts that XCLIENT sent in clear.

    Args:
        record: The record of the session.
        facts: What the handshake agreed on.
        original_peer: The client before XCLIENT; "" before the greeting.
    """
    record.tls = facts
    record.transcript.add_note(f"TLS: {facts.describe()}")
    if original_peer:
        record.peer, record.client_name = original_peer, ""

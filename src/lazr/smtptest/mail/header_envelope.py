"""Build the envelope of a message that no server has received, from its header."""

from __future__ import annotations

from lazr.smtptest.mail.envelope import Envelope

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lazr.smtptest.mail.parsed_message import ParsedMessage

__all__ = ["build_envelope"]

_SENDER_FIELDS = ("return-path", "sender", "from")
_RECIPIENT_FIELDS = ("to", "cc", "bcc")


def build_envelope(message: ParsedMessage, sender: str | None, recipients: Iterable[str] | None) -> Envelope:
    """Return an envelope with these addresses; None takes them from the header.

    Raises:
        TypeError: if `recipients` is a string, or an address is not one.
    """
    if isinstance(recipients, str):
        raise TypeError(f"recipients must be a list of addresses, got {recipients!r}; write [{recipients!r}]")
    if sender is None:
        sender = next((address for name in _SENDER_FIELDS for address in message.read_addresses(name)), "")
    rcpt_tos = (
        dict.fromkeys(address for name in _RECIPIENT_FIELDS for address in message.read_addresses(name))
        if recipients is None
        else recipients
    )
    rcpt_tos = tuple(rcpt_tos)
    for address in (sender, *rcpt_tos):
        if not isinstance(address, str):
            raise TypeError(f"an address must be a string, got {address!r}")
    return Envelope(sender, rcpt_tos, mail_parameters={}, rcpt_parameters=({},) * len(rcpt_tos))

"""A mail that comes back: a bounce, a complaint or an automatic reply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["KINDS", "Notification", "NotificationKind"]

NotificationKind = Literal["bounce", "delayed", "delivered", "complaint", "out_of_office", "challenge", "auto_reply"]

KINDS: tuple[NotificationKind, ...] = (
    "bounce",
    "delayed",
    "delivered",
    "complaint",
    "out_of_office",
    "challenge",
    "auto_reply",
)


@dataclass(frozen=True, slots=True)
class Notification:
    """A mail that a server or a person sends back because of another mail.

    Args:
        kind: "bounce", "delayed" and "delivered" are delivery status notifications (RFC 3464), "complaint" is a
            feedback report (RFC 5965), and the others are automatic replies (RFC 3834).
        sender: the reverse-path of its envelope; the empty string is the null reverse-path.
        recipient: the forward-path of its envelope.
        content: the bytes of the message, with CRLF line ends and lines of at most 998 bytes.
        original_id: the Message-ID of the mail that caused it, with its angle brackets; None if that has none.
        status: the status code (RFC 3463), such as "5.1.1"; None for complaints and automatic replies.
        about: the recipients of that mail that it is about; without those whose NOTIFY forbids it (RFC 3461 4.1).
    """

    kind: NotificationKind
    sender: str
    recipient: str
    content: bytes
    original_id: str | None = None
    status: str | None = None
    about: tuple[str, ...] = ()

    @property
    def is_eight_bit(self) -> bool:
        """Whether the content has bytes above 127: MAIL needs BODY=8BITMIME (RFC 6152)."""
        return not self.content.isascii()

    @property
    def needs_smtputf8(self) -> bool:
        """Whether MAIL needs SMTPUTF8: an address or the header is not ASCII (RFC 6531)."""
        header, _, _ = self.content.partition(b"\r\n\r\n")
        return not (self.sender.isascii() and self.recipient.isascii() and header.isascii())

    def __repr__(self) -> str:
        status = f" {self.status}" if self.status else ""
        return (
            f"<Notification {self.kind}{status} {self.sender or '<>'} -> {self.recipient} {len(self.content):,} bytes>"
        )

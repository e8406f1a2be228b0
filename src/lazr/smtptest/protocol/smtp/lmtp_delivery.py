"""LMTP: the verdicts about one message, one for each recipient (RFC 2033 4.2)."""

from __future__ import annotations

from lazr.smtptest.protocol.smtp.events import EndOfData

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from lazr.smtptest.protocol.smtp.events import Rcpt
    from lazr.smtptest.protocol.smtp.reply import Reply

__all__ = ["LmtpDelivery"]


class LmtpDelivery:
    """A complete message that is decided on for one recipient after the other.

    Args:
        message: The message, with all recipients.
    """

    __slots__ = ("_verdicts", "message")

    def __init__(self, message: EndOfData) -> None:
        self.message: Final = message
        self._verdicts: list[Reply] = []

    def find_next_recipient(self) -> Rcpt | None:
        """Return the recipient to decide about; None if no more decisions are needed."""
        verdicts, rcpts = self._verdicts, self.message.rcpts
        # A reply that closes the session is the last one sent.
        is_over = len(verdicts) == len(rcpts) or (verdicts and verdicts[-1].closes)
        return None if is_over else rcpts[len(verdicts)]

    def add_verdict(self, reply: Reply) -> None:
        """Note the reply for the next recipient."""
        self._verdicts.append(reply)

    def build_accepted_message(self) -> EndOfData | None:
        """Return the message with the recipients that accept it; None if there are none."""
        message = self.message
        accepted = tuple(
            rcpt for rcpt, verdict in zip(message.rcpts, self._verdicts, strict=False) if verdict.is_positive
        )
        return EndOfData(message.mail, accepted, message.parts, message.session) if accepted else None

    def build_replies(self, reply: Reply) -> list[Reply]:
        """Return the replies in order; a refusal of the message itself replaces positive ones."""
        replies = []
        for verdict in self._verdicts:
            replies.append(verdict if reply.is_positive or not verdict.is_positive else reply)
            if replies[-1].closes:
                break
        return replies

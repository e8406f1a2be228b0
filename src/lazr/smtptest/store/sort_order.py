"""The orders in which a list can be sorted, and the key of a mail in each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from lazr.smtptest.mail import Envelope
    from lazr.smtptest.store.message_index import ContentSummary

__all__ = ["NEWEST_FIRST", "SortField", "SortOrder"]

SortField = Literal["received", "size", "from", "to", "subject"]
"""What a list can be sorted by."""


class SortOrder(NamedTuple):
    """The order of a list; mails with equal keys are listed newest first.

    Texts are compared by their bytes in UTF-8.  The case of ASCII letters does not count.

    Args:
        field: what the list is sorted by: `received` is the order of arrival, `from` the address of From (without it,
            the sender of the envelope), `to` the first recipient of the envelope.
        is_ascending: whether the smallest key comes first.

    >>> NEWEST_FIRST
    SortOrder(field='received', is_ascending=False)
    """

    field: SortField = "received"
    is_ascending: bool = False

    @property
    def needs_content(self) -> bool:
        """Whether a mail must be parsed for its key."""
        return self.field in ("from", "subject")

    def compute_key(self, number: int, size: int, envelope: Envelope, summary: ContentSummary | None) -> int | bytes:
        """Return the key of a mail.

        Args:
            number: its position in the order of arrival.
            size: the length of its content, in bytes.
            envelope: its envelope.
            summary: the summary of its content; None is enough unless `needs_content`.

        >>> from lazr.smtptest import Envelope
        >>> envelope = Envelope("", ("Bob@example.com",), mail_parameters={}, rcpt_parameters=({},))
        >>> SortOrder("to").compute_key(1, 22, envelope, None)
        b'bob@example.com'
        """
        if self.field == "received":
            return number
        if self.field == "size":
            return size
        if self.field == "to":
            return encode_text_key(envelope.rcpt_tos[0] if envelope.rcpt_tos else "")
        if self.field == "subject":
            return encode_text_key("" if summary is None else summary.subject)
        from_ = None if summary is None else summary.from_
        return encode_text_key(envelope.mail_from if from_ is None else f"{from_.local_part}@{from_.domain}")


NEWEST_FIRST: SortOrder = SortOrder()
"""The default order: the latest arrival first."""


def encode_text_key(text: str) -> bytes:
    """Return a text in the form that keys are compared in."""
    return text.encode("utf-8", "surrogatepass").lower()  # bytes: ASCII letters only

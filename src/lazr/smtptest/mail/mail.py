"""A mail: the envelope and the content of one transaction (RFC 5321 2.3.1)."""

from __future__ import annotations

import time

from lazr.smtptest.mail.attachment import Attachment
from lazr.smtptest.mail.domain import fold_domain
from lazr.smtptest.mail.envelope import Envelope
from lazr.smtptest.protocol.smtp.data import joined

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Collection, Mapping
    from datetime import datetime
    from email.message import EmailMessage
    from os import PathLike
    from pathlib import Path
    from typing import Final

    from lazr.smtptest.mail.headers import Headers
    from lazr.smtptest.mail.links import Link
    from lazr.smtptest.mail.mime.address import Address
    from lazr.smtptest.mail.mime.defect import Defect
    from lazr.smtptest.mail.reading import Reading
    from lazr.smtptest.protocol.smtp.record import SessionRecord

__all__ = ["Attachment", "Envelope", "Mail"]

_FIRST = 16 * 1024  # octets that a mail's Subject is looked for in, when it shows itself


class Mail:
    """One received mail.

    `content` is what was on the wire after transparency (RFC 5321 4.5.2), to the octet; nothing is
    added to it.  All else is read from that when it is first asked for, and no content makes reading
    raise or take long: what cannot be read is in `defects`.  (The content comes in pieces, which are
    joined when somebody reads it: most of a large mail's cost, and often nobody does.)

    >>> envelope = Envelope("a@example.com", ("b@example.com",), mail_parameters={}, rcpt_parameters=({},))
    >>> mail = Mail("1", envelope, [b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\\r\\n", b"\\r\\nHallo\\r\\n"])
    >>> mail.subject, mail.text, mail.size
    ('Grüße', 'Hallo\\n', 47)
    """

    __slots__ = ("_message", "_parts", "_reading", "envelope", "id", "session", "timestamp")

    def __init__(
        self,
        id: str,
        envelope: Envelope,
        parts: list[bytes],
        *,
        session: SessionRecord | None = None,
        received_at: float | None = None,  # seconds since 1970; None is now
    ) -> None:
        self.id: Final = id
        self.envelope: Final = envelope
        self.session: Final = session  # the facts of the session that brought it; None where none did
        self._parts = parts
        self.timestamp: Final = (
            time.time() if received_at is None else received_at
        )  # `received_at`, as seconds since 1970
        self._message: EmailMessage | None = None
        self._reading: Reading | None = None

    # -- what came ---------------------------------------------------------------------------

    @property
    def content(self) -> bytes:
        """The content, to the octet."""
        return joined(self._parts)

    @property
    def parts(self) -> list[bytes]:
        """The content in the pieces that came, which nobody has joined yet, perhaps."""
        return self._parts

    @property
    def received_at(self) -> datetime:
        """When the last octet was there: an aware time, in UTC."""
        from datetime import UTC, datetime

        return datetime.fromtimestamp(self.timestamp, UTC)

    @property
    def size(self) -> int:
        """The content's octets."""
        return sum(map(len, self._parts))

    @property
    def sender(self) -> str:
        """The envelope's reverse-path; the empty string for the null one."""
        return self.envelope.mail_from

    @property
    def recipients(self) -> tuple[str, ...]:
        """The envelope's forward-paths, in order."""
        return self.envelope.rcpt_tos

    @property
    def bcc(self) -> tuple[str, ...]:
        """The envelope's recipients that To and Cc (and Resent-To and Resent-Cc) do not name.

        The domain's case does not count.  A Bcc field that was left in the content hides nobody from this.
        """
        named = self._read().destinations
        return tuple(recipient for recipient in self.recipients if fold_domain(recipient) not in named)

    # -- header fields -----------------------------------------------------------------------

    @property
    def headers(self) -> Headers:
        """The header fields in order, repeats included; `mail.headers["subject"]` is the first of that name."""
        return self._read().headers

    def header(self, name: str) -> str:
        """A header field's first value, decoded (RFC 2047) and unfolded; the empty string where there is none."""
        return self._read().headers.get(name)

    @property
    def subject(self) -> str:
        """The Subject, decoded; the empty string where there is none."""
        return self.header("subject")

    @property
    def from_(self) -> tuple[Address, ...]:
        """From's addresses (RFC 5322 3.6.2); the header's, which says little about who sent it: see `sender`."""
        return self._read().from_

    @property
    def to(self) -> tuple[Address, ...]:
        """To's addresses; the header's, not the envelope's: see `recipients`."""
        return self._read().to

    @property
    def cc(self) -> tuple[Address, ...]:
        """Cc's addresses."""
        return self._read().cc

    @property
    def reply_to(self) -> tuple[Address, ...]:
        """Reply-To's addresses; empty where there is no such field."""
        return self._read().reply_to

    @property
    def date(self) -> datetime | None:
        """The Date, an aware time; None where there is none, or it is not one.

        A zone that is not known (`-0000`, RFC 5322 3.3) is taken for UTC.
        """
        return self._read().date

    @property
    def message_id(self) -> str:
        """The Message-ID with its angle brackets, as `email.utils.make_msgid` makes it; or the empty string."""
        return self._read().message_id

    # -- what people read --------------------------------------------------------------------

    @property
    def text(self) -> str:
        """The plain text, decoded, with LF as line end; made from the HTML where there is none, or empty.

        Text that is `format=flowed` (RFC 3676) is left as it came.
        """
        return self._read().text

    @property
    def text_is_derived(self) -> bool:
        """Whether `text` was made from the HTML, because the mail has no text of its own."""
        return self._read().text_is_derived

    @property
    def html(self) -> str:
        """The HTML, decoded, with LF as line end; the empty string where there is none."""
        return self._read().html

    @property
    def links(self) -> tuple[Link, ...]:
        """The links of the HTML, then those of the text, each in order."""
        return self._read().links

    @property
    def codes(self) -> tuple[str, ...]:
        """One-time codes of 4 to 8 digits, digits only: nearest to a word such as "code" first."""
        return self._read().codes

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """The parts that are neither the text nor the HTML, in order."""
        return self._read().attachments

    # -- the whole ---------------------------------------------------------------------------

    @property
    def message(self) -> EmailMessage:
        """The content as an `email.message.EmailMessage` (`policy.default`); the same one each time.

        A message that `email` cannot be asked to parse has its header fields, the rest as its payload, and a defect.
        """
        if self._message is None:
            from lazr.smtptest.mail.parsed import parse_email_message

            self._message = parse_email_message(self.content)
        return self._message

    @property
    def defects(self) -> tuple[Defect, ...]:
        """What is wrong with it, or could not be read; empty for a mail that is well made.  Reads all of it."""
        return self._read().defects

    def snapshot(
        self, *, headers: Collection[str] | None = None, replace: Mapping[str | re.Pattern[str], str] | None = None
    ) -> str:
        """The mail as a text that is the same each time it is sent, to be compared with a stored one.

        Dates, message identifiers, boundaries and content identifiers are normalised.  `headers` are the names of the
        fields to show, all by default but those that say how it came (Received and so on); `replace` is what else
        changes: strings or compiled patterns, and what to put in their place.
        """
        from lazr.smtptest.mail.snapshot import snapshot

        return snapshot(self, headers, replace or {})

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the content to a file, to the octet; in a directory, to `<id>.eml`.  Returns the file's path.

        Raises `OSError` if it cannot be written.
        """
        from pathlib import Path

        file = Path(path)
        if file.is_dir():
            file /= f"{self.id}.eml"
        file.write_bytes(self.content)
        return file

    def _read(self) -> Reading:
        if self._reading is None:
            from lazr.smtptest.mail.reading import Reading

            self._reading = Reading(self.content, self.envelope.mail_parameters)
        return self._reading

    def __repr__(self) -> str:
        to = ", ".join(self.envelope.rcpt_tos)
        subject = subject_of(self._parts)
        return f"<Mail {self.id} {self.envelope.mail_from or '<>'} -> {to} {subject!r} {self.size} octets>"


def subject_of(parts: list[bytes]) -> str:
    """The Subject for people, from the first octets alone: a list of a thousand mails is shown without reading them."""
    from lazr.smtptest.mail.mime import caps
    from lazr.smtptest.mail.mime.charset import header_text
    from lazr.smtptest.mail.mime.encodedword import decode_words
    from lazr.smtptest.mail.mime.header import read_block, unfolded

    start = b""
    for part in parts:
        start += part[: _FIRST - len(start)]
        if len(start) == _FIRST:
            break
    if b"\n" not in start:
        start = start.replace(b"\r", b"\n")
    fields, _ = read_block(start, 0, len(start), caps.FIELDS, _nobody)
    for name, raw in fields:
        if name.lower() == "subject":
            return decode_words(unfolded(header_text(raw, _nobody)), _nobody)
    return ""


def _nobody(_: str) -> None:
    """Take note of nothing."""

"""A mail: the envelope and the content of one transaction (RFC 5321 2.3.1)."""

from __future__ import annotations

import re
import time

from lazr.smtptest.protocol.smtp.data import joined

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from email.headerregistry import Address
    from email.message import EmailMessage
    from typing import Final

    from lazr.smtptest.protocol.smtp.record import SessionRecord, TlsFacts
    from lazr.smtptest.protocol.smtp.sasl import Credentials

__all__ = ["Attachment", "Envelope", "Mail"]


class Envelope:
    """Who a mail is from and for, by the commands that brought it; never by its headers.

    - `mail_from`: the reverse-path's mailbox; the empty string for the null one (RFC 5321 4.5.5).
    - `rcpt_tos`: the accepted forward-paths' mailboxes, in order, duplicates included.
    - `mail_parameters`: MAIL's parameters, keywords in capitals, xtext decoded.
    - `rcpt_parameters`: each recipient's, in the order of `rcpt_tos`.
    - `helo`: what the client called itself.
    - `peer`: `address:port` of the client, or `unix`.
    - `tls`: what TLS was agreed on when the mail came; None where it came in clear.
    - `auth`: the credentials that the session had by then; None where it had none.
    """

    __slots__ = ("auth", "helo", "mail_from", "mail_parameters", "peer", "rcpt_parameters", "rcpt_tos", "tls")

    def __init__(
        self,
        mail_from: str,
        rcpt_tos: tuple[str, ...],
        *,
        mail_parameters: Mapping[str, str],
        rcpt_parameters: tuple[Mapping[str, str], ...],
        helo: str = "",
        peer: str = "",
        tls: TlsFacts | None = None,
        auth: Credentials | None = None,
    ) -> None:
        self.mail_from: Final = mail_from
        self.rcpt_tos: Final = rcpt_tos
        self.mail_parameters: Final = mail_parameters
        self.rcpt_parameters: Final = rcpt_parameters
        self.helo: Final = helo
        self.peer: Final = peer
        self.tls: Final = tls
        self.auth: Final = auth

    def __repr__(self) -> str:
        return f"Envelope({self.mail_from!r} -> {', '.join(map(repr, self.rcpt_tos))})"


class Attachment:
    """A part of a message that is meant to be saved (RFC 2183)."""

    __slots__ = ("content", "content_type", "filename")

    def __init__(self, filename: str, content_type: str, content: bytes) -> None:
        self.filename: Final = filename  # the empty string where the sender gave none
        self.content_type: Final = content_type
        self.content: Final = content  # decoded

    def __repr__(self) -> str:
        return f"Attachment({self.filename!r}, {self.content_type!r}, {len(self.content)} octets)"


class Mail:
    """One received mail.

    `content` is what was on the wire after transparency (RFC 5321 4.5.2), to the octet; nothing is
    added to it.  `message` is that, parsed, when it is first asked for.  (The content comes in
    pieces, which are joined when somebody reads it: most of a large mail's cost, and often nobody does.)

    >>> envelope = Envelope("a@example.com", ("b@example.com",), mail_parameters={}, rcpt_parameters=({},))
    >>> mail = Mail("1", envelope, [b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\\r\\n", b"\\r\\nHallo\\r\\n"])
    >>> mail.subject, mail.text, mail.size
    ('Grüße', 'Hallo\\n', 47)
    """

    __slots__ = ("_message", "_parts", "_received", "envelope", "id", "session")

    def __init__(
        self, id: str, envelope: Envelope, parts: list[bytes], *, session: SessionRecord | None = None
    ) -> None:
        self.id: Final = id
        self.envelope: Final = envelope
        self.session: Final = session  # the facts of the session that brought it; None where none did
        self._parts = parts
        self._received = time.time()
        self._message: EmailMessage | None = None

    @property
    def content(self) -> bytes:
        """The content, to the octet."""
        return joined(self._parts)

    @property
    def received_at(self) -> datetime:
        """When the last octet was there: an aware time, in UTC."""
        from datetime import UTC, datetime

        return datetime.fromtimestamp(self._received, UTC)

    @property
    def message(self) -> EmailMessage:
        """The content as an `email.message.EmailMessage` (`policy.default`); the same one each time."""
        if self._message is None:
            from email import message_from_bytes
            from email.policy import default

            self._message = message_from_bytes(self.content, policy=default)
        return self._message

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

    def header(self, name: str) -> str:
        """A header field, decoded (RFC 2047) and unfolded; the empty string where there is none."""
        return str(self.message.get(name, ""))

    @property
    def subject(self) -> str:
        """The Subject, decoded; the empty string where there is none."""
        return self.header("subject")

    @property
    def text(self) -> str:
        """The plain text part, decoded; the empty string where there is none."""
        return self._body("plain")

    @property
    def html(self) -> str:
        """The HTML part, decoded; the empty string where there is none."""
        return self._body("html")

    def _body(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        if part is None:
            return ""
        try:
            text = str(part.get_content())
        except (LookupError, UnicodeError):  # a charset that does not exist, or is not a text's
            octets = part.get_payload(decode=True)
            text = octets.decode("utf-8", "replace") if isinstance(octets, bytes) else ""
        # The wire's line ends are CRLF; a string in a test has LF.
        return text.replace("\r\n", "\n")

    @property
    def attachments(self) -> list[Attachment]:
        """The parts that are neither the text nor its alternatives, in order."""
        return list(self._attachments())

    def _attachments(self) -> Iterator[Attachment]:
        for part in self.message.iter_attachments():
            content = part.get_payload(decode=True)
            yield Attachment(
                part.get_filename() or "",
                part.get_content_type(),
                content if isinstance(content, bytes) else bytes(part),
            )

    @property
    def bcc(self) -> tuple[str, ...]:
        """The envelope's recipients that To and Cc do not name."""
        named = {address.addr_spec.lower() for name in ("to", "cc") for address in _addresses(self.message, name)}
        return tuple(recipient for recipient in self.recipients if recipient.lower() not in named)

    def __repr__(self) -> str:
        start = b"".join(part[:8192] for part in self._parts[:8])
        found = re.search(rb"^subject:[ \t]*([^\r\n]*)", start, re.IGNORECASE | re.MULTILINE)
        subject = _decoded(found[1].decode("utf-8", "replace")) if found else ""
        to = ", ".join(self.envelope.rcpt_tos)
        return f"<Mail {self.id} {self.envelope.mail_from or '<>'} -> {to} {subject!r} {self.size} octets>"


def _decoded(text: str) -> str:
    """A header's text with its encoded words (RFC 2047) decoded, where that can be done."""
    if "=?" not in text:
        return text
    from email.errors import HeaderParseError
    from email.header import decode_header, make_header

    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, ValueError):
        return text


def _addresses(message: EmailMessage, name: str) -> Iterator[Address]:
    try:
        fields = message.get_all(name, [])
    except Exception:  # noqa: BLE001 - whatever a stranger's header does to the parser, it names nobody
        return
    for field in fields:
        yield from getattr(field, "addresses", ())

"""Complete a message for sendmail: line ends, recipients and missing header fields."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import format_datetime, make_msgid
from typing import TYPE_CHECKING

from lazr.smtptest.cli.client.line_ends import convert_to_crlf
from lazr.smtptest.mail import decode_header_text, read_addresses, read_block, unfold

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SubmittedMessage", "parse_address_list"]

_MAX_HEADER_FIELDS = 10_000
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]+")
# Words in any language (RFC 6532) that need no quotes.
_PHRASE = re.compile(r"[^\x00-\x1f\x7f\"(),.:;<>@\[\\\]]+")
_RECIPIENT_FIELDS = ("to", "cc", "bcc")


class SubmittedMessage:
    r"""A message from standard input, with CRLF at the ends of lines (RFC 5321 section 2.3.8).

    >>> submission = SubmittedMessage(b"To: ann@example.com\nBcc: bob@example.com\n\nHi\n")
    >>> submission.recipients
    ['ann@example.com', 'bob@example.com']
    >>> submission.remove_bcc().content
    b'To: ann@example.com\r\n\r\nHi\r\n'
    """

    def __init__(self, message: bytes) -> None:
        content = convert_to_crlf(message)
        self.content: bytes = content if content.endswith(b"\r\n") or not content else content + b"\r\n"
        self._fields, _ = read_block(self.content, 0, len(self.content), _MAX_HEADER_FIELDS, _ignore_defect)

    @classmethod
    def read_until_dot(cls, message: bytes) -> SubmittedMessage:
        r"""Return the message before a line with a single dot, as sendmail reads it without -i.

        >>> SubmittedMessage.read_until_dot(b"\nHi\n.\nmore\n").content
        b'\r\nHi\r\n'
        """
        end = re.search(rb"^\.\r?$\n?", message, re.MULTILINE)
        return cls(message[: end.start()] if end else message)

    def _collect_addresses(self, names: Iterable[str]) -> list[str]:
        return [
            address
            for field_name in names
            for name, value in self._fields
            if name.lower() == field_name
            for address in parse_address_list(unfold(decode_header_text(value, _ignore_defect)))
        ]

    @property
    def recipients(self) -> list[str]:
        """The addresses of the recipient fields; those of Resent fields come first.

        With Resent-To, Resent-Cc or Resent-Bcc (RFC 5322 section 3.6.6), To, Cc and Bcc are ignored.
        """
        resent = self._collect_addresses(f"resent-{name}" for name in _RECIPIENT_FIELDS)
        return list(dict.fromkeys(resent or self._collect_addresses(_RECIPIENT_FIELDS)))

    @property
    def sender(self) -> str:
        """The address of Sender, or else of From; "" if both are missing."""
        return next(iter(self._collect_addresses(("sender", "from"))), "")

    def remove_bcc(self) -> SubmittedMessage:
        """Return the message without Bcc and Resent-Bcc (RFC 5322 section 3.6.3)."""
        pattern = rb"^(?:resent-)?bcc[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*"
        header, blank, body = self.content.partition(b"\r\n\r\n")
        header = re.sub(pattern, b"", header + b"\r\n", flags=re.IGNORECASE | re.MULTILINE)
        return SubmittedMessage(header + (b"\r\n" + body if blank else b""))

    def add_missing_fields(self, sender: str, full_name: str) -> SubmittedMessage:
        """Return the message with From, Date and Message-ID; add those that are missing."""
        names = {name.lower() for name, _ in self._fields}
        added = {
            "From": _format_from(full_name, sender),
            "Date": format_datetime(datetime.now(UTC)),
            "Message-ID": make_msgid(domain="smtptest.invalid"),  # the default is the machine's name, which needs DNS
        }
        lines = [f"{name}: {value}\r\n" for name, value in added.items() if name.lower() not in names and value]
        gap = b"" if self._fields or self.content.startswith(b"\r\n") else b"\r\n"
        return SubmittedMessage("".join(lines).encode() + gap + self.content) if lines else self


def parse_address_list(text: str) -> list[str]:
    """Return the addresses of an address list of a header field (RFC 5322 section 3.4).

    >>> parse_address_list("Ann <ann@example.com>, bob@example.com")
    ['ann@example.com', 'bob@example.com']
    """
    return [address.addr_spec for address in read_addresses(text, _ignore_defect) if address.addr_spec]


def _format_from(name: str, address: str) -> str:
    r"""Return the value of a From field for any name and address (RFC 5322 section 3.4).

    >>> _format_from('Ann "A." Lee', "ann@example.com"), _format_from("CronDaemon", "root")
    ('"Ann \\"A.\\" Lee" <ann@example.com>', 'CronDaemon <root>')
    >>> _format_from("x\nBcc: eve", "")
    ''
    """
    name = _CONTROL_CHARACTERS.sub(" ", name).strip()
    if not name or not address:
        return address
    phrase = name if _PHRASE.fullmatch(name) else '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    return f"{phrase} <{address}>"


def _ignore_defect(_: str) -> None:
    """Ignore the defect: a broken header is sent unchanged."""

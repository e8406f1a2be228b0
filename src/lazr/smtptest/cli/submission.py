"""A message as programs hand it to sendmail: its line ends, its recipients, and the fields that it lacks."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import format_datetime, make_msgid
from typing import TYPE_CHECKING

from lazr.smtptest.mail.mime.address import read_addresses
from lazr.smtptest.mail.mime.charset import header_text
from lazr.smtptest.mail.mime.header import read_block, unfolded

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Submission", "addresses_in"]

_LINE_END = re.compile(rb"(?<!\r)\n")
_MOST = 10_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
# Words, which may be of any language (RFC 6532).
_PHRASE = re.compile(r"[^\x00-\x1f\x7f\"(),.:;<>@\[\\\]]+")
_TO = ("to", "cc", "bcc")


class Submission:
    r"""What came on standard input, with CRLF at the ends of lines (RFC 5321 2.3.8).

    >>> submission = Submission(b"To: ann@example.com\nBcc: bob@example.com\n\nHi\n")
    >>> submission.recipients
    ['ann@example.com', 'bob@example.com']
    >>> submission.without_bcc().content
    b'To: ann@example.com\r\n\r\nHi\r\n'
    """

    def __init__(self, octets: bytes) -> None:
        content = _LINE_END.sub(b"\r\n", octets)
        self.content: bytes = content if content.endswith(b"\r\n") or not content else content + b"\r\n"
        self._fields, _ = read_block(self.content, 0, len(self.content), _MOST, _nobody)

    @classmethod
    def until_dot(cls, octets: bytes) -> Submission:
        r"""The message up to a line that is a dot alone, as sendmail reads without -i.

        >>> Submission.until_dot(b"\nHi\n.\nmore\n").content
        b'\r\nHi\r\n'
        """
        end = re.search(rb"^\.\r?$\n?", octets, re.MULTILINE)
        return cls(octets[: end.start()] if end else octets)

    def _addresses(self, names: Iterable[str]) -> list[str]:
        return [
            address
            for wanted in names
            for name, value in self._fields
            if name.lower() == wanted
            for address in addresses_in(unfolded(header_text(value, _nobody)))
        ]

    @property
    def recipients(self) -> list[str]:
        """Whom To, Cc and Bcc name; where it was resent, whom Resent-To, -Cc and -Bcc do (RFC 5322 3.6.6)."""
        resent = self._addresses(f"resent-{name}" for name in _TO)
        return list(dict.fromkeys(resent or self._addresses(_TO)))

    @property
    def sender(self) -> str:
        """Whom Sender names, or From; the empty string where neither does."""
        return next(iter(self._addresses(("sender", "from"))), "")

    def without_bcc(self) -> Submission:
        """The same without Bcc and Resent-Bcc (RFC 5322 3.6.3); all other octets stay."""
        pattern = rb"^(?:resent-)?bcc[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*"
        header, blank, body = self.content.partition(b"\r\n\r\n")
        header = re.sub(pattern, b"", header + b"\r\n", flags=re.IGNORECASE | re.MULTILINE)
        return Submission(header + (b"\r\n" + body if blank else b""))

    def completed(self, sender: str, full_name: str) -> Submission:
        """The same with From, Date and Message-ID, where they are missing, as sendmail adds them."""
        names = {name.lower() for name, _ in self._fields}
        added = {
            "From": _named(full_name, sender),
            "Date": format_datetime(datetime.now(UTC)),
            "Message-ID": make_msgid(domain="smtptest.invalid"),  # not this machine's name, which DNS would have
        }
        lines = [f"{name}: {value}\r\n" for name, value in added.items() if name.lower() not in names and value]
        gap = b"" if self._fields or self.content.startswith(b"\r\n") else b"\r\n"
        return Submission("".join(lines).encode() + gap + self.content) if lines else self


def addresses_in(text: str) -> list[str]:
    """Those of an address list, as a header field may have it (RFC 5322 3.4).

    >>> addresses_in("Ann <ann@example.com>, bob@example.com")
    ['ann@example.com', 'bob@example.com']
    """
    return [address.addr_spec for address in read_addresses(text, _nobody) if address.addr_spec]


def _named(name: str, address: str) -> str:
    r"""A From (RFC 5322 3.4), whatever the name has in it, and however little an address it is (cron's is `root`).

    >>> _named('Ann "A." Lee', "ann@example.com"), _named("CronDaemon", "root"), _named("x\nBcc: eve", "")
    ('"Ann \\"A.\\" Lee" <ann@example.com>', 'CronDaemon <root>', '')
    """
    name = _CONTROL.sub(" ", name).strip()
    if not name or not address:
        return address
    phrase = name if _PHRASE.fullmatch(name) else '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    return f"{phrase} <{address}>"


def _nobody(_: str) -> None:
    """Take note of nothing."""

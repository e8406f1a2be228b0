"""Release a mail: send it to real recipients through another SMTP server.

The content is sent byte for byte: no header field is changed or added, and a Bcc field stays.  Only the envelope is
new.
"""

from __future__ import annotations

import logging
import re
import smtplib
from typing import TYPE_CHECKING, Final, Literal

from lazr.smtptest._util.host_port import format_host_port
from lazr.smtptest._util.octets import has_bare_line_ends
from lazr.smtptest.errors import SmtptestError
from lazr.smtptest.mail import read_addresses
from lazr.smtptest.protocol.smtp import AddressGrammar, Lenient, TlsMode
from lazr.smtptest.smtp_client import connect, deliver
from lazr.smtptest.web.sandbox.concurrency_limit import ConcurrencyLimit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from lazr.smtptest.mail import Mail

__all__ = ["Relay", "ReleaseFailed"]

_log = logging.getLogger("lazr.smtptest.relay")

_ADDRESS_PATTERN = re.compile(r"[^\s<>\x00-\x20\x7f]+@[^\s<>@\x00-\x20\x7f]+")
_GRAMMAR = AddressGrammar(Lenient.none())
_MAX_ADDRESS_CHARACTERS = 320  # RFC 5321 4.5.3.1: 64 bytes, an @ and 255
_MAX_RECIPIENT_CHARACTERS = 1000  # an address with a display name
_MAX_RECIPIENTS = 100  # RFC 5321 4.5.3.1.8
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class ReleaseFailed(SmtptestError):
    """The mail was sent to no recipient; the text has the reason."""


class Relay:
    r"""Another SMTP server that delivers released mails.

    Args:
        host: the name or address of the server.
        port: its port.
        allow: patterns of the allowed recipients, in which `*` stands for any text; ASCII case is ignored.
        tls: "starttls", "implicit" for TLS from the first byte, or None for clear text.
        ssl_context: the trusted certificates.
        user: the user name for AUTH; None for no AUTH.
        password: the password of the user.
        sender: the reverse-path (MAIL FROM) of all released mails; by default each mail keeps its own.
        timeout: seconds for each step of the session, 30 by default.

    Raises:
        ValueError: `allow` is empty, or `sender` is not an address.

    >>> relay = Relay("smtp.example.com", 587, allow=["*@example.com", "qa@example.org"])
    >>> relay, relay.allowlist_pattern
    (<Relay smtp.example.com:587>, '^(?:.*@example\\.com|qa@example\\.org)$')
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        allow: Sequence[str],
        tls: Literal["starttls", "implicit"] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        user: str | None = None,
        password: str = "",
        sender: str | None = None,
        timeout: float = 30,
    ) -> None:
        if not allow:
            raise ValueError("allow must have at least one pattern of recipients; '*' allows all")
        if sender and not _is_address(sender):
            raise ValueError(f"sender must be an address without a name, got {sender!r}")
        self.server: Final[str] = format_host_port(host, port)
        self.allowlist_pattern: Final[str] = "^(?:{})$".format("|".join(map(_translate_glob, allow)))
        self.sender: Final[str | None] = sender
        self._host = host
        self._port = port
        self._tls = TlsMode.NONE if tls is None else TlsMode.parse(tls, (TlsMode.STARTTLS, TlsMode.IMPLICIT))
        self._ssl_context = ssl_context
        self._user = user
        self._password = password
        self._timeout = timeout
        # With re.ASCII a dotless i is not equal to i; otherwise a look-alike domain would match an allowed one.
        self._allowlist = re.compile(self.allowlist_pattern, re.IGNORECASE | re.ASCII)
        self._concurrency_limit = ConcurrencyLimit(4)

    def parse_recipients(self, texts: Sequence[str]) -> list[str]:
        """Return the addresses of recipients, which may have display names.

        Raises:
            ReleaseFailed: there are no recipients or too many, or one is invalid or not allowed.
        """
        if len(texts) > _MAX_RECIPIENTS:
            raise ReleaseFailed(f"a mail can be released to at most {_MAX_RECIPIENTS} recipients, got {len(texts)}")
        too_long = next((text for text in texts if len(text) > _MAX_RECIPIENT_CHARACTERS), None)
        if too_long is not None:  # the time to parse an address grows with its length
            raise _invalid_address(too_long)
        addresses_by_text = {text: _parse_address(text) for text in texts}
        rejected = [text for text, address in addresses_by_text.items() if not self._allowlist.fullmatch(address)]
        if rejected:
            subject = "Address does" if len(rejected) == 1 else "Addresses do"
            raise ReleaseFailed(f"Failed: {subject} not match the allowlist: {', '.join(rejected)}")
        if not addresses_by_text:
            raise ReleaseFailed("No valid addresses found")
        return list(dict.fromkeys(addresses_by_text.values()))

    async def release(self, mail: Mail, to: Sequence[str]) -> None:
        """Send a mail to all recipients, or to none.

        Raises:
            ReleaseFailed: the mail was not sent.
            TooManyWaiting: too many other releases wait.
        """
        await self._concurrency_limit.run_in_thread(self._send, mail, to)

    def _send(self, mail: Mail, to: Sequence[str]) -> None:
        sender = mail.envelope.mail_from if self.sender is None else self.sender
        if sender and not _is_address(sender):
            raise _invalid_address(sender, " (the sender of the mail)")
        try:
            with connect(
                self._host,
                self._port,
                tls=self._tls,
                context=self._ssl_context,
                user=self._user,
                password=self._password,
                timeout=self._timeout,
            ) as client:
                # A lenient server may take a line after a bare LF in DATA for a command.  The mail could then carry
                # another one, to recipients that are not allowed.  BDAT counts bytes instead (RFC 3030).
                if has_bare_line_ends(mail.content) and not client.has_extn("chunking"):
                    raise ReleaseFailed(
                        f"SMTP error: {self.server} does not offer CHUNKING, which mail with a bare CR or LF needs"
                    )
                reply, _ = deliver(client, sender, to, mail.content, allow_partial=False)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise ReleaseFailed(f"SMTP error: {_describe_error(error)}") from None
        _log.info("%s was released to %s by %s: %r", mail.id, ", ".join(map(repr, to)), self.server, reply)

    def __repr__(self) -> str:
        return f"<Relay {self.server}>"


def _translate_glob(glob: str) -> str:
    return ".*".join(map(re.escape, glob.split("*")))


def _parse_address(text: str) -> str:
    notes: list[str] = []
    addresses = [address.addr_spec for address in read_addresses(text, notes.append)]
    if notes or len(addresses) != 1 or not _is_address(addresses[0]) or _CONTROL_CHARACTERS.search(text):
        raise _invalid_address(text)
    return addresses[0]


def _is_address(text: str) -> bool:
    """Return whether a text is an address of RFC 5321's grammar, without extensions."""
    if len(text) > _MAX_ADDRESS_CHARACTERS or _ADDRESS_PATTERN.fullmatch(text) is None:
        return False
    match = _GRAMMAR.match_path(f"<{text}>", 0)
    return match is not None and match[1] == len(text) + 2 and match[0].mailbox == text and not match[0].route


def _invalid_address(text: str, where: str = "") -> ReleaseFailed:
    shown = _CONTROL_CHARACTERS.sub(" ", text)[:_MAX_ADDRESS_CHARACTERS]
    return ReleaseFailed(f"Invalid email address: {shown}{where}")


def _describe_error(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "; ".join(f"{address}: {_format_reply(*reply)}" for address, reply in error.recipients.items())
    if isinstance(error, smtplib.SMTPResponseException):
        return _format_reply(error.smtp_code, error.smtp_error)
    return _CONTROL_CHARACTERS.sub(" ", str(error) or type(error).__name__)


def _format_reply(code: int, message: bytes | str) -> str:
    text = message.decode("utf-8", "replace") if isinstance(message, bytes) else message
    return f"{code} {_CONTROL_CHARACTERS.sub(' ', text)}".strip()

"""Mails sent on to real people by another server, each when somebody asks for it, and to those who are allowed.

What is sent is the content, to the octet, as it came: no header field is changed or added, and Bcc stays if there is
one.  Only the envelope is new.
"""

from __future__ import annotations

import logging
import re
import smtplib
from typing import TYPE_CHECKING, Final, Literal

from lazr.smtptest.delivery import connected, deliver, has_bare_ends
from lazr.smtptest.errors import SmtptestError
from lazr.smtptest.mail.mime.address import read_addresses
from lazr.smtptest.protocol.smtp.address import Grammar
from lazr.smtptest.protocol.smtp.leniency import Lenient
from lazr.smtptest.web.inturn import InTurn

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from lazr.smtptest.mail.mail import Mail

__all__ = ["NotReleased", "Relay"]

_log = logging.getLogger("lazr.smtptest.relay")

_ADDRESS = re.compile(r"[^\s<>\x00-\x20\x7f]+@[^\s<>@\x00-\x20\x7f]+")
_GRAMMAR = Grammar(Lenient())
_LONGEST = 320  # RFC 5321 4.5.3.1: 64 octets, an @ and 255
_LONGEST_SAID = 1000  # an address with its name
_MOST = 100  # RFC 5321 4.5.3.1.8
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class NotReleased(SmtptestError):
    """The mail was sent to nobody; the text says why."""


class Relay:
    r"""Another SMTP server, that sends mails on.

    - `host`, `port`: where it is.  `tls`: "starttls", or "implicit" from the first octet on.  `context`: whom to trust.
    - `user`, `password`: as whom we come; None is nobody.
    - `allow`: to whom mails may go: addresses, in which `*` stands for anything.  ASCII's case does not count.
    - `sender`: whom they are from, in the envelope; each mail's own reverse-path, if nothing is said.
    - `seconds`: how long each step may take.

    Raises `ValueError` where nobody is allowed.

    >>> relay = Relay("smtp.example.com", 587, allow=["*@example.com", "qa@example.org"])
    >>> relay, relay.pattern
    (<Relay smtp.example.com:587>, '^(?:.*@example\\.com|qa@example\\.org)$')
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        allow: Sequence[str],
        tls: Literal["starttls", "implicit"] | None = None,
        context: ssl.SSLContext | None = None,
        user: str | None = None,
        password: str = "",
        sender: str | None = None,
        seconds: float = 30,
    ) -> None:
        if not allow:
            raise ValueError("a relay wants to know to whom mails may be sent: '*' is anybody")
        if sender and not _is_address(sender):
            raise ValueError(f"{sender!r} is no address")
        self.server: Final[str] = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.pattern: Final[str] = "^(?:{})$".format("|".join(map(_as_pattern, allow)))
        self.sender: Final[str | None] = sender
        self._host = host
        self._port = port
        self._tls = tls
        self._context = context
        self._user = user
        self._password = password
        self._seconds = seconds
        # ASCII: else a dotless i were an i, and another domain one of ours.
        self._allowed = re.compile(self.pattern, re.IGNORECASE | re.ASCII)
        self._turns = InTurn(4)

    def recipients(self, said: Sequence[str]) -> list[str]:
        """The addresses of those; raises `NotReleased` where there is none, one is none, or one is not allowed."""
        if len(said) > _MOST:
            raise NotReleased(f"more than {_MOST} recipients")
        long = next((text for text in said if len(text) > _LONGEST_SAID), None)
        if long is not None:  # the time to read one grows with its length
            raise NotReleased(f"Invalid email address: {_CONTROL.sub(' ', long[:_LONGEST])}")
        found = {text: _address_of(text) for text in said}
        strangers = [text for text, address in found.items() if not self._allowed.fullmatch(address)]
        if strangers:
            what = "Address does" if len(strangers) == 1 else "Addresses do"
            raise NotReleased(f"Failed: {what} not match the allowlist: {', '.join(strangers)}")
        if not found:
            raise NotReleased("No valid addresses found")
        return list(dict.fromkeys(found.values()))

    async def release(self, mail: Mail, to: Sequence[str]) -> None:
        """Send it to all of them, or to none.  Raises `NotReleased`, and `Refused`, 503, where too many wait."""
        await self._turns.call(self._release, mail, to)

    def _release(self, mail: Mail, to: Sequence[str]) -> None:
        sender = mail.envelope.mail_from if self.sender is None else self.sender
        if sender and not _is_address(sender):
            raise NotReleased(f"Invalid email address: {_CONTROL.sub(' ', sender)[:_LONGEST]}, whom the mail is from")
        try:
            with connected(
                self._host,
                self._port,
                implicit_tls=self._tls == "implicit",
                starttls=self._tls == "starttls",
                context=self._context,
                user=self._user,
                password=self._password,
                seconds=self._seconds,
            ) as client:
                # In DATA, what follows a lone LF may be read as commands by a server that is lax: the mail could then
                # bring others with it, to whom nobody allowed it.  A chunk's octets are counted (RFC 3030).
                if has_bare_ends(mail.content) and not client.has_extn("chunking"):
                    raise NotReleased(f"SMTP error: {self.server} does not offer CHUNKING, which a lone CR or LF needs")
                said, _ = deliver(client, sender, to, mail.content, partly=False)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise NotReleased(f"SMTP error: {_words(error)}") from None
        _log.info("%s was released to %s by %s: %r", mail.id, ", ".join(map(repr, to)), self.server, said)

    def __repr__(self) -> str:
        return f"<Relay {self.server}>"


def _as_pattern(glob: str) -> str:
    return ".*".join(map(re.escape, glob.split("*")))


def _address_of(text: str) -> str:
    notes: list[str] = []
    found = read_addresses(text, notes.append)
    addresses = [address.addr_spec for address in found]
    if notes or len(addresses) != 1 or not _is_address(addresses[0]) or _CONTROL.search(text):
        raise NotReleased(f"Invalid email address: {_CONTROL.sub(' ', text)[:_LONGEST]}")
    return addresses[0]


def _is_address(text: str) -> bool:
    """Whether it can stand in a command as it is, and every server reads it as we do: RFC 5321's grammar, no more."""
    if len(text) > _LONGEST or _ADDRESS.fullmatch(text) is None:
        return False
    found = _GRAMMAR.path(f"<{text}>", 0)
    return found is not None and found[1] == len(text) + 2 and found[0].mailbox == text and not found[0].route


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "; ".join(f"{address}: {_reply(*said)}" for address, said in error.recipients.items())
    if isinstance(error, smtplib.SMTPResponseException):
        return _reply(error.smtp_code, error.smtp_error)
    return _CONTROL.sub(" ", str(error) or type(error).__name__)


def _reply(code: int, said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"{code} {_CONTROL.sub(' ', text)}".strip()

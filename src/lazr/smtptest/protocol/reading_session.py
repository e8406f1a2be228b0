"""What sessions of IMAP and POP3 share: settings, commands, and replies of rules."""

from __future__ import annotations

from lazr.smtptest.protocol.smtp import Limits, TlsMode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from lazr.smtptest.protocol.folder_access import Account
    from lazr.smtptest.protocol.smtp import Auth, Pending

    ReadingDecide = Callable[["ReadingCommand", None], "ReadingReply | Pending | None"]
    OpenAccount = Callable[[str], Account]

__all__ = ["Call", "ReadingCommand", "ReadingReply", "ReadingSettings"]

_FIELDS = ("hostname", "limits", "tls", "tls_active", "auth", "channel_bindings", "client_certificates")


class ReadingSettings:
    """The settings of one listener for IMAP or POP3.

    Args:
        hostname: The server's name in its greeting.
        limits: See `Limits`; those about commands, sizes and timeouts apply.
        tls: Whether the listener has TLS, and how it begins.
        tls_active: The session is inside TLS.
        auth: The accepted credentials; None accepts any user and any password.
        channel_bindings: SCRAM-…-PLUS can be offered.
        client_certificates: TLS asks clients for certificates, so EXTERNAL can be offered.
        reply_to_exception: Called with an exception of a user's function in AUTH; None: it propagates.
        keeps_content: Whether transcripts keep whole messages.
    """

    __slots__ = (*_FIELDS, "keeps_content", "reply_to_exception")

    def __init__(
        self,
        *,
        hostname: str = "localhost",
        limits: Limits | None = None,
        tls: TlsMode = TlsMode.NONE,
        tls_active: bool = False,
        auth: Auth | None = None,
        channel_bindings: bool = False,
        client_certificates: bool = False,
        reply_to_exception: Callable[[BaseException], Any] | None = None,
        keeps_content: bool = False,
    ) -> None:
        self.hostname: Final = hostname
        self.limits: Final = limits or Limits()
        self.tls: Final = tls
        self.tls_active: Final = tls_active
        self.auth: Final = auth
        self.channel_bindings: Final = channel_bindings
        self.client_certificates: Final = client_certificates
        self.reply_to_exception: Final = reply_to_exception
        self.keeps_content: Final = keeps_content

    @property
    def offers_starttls(self) -> bool:
        """Whether the client can begin TLS now (RFC 9051 6.2.1, RFC 2595 4)."""
        return self.tls is TlsMode.STARTTLS and not self.tls_active

    @property
    def accepts_login(self) -> bool:
        """Whether the client may authenticate now; with TLS and `auth`, only inside it."""
        in_clear = self.auth is None or self.auth.in_clear or (self.auth.in_clear is None and self.tls is TlsMode.NONE)
        return self.tls_active or in_clear

    @property
    def accepts_password(self) -> bool:
        """Whether LOGIN in IMAP, and USER in POP3, may be used now.

        They disclose the password, as PLAIN and LOGIN do, so they need one of these if mechanisms are named.
        """
        auth = self.auth
        return self.accepts_login and (
            auth is None or not auth.has_explicit_mechanisms or not {"PLAIN", "LOGIN"}.isdisjoint(auth.mechanisms)
        )

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """The SASL mechanisms to offer now; PLAIN and LOGIN without `auth`."""
        if not self.accepts_login:
            return ()
        if self.auth is None:
            return ("PLAIN", "LOGIN")
        return self.auth.select_mechanisms(
            over_tls=self.tls_active,
            client_certificates=self.client_certificates and self.tls_active,
            channel_bindings=self.channel_bindings and self.tls_active,
        )

    def replace(self, **changes: Any) -> ReadingSettings:
        """Return settings that differ in these arguments."""
        return ReadingSettings(**({name: getattr(self, name) for name in self.__slots__} | changes))


class ReadingCommand:
    """A command of IMAP or POP3, as rules and decisions see it.

    Args:
        verb: The trigger, such as `IMAP FETCH` or `POP3 RETR`.
        argument: The rest of the command, without secrets.
        username: The user of the session, or the one who logs in; "" if unknown.
        tag: The tag of an IMAP command; b"" in POP3.
    """

    __slots__ = ("argument", "tag", "username", "verb")

    def __init__(self, verb: str, argument: str = "", username: str = "", tag: bytes = b"") -> None:
        self.verb: Final = verb
        self.argument: Final = argument
        self.username: Final = username
        self.tag: Final = tag

    def said(self) -> str:
        """Return the command as text."""
        return f"{self.verb} {self.argument}".rstrip()

    def __repr__(self) -> str:
        return f"<ReadingCommand {self.said()}>"


class ReadingReply:
    """A reply that replaces a command, by a rule.

    Args:
        status: `OK`, `NO`, `BAD`, `BYE` or `PREAUTH` in IMAP; `+OK` or `-ERR` in POP3.
        text: The text, which may begin with a response code: `[INUSE] Try later`.
    """

    __slots__ = ("status", "text")

    def __init__(self, status: str, text: str) -> None:
        self.status: Final = status
        self.text: Final = text

    @property
    def is_positive(self) -> bool:
        """Whether the command succeeds."""
        return self.status in ("OK", "PREAUTH", "+OK")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ReadingReply):
            return NotImplemented
        return (self.status, self.text) == (other.status, other.text)

    def __hash__(self) -> int:
        return hash((self.status, self.text))

    def __repr__(self) -> str:
        return f"ReadingReply({self.status!r}, {self.text!r})"


class Call:
    """A function that a session waits for; it may block, so the driver calls it."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[[], object]) -> None:
        self.function: Final = function

"""The facts of one session: client, TLS, credentials, results and transcript."""

from __future__ import annotations

from lazr.smtptest._util.suggestion import build_getattr
from lazr.smtptest.protocol.smtp.transcript import Transcript

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Final

    from lazr.smtptest.protocol.proxy_protocol import ProxyHeader
    from lazr.smtptest.protocol.smtp.command_log import Command
    from lazr.smtptest.protocol.smtp.findings import Finding
    from lazr.smtptest.protocol.smtp.sasl_types import Credentials

__all__ = ["SessionRecord", "TlsFacts"]

# The input is untrusted, so the record of it is bounded.
_MAX_DISCARDED_BYTES = 4 * 1024
_MAX_AUTH_ATTEMPTS = 100
_MAX_MAIL_IDS = 500
_NOTHING: frozenset[str] = frozenset()  # each call of `frozenset` would create another one, of 216 bytes

# What the session and its driver use; completion does not offer it.
_WRITER_NAMES = frozenset({
    "add_auth_attempt", "add_discarded", "add_mail", "add_sent_in_clear", "end", "has_bare_line_ends",
})  # fmt: skip

# Ends that the commands and replies do not show; the transcript gets a note.
_END_DESCRIPTIONS = {
    "EOF": "the client closed the connection",
    "reset": "the connection broke",
    "timeout": "the client took too long",
    "stop": "the server stops",
}


class TlsFacts:
    """What a TLS handshake agreed on (RFC 8446, RFC 5246).

    Args:
        version: `"TLSv1.3"` or `"TLSv1.2"`.
        cipher: The name of the cipher suite.
        server_name: The host name that the client asked for (SNI, RFC 6066 3); None if it named none.
        alpn: The application protocol agreed on (RFC 7301), or None.
        implicit: TLS from the first byte (RFC 8314), without STARTTLS.
        client_certificate: The client's certificate in DER; None if it sent none.
        identities: The names in that certificate, for EXTERNAL: addresses and hosts, then its common name.
        channel_bindings: The data of each channel binding type (RFC 5929), for SCRAM-…-PLUS.

    >>> TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", server_name="mx.example").describe()
    "TLSv1.3 TLS_AES_256_GCM_SHA384, STARTTLS, server_name='mx.example'"
    """

    __slots__ = (
        "alpn",
        "channel_bindings",
        "cipher",
        "client_certificate",
        "identities",
        "implicit",
        "server_name",
        "version",
    )

    def __init__(
        self,
        version: str,
        cipher: str,
        *,
        server_name: str | None = None,
        alpn: str | None = None,
        implicit: bool = False,
        client_certificate: bytes | None = None,
        identities: tuple[str, ...] = (),
        channel_bindings: dict[str, bytes] | None = None,
    ) -> None:
        self.version: Final = version
        self.cipher: Final = cipher
        self.server_name: Final = server_name
        self.alpn: Final = alpn
        self.implicit: Final = implicit
        self.client_certificate: Final = client_certificate
        self.identities: Final = identities
        self.channel_bindings: Final = channel_bindings or {}

    def describe(self) -> str:
        """Return the facts as one line of text."""
        how = "implicit" if self.implicit else "STARTTLS"
        name = "" if self.server_name is None else f", server_name={self.server_name!r}"
        return f"{self.version} {self.cipher}, {how}{name}"

    def redacted(self) -> TlsFacts:
        """Return the facts without the channel bindings, so that they can be stored.

        The bindings are secrets of the connection, and useless once it is closed.

        >>> facts = TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", channel_bindings={"tls-unique": b"secret"})
        >>> facts.redacted().channel_bindings
        {}
        """
        return TlsFacts(
            self.version,
            self.cipher,
            server_name=self.server_name,
            alpn=self.alpn,
            implicit=self.implicit,
            client_certificate=self.client_certificate,
            identities=self.identities,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TlsFacts):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        return hash((self.version, self.cipher, self.server_name))

    def __repr__(self) -> str:
        return f"<TlsFacts {self.describe()}>"


# What to write instead of other names.
_ATTRIBUTE_ALIASES = {
    **dict.fromkeys(
        ("user", "username", "login", "credentials"), "session.auth.username; session.auth is None before AUTH"
    ),
    **dict.fromkeys(("log", "dialogue", "dialog", "lines", "text"), "session.transcript"),
    **dict.fromkeys(
        ("ip", "client", "host", "address", "remote_address", "client_address"),
        "session.peer, or session.client_name with XCLIENT",
    ),
    **dict.fromkeys(("ehlo", "domain"), "session.helo"),
    **dict.fromkeys(
        ("mail_count", "message_count", "messages"), "session.mails, the number of mails; `server.inbox` has the mails"
    ),
    **dict.fromkeys(
        ("errors", "errors_count", "refused"), "session.refusals, the number; session.commands has the replies"
    ),
    **dict.fromkeys(("size", "bytes"), "session.octets"),
    **dict.fromkeys(("start", "started_at", "start_time", "begin"), "session.started, or session.timestamp"),
    **dict.fromkeys(("duration", "end_time"), "session.transcript[-1].at, the seconds from the start to the last line"),
    **dict.fromkeys(
        ("closed", "is_closed", "is_open", "open", "reason"), "session.ended, which is None for an open session"
    ),
    **dict.fromkeys(
        ("tls_version", "version", "cipher", "sni", "server_name", "client_certificate"),
        "session.tls.version, .cipher or .server_name; session.tls is None in clear",
    ),
    "id": "session.number",
}


class SessionRecord:
    """The facts of one session; the server's thread writes them, and any thread may read.

    - `number`: the connection's number since the server started, from 1; 0 outside of a server.
    - `protocol`: `"smtp"`, `"lmtp"`, `"imap"` or `"pop3"`.
    - `peer`: the client's address, such as `"127.0.0.1:40000"`; behind a proxy, the address that the proxy named.
    - `proxy`: the header of the PROXY protocol; None if there was none.
    - `client_name`: the client's host name, if XCLIENT named it.
    - `helo`: the name that the client gave in EHLO, HELO or LHLO.
    - `tls`: what the TLS handshake agreed on; None in clear.
    - `tls_failure`: why the handshake failed, in one line.  Also set if the client left directly after it, as some
      clients do that reject the certificate.  None if TLS succeeded or was not tried.
    - `proxy_failure`: why the PROXY header was refused, in one line; None if it was not.
    - `auth`: the accepted credentials; None before AUTH succeeded.
    - `auth_attempts`: all credentials that the client sent, refused ones too, oldest first; the last 100 at most.
    - `sent_in_clear`: contains `"credentials"` if a password or token was sent without TLS, accepted or not, and
      `"mail"` if a message was.
    - `discarded`: input in clear after STARTTLS, or after AUTH before its reply, which was not executed
      (RFC 3207 5, CVE-2011-0411); at most 4 KiB of it.
    - `greetings`: the accepted greetings, in order: `("EHLO", "EHLO")`.
    - `mails`: the number of accepted messages; `octets` is the size of their content together.
    - `refusals`: the number of refusals among the replies (4yz, 5yz).
    - `ended`: how the session ended; None while it is open.  `"QUIT"`, `"EOF"` (the client closed without QUIT),
      `"reset"`, `"timeout"`, `"421"` (the server gave up), `"rule"` (a rule ended it), `"stop"` (the server stopped),
      `"TLS failed"`, `"PROXY failed"`.
    - `timestamp`: when the session began, in seconds since 1970, as `Mail.timestamp`; 0 outside of a server.
    - `transcript`: the dialogue, with times.
    """

    __slots__ = (
        "_mail_ids",
        "auth",
        "auth_attempts",
        "client_name",
        "discarded",
        "ended",
        "greetings",
        "has_bare_line_ends",
        "helo",
        "mails",
        "number",
        "octets",
        "peer",
        "protocol",
        "proxy",
        "proxy_failure",
        "refusals",
        "sent_in_clear",
        "timestamp",
        "tls",
        "tls_failure",
        "transcript",
    )

    def __init__(self) -> None:
        self.number: int = 0
        self.protocol: str = "smtp"
        self.peer: str = ""
        self.proxy: ProxyHeader | None = None
        self.proxy_failure: str | None = None
        self.client_name: str = ""
        self.helo: str = ""
        self.tls: TlsFacts | None = None
        self.tls_failure: str | None = None
        self.auth: Credentials | None = None
        self.auth_attempts: tuple[Credentials, ...] = ()
        self.sent_in_clear: frozenset[str] = _NOTHING
        self.discarded: bytes = b""
        self.greetings: tuple[str, ...] = ()
        self.mails: int = 0
        self._mail_ids: list[str] | tuple[()] = ()  # the last 500 at least; a list from the first one on
        self.octets: int = 0
        self.refusals: int = 0
        self.ended: str | None = None
        self.timestamp: float = 0.0
        self.has_bare_line_ends: bool = False  # a command ended with a CR or an LF alone
        self.transcript: Final = Transcript()

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute
        __getattr__ = build_getattr(_ATTRIBUTE_ALIASES)

    def add_auth_attempt(self, credentials: Credentials) -> None:
        """Record credentials that the client sent."""
        self.auth_attempts = (*self.auth_attempts, credentials)[-_MAX_AUTH_ATTEMPTS:]

    def add_mail(self, mail_id: str) -> None:
        """Record the ID of an accepted mail, before its reply."""
        mail_ids = self._mail_ids
        if isinstance(mail_ids, tuple):
            mail_ids = self._mail_ids = []
        mail_ids.append(mail_id)
        if len(mail_ids) >= 2 * _MAX_MAIL_IDS:
            del mail_ids[:_MAX_MAIL_IDS]
        self.transcript.add_delivery(mail_id)

    def add_sent_in_clear(self, kind: str) -> None:
        """Record that the client sent `"credentials"` or `"mail"`, if there is no TLS."""
        if self.tls is None:
            self.sent_in_clear |= {kind}

    def add_discarded(self, octets: bytes) -> None:
        """Record input that was not executed."""
        self.transcript.add_note(f"{len(octets):,} octets discarded")
        self.discarded = (self.discarded + octets)[:_MAX_DISCARDED_BYTES]

    def end(self, reason: str) -> None:
        """Record the end of the session; only the first reason counts."""
        if self.ended is None:
            self.ended = reason
            if reason in _END_DESCRIPTIONS:
                self.transcript.add_note(_END_DESCRIPTIONS[reason])
            self.transcript.close()

    @property
    def mail_ids(self) -> tuple[str, ...]:
        """The IDs of the accepted mails (`mail.id`), oldest first; the last 500 at most."""
        return tuple(self._mail_ids[-_MAX_MAIL_IDS:])

    @property
    def started(self) -> datetime:
        """The time at which the session began: an aware `datetime` in UTC, as `Mail.received_at`."""
        from datetime import UTC, datetime

        return datetime.fromtimestamp(self.timestamp, UTC)

    @property
    def commands(self) -> tuple[Command, ...]:
        r"""The commands of the client so far, parsed, each with its reply.

        The end of the content is in it as `END_OF_DATA`.  Of a session with many hundred commands, the first and the
        last ones are kept.

        >>> import smtplib
        >>> from lazr.smtptest import MailServer
        >>> with MailServer() as server:
        ...     with smtplib.SMTP(*server.address) as client:
        ...         _ = client.sendmail("ann@example.com", ["bob@example.com"], "Subject: Hi\r\n\r\nHello")
        ...     commands = server.settle()[0].commands
        >>> [command.verb for command in commands]
        ['EHLO', 'MAIL', 'RCPT', 'DATA', 'END_OF_DATA', 'QUIT']
        >>> commands[2].address, commands[2].reply
        ('bob@example.com', Reply(250, '2.1.5', 'Recipient ok'))
        """
        from lazr.smtptest.protocol.smtp.command_log import iterate_exchanges

        return tuple(exchange.to_command() for exchange in iterate_exchanges(self.transcript.entries.copy()))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What an SMTP client did that an RFC advises against or forbids, although accepted.

        `FINDING_CODES` in `lazr.smtptest.protocol.smtp.findings` lists the kinds.  CRs and LFs that stand alone are
        looked for in the first and the last line of a message; `mail.defects` has those in between.

        >>> import smtplib
        >>> from lazr.smtptest import MailServer
        >>> with MailServer() as server:
        ...     client = smtplib.SMTP(*server.address)
        ...     code, text = client.docmd("HELO laptop")
        ...     client.close()
        ...     for finding in server.settle()[0].findings:
        ...         print(finding)
        the client sent HELO, and had not tried EHLO (RFC 5321 4.1.1.1)
        the client closed the connection without QUIT (RFC 5321 4.1.1.10)
        """
        from lazr.smtptest.protocol.smtp.findings import find_departures

        if self.protocol in ("imap", "pop3"):
            return ()
        entries = self.transcript.entries.copy()
        return find_departures(entries, has_bare_line_ends=self.has_bare_line_ends, ended=self.ended)

    def __dir__(self) -> list[str]:
        """Return the names that readers use, for completion."""
        return sorted(set(super().__dir__()) - _WRITER_NAMES)

    def _repr_svg_(self) -> str:
        """Return the diagram that Jupyter shows."""
        return self.to_svg()

    def to_svg(self) -> str:
        """Return the dialogue as an SVG document: a sequence diagram that shows long pauses.

        >>> SessionRecord().to_svg()[:4]
        '<svg'
        """
        from lazr.smtptest.protocol.smtp.sequence_diagram import render_sequence_diagram

        return render_sequence_diagram(self.transcript, title=f"Session from {self.peer}" if self.peer else "Session")

    def __repr__(self) -> str:
        facts = [f"from {self.peer}" if self.protocol == "smtp" else f"{self.protocol.upper()} from {self.peer}"]
        facts += [f"helo={self.helo!r}"] if self.helo else []
        facts += [f"{self.tls!r}"] if self.tls is not None else []
        facts += [f"tls_failure={self.tls_failure!r}"] if self.tls_failure else []
        facts += [f"proxy_failure={self.proxy_failure!r}"] if self.proxy_failure else []
        facts += [f"{self.auth!r}"] if self.auth is not None else []
        facts += [f"{' and '.join(sorted(self.sent_in_clear))} in clear"] if self.sent_in_clear else []
        facts += [f"{len(self.discarded)} octets discarded"] if self.discarded else []
        if self.mails or self.protocol not in ("imap", "pop3"):
            facts += [f"{self.mails} mail{'' if self.mails == 1 else 's'}"]
        facts += [f"{self.refusals} refusal{'' if self.refusals == 1 else 's'}"] if self.refusals else []
        facts += [f"ended by {self.ended}" if self.ended else "open"]
        return f"<SessionRecord {', '.join(facts)}>"

"""What happened in one session, for the tester to read: who came, how, and with which credentials."""

from __future__ import annotations

from lazr.smtptest.protocol.smtp.transcript import Transcript

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from lazr.smtptest.protocol.proxy import Proxied
    from lazr.smtptest.protocol.smtp.sasl import Credentials

__all__ = ["SessionRecord", "TlsFacts"]

# A session keeps so much of what it discarded, and so many attempts to authenticate.
_DISCARDED = 4 * 1024
_ATTEMPTS = 100

# The ends that the dialogue itself does not show.
_ENDS = {
    "EOF": "the client closed the connection",
    "reset": "the connection broke",
    "timeout": "the client took too long",
    "stop": "the server stops",
}


class TlsFacts:
    """What a TLS handshake agreed on (RFC 8446, RFC 5246).

    - `version`: `"TLSv1.3"`, `"TLSv1.2"`.
    - `cipher`: the name of the cipher suite.
    - `server_name`: the host name that the client asked for (SNI, RFC 6066 3); None where it named none.
    - `alpn`: the application protocol agreed on (RFC 7301); None where there was none.
    - `implicit`: TLS from the first octet (RFC 8314), not by STARTTLS.
    - `client_certificate`: the client's certificate, in DER; None where it sent none.
    - `identities`: the names in that certificate, for EXTERNAL: addresses and hosts, then its common name.
    """

    __slots__ = ("alpn", "bindings", "cipher", "client_certificate", "identities", "implicit", "server_name", "version")

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
        bindings: dict[str, bytes] | None = None,
    ) -> None:
        self.version: Final = version
        self.cipher: Final = cipher
        self.server_name: Final = server_name
        self.alpn: Final = alpn
        self.implicit: Final = implicit
        self.client_certificate: Final = client_certificate
        self.identities: Final = identities
        self.bindings: Final = bindings or {}  # channel bindings by name (RFC 5929), for SCRAM-…-PLUS

    def told(self) -> str:
        """The facts in a line, for people."""
        how = "implicit" if self.implicit else "STARTTLS"
        name = "" if self.server_name is None else f", server_name={self.server_name!r}"
        return f"{self.version} {self.cipher}, {how}{name}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TlsFacts):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        return hash((self.version, self.cipher, self.server_name))

    def __repr__(self) -> str:
        return f"<TlsFacts {self.told()}>"


class SessionRecord:
    """The facts of one session; the server's thread writes them, and any thread may read.

    - `number`: it is the n-th connection since the server started; 0 where no server has it.
    - `peer`: who the client is, `"127.0.0.1:40000"`; behind a proxy, whom the proxy named.
    - `proxy`: the header by which a proxy named it (the PROXY protocol); None where there was none.
    - `client_name`: the client's host name, where XCLIENT gave one.
    - `helo`: what it called itself in EHLO, HELO or LHLO.
    - `tls`: what the TLS handshake agreed on; None in clear.
    - `tls_failure`: why the handshake failed, in a line, or that the client left right behind it, as some
      do whom the certificate does not please; None where all went well.
    - `proxy_failure`: why the PROXY header was refused, in a line; None where none was.
    - `auth`: the credentials that were accepted; None before.
    - `auth_attempts`: all that were offered, the refused ones too, oldest first.
    - `sent_in_clear`: `"credentials"` where a password or token was sent without TLS, accepted or not;
      `"mail"` where a message was.
    - `discarded`: octets that came in clear behind STARTTLS, or behind AUTH before its reply, and
      were not obeyed (RFC 3207 5, CVE-2011-0411); at most 4 KiB of them.
    - `greetings`: the greetings that were accepted, in order: `("EHLO", "EHLO")`.
    - `mails`: how many messages were accepted, with `octets` of content together.
    - `refusals`: how many replies were refusals (4yz, 5yz).
    - `ended`: how it ended; None while it goes on.  `"QUIT"`, `"EOF"` (the client closed, without QUIT), `"reset"`,
      `"timeout"`, `"421"` (the server gave up on it), `"rule"` (a rule ended it), `"stop"` (the server stopped),
      `"TLS failed"`, `"PROXY failed"`.
    - `transcript`: the dialogue, with its times.
    """

    __slots__ = (
        "auth",
        "auth_attempts",
        "client_name",
        "discarded",
        "ended",
        "greetings",
        "helo",
        "mails",
        "number",
        "octets",
        "peer",
        "proxy",
        "proxy_failure",
        "refusals",
        "sent_in_clear",
        "tls",
        "tls_failure",
        "transcript",
    )

    def __init__(self) -> None:
        self.number: int = 0
        self.peer: str = ""
        self.proxy: Proxied | None = None
        self.proxy_failure: str | None = None
        self.client_name: str = ""
        self.helo: str = ""
        self.tls: TlsFacts | None = None
        self.tls_failure: str | None = None
        self.auth: Credentials | None = None
        self.auth_attempts: tuple[Credentials, ...] = ()
        self.sent_in_clear: frozenset[str] = frozenset()
        self.discarded: bytes = b""
        self.greetings: tuple[str, ...] = ()
        self.mails: int = 0
        self.octets: int = 0
        self.refusals: int = 0
        self.ended: str | None = None
        self.transcript: Final = Transcript()

    def attempted(self, credentials: Credentials) -> None:
        """The client has offered these."""
        self.auth_attempts = (*self.auth_attempts, credentials)[-_ATTEMPTS:]

    def in_clear(self, what: str) -> None:
        """The client has sent this; without TLS, anybody could have read it."""
        if self.tls is None:
            self.sent_in_clear |= {what}

    def discard(self, octets: bytes) -> None:
        """These were not obeyed."""
        self.transcript.happened(f"{len(octets):,} octets discarded")
        self.discarded = (self.discarded + octets)[:_DISCARDED]

    def end(self, how: str) -> None:
        """It is over; what ended it first counts."""
        if self.ended is None:
            self.ended = how
            if how in _ENDS:
                self.transcript.happened(_ENDS[how])
            self.transcript.close()

    def to_svg(self) -> str:
        """A picture of the dialogue, for reports: a sequence diagram as SVG, with the gaps in time.

        >>> SessionRecord().to_svg()[:4]
        '<svg'
        """
        from lazr.smtptest.protocol.smtp.diagram import drawn

        return drawn(self.transcript, title=f"Session from {self.peer}" if self.peer else "Session")

    def __repr__(self) -> str:
        facts = [f"from {self.peer}"]
        facts += [f"helo={self.helo!r}"] if self.helo else []
        facts += [f"{self.tls!r}"] if self.tls is not None else []
        facts += [f"tls_failure={self.tls_failure!r}"] if self.tls_failure else []
        facts += [f"proxy_failure={self.proxy_failure!r}"] if self.proxy_failure else []
        facts += [f"{self.auth!r}"] if self.auth is not None else []
        facts += [f"{' and '.join(sorted(self.sent_in_clear))} in clear"] if self.sent_in_clear else []
        facts += [f"{len(self.discarded)} octets discarded"] if self.discarded else []
        facts += [f"{self.mails} mail{'' if self.mails == 1 else 's'}"]
        facts += [f"{self.refusals} refusal{'' if self.refusals == 1 else 's'}"] if self.refusals else []
        facts += [f"ended by {self.ended}" if self.ended else "open"]
        return f"<SessionRecord {', '.join(facts)}>"

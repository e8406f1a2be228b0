"""Settings of one server, and the tables that all its sessions share."""

from __future__ import annotations

from functools import lru_cache

from lazr.smtptest._util.suggestion import describe_unknown
from lazr.smtptest.protocol.smtp import standard_replies
from lazr.smtptest.protocol.smtp.address import AddressGrammar
from lazr.smtptest.protocol.smtp.extensions import select_extensions
from lazr.smtptest.protocol.smtp.leniency import Lenient
from lazr.smtptest.protocol.smtp.limits import Limits
from lazr.smtptest.protocol.smtp.reply import Reply
from lazr.smtptest.protocol.smtp.tls_mode import TlsMode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, Literal

    from lazr.smtptest.protocol.smtp.auth import Auth
    from lazr.smtptest.protocol.smtp.events import Event
    from lazr.smtptest.protocol.smtp.extensions import Extension, ParameterSyntax

__all__ = ["ServerSettings"]

_TRANSCRIPT_KINDS = ("brief", "full")

_MAX_CACHED_TABLES = 16
# What `ServerSettings` builds from its arguments.
_TABLE_NAMES = (
    *("accepts_bare_line_ends", "ehlo_reply", "extensions", "grammar", "greeting_reply", "has_channel_binding"),
    *("has_chunking", "has_enhanced_codes", "has_starttls", "helo_reply", "help_reply", "keeps_content", "lenient"),
    *("mail_parameters", "max_line_bytes", "max_line_bytes_by_verb", "mechanisms", "rcpt_parameters"),
    "unavailable_verbs",
)

MAX_AUTH_LINE_BYTES = 12_288  # RFC 4954 4: a server must accept lines of this length in an exchange


class ServerSettings:
    """The settings of a server, and the tables that follow from them.

    Args:
        hostname: The server's name in its greeting and in the reply to EHLO.
        greeting: The text of the greeting after the name.
        extensions: Keywords of the table of extensions, or rows of your own; None for all rows.
        limits: See `Limits`.
        lenient: See `Lenient`.
        bare_line_ends: What a CR or an LF alone does in a command (RFC 5321 2.3.8 forbids both).  `"reject"` answers
            the command with 500 5.5.2; `"accept"` takes each for the end of a line.  Neither ends content: only
            CRLF.CRLF does.
        strict: Answer content with a bare CR, a bare LF or a NUL with 550 5.5.2, and drop it.
        lmtp: Speak LMTP (RFC 2033).
        tls: Whether the listener has TLS, and how it begins; see `TlsMode`.
        tls_active: The session is inside TLS.
        starttls_fault: `"stripped"` omits STARTTLS from the reply to EHLO; `"refused"` answers STARTTLS (RFC 3207) with
            454.  None: no fault.
        tls_required: Take no mail and no credentials before STARTTLS.
        client_certificates: TLS asks clients for certificates, so EXTERNAL can be offered.
        channel_bindings: The server's certificate is known, so SCRAM-…-PLUS can be offered.
        auth: The accepted credentials; see `Auth`.  None: no AUTH.
        reply_to_exception: Returns the reply to an exception that a function of the user raised in AUTH.  None: the
            exception propagates to the caller of the session.
        xclient: The client is a trusted proxy and may send XCLIENT.
        transcript: `"brief"` keeps the first and last lines of messages in transcripts, `"full"` whole messages.

    Raises:
        ValueError: An extension is unknown or lacks another one, or `bare_line_ends` has another value.
        TypeError: `limits`, `lenient` or `extensions` has another type.

    >>> ServerSettings(hostname="mx.example", extensions=["SIZE"]).ehlo_reply.lines
    ('mx.example', 'SIZE 33554432')
    """

    __slots__ = (
        "_arguments",
        "accepts_bare_line_ends",
        "auth",
        "ehlo_reply",
        "extensions",
        "grammar",
        "greeting_reply",
        "has_channel_binding",
        "has_chunking",
        "has_enhanced_codes",
        "has_starttls",
        "helo_reply",
        "help_reply",
        "hostname",
        "keeps_content",
        "lenient",
        "limits",
        "lmtp",
        "mail_parameters",
        "max_line_bytes",
        "max_line_bytes_by_verb",
        "mechanisms",
        "parsed_lines",
        "rcpt_parameters",
        "reply_to_exception",
        "starttls_fault",
        "strict",
        "tls",
        "tls_active",
        "unavailable_verbs",
        "xclient",
    )

    def __init__(
        self,
        *,
        hostname: str = "localhost",
        greeting: str = "ESMTP lazr.smtptest",
        extensions: Iterable[Extension | str] | None = None,
        limits: Limits | None = None,
        lenient: Lenient | None = None,
        bare_line_ends: Literal["reject", "accept"] = "reject",
        strict: bool = False,
        lmtp: bool = False,
        tls: TlsMode = TlsMode.NONE,
        tls_active: bool = False,
        starttls_fault: Literal["refused", "stripped"] | None = None,
        tls_required: bool = False,
        client_certificates: bool = False,
        channel_bindings: bool = False,
        auth: Auth | None = None,
        reply_to_exception: Callable[[BaseException], Reply] | None = None,
        xclient: bool = False,
        transcript: Literal["brief", "full"] = "brief",
    ) -> None:
        if extensions is not None and not isinstance(extensions, str):
            extensions = tuple(extensions)  # `replace` needs it again
        self._arguments: dict[str, Any] = {
            "hostname": hostname, "greeting": greeting, "extensions": extensions, "limits": limits, "lenient": lenient,
            "bare_line_ends": bare_line_ends, "strict": strict, "lmtp": lmtp, "tls": tls, "tls_active": tls_active,
            "starttls_fault": starttls_fault, "tls_required": tls_required,
            "client_certificates": client_certificates, "channel_bindings": channel_bindings, "auth": auth,
            "xclient": xclient, "transcript": transcript,
            "reply_to_exception": reply_to_exception,  # the last one: no table depends on it
        }  # fmt: skip
        if bare_line_ends not in ("reject", "accept"):
            raise ValueError(f'bare_line_ends must be "reject" or "accept", got {bare_line_ends!r}')
        if transcript not in _TRANSCRIPT_KINDS:
            raise ValueError(describe_unknown("transcript", transcript, _TRANSCRIPT_KINDS))
        for name, value, kind in (("limits", limits, Limits), ("lenient", lenient, Lenient)):
            if value is not None and not isinstance(value, kind):
                raise TypeError(f"{name} must be a {kind.__name__}, got {value!r}; write {name}={kind.__name__}(...)")
        self.limits: Limits = limits or Limits()
        self.reply_to_exception: Callable[[BaseException], Reply] | None = reply_to_exception
        # A cache of parsed command lines for each grammar: after EHLO or HELO, with SMTPUTF8 or without.
        # The key is the line with CRLF, the value the line without it, the event and its verb.
        self.parsed_lines: dict[tuple[bool, bool], dict[bytes, tuple[bytes, Event, str]]] = {
            (is_esmtp, has_smtputf8): {} for is_esmtp in (False, True) for has_smtputf8 in (False, True)
        }
        self.hostname: str = hostname
        self.lmtp: bool = lmtp
        self.tls: TlsMode = tls
        self.tls_active: bool = tls_active
        self.starttls_fault: Literal["refused", "stripped"] | None = starttls_fault
        self.auth: Auth | None = auth
        self.xclient: bool = xclient
        self.strict: bool = strict
        if extensions is None and limits is None and lenient is None and auth is None:
            self._copy_tables(tuple(self._arguments.values())[:-1])
        else:
            self._build_tables()

    def _copy_tables(self, key: tuple[object, ...]) -> None:
        """Take the tables of earlier settings with the same arguments; `key` has these arguments.

        Each test starts a server, mostly with the same arguments.
        """
        tables = _tables_by_arguments.get(key)
        if tables is None:
            self._build_tables()
            if len(_tables_by_arguments) < _MAX_CACHED_TABLES:
                _tables_by_arguments[key] = tuple([getattr(self, name) for name in _TABLE_NAMES])
            return
        for name, value in zip(_TABLE_NAMES, tables, strict=True):
            setattr(self, name, value)

    def _build_tables(self) -> None:
        """Build what follows from the arguments."""
        arguments = self._arguments
        hostname, tls, tls_active, auth = self.hostname, self.tls, self.tls_active, self.auth
        self.keeps_content: bool = arguments["transcript"] == "full"
        self.has_starttls: bool = tls is TlsMode.STARTTLS and not tls_active
        # The mechanisms that AUTH offers; none where a password would cross the wire in clear.
        self.mechanisms: tuple[str, ...] = ()
        needs_tls = arguments["tls_required"] and self.has_starttls
        in_clear = tls is TlsMode.NONE if auth is None or auth.in_clear is None else auth.in_clear
        if auth is not None and (tls_active or (in_clear and not needs_tls)):
            self.mechanisms = auth.select_mechanisms(
                over_tls=tls_active,
                client_certificates=arguments["client_certificates"],
                channel_bindings=arguments["channel_bindings"],
            )
        self.lenient: Lenient = arguments["lenient"] or _DEFAULT_LENIENT
        self.accepts_bare_line_ends: bool = arguments["bare_line_ends"] == "accept"

        self.grammar: AddressGrammar = _cached_grammar(self.lenient)
        self.has_channel_binding: bool = any(name.endswith("-PLUS") for name in self.mechanisms)
        rows = select_extensions(arguments["extensions"])
        # An extension that is not offered adds no parameters to MAIL and RCPT either.
        offers = [(row, line) for row in rows if (line := row.render_ehlo_line(self)) is not None]
        self.extensions: tuple[Extension, ...] = tuple(row for row, _ in offers)
        keywords = {row.keyword for row in self.extensions}
        self.has_enhanced_codes: bool = "ENHANCEDSTATUSCODES" in keywords
        self.has_chunking: bool = "CHUNKING" in keywords
        self.unavailable_verbs: dict[str, Reply] = self._build_unavailable_verbs(keywords, needs_tls=needs_tls)
        self.greeting_reply: Reply = _cached_reply(220, f"{hostname} {arguments['greeting']}")
        self.helo_reply: Reply = _cached_reply(250, hostname)
        self.ehlo_reply: Reply = _cached_reply(250, hostname, *[line for _, line in offers])
        self.help_reply: Reply = self._build_help_reply(keywords)
        self.mail_parameters: Mapping[str, ParameterSyntax]
        self.rcpt_parameters: Mapping[str, ParameterSyntax]
        self.mail_parameters, self.rcpt_parameters = _merge_extension_parameters(self.extensions)

        # RFC 5321 4.5.3.1.4: an extension that adds parameters raises the limit of the command.
        command_line = self.limits.command_line
        self.max_line_bytes_by_verb: dict[str, int] = {
            "MAIL": command_line + sum(row.mail_octets for row in self.extensions),
            "RCPT": command_line + sum(row.rcpt_octets for row in self.extensions),
        }
        if auth is not None:
            self.max_line_bytes_by_verb["AUTH"] = MAX_AUTH_LINE_BYTES
        self.max_line_bytes: int = max(self.max_line_bytes_by_verb.values())

    def _build_unavailable_verbs(self, keywords: set[str], *, needs_tls: bool) -> dict[str, Reply]:
        """Build the table of verbs that are known, but not available here, and the reply to each."""
        replies = {"LHLO": standard_replies.USE_EHLO}
        if self.lmtp:  # RFC 2033 4.1: LMTP has neither EHLO nor HELO
            replies = {"EHLO": standard_replies.USE_LHLO, "HELO": standard_replies.USE_LHLO}
        if "HELP" not in keywords:
            replies["HELP"] = standard_replies.NOT_IMPLEMENTED
        if not self.has_starttls:
            replies["STARTTLS"] = standard_replies.ALREADY_TLS if self.tls_active else standard_replies.NOT_IMPLEMENTED
        if self.auth is None:
            replies["AUTH"] = standard_replies.NOT_IMPLEMENTED
        if not self.xclient:
            replies["XCLIENT"] = standard_replies.NOT_RECOGNIZED
        if needs_tls:
            # RFC 3207 4: only EHLO, NOOP, QUIT and STARTTLS; and RSET, which does no harm.
            others = ("HELO", "MAIL", "RCPT", "DATA", "BDAT", "VRFY", "EXPN", "HELP", "AUTH", "XCLIENT")
            replies |= dict.fromkeys(others, standard_replies.STARTTLS_FIRST)
        return replies

    def _build_help_reply(self, keywords: set[str]) -> Reply:
        """Build the reply to HELP: the commands that are available (RFC 5321 4.1.1.8)."""
        verbs = [
            *(["LHLO"] if self.lmtp else ["EHLO", "HELO"]),
            *(verb for verb in ("STARTTLS", "AUTH", "XCLIENT") if verb in keywords),
            *("MAIL", "RCPT", "DATA"),
            *(["BDAT"] if self.has_chunking else []),
            *("RSET", "NOOP", "VRFY", "HELP", "QUIT"),
        ]
        return _cached_reply(
            214, "2.0.0", "Commands:", " ".join(verbs), f"See RFC {'2033 and RFC 5321' if self.lmtp else '5321'}"
        )

    def replace(self, **changes: object) -> ServerSettings:
        """Return the settings with changes; `replace(tls_active=True)` are those inside TLS."""
        if all(self._arguments[name] == value for name, value in changes.items()):
            return self
        return ServerSettings(**(self._arguments | changes))


# Each test starts a server, mostly with the same settings; these values are built once.

_DEFAULT_LENIENT = Lenient()
_tables_by_arguments: dict[tuple[object, ...], tuple[object, ...]] = {}
_cached_grammar = lru_cache(maxsize=16)(AddressGrammar)
_cached_reply = lru_cache(maxsize=64)(Reply)


@lru_cache(maxsize=16)
def _merge_extension_parameters(
    rows: tuple[Extension, ...],
) -> tuple[Mapping[str, ParameterSyntax], Mapping[str, ParameterSyntax]]:
    """Return the parameters of MAIL, and those of RCPT."""
    return _merge_tables(row.mail for row in rows), _merge_tables(row.rcpt for row in rows)


def _merge_tables(tables: Iterable[Mapping[str, ParameterSyntax]]) -> dict[str, ParameterSyntax]:
    """Merge tables of parameters; the allowed words of one parameter (BODY) are united."""
    merged: dict[str, ParameterSyntax] = {}
    for table in tables:
        for keyword, value in table.items():
            earlier = merged.get(keyword)
            if isinstance(earlier, frozenset) and isinstance(value, frozenset):
                merged[keyword] = earlier | value
            else:
                merged[keyword] = value
    return merged

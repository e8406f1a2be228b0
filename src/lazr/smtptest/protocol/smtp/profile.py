"""What one server is, worked out once for all its sessions: its name, its offers, its limits."""

from __future__ import annotations

from functools import lru_cache

from lazr.smtptest.protocol.smtp import replies
from lazr.smtptest.protocol.smtp.address import Grammar
from lazr.smtptest.protocol.smtp.extension import chosen_extensions
from lazr.smtptest.protocol.smtp.leniency import Lenient
from lazr.smtptest.protocol.smtp.limits import Limits
from lazr.smtptest.protocol.smtp.reply import Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, Literal

    from lazr.smtptest.protocol.smtp.auth import Auth
    from lazr.smtptest.protocol.smtp.event import Event
    from lazr.smtptest.protocol.smtp.extension import Extension, Value

    Tls = Literal["none", "offered", "stripped", "refused", "on"]

__all__ = ["Profile"]

AUTH_LINE = 12_288  # RFC 4954 4: the longest line of an authentication exchange that must be taken


class Profile:
    """The settings of a server, and the tables that follow from them.

    - `hostname`: what it calls itself in its greeting.
    - `greeting`: the words behind that name.
    - `extensions`: keywords of the table of extensions, or rows of your own; all rows by default.
    - `limits`, `lenient`: see `Limits` and `Lenient`.
    - `bare_line_ends`: what a CR or LF alone does in a command: `"reject"` answers the command
      500 5.5.2 (RFC 5321 2.3.8 forbids them), `"accept"` takes each for the end of the line.  Neither
      ever ends content: only CRLF.CRLF does.
    - `strict`: content with a bare CR, a bare LF or a NUL is answered 550 5.5.2, and not kept.
    - `lmtp`: the dialogue is LMTP's (RFC 2033).
    - `tls`: `"none"`, `"offered"` by STARTTLS (RFC 3207), or `"on"` already; `"stripped"` leaves STARTTLS out
      of the reply to EHLO, and `"refused"` answers it 454.
    - `tls_required`: before STARTTLS no mail is taken, and no credentials.
    - `client_certificates`: TLS asks clients for theirs, so EXTERNAL can be offered.
    - `channel_bindings`: the server's certificate is known, so SCRAM-…-PLUS can be.
    - `auth`: who may authenticate; see `Auth`.  `raised(error)` says what to reply where a function in it raises.
    - `xclient`: the client is a proxy that is trusted to say XCLIENT.

    Raises `ValueError` for an unknown extension, or another word for `bare_line_ends`.
    """

    __slots__ = (
        "_given",
        "accepts_bare_line_ends",
        "auth",
        "binds",
        "chunking",
        "ehlo",
        "enhanced",
        "extensions",
        "grammar",
        "greeting",
        "helo",
        "hostname",
        "known",
        "lenient",
        "limits",
        "line_limits",
        "lmtp",
        "longest_line",
        "mail_values",
        "mechanisms",
        "raised",
        "rcpt_values",
        "starttls",
        "strict",
        "tls",
        "withheld",
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
        tls: Tls = "none",
        tls_required: bool = False,
        client_certificates: bool = False,
        channel_bindings: bool = False,
        auth: Auth | None = None,
        raised: Callable[[BaseException], Reply] | None = None,
        xclient: bool = False,
    ) -> None:
        self._given: dict[str, Any] = {
            "hostname": hostname, "greeting": greeting, "extensions": extensions, "limits": limits, "lenient": lenient,
            "bare_line_ends": bare_line_ends, "strict": strict, "lmtp": lmtp, "tls": tls, "tls_required": tls_required,
            "client_certificates": client_certificates, "channel_bindings": channel_bindings, "auth": auth,
            "raised": raised, "xclient": xclient,
        }  # fmt: skip
        if bare_line_ends not in ("reject", "accept"):
            raise ValueError(f'bare_line_ends is "reject" or "accept", not {bare_line_ends!r}')
        self.hostname: str = hostname
        self.limits: Limits = limits or Limits()
        self.lmtp: bool = lmtp
        self.tls: Tls = tls
        self.auth: Auth | None = auth
        self.raised: Callable[[BaseException], Reply] | None = raised
        self.starttls: bool = tls in {"offered", "stripped", "refused"}
        self.xclient: bool = xclient
        # What AUTH offers here: nothing, where a password would cross the wire in clear.
        self.mechanisms: tuple[str, ...] = ()
        needs_tls = tls_required and self.starttls
        in_clear = tls == "none" if auth is None or auth.in_clear is None else auth.in_clear
        if auth is not None and (tls == "on" or (in_clear and not needs_tls)):
            self.mechanisms = auth.offered(
                over_tls=tls == "on", client_certificates=client_certificates, channel_bindings=channel_bindings
            )
        self.lenient: Lenient = lenient or _STRICT
        self.accepts_bare_line_ends: bool = bare_line_ends == "accept"
        self.strict: bool = strict

        self.grammar: Grammar = _grammar(self.lenient)
        self.binds: bool = any(name.endswith("-PLUS") for name in self.mechanisms)
        rows = chosen_extensions(extensions)
        # By their rows: a row with nothing to offer here adds nothing to MAIL either.
        offers = [(row, line) for row in rows if (line := row.ehlo_line(self)) is not None]
        self.extensions: tuple[Extension, ...] = tuple(row for row, _ in offers)
        keywords = {row.keyword for row in self.extensions}
        self.enhanced: bool = "ENHANCEDSTATUSCODES" in keywords
        self.chunking: bool = "CHUNKING" in keywords
        # By what was said of EHLO and SMTPUTF8: lines, and the events that they are.
        self.known: dict[tuple[bool, bool], dict[bytes, Event]] = {
            (extended, utf8): {} for extended in (False, True) for utf8 in (False, True)
        }
        self.withheld: dict[str, Reply] = self._withheld(keywords, needs_tls=needs_tls)
        self.greeting: Reply = _reply(220, f"{hostname} {greeting}")
        self.helo: Reply = _reply(250, hostname)
        self.ehlo: Reply = _reply(250, hostname, *[line for _, line in offers])
        self.mail_values: Mapping[str, Value]
        self.rcpt_values: Mapping[str, Value]
        self.mail_values, self.rcpt_values = _parameters(self.extensions)

        # RFC 5321 4.5.3.1.4: an extension that adds parameters makes the command that much longer.
        usual = self.limits.command_line
        self.line_limits: dict[str, int] = {
            "MAIL": usual + sum(row.mail_octets for row in self.extensions),
            "RCPT": usual + sum(row.rcpt_octets for row in self.extensions),
        }
        if auth is not None:
            self.line_limits["AUTH"] = AUTH_LINE
        self.longest_line: int = max(self.line_limits.values())

    def _withheld(self, keywords: set[str], *, needs_tls: bool) -> dict[str, Reply]:
        """The verbs that are known, but not to be had here, and the reply to each."""
        withheld = {"LHLO": replies.SAY_EHLO}
        if self.lmtp:  # RFC 2033 4.1: EHLO and HELO are no commands of LMTP's
            withheld = {"EHLO": replies.SAY_LHLO, "HELO": replies.SAY_LHLO}
        if "HELP" not in keywords:
            withheld["HELP"] = replies.NOT_IMPLEMENTED
        if not self.starttls:
            withheld["STARTTLS"] = replies.ALREADY_TLS if self.tls == "on" else replies.NOT_IMPLEMENTED
        if self.auth is None:
            withheld["AUTH"] = replies.NOT_IMPLEMENTED
        if not self.xclient:
            withheld["XCLIENT"] = replies.NOT_RECOGNIZED
        if needs_tls:
            # RFC 3207 4: nothing but EHLO, NOOP, QUIT and STARTTLS; and RSET, which does no harm.
            others = ("HELO", "MAIL", "RCPT", "DATA", "BDAT", "VRFY", "EXPN", "HELP", "AUTH", "XCLIENT")
            withheld |= dict.fromkeys(others, replies.STARTTLS_FIRST)
        return withheld

    def but(self, **changes: object) -> Profile:
        """The same server in other circumstances: `profile.but(tls="on")` is what it is inside TLS."""
        if all(self._given[name] == value for name, value in changes.items()):
            return self
        return Profile(**(self._given | changes))


# Each test makes a server, and most of them the same one: these are values, and are made once.

_STRICT = Lenient()
_grammar = lru_cache(maxsize=16)(Grammar)
_reply = lru_cache(maxsize=64)(Reply)


@lru_cache(maxsize=16)
def _parameters(rows: tuple[Extension, ...]) -> tuple[Mapping[str, Value], Mapping[str, Value]]:
    """The parameters of MAIL, and those of RCPT."""
    return _values(row.mail for row in rows), _values(row.rcpt for row in rows)


def _values(tables: Iterable[Mapping[str, Value]]) -> dict[str, Value]:
    """One table of parameters out of several; words for one parameter (BODY's) come together."""
    merged: dict[str, Value] = {}
    for table in tables:
        for keyword, value in table.items():
            already = merged.get(keyword)
            if isinstance(already, frozenset) and isinstance(value, frozenset):
                merged[keyword] = already | value
            else:
                merged[keyword] = value
    return merged

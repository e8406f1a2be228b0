"""What one server is, worked out once for all its sessions: its name, its offers, its limits."""

from __future__ import annotations

from lazr.smtptest.protocol.smtp.address import Grammar
from lazr.smtptest.protocol.smtp.extension import chosen_extensions
from lazr.smtptest.protocol.smtp.leniency import Lenient
from lazr.smtptest.protocol.smtp.limits import Limits
from lazr.smtptest.protocol.smtp.reply import Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Literal

    from lazr.smtptest.protocol.smtp.event import Event
    from lazr.smtptest.protocol.smtp.extension import Extension, Value

__all__ = ["Profile"]


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

    Raises `ValueError` for an unknown extension, or another word for `bare_line_ends`.
    """

    __slots__ = (
        "accepts_bare_line_ends",
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
        "longest_line",
        "mail_values",
        "rcpt_values",
        "strict",
        "withheld",
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
    ) -> None:
        if bare_line_ends not in ("reject", "accept"):
            raise ValueError(f'bare_line_ends is "reject" or "accept", not {bare_line_ends!r}')
        self.hostname: str = hostname
        self.extensions: tuple[Extension, ...] = chosen_extensions(extensions)
        self.limits: Limits = limits or Limits()
        self.lenient: Lenient = lenient or Lenient()
        self.accepts_bare_line_ends: bool = bare_line_ends == "accept"
        self.strict: bool = strict

        self.grammar: Grammar = Grammar(self.lenient)
        keywords = {row.keyword for row in self.extensions}
        self.enhanced: bool = "ENHANCEDSTATUSCODES" in keywords
        self.chunking: bool = "CHUNKING" in keywords
        # By what was said of EHLO and SMTPUTF8: lines, and the events that they are.
        self.known: dict[tuple[bool, bool], dict[bytes, Event]] = {
            (extended, utf8): {} for extended in (False, True) for utf8 in (False, True)
        }
        self.withheld: frozenset[str] = frozenset({"HELP"}) - keywords
        self.greeting: Reply = Reply(220, f"{hostname} {greeting}")
        self.helo: Reply = Reply(250, hostname)
        self.ehlo: Reply = Reply(250, hostname, *filter(None, (row.ehlo_line(self.limits) for row in self.extensions)))
        self.mail_values: dict[str, Value] = _values(row.mail for row in self.extensions)
        self.rcpt_values: dict[str, Value] = _values(row.rcpt for row in self.extensions)

        # RFC 5321 4.5.3.1.4: an extension that adds parameters makes the command that much longer.
        usual = self.limits.command_line
        self.line_limits: dict[str, int] = {
            "MAIL": usual + sum(row.mail_octets for row in self.extensions),
            "RCPT": usual + sum(row.rcpt_octets for row in self.extensions),
        }
        self.longest_line: int = max(self.line_limits.values())


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

"""What a client did that an RFC advises against or forbids, although accepted.

The findings are computed from the entries of the transcript when they are read, not while mail is received.
"""

from __future__ import annotations

import re

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest.protocol.smtp.address import AddressGrammar
from lazr.smtptest.protocol.smtp.command_log import Exchange, iterate_exchanges
from lazr.smtptest.protocol.smtp.extensions import EXTENSIONS, SWITCHED_EXTENSIONS
from lazr.smtptest.protocol.smtp.leniency import Lenient
from lazr.smtptest.protocol.smtp.transcript import EARLY_INPUT_NOTE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any, Final

    from lazr.smtptest.protocol.smtp.address import Path
    from lazr.smtptest.protocol.smtp.transcript import ContentEnd

__all__ = ["FINDING_CODES", "Finding", "find_departures"]

# The code of each finding, and the section that it is about.
FINDING_CODES: dict[str, str] = {
    "early_input": "RFC 5321 4.3.1",
    "helo_instead_of_ehlo": "RFC 5321 4.1.1.1",
    "invalid_helo_name": "RFC 5321 4.1.1.1",
    "space_before_path": "RFC 5321 3.3",
    "path_without_brackets": "RFC 5321 4.1.2",
    "address_without_domain": "RFC 5321 4.1.2",
    "underscore_in_domain": "RFC 5321 4.1.2",
    "utf8_without_smtputf8": "RFC 6531 3.4",
    "parameters_after_helo": "RFC 5321 2.2.1",
    "unknown_parameter": "RFC 5321 4.1.1.11",
    "size_too_small": "RFC 1870 6.3",
    "eight_bit_without_8bitmime": "RFC 6152 3",
    "bare_line_end": "RFC 5321 2.3.8",
    "pipelining_not_offered": "RFC 2920 3.1",
    "pipelined_too_early": "RFC 2920 3.1",
    "no_quit": "RFC 5321 4.1.1.10",
}

_MAX_FINDINGS = 100
_MAX_TEXT_CHARACTERS = 80
_CONTENT = "content"
_STRICT_GRAMMAR = AddressGrammar(Lenient.none())
_PATH_ARGUMENT = re.compile(rb"(?:MAIL|RCPT)( +)(?:FROM|TO):( *)(<?)", re.IGNORECASE)
# RFC 2920 3.1: these can only be the last command in a group; RFC 3207 4 and RFC 4954 4 have the last two.
_LAST_IN_GROUP = frozenset({"EHLO", "HELO", "LHLO", "DATA", "VRFY", "EXPN", "QUIT", "NOOP", "STARTTLS", "AUTH"})


class Finding:
    """One departure of a client from an RFC.

    `session.findings` has those of a session.  They are about the dialogue; `mail.defects` is about the content.

    Args:
        code: The kind, such as `"no_quit"`; `FINDING_CODES` lists all.
        text: What the client did, as a sentence without a period.

    >>> finding = Finding("no_quit", "the client closed the connection without QUIT")
    >>> finding.rfc, str(finding)
    ('RFC 5321 4.1.1.10', 'the client closed the connection without QUIT (RFC 5321 4.1.1.10)')
    """

    __slots__ = ("code", "text")

    def __init__(self, code: str, text: str) -> None:
        self.code: Final = code
        self.text: Final = text

    @property
    def rfc(self) -> str:
        """The RFC and the section that the finding is about."""
        return FINDING_CODES[self.code]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Finding):
            return NotImplemented
        return (self.code, self.text) == (other.code, other.text)

    def __hash__(self) -> int:
        return hash((self.code, self.text))

    def __repr__(self) -> str:
        return f"<Finding {self.code}: {self}>"

    def __str__(self) -> str:
        return f"{self.text} ({self.rfc})"


def find_departures(entries: Sequence[Any], *, has_bare_line_ends: bool, ended: str | None) -> tuple[Finding, ...]:
    """Return the findings of a session so far, in order and without duplicates; at most 100.

    Args:
        entries: The entries of its transcript.
        has_bare_line_ends: Whether a command ended with a CR or an LF alone.
        ended: How the session ended, as in `SessionRecord`.
    """
    findings: dict[Finding, None] = {}
    if EARLY_INPUT_NOTE in entries:
        findings[Finding("early_input", EARLY_INPUT_NOTE)] = None
    for finding in _Examination().iterate_findings(entries):
        findings[finding] = None
        if len(findings) == _MAX_FINDINGS:
            return tuple(findings)
    if has_bare_line_ends:
        findings[Finding("bare_line_end", "a command ended with a CR or an LF alone")] = None
    if ended in ("EOF", "reset"):
        findings[Finding("no_quit", "the client closed the connection without QUIT")] = None
    return tuple(findings)


class _Examination:
    """One pass over the dialogue, with what the client knows at each point."""

    def __init__(self) -> None:
        self._offered: frozenset[str] | None = None  # the keywords of the last reply to EHLO; None after HELO
        self._is_ehlo_refused = False
        self._mail_parameters: Mapping[str, str] = {}
        self._announced_size: int | None = None
        self._previous: Exchange | None = None

    def iterate_findings(self, entries: Iterable[Any]) -> Iterator[Finding]:
        """Yield the findings in the order of the dialogue."""
        for exchange in iterate_exchanges(entries):
            yield from self._check_pipelining(exchange)
            event, verb = exchange.event, exchange.event.verb
            is_accepted = exchange.reply is None or exchange.reply[:1] in (b"2", b"3")
            if verb == "END_OF_DATA":
                yield from self._check_content(event)
            elif not is_accepted:
                self._is_ehlo_refused |= _get_verb(event) == "EHLO"
            elif verb in ("EHLO", "HELO", "LHLO"):
                yield from self._check_greeting(verb, event.domain)
                self._offered = None if verb == "HELO" else _list_keywords(exchange.reply or b"")
            elif verb in ("MAIL", "RCPT"):
                if verb == "MAIL":
                    self._mail_parameters, self._announced_size = event.parameters, event.declared_size
                yield from self._check_path(exchange.line, verb, event.path)
                yield from self._check_parameters(verb, event.parameters)
            self._previous = exchange

    def _check_pipelining(self, exchange: Exchange) -> Iterator[Finding]:
        previous = self._previous
        if previous is None or not exchange.read_number or previous.read_number != exchange.read_number:
            return
        before, after = _get_verb(previous.event), _get_verb(exchange.event)
        if before == "BDAT" and after == _CONTENT:  # the last chunk ends the content
            return
        if self._offered is None or "PIPELINING" not in self._offered:
            text = f"{after} came before the reply to {before}, and the server offers no PIPELINING"
            yield Finding("pipelining_not_offered", text)
        elif before in _LAST_IN_GROUP:
            yield Finding("pipelined_too_early", f"{after} came before the reply to {before}")

    def _check_greeting(self, verb: str, domain: str) -> Iterator[Finding]:
        if verb == "HELO" and not self._is_ehlo_refused:
            yield Finding("helo_instead_of_ehlo", "the client sent HELO, and had not tried EHLO")
        if not _STRICT_GRAMMAR.is_valid_domain(domain):
            text = f"{verb} named {_shorten(domain)}, which is neither a domain nor an address literal"
            yield Finding("invalid_helo_name", text)

    def _check_path(self, line: bytes, verb: str, path: Path) -> Iterator[Finding]:
        mailbox, domain = path.mailbox, path.domain
        match = _PATH_ARGUMENT.match(line)
        if match is not None and (len(match[1]) > 1 or match[2]):
            where = "after the colon" if match[2] else "after the verb"
            yield Finding("space_before_path", f"{verb} has a space too many {where}")
        if match is not None and not match[3]:
            yield Finding("path_without_brackets", f"the address of {verb} has no brackets: {_shorten(mailbox)}")
        if mailbox and not domain and mailbox.lower() != "postmaster":
            yield Finding("address_without_domain", f"the address of {verb} has no domain: {_shorten(mailbox)}")
        if "_" in domain and not domain.startswith("["):
            yield Finding("underscore_in_domain", f"the domain of {verb} has an underscore: {_shorten(domain)}")
        if not mailbox.isascii() and "SMTPUTF8" not in self._mail_parameters:
            yield Finding("utf8_without_smtputf8", f"{verb} has a non-ASCII address, and MAIL had no SMTPUTF8")

    def _check_parameters(self, verb: str, parameters: Iterable[str]) -> Iterator[Finding]:
        for name in parameters:
            if self._offered is None:
                text = f"{verb} has the parameter {_shorten(name)}, and the client sent HELO"
                yield Finding("parameters_after_helo", text)
            elif not self._is_parameter_offered(verb, name):
                text = f"{verb} has the parameter {_shorten(name)}, which no offered extension has"
                yield Finding("unknown_parameter", text)

    def _is_parameter_offered(self, verb: str, name: str) -> bool:
        offered = self._offered or frozenset()
        keywords = _KEYWORDS_BY_PARAMETER.get((verb, name))
        if keywords is None:  # perhaps it belongs to an extension of the user
            return not offered <= _KNOWN_KEYWORDS
        return not keywords.isdisjoint(offered)

    def _check_content(self, content: ContentEnd) -> Iterator[Finding]:
        announced = self._announced_size
        if announced and announced < content.size:
            text = f"MAIL announced SIZE={announced}, and the content has {content.size} octets"
            yield Finding("size_too_small", text)
        body = self._mail_parameters.get("BODY")
        if content.is_8bit and body not in ("8BITMIME", "BINARYMIME"):
            yield Finding("eight_bit_without_8bitmime", "the content has 8-bit octets, and MAIL had no BODY=8BITMIME")
        if content.has_bare_line_end and body != "BINARYMIME":
            yield Finding("bare_line_end", "the content has an LF alone")


# The keywords of the extensions that have a parameter.
_KNOWN_KEYWORDS = frozenset(row.keyword for row in (*EXTENSIONS, *SWITCHED_EXTENSIONS))
_KEYWORDS_BY_PARAMETER: dict[tuple[str, str], frozenset[str]] = {}
for _row in (*EXTENSIONS, *SWITCHED_EXTENSIONS):
    for _verb, _names in (("MAIL", _row.mail), ("RCPT", _row.rcpt)):
        for _name in _names:
            _earlier = _KEYWORDS_BY_PARAMETER.get((_verb, _name), frozenset())
            _KEYWORDS_BY_PARAMETER[_verb, _name] = _earlier | {_row.keyword}


def _get_verb(event: Any) -> str:
    if event.verb in ("MALFORMED", "UNKNOWN"):
        return event.command or "an invalid line"
    return _CONTENT if event.verb == "END_OF_DATA" else str(event.verb)


def _list_keywords(ehlo_reply: bytes) -> frozenset[str]:
    """Return the keywords of a reply to EHLO; its first line has the name of the server."""
    lines = ehlo_reply.decode("latin-1").split("\r\n")[1:]
    return frozenset(line[4:].partition(" ")[0].upper() for line in lines if line)


def _shorten(text: str) -> str:
    return escape_unprintable(text if len(text) <= _MAX_TEXT_CHARACTERS else text[:_MAX_TEXT_CHARACTERS] + "…")

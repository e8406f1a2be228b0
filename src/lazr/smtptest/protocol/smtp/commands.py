"""Parse command lines: for each verb, the grammar that turns its argument into an event."""

from __future__ import annotations

from types import MappingProxyType

from lazr.smtptest._util.lazy_pattern import compile_lazily
from lazr.smtptest.protocol.smtp import events, standard_replies
from lazr.smtptest.protocol.smtp.address import Path
from lazr.smtptest.protocol.smtp.extensions import XCLIENT_ATTRIBUTES, decode_xtext
from lazr.smtptest.protocol.smtp.reply import CommandRefused, Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from lazr.smtptest.protocol.smtp.extensions import ParameterSyntax
    from lazr.smtptest.protocol.smtp.server_settings import ServerSettings

    ParseArgument = Callable[[str, "GrammarContext"], events.Event]

    class GrammarContext(Protocol):
        """The facts of a session that its grammar depends on."""

        @property
        def settings(self) -> ServerSettings:
            """The settings of the server."""

        @property
        def is_esmtp(self) -> bool:
            """Whether the client sent EHLO, so it may use parameters."""

        @property
        def has_smtputf8(self) -> bool:
            """Whether MAIL had the parameter SMTPUTF8, so addresses may use UTF-8."""


__all__ = [
    "ARGUMENT_PARSERS",
    "UNIMPLEMENTED_VERBS",
    "extract_verb",
    "is_bdat_like",
    "is_http_request_line",
    "parse_auth",
    "parse_bdat",
]

# RFC 5321 4.2.4: known verbs that are not implemented here get 502, all others 500.
UNIMPLEMENTED_VERBS = frozenset({"TURN", "ETRN", "ATRN", "SEND", "SOML", "SAML", "BURL"})

_CONTROL_CHARACTER = compile_lazily(r"[\x00-\x1f\x7f]")
_HTTP_REQUEST_LINE = compile_lazily(r"(?ia)(?:GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH) \S+ HTTP/[0-9]")
_PARAMETER_KEYWORD = compile_lazily("[A-Za-z0-9][A-Za-z0-9-]*")
# RFC 5321 4.1.2: esmtp-value = 1*(%d33-60 / %d62-126), and RFC 6531 3.3 adds UTF-8.
_PARAMETER_VALUE = compile_lazily("[^\x00-\x20=\x7f]+")
_BDAT_ARGUMENT = compile_lazily("(?ia)([0-9]{1,20})(?: (LAST))?")
# BDAT after white space or another invalid byte, or without a space after the verb.
_BDAT_LIKE = compile_lazily(rb"(?i)[\x00-\x20\x7f-\xff]*BDAT")
# RFC 4422 3.1: sasl-mech; in any letter case here.  RFC 4648 4: base64, with its padding.
_AUTH_ARGUMENT = compile_lazily("([A-Za-z0-9_-]{1,20})(?: +([^ ]+))?")
_IPV6_TAG = compile_lazily("(?i)^IPV6:")
# Fast path for simple addresses, which the grammar of every server accepts.
_SIMPLE_PATH_PATTERN = r"<([A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9]+(?:[.-][A-Za-z0-9]+)*)>"
_SIMPLE_MAIL_ARGUMENT = compile_lazily(f"[Ff][Rr][Oo][Mm]:{_SIMPLE_PATH_PATTERN}")
_SIMPLE_RCPT_ARGUMENT = compile_lazily(f"[Tt][Oo]:{_SIMPLE_PATH_PATTERN}")
_NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})


def extract_verb(line: bytes) -> str:
    """Return the verb of an untrusted line, or ""."""
    word = line[:10].partition(b" ")[0]
    return word.decode("ascii").upper() if word.isalnum() else ""


def is_bdat_like(line: bytes) -> bool:
    """Whether a chunk may follow this line, although it is malformed (RFC 3030 2)."""
    return _BDAT_LIKE.match(line) is not None


def is_http_request_line(line: str) -> bool:
    """Whether the line is an HTTP request, as a web page can make a browser send it."""
    return _HTTP_REQUEST_LINE.match(line) is not None


def _parse_mail(argument: str, context: GrammarContext) -> events.Mail:
    plain = _SIMPLE_MAIL_ARGUMENT.fullmatch(argument)
    if plain is not None:
        return events.Mail(Path(plain[1]), _NO_PARAMETERS)
    argument = _strip_leading_space(argument, context)
    if argument[:5].upper() != "FROM:":
        raise CommandRefused(Reply(501, "5.5.4", "Syntax: MAIL FROM:<address> [parameters]"))
    found = context.settings.grammar.match_path(argument, 5, reverse=True)
    if found is None:
        raise CommandRefused(_build_path_error("5.1.7", "sender", context))
    path, end = found
    parameters = _NO_PARAMETERS
    if end != len(argument):
        parameters = _parse_parameters(argument[end:], context, context.settings.mail_parameters)
    if not path.mailbox.isascii():
        _require_smtputf8(context, 550, has_smtputf8="SMTPUTF8" in parameters)
    return events.Mail(path, parameters)


def _parse_rcpt(argument: str, context: GrammarContext) -> events.Rcpt:
    plain = _SIMPLE_RCPT_ARGUMENT.fullmatch(argument)
    if plain is not None:
        return events.Rcpt(Path(plain[1]), _NO_PARAMETERS)
    argument = _strip_leading_space(argument, context)
    if argument[:3].upper() != "TO:":
        raise CommandRefused(Reply(501, "5.5.4", "Syntax: RCPT TO:<address> [parameters]"))
    found = context.settings.grammar.match_path(argument, 3)
    if found is None:
        raise CommandRefused(_build_path_error("5.1.3", "recipient", context))
    path, end = found
    parameters = _NO_PARAMETERS
    if end != len(argument):
        parameters = _parse_parameters(argument[end:], context, context.settings.rcpt_parameters)
    if not path.mailbox.isascii():
        _require_smtputf8(context, 553, has_smtputf8=context.has_smtputf8)
    return events.Rcpt(path, parameters)


def _build_path_error(enhanced: str, whose: str, context: GrammarContext) -> Reply:
    is_strict = not context.settings.lenient.space_before_path
    where = "must follow the colon directly" if is_strict else "must follow the colon"
    return Reply(501, enhanced, f"Bad {whose} address syntax; <local-part@domain> {where}")


def _strip_leading_space(argument: str, context: GrammarContext) -> str:
    return argument.lstrip(" ") if context.settings.lenient.space_before_path else argument


def _require_smtputf8(context: GrammarContext, code: int, *, has_smtputf8: bool) -> None:
    """Refuse a non-ASCII address unless MAIL had SMTPUTF8, by the code of RFC 6531 3.5."""
    if not has_smtputf8 and not context.settings.lenient.eight_bit_without_smtputf8:
        raise CommandRefused(Reply(code, "5.6.7", "A non-ASCII address needs SMTPUTF8 on MAIL (RFC 6531)"))


def _parse_parameters(text: str, context: GrammarContext, values: Mapping[str, ParameterSyntax]) -> Mapping[str, str]:
    """Parse the parameters of MAIL or RCPT; their extensions validate them (RFC 5321 4.1.2)."""
    # RFC 5321 4.1.2: the separator is SP; str.split() without an argument would split at a bare LF too.
    words = [word for word in text.split(" ") if word]
    lenient = context.settings.lenient
    if words and not context.is_esmtp and not lenient.parameters_after_helo:
        raise CommandRefused(Reply(555, "5.5.4", "Parameters need EHLO first"))
    parameters: dict[str, str] = {}
    for word in words:
        keyword, equals, value = word.partition("=")
        if _PARAMETER_KEYWORD.fullmatch(keyword) is None or (equals and _PARAMETER_VALUE.fullmatch(value) is None):
            raise CommandRefused(Reply(501, "5.5.4", "Bad parameter syntax; KEYWORD or KEYWORD=value"))
        keyword = keyword.upper()
        if keyword in parameters:
            raise CommandRefused(Reply(501, "5.5.4", f"{keyword} appears twice"))
        rule = values.get(keyword)
        if rule is None:
            if not lenient.unknown_parameters:
                raise CommandRefused(Reply(555, "5.5.4", f"{keyword} is not a parameter offered here"))
        elif isinstance(rule, frozenset):
            value = value.upper() if value.isascii() else value
            if value not in rule:
                raise CommandRefused(Reply(501, "5.5.4", f"{keyword} must be one of {', '.join(sorted(rule))}"))
        else:
            value = rule(value)
        parameters[keyword] = value
    return parameters


def _parse_domain(argument: str, context: GrammarContext) -> str:
    """Return the client's name for itself, a Domain or an address-literal (RFC 5321 4.1.1.1)."""
    argument = argument.strip(" ")
    settings = context.settings
    if not argument or not settings.grammar.is_valid_domain(argument):
        well_formed = argument.isprintable() and " " not in argument
        if not (argument and well_formed and settings.lenient.any_helo_domain):
            raise CommandRefused(Reply(501, "5.5.4", "Say EHLO or HELO with your domain name"))
    return argument


def _parse_ehlo(argument: str, context: GrammarContext) -> events.Ehlo:
    return events.Ehlo(_parse_domain(argument, context))


def _parse_helo(argument: str, context: GrammarContext) -> events.Helo:
    return events.Helo(_parse_domain(argument, context))


def _parse_lhlo(argument: str, context: GrammarContext) -> events.Lhlo:
    return events.Lhlo(_parse_domain(argument, context))


def parse_auth(argument: str) -> tuple[str, str | None]:
    """Return the mechanism, in capitals, and the initial response, or None (RFC 4954 4)."""
    match = _AUTH_ARGUMENT.fullmatch(argument.strip(" "))
    if match is None:
        raise CommandRefused(standard_replies.AUTH_SYNTAX)
    return match[1].upper(), match[2]


def _parse_xclient(argument: str, context: GrammarContext) -> events.Xclient:
    """Parse the facts about the client behind a proxy: `ADDR=192.0.2.1 NAME=[UNAVAILABLE]`."""
    attributes: dict[str, str | None] = {}
    for word in argument.split():
        name, equals, value = word.partition("=")
        name = name.upper()
        if not equals or name not in XCLIENT_ATTRIBUTES or name in attributes:
            raise CommandRefused(
                Reply(501, "5.5.4", f"XCLIENT: expected NAME=value, each once, of {' '.join(XCLIENT_ATTRIBUTES)}")
            )
        try:
            decoded = decode_xtext(value)
        except ValueError:
            decoded = ""
        if not decoded or not decoded.isprintable():
            raise CommandRefused(Reply(501, "5.5.4", f"XCLIENT: {name} must be a value in xtext"))
        if name in {"ADDR", "DESTADDR"}:
            decoded = _IPV6_TAG.sub("", decoded)
        elif name in {"PORT", "DESTPORT"} and decoded[0] != "[" and not _is_port(decoded):
            raise CommandRefused(Reply(501, "5.5.4", f"XCLIENT: {name} must be a port number"))
        attributes[name] = None if decoded.upper() in {"[UNAVAILABLE]", "[TEMPUNAVAIL]"} else decoded
    if not attributes:
        raise CommandRefused(Reply(501, "5.5.4", "Syntax: XCLIENT attribute=value ..."))
    return events.Xclient(MappingProxyType(attributes))


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 6 and int(text) < 65536


def parse_bdat(argument: str) -> events.Bdat:
    """Parse the chunk-size, and LAST for the last chunk (RFC 3030 2)."""
    match = _BDAT_ARGUMENT.fullmatch(argument)
    if match is None:
        raise CommandRefused(Reply(501, "5.5.4", "Syntax: BDAT octets [LAST]"))
    return events.Bdat(int(match[1]), last=match[2] is not None)


def _make_no_argument_parser(verb: str, event_value: events.Event) -> ParseArgument:
    """Build the parser of a verb that takes no argument (RFC 5321 4.3.2, RFC 3207 4)."""

    def parse(argument: str, context: GrammarContext) -> events.Event:
        if argument.strip(" "):  # RFC 5321 4.1.1: servers tolerate trailing white space
            raise CommandRefused(Reply(501, "5.5.4", f"{verb} takes no argument"))
        return event_value

    return parse


def _make_text_parser(make_event: Callable[[str], events.Event], required_syntax: str = "") -> ParseArgument:
    """Build the parser of a verb with one string; `required_syntax` forbids an empty one."""

    def parse(argument: str, context: GrammarContext) -> events.Event:
        argument = argument.strip(" ")
        if required_syntax and not argument:
            raise CommandRefused(Reply(501, "5.5.4", f"Syntax: {required_syntax}"))
        if _CONTROL_CHARACTER.search(argument) is not None:
            raise CommandRefused(Reply(501, "5.5.4", "Control characters are not allowed"))
        return make_event(argument)

    return parse


def _parse_expn(argument: str, context: GrammarContext) -> events.Expn:
    """Accept any argument: the reply is 502, not 501 (RFC 5321 4.2.4)."""
    return events.Expn(_CONTROL_CHARACTER.sub(" ", argument).strip(" "))


ARGUMENT_PARSERS: dict[str, ParseArgument] = {
    "EHLO": _parse_ehlo,
    "HELO": _parse_helo,
    "LHLO": _parse_lhlo,
    "STARTTLS": _make_no_argument_parser("STARTTLS", events.StartTls()),
    "XCLIENT": _parse_xclient,
    "MAIL": _parse_mail,
    "RCPT": _parse_rcpt,
    "DATA": _make_no_argument_parser("DATA", events.Data()),
    "RSET": _make_no_argument_parser("RSET", events.Rset()),
    "NOOP": _make_text_parser(events.Noop),
    "VRFY": _make_text_parser(events.Vrfy, "VRFY address"),
    "EXPN": _parse_expn,
    "HELP": _make_text_parser(events.Help),
    "QUIT": _make_no_argument_parser("QUIT", events.Quit()),
}

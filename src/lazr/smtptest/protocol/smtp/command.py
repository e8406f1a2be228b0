"""Command lines: a table of verbs, and for each the grammar that turns its argument into an event."""

from __future__ import annotations

import re
from types import MappingProxyType

from lazr.smtptest.protocol.smtp import event, replies
from lazr.smtptest.protocol.smtp.address import Path
from lazr.smtptest.protocol.smtp.extension import XCLIENT_ATTRIBUTES, xtext_decode
from lazr.smtptest.protocol.smtp.reply import Refused, Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lazr.smtptest.protocol.smtp.extension import Value
    from lazr.smtptest.protocol.smtp.profile import Profile

    Parse = Callable[[str, "Context"], event.Event]

__all__ = ["COMMANDS", "NOT_OFFERED", "Context", "looks_like_http", "masked", "parse_auth", "parse_bdat"]

# RFC 5321 4.2.4: 502 is for verbs that are known, and not implemented here; 500 for all others.
NOT_OFFERED = frozenset({"TURN", "ETRN", "ATRN", "SEND", "SOML", "SAML", "BURL"})

_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_HTTP = re.compile(r"(?:GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH) \S+ HTTP/[0-9]", re.IGNORECASE | re.ASCII)
_KEYWORD = re.compile("[A-Za-z0-9][A-Za-z0-9-]*")
# RFC 5321 4.1.2: esmtp-value = 1*(%d33-60 / %d62-126), and RFC 6531 3.3 adds UTF-8.
_VALUE = re.compile("[^\x00-\x20=\x7f]+")
_CHUNK = re.compile("([0-9]{1,20})(?: (LAST))?", re.IGNORECASE | re.ASCII)
# Only these words are sure to be no password; somebody may have left the mechanism out.
_MECHANISM = (
    rb"PLAIN|LOGIN|(?:CRAM|DIGEST)-MD5|SCRAM-SHA-[0-9]+(?:-PLUS)?|XOAUTH2|OAUTHBEARER|EXTERNAL|ANONYMOUS|NTLM|GSSAPI"
)
# AUTH may have lost its way: behind a bare line end or another octet that should not be there, or as XAUTH.
_SECRET = re.compile(
    rb"(?:\A[ \t]*|[\x00-\x08\x0a-\x1f\x7f-\xff][ \t]*)[A-Z]{0,8}?AUTH(?: +(?:%s)(?![!-~]))?" % _MECHANISM,
    re.IGNORECASE,
)
# RFC 4422 3.1: sasl-mech; in any letter case here.  RFC 4648 4: base64, with its padding.
_AUTH = re.compile("([A-Za-z0-9_-]{1,20})(?: +([^ ]+))?")
# Most paths are as plain as this, which every server's grammar has; the rest takes the long way.
_PLAIN = r"<([A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9]+(?:[.-][A-Za-z0-9]+)*)>"
_PLAIN_FROM = re.compile(f"[Ff][Rr][Oo][Mm]:{_PLAIN}")
_PLAIN_TO = re.compile(f"[Tt][Oo]:{_PLAIN}")
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Context:
    """What of the session's past the grammar depends on."""

    __slots__ = ("extended", "profile", "utf8")

    def __init__(self, profile: Profile) -> None:
        self.profile: Profile = profile
        self.extended: bool = False  # the client said EHLO, so it may use parameters
        self.utf8: bool = False  # MAIL said SMTPUTF8, so addresses may use UTF-8


def looks_like_http(line: str) -> bool:
    """Whether a browser, or somebody by way of one, is talking to us."""
    return _HTTP.match(line) is not None


def _mail(argument: str, context: Context) -> event.Mail:
    plain = _PLAIN_FROM.fullmatch(argument)
    if plain is not None:
        return event.Mail(Path(plain[1]), _NOTHING)
    argument = _without_leading_space(argument, context)
    if argument[:5].upper() != "FROM:":
        raise Refused(Reply(501, "5.5.4", "Syntax: MAIL FROM:<address> [parameters]"))
    found = context.profile.grammar.path(argument, 5, reverse=True)
    if found is None:
        raise Refused(Reply(501, "5.1.7", "Bad sender address syntax; <local-part@domain>, right behind the colon"))
    path, end = found
    parameters = _NOTHING
    if end != len(argument):
        parameters = _parameters(argument[end:], context, context.profile.mail_values)
    if not path.mailbox.isascii():
        _needs_utf8(context, said="SMTPUTF8" in parameters)
    return event.Mail(path, parameters)


def _rcpt(argument: str, context: Context) -> event.Rcpt:
    plain = _PLAIN_TO.fullmatch(argument)
    if plain is not None:
        return event.Rcpt(Path(plain[1]), _NOTHING)
    argument = _without_leading_space(argument, context)
    if argument[:3].upper() != "TO:":
        raise Refused(Reply(501, "5.5.4", "Syntax: RCPT TO:<address> [parameters]"))
    found = context.profile.grammar.path(argument, 3)
    if found is None:
        raise Refused(Reply(501, "5.1.3", "Bad recipient address syntax; <local-part@domain>, right behind the colon"))
    path, end = found
    parameters = _NOTHING
    if end != len(argument):
        parameters = _parameters(argument[end:], context, context.profile.rcpt_values)
    if not path.mailbox.isascii():
        _needs_utf8(context, said=context.utf8)
    return event.Rcpt(path, parameters)


def _without_leading_space(argument: str, context: Context) -> str:
    return argument.lstrip(" ") if context.profile.lenient.space_before_path else argument


def _needs_utf8(context: Context, *, said: bool) -> None:
    """RFC 6531 3.4: an address that is not ASCII is welcome only where MAIL says SMTPUTF8."""
    if not said and not context.profile.lenient.eight_bit_without_smtputf8:
        raise Refused(Reply(553, "5.6.7", "A non-ASCII address needs SMTPUTF8 on MAIL (RFC 6531)"))


def _parameters(text: str, context: Context, values: Mapping[str, Value]) -> Mapping[str, str]:
    """RFC 5321 4.1.2: Mail-parameters and Rcpt-parameters, validated by their extensions."""
    # RFC 5321 4.1.2: SP is what separates them; str.split() alone would take a bare LF for one too.
    words = [word for word in text.split(" ") if word]
    lenient = context.profile.lenient
    if words and not context.extended and not lenient.parameters_after_helo:
        raise Refused(Reply(555, "5.5.4", "Parameters need EHLO first"))
    parameters: dict[str, str] = {}
    for word in words:
        keyword, equals, value = word.partition("=")
        if _KEYWORD.fullmatch(keyword) is None or (equals and _VALUE.fullmatch(value) is None):
            raise Refused(Reply(501, "5.5.4", "Bad parameter syntax; KEYWORD or KEYWORD=value"))
        keyword = keyword.upper()
        if keyword in parameters:
            raise Refused(Reply(501, "5.5.4", f"{keyword} is given twice"))
        rule = values.get(keyword)
        if rule is None:
            if not lenient.unknown_parameters:
                raise Refused(Reply(555, "5.5.4", f"{keyword} is not a parameter that is offered here"))
        elif isinstance(rule, frozenset):
            value = value.upper() if value.isascii() else value
            if value not in rule:
                raise Refused(Reply(501, "5.5.4", f"{keyword} wants one of {', '.join(sorted(rule))}"))
        else:
            value = rule(value)
        parameters[keyword] = value
    return parameters


def _domain(argument: str, context: Context) -> str:
    """RFC 5321 4.1.1.1: the client's name, a Domain or an address-literal."""
    argument = argument.strip(" ")
    profile = context.profile
    if not argument or not profile.grammar.domain_is_valid(argument):
        well_formed = argument.isprintable() and " " not in argument
        if not (argument and well_formed and profile.lenient.any_helo_domain):
            raise Refused(Reply(501, "5.5.4", "Say EHLO or HELO with your domain name"))
    return argument


def _ehlo(argument: str, context: Context) -> event.Ehlo:
    return event.Ehlo(_domain(argument, context))


def _helo(argument: str, context: Context) -> event.Helo:
    return event.Helo(_domain(argument, context))


def _lhlo(argument: str, context: Context) -> event.Lhlo:
    return event.Lhlo(_domain(argument, context))


def parse_auth(argument: str) -> tuple[str, str | None]:
    """RFC 4954 4: the mechanism, in capitals, and the initial response, if there is one."""
    match = _AUTH.fullmatch(argument.strip(" "))
    if match is None:
        raise Refused(replies.AUTH_SYNTAX)
    return match[1].upper(), match[2]


def masked(line: bytes) -> bytes:
    """A command line as it may be shown: of AUTH nothing but the mechanism, for the rest may be a password."""
    match = _SECRET.search(line)
    return line if match is None or match.end() == len(line) else line[: match.end()] + b" ***"


def _xclient(argument: str, context: Context) -> event.Xclient:
    """The attributes of a client that this one speaks for: `ADDR=192.0.2.1 NAME=[UNAVAILABLE]`."""
    attributes: dict[str, str | None] = {}
    for word in argument.split():
        name, equals, value = word.partition("=")
        name = name.upper()
        if not equals or name not in XCLIENT_ATTRIBUTES or name in attributes:
            raise Refused(Reply(501, "5.5.4", f"XCLIENT wants NAME=value once each, of {' '.join(XCLIENT_ATTRIBUTES)}"))
        try:
            decoded = xtext_decode(value)
        except ValueError:
            decoded = ""
        if not decoded or not decoded.isprintable():
            raise Refused(Reply(501, "5.5.4", f"XCLIENT: {name} wants a value in xtext"))
        if name in {"ADDR", "DESTADDR"}:
            decoded = re.sub("(?i)^IPV6:", "", decoded)
        elif name in {"PORT", "DESTPORT"} and decoded[0] != "[" and not _is_port(decoded):
            raise Refused(Reply(501, "5.5.4", f"XCLIENT: {name} wants a port number"))
        attributes[name] = None if decoded.upper() in {"[UNAVAILABLE]", "[TEMPUNAVAIL]"} else decoded
    if not attributes:
        raise Refused(Reply(501, "5.5.4", "Syntax: XCLIENT attribute=value ..."))
    return event.Xclient(MappingProxyType(attributes))


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 6 and int(text) < 65536


def parse_bdat(argument: str) -> event.Bdat:
    """RFC 3030 2: chunk-size, and LAST for the last one."""
    match = _CHUNK.fullmatch(argument)
    if match is None:
        raise Refused(Reply(501, "5.5.4", "Syntax: BDAT octets [LAST]"))
    return event.Bdat(int(match[1]), last=match[2] is not None)


def _no_argument(verb: str, value: event.Event) -> Parse:
    """RFC 5321 4.3.2: RSET, DATA and QUIT take no argument, nor does STARTTLS (RFC 3207 4)."""

    def parse(argument: str, context: Context) -> event.Event:
        if argument.strip(" "):  # RFC 5321 4.1.1: trailing white space is to be tolerated
            raise Refused(Reply(501, "5.5.4", f"{verb} takes no argument"))
        return value

    return parse


def _text(make: Callable[[str], event.Event], wanted: str = "") -> Parse:
    """One string, which may be missing unless we say what is wanted."""

    def parse(argument: str, context: Context) -> event.Event:
        argument = argument.strip(" ")
        if wanted and not argument:
            raise Refused(Reply(501, "5.5.4", f"Syntax: {wanted}"))
        if _CONTROLS.search(argument) is not None:
            raise Refused(Reply(501, "5.5.4", "Control characters are not welcome"))
        return make(argument)

    return parse


COMMANDS: dict[str, Parse] = {
    "EHLO": _ehlo,
    "HELO": _helo,
    "LHLO": _lhlo,
    "STARTTLS": _no_argument("STARTTLS", event.StartTls()),
    "XCLIENT": _xclient,
    "MAIL": _mail,
    "RCPT": _rcpt,
    "DATA": _no_argument("DATA", event.Data()),
    "RSET": _no_argument("RSET", event.Rset()),
    "NOOP": _text(event.Noop),
    "VRFY": _text(event.Vrfy, "VRFY address"),
    "EXPN": _text(event.Expn, "EXPN list"),
    "HELP": _text(event.Help),
    "QUIT": _no_argument("QUIT", event.Quit()),
}

"""The SMTP extensions, as a table of keywords, RFCs, EHLO arguments and parameters."""

from __future__ import annotations

from lazr.smtptest._util.lazy_pattern import compile_lazily
from lazr.smtptest._util.suggestion import describe_unknown
from lazr.smtptest.protocol.smtp.reply import CommandRefused, Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Protocol

    from lazr.smtptest.protocol.smtp.limits import Limits

    class EhloFacts(Protocol):
        """The facts about a server that its EHLO keywords show; `ServerSettings` has them."""

        @property
        def limits(self) -> Limits:
            """The limits; SIZE and LIMITS show two of them."""

        @property
        def has_starttls(self) -> bool:
            """Whether STARTTLS is available."""

        @property
        def starttls_fault(self) -> str | None:
            """The fault of STARTTLS, as in `ServerSettings`."""

        @property
        def tls_active(self) -> bool:
            """Whether the session is inside TLS."""

        @property
        def mechanisms(self) -> tuple[str, ...]:
            """The mechanisms that AUTH offers."""

        @property
        def xclient(self) -> bool:
            """Whether XCLIENT is offered."""

    # The value of a parameter: one of these words, or what this function parses.
    ParameterSyntax = frozenset[str] | Callable[[str], str]

__all__ = [
    "EXTENSIONS",
    "SWITCHED_EXTENSIONS",
    "XCLIENT_ATTRIBUTES",
    "Extension",
    "decode_xtext",
    "select_extensions",
]

_SIZE = compile_lazily("[0-9]{1,20}")  # RFC 1870 6
# RFC 3461 4: xchar is any CHAR from ! to ~ but + and =.  RFC 6533 adds UTF-8 to addresses.
_XTEXT = compile_lazily(r"(?:[^\x00-\x20+=\x7f]|\+[0-9A-F]{2})*")
_HEX_CHARACTER = compile_lazily(r"\+([0-9A-F]{2})")
_ADDRESS_TYPE = compile_lazily("[A-Za-z0-9-]+")


def _build_syntax_error(text: str) -> CommandRefused:
    return CommandRefused(Reply(501, "5.5.4", text))


def parse_size(value: str) -> str:
    """Return a size-value, 1 to 20 digits (RFC 1870 6)."""
    if _SIZE.fullmatch(value) is None:
        raise _build_syntax_error("SIZE must be a number of octets, at most 20 digits")
    return value


def require_no_value(value: str) -> str:
    """Return the empty value of a keyword that stands alone."""
    if value:
        raise _build_syntax_error("This parameter takes no value")
    return value


def decode_xtext(text: str) -> str:
    """Decode xtext: `+` and two capital hexadecimal digits stand for an octet (RFC 3461 4).

    >>> decode_xtext("ann+2Btag@example.com")
    'ann+tag@example.com'

    Raises `ValueError` if the text is not xtext.
    """
    if _XTEXT.fullmatch(text) is None:
        raise ValueError(f"not xtext (RFC 3461 4): {text!r}")
    return _HEX_CHARACTER.sub(lambda match: chr(int(match[1], 16)), text)


def parse_envid(value: str) -> str:
    """Decode an ENVID: at most 100 characters of xtext, printable (RFC 3461 4.4)."""
    try:
        decoded = decode_xtext(value)
    except ValueError:
        decoded = ""
    if not value or len(value) > 100 or not (decoded.isascii() and decoded.isprintable() and decoded):
        raise _build_syntax_error("ENVID must be 1 to 100 characters of xtext")
    return decoded


def parse_notify(value: str) -> str:
    """Return NEVER alone, or a list of SUCCESS, FAILURE and DELAY, in capitals (RFC 3461 4.1)."""
    words = value.upper().split(",")
    if words != ["NEVER"] and not (set(words) <= {"SUCCESS", "FAILURE", "DELAY"} and len(set(words)) == len(words)):
        raise _build_syntax_error("NOTIFY must be NEVER, or a list of SUCCESS, FAILURE and DELAY")
    return ",".join(words)


def parse_orcpt(value: str) -> str:
    """Decode an ORCPT: address type, semicolon, address in xtext (RFC 3461 4.2)."""
    kind, semicolon, address = value.partition(";")
    try:
        decoded = decode_xtext(address)
    except ValueError:
        decoded = ""
    if (
        not semicolon
        or _ADDRESS_TYPE.fullmatch(kind) is None
        or len(value) > 500
        or not decoded
        or not decoded.isprintable()
    ):
        raise _build_syntax_error("ORCPT must be an address type, a semicolon and an address in xtext")
    return f"{kind};{decoded}"


class Extension:
    """One service extension (RFC 5321 2.2): a row of the table `EXTENSIONS`.

    A server can offer rows of your own too.

    Args:
        keyword: The keyword of the reply to EHLO.
        rfc: The RFC; None for extensions without one.
        argument: The text after the keyword in the reply to EHLO.  A function gets the `ServerSettings` and returns
            that text, or None if the extension is not offered.
        mail: The parameters that it adds to MAIL: a set of the allowed values, in capitals, or a function that
            parses a value and raises `CommandRefused`.
        rcpt: The parameters that it adds to RCPT.
        mail_octets: By how many bytes a MAIL command may be longer.
        rcpt_octets: By how many bytes a RCPT command may be longer.

    >>> Extension("X-TRACE", mail={"X-TRACE": frozenset({"ON"})}, mail_octets=11)
    Extension('X-TRACE')
    """

    __slots__ = ("argument", "keyword", "mail", "mail_octets", "rcpt", "rcpt_octets", "rfc")

    def __init__(
        self,
        keyword: str,
        *,
        rfc: int | None = None,
        argument: Callable[[EhloFacts], str | None] | str = "",
        mail: Mapping[str, ParameterSyntax] | None = None,
        rcpt: Mapping[str, ParameterSyntax] | None = None,
        mail_octets: int = 0,
        rcpt_octets: int = 0,
    ) -> None:
        if not isinstance(keyword, str):
            raise TypeError(f"the keyword of an extension must be a string, got {keyword!r}")
        if not keyword.isprintable() or len(keyword.split()) != 1:
            raise ValueError(f"the keyword of an extension must be one word, got {keyword!r}; argument= is the rest")
        self.keyword: str = keyword
        self.rfc: int | None = rfc
        self.argument: Callable[[EhloFacts], str | None] | str = argument
        self.mail: Mapping[str, ParameterSyntax] = mail or {}
        self.rcpt: Mapping[str, ParameterSyntax] = rcpt or {}
        self.mail_octets: int = mail_octets
        self.rcpt_octets: int = rcpt_octets

    def render_ehlo_line(self, facts: EhloFacts) -> str | None:
        """Return the line of the reply to EHLO; None if the server does not offer it."""
        argument = self.argument if isinstance(self.argument, str) else self.argument(facts)
        return None if argument is None else f"{self.keyword} {argument}".rstrip()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Extension):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        return hash((self.keyword, self.rfc))

    def __repr__(self) -> str:
        return f"Extension({self.keyword!r})"


def _render_size_argument(facts: EhloFacts) -> str:
    return str(facts.limits.message_size or 0)  # RFC 1870 4: 0 means no fixed maximum


def _render_limits_argument(facts: EhloFacts) -> str | None:
    max_recipients = facts.limits.recipients
    return None if max_recipients is None else f"RCPTMAX={max_recipients}"


def _render_starttls_argument(facts: EhloFacts) -> str | None:
    offered = facts.has_starttls and facts.starttls_fault != "stripped"
    return "" if offered else None  # RFC 3207 4.2: not offered inside TLS


def _render_requiretls_argument(facts: EhloFacts) -> str | None:
    return "" if facts.tls_active else None  # RFC 8689 2: offered only inside TLS


def _render_auth_argument(facts: EhloFacts) -> str | None:
    return " ".join(facts.mechanisms) or None


def _render_xclient_argument(facts: EhloFacts) -> str | None:
    return " ".join(XCLIENT_ATTRIBUTES) if facts.xclient else None


def parse_auth_mailbox(value: str) -> str:
    """Decode the submitter of a message: a mailbox in xtext, or `<>` (RFC 4954 5)."""
    if value == "<>":
        return value
    try:
        decoded = decode_xtext(value)
    except ValueError:
        decoded = ""
    if not decoded.isprintable() or not decoded:
        raise _build_syntax_error("AUTH must be a mailbox in xtext, or <>")
    return decoded


# The facts that a proxy may send about its client (postfix.org/XCLIENT_README.html).
XCLIENT_ATTRIBUTES = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT")


EXTENSIONS: tuple[Extension, ...] = (
    Extension("PIPELINING", rfc=2920),
    Extension("SIZE", rfc=1870, argument=_render_size_argument, mail={"SIZE": parse_size}, mail_octets=26),
    Extension("8BITMIME", rfc=6152, mail={"BODY": frozenset({"7BIT", "8BITMIME"})}, mail_octets=17),
    Extension("SMTPUTF8", rfc=6531, mail={"SMTPUTF8": require_no_value}, mail_octets=10),
    Extension("ENHANCEDSTATUSCODES", rfc=2034),
    Extension(
        "DSN",
        rfc=3461,
        mail={"RET": frozenset({"FULL", "HDRS"}), "ENVID": parse_envid},
        rcpt={"NOTIFY": parse_notify, "ORCPT": parse_orcpt},
        mail_octets=len(" RET=FULL ENVID=") + 100,
        rcpt_octets=len(" NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=") + 500,
    ),
    Extension("CHUNKING", rfc=3030),
    Extension("BINARYMIME", rfc=3030, mail={"BODY": frozenset({"BINARYMIME"})}),
    Extension("LIMITS", rfc=9422, argument=_render_limits_argument),
    Extension("HELP", rfc=5321),
)

# Extensions with a setting of their own (`tls`, `auth`, `xclient`); a server offers them if that is on.
SWITCHED_EXTENSIONS: tuple[Extension, ...] = (
    Extension("STARTTLS", rfc=3207, argument=_render_starttls_argument),
    Extension(
        "REQUIRETLS",
        rfc=8689,
        argument=_render_requiretls_argument,
        mail={"REQUIRETLS": require_no_value},
        mail_octets=11,
    ),
    Extension("AUTH", rfc=4954, argument=_render_auth_argument, mail={"AUTH": parse_auth_mailbox}, mail_octets=500),
    Extension("XCLIENT", argument=_render_xclient_argument),
)


def select_extensions(selection: Iterable[Extension | str] | None) -> tuple[Extension, ...]:
    """Return the selected rows, and the extensions with a setting of their own.

    None selects all rows.

    Raises `TypeError` for a string instead of a list.  Raises `ValueError` for a keyword that is not in the table, for
    BINARYMIME without CHUNKING (RFC 3030 3), and for SMTPUTF8 without 8BITMIME (RFC 6531 3.1).
    """
    if selection is None:
        return (*SWITCHED_EXTENSIONS, *EXTENSIONS)
    if isinstance(selection, str):
        raise TypeError(
            f"extensions must be a list of keywords, got the string {selection!r}; write extensions=[{selection!r}]"
        )
    table = {row.keyword: row for row in (*EXTENSIONS, *SWITCHED_EXTENSIONS)}
    rows = []
    for row in selection:
        if not isinstance(row, (str, Extension)):
            raise TypeError(f'extensions must have keywords and Extension values, got {row!r}; write ["SIZE"]')
        if isinstance(row, str):
            if row.upper() not in table:
                raise ValueError(
                    f"{describe_unknown('extension', row, table)}; to offer a keyword that has no effect, "
                    f'write on("EHLO").advertise({row!r}), or add Extension({row!r})'
                )
            row = table[row.upper()]  # noqa: PLW2901 - the row that this keyword names
        rows.append(row)
    keywords = {row.keyword for row in rows}
    for keyword, needs, rfc in (("BINARYMIME", "CHUNKING", "3030 3"), ("SMTPUTF8", "8BITMIME", "6531 3.1")):
        if keyword in keywords and needs not in keywords:
            raise ValueError(f"the extension {keyword} needs {needs}; add it to extensions= (RFC {rfc})")
    # These come first: some clients (gsasl) overlook the last line of the reply to EHLO.
    return (*(row for row in SWITCHED_EXTENSIONS if row.keyword not in keywords), *rows)

"""The SMTP extensions, each one row of one table: keyword, RFC, and what it adds to MAIL and RCPT."""

from __future__ import annotations

import re

from lazr.smtptest.protocol.smtp.reply import Refused, Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lazr.smtptest.protocol.smtp.profile import Profile

    # What a parameter's value may be: one of these words, or whatever this function reads.
    Value = frozenset[str] | Callable[[str], str]

__all__ = ["EXTENSIONS", "SWITCHED", "XCLIENT_ATTRIBUTES", "Extension", "chosen_extensions", "xtext_decode"]


def _syntax(text: str) -> Refused:
    return Refused(Reply(501, "5.5.4", text))


def decimal(value: str) -> str:
    """RFC 1870 6: size-value, 1 to 20 digits."""
    if re.fullmatch("[0-9]{1,20}", value) is None:
        raise _syntax("SIZE wants a number of octets, of 20 digits at the most")
    return value


def no_value(value: str) -> str:
    """A keyword that stands alone."""
    if value:
        raise _syntax("This parameter takes no value")
    return value


def xtext_decode(text: str) -> str:
    """Decode xtext (RFC 3461 4): `+` and two capital hexadecimal digits stand for an octet.

    >>> xtext_decode("ann+2Btag@example.com")
    'ann+tag@example.com'

    Raises `ValueError` where the text is not xtext.
    """
    # RFC 3461 4: xchar is any CHAR from ! to ~ but + and =.  RFC 6533 adds UTF-8 to addresses.
    if re.fullmatch(r"(?:[^\x00-\x20+=\x7f]|\+[0-9A-F]{2})*", text) is None:
        raise ValueError(f"not xtext (RFC 3461 4): {text!r}")
    return re.sub(r"\+([0-9A-F]{2})", lambda match: chr(int(match[1], 16)), text)


def envid(value: str) -> str:
    """RFC 3461 4.4: an xtext of 100 characters at the most, which decodes to printable ones."""
    try:
        decoded = xtext_decode(value)
    except ValueError:
        decoded = ""
    if not value or len(value) > 100 or not (decoded.isascii() and decoded.isprintable() and decoded):
        raise _syntax("ENVID wants 1 to 100 characters of xtext")
    return decoded


def notify(value: str) -> str:
    """RFC 3461 4.1: NEVER alone, or a list of SUCCESS, FAILURE and DELAY."""
    words = value.upper().split(",")
    if words != ["NEVER"] and not (set(words) <= {"SUCCESS", "FAILURE", "DELAY"} and len(set(words)) == len(words)):
        raise _syntax("NOTIFY wants NEVER, or a list of SUCCESS, FAILURE and DELAY")
    return ",".join(words)


def orcpt(value: str) -> str:
    """RFC 3461 4.2: an address type, a semicolon, and the address in xtext; 500 characters in all."""
    kind, semicolon, address = value.partition(";")
    try:
        decoded = xtext_decode(address)
    except ValueError:
        decoded = ""
    if (
        not semicolon
        or re.fullmatch("[A-Za-z0-9-]+", kind) is None
        or len(value) > 500
        or not decoded
        or not decoded.isprintable()
    ):
        raise _syntax("ORCPT wants an address type, a semicolon and an address in xtext")
    return f"{kind};{decoded}"


class Extension:
    """One service extension (RFC 5321 2.2): a row, and nothing but data.

    A row of your own can be offered too: `Extension("X-TRACE", mail={"X-TRACE": frozenset({"ON"})})`.
    """

    __slots__ = ("argument", "keyword", "mail", "mail_octets", "rcpt", "rcpt_octets", "rfc")

    def __init__(
        self,
        keyword: str,
        *,
        rfc: int | None = None,
        argument: Callable[[Profile], str | None] | str = "",
        mail: Mapping[str, Value] | None = None,
        rcpt: Mapping[str, Value] | None = None,
        mail_octets: int = 0,
        rcpt_octets: int = 0,
    ) -> None:
        self.keyword: str = keyword
        self.rfc: int | None = rfc
        self.argument: Callable[[Profile], str | None] | str = (
            argument  # what follows the keyword in the reply to EHLO; None for no offer
        )
        self.mail: Mapping[str, Value] = mail or {}  # the parameters it adds to MAIL
        self.rcpt: Mapping[str, Value] = rcpt or {}  # ... and to RCPT
        self.mail_octets: int = mail_octets  # how much longer a MAIL command may be for it
        self.rcpt_octets: int = rcpt_octets

    def ehlo_line(self, profile: Profile) -> str | None:
        """The line of the reply to EHLO that offers it; None where there is nothing to offer."""
        argument = self.argument if isinstance(self.argument, str) else self.argument(profile)
        return None if argument is None else f"{self.keyword} {argument}".rstrip()

    def __repr__(self) -> str:
        return f"Extension({self.keyword!r})"


def _size(profile: Profile) -> str:
    return str(profile.limits.message_size or 0)  # RFC 1870 4: 0 is no fixed maximum


def _limits(profile: Profile) -> str | None:
    most = profile.limits.recipients
    return None if most is None else f"RCPTMAX={most}"


def _starttls(profile: Profile) -> str | None:
    return "" if profile.tls in {"offered", "refused"} else None  # RFC 3207 4.2: not offered inside TLS


def _requiretls(profile: Profile) -> str | None:
    return "" if profile.tls == "on" else None  # RFC 8689 2: offered only inside TLS


def _auth(profile: Profile) -> str | None:
    return " ".join(profile.mechanisms) or None


def _xclient(profile: Profile) -> str | None:
    return " ".join(XCLIENT_ATTRIBUTES) if profile.xclient else None


def auth_mailbox(value: str) -> str:
    """RFC 4954 5: who submitted the message, in xtext, or `<>` where that is not known."""
    if value == "<>":
        return value
    try:
        decoded = xtext_decode(value)
    except ValueError:
        decoded = ""
    if not decoded.isprintable() or not decoded:
        raise _syntax("AUTH wants a mailbox in xtext, or <>")
    return decoded


# What a proxy may say of the client that it speaks for; Postfix's names, as this extension is Postfix's.
XCLIENT_ATTRIBUTES = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT")


EXTENSIONS: tuple[Extension, ...] = (
    Extension("PIPELINING", rfc=2920),
    Extension("SIZE", rfc=1870, argument=_size, mail={"SIZE": decimal}, mail_octets=26),
    Extension("8BITMIME", rfc=6152, mail={"BODY": frozenset({"7BIT", "8BITMIME"})}, mail_octets=17),
    Extension("SMTPUTF8", rfc=6531, mail={"SMTPUTF8": no_value}, mail_octets=10),
    Extension("ENHANCEDSTATUSCODES", rfc=2034),
    Extension(
        "DSN",
        rfc=3461,
        mail={"RET": frozenset({"FULL", "HDRS"}), "ENVID": envid},
        rcpt={"NOTIFY": notify, "ORCPT": orcpt},
        mail_octets=len(" RET=FULL ENVID=") + 100,
        rcpt_octets=len(" NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=") + 500,
    ),
    Extension("CHUNKING", rfc=3030),
    Extension("BINARYMIME", rfc=3030, mail={"BODY": frozenset({"BINARYMIME"})}),
    Extension("LIMITS", rfc=9422, argument=_limits),
    Extension("HELP", rfc=5321),
)

# These have switches of their own (`tls`, `auth`, `xclient`), and are offered where those are on.
SWITCHED: tuple[Extension, ...] = (
    Extension("STARTTLS", rfc=3207, argument=_starttls),
    Extension("REQUIRETLS", rfc=8689, argument=_requiretls, mail={"REQUIRETLS": no_value}, mail_octets=11),
    Extension("AUTH", rfc=4954, argument=_auth, mail={"AUTH": auth_mailbox}, mail_octets=500),
    Extension("XCLIENT", argument=_xclient),
)


def chosen_extensions(chosen: Iterable[Extension | str] | None) -> tuple[Extension, ...]:
    """The rows that a tester named, all of them for None; and those with a switch of their own.

    Raises `ValueError` for a keyword that is not in the table, for BINARYMIME without CHUNKING
    (RFC 3030 3), and for SMTPUTF8 without 8BITMIME (RFC 6531 3.1).
    """
    if chosen is None:
        return (*SWITCHED, *EXTENSIONS)
    table = {row.keyword: row for row in (*EXTENSIONS, *SWITCHED)}
    rows = []
    for row in chosen:
        if isinstance(row, str):
            if row.upper() not in table:
                raise ValueError(f"no extension {row!r}; there are {', '.join(table)}")
            row = table[row.upper()]  # noqa: PLW2901 - the row that this keyword names
        rows.append(row)
    keywords = {row.keyword for row in rows}
    for keyword, needs, rfc in (("BINARYMIME", "CHUNKING", "3030 3"), ("SMTPUTF8", "8BITMIME", "6531 3.1")):
        if keyword in keywords and needs not in keywords:
            raise ValueError(f"{keyword} needs {needs} beside it (RFC {rfc})")
    # In front, for some clients (gsasl) overlook what stands in the last line of the reply to EHLO.
    return (*(row for row in SWITCHED if row.keyword not in keywords), *rows)

"""Paths and mailboxes: RFC 5321's grammar of addresses, as one regular expression and its leniencies.

Every alternative below starts with an octet that no other one can start with, so matching takes
time linear in the line, whatever stands in it.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from lazr.smtptest.protocol.smtp.leniency import Lenient

__all__ = ["Grammar", "Path", "address_literal_is_valid"]

# RFC 6531 3.3 adds UTF8-non-ascii to atext, qtextSMTP and sub-domain.  Whether such an address is
# welcome is for the transaction to say; here it is only recognised.
# The classes say what is not in them: ASCII's specials and controls.  (To compile a class that names
# all of Unicode takes `re` a millisecond and more, and a grammar would have dozens of them.)
_ATOM = r"""[^\x00-\x20"(),.:;<>@\[\\\]\x7f]+"""
_QUOTED = r'''"(?:[^\x00-\x1f"\\\x7f]|\\[ -~])*"'''
_LITERAL = r"\[[!-Z^-~]+\]"


class Path:
    """A reverse-path or forward-path (RFC 5321 4.1.2), its source route stripped.

    `mailbox` is the address as the client wrote it, without brackets: `ann@example.com`,
    `"a b"@example.com`, `Postmaster`, or the empty string for the null reverse-path `<>`.

    >>> path = Path('"a\\\\"b"@example.com')
    >>> path.local_part, path.domain
    ('a"b', 'example.com')
    """

    __slots__ = ("mailbox", "route")

    def __init__(self, mailbox: str, route: str = "") -> None:
        self.mailbox: Final = mailbox
        self.route: Final = route  # RFC 5321 appendix C: "@a.example,@b.example", or ""

    @property
    def local_part(self) -> str:
        """What stands before the @, without the quotes that the wire needs (RFC 5321 4.1.2)."""
        local, at, _ = self.mailbox.rpartition("@")
        local = local if at else self.mailbox
        return re.sub(r"\\(.)", r"\1", local[1:-1]) if local.startswith('"') else local

    @property
    def domain(self) -> str:
        """What stands behind the @, or the empty string where there is none."""
        _, at, domain = self.mailbox.rpartition("@")
        return domain if at else ""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Path):
            return NotImplemented
        return (self.mailbox, self.route) == (other.mailbox, other.route)

    def __hash__(self) -> int:
        return hash((self.mailbox, self.route))

    def __repr__(self) -> str:
        return f"Path({self.mailbox!r}{f', route={self.route!r}' if self.route else ''})"

    def __str__(self) -> str:
        return f"<{self.mailbox}>"


class Grammar:
    """RFC 5321 4.1.2 and 4.1.3, with the departures that one server permits."""

    __slots__ = ("_alone", "_bare", "_bare_alone", "_domain", "_null", "_path", "lenient")

    def __init__(self, lenient: Lenient) -> None:
        self.lenient: Lenient = lenient
        letter = r"[^\x00-/:-@\[-^`{-\x7f]" if lenient.underscore_in_domain else r"[^\x00-/:-@\[-`{-\x7f]"
        domain = rf"{letter}+(?:-+{letter}+)*(?:\.{letter}+(?:-+{letter}+)*)*"
        local = rf"(?:{_ATOM}(?:\.{_ATOM})*|{_QUOTED})"
        # RFC 5321 4.5.1: <Postmaster>, in any case, is the one address that needs no domain.
        alone = local if lenient.address_without_domain else "[Pp][Oo][Ss][Tt][Mm][Aa][Ss][Tt][Ee][Rr]"
        mailbox = rf"(?P<mailbox>{local}@(?:{domain}|(?P<literal>{_LITERAL})))"
        route = rf"(?:(?P<route>@{domain}(?:,@{domain})*):)?"
        self._path = re.compile(rf"<{route}{mailbox}>(?=[ ]|\Z)")
        self._bare = re.compile(rf"(?P<route>(?!))?{mailbox}(?=[ ]|\Z)")
        self._null = re.compile(r"<>(?=[ ]|\Z)")
        self._alone = re.compile(rf"<({alone})>(?=[ ]|\Z)")
        self._bare_alone = re.compile(rf"({alone})(?=[ ]|\Z)")
        self._domain = re.compile(rf"{domain}|(?P<literal>{_LITERAL})")

    def path(self, text: str, start: int, *, reverse: bool = False) -> tuple[Path, int] | None:
        """The path that stands at `start`, and where it ends; None where none does.

        A reverse-path may be null (RFC 5321 4.1.2); only a forward-path may be `<Postmaster>` alone.
        """
        lenient = self.lenient
        if lenient.space_before_path:
            while text.startswith(" ", start):
                start += 1
        match = self._path.match(text, start)
        if match is None and lenient.path_without_brackets:
            match = self._bare.match(text, start)
        if match is not None:
            mailbox, literal, route = match.group("mailbox", "literal", "route")
            if literal is not None and not address_literal_is_valid(literal):
                return None
            return Path(mailbox, route or ""), match.end()
        if reverse and (match := self._null.match(text, start)):
            return Path(""), match.end()
        if not reverse or lenient.address_without_domain:
            match = self._alone.match(text, start)
            if match is None and lenient.path_without_brackets:
                match = self._bare_alone.match(text, start)
            if match is not None:
                return Path(match[1]), match.end()
        return None

    def domain_is_valid(self, text: str) -> bool:
        """Whether this is a Domain or an address-literal (RFC 5321 4.1.2, 4.1.3)."""
        match = self._domain.fullmatch(text)
        return match is not None and (match["literal"] is None or address_literal_is_valid(match["literal"]))


def address_literal_is_valid(literal: str) -> bool:
    """Whether `[...]` holds what RFC 5321 4.1.3 wants: IPv4, `IPv6:` and an address, or `tag:content`.

    >>> address_literal_is_valid("[192.0.2.1]"), address_literal_is_valid("[192.0.2.256]")
    (True, False)
    """
    # Address literals are rare, and `ipaddress` takes as long to import as half of this package.
    from ipaddress import AddressValueError, IPv4Address, IPv6Address

    inside = literal[1:-1]
    tag, colon, content = inside.partition(":")
    try:
        if not colon:
            IPv4Address(inside)
        elif tag.upper() == "IPV6":
            if "%" in content:  # a zone is of the host that wrote it, and not in RFC 5321's grammar
                return False
            IPv6Address(content)
    except AddressValueError:
        return False
    # General-address-literal: Standardized-tag is an Ldh-str, which ends in a letter or digit.
    return not colon or (re.fullmatch(r"[A-Za-z0-9-]*[A-Za-z0-9]", tag) is not None and content != "")

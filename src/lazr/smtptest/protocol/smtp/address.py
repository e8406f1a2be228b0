"""Parse paths and mailboxes by RFC 5321's grammar, with optional leniencies.

The grammar is a regular expression.  Each of its alternatives starts with a byte that no other one starts with.  So
matching takes linear time, whatever the line contains.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_pattern import compile_lazily

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from lazr.smtptest.protocol.smtp.leniency import Lenient

__all__ = ["AddressGrammar", "Path", "is_valid_address_literal"]

# RFC 6531 3.3 adds UTF8-non-ascii to atext, qtextSMTP and sub-domain.  The transaction decides whether such an
# address is allowed; the grammar only recognizes it.  The classes are negated, listing ASCII's specials and controls:
# `re` needs more than a millisecond to compile a class with all of Unicode, and a grammar would have dozens of them.
_ATOM_PATTERN = r"""[^\x00-\x20"(),.:;<>@\[\\\]\x7f]+"""
_QUOTED_STRING_PATTERN = r'''"(?:[^\x00-\x1f"\\\x7f]|\\[ -~])*"'''
_ADDRESS_LITERAL_PATTERN = r"\[[!-Z^-~]+\]"

_ESCAPED_CHARACTER = compile_lazily(r"\\(.)")
_LDH_STRING = compile_lazily("[A-Za-z0-9-]*[A-Za-z0-9]")


class Path:
    """A reverse-path or forward-path without its source route (RFC 5321 4.1.2).

    `mailbox` is the address as the client wrote it, without brackets: `ann@example.com`, `"a b"@example.com`,
    `Postmaster`, or "" for the null reverse-path `<>`.  `route` is the source route, such as
    `@a.example,@b.example`, or "" (RFC 5321 appendix C).

    >>> path = Path('"a\\\\"b"@example.com')
    >>> path.local_part, path.domain
    ('a"b', 'example.com')
    """

    __slots__ = ("mailbox", "route")

    def __init__(self, mailbox: str, route: str = "") -> None:
        self.mailbox: Final = mailbox
        self.route: Final = route

    @property
    def addr_spec(self) -> str:
        """Another name of `mailbox`, as in header fields (RFC 5322 3.4.1)."""
        return self.mailbox

    @property
    def local_part(self) -> str:
        """The part before the @, without quotes and backslashes (RFC 5321 4.1.2)."""
        local, at, _ = self.mailbox.rpartition("@")
        local = local if at else self.mailbox
        return _ESCAPED_CHARACTER.sub(r"\1", local[1:-1]) if local.startswith('"') else local

    @property
    def domain(self) -> str:
        """The part after the @, or "" for an address without @."""
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


class AddressGrammar:
    """The grammar of addresses (RFC 5321 4.1.2, 4.1.3), with the leniencies of one server."""

    __slots__ = (
        "_domain",
        "_local_path",
        "_null_path",
        "_path",
        "_unbracketed_local_path",
        "_unbracketed_path",
        "lenient",
    )

    def __init__(self, lenient: Lenient) -> None:
        self.lenient: Lenient = lenient
        letter = r"[^\x00-/:-@\[-^`{-\x7f]" if lenient.underscore_in_domain else r"[^\x00-/:-@\[-`{-\x7f]"
        domain = rf"{letter}+(?:-+{letter}+)*(?:\.{letter}+(?:-+{letter}+)*)*"
        local = rf"(?:{_ATOM_PATTERN}(?:\.{_ATOM_PATTERN})*|{_QUOTED_STRING_PATTERN})"
        # RFC 5321 4.5.1: only <Postmaster>, in any letter case, needs no domain.
        alone = local if lenient.address_without_domain else "[Pp][Oo][Ss][Tt][Mm][Aa][Ss][Tt][Ee][Rr]"
        mailbox = rf"(?P<mailbox>{local}@(?:{domain}|(?P<literal>{_ADDRESS_LITERAL_PATTERN})))"
        route = rf"(?:(?P<route>@{domain}(?:,@{domain})*):)?"
        self._path = compile_lazily(rf"<{route}{mailbox}>(?=[ ]|\Z)")
        self._unbracketed_path = compile_lazily(rf"(?P<route>(?!))?{mailbox}(?=[ ]|\Z)")
        self._null_path = compile_lazily(r"<>(?=[ ]|\Z)")
        self._local_path = compile_lazily(rf"<({alone})>(?=[ ]|\Z)")
        self._unbracketed_local_path = compile_lazily(rf"({alone})(?=[ ]|\Z)")
        self._domain = compile_lazily(rf"{domain}|(?P<literal>{_ADDRESS_LITERAL_PATTERN})")

    def match_path(self, text: str, start: int, *, reverse: bool = False) -> tuple[Path, int] | None:
        """Return the path at the position `start` and the position after it; None without a path.

        Only a reverse-path may be null, and only a forward-path may be `<Postmaster>` (RFC 5321 4.1.2, 4.5.1).
        """
        lenient = self.lenient
        if lenient.space_before_path:
            while text.startswith(" ", start):
                start += 1
        match = self._path.match(text, start)
        if match is None and lenient.path_without_brackets:
            match = self._unbracketed_path.match(text, start)
        if match is not None:
            mailbox, literal, route = match.group("mailbox", "literal", "route")
            if literal is not None and not is_valid_address_literal(literal):
                return None
            return Path(mailbox, route or ""), match.end()
        if reverse and (match := self._null_path.match(text, start)):
            return Path(""), match.end()
        if not reverse or lenient.address_without_domain:
            match = self._local_path.match(text, start)
            if match is None and lenient.path_without_brackets:
                match = self._unbracketed_local_path.match(text, start)
            if match is not None:
                return Path(match[1]), match.end()
        return None

    def is_valid_domain(self, text: str) -> bool:
        """Whether the text is a Domain or an address-literal (RFC 5321 4.1.2, 4.1.3)."""
        match = self._domain.fullmatch(text)
        return match is not None and (match["literal"] is None or is_valid_address_literal(match["literal"]))


def is_valid_address_literal(literal: str) -> bool:
    """Whether `[...]` is an address literal: IPv4, IPv6 or `tag:content` (RFC 5321 4.1.3).

    >>> is_valid_address_literal("[192.0.2.1]"), is_valid_address_literal("[192.0.2.256]")
    (True, False)
    """
    # Imported late: address literals are rare, and `ipaddress` takes as long to import as half of this package.
    from ipaddress import AddressValueError, IPv4Address, IPv6Address

    inside = literal[1:-1]
    tag, colon, content = inside.partition(":")
    try:
        if not colon:
            IPv4Address(inside)
        elif tag.upper() == "IPV6":
            if "%" in content:  # a zone identifier is local to the sending host; RFC 5321 has none
                return False
            IPv6Address(content)
    except AddressValueError:
        return False
    # General-address-literal: Standardized-tag is an Ldh-str, which ends in a letter or digit.
    return not colon or (_LDH_STRING.fullmatch(tag) is not None and content != "")

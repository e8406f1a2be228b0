"""Addresses in header fields (RFC 5322 3.4), one by one, however they were written."""

from __future__ import annotations

import re

from lazr.smtptest.mail.mime import caps
from lazr.smtptest.mail.mime.encodedword import decode_words
from lazr.smtptest.mail.mime.parameter import comment_end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from lazr.smtptest.mail.mime.defect import Note

__all__ = ["Address", "read_addresses"]

_TOKEN = re.compile(
    r"""(?P<space>\s++)
    |(?P<word>=\?[^?\s]{1,200}+\?[bBqQ]\?[^?\r\n"<>]*+\?=)
    |(?P<atom>[^\s"(),:;<>@\[\]\\]++)
    |(?P<literal>\[[^\[\]\s]*+\])
    |(?P<special>.)""",
    re.VERBOSE | re.DOTALL,
)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_PAIR = re.compile(r"\\(.)", re.DOTALL)
_DOT_ATOM = re.compile(r"[^\s\"(),:;<>@\[\]\\.\x00-\x1f\x7f]+(?:\.[^\s\"(),:;<>@\[\]\\.\x00-\x1f\x7f]+)*")
_NEEDS_QUOTES = re.compile(r'[()<>\[\]:;@\\,."\x00-\x1f]')
_TO_BE_QUOTED = re.compile(r'(["\\])')


class Address:
    """A mailbox that a header field names (RFC 5322 3.4), with its name for people.

    - `display_name`: decoded; the empty string where there is none.
    - `local_part`: without the quotes that it may need on the wire.
    - `domain`: as it was written; the empty string where there is none.

    Two are equal when all three are; the domain's case does not count.

    >>> ann = Address("Ann", "ann", "example.com")
    >>> str(ann), ann.addr_spec
    ('Ann <ann@example.com>', 'ann@example.com')
    >>> ann == Address("Ann", "ann", "EXAMPLE.com")
    True
    """

    __slots__ = ("display_name", "domain", "local_part")

    def __init__(self, display_name: str = "", local_part: str = "", domain: str = "") -> None:
        self.display_name: Final = display_name
        self.local_part: Final = local_part
        self.domain: Final = domain

    @property
    def addr_spec(self) -> str:
        """The address alone, as in `envelope.rcpt_tos`: `ann@example.com`."""
        local = self.local_part
        if _DOT_ATOM.fullmatch(local) is None and (local or self.domain):
            local = _quoted(local)
        return f"{local}@{self.domain}" if self.domain else local

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[str, str, str]:
        return self.display_name, self.local_part, self.domain.lower()

    def __str__(self) -> str:
        if not self.display_name:
            return self.addr_spec
        name = _quoted(self.display_name) if _NEEDS_QUOTES.search(self.display_name) else self.display_name
        return f"{name} <{self.addr_spec}>"

    def __repr__(self) -> str:
        return f"Address({str(self)!r})"


def _quoted(text: str) -> str:
    return '"' + _TO_BE_QUOTED.sub(r"\\\1", text) + '"'


# A token is its kind and its text.  Kinds: "atom" (also an encoded word or a domain literal), "quoted"
# (its text has no quotes any more), "space", "comment", or the special character itself.
_Token = tuple[str, str]


def _tokens(text: str, note: Note) -> Iterator[_Token]:
    at = count = 0
    quotes_close = comments_close = True
    while at < len(text):
        count += 1
        if count > caps.ADDRESS_TOKENS:
            note("more addresses than are read: truncated")
            return
        match = _TOKEN.match(text, at)
        if match is None:  # pragma: no cover - the pattern's last row takes any character
            return
        kind, found = match.lastgroup or "", match[0]
        if found == '"' and quotes_close:
            quoted = _QUOTED.match(text, at)
            if quoted is not None:
                yield "quoted", _PAIR.sub(r"\1", quoted[1])
                at = quoted.end()
                continue
            quotes_close = False  # nor does any behind it
            note("a quoted string that does not end")
        elif found == "(" and comments_close:
            end = comment_end(text, at)
            if end > 0:
                yield "comment", text[at + 1 : end - 1]
                at = end
                continue
            comments_close = False
            note("a comment that does not end")
        at = match.end()
        if kind == "special":
            yield (found if found in "<>,;:@" else "atom"), found
        else:
            yield ("space" if kind == "space" else "atom"), found


def read_addresses(text: str, note: Note) -> tuple[Address, ...]:
    """All the mailboxes in an unfolded field; those of a group (RFC 5322 3.4) among the others.

    >>> [str(one) for one in read_addresses("Team: ann@example.com, Bob <bob@example.com>;, c@example.com (Cy)", print)]
    ['ann@example.com', 'Bob <bob@example.com>', 'Cy <c@example.com>']
    """
    found = _Found(note)
    tokens: list[_Token] = []
    angle = False  # between < and >
    fresh = False  # right behind <
    route = False  # within `<@a,@b:` (RFC 5322 4.4), whose commas separate nothing
    group = True  # whether a colon would end a group's name here
    for token in _tokens(text, note):
        kind = token[0]
        if angle:
            if kind == ">":
                angle = False
            elif kind in {"<", ",", ";"} and not route:
                note("an address in angle brackets that does not end")
                angle = kind == "<"
            elif fresh and kind not in {"space", "comment"}:
                fresh, route = False, kind == "@"
            elif kind == ":":
                route = False
        if not angle:
            if kind in {",", ";"}:
                found.take(tokens)
                if kind == ";":
                    found.settle()
                tokens, group = [], True
                continue
            if kind == ":" and group:
                tokens = []
                found.settle()
                continue
        if kind == "<":
            angle, fresh, route = True, True, False
        if kind in {"<", "@"}:
            group = False
        tokens.append(token)
    if angle:
        note("an address in angle brackets that does not end")
    found.take(tokens)
    return found.all()


def _last(tokens: list[_Token], kind: str) -> int:
    for index in range(len(tokens) - 1, -1, -1):
        if tokens[index][0] == kind:
            return index
    return -1


class _Found:
    """The addresses so far, and the words in front of a comma that may be the beginning of a name."""

    def __init__(self, note: Note) -> None:
        self._note = note
        self._addresses: list[Address] = []
        self._words: list[list[_Token]] = []

    def all(self) -> tuple[Address, ...]:
        self.settle()
        return tuple(self._addresses)

    def take(self, tokens: list[_Token]) -> None:
        """What stood between two commas."""
        bracket = _last(tokens, "<")
        if bracket >= 0:
            name = [token for token in tokens[:bracket] if token[0] != "<"]
            if self._words and any(kind in {"atom", "quoted"} for kind, _ in name):
                self._note("a comma in a name without quotes")
                before = [token for words in self._words for token in (*words, ("atom", ","), ("space", " "))]
                name = before + name
                self._words = []
            self.settle()
            inside: list[_Token] = []
            behind: list[_Token] = []
            closed = False
            for token in tokens[bracket + 1 :]:
                if token[0] == ">":
                    closed = True
                else:
                    (behind if closed else inside).append(token)
            self._mailbox(name, inside, behind)
        elif any(kind == "@" for kind, _ in tokens):
            self.settle()
            self._bare(tokens)
        elif any(kind in {"atom", "quoted"} for kind, _ in tokens):
            self._words.append(tokens)

    def settle(self) -> None:
        """Words without an address are addresses without a domain after all."""
        for words in self._words:
            self._note("an address without a domain")
            self._addresses.append(Address("", self._phrase(words)))
        self._words = []

    def _bare(self, tokens: list[_Token]) -> None:
        """An address without angle brackets, with words around it perhaps, or a comment (RFC 5322 appendix A.5)."""
        comments = [token for token in tokens if token[0] == "comment"]
        tokens = _spaced(tokens)
        at = _last(tokens, "@")
        start, end = at, at + 1
        # 4.4: the address is what touches the @, and white space may be around that and around its dots.
        while start and (tokens[start - 1][0] != "space" or _glued(tokens, start - 1, at)):
            start -= 1
        while end < len(tokens) and (tokens[end][0] != "space" or _glued(tokens, end, at)):
            end += 1
        self._mailbox(tokens[:start], tokens[start:end], [*tokens[end:], *comments])

    def _mailbox(self, name: list[_Token], inside: list[_Token], behind: list[_Token]) -> None:
        if inside and inside[0][0] == "@" and (colon := _last(inside, ":")) >= 0:
            inside = inside[colon + 1 :]  # RFC 5322 4.4: a route, to be ignored
        inside = [token for token in inside if token[0] not in {"space", "comment"}]
        at = _last(inside, "@")
        local = "".join(text for _, text in (inside[:at] if at >= 0 else inside))
        domain = "".join(text for _, text in inside[at + 1 :]) if at >= 0 else ""
        display = self._phrase(name)
        if not display:
            comments = [text for kind, text in (*name, *behind) if kind == "comment"]
            display = decode_words(_PAIR.sub(r"\1", " ".join(comments)), self._note).strip()
        if any(kind not in {"space", "comment"} for kind, _ in behind):
            self._note("something behind an address")
        if not local and not domain:
            self._note("an address that is empty")
            if not display:
                return
        elif not local or not domain or any(kind in "<>@:" for kind, _ in inside[:at]):
            self._note("not an address" if domain or not local else "an address without a domain")
        self._addresses.append(Address(display, local, domain))

    def _phrase(self, tokens: list[_Token]) -> str:
        return decode_words("".join(text for _, text in _spaced(tokens)), self._note).strip()


def _spaced(tokens: list[_Token]) -> list[_Token]:
    """The tokens with each run of white space and comments as one space, and none at the ends."""
    spaced: list[_Token] = []
    for token in tokens:
        if token[0] not in {"space", "comment"}:
            spaced.append(token)
        elif spaced and spaced[-1][0] != "space":
            spaced.append(("space", " "))
    if spaced and spaced[-1][0] == "space":
        spaced.pop()
    return spaced


def _glued(tokens: list[_Token], index: int, at: int) -> bool:
    """Whether the space there is within an address: next to its @, or to a dot."""
    return at in {index - 1, index + 1} or tokens[index - 1][1].endswith(".") or tokens[index + 1][1].startswith(".")

"""Parse the addresses in a header field (RFC 5322 3.4), well-formed or not."""

from __future__ import annotations

import re

from lazr.smtptest._util.suggestion import build_getattr
from lazr.smtptest.mail.mime import limits
from lazr.smtptest.mail.mime.encoded_word import decode_words
from lazr.smtptest.mail.mime.parameter import find_comment_end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Final

    from lazr.smtptest.mail.mime.defect import DefectRecorder

__all__ = ["Address", "Group", "read_addresses", "read_raw_addresses"]

_TOKEN = re.compile(
    r"""(?P<space>\s++)
    |(?P<word>=\?[^?\s]{1,200}+\?[bBqQ]\?[^?\r\n"<>]*+\?=)
    |(?P<atom>[^\s"(),:;<>@\[\]\\]++)
    |(?P<literal>\[[^\[\]\s]*+\])
    |(?P<special>.)""",
    re.VERBOSE | re.DOTALL,
)
_PLAIN = r"[^\s\"(),:;<>@\[\]\\=?]++"
_SIMPLE_MAILBOX = re.compile(rf" ?(?:(?:({_PLAIN}(?: {_PLAIN})*+) )?<({_PLAIN})@({_PLAIN})>|({_PLAIN})@({_PLAIN})) ?")
_QUOTED_STRING = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_DOT_ATOM = re.compile(r"[^\s\"(),:;<>@\[\]\\.\x00-\x1f\x7f]+(?:\.[^\s\"(),:;<>@\[\]\\.\x00-\x1f\x7f]+)*")
_NEEDS_QUOTES = re.compile(r'[()<>\[\]:;@\\,."\x00-\x1f]')
_NEEDS_BACKSLASH = re.compile(r'(["\\])')


# What to write instead of other names.
_ATTRIBUTE_ALIASES = {
    **dict.fromkeys(("address", "email", "addr", "addrspec", "spec", "email_address"), "address.addr_spec"),
    **dict.fromkeys(("user", "username", "local", "localpart"), "address.local_part"),
    **dict.fromkeys(
        ("name", "realname", "real_name", "fullname", "full_name", "display", "display_name_"), "address.display_name"
    ),
    **dict.fromkeys(("host", "hostname"), "address.domain"),
}


class Address:
    """A mailbox in a header field (RFC 5322 3.4): an address with a display name.

    All arguments are attributes.  Two addresses are equal if all attributes are; the case of domains is ignored.

    Args:
        display_name: the decoded name; the empty string if absent.
        local_part: the part before the @, without quotes.
        domain: the part after the @, in the sender's spelling; the empty string if absent.

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

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute
        __getattr__ = build_getattr(_ATTRIBUTE_ALIASES)

    @property
    def addr_spec(self) -> str:
        """The address without the display name, as in `envelope.rcpt_tos`: "ann@example.com"."""
        local = self.local_part
        if _DOT_ATOM.fullmatch(local) is None and (local or self.domain):
            local = _quote(local)
        return f"{local}@{self.domain}" if self.domain else local

    @property
    def mailbox(self) -> str:
        """Another name of `addr_spec`, as in SMTP's commands (RFC 5321 4.1.2)."""
        return self.addr_spec

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[str, str, str]:
        return self.display_name, self.local_part, self.domain.lower()

    def __str__(self) -> str:
        if not self.display_name:
            return self.addr_spec
        name = _quote(self.display_name) if _NEEDS_QUOTES.search(self.display_name) else self.display_name
        return f"{name} <{self.addr_spec}>"

    def __repr__(self) -> str:
        return f"Address({str(self)!r})"


def _quote(text: str) -> str:
    return '"' + _NEEDS_BACKSLASH.sub(r"\\\1", text) + '"'


# A token is a pair of its kind and its text.  Kinds: "atom" (also an encoded word or a domain literal), "quoted" (the
# text has no quotes), "space", "comment", or the special character itself.
_Token = tuple[str, str]


def _tokenize(text: str, note: DefectRecorder) -> Iterator[_Token]:
    at = count = 0
    quotes_close = comments_close = True
    while at < len(text):
        count += 1
        if count > limits.MAX_FIELD_ADDRESS_TOKENS:
            note("too many addresses: truncated")
            return
        match = _TOKEN.match(text, at)
        if match is None:  # pragma: no cover - the last row of the pattern matches any character
            return
        kind, found = match.lastgroup or "", match[0]
        if found == '"' and quotes_close:
            quoted = _QUOTED_STRING.match(text, at)
            if quoted is not None:
                yield "quoted", _QUOTED_PAIR.sub(r"\1", quoted[1])
                at = quoted.end()
                continue
            quotes_close = False  # then no later quote closes either
            note("unterminated quoted string")
        elif found == "(" and comments_close:
            end = find_comment_end(text, at)
            if end > 0:
                yield "comment", text[at + 1 : end - 1]
                at = end
                continue
            comments_close = False
            note("unterminated comment")
        at = match.end()
        if kind == "special":
            yield (found if found in "<>,;:@" else "atom"), found
        else:
            yield ("space" if kind == "space" else "atom"), found


def read_addresses(text: str, note: DefectRecorder) -> tuple[Address, ...]:
    """Return the mailboxes in a header field, members of groups included (RFC 5322 3.4).

    Args:
        text: the value of the field; untrusted input of any length.
        note: receives a reason for each defect.

    >>> [str(one) for one in read_addresses("Team: ann@example.com, Bob <bob@example.com>;, c@example.com (Cy)", print)]
    ['ann@example.com', 'Bob <bob@example.com>', 'Cy <c@example.com>']
    """
    simple = _read_simple_addresses(text)
    if simple is not None:
        return simple
    collector = _AddressCollector(note, decode_words)
    _collect(text, collector, note)
    return tuple(one for one in collector.finish() if isinstance(one, Address))


class Group:
    """The beginning of a group (RFC 5322 3.4), or its end; then the name is None."""

    __slots__ = ("name",)

    def __init__(self, name: str | None) -> None:
        self.name: Final = name


def read_raw_addresses(raw: bytes) -> tuple[Address | Group, ...]:
    """Return the addresses and groups of a field, without decoding encoded words.

    Args:
        raw: the unfolded bytes of the field; untrusted input of any length.

    Returns:
        Addresses and groups in order; each group has an end.  Bytes that are not ASCII are surrogates (PEP 383).

    >>> start, ann, end = read_raw_addresses(b"Team: =?utf-8?q?=C3=84nn?= <ann@example.com>;")
    >>> start.name, ann.display_name, end.name
    ('Team', '=?utf-8?q?=C3=84nn?=', None)
    """
    text = raw.decode("ascii", "surrogateescape")
    simple = _read_simple_addresses(text)
    if simple is not None:
        return simple
    collector = _AddressCollector(_ignore, _keep_words)
    _collect(text, collector, _ignore)
    return tuple(collector.finish())


def _keep_words(text: str, _note: DefectRecorder) -> str:
    return text


def _ignore(reason: str) -> None:
    """Ignore a defect."""


def _collect(text: str, found: _AddressCollector, note: DefectRecorder) -> None:
    """Read tokens, and add what is between two separators to the collector."""
    tokens: list[_Token] = []
    in_angle = False  # between < and >
    is_first_in_angle = False  # directly after <
    in_route = False  # within `<@a,@b:` (RFC 5322 4.4), whose commas separate nothing
    may_be_group = True  # whether a colon ends the name of a group here
    for token in _tokenize(text, note):
        kind = token[0]
        if in_angle:
            if kind == ">":
                in_angle = False
            elif kind in {"<", ",", ";"} and not in_route:
                note("unterminated address in angle brackets")
                in_angle = kind == "<"
            elif is_first_in_angle and kind not in {"space", "comment"}:
                is_first_in_angle, in_route = False, kind == "@"
            elif kind == ":":
                in_route = False
        if not in_angle:
            if kind in {",", ";"}:
                found.add_tokens(tokens)
                if kind == ";":
                    found.end_group()
                tokens, may_be_group = [], True
                continue
            if kind == ":" and may_be_group:
                found.begin_group(tokens)
                tokens = []
                continue
        if kind == "<":
            in_angle, is_first_in_angle, in_route = True, True, False
        if kind in {"<", "@"}:
            may_be_group = False
        tokens.append(token)
    if in_angle:
        note("unterminated address in angle brackets")
    found.add_tokens(tokens)


def _read_simple_addresses(text: str) -> tuple[Address, ...] | None:
    """Return the addresses of a plain field; None for quotes, comments, groups or defects.

    This is much faster than reading tokens.
    """
    if 2 * text.count(" ") + 6 * text.count(",") + 6 > limits.MAX_FIELD_ADDRESS_TOKENS:
        return None
    addresses: list[Address] = []
    for piece in text.split(","):
        match = _SIMPLE_MAILBOX.fullmatch(piece)
        if match is None:
            return None
        display_name, local, domain, bare_local, bare_domain = match.groups()
        addresses.append(Address(display_name or "", local or bare_local, domain or bare_domain))
    return tuple(addresses)


def _find_last(tokens: list[_Token], kind: str) -> int:
    for index in range(len(tokens) - 1, -1, -1):
        if tokens[index][0] == kind:
            return index
    return -1


class _AddressCollector:
    """Collect addresses, and words before a comma that may belong to a display name."""

    def __init__(self, note: DefectRecorder, decode: Callable[[str, DefectRecorder], str]) -> None:
        self._note = note
        self._decode = decode
        self._found: list[Address | Group] = []
        self._is_in_group = False
        self._pending_words: list[list[_Token]] = []

    def finish(self) -> list[Address | Group]:
        self.end_group()
        return self._found

    def begin_group(self, name: list[_Token]) -> None:
        """Begin a group with the tokens of its name; groups do not nest."""
        self.end_group()
        self._found.append(Group(self._decode_phrase(name)))
        self._is_in_group = True

    def end_group(self) -> None:
        """End the group, if there is one."""
        self.flush_words()
        if self._is_in_group:
            self._found.append(Group(None))
            self._is_in_group = False

    def add_tokens(self, tokens: list[_Token]) -> None:
        """Add the address in the tokens between two commas."""
        bracket = _find_last(tokens, "<")
        if bracket >= 0:
            name = [token for token in tokens[:bracket] if token[0] != "<"]
            if self._pending_words and any(kind in {"atom", "quoted"} for kind, _ in name):
                self._note("unquoted comma in a display name")
                before = [token for words in self._pending_words for token in (*words, ("atom", ","), ("space", " "))]
                name = before + name
                self._pending_words = []
            self.flush_words()
            inside: list[_Token] = []
            trailing: list[_Token] = []
            closed = False
            for token in tokens[bracket + 1 :]:
                if token[0] == ">":
                    closed = True
                else:
                    (trailing if closed else inside).append(token)
            self._add_mailbox(name, inside, trailing)
        elif any(kind == "@" for kind, _ in tokens):
            self.flush_words()
            self._add_bare_address(tokens)
        elif any(kind in {"atom", "quoted"} for kind, _ in tokens):
            self._pending_words.append(tokens)

    def flush_words(self) -> None:
        """Add the kept words as addresses without a domain: no address followed them."""
        for words in self._pending_words:
            self._note("address without a domain")
            self._found.append(Address("", self._decode_phrase(words)))
        self._pending_words = []

    def _add_bare_address(self, tokens: list[_Token]) -> None:
        """Add an address without angle brackets, with words or comments around it (RFC 5322 A.5)."""
        comments = [token for token in tokens if token[0] == "comment"]
        tokens = _collapse_spaces(tokens)
        at = _find_last(tokens, "@")
        start, end = at, at + 1
        # 4.4: the address is the text around the @; white space is allowed next to the @ and next to dots.
        while start and (tokens[start - 1][0] != "space" or _is_space_within_address(tokens, start - 1, at)):
            start -= 1
        while end < len(tokens) and (tokens[end][0] != "space" or _is_space_within_address(tokens, end, at)):
            end += 1
        self._add_mailbox(tokens[:start], tokens[start:end], [*tokens[end:], *comments])

    def _add_mailbox(self, name: list[_Token], inside: list[_Token], trailing: list[_Token]) -> None:
        if inside and inside[0][0] == "@" and (colon := _find_last(inside, ":")) >= 0:
            inside = inside[colon + 1 :]  # RFC 5322 4.4: ignore the route
        inside = [token for token in inside if token[0] not in {"space", "comment"}]
        at = _find_last(inside, "@")
        local = "".join(text for _, text in (inside[:at] if at >= 0 else inside))
        domain = "".join(text for _, text in inside[at + 1 :]) if at >= 0 else ""
        display = self._decode_phrase(name)
        if not display:
            comments = [text for kind, text in (*name, *trailing) if kind == "comment"]
            display = self._decode(_QUOTED_PAIR.sub(r"\1", " ".join(comments)), self._note).strip()
        if any(kind not in {"space", "comment"} for kind, _ in trailing):
            self._note("text after an address")
        if not local and not domain:
            self._note("empty address")
            if not display:
                return
        elif not local or not domain or any(kind in "<>@:" for kind, _ in inside[:at]):
            self._note("not an address" if domain or not local else "address without a domain")
        self._found.append(Address(display, local, domain))

    def _decode_phrase(self, tokens: list[_Token]) -> str:
        return self._decode("".join(text for _, text in _collapse_spaces(tokens)), self._note).strip()


def _collapse_spaces(tokens: list[_Token]) -> list[_Token]:
    """Replace each run of white space and comments by one space, and remove those at the ends."""
    spaced: list[_Token] = []
    for token in tokens:
        if token[0] not in {"space", "comment"}:
            spaced.append(token)
        elif spaced and spaced[-1][0] != "space":
            spaced.append(("space", " "))
    if spaced and spaced[-1][0] == "space":
        spaced.pop()
    return spaced


def _is_space_within_address(tokens: list[_Token], index: int, at: int) -> bool:
    """Return whether the space at `index` is within an address: next to its @, or to a dot."""
    return at in {index - 1, index + 1} or tokens[index - 1][1].endswith(".") or tokens[index + 1][1].startswith(".")

"""Which features of CSS a selector uses, and which elements its last part is for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["SLUGS", "Element", "Selector", "read_selectors"]

_COMBINATORS = {
    " ": "css-selector-descendant",
    ">": "css-selector-child",
    "+": "css-selector-adjacent-sibling",
    "~": "css-selector-general-sibling",
}
_NESTS = "&"
_GROUPING = "css-selector-grouping"
_CHAINING = "css-selector-chaining"
_TYPE = "css-selector-type"
_CLASS = "css-selector-class"
_ID = "css-selector-id"
_ATTRIBUTE = "css-selector-attribute"
_UNIVERSAL = "css-selector-universal"

# What stands behind a colon, or two: browsers read the oldest elements with one, too.
_PSEUDO = {
    **{
        name: f"css-pseudo-class-{name}"
        for name in re.findall(
            r"[\w-]+",
            """
            active checked default first-child first-of-type focus focus-visible focus-within has hover lang last-child
            last-of-type link not nth-child nth-last-child nth-last-of-type nth-of-type only-child only-of-type target
            visited
            """,
        )
    },
    **{
        name: f"css-pseudo-element-{name}"
        for name in ("after", "before", "first-letter", "first-line", "marker", "placeholder")
    },
}

SLUGS: frozenset[str] = frozenset(
    {
        *_COMBINATORS.values(),
        *_PSEUDO.values(),
        *(_GROUPING, _CHAINING, _TYPE, _CLASS, _ID, _ATTRIBUTE, _UNIVERSAL),
    }
)
"""What can be found."""


class Element(NamedTuple):
    """What selectors go by; in a selector, what is empty is not asked for."""

    name: str
    id: str
    classes: frozenset[str]


class Selector(NamedTuple):
    """What it uses, and what its last part wants; None where that is not told by an element alone, as `:hover` is."""

    uses: frozenset[str]
    wanted: Element | None


def read_selectors(prelude: Iterable[Any]) -> Iterator[Selector]:
    """The selectors in front of a rule's block, which are tokens of tinycss2.

    >>> from tinycss2 import parse_component_value_list
    >>> a, b = read_selectors(parse_component_value_list("td > p.x, a:hover"))
    >>> a.wanted, b.wanted
    (Element(name='p', id='', classes=frozenset({'x'})), None)
    >>> sorted(b.uses)
    ['css-pseudo-class-hover', 'css-selector-grouping', 'css-selector-type']
    """
    groups: list[list[Any]] = [[]]
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            groups.append([])
        elif token.type != "comment":
            groups[-1].append(token)
    for tokens in groups:
        uses, wanted = _Reader().read(tokens)
        if len(groups) > 1:
            uses.add(_GROUPING)
        yield Selector(frozenset(uses), wanted)


class _Reader:
    """One selector, token by token."""

    def __init__(self) -> None:
        self._uses: set[str] = set()
        self._begin()

    def _begin(self) -> None:
        """Another part begins."""
        self._name = self._id = ""
        self._classes: set[str] = set()
        self._count = 0
        self._is_plain = True

    def read(self, tokens: Iterable[Any]) -> tuple[set[str], Element | None]:
        combinator = before = ""
        for token in tokens:
            mark = str(token.value) if token.type == "literal" else ""
            if token.type == "whitespace" or mark in _COMBINATORS:
                combinator, before = mark or combinator or " ", ""
                continue
            if combinator and (self._count or not self._is_plain):
                self._uses.add(_COMBINATORS[combinator])
                self._begin()
            combinator = ""
            self._token(token, before)
            before = mark
        if not self._count or not self._is_plain:
            return self._uses, None
        return self._uses, Element(self._name, self._id, frozenset(self._classes))

    def _token(self, token: Any, before: str) -> None:
        if before == ":" and token.type in ("ident", "function"):
            self._is_plain = False
            name = token.lower_value if token.type == "ident" else token.lower_name
            self._uses.update([_PSEUDO[name]] if name in _PSEUDO else [])
        elif token.type == "ident" and before == ".":
            self._classes.add(token.value)
            self._add(_CLASS)
        elif token.type == "ident":
            self._name = token.lower_value
            self._add(_TYPE)
        elif token.type == "hash":
            self._id = token.value
            self._add(_ID)
        elif token.type == "[] block":
            self._is_plain = False
            self._add(_ATTRIBUTE)
        elif token.type == "literal" and token.value == "*":
            self._add(_UNIVERSAL)
        elif token.type == "error" or (token.type == "literal" and token.value == _NESTS):
            self._is_plain = False  # what it stands for is in another rule

    def _add(self, slug: str) -> None:
        self._count += 1
        self._uses.add(slug)
        if self._count > 1:
            self._uses.add(_CHAINING)

"""Find the features of CSS that a selector uses, and the elements it matches.

The elements are those that its last part matches.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["SLUGS", "Element", "Selector", "read_selectors"]

_COMBINATOR_SLUGS = {
    " ": "css-selector-descendant",
    ">": "css-selector-child",
    "+": "css-selector-adjacent-sibling",
    "~": "css-selector-general-sibling",
}
_NESTING_SELECTOR = "&"
_GROUPING_SLUG = "css-selector-grouping"
_CHAINING_SLUG = "css-selector-chaining"
_TYPE_SLUG = "css-selector-type"
_CLASS_SLUG = "css-selector-class"
_ID_SLUG = "css-selector-id"
_ATTRIBUTE_SLUG = "css-selector-attribute"
_UNIVERSAL_SLUG = "css-selector-universal"

# The names after one or two colons.  Browsers accept one colon for the pseudo-elements of CSS 2, too.
_PSEUDO_SLUGS = {
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
        *_COMBINATOR_SLUGS.values(),
        *_PSEUDO_SLUGS.values(),
        *(_GROUPING_SLUG, _CHAINING_SLUG, _TYPE_SLUG, _CLASS_SLUG, _ID_SLUG, _ATTRIBUTE_SLUG, _UNIVERSAL_SLUG),
    }
)
"""The slugs that `read_selectors` can find."""


class Element(NamedTuple):
    """An element, or what a selector requires of one; an empty field requires nothing."""

    name: str
    id: str
    classes: frozenset[str]


class Selector(NamedTuple):
    """A selector: the features that it uses, and the elements that its last part matches.

    `subject` is None if a match depends on more than the element, such as for `:hover`.
    """

    features: frozenset[str]
    subject: Element | None


def read_selectors(prelude: Iterable[Any]) -> Iterator[Selector]:
    """Yield the selectors of a rule, parsed from tokens of tinycss2.

    >>> from tinycss2 import parse_component_value_list
    >>> a, b = read_selectors(parse_component_value_list("td > p.x, a:hover"))
    >>> a.subject, b.subject
    (Element(name='p', id='', classes=frozenset({'x'})), None)
    >>> sorted(b.features)
    ['css-pseudo-class-hover', 'css-selector-grouping', 'css-selector-type']
    """
    groups: list[list[Any]] = [[]]
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            groups.append([])
        elif token.type != "comment":
            groups[-1].append(token)
    for tokens in groups:
        features, subject = _SelectorReader().read(tokens)
        if len(groups) > 1:
            features.add(_GROUPING_SLUG)
        yield Selector(frozenset(features), subject)


class _SelectorReader:
    """Reads one selector, token by token."""

    def __init__(self) -> None:
        self._features: set[str] = set()
        self._begin_compound()

    def _begin_compound(self) -> None:
        self._name = self._id = ""
        self._classes: set[str] = set()
        self._simple_selector_count = 0
        self._is_plain = True

    def read(self, tokens: Iterable[Any]) -> tuple[set[str], Element | None]:
        combinator = previous_mark = ""
        for token in tokens:
            mark = str(token.value) if token.type == "literal" else ""
            if token.type == "whitespace" or mark in _COMBINATOR_SLUGS:
                combinator, previous_mark = mark or combinator or " ", ""
                continue
            if combinator and (self._simple_selector_count or not self._is_plain):
                self._features.add(_COMBINATOR_SLUGS[combinator])
                self._begin_compound()
            combinator = ""
            self._read_token(token, previous_mark)
            previous_mark = mark
        if not self._simple_selector_count or not self._is_plain:
            return self._features, None
        return self._features, Element(self._name, self._id, frozenset(self._classes))

    def _read_token(self, token: Any, previous_mark: str) -> None:
        if previous_mark == ":" and token.type in ("ident", "function"):
            self._is_plain = False
            name = token.lower_value if token.type == "ident" else token.lower_name
            self._features.update([_PSEUDO_SLUGS[name]] if name in _PSEUDO_SLUGS else [])
        elif token.type == "ident" and previous_mark == ".":
            self._classes.add(token.value)
            self._add_simple_selector(_CLASS_SLUG)
        elif token.type == "ident":
            self._name = token.lower_value
            self._add_simple_selector(_TYPE_SLUG)
        elif token.type == "hash":
            self._id = token.value
            self._add_simple_selector(_ID_SLUG)
        elif token.type == "[] block":
            self._is_plain = False
            self._add_simple_selector(_ATTRIBUTE_SLUG)
        elif token.type == "literal" and token.value == "*":
            self._add_simple_selector(_UNIVERSAL_SLUG)
        elif token.type == "error" or (token.type == "literal" and token.value == _NESTING_SELECTOR):
            self._is_plain = False  # `&` stands for the selector of the outer rule

    def _add_simple_selector(self, slug: str) -> None:
        self._simple_selector_count += 1
        self._features.add(slug)
        if self._simple_selector_count > 1:
            self._features.add(_CHAINING_SLUG)

"""Which features of CSS a mail uses: in `style` attributes, and in stylesheets, by the elements they are for.

A stylesheet's rule is for the elements that the last part of its selector names: what is in front of a combinator is
not looked at, so that the time that it takes grows with the size of a mail and not with its square.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

import tinycss2

from lazr.smtptest.web.htmlcheck import selectors
from lazr.smtptest.web.htmlcheck.selectors import read_selectors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lazr.smtptest.web.htmlcheck.selectors import Element

__all__ = ["SLUGS", "Stylesheets", "declared_in"]

# Properties, as patterns, where it is not `css-` and the name of one.
_SIDE = "top|right|bottom|left"
_PROPERTIES = {
    "css-animation": r"animation(-\w+)*",
    "css-block-inline-size": r"(block|inline)-size",
    "css-border": rf"border(-({_SIDE}))?(-(width|style|color))?",
    "css-border-image": r"border-image(-\w+)?",
    "css-border-inline-block": r"border-(inline|block)",
    "css-border-inline-block-individual": r"border-(inline|block)-(color|style|width|start|end)",
    "css-border-inline-block-longhand": r"border-(inline|block)-(start|end)-(color|style|width)",
    "css-border-radius": r"border(-(top|bottom)-(left|right))?-radius",
    "css-border-radius-logical": r"border-(start|end)-(start|end)-radius",
    "css-color-scheme": r"color-scheme",
    "css-column-layout-properties": r"columns|column-(count|fill|gap|rule(-\w+)?|span|width)",
    "css-gap": r"(row-|column-)?gap",
    "css-grid-template": r"grid-template(-(areas|columns|rows))?",
    "css-inset": r"inset(-(block|inline)(-(start|end))?)?",
    "css-left-right-top-bottom": _SIDE,
    "css-margin": rf"margin(-({_SIDE}))?",
    "css-margin-block-start-end": r"margin-block-(start|end)",
    "css-margin-inline-block": r"margin-(inline|block)",
    "css-margin-inline-start-end": r"margin-inline-(start|end)",
    "css-outline": r"outline(-(color|style|width))?",
    "css-overflow": r"overflow(-(x|y|block|inline))?",
    "css-padding": rf"padding(-({_SIDE}))?",
    "css-padding-block-start-end": r"padding-block-(start|end)",
    "css-padding-inline-block": r"padding-(inline|block)",
    "css-padding-inline-start-end": r"padding-inline-(start|end)",
    "css-scroll-snap": r"scroll-snap-\w+",
    "css-text-emphasis": r"text-emphasis(-(color|style))?",
    "css-transition": r"transition(-\w+)*",
    "css-variables": r"--.*",
}
_OWN_NAME = """
    accent-color align-items aspect-ratio backdrop-filter background background-blend-mode background-clip
    background-color background-image background-origin background-position background-repeat background-size
    border-collapse border-spacing box-shadow box-sizing caption-side clear clip-path column-count cursor direction
    display empty-cells filter flex-direction flex-wrap float font font-kerning font-size font-size-adjust font-stretch
    font-weight height hyphenate-character hyphenate-limit-chars hyphens inline-size justify-content letter-spacing
    line-height list-style list-style-image list-style-position list-style-type mask-image max-block-size max-height
    max-inline-size max-width min-block-size min-height min-inline-size min-width mix-blend-mode object-fit
    object-position opacity orphans outline-offset overflow-wrap position resize shape-margin shape-outside tab-size
    table-layout text-align text-align-last text-decoration text-decoration-color text-decoration-line
    text-decoration-skip-ink text-decoration-style text-decoration-thickness text-emphasis-position text-indent
    text-justify text-orientation text-overflow text-shadow text-transform text-underline-offset
    text-underline-position text-wrap transform user-select vertical-align visibility white-space white-space-collapse
    widows width word-break word-spacing word-wrap writing-mode z-index
"""
_PATTERNS = {slug: re.compile(pattern) for slug, pattern in _PROPERTIES.items()}

# A property with a keyword in its value.
_PAIRS = {
    ("display", "flex"): "css-display-flex",
    ("display", "inline-flex"): "css-display-flex",
    ("display", "grid"): "css-display-grid",
    ("display", "inline-grid"): "css-display-grid",
    ("display", "none"): "css-display-none",
}
_KEYWORDS = {
    "initial": "css-unit-initial",
    **dict.fromkeys(("fit-content", "min-content", "max-content"), "css-intrinsic-size"),
    **dict.fromkeys(
        ("system-ui", "ui-serif", "ui-sans-serif", "ui-rounded", "ui-monospace"),
        "css-sytem-ui",  # as they spell it
    ),
}
_FUNCTIONS = {
    "rgb": "css-rgb",
    "rgba": "css-rgba",
    "calc": "css-unit-calc",
    "clamp": "css-function-clamp",
    "light-dark": "css-function-light-dark",
    "max": "css-function-max",
    "min": "css-function-min",
    "var": "css-variables",
    **dict.fromkeys(("lch", "oklch", "lab", "oklab"), "css-modern-color"),
    **{
        f"{repeating}{kind}-gradient": f"css-{kind}-gradient"
        for kind in ("linear", "radial", "conic")
        for repeating in ("", "repeating-")
    },
}
_UNITS = {unit: f"css-unit-{unit}" for unit in re.findall("[a-z]+", "ch cm em ex in mm pc pt px rem vh vmax vmin vw")}
_PERCENT = "css-unit-percent"
_IMPORTANT = "css-important"
_COMMENTS = "css-comments"
_NESTING = "css-nesting"

_AT_RULES = {
    "font-face": "css-at-font-face",
    "import": "css-at-import",
    "keyframes": "css-at-keyframes",
    "-webkit-keyframes": "css-at-keyframes",
    "media": "css-at-media",
    "supports": "css-at-supports",
}
_MEDIA = {
    **dict.fromkeys(
        ("-webkit-device-pixel-ratio", "-webkit-min-device-pixel-ratio", "-webkit-max-device-pixel-ratio"),
        "css-at-media-device-pixel-ratio",
    ),
    **dict.fromkeys(("hover", "any-hover"), "css-at-media-hover"),
    "orientation": "css-at-media-orientation",
    "prefers-color-scheme": "css-at-media-prefers-color-scheme",
    "prefers-reduced-motion": "css-at-media-prefers-reduced-motion",
}
SLUGS: frozenset[str] = selectors.SLUGS.union(
    _PROPERTIES,
    (f"css-{name}" for name in _OWN_NAME.split()),
    (_PERCENT, _IMPORTANT, _COMMENTS, _NESTING),
    *(one.values() for one in (_PAIRS, _KEYWORDS, _FUNCTIONS, _UNITS, _AT_RULES, _MEDIA)),
)
"""What can be found."""

_DEEPEST = 16  # rules in rules
_OWN_PROPERTIES = frozenset(_OWN_NAME.split())


@cache
def declared_in(style: str) -> frozenset[str]:
    """What a `style` attribute uses.

    >>> sorted(declared_in("width: calc(1px + 2%)!important"))
    ['css-important', 'css-unit-calc', 'css-unit-percent', 'css-unit-px', 'css-width']
    """
    return frozenset(_declared(tinycss2.parse_blocks_contents(style)))


class Stylesheets:
    """What is in the `style` elements of a mail.

    `uses` are features of the sheets themselves, and how often each is there.
    """

    def __init__(self) -> None:
        self.uses: Counter[str] = Counter()
        # Rules by one of the things that their elements have, so that few are looked at for each element.
        self._rules: dict[str, dict[Element, set[str]]] = {}

    def add(self, sheet: str) -> None:
        """Read one."""
        waiting: list[tuple[Any, int]] = [(one, 0) for one in tinycss2.parse_stylesheet(sheet)]
        while waiting:
            rule, depth = waiting.pop()
            if rule.type == "comment":
                self.uses[_COMMENTS] += 1
            elif rule.type == "at-rule":
                waiting.extend((one, depth + 1) for one in self._at_rule(rule, depth))
            elif rule.type == "qualified-rule":
                declarations = tinycss2.parse_blocks_contents(rule.content)
                nested = [one for one in declarations if one.type in ("qualified-rule", "at-rule")]
                self.uses[_NESTING] += bool(nested)
                self._rule(rule.prelude, set(_declared(declarations)))
                if depth < _DEEPEST:
                    waiting.extend((one, depth + 1) for one in nested)

    def used_by(self, element: Element) -> set[str]:
        """What the rules use that are for that element."""
        found: set[str] = set()
        for key in ("*", element.name, f"#{element.id}", *(f".{name}" for name in element.classes)):
            for wanted, uses in self._rules.get(key, {}).items():
                if (
                    wanted.name in ("", element.name)
                    and wanted.id in ("", element.id)
                    and wanted.classes <= element.classes
                ):
                    found |= uses
        return found

    def _at_rule(self, rule: Any, depth: int) -> list[Any]:
        name = rule.lower_at_keyword
        if name in _AT_RULES:
            self.uses[_AT_RULES[name]] += 1
        if name == "media":
            self.uses.update({_MEDIA[one.lower_value] for one in _deep(rule.prelude) if _is(one, "ident", _MEDIA)})
        if rule.content is None or depth >= _DEEPEST:
            return []
        if name in ("media", "supports", "layer", "container"):
            rules: list[Any] = tinycss2.parse_rule_list(rule.content)
            return rules
        self.uses.update(set(_declared(tinycss2.parse_blocks_contents(rule.content))) if name == "font-face" else ())
        return []

    def _rule(self, prelude: list[Any], uses: set[str]) -> None:
        for selector in read_selectors(prelude):
            self.uses.update(selector.uses)
            wanted = selector.wanted
            if wanted is not None:
                key = f"#{wanted.id}" if wanted.id else next((f".{one}" for one in sorted(wanted.classes)), "")
                self._rules.setdefault(key or wanted.name or "*", {}).setdefault(wanted, set()).update(uses)


def _declared(declarations: Iterable[Any]) -> Iterator[str]:
    for one in declarations:
        if one.type == "comment":
            yield _COMMENTS
        if one.type != "declaration":
            continue
        yield from _of_property(one.lower_name)
        if one.important:
            yield _IMPORTANT
        for token in _deep(one.value):
            if token.type == "ident":
                word = token.lower_value
                for slug in (_KEYWORDS.get(word), _PAIRS.get((one.lower_name, word))):
                    yield from [slug] if slug else []
            elif _is(token, "function", _FUNCTIONS):
                yield _FUNCTIONS[token.lower_name]
            elif token.type == "dimension" and token.lower_unit in _UNITS:
                yield _UNITS[token.lower_unit]
            elif token.type == "percentage":
                yield _PERCENT


@cache
def _of_property(name: str) -> tuple[str, ...]:
    own = (f"css-{name}",) if name in _OWN_PROPERTIES else ()
    return own + tuple(slug for slug, pattern in _PATTERNS.items() if pattern.fullmatch(name))


def _deep(tokens: Iterable[Any]) -> Iterator[Any]:
    """All of them, with those that are in others."""
    waiting = list(tokens)
    while waiting:
        token = waiting.pop()
        yield token
        if token.type == "function":
            waiting.extend(token.arguments)
        elif token.type.endswith(" block"):
            waiting.extend(token.content)


def _is(token: Any, kind: str, names: Any) -> bool:
    return token.type == kind and (token.lower_value if kind == "ident" else token.lower_name) in names

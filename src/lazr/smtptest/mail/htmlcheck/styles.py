"""Find the features of CSS that a mail uses, in `style` attributes and in stylesheets.

A rule of a stylesheet counts for the elements that match the last part of its selector.  The parts before a combinator
are ignored, so that the time grows linearly with the size of a mail.

tinycss2 is imported at first use, because it is in an extra, and the server process uses only `SLUGS`.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

from lazr.smtptest.mail.htmlcheck import selectors
from lazr.smtptest.mail.htmlcheck.places import Place
from lazr.smtptest.mail.htmlcheck.selectors import read_selectors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lazr.smtptest.mail.htmlcheck.places import FeaturePlaces
    from lazr.smtptest.mail.htmlcheck.selectors import Element

__all__ = ["SLUGS", "Stylesheets", "find_style_features"]

# The properties, as patterns, of features whose slug is not `css-` and the name of the property.
_SIDES_PATTERN = "top|right|bottom|left"
_PROPERTY_PATTERNS = {
    "css-animation": r"animation(-\w+)*",
    "css-block-inline-size": r"(block|inline)-size",
    "css-border": rf"border(-({_SIDES_PATTERN}))?(-(width|style|color))?",
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
    "css-left-right-top-bottom": _SIDES_PATTERN,
    "css-margin": rf"margin(-({_SIDES_PATTERN}))?",
    "css-margin-block-start-end": r"margin-block-(start|end)",
    "css-margin-inline-block": r"margin-(inline|block)",
    "css-margin-inline-start-end": r"margin-inline-(start|end)",
    "css-outline": r"outline(-(color|style|width))?",
    "css-overflow": r"overflow(-(x|y|block|inline))?",
    "css-padding": rf"padding(-({_SIDES_PATTERN}))?",
    "css-padding-block-start-end": r"padding-block-(start|end)",
    "css-padding-inline-block": r"padding-(inline|block)",
    "css-padding-inline-start-end": r"padding-inline-(start|end)",
    "css-scroll-snap": r"scroll-snap-\w+",
    "css-text-emphasis": r"text-emphasis(-(color|style))?",
    "css-transition": r"transition(-\w+)*",
    "css-variables": r"--.*",
}
_SAME_NAME_PROPERTIES = """
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
_COMPILED_PROPERTY_PATTERNS = {slug: re.compile(pattern) for slug, pattern in _PROPERTY_PATTERNS.items()}

# Features that depend on a keyword in the value of a property.
_PROPERTY_VALUE_SLUGS = {
    ("display", "flex"): "css-display-flex",
    ("display", "inline-flex"): "css-display-flex",
    ("display", "grid"): "css-display-grid",
    ("display", "inline-grid"): "css-display-grid",
    ("display", "none"): "css-display-none",
}
_KEYWORD_SLUGS = {
    "initial": "css-unit-initial",
    **dict.fromkeys(("fit-content", "min-content", "max-content"), "css-intrinsic-size"),
    **dict.fromkeys(
        ("system-ui", "ui-serif", "ui-sans-serif", "ui-rounded", "ui-monospace"),
        "css-sytem-ui",  # the spelling of caniemail.com
    ),
}
_FUNCTION_SLUGS = {
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
_UNIT_SLUGS = {
    unit: f"css-unit-{unit}" for unit in re.findall("[a-z]+", "ch cm em ex in mm pc pt px rem vh vmax vmin vw")
}
_PERCENT_SLUG = "css-unit-percent"
_IMPORTANT_SLUG = "css-important"
_COMMENTS_SLUG = "css-comments"
_NESTING_SLUG = "css-nesting"

_AT_RULE_SLUGS = {
    "font-face": "css-at-font-face",
    "import": "css-at-import",
    "keyframes": "css-at-keyframes",
    "-webkit-keyframes": "css-at-keyframes",
    "media": "css-at-media",
    "supports": "css-at-supports",
}
_MEDIA_FEATURE_SLUGS = {
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
    _PROPERTY_PATTERNS,
    (f"css-{name}" for name in _SAME_NAME_PROPERTIES.split()),
    (_PERCENT_SLUG, _IMPORTANT_SLUG, _COMMENTS_SLUG, _NESTING_SLUG),
    *(
        slugs_by_name.values()
        for slugs_by_name in (
            _PROPERTY_VALUE_SLUGS,
            _KEYWORD_SLUGS,
            _FUNCTION_SLUGS,
            _UNIT_SLUGS,
            _AT_RULE_SLUGS,
            _MEDIA_FEATURE_SLUGS,
        )
    ),
)
"""The slugs that this module can find."""

_MAX_NESTING_DEPTH = 16  # of rules in rules
_SAME_NAME_PROPERTY_SET = frozenset(_SAME_NAME_PROPERTIES.split())


@cache
def find_style_features(style: str) -> frozenset[str]:
    """Return the slugs of the features that a `style` attribute uses.

    >>> sorted(find_style_features("width: calc(1px + 2%)!important"))
    ['css-important', 'css-unit-calc', 'css-unit-percent', 'css-unit-px', 'css-width']
    """
    import tinycss2

    return frozenset(_find_declaration_features(tinycss2.parse_blocks_contents(style)))


class Stylesheets:
    """The `style` elements of a mail.

    Args:
        places: receives the places of the features, also of rules that no element matches.

    Attributes:
        feature_counts: how often each feature occurs in the stylesheets themselves, whether or not an element matches.
    """

    def __init__(self, places: FeaturePlaces) -> None:
        self._places = places
        self._sheet_place = Place(1, 1)
        self.feature_counts: Counter[str] = Counter()
        # The features of rules by subject.  The key is the subject's ID, class or name, so that only few rules are
        # compared with each element.
        self._features_by_key: dict[str, dict[Element, set[str]]] = {}

    def add(self, sheet: str, place: Place) -> None:
        """Parse a stylesheet and add its rules; it starts at this place of the document."""
        import tinycss2

        self._sheet_place = place
        sheet = sheet.replace("\f", " ")  # in CSS, a form feed ends a line; in the document, it does not
        pending: list[tuple[Any, int]] = [(rule, 0) for rule in tinycss2.parse_stylesheet(sheet)]
        while pending:
            rule, depth = pending.pop()
            if rule.type == "comment":
                self._count({_COMMENTS_SLUG}, rule)
            elif rule.type == "at-rule":
                pending.extend((inner, depth + 1) for inner in self._read_at_rule(rule, depth))
            elif rule.type == "qualified-rule":
                declarations = tinycss2.parse_blocks_contents(rule.content)
                nested = [node for node in declarations if node.type in ("qualified-rule", "at-rule")]
                if nested:
                    self._count({_NESTING_SLUG}, rule)
                self._index_rule(rule, self._find_features(declarations))
                if depth < _MAX_NESTING_DEPTH:
                    pending.extend((inner, depth + 1) for inner in nested)

    def find_features(self, element: Element) -> set[str]:
        """Return the slugs of the features of all rules that match an element."""
        slugs: set[str] = set()
        for key in ("*", element.name, f"#{element.id}", *(f".{name}" for name in element.classes)):
            for subject, features in self._features_by_key.get(key, {}).items():
                if (
                    subject.name in ("", element.name)
                    and subject.id in ("", element.id)
                    and subject.classes <= element.classes
                ):
                    slugs |= features
        return slugs

    def _read_at_rule(self, rule: Any, depth: int) -> list[Any]:
        import tinycss2

        name = rule.lower_at_keyword
        if name in _AT_RULE_SLUGS:
            self._count({_AT_RULE_SLUGS[name]}, rule)
        if name == "media":
            slugs = {
                _MEDIA_FEATURE_SLUGS[token.lower_value]
                for token in _iterate_tokens(rule.prelude)
                if _is_token_in(token, "ident", _MEDIA_FEATURE_SLUGS)
            }
            self._count(slugs, rule)
        if rule.content is None or depth >= _MAX_NESTING_DEPTH:
            return []
        if name in ("media", "supports", "layer", "container"):
            rules: list[Any] = tinycss2.parse_rule_list(rule.content)
            return rules
        if name == "font-face":
            self.feature_counts.update(self._find_features(tinycss2.parse_blocks_contents(rule.content)))
        return []

    def _count(self, slugs: set[str], node: Any) -> None:
        """Count features once, at the place of a node of tinycss2."""
        self.feature_counts.update(slugs)
        self._places.add(slugs, self._find_place(node))

    def _find_features(self, declarations: list[Any]) -> set[str]:
        """Return the features of declarations, and record their places."""
        features: set[str] = set()
        for declaration in declarations:
            slugs = set(_find_declaration_features([declaration]))
            self._places.add(slugs, self._find_place(declaration))
            features |= slugs
        return features

    def _find_place(self, node: Any) -> Place:
        """Return the place in the document of a node of tinycss2."""
        start = self._sheet_place
        column = node.source_column + (start.column - 1 if node.source_line == 1 else 0)
        return Place(start.line + node.source_line - 1, column)

    def _index_rule(self, rule: Any, features: set[str]) -> None:
        for selector in read_selectors(rule.prelude):
            self._count(set(selector.features), rule)
            subject = selector.subject
            if subject is not None:
                key = f"#{subject.id}" if subject.id else next((f".{name}" for name in sorted(subject.classes)), "")
                features_by_subject = self._features_by_key.setdefault(key or subject.name or "*", {})
                features_by_subject.setdefault(subject, set()).update(features)


def _find_declaration_features(declarations: Iterable[Any]) -> Iterator[str]:
    for declaration in declarations:
        if declaration.type == "comment":
            yield _COMMENTS_SLUG
        if declaration.type != "declaration":
            continue
        yield from _find_property_features(declaration.lower_name)
        if declaration.important:
            yield _IMPORTANT_SLUG
        for token in _iterate_tokens(declaration.value):
            if token.type == "ident":
                word = token.lower_value
                for slug in (_KEYWORD_SLUGS.get(word), _PROPERTY_VALUE_SLUGS.get((declaration.lower_name, word))):
                    yield from [slug] if slug else []
            elif _is_token_in(token, "function", _FUNCTION_SLUGS):
                yield _FUNCTION_SLUGS[token.lower_name]
            elif token.type == "dimension" and token.lower_unit in _UNIT_SLUGS:
                yield _UNIT_SLUGS[token.lower_unit]
            elif token.type == "percentage":
                yield _PERCENT_SLUG


@cache
def _find_property_features(name: str) -> tuple[str, ...]:
    same_name = (f"css-{name}",) if name in _SAME_NAME_PROPERTY_SET else ()
    return same_name + tuple(slug for slug, pattern in _COMPILED_PROPERTY_PATTERNS.items() if pattern.fullmatch(name))


def _iterate_tokens(tokens: Iterable[Any]) -> Iterator[Any]:
    """Yield tokens, and the tokens in functions and blocks."""
    pending = list(tokens)
    while pending:
        token = pending.pop()
        yield token
        if token.type == "function":
            pending.extend(token.arguments)
        elif token.type.endswith(" block"):
            pending.extend(token.content)


def _is_token_in(token: Any, kind: str, names: Any) -> bool:
    return token.type == kind and (token.lower_value if kind == "ident" else token.lower_name) in names

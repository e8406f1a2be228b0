"""Which features of HTML a tag uses: elements, attributes, and the kinds of pictures."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["SLUGS", "used_by"]

# Elements, where it is not `html-` and the name of one.
_ELEMENTS = {
    "html-h1-h6": "h1 h2 h3 h4 h5 h6",
    "html-image-maps": "map",
    "html-lists": "ul ol dl",
    "html-object": "object embed",
    "html-semantics": "article aside details figcaption figure footer header main mark nav section summary time",
}
_OWN_NAME = """
    abbr acronym address audio base bdi blockquote body code del dfn dialog div form hr img link marquee meter p picture
    pre progress rp rt ruby select small span strike strong style svg table textarea video wbr
"""

# Attributes, of whatever element, where it is not `html-` and the name of one.
_ATTRIBUTES = {
    "css-inert-attribute": "inert",
    "html-loading-attribute": "loading",
    "html-image-maps": "usemap",
    "html-srcset": "srcset sizes",
}
_OWN_ATTRIBUTE = """
    align aria-describedby aria-hidden aria-label aria-labelledby aria-live background cellpadding cellspacing dir
    height hidden lang popover required role target valign width
"""

# Elements by what an attribute of theirs says, in lower case.
_VALUES: tuple[tuple[str, str, str, re.Pattern[str]], ...] = tuple(
    (slug, element, attribute, re.compile(pattern))
    for slug, element, attribute, pattern in (
        ("html-anchor-links", "a", "href", r"\s*#.*"),
        ("html-mailto-links", "a", "href", r"\s*mailto:.*"),
        ("html-button-reset", "button", "type", "reset"),
        ("html-button-submit", "button", "type", "submit"),
        ("html-input-checkbox", "input", "type", "checkbox"),
        ("html-input-hidden", "input", "type", "hidden"),
        ("html-input-radio", "input", "type", "radio"),
        ("html-input-reset", "input", "type", "reset"),
        ("html-input-submit", "input", "type", "submit"),
        ("html-input-text", "input", "type", "text"),
        ("html-meta-color-scheme", "meta", "name", r"(?:supported-)?color-schemes?"),
    )
)

# Pictures, by how the path of their URL ends.
_PICTURES = {
    **{
        f"image-{end}": (f".{end}",)
        for end in ["apng", "avif", "bmp", "gif", "hdr", "heif", "ico", "mp4", "png", "svg", "webp"]
    },
    "image-jpg": (".jpg", ".jpeg"),
    "image-tiff": (".tif", ".tiff"),
}
_BASE64 = "image-base64"


def _by_name(own: str, others: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {name: (f"html-{name}",) for name in own.split()}
    for slug, names in others.items():
        for name in names.split():
            found[name] = (*found.get(name, ()), slug)
    return found


_OF_ELEMENT = _by_name(_OWN_NAME, _ELEMENTS)
_OF_ATTRIBUTE = _by_name(_OWN_ATTRIBUTE, _ATTRIBUTES)
_OF_VALUE: dict[str, list[tuple[str, str, Callable[[str], object]]]] = {}
for _slug, _element, _attribute, _pattern in _VALUES:
    _OF_VALUE.setdefault(_element, []).append((_slug, _attribute, _pattern.fullmatch))

SLUGS: frozenset[str] = frozenset(
    {slug for slugs in (*_OF_ELEMENT.values(), *_OF_ATTRIBUTE.values()) for slug in slugs}
    | {slug for slug, *_ in _VALUES}
    | {*_PICTURES, _BASE64}
)
"""What `used_by` can find."""


def used_by(name: str, attributes: Mapping[str, str]) -> Iterator[str]:
    """The slugs of what an element uses.

    >>> sorted(used_by("img", {"src": "https://a.test/a.GIF?1", "width": "1"}))
    ['html-img', 'html-width', 'image-gif']
    """
    yield from _OF_ELEMENT.get(name, ())
    for attribute in attributes:
        yield from _OF_ATTRIBUTE.get(attribute, ())
    for slug, attribute, is_it in _OF_VALUE.get(name, ()):
        if is_it(attributes.get(attribute, "").lower()):
            yield slug
    if name == "img":
        yield from _picture(attributes.get("src", "").strip().lower())


def _picture(url: str) -> Iterator[str]:
    if url.startswith("data:image/"):
        yield _BASE64
        return
    try:
        path = urlsplit(url).path
    except ValueError:
        return
    for slug, ends in _PICTURES.items():
        if path.endswith(ends):
            yield slug

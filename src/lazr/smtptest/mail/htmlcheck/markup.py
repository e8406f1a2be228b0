"""Find the features of HTML that a tag uses: elements, attributes and image formats."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["SLUGS", "find_tag_features"]

# The elements of features whose slug is not `html-` and the name of the element.
_ELEMENTS_BY_SLUG = {
    "html-h1-h6": "h1 h2 h3 h4 h5 h6",
    "html-image-maps": "map",
    "html-lists": "ul ol dl",
    "html-object": "object embed",
    "html-semantics": "article aside details figcaption figure footer header main mark nav section summary time",
}
_SAME_NAME_ELEMENTS = """
    abbr acronym address audio base bdi blockquote body code del dfn dialog div form hr img link marquee meter p picture
    pre progress rp rt ruby select small span strike strong style svg table textarea video wbr
"""

# The attributes, of any element, of features whose slug is not `html-` and the name of the attribute.
_ATTRIBUTES_BY_SLUG = {
    "css-inert-attribute": "inert",
    "html-loading-attribute": "loading",
    "html-image-maps": "usemap",
    "html-srcset": "srcset sizes",
}
_SAME_NAME_ATTRIBUTES = """
    align aria-describedby aria-hidden aria-label aria-labelledby aria-live background cellpadding cellspacing dir
    height hidden lang popover required role target valign width
"""

# Features that depend on the value of an attribute: slug, element, attribute, pattern of the value in lower case.
_ATTRIBUTE_VALUE_PATTERNS: tuple[tuple[str, str, str, re.Pattern[str]], ...] = tuple(
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

# Image formats, by the end of the path of the image's URL.
_IMAGE_SUFFIXES_BY_SLUG = {
    **{
        f"image-{suffix}": (f".{suffix}",)
        for suffix in ["apng", "avif", "bmp", "gif", "hdr", "heif", "ico", "mp4", "png", "svg", "webp"]
    },
    "image-jpg": (".jpg", ".jpeg"),
    "image-tiff": (".tif", ".tiff"),
}
_BASE64_IMAGE_SLUG = "image-base64"


def _index_slugs_by_name(same_names: str, other_names: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    slugs_by_name: dict[str, tuple[str, ...]] = {name: (f"html-{name}",) for name in same_names.split()}
    for slug, names in other_names.items():
        for name in names.split():
            slugs_by_name[name] = (*slugs_by_name.get(name, ()), slug)
    return slugs_by_name


_SLUGS_BY_ELEMENT = _index_slugs_by_name(_SAME_NAME_ELEMENTS, _ELEMENTS_BY_SLUG)
_SLUGS_BY_ATTRIBUTE = _index_slugs_by_name(_SAME_NAME_ATTRIBUTES, _ATTRIBUTES_BY_SLUG)
_VALUE_TESTS_BY_ELEMENT: dict[str, list[tuple[str, str, Callable[[str], object]]]] = {}
for _slug, _element, _attribute, _pattern in _ATTRIBUTE_VALUE_PATTERNS:
    _VALUE_TESTS_BY_ELEMENT.setdefault(_element, []).append((_slug, _attribute, _pattern.fullmatch))

SLUGS: frozenset[str] = frozenset(
    {slug for slugs in (*_SLUGS_BY_ELEMENT.values(), *_SLUGS_BY_ATTRIBUTE.values()) for slug in slugs}
    | {slug for slug, *_ in _ATTRIBUTE_VALUE_PATTERNS}
    | {*_IMAGE_SUFFIXES_BY_SLUG, _BASE64_IMAGE_SLUG}
)
"""The slugs that `find_tag_features` can find."""


def find_tag_features(name: str, attributes: Mapping[str, str]) -> Iterator[str]:
    """Yield the slugs of the features that a tag uses.

    >>> sorted(find_tag_features("img", {"src": "https://a.test/a.GIF?1", "width": "1"}))
    ['html-img', 'html-width', 'image-gif']
    """
    yield from _SLUGS_BY_ELEMENT.get(name, ())
    for attribute in attributes:
        yield from _SLUGS_BY_ATTRIBUTE.get(attribute, ())
    for slug, attribute, matches in _VALUE_TESTS_BY_ELEMENT.get(name, ()):
        if matches(attributes.get(attribute, "").lower()):
            yield slug
    if name == "img":
        yield from _find_image_features(attributes.get("src", "").strip().lower())


def _find_image_features(url: str) -> Iterator[str]:
    if url.startswith("data:image/"):
        yield _BASE64_IMAGE_SLUG
        return
    try:
        path = urlsplit(url).path
    except ValueError:
        return
    for slug, suffixes in _IMAGE_SUFFIXES_BY_SLUG.items():
        if path.endswith(suffixes):
            yield slug

"""Count the features that an HTML document uses, and find their places.

The document is read from standard input; the counts and places are written as JSON to standard output.

`measure` runs this module in a child process.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from typing import NamedTuple

from lazr.smtptest._util.child_process import read_stdin_with_limits
from lazr.smtptest.mail.html.tokens import Tag, parse_attributes, tokenize
from lazr.smtptest.mail.htmlcheck import markup, styles
from lazr.smtptest.mail.htmlcheck.places import MAX_PLACES, FeaturePlaces, Place
from lazr.smtptest.mail.htmlcheck.selectors import Element
from lazr.smtptest.mail.htmlcheck.styles import Stylesheets, find_style_features

__all__ = ["SCRIPT_SLUG", "TESTED_SLUGS", "FeatureCounts", "count_features"]

SCRIPT_SLUG = "html-script"
"""The slug of scripts, which caniemail.com has no data about: no mail program runs them."""

_DOCTYPE_SLUG = "html-doctype"
_HTML5_DOCTYPE_PATTERN = re.compile(r"\s*+(?:<!--.*?-->\s*+)?(<!doctype\s++html\s*+>)", re.IGNORECASE | re.DOTALL)
_DATA_SCRIPT_TYPE_PATTERN = re.compile(r"application/(?:ld\+)?json")  # data, not a script

# The elements that do not count as nodes, in a document with a body and in a fragment without.
_UNCOUNTED_IN_DOCUMENT = frozenset({"html", "head", "meta"})
_UNCOUNTED_IN_FRAGMENT = _UNCOUNTED_IN_DOCUMENT | {"body", "title", "style", "link", "base"}

TESTED_SLUGS: frozenset[str] = markup.SLUGS | styles.SLUGS | {_DOCTYPE_SLUG, SCRIPT_SLUG}
"""The slugs that `count_features` can find."""


class FeatureCounts(NamedTuple):
    """The number of elements of a document, and how often and where each feature is used.

    The features are named by slug.  The places are those of tags, and of declarations and rules in stylesheets; at most
    20 of each feature.
    """

    nodes: int
    found: Counter[str]
    places: dict[str, list[Place]]


def count_features(html: str) -> FeatureCounts:
    """Return the number of elements, and how often and where each feature is used.

    >>> counts = count_features("<style>p{color:RGB(0,0,0)}</style><p>a</p><p style='width:1em'>b</p>")
    >>> counts.found["css-rgb"], counts.places["css-rgb"], counts.places["css-width"]
    (2, [Place(line=1, column=10)], [Place(line=1, column=43)])
    """
    places = FeaturePlaces(html)
    counts: Counter[str] = Counter()
    doctype = _HTML5_DOCTYPE_PATTERN.match(html)
    if doctype is not None:
        counts[_DOCTYPE_SLUG] = 1
        places.add({_DOCTYPE_SLUG}, places.find(doctype.start(1)))
    sheets = Stylesheets(places)
    names: Counter[str] = Counter()
    elements: Counter[tuple[Element, str]] = Counter()
    style_places: dict[str, list[Place]] = {}
    for token in tokenize(html, lambda _: None):
        if not isinstance(token, Tag) or token.is_end:
            continue
        attributes = parse_attributes(token.attribute_text)
        name = token.name
        names[name] += 1
        place = places.find(token.start)
        slugs = set(markup.find_tag_features(name, attributes))
        counts.update(slugs)
        places.add(slugs, place)
        if name == "style":
            sheets.add(token.raw_text, places.find(token.end))
        elif name == "script":
            script_type = attributes.get("type", "").strip().lower()
            if _DATA_SCRIPT_TYPE_PATTERN.fullmatch(script_type) is None:
                counts[SCRIPT_SLUG] += 1
                places.add({SCRIPT_SLUG}, place)
        classes = frozenset(attributes.get("class", "").split())
        style = attributes.get("style", "")
        elements[Element(name, attributes.get("id", ""), classes), style] += 1
        known = style_places.setdefault(style, [])
        if style and len(known) < MAX_PLACES:
            known.append(place)
    for (element, style), count in elements.items():
        for slug in sheets.find_features(element) | find_style_features(style):
            counts[slug] += count
    for style, found in style_places.items():
        for place in found:
            places.add(find_style_features(style), place)
    uncounted = _UNCOUNTED_IN_DOCUMENT if names["body"] else _UNCOUNTED_IN_FRAGMENT
    node_count = sum(count for name, count in names.items() if name not in uncounted)
    total = +(counts + sheets.feature_counts)
    return FeatureCounts(node_count, total, {slug: places.get_places(slug) for slug in total})


def _main() -> None:
    counts = count_features(read_stdin_with_limits().decode("utf-8", "replace"))
    sys.stdout.write(json.dumps(counts._asdict()))


if __name__ == "__main__":
    _main()

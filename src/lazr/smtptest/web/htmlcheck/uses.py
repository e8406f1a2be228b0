"""What HTML uses, counted: HTML on standard input, JSON on standard output; run by `score`, apart from us."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter

from lazr.smtptest.mail.html.tokens import Tag, attributes, tokens
from lazr.smtptest.web.apart import begin
from lazr.smtptest.web.htmlcheck import markup, styles
from lazr.smtptest.web.htmlcheck.selectors import Element
from lazr.smtptest.web.htmlcheck.styles import Stylesheets, declared_in

__all__ = ["SCRIPT", "TESTS", "uses"]

SCRIPT = "html-script"
"""What caniemail.com has no data about, as there is nothing to tell: scripts run nowhere."""

_DOCTYPE = "html-doctype"
_IS_HTML5 = re.compile(r"\s*+(?:<!--.*?-->\s*+)?<!doctype\s++html\s*+>", re.IGNORECASE | re.DOTALL)
_DATA = re.compile(r"application/(?:ld\+)?json")  # a script that is none

# What counts as a node, where there is a body, and where the HTML is what would be in one.
_NOT_IN_ALL = frozenset({"html", "head", "meta"})
_NOT_IN_BODY = _NOT_IN_ALL | {"body", "title", "style", "link", "base"}

TESTS: frozenset[str] = markup.SLUGS | styles.SLUGS | {_DOCTYPE, SCRIPT}
"""All that is looked for."""


def uses(html: str) -> tuple[int, Counter[str]]:
    """How many elements there are, and how often each feature is used.

    >>> uses("<style>p{color:RGB(0,0,0)}</style><p>a</p><p style='width:1em'>b</p>")[1]["css-rgb"]
    2
    """
    found: Counter[str] = Counter()
    found[_DOCTYPE] = int(_IS_HTML5.match(html) is not None)
    sheets = Stylesheets()
    names: Counter[str] = Counter()
    elements: Counter[tuple[Element, str]] = Counter()
    for token in tokens(html, lambda _: None):
        if not isinstance(token, Tag) or token.is_end:
            continue
        given = attributes(token.rest)
        name = token.name
        names[name] += 1
        found.update(set(markup.used_by(name, given)))
        if name == "style":
            sheets.add(token.held)
        elif name == "script":
            found[SCRIPT] += _DATA.fullmatch(given.get("type", "").strip().lower()) is None
        classes = frozenset(given.get("class", "").split())
        elements[Element(name, given.get("id", ""), classes), given.get("style", "")] += 1
    for (element, style), count in elements.items():
        for slug in sheets.used_by(element) | declared_in(style):
            found[slug] += count
    left_out = _NOT_IN_ALL if names["body"] else _NOT_IN_BODY
    return sum(count for name, count in names.items() if name not in left_out), +(found + sheets.uses)


def _main() -> None:
    nodes, found = uses(begin().decode("utf-8", "replace"))
    sys.stdout.write(json.dumps({"nodes": nodes, "found": found}))


if __name__ == "__main__":
    _main()

"""Compare the table of links in plain text with linkify-it, the linkifier of markdown-it.

    npm install --prefix .cache/node linkify-it
    python tools/compare_links.py

It prints each text in which linkify-it finds other URLs, for the examples of `tests/mail/link_examples.py` that follow
linkify-it, and exits with status 1 if there are any.  It also prints the decisions that have become needless.
"""

from __future__ import annotations

import sys

from npm_comparison import ROOT, compare_examples

sys.path.insert(0, str(ROOT))

from tests.mail.link_examples import DECISIONS, EXAMPLES

SCRIPT = """
const loaded = load("linkify-it");
const LinkifyIt = loaded.default || loaded.LinkifyIt || loaded;
const linkify = new LinkifyIt({"//": null}, {fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false});
const convert = text => (linkify.match(text) || []).map(match => match.raw);
"""

if __name__ == "__main__":
    sys.exit(compare_examples("linkify-it", SCRIPT, EXAMPLES, DECISIONS))

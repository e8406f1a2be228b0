"""Compare the table of texts of HTML with html-to-text from npm.

    npm install --prefix .cache/node html-to-text
    python tools/compare_html_text.py

It prints each HTML of which html-to-text makes another text, for the examples of `tests/mail/html/text_examples.py`
that follow html-to-text, and exits with status 1 if there are any.  It also prints the decisions that have become
needless.  Spaces at the ends of lines are not compared.
"""

from __future__ import annotations

import sys

from npm_comparison import ROOT, compare_examples

sys.path.insert(0, str(ROOT))

from tests.mail.html.text_examples import DECISIONS, EXAMPLES

SCRIPT = r"""
const htmlToText = load("html-to-text").convert;
const headings = ["h1", "h2", "h3", "h4", "h5", "h6"];
const options = {
  wordwrap: false,
  selectors: [
    {selector: "a", options: {ignoreHref: true}},
    {selector: "img", format: "skip"},
    {selector: "ul", options: {itemPrefix: "- "}},
    ...headings.map(selector => ({selector, options: {uppercase: false}})),
  ],
};
const convert = html => htmlToText(html, options).split("\n").map(line => line.replace(/ +$/, "")).join("\n");
"""

if __name__ == "__main__":
    sys.exit(compare_examples("html-to-text", SCRIPT, EXAMPLES, DECISIONS))

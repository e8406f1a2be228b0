"""Writes the table of what mail programs support, out of the data of caniemail.com: `make caniemail`.

The data come with the npm package `caniemail`, in the form of https://www.caniemail.com/api/data.json; both are under
the MIT licence, whose text is beside the table.  What nobody here reads is left out, and Markdown becomes HTML.
"""

import html
import json
import re
import sys
from pathlib import Path

TABLE = Path(__file__).parent.parent / "src" / "lazr" / "smtptest" / "web" / "htmlcheck" / "caniemail.json"

SITE = "https://www.caniemail.com"

_MARKDOWN = re.compile(r"`([^`]+)`|\[([^\]]+)\]\((https?://[^\s)]+|/[^\s)]*)\)")


def as_html(markdown):
    """Code and links, which is all that they use; the rest is text.

    >>> as_html("See `<b>` & [this](/features/).")
    'See <code>&lt;b&gt;</code> &amp; <a href="https://www.caniemail.com/features/" target="_blank">this</a>.'
    """
    out, at = [], 0
    for match in _MARKDOWN.finditer(markdown):
        out.append(html.escape(markdown[at : match.start()], quote=False))
        code, text, url = match.groups()
        if code is not None:
            out.append(f"<code>{html.escape(code, quote=False)}</code>")
        else:
            url = SITE + url if url.startswith("/") else url
            text = as_html(text)
            out.append(f'<a href="{html.escape(url)}" target="_blank">{text}</a>')
        at = match.end()
    return "".join((*out, html.escape(markdown[at:], quote=False)))


def row(feature):
    """What is kept of a feature; its support as `{"gmail ios": "2019-02 y, 2020-01 a 1 2"}`."""
    support = {
        f"{family} {platform}": ", ".join(f"{version} {said.replace('#', '')}" for version, said in versions.items())
        for family, platforms in feature["stats"].items()
        for platform, versions in platforms.items()
    }
    return {
        "slug": feature["slug"],
        "title": feature["title"].strip(),
        "description": as_html((feature["description"] or "").strip()),
        "url": feature["url"],
        "category": feature["category"],
        "tags": feature["tags"] or [],
        "keywords": feature["keywords"] or "",
        "notes": {number: as_html(note) for number, note in (feature["notes_by_num"] or {}).items()},
        "support": support,
    }


def table(data):
    """The file's text: a feature a line."""
    head = {
        "source": "https://www.caniemail.com, MIT, Copyright (c) 2019 Rémi Parmentier; see LICENSE.caniemail.txt",
        "updated": data["last_update_date"],
        "families": data["nicenames"]["family"],
        "platforms": data["nicenames"]["platform"],
    }
    lines = [json.dumps(row(one), ensure_ascii=False, separators=(",", ":")) for one in data["data"]]
    return json.dumps(head, ensure_ascii=False, indent=1)[:-2] + ',\n "features": [\n' + ",\n".join(lines) + "\n]}\n"


if __name__ == "__main__":
    TABLE.write_text(table(json.loads(Path(sys.argv[1]).read_text("utf-8"))), "utf-8")

"""Write the table of HTML and CSS support in mail programs (`make caniemail`).

The source is the data of caniemail.com.

The npm package `caniemail` contains the data in the format of https://www.caniemail.com/api/data.json.  Both have the
MIT license; its text is next to the table.  This tool drops unused fields and converts Markdown to HTML.
"""

import html
import json
import re
import sys
from pathlib import Path

TABLE = Path(__file__).parent.parent / "src" / "lazr" / "smtptest" / "mail" / "htmlcheck" / "caniemail.json"

SITE = "https://www.caniemail.com"

_MARKDOWN = re.compile(r"`([^`]+)`|\[([^\]]+)\]\((https?://[^\s)]+|/[^\s)]*)\)")


def render_html(markdown):
    """Return HTML for the Markdown that the data uses: code and links.

    >>> render_html("See `<b>` & [this](/features/).")
    'See <code>&lt;b&gt;</code> &amp; <a href="https://www.caniemail.com/features/" target="_blank">this</a>.'
    """
    chunks, position = [], 0
    for match in _MARKDOWN.finditer(markdown):
        chunks.append(html.escape(markdown[position : match.start()], quote=False))
        code, text, url = match.groups()
        if code is not None:
            chunks.append(f"<code>{html.escape(code, quote=False)}</code>")
        else:
            url = SITE + url if url.startswith("/") else url
            text = render_html(text)
            chunks.append(f'<a href="{html.escape(url)}" target="_blank">{text}</a>')
        position = match.end()
    return "".join((*chunks, html.escape(markdown[position:], quote=False)))


def build_row(feature):
    """Return the row of a feature.

    Its support looks like `{"gmail ios": "2019-02 y, 2020-01 a 1 2"}`.
    """
    support = {
        f"{family} {platform}": ", ".join(f"{version} {text.replace('#', '')}" for version, text in versions.items())
        for family, platforms in feature["stats"].items()
        for platform, versions in platforms.items()
    }
    return {
        "slug": feature["slug"],
        "title": feature["title"].strip(),
        "description": render_html((feature["description"] or "").strip()),
        "url": feature["url"],
        "category": feature["category"],
        "tags": feature["tags"] or [],
        "keywords": feature["keywords"] or "",
        "notes": {number: render_html(note) for number, note in (feature["notes_by_num"] or {}).items()},
        "support": support,
    }


def build_table(data):
    """Return the text of the table, with one line for each feature."""
    head = {
        "source": "https://www.caniemail.com, MIT, Copyright (c) 2019 Rémi Parmentier; see LICENSE.caniemail.txt",
        "updated": data["last_update_date"],
        "families": data["nicenames"]["family"],
        "platforms": data["nicenames"]["platform"],
    }
    lines = [json.dumps(build_row(feature), ensure_ascii=False, separators=(",", ":")) for feature in data["data"]]
    return json.dumps(head, ensure_ascii=False, indent=1)[:-2] + ',\n "features": [\n' + ",\n".join(lines) + "\n]}\n"


if __name__ == "__main__":
    TABLE.write_text(build_table(json.loads(Path(sys.argv[1]).read_text("utf-8"))), "utf-8")

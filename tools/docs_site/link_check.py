"""Check the built site: each link leads to a file and an anchor, and no page loads anything from another server.

    python -m tools.docs_site.link_check site

Links to other servers are the task of `make linkcheck`, which needs the Internet.
"""

import re
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

# The attributes that make a browser load something.  A link of <a> loads nothing before a click.
_LOADING_ATTRIBUTES = {
    ("audio", "src"),
    ("embed", "src"),
    ("form", "action"),
    ("iframe", "src"),
    ("iframe", "srcdoc"),
    ("image", "href"),
    ("image", "xlink:href"),
    ("img", "src"),
    ("img", "srcset"),
    ("input", "src"),
    ("link", "href"),
    ("object", "data"),
    ("script", "src"),
    ("source", "src"),
    ("source", "srcset"),
    ("track", "src"),
    ("use", "href"),
    ("use", "xlink:href"),
    ("video", "poster"),
    ("video", "src"),
}
# Kinds of <link> whose URL a browser does not load.
_PASSIVE_RELATIONS = {"canonical", "author", "license", "index", "search", "next", "prev", "help", "alternate"}
_CSS_URL = re.compile(r"""url\(\s*["']?([^"')]+)["']?\s*\)|@import\s+["']([^"']+)["']""")
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_FOREIGN = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?//|^(?:https?|wss?|ftp):", re.IGNORECASE)


@dataclass
class Page:
    """What a page has and refers to."""

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)


class _PageParser(HTMLParser):
    """Collect the anchors, links and loaded files of a page."""

    def __init__(self):
        super().__init__()
        self.page = Page()
        self._is_in_style = False

    def handle_starttag(self, tag, attrs):
        attributes = {name: value or "" for name, value in attrs}
        self._is_in_style = tag == "style"
        self.page.anchors.update(attributes[name] for name in ("id", "name") if attributes.get(name))
        self.page.loads += list_css_urls(attributes.get("style", ""))
        for name, value in attributes.items():
            if (tag, name) not in _LOADING_ATTRIBUTES or not value:
                continue
            if tag == "link" and set(attributes.get("rel", "").split()) <= _PASSIVE_RELATIONS:
                self.page.links.append(value)
            elif name == "srcset":
                self.page.loads += [part.split()[0] for part in value.split(",") if part.strip()]
            else:
                self.page.loads.append(value)
        if tag in ("a", "area") and "href" in attributes:
            self.page.links.append(attributes["href"])

    def handle_endtag(self, tag):
        if tag == "style":
            self._is_in_style = False

    def handle_data(self, data):
        if self._is_in_style:
            self.page.loads += list_css_urls(data)


def parse_page(html):
    """Return what an HTML page has and refers to.

    >>> parse_page('<h1 id=top>Hi</h1><a href="b.html#x">b</a><img src=c.png>')
    Page(anchors={'top'}, links=['b.html#x'], loads=['c.png'])
    """
    parser = _PageParser()
    parser.feed(html)
    parser.close()
    return parser.page


def list_css_urls(css):
    """Return the URLs that a style sheet loads.

    >>> list_css_urls('@import "a.css"; p { background: url(b.png) } /* url(c.png) */')
    ['a.css', 'b.png']
    """
    return [url or imported for url, imported in _CSS_URL.findall(_CSS_COMMENT.sub("", css))]


def is_foreign(url):
    """Return whether a URL leads to another server.

    >>> is_foreign("//cdn.example/a.js"), is_foreign("../a.js"), is_foreign("data:image/png;base64,AA")
    (True, False, False)
    """
    return _FOREIGN.match(url) is not None


class Site:
    """A built site: its files, and what its pages refer to."""

    def __init__(self, folder, base_path="/"):
        self.folder = Path(folder)
        self._base_path = base_path
        self.pages = {
            path.relative_to(self.folder).as_posix(): parse_page(path.read_text("utf-8"))
            for path in sorted(self.folder.rglob("*.html"))
        }
        self.style_sheets = {
            path.relative_to(self.folder).as_posix(): list_css_urls(path.read_text("utf-8"))
            for pattern in ("*.css", "*.svg")
            for path in sorted(self.folder.rglob(pattern))
        }

    def find_broken_links(self):
        """Return the links and loaded files that do not exist, each with its page."""
        broken = []
        for name, page in self.pages.items():
            broken += [f"{name}: {url}" for url in {*page.links, *page.loads} if not self._has_target(name, url)]
        for name, urls in self.style_sheets.items():
            broken += [f"{name}: {url}" for url in set(urls) if not self._has_target(name, url)]
        return sorted(broken)

    def find_foreign_loads(self):
        """Return what pages and style sheets load from other servers."""
        loads = {name: page.loads for name, page in self.pages.items()} | self.style_sheets
        return sorted(f"{name}: {url}" for name, urls in loads.items() for url in set(urls) if is_foreign(url))

    def _has_target(self, name, url):
        if is_foreign(url) or re.match(r"(?:data|mailto|javascript|about):", url):
            return True
        path, fragment = urlsplit(url)[2], urlsplit(url).fragment
        if not path:
            target = name
        elif path.startswith("/"):
            if not path.startswith(self._base_path):
                return False
            target = path[len(self._base_path) :]
        else:
            target = urljoin(f"/{name}", path)[1:]
        target = unquote(target)
        if not target or target.endswith("/"):
            target += "index.html"
        if not (self.folder / target).is_file():
            return False
        # Sphinx's scripts make the anchors of the search page and of links to source lines.
        return not fragment or target not in self.pages or unquote(fragment) in self.pages[target].anchors


def main(arguments):
    """Print the faults of a site, and return the exit status."""
    from tools.docs_site.project import read_urls

    site = Site(arguments[0], urlsplit(read_urls()["Documentation"]).path.rstrip("/") + "/")
    faults = [f"broken link: {text}" for text in site.find_broken_links()]
    faults += [f"loaded from another server: {text}" for text in site.find_foreign_loads()]
    for fault in faults:
        print(fault, file=sys.stderr)
    links = sum(len(page.links) for page in site.pages.values())
    print(f"{len(site.pages)} pages with {links} links: {len(faults)} faults")
    return 1 if faults or not links else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

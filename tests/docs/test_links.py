"""Links between pages lead to files, and to headings that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "changelog.d").glob("*.md")]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def list_anchors(page):
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_to_files_and_headings():
    broken = []
    for page in PAGES:
        text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
        for url in LINK.findall(text):
            path, _, anchor = url.partition("#")
            if re.match(r"[a-z]+:", url):
                continue
            target = (page.parent / path).resolve() if path else page
            if not target.exists() or (anchor and target.suffix == ".md" and anchor not in list_anchors(target)):
                broken.append(f"{page.relative_to(ROOT)}: {url}")

    assert broken == []


def test_index_links_to_every_page():
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / url.partition("#")[0]).resolve() for url in LINK.findall(index.read_text("utf-8"))}
    linked |= {(ROOT / url).resolve() for url in LINK.findall((ROOT / "CONTRIBUTING.md").read_text("utf-8"))}

    assert (
        sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md") if page not in linked | {index})
        == []
    )

"""Build the table of contents from `docs/index.md`.

A toctree directive would show as a block of code in a repository browser.  The page has links instead, under the
headings of `SECTIONS`; this extension adds a hidden toctree for each heading, with the linked pages in their order.
Subheadings divide a long section.  A page in the folder of a section that has no link comes last.
"""

import re
from pathlib import PurePosixPath

# The headings of docs/index.md by their first word, the caption in the sidebar, and the folder of the section.
SECTIONS = {
    "Tutorials": ("Tutorials", "tutorial"),
    "How-to": ("How-to guides", "how-to"),
    "Reference": ("Reference", "reference"),
    "Explanation": ("Explanation", "explanation"),
}
# What no link of the page leads to: generated pages, after the linked ones.
GENERATED = {"reference": ("reference/python/index",)}
# For contributors and all readers; the last section of the sidebar.
PROJECT_PAGES = ("glossary", "style", "explanation/map")
_LINK = re.compile(r"\]\(([\w./-]+)\.md(?:#[\w-]+)?\)")
_SUBHEADING = re.compile(r"^### +(.+?) *$", re.MULTILINE)
_HEADING = re.compile(r"^## +([\w-]+)", re.MULTILINE)


def list_sections(index_text, docnames):
    """Yield the caption of each section and the names of its pages, in the order of the links.

    >>> text = "## Reference: look something up\\n- [mails](reference/mail.md) and [rules](reference/rules.md#faults)"
    >>> pages = ["reference/rules", "reference/mail", "reference/limits", "glossary"]
    >>> list(list_sections(text, pages))
    [('Reference', ['reference/mail', 'reference/rules', 'reference/limits']), ('Project', ['glossary'])]
    """
    docnames = sorted(docnames)
    parts = _HEADING.split(index_text)[1:]
    for heading, text in zip(parts[::2], parts[1::2], strict=True):
        if heading not in SECTIONS:
            continue
        caption, folder = SECTIONS[heading]
        generated = [name for name in GENERATED.get(folder, ()) if name in docnames]
        groups = _list_groups(caption, text, folder, docnames)
        linked = {name for _, names in groups for name in names}
        linked.update(PROJECT_PAGES)
        others = [name for name in docnames if str(PurePosixPath(name).parent) == folder and name not in linked]
        if len(groups) == 1:
            groups[0][1].extend([*generated, *others])
        elif generated or others:
            groups.append((f"More {caption[0].lower()}{caption[1:]}", [*generated, *others]))
        yield from groups
    yield "Project", [name for name in PROJECT_PAGES if name in docnames]


def _list_groups(caption, text, folder, docnames):
    """Return the caption and the linked pages of each group of a section; its subheadings begin groups."""
    parts = [caption, *_SUBHEADING.split(text)]
    groups = []
    for title, links in zip(parts[::2], parts[1::2], strict=True):
        names = [link for link in _LINK.findall(links) if link in docnames and link.startswith(f"{folder}/")]
        groups.append((title, list(dict.fromkeys(names))))
    return [group for group in groups if group[1]] or [(caption, [])]


def render_toctrees(sections):
    """Return the hidden toctrees of the sections in the syntax of MyST."""
    return "".join(
        f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "".join(f"/{name}\n" for name in names) + "```\n"
        for caption, names in sections
    )


def add_toctrees(app, docname, content):
    """Append the toctrees to the source of the index."""
    if docname == app.config.root_doc:
        content[0] += render_toctrees(list_sections(content[0], app.env.found_docs))


def reread_index(app, env, added, changed, removed):
    """Read the index again when pages were added or removed."""
    return [app.config.root_doc] if added or removed else []


def setup(app):
    app.connect("source-read", add_toctrees)
    app.connect("env-get-outdated", reread_index)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

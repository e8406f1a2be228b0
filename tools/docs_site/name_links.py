"""Link the first mention of each public name on a page to its description.

Pages write names as code, `MailServer`, which repository browsers show.  Headings and links stay as they are.
"""

import importlib

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

from tools.docs_site.api_pages import FOLDER, ROOT_MODULE

# Here a name such as `Link` or `Attachment` is that of a header field, or of an object in JSON.
_PAGES_WITH_OTHER_NAMES = ("reference/api", "reference/routes", "reference/cli", "reference/search")


class NameLinks(SphinxTransform):
    """Make references to the objects of `lazr.smtptest`, which Sphinx resolves."""

    default_priority = 6

    def apply(self):
        docname = self.env.docname
        if docname in _PAGES_WITH_OTHER_NAMES or docname.startswith(f"{FOLDER}/"):
            return
        names = {name for name in importlib.import_module(ROOT_MODULE).__all__ if not name.startswith("_")}
        for literal in list(self.document.findall(nodes.literal)):
            name = literal.astext().removesuffix("()")
            if name not in names or _has_link_or_title(literal):
                continue
            names.remove(name)
            attributes = {
                "refdomain": "py",
                "reftype": "obj",
                "reftarget": f"{ROOT_MODULE}.{name}",
                "refexplicit": True,
            }
            link = addnodes.pending_xref("", refdoc=docname, **attributes)
            literal.replace_self(link)
            link.append(literal)


def _has_link_or_title(node):
    while node is not None:
        if isinstance(node, (nodes.title, nodes.reference, addnodes.pending_xref, addnodes.download_reference)):
            return True
        node = node.parent
    return False


def setup(app):
    app.add_transform(NameLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

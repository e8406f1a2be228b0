"""Turn links to files of the repository into URLs of the repository, at the tag or branch of the site.

In a repository browser, `[the test](../../tests/examples/test_django.py)` works as it is.  In the site, the file is not
there.  A link to a file that does not exist stays as it is, and Sphinx warns about it.
"""

import posixpath
from urllib.parse import quote

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

from tools.docs_site.project import ROOT


def find_repository_path(docname, target):
    """Return the path in the repository that a page of `docs/` links to; None for no file, or one outside.

    >>> find_repository_path("how-to/django", "../../tests/examples/test_django.py")
    'tests/examples/test_django.py'
    >>> find_repository_path("how-to/django", "../../tests/gone.py"), find_repository_path("index", "../../../etc")
    (None, None)
    """
    path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(docname), target))
    is_inside = not path.startswith(("../", "/")) and path != ".."
    return path if is_inside and (ROOT / path).exists() else None


def build_url(repository, reference, path, fragment=""):
    """Return the URL of a file or folder of the repository.

    >>> build_url("https://git.example/team/smtptest", "v3.0.0", "README.md", "features")
    'https://git.example/team/smtptest/blob/v3.0.0/README.md#features'
    >>> build_url("https://git.example/team/smtptest", "main", "tools/compare_parsers")
    'https://git.example/team/smtptest/tree/main/tools/compare_parsers'
    """
    kind = "tree" if (ROOT / path).is_dir() else "blob"
    return f"{repository}/{kind}/{reference}/{quote(path)}" + (f"#{fragment}" if fragment else "")


class RepositoryLinks(SphinxTransform):
    """Replace the links to files outside the pages, before Sphinx looks for pages or copies files."""

    default_priority = 5

    def apply(self):
        for link in [
            *self.document.findall(addnodes.pending_xref),
            *self.document.findall(addnodes.download_reference),
        ]:
            if link.get("reftype") != "myst":
                continue
            path, fragment = self._find_target(link)
            if path is None:
                continue
            url = build_url(self.config.repository_url, self.config.repository_reference, path, fragment)
            reference = nodes.reference("", "", *link.children, refuri=url, internal=False)
            link.replace_self(reference)

    def _find_target(self, link):
        target, _, fragment = link["reftarget"].partition("#")
        fragment = fragment or link.get("reftargetid") or ""
        if link.get("refdomain") == "doc":
            if target in self.env.found_docs:
                return None, ""
            # MyST has made a document name of it: without the suffix, and maybe absolute.
            target = posixpath.relpath(posixpath.join(self.env.srcdir, f"{target}.md"), self.env.srcdir)
            return find_repository_path("index", target), fragment
        return find_repository_path(self.env.docname, target) if target else None, fragment


def setup(app):
    app.add_config_value("repository_url", "", "env")
    app.add_config_value("repository_reference", "main", "env")
    app.add_transform(RepositoryLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Configuration of Sphinx for the documentation site; `make docs` builds it."""

import sys
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent))

from tools.docs_site.project import get_reference, read_urls, read_version

_urls = read_urls()

project = "lazr.smtptest"
author = "the contributors of lazr.smtptest"
copyright = "the contributors of lazr.smtptest"  # noqa: A001
version = release = read_version()

extensions = [
    "myst_parser",
    "notfound.extension",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "tools.docs_site.api_pages",
    "tools.docs_site.diagrams",
    "tools.docs_site.interactive_examples",
    "tools.docs_site.name_links",
    "tools.docs_site.navigation",
    "tools.docs_site.openapi_file",
    "tools.docs_site.repository_links",
    "tools.docs_site.theme_pictures",
]

# -- source -------------------------------------------------------------------------------------

repository_url = _urls["Source"].rstrip("/")
repository_reference = get_reference(version)
exclude_patterns = ["pictures/*.md"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
highlight_language = "default"
smartquotes = False  # `--option` stays as it is
myst_heading_anchors = 4  # the anchors of headings have the names that repository browsers give them

# -- the reference of Python names --------------------------------------------------------------

add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
maximum_signature_line_length = 88
napoleon_numpy_docstring = False
napoleon_use_ivar = True
toc_object_entries_show_parents = "hide"

# -- HTML ---------------------------------------------------------------------------------------

html_theme = "furo"
html_title = f"lazr.smtptest {version}"
html_baseurl = _urls["Documentation"].rstrip("/") + "/"
html_favicon = "../src/lazr/smtptest/web/ui/icon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {
    "source_edit_link": f"{repository_url}/edit/main/docs/{{filename}}",
    "source_view_link": f"{repository_url}/blob/{repository_reference}/docs/{{filename}}",
    "top_of_page_buttons": ["view", "edit"],
    "footer_icons": [],
}
copybutton_exclude = ".linenos, .gp, .go"

# The 404 page is shown at any path, so its links contain the path of the whole site.
notfound_urls_prefix = urlsplit(html_baseurl).path
notfound_context = {
    "title": "Page not found",
    "body": (
        "<h1>Page not found</h1><p>This page does not exist. It may have moved: search for it, or start at "
        f'<a href="{notfound_urls_prefix}">the first page</a>.</p>'
    ),
}

# -- links --------------------------------------------------------------------------------------

linkcheck_timeout = 30
linkcheck_retries = 2
linkcheck_ignore = [r"http://(127\.0\.0\.1|localhost)", r"https?://([\w-]+\.)*example(\.(com|org|net))?\b"]
linkcheck_anchors_ignore_for_url = [r"https://github\.com/"]

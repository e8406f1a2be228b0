"""The documentation site builds without a warning, and is complete."""

import importlib
import json
import re
from urllib.parse import urlsplit

import pytest

import lazr.smtptest
from tests.helpers.documentation_site import ROOT, get_base_path
from tools.docs_site.link_check import Site
from tools.docs_site.project import read_urls, read_version
from tools.public_interface import MODULES, list_fixture_functions
from tools.rest_reference import build_document

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(documentation_site):
    """The parsed pages of the site."""
    return Site(documentation_site, get_base_path())


def test_all_links_of_site_lead_to_pages_and_anchors(site):
    assert sum(len(page.links) for page in site.pages.values()) > 1000
    assert site.find_broken_links() == []


def test_site_loads_nothing_from_other_servers(site):
    assert sum(len(page.loads) for page in site.pages.values()) > 100
    assert site.find_foreign_loads() == []


def test_scripts_of_site_name_no_server_to_connect_to(documentation_site):
    calls = re.compile(r"(?:fetch|import|WebSocket|open|Worker|sendBeacon)\(\s*[\"'`](?:https?:)?//")

    scripts = list(documentation_site.rglob("*.js"))
    assert len(scripts) > 3
    assert [path.name for path in scripts if calls.search(path.read_text("utf-8"))] == []


def test_every_page_is_in_the_sidebar(documentation_site):
    index = (documentation_site / "index.html").read_text("utf-8")
    sidebar = re.search(r'class="sidebar-tree">(.*?)</aside>', index, re.DOTALL)[1]
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html").as_posix() for path in (ROOT / "docs").rglob("*.md")}

    assert len(pages) > 40
    assert {page for page in pages if f'href="{page}"' not in sidebar} == {"index.html"}


@pytest.mark.parametrize(
    "caption", ["Tutorials", "Test an application", "Migrate", "Run a mail catcher", "Reference", "Explanation"]
)
def test_sidebar_has_caption(documentation_site, caption):
    assert f'class="caption-text">{caption}<' in (documentation_site / "index.html").read_text("utf-8")


def test_each_public_name_has_an_anchor_on_one_page(site):
    anchors = {anchor for page in site.pages.values() for anchor in page.anchors}
    described = {name.rpartition(".")[2] for name in anchors if name.startswith("lazr.smtptest.")}
    names = {name for module in MODULES for name in importlib.import_module(module).__all__}

    assert {"MailServer", "greylist", "SqliteStore"} <= described
    assert names - described == set()
    assert {name for name, _ in list_fixture_functions()} - anchors == set()


def test_parameters_of_mail_server_are_described(documentation_site):
    page = (documentation_site / "reference/python/server.html").read_text("utf-8")
    server = page[page.index('id="lazr.smtptest.MailServer"') :]

    assert {
        name for name in ("host", "tls", "decide", "keep_mails") if f"<strong>{name}</strong>" not in server
    } == set()


def test_docstrings_show_backticks_as_code(documentation_site):
    pages = sorted((documentation_site / "reference/python").glob("*.html"))
    texts = {
        page.name: re.sub(r"<pre>.*?</pre>|<[^>]+>", "", page.read_text("utf-8"), flags=re.DOTALL) for page in pages
    }

    assert len(pages) > 10
    assert {name: text[text.index("`") - 60 :][:120] for name, text in texts.items() if "`" in text} == {}


def test_openapi_document_is_in_the_site(documentation_site):
    published = json.loads((documentation_site / "openapi.json").read_text("utf-8"))

    assert published == json.loads(json.dumps(build_document()))
    assert published["info"]["version"] == lazr.smtptest.__version__


def test_pages_show_version_and_edit_link(documentation_site):
    page = (documentation_site / "how-to/django.html").read_text("utf-8")
    source = read_urls()["Source"]

    assert f"lazr.smtptest {read_version()}" in page
    assert f'href="{source}/edit/main/docs/how-to/django.md"' in page


def test_generated_pages_have_no_edit_link(documentation_site):
    assert 'rel="edit"' not in (documentation_site / "reference/python/server.html").read_text("utf-8")


def test_links_to_repository_files_have_the_url_of_the_repository(documentation_site):
    page = (documentation_site / "how-to/django.html").read_text("utf-8")

    assert re.search(rf'href="{read_urls()["Source"]}/blob/[\w.]+/tests/examples/test_django.py"', page)


def test_page_has_the_picture_of_each_theme(documentation_site):
    page = (documentation_site / "index.html").read_text("utf-8")
    pictures = re.findall(r'<img[^>]*class="(only-\w+)"[^>]*src="([^"]+)"', page)

    assert {theme: urlsplit(url)[2].rpartition("/")[2] for theme, url in pictures if "inbox" in url} == {
        "only-light": "inbox-light.png",
        "only-dark": "inbox-dark.png",
    }


def test_diagrams_are_pictures(documentation_site):
    page = (documentation_site / "explanation/engine.html").read_text("utf-8")

    assert page.count('alt="Diagram of states: ') == 6  # three, each in two themes
    assert "stateDiagram" not in page


def test_first_mention_of_a_name_links_to_its_description(documentation_site):
    page = (documentation_site / "tutorial/pytest.html").read_text("utf-8")

    assert page.count('href="../reference/python/server.html#lazr.smtptest.MailServer"') == 1


def test_examples_with_prompts_are_highlighted(documentation_site):
    page = (documentation_site / "reference/inbox.html").read_text("utf-8")

    assert page.count('<span class="gp">&gt;&gt;&gt; </span>') > 10


def test_options_and_quotes_stay_as_they_were_written(documentation_site):
    page = (documentation_site / "reference/cli.html").read_text("utf-8")

    assert "Nothing is delivered, except by --relay." in page


def test_404_page_has_only_links_from_the_root(site):
    page = site.pages["404.html"]

    assert [
        url for url in (*page.links, *page.loads) if not url.startswith((get_base_path(), "#", "https:", "data:"))
    ] == []

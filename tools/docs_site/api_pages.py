"""Write the pages about the public Python names into `docs/reference/python/`, for autodoc to fill.

The names are those of `tools/public_interface.py`.  A name of the package itself is on the page of its room, the
folder that defines it.  Each name is described once, on the first page of `PAGES` that has it.  The pages are
reStructuredText, and not in the repository: they are written before each build.
"""

import importlib
import inspect
import re
from dataclasses import dataclass

from sphinx import addnodes
from sphinx.transforms import SphinxTransform

from tools.docs_site import docstrings
from tools.public_interface import MODULES, get_summary, list_fixture_functions

FOLDER = "reference/python"
EVENTS_MODULE = "lazr.smtptest.events"
# Members that come from these base classes are described elsewhere.
FOREIGN_BASES = (
    "object, tuple, str, int, list, dict, Sequence, Mapping, Protocol, Enum, Exception, BaseException, Thread"
)


@dataclass(frozen=True)
class Page:
    """One page: the public names of a module, or those of the package that some of its rooms define."""

    name: str
    title: str
    text: str
    module: str
    rooms: tuple[str, ...] = ()
    first_names: tuple[str, ...] = ()

    def has_name(self, value):
        """Return whether a name of the module belongs to this page."""
        return not self.rooms or get_room(value) in self.rooms


ROOT_MODULE = "lazr.smtptest"
# What readers look up most, at the beginning of the index.
FIRST_PAGES = ("server", "mail", "rules", "presets", "pytest", "unittest", "smtp", "events")
PAGES = (
    Page("errors", "Errors", "The exceptions, which all derive from `SmtptestError`.", "lazr.smtptest.errors"),
    Page(
        "server",
        "Server",
        "The server, its listeners, and the sessions of its clients.",
        ROOT_MODULE,
        ("mailserver", "net"),
        ("MailServer",),
    ),
    Page(
        "mail",
        "Inbox and mails",
        "The received mails, and conditions that find one of them.",
        ROOT_MODULE,
        ("mail",),
        ("Inbox", "Mail", "Match"),
    ),
    Page(
        "smtp",
        "SMTP",
        "The settings of the protocol, replies, and the record of a session.",
        ROOT_MODULE,
        ("protocol",),
        ("Reply", "Auth", "Limits"),
    ),
    Page(
        "events", "Events", "What the functions of `decide` and of rules get: one class for each kind.", EVENTS_MODULE
    ),
    Page(
        "rules",
        "Rules",
        "Faults of the server: when they occur, and what happens then.",
        ROOT_MODULE,
        ("rules",),
        ("Rule", "Rules"),
    ),
    Page("presets", "Presets", "Rules for common faults of real servers.", "lazr.smtptest.presets"),
    Page(
        "authentication",
        "Authentication",
        "Check DKIM, ARC, SPF and DMARC of any mail, without a server.",
        "lazr.smtptest.authentication",
    ),
    Page("dns", "DNS", "The DNS records of these checks.", "lazr.smtptest.dns"),
    Page(
        "bounces",
        "Bounces",
        "Build bounces, complaints and automatic replies, without a server.",
        "lazr.smtptest.bounces",
    ),
    Page(
        "grading",
        "Grades",
        "Grade a mail client: behaviors of servers, trials and verdicts.",
        "lazr.smtptest.grading",
    ),
    Page(
        "unittest",
        "unittest",
        "A mixin for test cases, and a decorator.",
        ROOT_MODULE,
        ("testcase", "decorator"),
    ),
    Page(
        "store", "Stores", "The stores of `smtptest serve`, for programs that use one directly.", "lazr.smtptest.store"
    ),
    Page("web", "Web server", "The REST API as an ASGI application.", "lazr.smtptest.web"),
    Page(
        "testcontainers",
        "Testcontainers",
        "`smtptest serve` in a container, for the tests of a program.",
        "lazr.smtptest.testcontainers",
    ),
    Page("classic-server", "Servers of 2009", "The classes of lazr.smtptest 2.0.4.", "lazr.smtptest.server"),
    Page(
        "classic-controller", "Controllers of 2009", "The classes of lazr.smtptest 2.0.4.", "lazr.smtptest.controller"
    ),
    Page(
        "alias-smtpdfix",
        "Alias of smtpdfix",
        "The fixture `smtpd` of smtpdfix, for tests that migrate.",
        "lazr.smtptest.pytest_aliases.smtpdfix",
    ),
    Page(
        "alias-localserver",
        "Alias of pytest-localserver",
        "The fixture `smtpserver` of pytest-localserver, for tests that migrate.",
        "lazr.smtptest.pytest_aliases.localserver",
    ),
)


def get_room(value):
    """Return the first folder or module within the package that defines an object; "" for a value without one."""
    module = getattr(value, "__module__", None) or ""
    return module.removeprefix(f"{ROOT_MODULE}.").partition(".")[0] if module.startswith(f"{ROOT_MODULE}.") else ""


# Values do not know where they were defined.
_ROOMS_OF_VALUES = {"EXTENSIONS": "protocol", "Event": "protocol", "__version__": "mailserver"}


def list_names(page):
    """Return the names of a page with their values, its first names at the beginning."""
    module = importlib.import_module(page.module)
    names = []
    for name in module.__all__:
        value = getattr(module, name)
        room = _ROOMS_OF_VALUES.get(name) if page.module == ROOT_MODULE else None
        if (room in page.rooms) if room and page.rooms else page.has_name(value):
            names.append((name, value))
    return sorted(names, key=lambda item: _get_position(page, *item))


def _get_position(page, name, value):
    is_first = name in page.first_names
    is_alias = getattr(value, "__name__", name) != name  # after the name that it is another name of
    return (page.first_names.index(name) if is_first else len(page.first_names), is_alias)


def render_heading(title):
    """Return the title of a page.

    >>> render_heading("Rules")
    'Rules\\n=====\\n\\n'
    """
    return f"{title}\n{'=' * len(title)}\n\n"


def render_name(module, name, value):
    """Return the directive that describes one public name."""
    path = f"{module}.{name}"
    if inspect.isclass(value):
        # The base class of the events has only what the server itself uses.
        bases = FOREIGN_BASES if module != EVENTS_MODULE else f"{FOREIGN_BASES}, {value.__mro__[-2].__name__}"
        return f".. autoclass:: {path}\n   :members:\n   :inherited-members: {bases}\n\n"
    if inspect.isfunction(value):
        return f".. autofunction:: {path}\n\n"
    if name == "Event":
        kinds = ", ".join(f":class:`~{EVENTS_MODULE}.{kind.__name__}`" for kind in value.__args__)
        return f".. py:data:: {path}\n\n   The type of any event: {kinds}.\n\n"
    return f".. py:data:: {path}\n\n   {docstrings.translate_prose(get_summary(value))}\n\n"


def render_page(page, described):
    """Return the source of a page, without the objects in `described`; add its own objects to them."""
    text = docstrings.translate_prose(page.text)
    parts = [render_heading(page.title), f"{text} The names are exported by ``{page.module}``.\n\n"]
    elsewhere = []
    for name, value in list_names(page):
        first = described.get(id(value)) if inspect.isclass(value) or inspect.isfunction(value) else None
        if first is None:
            described[id(value)] = f"{page.module}.{name}"
            parts.append(render_name(page.module, name, value))
        elif first.startswith(f"{page.module}."):
            parts.append(f".. py:data:: {page.module}.{name}\n\n   Another name of :class:`~{first}`.\n\n")
        else:
            elsewhere.append(f":class:`{name} <{first}>`")
    if elsewhere:
        parts.append(f"This module also exports {', '.join(elsewhere)}.\n")
    return "".join(parts)


def render_fixtures():
    """Return the source of the page about the pytest fixtures."""
    parts = [
        render_heading("pytest fixtures"),
        "pytest finds these fixtures when the package is installed. :doc:`/tutorial/pytest` shows how to use them.\n\n",
    ]
    for name, function in list_fixture_functions():
        lines = docstrings.translate((inspect.getdoc(function) or "").splitlines())
        annotation = re.sub(r"^(?:Iterator|Generator)\[(.*)\]$", r"\1", function.__annotations__.get("return", ""))
        parts.append(f".. py:data:: {name}\n   :type: {annotation}\n\n")
        parts += [f"   {line}\n" if line else "\n" for line in lines]
        parts.append("\n")
    return "".join(parts)


def render_pages():
    """Yield the name and the source of each page, and at last those of the index."""
    described = {}
    yield "pytest", render_fixtures()
    for page in PAGES:
        yield page.name, render_page(page, described)
    texts = {page.name: page.text for page in PAGES} | {"pytest": "The fixtures of the pytest plugin."}
    names = [*(name for name in FIRST_PAGES if name in texts), *(name for name in texts if name not in FIRST_PAGES)]
    yield "index", render_index([(name, texts[name]) for name in names])


def render_index(pages):
    """Return the source of the page that lists the others."""
    return "".join(
        (
            render_heading("Python API"),
            "All public names, from their docstrings. :doc:`/reference/public` says what stays compatible.\n\n",
            *(f"- :doc:`{name}`: {docstrings.translate_prose(text)}\n" for name, text in pages),
            "\n.. toctree::\n   :hidden:\n\n",
            *(f"   {name}\n" for name, _ in pages),
        )
    )


def find_missing_names():
    """Return the public names whose objects are on no page."""
    found = {id(value) for page in PAGES for _, value in list_names(page)}
    modules = {name: importlib.import_module(name) for name in MODULES}
    names = [(module, name) for module, value in modules.items() for name in value.__all__]
    return sorted(f"{module}.{name}" for module, name in names if id(getattr(modules[module], name)) not in found)


def hide_edit_link(app, pagename, templatename, context, doctree):
    """Leave out the links to the source of a generated page, which is not in the repository."""
    if pagename.startswith(f"{FOLDER}/"):
        context["page_source_suffix"] = ""


def write_pages(app):
    """Write the pages whose source differs, and remove those that no longer exist, such as those of another branch."""
    folder = app.srcdir / FOLDER
    folder.mkdir(exist_ok=True)
    pages = dict(render_pages())
    for path in folder.glob("*.rst"):
        if path.stem not in pages:
            path.unlink()
    for name, text in pages.items():
        path = folder / f"{name}.rst"
        if not path.is_file() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


class RootNames(SphinxTransform):
    """Let a type such as `Mail` in an annotation mean the public name, where the module has no such name of its own."""

    default_priority = 700

    def apply(self):
        root_names = importlib.import_module(ROOT_MODULE).__all__
        for link in self.document.findall(addnodes.pending_xref):
            name = link.get("reftarget")
            if link.get("refdomain") != "py" or name not in root_names:
                continue
            module = link.get("py:module")
            if module is None or name not in importlib.import_module(module).__all__:
                link["reftarget"] = f"{ROOT_MODULE}.{name}"


def setup(app):
    docstrings.setup(app)
    app.add_transform(RootNames)
    app.connect("builder-inited", write_pages)
    app.connect("html-page-context", hide_edit_link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

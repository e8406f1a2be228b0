"""Show the Mermaid diagrams of pages as pictures.

Repository browsers draw a block of `mermaid` themselves.  The site has no script for it: `tools/render_diagrams.py` has
drawn each diagram for the light and the dark theme.  The name of a picture is a hash of its diagram, so an outdated
picture is a missing one, and the build warns.
"""

import hashlib
import posixpath

from docutils import nodes
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

from tools.docs_site.project import ROOT

FOLDER = ROOT / "docs" / "explanation" / "diagrams"

logger = logging.getLogger(__name__)


def get_picture_name(diagram, theme):
    """Return the name of the file with a picture of a diagram, for the theme "light" or "dark".

    >>> get_picture_name("stateDiagram-v2", "light")
    'b4a65dfdd9de-light.svg'
    """
    return f"{hashlib.sha256(diagram.strip().encode()).hexdigest()[:12]}-{theme}.svg"


def describe(diagram):
    """Return a text for readers who cannot see the picture: the diagram without its first line.

    >>> describe("stateDiagram-v2\\n    [*] --> START: CONNECT\\n    START --> READY: EHLO")
    'Diagram of states: [*] --> START: CONNECT; START --> READY: EHLO'
    """
    return "Diagram of states: " + "; ".join(line.strip() for line in diagram.strip().splitlines()[1:])


class Diagrams(SphinxTransform):
    """Replace each block of Mermaid with its picture; `theme_pictures`, which runs later, adds the dark one."""

    default_priority = 4

    def apply(self):
        for block in list(self.document.findall(nodes.literal_block)):
            if block.get("language") != "mermaid":
                continue
            diagram = block.astext()
            name = get_picture_name(diagram, "light")
            if not (FOLDER / name).is_file():
                logger.warning("no picture of a diagram; run: make diagrams", location=block, type="diagrams")
                continue
            folder = posixpath.relpath("explanation/diagrams", posixpath.dirname(self.env.docname) or ".")
            block.replace_self(nodes.image("", uri=f"{folder}/{name}", alt=describe(diagram), classes=["diagram"]))


def setup(app):
    app.add_transform(Diagrams)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Show the dark version of a picture in the dark theme.

A page links to `inbox-light.png` only, which a repository browser can show.  If `inbox-dark.png` is next to it, the
site gets both, with the classes that the theme Furo switches by.
"""

from pathlib import Path

from docutils import nodes
from sphinx.transforms import SphinxTransform


def get_dark_name(name):
    """Return the name of the dark version of a picture; None if the name is not that of a light one.

    >>> get_dark_name("../pictures/inbox-light.png"), get_dark_name("rules.svg")
    ('../pictures/inbox-dark.png', None)
    """
    stem, dot, suffix = name.rpartition(".")
    return f"{stem.removesuffix('-light')}-dark.{suffix}" if dot and stem.endswith("-light") else None


class ThemePictures(SphinxTransform):
    """Add the dark picture after each light one, before Sphinx collects the pictures to copy."""

    default_priority = 5

    def apply(self):
        for light in list(self.document.findall(nodes.image)):
            name = get_dark_name(light["uri"])
            if name is None or not Path(self.env.relfn2path(name)[1]).is_file():
                continue
            dark = light.deepcopy()
            dark["uri"] = name
            light["classes"].append("only-light")
            dark["classes"].append("only-dark")
            light.parent.insert(light.parent.index(light) + 1, dark)


def setup(app):
    app.add_transform(ThemePictures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

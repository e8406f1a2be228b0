"""The facts about the project that the site shows: version and URLs, from `pyproject.toml` and the package."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_VERSION = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)


def read_version():
    """Return the version of the source tree."""
    return _VERSION.search((ROOT / "src/lazr/smtptest/__init__.py").read_text("utf-8"))[1]


def read_urls():
    """Return the URLs of the project by their label."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]


def get_reference(version):
    """Return the tag of a released version, and the branch `main` for others.

    >>> get_reference("3.0.0"), get_reference("3.0.0.dev0")
    ('v3.0.0', 'main')
    """
    return "main" if "dev" in version else f"v{version}"

"""The extras that add a feature to `smtptest serve`, and how to install each.

A route of a missing extra raises `MissingExtra`, and `app` responds 501 with its text.  The web inbox gets the list
from `/api/v1/webui`.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final, NamedTuple

from lazr.smtptest.errors import MissingExtra

__all__ = ["EXTRAS", "Extra", "require_extra"]


class Extra(NamedTuple):
    """An extra of the package, as in `pip install "lazr.smtptest[NAME]"`.

    - `name`: the name of the extra.
    - `purpose`: what it adds, as the subject of a sentence in the plural.
    - `package`: the distribution that does the work.
    - `module`: the module of that distribution.

    >>> EXTRAS["thumbnails"].install_command
    'pip install "lazr.smtptest[thumbnails]"'
    """

    name: str
    purpose: str
    package: str
    module: str

    @property
    def install_command(self) -> str:
        """The command that installs the extra."""
        return f'pip install "lazr.smtptest[{self.name}]"'

    def is_installed(self) -> bool:
        """Return whether its module can be found; the module is not imported."""
        return find_spec(self.module) is not None


EXTRAS: Final[dict[str, Extra]] = {
    extra.name: extra
    for extra in (
        Extra("thumbnails", "thumbnails of pictures", "pillow", "PIL"),
        Extra("checks", "checks of DKIM, SPF and DMARC", "dkimpy", "dkim"),
        Extra("html-check", "checks of the HTML", "tinycss2", "tinycss2"),
        Extra("regex", "regular expressions in rules", "google-re2", "re2"),
        Extra("passwords", "hashed passwords", "bcrypt", "bcrypt"),
        Extra("tls", "test certificates", "trustme", "trustme"),
        Extra("postgres", "stores in PostgreSQL", "psycopg", "psycopg"),
        Extra("mcp", "tools for agents", "mcp", "mcp"),
    )
}


def require_extra(name: str) -> None:
    """Raise `MissingExtra` if an extra is not installed.

    >>> require_extra("thumbnails")
    """
    extra = EXTRAS[name]
    if not extra.is_installed():
        raise MissingExtra(f"{extra.purpose} need {extra.package}: {extra.install_command}")

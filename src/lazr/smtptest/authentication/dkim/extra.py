"""Load dkimpy and PyNaCl, which the extra `checks` installs."""

from __future__ import annotations

import importlib

from lazr.smtptest.errors import MissingExtra

__all__ = ["require_dkimpy"]


def require_dkimpy() -> None:
    """Import dkimpy and PyNaCl.

    Raises:
        MissingExtra: One of them is not installed.
    """
    for module, package in (("dkim", "dkimpy"), ("nacl.signing", "PyNaCl")):
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise MissingExtra(f'checks of DKIM and ARC need {package}: pip install "lazr.smtptest[checks]"') from error

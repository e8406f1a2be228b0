"""Load dnspython, which the extra `checks` installs."""

from __future__ import annotations

import importlib

from lazr.smtptest.errors import MissingExtra

__all__ = ["require_dnspython"]


def require_dnspython(purpose: str) -> None:
    """Import dnspython.

    Args:
        purpose: What needs it: "zone files".

    Raises:
        MissingExtra: It is not installed.
    """
    try:
        importlib.import_module("dns.resolver")
    except ImportError as error:
        raise MissingExtra(f'{purpose} need dnspython: pip install "lazr.smtptest[checks]"') from error

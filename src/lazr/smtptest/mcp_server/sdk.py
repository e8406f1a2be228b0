"""Check that the SDK of the Model Context Protocol is installed, without importing it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from pathlib import Path

from lazr.smtptest.errors import MissingExtra

__all__ = ["check_sdk"]

_MIN_VERSION = (2, 3)
_INSTALL_COMMAND = 'pip install "lazr.smtptest[mcp]"'


def check_sdk() -> None:
    """Raise `MissingExtra` if the SDK is not installed, or too old.

    A package or a folder of another project that is named `mcp` is not the SDK.
    """
    spec = importlib.util.find_spec("mcp")
    if spec is None:
        raise MissingExtra(f"the MCP server needs mcp: {_INSTALL_COMMAND}")
    try:
        version = importlib.metadata.version("mcp")
    except importlib.metadata.PackageNotFoundError:
        raise MissingExtra(f"the MCP server needs mcp: {_INSTALL_COMMAND}") from None
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < _MIN_VERSION:
        required = ".".join(map(str, _MIN_VERSION))
        raise MissingExtra(f"the MCP server needs mcp >= {required}, found {version}: {_INSTALL_COMMAND}")
    if not any(Path(folder, "server").is_dir() for folder in spec.submodule_search_locations or ()):
        raise MissingExtra(f"the MCP server needs mcp, but {spec.origin} is imported in its place; rename it")

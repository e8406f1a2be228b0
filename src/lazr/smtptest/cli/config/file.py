"""Read the configuration file: `smtptest.toml`, or `[tool.smtptest]` in `pyproject.toml`."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Configuration", "ConfigurationError", "load_configuration"]


class ConfigurationError(Exception):
    """The configuration file cannot be read, or has an invalid key or value."""


class Configuration(NamedTuple):
    """The values of the configuration file and its path; without a file the path is None."""

    path: Path | None
    values: dict[str, Any]


def load_configuration(explicit_path: str | None = None, folder: Path | None = None) -> Configuration:
    """Return the content of the configuration file.

    An explicit path comes first, from `--config` or `SMTPTEST_CONFIG`.  Then come `smtptest.toml` in the folder, and
    its `pyproject.toml` if that has the table `[tool.smtptest]`.

    Args:
        explicit_path: The file to read; it must exist.
        folder: Where to look for a file; the working directory by default.

    Raises:
        ConfigurationError: If the file cannot be read or is invalid TOML.
    """
    explicit_path = explicit_path or os.environ.get("SMTPTEST_CONFIG")
    if explicit_path:
        path = Path(explicit_path)
        values = _read_toml(path)
        if path.name == "pyproject.toml":
            values = _extract_tool_table(path, values) or {}
        return Configuration(path, values)
    folder = folder or Path()
    own_file, project_file = folder / "smtptest.toml", folder / "pyproject.toml"
    if own_file.is_file():
        return Configuration(own_file, _read_toml(own_file))
    if project_file.is_file():
        try:
            table = _extract_tool_table(project_file, _read_toml(project_file))
        except ConfigurationError:
            return Configuration(None, {})  # a broken pyproject.toml without our table must not stop smtptest
        if table is not None:
            return Configuration(project_file, table)
    return Configuration(None, {})


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError
        raise ConfigurationError(f"{path}: {error}") from None


def _extract_tool_table(path: Path, values: dict[str, Any]) -> dict[str, Any] | None:
    table = values.get("tool", {}).get("smtptest")
    if table is not None and not isinstance(table, dict):
        raise ConfigurationError(f"{path}: tool.smtptest must be a table, [tool.smtptest], got {table!r}")
    return table

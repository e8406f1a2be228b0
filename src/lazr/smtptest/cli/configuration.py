"""The file of settings: `smtptest.toml`, or `[tool.smtptest]` in `pyproject.toml`."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["BadConfiguration", "Configuration", "find"]


class BadConfiguration(Exception):
    """The file cannot be read, or says what makes no sense; the text says where."""


class Configuration(NamedTuple):
    """What the file says, and which it is; None where there is none."""

    path: Path | None
    values: dict[str, Any]


def find(named: str | None = None, folder: Path | None = None) -> Configuration:
    """The file that was named; else `smtptest.toml` in the folder, else its `pyproject.toml`, if that has our table.

    Raises `BadConfiguration`.
    """
    named = named or os.environ.get("SMTPTEST_CONFIG")
    if named:
        path = Path(named)
        values = _read(path)
        if path.name == "pyproject.toml":
            values = _table(path, values) or {}
        return Configuration(path, values)
    here = folder or Path()
    own, project = here / "smtptest.toml", here / "pyproject.toml"
    if own.is_file():
        return Configuration(own, _read(own))
    if project.is_file():
        try:
            table = _table(project, _read(project))
        except BadConfiguration:
            return Configuration(None, {})  # a project's broken file is its own business
        if table is not None:
            return Configuration(project, table)
    return Configuration(None, {})


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise BadConfiguration(f"{path}: {error.strerror or error}") from None
    except ValueError as error:  # TOML's own, and what is no UTF-8
        raise BadConfiguration(f"{path}: {error}") from None


def _table(path: Path, values: dict[str, Any]) -> dict[str, Any] | None:
    table = values.get("tool", {}).get("smtptest")
    if table is not None and not isinstance(table, dict):
        raise BadConfiguration(f"{path}: [tool.smtptest] is a table")
    return table

"""Files of rules and presets, JSON or TOML: a list of definitions as of `Rule.to_dict`."""

import json
import tomllib
from pathlib import Path
from typing import Any

from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.errors import MissingExtra
from lazr.smtptest.rules import Rule, build_rules

__all__ = ["read_rule_definitions", "read_rules"]

_USAGE_ERROR = 2


def read_rules(path: Path) -> list[Rule]:
    """Return the rules of a file, all of them optional: they serve many tests.

    Raises:
        CommandError: If the file cannot be read, or a definition in it is wrong.
    """
    rules: list[Rule] = []
    for number, definition in enumerate(read_rule_definitions(path), 1):
        try:
            rules += (rule.optional() for rule in build_rules(definition, is_untrusted=True))
        except (ValueError, TypeError, MissingExtra) as error:
            raise CommandError(f"{path}: rule {number}: {error}", _USAGE_ERROR) from None
    return rules


def read_rule_definitions(path: Path) -> list[Any]:
    """Return the definitions in a file: a list, or the value of `rules` in a table.

    A file with the suffix `.toml` is TOML, any other JSON.

    Raises:
        CommandError: If the file cannot be read, or has something else.
    """
    try:
        text = path.read_text("utf-8")
        content = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}", _USAGE_ERROR) from None
    except ValueError as error:
        raise CommandError(f"{path}: {error}", _USAGE_ERROR) from None
    definitions = content.get("rules") if isinstance(content, dict) else content
    if not isinstance(definitions, list) or (isinstance(content, dict) and len(content) > 1):
        raise CommandError(
            f"{path}: expected a list of rules (in TOML: [[rules]] tables), and nothing else", _USAGE_ERROR
        )
    return definitions

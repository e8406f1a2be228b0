"""Rules out of a file: JSON or TOML, of forms as `Rule.to_dict` writes them, and of presets by name."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lazr.smtptest.cli.failure import Failure
from lazr.smtptest.faults.presets import PRESETS
from lazr.smtptest.faults.rule import Rule

__all__ = ["read_forms", "read_rules", "rules_of"]


def read_rules(path: Path) -> list[Rule]:
    """The rules of a file.  Raises `Failure`."""
    found = []
    for number, form in enumerate(read_forms(path), 1):
        try:
            found += rules_of(form)
        except (ValueError, TypeError, KeyError) as error:
            raise Failure(f"{path}: rule {number}: {error}", 2) from None
    return found


def read_forms(path: Path) -> list[Any]:
    """The forms of a file, whatever they say: a list, or a table `rules`; TOML if it is called so.

    Raises `Failure`.
    """
    try:
        text = path.read_text("utf-8")
        said = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise Failure(f"{path}: {error.strerror or error}", 2) from None
    except ValueError as error:
        raise Failure(f"{path}: {error}", 2) from None
    forms = said.get("rules") if isinstance(said, dict) else said
    if not isinstance(forms, list) or (isinstance(said, dict) and len(said) > 1):
        raise Failure(f"{path}: there is to be a list of rules, called `rules` in TOML, and nothing else", 2)
    return forms


def rules_of(form: Any) -> list[Rule]:
    """The rules that a form stands for, none of which has to act; raises `ValueError` or `TypeError` for what is none.

    >>> rules_of({"preset": "greylist", "attempts": 2})[0].when
    'RCPT'
    """
    if not isinstance(form, Mapping) or "preset" not in form:
        return [Rule.from_dict(form).optional()]
    arguments = dict(form)
    name = arguments.pop("preset")
    if name not in PRESETS:
        raise ValueError(f"no preset {name!r}; there are {', '.join(PRESETS)}")
    made = PRESETS[name](**arguments)
    return [rule.optional() for rule in ((made,) if isinstance(made, Rule) else made)]

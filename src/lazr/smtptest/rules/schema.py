"""The JSON Schema of rule definitions, `rules.schema.json` in this folder."""

from __future__ import annotations

import json
from importlib.resources import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["read_rules_schema"]


def read_rules_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of one definition: a rule, or a preset by its name.

    >>> read_rules_schema()["$schema"]
    'https://json-schema.org/draft/2020-12/schema'
    """
    schema: dict[str, Any] = json.loads(files(__package__).joinpath("rules.schema.json").read_text("utf-8"))
    return schema

"""Compare a table of examples with the results of a package from npm."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["compare_examples"]

ROOT = Path(__file__).parents[1]

# `load` returns a package; the script of the caller defines `convert`.
SCRIPT = """
const load = require("module").createRequire(process.argv[1] + "/");
%s
const sources = JSON.parse(require("fs").readFileSync(0));
console.log(JSON.stringify(sources.map(source => convert(source))));
"""


def compare_examples(
    package: str, script: str, examples: Sequence[tuple[str, Any]], decisions: Sequence[tuple[str, Any, str]]
) -> int:
    """Print the differences between a table and a package, and return the exit status.

    Args:
        package: The name of the package, for the output.
        script: JavaScript that defines the function `convert`; `load` returns a package.
        examples: Each source, and the result that it must have in both.
        decisions: Each source, the result that differs from that of the package, and the reason.
    """
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / ".cache/node"
    found = _convert(script, [source for source, _ in examples], folder)
    differences = [
        (source, expected, theirs)
        for (source, expected), theirs in zip(examples, found, strict=True)
        if expected != theirs
    ]
    for source, expected, theirs in differences:
        print(f"{source!r}: expected {expected!r}, {package} returns {theirs!r}")
    found = _convert(script, [source for source, _, _ in decisions], folder)
    for (source, ours, reason), theirs in zip(decisions, found, strict=True):
        if ours == theirs:
            print(f"{source!r}: {package} agrees now ({reason})")
    print(f"{len(examples)} examples, {len(differences)} differences")
    return 1 if differences else 0


def _convert(script: str, sources: list[str], folder: Path) -> list[Any]:
    command = ["node", "-e", SCRIPT % script, str(folder / "node_modules")]
    result = subprocess.run(command, input=json.dumps(sources), capture_output=True, check=True, encoding="utf-8")
    return json.loads(result.stdout)

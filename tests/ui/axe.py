"""axe-core, the checker of accessibility rules, in the page of a test."""

import os
from pathlib import Path

import pytest

AXE_PATH = Path(__file__).parents[2] / ".cache" / "node" / "node_modules" / "axe-core" / "axe.min.js"

# The frame of a mail has content that is not ours.
RUN_AXE = """
() => axe.run({ exclude: ["iframe"] }, { resultTypes: ["violations"] }).then(({ violations }) =>
  violations.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}: ${node.html.slice(0, 200)}`)))
"""


def require_axe():
    """Skip the test where axe-core is not installed; fail it in CI."""
    if not AXE_PATH.exists():
        reason = "axe-core is not installed: npm install --prefix .cache/node axe-core"
        (pytest.fail if os.environ.get("SMTPTEST_ALL_CLIENTS") else pytest.skip)(reason)


def find_violations(page):
    """Return the violations of accessibility rules in a page, as text."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE_PATH.read_text(encoding="utf-8"))
    return page.evaluate(RUN_AXE)

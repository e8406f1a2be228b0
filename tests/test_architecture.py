"""The house: imports point down, and the protocol knows nothing of the world."""

import ast
from pathlib import Path

import pytest

import lazr.smtptest

ROOT = Path(lazr.smtptest.__file__).parent
# DESIGN: protocol < mail < faults < net < presets < reachable < mailserver < server < controller < the edges.
LAYERS = [
    *(
        "errors",
        "protocol",
        "clock",
        "delivery",
        "mail",
        "faults",
        "store",
        "net",
        "presets",
        "reachable",
        "keeping",
        "mailserver",
        "server",
    ),
    *("controller", "testing", "decorator", "testcase", "pytest_plugin", "pytest_aliases", "web", "cli", "__main__"),
]
FORBIDDEN = {"asyncio", "logging", "random", "selectors", "socket", "ssl", "threading", "time"}
FILES = sorted(ROOT.rglob("*.py"))


def imports(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path):
    if path == ROOT / "__init__.py":
        return  # the public names, from wherever they are
    own = LAYERS.index(layer(path))
    for name in imports(path):
        parts = name.split(".")
        if parts[:2] == ["lazr", "smtptest"] and len(parts) > 2 and parts[2] in LAYERS:
            assert LAYERS.index(parts[2]) <= own, f"{path} imports {name}"


@pytest.mark.parametrize("path", sorted((ROOT / "protocol").rglob("*.py")), ids=lambda path: path.name)
def test_the_protocol_knows_no_world(path):
    assert not FORBIDDEN & {name.split(".")[0] for name in imports(path)}


def test_lazr_is_a_namespace_package():
    assert not (ROOT.parent / "__init__.py").exists()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_says_its_idea_first(path):
    first = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split("\n")[0]

    assert first.endswith((".", ":")) and len(first) <= 110

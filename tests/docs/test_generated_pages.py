"""The generated parts of pages match the code."""

import importlib.util
from pathlib import Path

import pytest

from lazr.smtptest.mail.review import REVIEW_RULES

TOOLS = Path(__file__).parents[2] / "tools"


def load_tool(name):
    """Import a script of `tools/` as a module."""
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_map_of_rooms_matches_docstrings():
    tool = load_tool("room_map")

    for page in tool.PAGES:
        assert page.read_text("utf-8") == tool.render_page(page), "run: python tools/room_map.py --write"


def test_public_interface_page_matches_code():
    tool = load_tool("public_interface")

    assert tool.render_page() == tool.PAGE.read_text("utf-8"), "run: python tools/public_interface.py --write"


def test_routes_match_the_openapi_document():
    tool = load_tool("rest_reference")

    assert tool.render_page() == tool.PAGE.read_text("utf-8"), "run: python tools/rest_reference.py --write"


def test_states_match_the_tables_of_the_code():
    tool = load_tool("states")

    assert tool.render_page() == tool.PAGE.read_text("utf-8"), "run: python tools/states.py --write"


def test_rules_of_the_review_match_the_code():
    tool = load_tool("review_rules")

    assert tool.render_page() == tool.PAGE.read_text("utf-8"), "run: python tools/review_rules.py --write"
    assert sum(len(rules) for _, rules in tool.TOPICS) == len(REVIEW_RULES)


def test_behaviors_match_the_tables_of_the_code():
    tool = load_tool("behaviors")

    assert tool.render_page() == tool.PAGE.read_text("utf-8"), "run: python tools/behaviors.py --write"


def test_docs_import_only_public_modules():
    public = set(load_tool("public_interface").MODULES) | {"lazr.smtptest.pytest_aliases"}
    root = TOOLS.parent
    found = {}
    for page in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]:
        for line in page.read_text("utf-8").splitlines():
            words = line.strip().removeprefix(">>> ").removeprefix("... ").split()
            if len(words) > 1 and words[0] in ("from", "import") and words[1].startswith("lazr.smtptest"):
                module = words[1].rstrip(",;")
                if module not in public:
                    found.setdefault(module, page.name)

    assert found == {}


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("START --> READY", "START --> DATA"), ("| `STALLED` |", "| `STUCK` |"), ("| `LOST` |", "| `GONE` |")],
)
def test_outdated_state_is_reported(right, wrong, monkeypatch, tmp_path, capsys):
    tool = load_tool("states")
    page = tmp_path / "engine.md"
    assert right in tool.PAGE.read_text("utf-8")
    page.write_text(tool.PAGE.read_text("utf-8").replace(right, wrong, 1), "utf-8")
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    monkeypatch.setattr(tool, "PAGE", page)

    assert tool.main([]) == 1 and "--write" in capsys.readouterr().err
    assert tool.main(["--write"]) == 0 and tool.main([]) == 0


@pytest.mark.parametrize("name", ["room_map", "public_interface", "rest_reference", "review_rules"])
def test_outdated_page_is_reported(name, monkeypatch, tmp_path, capsys):
    tool = load_tool(name)
    page = next(iter(tool.PAGES)) if name == "room_map" else tool.PAGE
    copy = tmp_path / page.name
    if name == "room_map":
        monkeypatch.setattr(tool, "ROOT", tmp_path)
        monkeypatch.setattr(tool, "PAGES", {copy: tool.PAGES[page]})
        copy.write_text(page.read_text("utf-8").replace("- **", "- *", 1), "utf-8")
    else:
        monkeypatch.setattr(tool, "PAGE", copy)
        copy.write_text(page.read_text("utf-8").replace("| `", "| ", 1).replace("### `lazr", "### `lasr", 1), "utf-8")

    assert tool.main([]) == 1 and "--write" in capsys.readouterr().err
    assert tool.main(["--write"]) == 0 and tool.main([]) == 0


def test_outdated_behavior_is_reported(monkeypatch, tmp_path, capsys):
    tool = load_tool("behaviors")
    page = tmp_path / "behaviors.md"
    page.write_text(tool.PAGE.read_text("utf-8").replace("| `rcpt-550` |", "| `rcpt-551` |"), "utf-8")
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    monkeypatch.setattr(tool, "PAGE", page)

    assert tool.main([]) == 1 and "--write" in capsys.readouterr().err
    assert tool.main(["--write"]) == 0 and "| `rcpt-550` |" in page.read_text("utf-8")

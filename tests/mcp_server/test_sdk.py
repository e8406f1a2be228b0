"""`check_sdk`: which packages count as the SDK of the Model Context Protocol."""

import importlib.metadata
import importlib.util
import sys

import pytest

from lazr.smtptest.errors import MissingExtra
from lazr.smtptest.mcp_server import check_sdk

MISSING = 'the MCP server needs mcp: pip install "lazr.smtptest[mcp]"'


@pytest.fixture
def install(monkeypatch, tmp_path):
    """Hide the SDK, and put these files into the search path instead."""

    def install(files):
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content)
        for name in [name for name in sys.modules if name.partition(".")[0] == "mcp"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setattr(sys, "path", [str(tmp_path)])
        importlib.invalidate_caches()

    yield install
    monkeypatch.undo()
    importlib.invalidate_caches()


def describe(version):
    return {
        "mcp/__init__.py": "",
        "mcp/server/__init__.py": "",
        f"mcp-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: mcp\nVersion: {version}\n",
    }


def test_installed_sdk_is_accepted():
    check_sdk()


@pytest.mark.parametrize("version", ["2.3", "2.3.0", "2.3.0rc1", "2.10.0"])
def test_new_sdk_is_accepted(install, version):
    install(describe(version))
    check_sdk()


@pytest.mark.parametrize("version", ["1.20.0", "2.2.9", "0.9", "1"])
def test_old_sdk_is_named_with_its_version(install, version):
    install(describe(version))
    with pytest.raises(MissingExtra) as raised:
        check_sdk()

    assert str(raised.value) == (f'the MCP server needs mcp >= 2.3, found {version}: pip install "lazr.smtptest[mcp]"')


@pytest.mark.parametrize("files", [{}, {"mcp/notes.txt": ""}, {"mcp.py": ""}, {"mcp/__init__.py": ""}])
def test_other_file_or_folder_named_mcp_is_not_the_sdk(install, files):
    install(files)
    with pytest.raises(MissingExtra) as raised:
        check_sdk()

    assert str(raised.value) == MISSING


@pytest.mark.parametrize("name", ["mcp.py", "mcp/__init__.py"])
def test_module_in_place_of_the_sdk_is_named(monkeypatch, tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("")
    for module in [module for module in sys.modules if module.partition(".")[0] == "mcp"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtra) as raised:
        check_sdk()

    assert str(raised.value) == f"the MCP server needs mcp, but {tmp_path / name} is imported in its place; rename it"

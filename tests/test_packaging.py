"""The wheel: what is in it, what it needs, and that it lives beside its neighbours."""

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent


def test_the_wheel_has_types_a_command_and_no_init_of_lazr(wheel):
    import zipfile

    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(n for n in names if n.endswith("METADATA"))).decode()
        commands = archive.read(next(n for n in names if n.endswith("entry_points.txt"))).decode()
    assert "lazr/__init__.py" not in names
    assert "lazr/smtptest/py.typed" in names
    assert all(name.startswith(("lazr/smtptest/", "lazr_smtptest-")) for name in names)
    assert "Requires-Python: >=3.11\n" in metadata
    assert "\nLicense-Expression: MIT\n" in metadata
    needs = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:")]
    assert all("extra ==" in need for need in needs)  # the core needs nothing
    assert "[console_scripts]\nsmtptest = lazr.smtptest.cli:main\n" in commands
    assert "[pytest11]\nsmtptest = lazr.smtptest.pytest_plugin\n" in commands
    assert "lazr/smtptest/pytest_plugin.py" in names
    # Data of others, with the words that they want to be with them.
    data = {"lazr/smtptest/web/htmlcheck/caniemail.json", "lazr/smtptest/web/htmlcheck/LICENSE.caniemail.txt"}
    assert data <= set(names)


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_it_imports_beside_lazr_uri_and_lazr_config_in_either_order(first, wheel, tmp_path):
    venv.create(tmp_path / "env", with_pip=True)
    python = str(tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin") / "python")
    ours, theirs = [str(wheel)], ["lazr.uri", "lazr.config"]
    for packages in (ours, theirs) if first == "ours" else (theirs, ours):
        done = subprocess.run(
            [python, "-m", "pip", "install", "--quiet", *packages],
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        if "No matching distribution" in done.stderr and "SMTPTEST_ALL_CLIENTS" not in os.environ:
            pytest.skip("no package index is reached")
        assert done.returncode == 0, done.stderr
    program = "import lazr.smtptest.server, lazr.uri, lazr.config; print(lazr.smtptest.__version__, lazr.__path__)"
    said = subprocess.run(
        [python, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert said.stdout.startswith("3.0.0")


def test_importing_it_imports_nothing_heavy():
    program = (
        "import sys; before = set(sys.modules); from lazr.smtptest import MailServer; MailServer();"
        "print(*sorted(set(sys.modules) - before))"
    )
    # Without `site`'s own imports (an editable install has some) and without coverage's.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")}
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True, env=environment
    ).stdout.split()
    heavy = {"asyncio", "email", "ssl", "dataclasses", "inspect", "logging", "typing", "http"}
    assert not heavy & set(said)


def test_all_public_names_are_there():
    import lazr.smtptest

    # Constants, classes, the rest.
    order = sorted(lazr.smtptest.__all__, key=lambda n: (not n.isupper(), not n[0].isupper(), n))
    assert lazr.smtptest.__all__ == order
    for name in lazr.smtptest.__all__:
        assert getattr(lazr.smtptest, name) is not None
    assert set(lazr.smtptest.__all__) <= set(dir(lazr.smtptest))
    with pytest.raises(AttributeError, match="has no attribute 'Nonsense'"):
        lazr.smtptest.Nonsense  # noqa: B018


CITED = re.compile(r"RFC (\d{3,5})")


def test_every_rfc_that_the_code_cites_is_in_the_page_of_standards():
    listed = set(CITED.findall((HERE / "docs" / "standards.md").read_text("utf-8")))
    cited = set()
    for path in (HERE / "src").rglob("*.py"):
        text = path.read_text("utf-8")
        cited |= set(CITED.findall(text)) | set(re.findall(r"rfc=(\d+)", text))
    assert cited
    assert cited <= listed, f"not in docs/standards.md: {sorted(cited - listed)}"

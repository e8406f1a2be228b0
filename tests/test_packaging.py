"""The wheel: its content, dependencies, neighbors in the namespace, and import cost."""

import email
import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from tests.helpers.package_index import run_pip

HERE = Path(__file__).parent.parent


def test_wheel_has_types_entry_points_and_no_lazr_init(wheel):
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
    assert all("extra ==" in need for need in needs)  # no required dependencies
    assert "[console_scripts]\nsmtptest = lazr.smtptest.cli:main\n" in commands
    assert "[pytest11]\nsmtptest = lazr.smtptest.pytest_plugin\n" in commands
    assert "lazr/smtptest/pytest_plugin.py" in names
    # Third-party data, with its license.
    assert "lazr/smtptest/mail/htmlcheck/caniemail.json" in names
    assert [name for name in names if re.search(r"\.dist-info/licenses/.*/LICENSE\.caniemail\.txt$", name)]


def read_metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return email.message_from_bytes(archive.read(next(n for n in archive.namelist() if n.endswith("METADATA"))))


def test_metadata_has_the_addresses_of_the_project(wheel):
    addresses = dict(line.split(", ") for line in read_metadata(wheel).get_all("Project-URL"))
    assert set(addresses) == {"Homepage", "Documentation", "Source", "Changelog", "Issues"}
    assert all(addresses[name].startswith(addresses["Source"]) for name in ("Homepage", "Changelog", "Issues"))


def test_description_on_pypi_has_only_absolute_links(wheel):
    metadata = read_metadata(wheel)
    source = next(line for line in metadata.get_all("Project-URL") if line.startswith("Source, ")).split(", ")[1]
    text = metadata.get_payload(decode=True).decode()
    links = re.findall(r"\]\(([^)]+)\)", text) + re.findall(r'(?:src|srcset|href)="([^"]+)"', text)
    assert [link for link in links if not re.match(r"https?://|mailto:|#", link)] == []

    ours = [re.fullmatch(rf"{source}/(blob|raw)/v{metadata['Version']}/([^#]+)(#.*)?", link) for link in links]
    names = {match[2] for match in ours if match}
    assert "docs/index.md" in names
    assert [name for name in sorted(names) if not (HERE / name).exists()] == []


def test_classifiers_name_the_pythons_that_ci_tests():
    pyproject = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))
    classified = re.findall(r"Python :: (3\.\d+)", "\n".join(pyproject["project"]["classifiers"]))
    tested = re.findall(r"\$\{PYTHONS:-([0-9. ]+)\}", (HERE / ".ci" / "run").read_text("utf-8"))[0].split()
    assert classified == tested
    assert pyproject["project"]["requires-python"] == f">={tested[0]}"


@pytest.mark.slow
@pytest.mark.parametrize("first", ["smtptest", "others"])
def test_wheel_imports_beside_other_lazr_packages(first, wheel, tmp_path):
    venv.create(tmp_path / "env", with_pip=True)
    python = str(tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin") / "python")
    wheels = {"smtptest": [str(wheel)], "others": ["lazr.uri", "lazr.config"]}
    for packages in sorted(wheels.values(), key=lambda packages: packages is not wheels[first]):
        run_pip(python, "-m", "pip", "install", "--quiet", *packages, timeout=300)
    program = "import lazr.smtptest.server, lazr.uri, lazr.config; print(lazr.smtptest.__version__, lazr.__path__)"
    output = subprocess.run(
        [python, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert output.stdout.split()[0] == wheel.name.split("-")[1]


def test_import_is_cheap():
    program = (
        "import sys; before = set(sys.modules); from lazr.smtptest import MailServer; MailServer();"
        "print(*sorted(set(sys.modules) - before))"
    )
    # `site` imports modules of its own for an editable install, and coverage imports further ones.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")}
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True, env=environment
    ).stdout.split()
    heavy = {"asyncio", "email", "ssl", "dataclasses", "inspect", "logging", "typing", "http"}
    assert not heavy & set(output)


def test_public_names_exist_and_are_sorted():
    import lazr.smtptest

    # Constants, then classes, then the rest.
    order = sorted(lazr.smtptest.__all__, key=lambda n: (not n.isupper(), not n[0].isupper(), n))
    assert lazr.smtptest.__all__ == order
    for name in lazr.smtptest.__all__:
        assert getattr(lazr.smtptest, name) is not None
    assert set(lazr.smtptest.__all__) <= set(dir(lazr.smtptest))
    with pytest.raises(AttributeError, match="has no attribute 'Nonsense'"):
        lazr.smtptest.Nonsense  # noqa: B018


def test_page_lists_the_size_of_each_extra():
    extras = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    page = (HERE / "docs" / "how-to" / "install.md").read_text("utf-8")
    rows = re.findall(r"^\| `lazr\.smtptest\[(.+)\]` \| \d+ \| \d+ MB \|$", page, re.MULTILINE)
    assert rows == list(extras)  # after a change, run `python tools/measure_extras.py --write`


CITATION = re.compile(r"RFC (\d{3,5})")


def test_every_cited_rfc_is_in_the_standards_page():
    listed = set(CITATION.findall((HERE / "docs" / "reference" / "standards.md").read_text("utf-8")))
    cited = set()
    for path in (HERE / "src").rglob("*.py"):
        text = path.read_text("utf-8")
        cited |= set(CITATION.findall(text)) | set(re.findall(r"rfc=(\d+)", text))
    assert cited
    assert cited <= listed, f"not in docs/reference/standards.md: {sorted(cited - listed)}"

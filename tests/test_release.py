"""The release: equal bytes from every build, the changelog as text of the release, and the workflows."""

import doctest
import importlib.util
import io
import re
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.helpers.third_party_clients import find_release_program

PROJECT = Path(__file__).parent.parent
TOOL = PROJECT / "tools" / "release.py"
WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))


def load_tool():
    spec = importlib.util.spec_from_file_location("release", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tool():
    return load_tool()


@pytest.fixture
def project(tool, tmp_path, monkeypatch):
    """A copy of what the tool reads of the project: the version, the settings and a changelog."""
    for name in ("pyproject.toml", "src/lazr/smtptest/__init__.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, tmp_path / name)
    (tmp_path / "changelog.d").mkdir()
    monkeypatch.setattr(tool, "PROJECT", tmp_path)
    return tmp_path


def write_changelog(project, *sections):
    (project / "CHANGELOG.md").write_text("# Changelog\n\n" + "\n".join(sections), "utf-8")


# Builds


@pytest.mark.slow
def test_builds_of_two_trees_and_of_the_sdist_have_equal_bytes(tmp_path):
    python = find_release_program("python")
    command = [python, str(TOOL), "check", "--output", str(tmp_path / "dist")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": PASSED\n") == 2  # twine
    assert "check-wheel-contents: " in done.stdout and ".whl: OK\n" in done.stdout
    with zipfile.ZipFile(next((tmp_path / "dist").glob("*.whl"))) as wheel:
        names = wheel.namelist()
    assert "lazr/smtptest/py.typed" in names
    assert [name for name in names if re.search(r"(^|/)(tests/|test_|conftest|__pycache__)", name)] == []
    with tarfile.open(next((tmp_path / "dist").glob("*.tar.gz"))) as sdist:
        packed = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"Makefile", ".ci/run", "tests/conftest.py", "changelog.d/README.md", "bench/__main__.py"} <= packed


def write_wheel(path, members, date=(2020, 2, 2, 0, 0, 0), mode=0o644):
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, date)
            info.external_attr = mode << 16
            wheel.writestr(info, content)
    return path


def write_sdist(path, members, mtime=0, mode=0o644):
    with tarfile.open(path, "w:gz") as sdist:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = len(content), mtime, mode
            sdist.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    ("members", "options", "difference"),
    [
        ({"a": b"1", "b": b"2"}, {}, ""),
        ({"a": b"1", "b": b"3"}, {}, "the content differs: b"),
        ({"a": b"1"}, {}, "only in one build: b"),
        ({"b": b"2", "a": b"1"}, {}, "the order of the members differs"),
        ({"a": b"1", "b": b"2"}, {"mode": 0o600}, "time or mode differs: a: "),
        ({"a": b"1", "b": b"2"}, {"date": (2021, 2, 2, 0, 0, 0)}, "time or mode differs: a: "),
    ],
)
def test_difference_of_two_wheels_is_described(members, options, difference, tool, tmp_path):
    first = write_wheel(tmp_path / "a.whl", {"a": b"1", "b": b"2"})
    second = write_wheel(tmp_path / "b.whl", members, **options)

    description = tool.describe_difference(first, second)

    assert description.startswith(difference) and bool(description) == bool(difference)


def test_difference_of_two_sdists_is_described(tool, tmp_path):
    first = write_sdist(tmp_path / "a.tar.gz", {"a": b"1"}, mtime=1)
    second = write_sdist(tmp_path / "b.tar.gz", {"a": b"1"}, mtime=2)
    assert tool.describe_difference(first, second).startswith("time or mode differs: a: (1, ")


def test_missing_and_foreign_files_are_found(tool, tmp_path):
    tracked = ["Makefile", "src/lazr/smtptest/a.py", "src/lazr/smtptest/b.py", ".pre-commit-config.yaml"]
    packed = {f"x-1/{name}": b"" for name in ("PKG-INFO", "src/lazr/smtptest/a.py", "src/lazr/smtptest/b.py", "junk")}
    sdist = write_sdist(tmp_path / "x-1.tar.gz", packed)
    wheel = write_wheel(tmp_path / "x.whl", {"lazr/smtptest/a.py": b"", "tests/c.py": b"", "x-1.dist-info/RECORD": b""})

    assert tool.find_content_faults(sdist, wheel, tracked) == [
        "not in the sdist: Makefile",
        "in the sdist, but not a source file: junk",
        "not in the wheel: lazr/smtptest/b.py",
        "in the wheel, but not a source file: tests/c.py",
    ]


# The folder for the files


@pytest.fixture
def quick_build(tool, tmp_path, monkeypatch):
    """Let the tool take two small files as a build that has no faults."""
    (tmp_path / "build").mkdir()
    sdist = write_sdist(tmp_path / "build" / "lazr_smtptest-3.1.0.tar.gz", {"a": b""})
    wheel = write_wheel(tmp_path / "build" / "lazr_smtptest-3.1.0-py3-none-any.whl", {"a": b""})
    monkeypatch.setattr(tool, "list_source_files", list)
    monkeypatch.setattr(tool, "build_twice", lambda folder, names: (sdist, wheel))
    monkeypatch.setattr(tool, "find_content_faults", lambda *arguments: [])
    monkeypatch.setattr(tool, "run", lambda *command, **options: "")
    return {sdist.name, wheel.name}


def list_names(folder):
    return {path.name for path in folder.iterdir()}


def test_check_replaces_the_files_of_an_earlier_build(tool, quick_build, tmp_path):
    output = tmp_path / "new" / "dist"
    tool.check(output)
    assert list_names(output) == quick_build

    for name in ("lazr_smtptest-3.0.0.tar.gz", "lazr_smtptest-3.0.0-py3-none-any.whl", ".gitignore"):
        (output / name).touch()
    tool.check(output)
    assert list_names(output) == quick_build | {".gitignore"}


@pytest.mark.parametrize("name", ["notes.txt", ".git", "other-1.0.tar.gz", "lazr_smtptest-3.0.0.zip"])
def test_check_removes_nothing_from_a_folder_with_other_files(name, tool, quick_build, tmp_path):
    output = tmp_path / "project"
    output.mkdir()
    for file in (name, "lazr_smtptest-3.0.0.tar.gz"):
        (output / file).touch()
    with pytest.raises(tool.ReleaseError, match=f"contains other files; .* remove {re.escape(name)}$"):
        tool.check(output)
    assert list_names(output) == {name, "lazr_smtptest-3.0.0.tar.gz"}


def test_check_refuses_a_folder_named_like_a_build_and_a_file(tool, quick_build, tmp_path):
    (tmp_path / "output" / "lazr_smtptest-3.0.0.tar.gz").mkdir(parents=True)
    with pytest.raises(tool.ReleaseError, match="contains other files"):
        tool.check(tmp_path / "output")
    (tmp_path / "file").touch()
    with pytest.raises(tool.ReleaseError, match="must be a folder, got a file"):
        tool.check(tmp_path / "file")


def test_examples_in_the_docstrings_of_the_tool_pass(tool):
    assert doctest.testmod(tool) == (0, 1)


def test_documented_commands_exist(tool, monkeypatch, capsys):
    commands = re.findall(r"^ +python tools/release\.py (\w+)(?: \[(--\w+) [^]]+\])?", tool.__doc__, re.MULTILINE)
    assert [command for command, _ in commands] == ["check", "notes", "tag"]
    for command, option in commands:
        monkeypatch.setattr("sys.argv", ["release.py", command, "--help"])
        with pytest.raises(SystemExit, match=r"^0$"):
            tool.main()
        assert option in capsys.readouterr().out


# Changelog and tag


def test_notes_are_the_section_of_the_version_with_absolute_links(tool, project):
    write_changelog(
        project,
        "## 3.1.0 (2026-12-01)\n\n### Added\n\n- [Search](docs/reference/search.md#terms) and [RFC](https://a.example/)\n",
        "## 3.0.0 (2026-11-30)\n\n- old\n",
    )
    assert tool.read_notes("3.1.0") == (
        "### Added\n\n"
        "- [Search](https://github.com/lazr/smtptest/blob/v3.1.0/docs/reference/search.md#terms)"
        " and [RFC](https://a.example/)\n"
    )


@pytest.mark.slow
def test_fragments_become_a_section_that_the_notes_show(tool, project):
    towncrier = find_release_program("towncrier")
    (project / "tools").mkdir()
    shutil.copy(PROJECT / "tools" / "changelog.jinja", project / "tools")
    write_changelog(project, "<!-- towncrier release notes start -->\n\n## 3.0.0 (2026-11-30)\n\n- old\n")
    for kind in ("removed", "fixed", "changed", "added"):
        (project / "changelog.d" / f"topic.{kind}.md").write_text(f"A {kind} thing, described\nin two lines.\n")

    command = [towncrier, "build", "--yes", "--version", "3.1.0", "--date", "2026-12-01"]
    subprocess.run(command, cwd=project, check=True, timeout=120, capture_output=True)

    assert (
        tool.read_notes("3.1.0")
        == "\n\n".join(
            f"### {kind.title()}\n\n- A {kind} thing, described\n  in two lines."
            for kind in ("added", "changed", "fixed", "removed")
        )
        + "\n"
    )
    assert "\n\n## 3.1.0 (2026-12-01)\n\n### Added\n" in (project / "CHANGELOG.md").read_text("utf-8")
    assert list((project / "changelog.d").iterdir()) == []


@pytest.mark.parametrize(
    ("heading", "message"),
    [
        ("## 2.0.0 (2026-12-01)", "CHANGELOG.md has no section for 3.1.0"),
        ("## 3.1.0 (unreleased)", "the date of 3.1.0 must be YYYY-MM-DD, got 'unreleased'"),
        ("## 3.1.01 (2026-12-01)", "CHANGELOG.md has no section for 3.1.0"),
    ],
)
def test_version_without_dated_section_has_no_notes(heading, message, tool, project):
    write_changelog(project, f"{heading}\n\n- x\n")
    with pytest.raises(tool.ReleaseError, match=re.escape(message)):
        tool.read_notes("3.1.0")


def test_tag_belongs_to_the_version_and_a_complete_changelog(tool, project):
    version = tool.read_version(project)
    write_changelog(project, f"## {version} (2026-12-01)\n\n- x\n")
    tool.check_tag(f"v{version}")

    with pytest.raises(tool.ReleaseError, match=f"the tag must be v{version}, the version of the source, got v0.1"):
        tool.check_tag("v0.1")
    (project / "changelog.d" / "search.added.md").write_text("x")
    with pytest.raises(tool.ReleaseError, match=r"changelog\.d still has search\.added\.md"):
        tool.check_tag(f"v{version}")


# Workflows


def read_steps(path):
    """Return the steps of all jobs of a workflow."""
    jobs = yaml.safe_load(path.read_text("utf-8"))["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


def test_workflows_use_actions_by_commit_and_name_their_version():
    used = [line for path in WORKFLOWS for line in path.read_text("utf-8").splitlines() if "uses:" in line]
    assert used
    pinned = re.compile(r" *(- )?uses: [\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert [line for line in used if not pinned.fullmatch(line)] == []


def test_same_action_has_the_same_commit_everywhere():
    commits = {}
    for path in WORKFLOWS:
        for name, commit in re.findall(r"uses: ([^@\s]+)@(\S+)", path.read_text("utf-8")):
            commits.setdefault(name, set()).add(commit)
    assert {name: found for name, found in commits.items() if len(found) > 1} == {}


def test_release_runs_targets_that_a_maintainer_can_run():
    commands = [step["run"] for step in read_steps(PROJECT / ".github" / "workflows" / "release.yml") if "run" in step]
    targets = {command.split()[1] for command in commands if command.startswith("make ")}
    makefile = (PROJECT / "Makefile").read_text("utf-8")
    assert targets == {"release-tag", "release-check", "release-notes", "release-test"}
    assert [target for target in targets if f"\n{target}:" not in makefile] == []
    # All other commands need the registry or the account of the project.
    others = sorted({command.split()[0] for command in commands if not command.startswith("make ")})
    assert others == ["cosign", "for", "gh"]


def test_image_is_published_after_the_review_and_after_it_has_run():
    job = yaml.safe_load((PROJECT / ".github" / "workflows" / "release.yml").read_text("utf-8"))["jobs"]["image"]
    assert job["needs"] == "pypi"  # whose environment requires a review
    build = next(step["with"] for step in job["steps"] if step.get("id") == "image")
    assert "push-by-digest=true" in build["outputs"]
    assert not {"tags", "push"} & build.keys()
    commands = [step["run"] for step in job["steps"] if "run" in step]
    found = [next(word for word in ("docker run", "cosign sign", "imagetools create") if word in c) for c in commands]
    assert found == ["docker run", "cosign sign", "imagetools create"]


def test_tests_of_the_release_skip_nothing():
    [step] = [
        step
        for step in read_steps(PROJECT / ".github" / "workflows" / "release.yml")
        if step.get("run") == "make release-test"
    ]
    assert step["env"] == {"SMTPTEST_ALL_CLIENTS": "1"}


def test_contributing_names_each_environment_that_an_owner_configures():
    text = (PROJECT / "CONTRIBUTING.md").read_text("utf-8").partition("Once, an owner must configure:")[2]
    jobs = [job for path in WORKFLOWS for job in yaml.safe_load(path.read_text("utf-8"))["jobs"].values()]
    names = {job["environment"]["name"] for job in jobs if "environment" in job}
    assert names == {"pypi", "github-pages"}
    assert [name for name in names if f"`{name}`" not in text] == []


def test_jobs_that_install_debian_packages_run_on_debian():
    jobs = yaml.safe_load((PROJECT / ".github" / "workflows" / "check.yml").read_text("utf-8"))["jobs"]
    images = {name: job.get("container", {}).get("image") for name, job in jobs.items()}
    assert images == {"check": None, "tests": "docker.io/library/python:${{ matrix.python }}-trixie"}
    assert [step["run"] for step in jobs["check"]["steps"] if "run" in step] == ["bash .ci/run check"]
    # setup-python installs builds for Ubuntu.
    assert [step["uses"] for step in jobs["tests"]["steps"] if "setup-python" in step.get("uses", "")] == []


def test_only_the_jobs_that_publish_may_write():
    workflow = yaml.safe_load((PROJECT / ".github" / "workflows" / "release.yml").read_text("utf-8"))
    assert workflow["permissions"] == {}
    writing = {
        name: sorted(right for right, value in job["permissions"].items() if value == "write")
        for name, job in workflow["jobs"].items()
    }
    assert writing == {
        "build": [],
        "test": [],
        "pypi": ["id-token"],
        "image": ["id-token", "packages"],
        "github": ["attestations", "contents", "id-token"],
    }
    publishing = [name for name, rights in writing.items() if rights]
    assert {workflow["jobs"][name]["if"] for name in publishing} == {"github.event_name == 'push'"}


def test_commands_of_workflows_contain_no_expressions():
    # An expression in a command would be part of the script: a tag or a title could run commands.
    commands = [step["run"] for path in WORKFLOWS for step in read_steps(path) if "run" in step]
    assert [command for command in commands if "${{" in command] == []

"""Build, check and describe a release; `make release-check` and the workflow `release.yml` run it.

    python tools/release.py check [--output DIR]    build twice, compare, check the files, and put them into dist/
    python tools/release.py notes                   print the changelog section of this version
    python tools/release.py tag v3.0.0              check that the tag, the version and the changelog agree

It runs in an environment with the dependency group `release`, which `make` creates in .cache/release.  A build contains
only files that git tracks, and never other files of the checkout.
"""

import argparse
import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
BUILD_TIMEOUT_SECONDS = 600


class ReleaseError(Exception):
    """The release has a fault; the text says which, and what to do."""


@functools.cache
def read_pyproject():
    return tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))


def read_version(project=PROJECT):
    text = (project / read_pyproject()["tool"]["hatch"]["version"]["path"]).read_text("utf-8")
    return re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)[1]


def run(*command, cwd=PROJECT, **environment):
    """Run a command, and return its output; raise `ReleaseError` if it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=BUILD_TIMEOUT_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode:
        raise ReleaseError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


# The source tree


def list_source_files():
    """Return the names of the files that git tracks; in an unpacked sdist, all files that .gitignore does not name."""
    git = ["git", "-c", f"safe.directory={PROJECT}"]  # in CI, the checkout may belong to another user
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        if (PROJECT / ".git").exists():
            listing = run(*git, "ls-files", "-z")
        else:
            run("git", "init", "--quiet", "--bare", folder)
            listing = run(
                "git", f"--git-dir={folder}", f"--work-tree={PROJECT}", "ls-files", "-zo", "--exclude-standard"
            )
    names = set(listing.split("\0")) - {"", "PKG-INFO"}  # PKG-INFO: the sdist's own metadata
    return sorted(name for name in names if (PROJECT / name).is_file())


def copy_tree(target, names, mtime):
    """Copy files of the project into a new folder; all files get this time of modification."""
    for name in names:
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PROJECT / name, path)
        os.utime(path, (mtime, mtime))
    return target


# Build and compare


def build(tree, output, umask, kinds=("sdist", "wheel"), **environment):
    """Build the sdist and the wheel of a tree; return their paths, in this order."""
    # Without the variable, hatchling uses a fixed time.  So the bytes depend on the source only, also for those who
    # build a wheel from the sdist.
    variables = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"} | environment
    options = [f"--{kind}" for kind in kinds]
    command = [sys.executable, "-m", "build", "--no-isolation", *options, "--outdir", str(output), str(tree)]
    done = subprocess.run(
        command,
        env=variables, umask=umask, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=BUILD_TIMEOUT_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode:
        raise ReleaseError(f"the build of {tree} failed:\n{done.stdout}")
    return sorted(output.iterdir(), key=lambda path: path.suffix == ".whl")


def read_members(archive):
    """Return the members of a wheel or an sdist: name to (content, other properties), in the order of the archive."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return {
                info.filename: (wheel.read(info), (info.date_time, oct(info.external_attr), info.compress_type))
                for info in wheel.infolist()
            }
    with tarfile.open(archive) as sdist:
        return {
            info.name: (
                sdist.extractfile(info).read() if info.isfile() else b"",
                (info.mtime, oct(info.mode), info.uname, info.gname, info.uid, info.gid, info.type),
            )
            for info in sdist
        }


def describe_difference(first, second):
    """Return why two archives have different bytes, or "" if they are equal."""
    if first.read_bytes() == second.read_bytes():
        return ""
    members, others = read_members(first), read_members(second)
    lines = [f"only in one build: {name}" for name in sorted(members.keys() ^ others.keys())]
    for name in sorted(members.keys() & others.keys()):
        (content, properties), (other_content, other_properties) = members[name], others[name]
        if content != other_content:
            lines.append(f"the content differs: {name}")
        if properties != other_properties:
            lines.append(f"time or mode differs: {name}: {properties} and {other_properties}")
    if not lines and list(members) != list(others):
        lines.append("the order of the members differs")
    return "\n".join(lines or ["the archives differ outside of their members"])


def build_twice(folder, names):
    """Build in two copies of the tree that differ in path, time, umask, locale and time zone; return one build.

    Raises:
        ReleaseError: The builds have different bytes.
    """
    first_tree = copy_tree(folder / "a", names, mtime=1_000_000_000)
    second_tree = copy_tree(folder / "another folder" / "deeper", names, mtime=1_700_000_001)
    first = build(first_tree, folder / "first", 0o022, TZ="UTC", LC_ALL="C", PYTHONHASHSEED="1")
    second = build(second_tree, folder / "second", 0o077, TZ="Asia/Tokyo", LC_ALL="C.UTF-8", PYTHONHASHSEED="2")
    # What a packager does who has only the sdist.
    with tarfile.open(first[0]) as sdist:
        sdist.extractall(folder / "unpacked", filter="data")
    [unpacked] = (folder / "unpacked").iterdir()
    [wheel_of_sdist] = build(unpacked, folder / "third", 0o022, kinds=["wheel"])
    pairs = [*zip(first, second, strict=True), (first[1], wheel_of_sdist)]
    for one, other in pairs:
        difference = describe_difference(one, other)
        if difference:
            raise ReleaseError(f"{other} has other bytes than the first build:\n{difference}")
    return first


# Content


def find_content_faults(sdist, wheel, names):
    """Return what is missing in the archives, and what should not be there; `names` are the source files."""
    root = sdist.name.removesuffix(".tar.gz")
    packed = {name.removeprefix(f"{root}/") for name in read_members(sdist)} - {"PKG-INFO"}
    excluded = [name.strip("/") for name in read_pyproject()["tool"]["hatch"]["build"]["targets"]["sdist"]["exclude"]]
    expected = {name for name in names if not any(f"{name}/".startswith(f"{path}/") for path in excluded)}
    faults = [f"not in the sdist: {name}" for name in sorted(expected - packed)]
    faults += [f"in the sdist, but not a source file: {name}" for name in sorted(packed - expected)]

    excluded = set(read_pyproject()["tool"]["hatch"]["build"]["targets"]["wheel"]["exclude"])
    sources = {name for name in names if name.startswith("src/lazr/") and Path(name).name not in excluded}
    expected = {name.removeprefix("src/") for name in sources}
    packed = {name for name in read_members(wheel) if not re.match(r"[^/]+\.dist-info/", name)}
    faults += [f"not in the wheel: {name}" for name in sorted(expected - packed)]
    faults += [f"in the wheel, but not a source file: {name}" for name in sorted(packed - expected)]
    return faults


# Changelog and tag


def read_notes(version):
    """Return the changelog section of a version without its heading; links are absolute.

    Raises:
        ReleaseError: The changelog has no section for the version, or it is marked as unreleased.
    """
    text = (PROJECT / "CHANGELOG.md").read_text("utf-8")
    match = re.search(rf"^## {re.escape(version)} \(([^)\n]*)\)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if match is None:
        raise ReleaseError(f"CHANGELOG.md has no section for {version}; run `make changelog-build`")
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", match[1]):
        raise ReleaseError(f"CHANGELOG.md: the date of {version} must be YYYY-MM-DD, got {match[1]!r}")
    address = f"{read_pyproject()['project']['urls']['Source']}/blob/v{version}/"
    return re.sub(r"\]\((?![a-z]+:|#)([^)]+)\)", rf"]({address}\1)", match[2]).strip() + "\n"


def check_tag(tag):
    """Check that the tag names the version of the source, and that the changelog describes it.

    Raises:
        ReleaseError: They do not agree, or changelog fragments are left.
    """
    version = read_version()
    if tag != f"v{version}":
        raise ReleaseError(f"the tag must be v{version}, the version of the source, got {tag}")
    fragments = sorted(path.name for path in (PROJECT / "changelog.d").glob("*.*.md"))
    if fragments:
        raise ReleaseError(f"changelog.d still has {', '.join(fragments)}; run `make changelog-build`")
    read_notes(version)


# Commands


def find_old_files(output):
    """Return the files of an earlier build in a folder, which need not exist.

    Raises:
        ReleaseError: The folder contains anything else, which a release would publish too.
    """
    if not output.exists():
        return []
    if not output.is_dir():
        raise ReleaseError(f"{output} must be a folder, got a file")
    # `uv build` writes .gitignore.
    paths = sorted(path for path in output.iterdir() if path.name != ".gitignore")
    others = [path.name for path in paths if not (is_build(path.name) and path.is_file())]
    if others:
        raise ReleaseError(f"{output} contains other files; choose another folder, or remove {', '.join(others[:5])}")
    return paths


def is_build(name):
    """Return whether a file has the name of a wheel or an sdist of this project.

    >>> [is_build(name) for name in ("lazr_smtptest-3.0.0.tar.gz", "lazr_smtptest-3.0.0-py3-none-any.whl", "a-1.whl")]
    [True, True, False]
    """
    return name.startswith("lazr_smtptest-") and name.endswith((".whl", ".tar.gz"))


def check(output):
    """Build twice, check the files, and put them into the folder `output`, instead of those of an earlier build."""
    names = list_source_files()
    old_files = find_old_files(output)
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        sdist, wheel = build_twice(Path(folder), names)
        print(f"reproducible: {sdist.name} and {wheel.name}: two trees and the unpacked sdist give the same bytes")
        faults = find_content_faults(sdist, wheel, names)
        if faults:
            raise ReleaseError("\n".join(faults))
        print(f"content: {len(read_members(sdist))} files in the sdist, {len(read_members(wheel))} in the wheel")
        for path in old_files:
            path.unlink()
        output.mkdir(parents=True, exist_ok=True)
        for path in (sdist, wheel):
            shutil.copy(path, output)
            print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}")
    files = [path.name for path in (sdist, wheel)]
    print(run(sys.executable, "-m", "twine", "--no-color", "check", "--strict", *files, cwd=output).strip())
    print("check-wheel-contents:", run(sys.executable, "-m", "check_wheel_contents", wheel.name, cwd=output).strip())


def main():
    parser = argparse.ArgumentParser(description="Build, check and describe a release.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("check", help="build twice, compare, and check the files")
    command.add_argument("--output", type=Path, default=PROJECT / "dist", help="folder for the files [dist]")
    commands.add_parser("notes", help="print the changelog section of this version")
    command = commands.add_parser("tag", help="check that the tag, the version and the changelog agree")
    command.add_argument("tag")
    arguments = parser.parse_args()
    try:
        if arguments.command == "check":
            check(arguments.output)
        elif arguments.command == "notes":
            print(read_notes(read_version()), end="")
        else:
            check_tag(arguments.tag)
    except ReleaseError as error:
        sys.exit(f"release: {error}")


if __name__ == "__main__":
    main()

"""Everything that the package imports is declared in pyproject.toml, and nothing else."""

import ast
import functools
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from lazr.smtptest._util import extras

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRAS = PYPROJECT["project"]["optional-dependencies"]

# The distribution of a module that is not named like it.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "dkim": "dkimpy",
    "dns": "dnspython",
    "nacl": "pynacl",
    "re2": "google-re2",
    "typing_extensions": "typing-extensions",
}

# Only pytest imports the modules that import pytest.
IMPORTING_PROGRAMS = {"pytest"}

# Where the modules of an extra are imported; everything else belongs to `serve`.
EXTRA_BY_DISTRIBUTION = {
    "authres": "checks",
    "bcrypt": "passwords",
    "cryptography": "tls",
    "dkimpy": "checks",
    "dnspython": "checks",
    "google-re2": "regex",
    "mcp": "mcp",
    "pillow": "thumbnails",
    "psycopg": "postgres",
    "publicsuffixlist": "checks",
    "pynacl": "checks",
    "scramp": "auth",
    "testcontainers": "testcontainers",
    "tinycss2": "html-check",
    "trustme": "tls",
    "uvloop": "uvloop",
}


@functools.cache
def find_imports():
    """Return the distributions that the package imports, each with the files that do."""
    files_by_distribution = {}
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                modules = [node.module]
            else:
                continue
            for module in modules:
                top = module.partition(".")[0]
                if top not in sys.stdlib_module_names and top not in IMPORTING_PROGRAMS and top != "lazr":
                    files_by_distribution.setdefault(DISTRIBUTIONS.get(top, top), set()).add(path.name)
    return files_by_distribution


def parse_names(requirements):
    """Return the names of requirements, without extras, versions and markers."""
    return {re.match(r"[A-Za-z0-9._-]+", requirement)[0].lower() for requirement in requirements}


DECLARED = set().union(*map(parse_names, EXTRAS.values())) - {"lazr.smtptest"}


@pytest.mark.parametrize("distribution", sorted(find_imports()))
def test_imported_distribution_is_declared(distribution):
    files = sorted(find_imports()[distribution])
    extra = EXTRA_BY_DISTRIBUTION.get(distribution, "serve")

    assert distribution in parse_names(EXTRAS[extra]), f"{files} import {distribution}: add it to the extra {extra!r}"


def test_certificates_need_only_the_extra_tls():
    imported = {name for name, files in find_imports().items() if "certificates.py" in files}

    assert imported == parse_names(EXTRAS["tls"])


def test_extra_of_the_web_inbox_is_declared():
    """The web inbox lists what is missing, with the command that installs it."""
    packages = {name: {extra.package} for name, extra in extras.EXTRAS.items()}

    assert {name: packages[name] & parse_names(EXTRAS[name]) for name in packages} == packages
    assert {DISTRIBUTIONS.get(extra.module, extra.module) for extra in extras.EXTRAS.values()} == set.union(
        *packages.values()
    )


def test_full_has_all_extras_of_the_server():
    """Except PostgreSQL, for which a team needs a server of its own."""
    [full] = EXTRAS["full"]

    assert set(re.fullmatch(r"lazr\.smtptest\[(.*)\]", full)[1].split(",")) == {
        "serve",
        *(set(extras.EXTRAS) - {"mcp", "postgres"}),
    }


def test_declared_distribution_is_imported():
    assert set(find_imports()) == DECLARED
    assert PYPROJECT["project"]["dependencies"] == []


@pytest.mark.parametrize("name", sorted(EXTRAS))
def test_tests_use_the_versions_of_the_extra(name):
    groups = [requirement for group in PYPROJECT["dependency-groups"].values() for requirement in group]

    needed = {requirement for requirement in EXTRAS[name] if not requirement.startswith("lazr.smtptest[")}
    assert needed <= {requirement for requirement in groups if isinstance(requirement, str)}


# A major release may change what is used.  The cores of these distributions are subclassed or wrapped here.
@pytest.mark.parametrize("name", ["h11", "pydantic", "sqlalchemy", "starlette", "uvicorn"])
def test_framework_has_an_upper_bound(name):
    [requirement] = [requirement for requirement in EXTRAS["serve"] if parse_names([requirement]) == {name}]

    assert re.search(r",<\d+$", requirement)


@pytest.mark.parametrize("requirement", sorted({one for extra in EXTRAS.values() for one in extra}))
def test_installed_version_fits(requirement):
    packaging = pytest.importorskip("packaging.requirements")
    parsed = packaging.Requirement(requirement)

    if parsed.name != "lazr.smtptest" and (parsed.marker is None or parsed.marker.evaluate()):
        assert metadata.version(parsed.name) in parsed.specifier


# Modules that the start of a server does not need.  The first test of a run would wait for their import.
UNUSED_BY_A_START = {
    *("asyncio", "bisect", "copy", "dataclasses", "datetime", "email", "hashlib", "hmac", "http"),
    *("inspect", "ipaddress", "json", "logging", "pathlib", "random", "re", "secrets", "shutil", "ssl", "stringprep"),
    *("subprocess", "tempfile", "traceback", "typing", "unicodedata", "uuid"),
    "lazr.smtptest._util.async_library",
    "lazr.smtptest.authentication",
    "lazr.smtptest.dns",
    "lazr.smtptest.mail.authenticator",
    "lazr.smtptest.mail.condition",
    "lazr.smtptest.mail.failure_report",
    "lazr.smtptest.mail.mail",
    "lazr.smtptest.mail.match",
    "lazr.smtptest.mail.recipient_index",
    "lazr.smtptest.mailserver.observer",
    "lazr.smtptest.net.asyncio_driver",
    "lazr.smtptest.net.fault_connection",
    "lazr.smtptest.net.tls_settings",
    "lazr.smtptest.protocol.smtp.events",
    "lazr.smtptest.protocol.smtp.session",
    "lazr.smtptest.rules.rule",
    "lazr.smtptest.rules.triggers",
    "lazr.smtptest.store_delivery",
}


def test_first_server_imports_only_what_it_uses():
    program = (
        "import sys; before = set(sys.modules); from lazr.smtptest import MailServer; server = MailServer();"
        "server.start(); print(*set(sys.modules) - before); server.stop()"
    )
    # Coverage imports modules of its own.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")}
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True, env=environment
    )

    assert UNUSED_BY_A_START & set(output.stdout.split()) == set()

"""The names that `lazr.smtptest.store` and its rooms export, and that they are imported at first use."""

import importlib
import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("package", ["", ".search", ".sql", ".sqlite"])
def test_every_exported_name_can_be_imported(package):
    module = importlib.import_module(f"lazr.smtptest.store{package}")

    assert len(set(module.__all__)) == len(module.__all__) > 0
    for name in module.__all__:
        assert getattr(module, name) is not None
    assert set(module.__all__) <= set(dir(module))


def test_an_unknown_name_is_an_attribute_error():
    import lazr.smtptest.store

    with pytest.raises(AttributeError, match=r"module 'lazr\.smtptest\.store' has no attribute 'Stoer'"):
        lazr.smtptest.store.Stoer  # noqa: B018


@pytest.mark.parametrize(
    ("statement", "loaded"),
    [
        ("import lazr.smtptest.store", {"lazr.smtptest.store"}),
        ("from lazr.smtptest.store import parse_query", {"lazr.smtptest.store", "lazr.smtptest.store.search"}),
        ("from lazr.smtptest.store import MemoryStore", {"lazr.smtptest.store", "lazr.smtptest.store.memory"}),
    ],
)
def test_importing_the_room_loads_no_database(statement, loaded):
    code = f"import sys; before = set(sys.modules)\n{statement}\nprint(*sys.modules.keys() - before)"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, timeout=60
    )
    modules = set(done.stdout.split())

    assert loaded <= modules
    assert not {"sqlalchemy", "psycopg", "sqlite3"} & modules
    if statement == "import lazr.smtptest.store":
        assert {name for name in modules if name.startswith("lazr.smtptest.store.")} == set()

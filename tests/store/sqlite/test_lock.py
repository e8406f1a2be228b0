"""One store at a time has a file open, whatever name it uses."""

import os
import sys

import pytest

from lazr.smtptest.errors import StoreInUse
from lazr.smtptest.store import SqliteStore
from tests.store.contract import arrival
from tests.store.sqlite.test_store import run_script

ALIASES = {
    "symbolic link": lambda path, alias: alias.symlink_to(path),
    "relative symbolic link": lambda path, alias: alias.symlink_to(path.name),
    "link to a link": lambda path, alias: [
        (path.parent / "middle").symlink_to(path),
        alias.symlink_to(path.parent / "middle"),
    ],
    "link to the folder": lambda path, alias: [
        (path.parent.parent / "folder").symlink_to(path.parent),
        (path.parent / "other.sqlite").symlink_to(path.parent.parent / "folder" / path.name),
    ],
    "hard link": os.link,
}

SECOND = """
    import sys
    from lazr.smtptest.errors import StoreInUse
    from lazr.smtptest.store import SqliteStore
    try:
        SqliteStore(sys.argv[1]).open()
    except StoreInUse as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs locks of open files")
@pytest.mark.parametrize("is_same_process", [True, False], ids=["same process", "other process"])
@pytest.mark.parametrize("name", ALIASES)
def test_file_is_locked_under_all_its_names(tmp_path, name, is_same_process):
    path, alias = tmp_path / "own" / "mail.sqlite", tmp_path / "own" / "other.sqlite"
    with SqliteStore(path) as store:
        ALIASES[name](path, alias)
        if is_same_process:
            with pytest.raises(StoreInUse, match="is in use by"):
                SqliteStore(alias).open()
        else:
            assert "is in use by" in run_script(SECOND, alias)
        store.add([arrival(id="m1")])

    with SqliteStore(alias) as store:
        assert store.get_mail("m1")
        store.add([arrival(id="m2")])
    with SqliteStore(path) as store:
        assert store.get_mail("m2")


def test_store_at_a_dangling_link_creates_its_target(tmp_path):
    target, alias = tmp_path / "there" / "mail.sqlite", tmp_path / "mail.sqlite"
    alias.symlink_to(target)
    with SqliteStore(alias) as store:
        store.add([arrival(id="m1")])
    assert target.exists() and store.url == f"sqlite:///{target}"

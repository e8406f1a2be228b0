"""Flags, folders and numbers in PostgreSQL, on several nodes and after an upgrade."""

import queue

import psycopg
import pytest

from lazr.smtptest.errors import StoreUnavailable
from lazr.smtptest.store import Change, PostgresStore
from lazr.smtptest.store.sql import postgres_database
from lazr.smtptest.store.sql.postgres_database import _ACQUIRE_ADD_LOCK_SQL, _ADVANCE_MOD_SEQ_SQL
from tests.store.contract import SECONDS, arrival, shown

pytestmark = pytest.mark.postgres

INSERT_SQL = (
    "INSERT INTO mails (id, received_at, size, username, read, envelope)"
    " VALUES ('open', 0, 0, '', false, '{}'::bytea) RETURNING number"
)
VERSION_2_SQL = """
    DROP INDEX mails_by_owner, mails_by_mod_seq;
    ALTER TABLE mails DROP COLUMN flags, DROP COLUMN folder, DROP COLUMN owner, DROP COLUMN mod_seq;
    UPDATE schema_version SET version = 2;
"""


def test_other_nodes_are_notified_of_flags(postgres):
    with PostgresStore(postgres) as one, PostgresStore(postgres) as other:
        one.add([arrival(id="m1"), arrival(id="m2")])
        changes = queue.SimpleQueue()
        other.subscribe(changes.put)

        one.set_flags(["m1"], add=["\\Flagged"])
        while (change := changes.get(timeout=SECONDS)).kind != "flags":
            pass
        assert change == Change("flags", ("m1",))
        assert [mail.flags for mail in other.find_flags()] == [("\\Flagged",), ()]
        assert other.get_mod_seq() == one.get_mod_seq() == max(mail.mod_seq for mail in other.find_flags())


def test_numbers_wait_for_lower_numbers_but_block_no_node(postgres, monkeypatch):
    monkeypatch.setattr(postgres_database, "_SETTLING_TIMEOUT_SECONDS", 0.05)
    with PostgresStore(postgres) as store, psycopg.connect(postgres) as adding:
        store.add([arrival()])
        [first] = store.list_numbers()
        mod_seq = store.get_mod_seq()
        adding.execute(f"SELECT {_ACQUIRE_ADD_LOCK_SQL}")
        [open_number] = adding.execute(INSERT_SQL).fetchone()

        store.add([arrival()])
        assert store.list_numbers() == [first]
        assert [mail.number for mail in store.find_flags()] == [first]
        assert store.get_mod_seq() == mod_seq
        adding.commit()
        assert store.list_numbers() == [first, open_number, open_number + 1]
        assert len(store.find_flags(since=mod_seq)) == 2
        assert store.get_mod_seq() > mod_seq


def test_new_node_reports_no_empty_folder_while_another_is_adding(postgres, monkeypatch):
    monkeypatch.setattr(postgres_database, "_SETTLING_TIMEOUT_SECONDS", 0.05)
    with PostgresStore(postgres) as one, psycopg.connect(postgres) as adding:
        one.add([arrival()])
        adding.execute(f"SELECT {_ACQUIRE_ADD_LOCK_SQL}")
        with PostgresStore(postgres) as other:
            for read in (other.list_numbers, other.get_mod_seq, other.get_next_number):
                with pytest.raises(StoreUnavailable):
                    read()
            adding.commit()
            assert len(other.list_numbers()) == 1


def test_mod_seq_waits_for_changes_that_are_not_committed(postgres, monkeypatch):
    monkeypatch.setattr(postgres_database, "_SETTLING_TIMEOUT_SECONDS", 0.05)
    with PostgresStore(postgres) as store, psycopg.connect(postgres) as changing:
        store.add([arrival()])
        mod_seq = store.get_mod_seq()
        [changed] = changing.execute(_ADVANCE_MOD_SEQ_SQL).fetchone()
        store.add([arrival()])

        assert store.get_mod_seq() == mod_seq < changed
        changing.execute("UPDATE mails SET flags = 1, mod_seq = %s WHERE number = 1", (changed,))
        changing.commit()
        assert store.get_mod_seq() > changed
        assert [mail.mod_seq for mail in store.find_flags(since=mod_seq)] == [changed, changed + 1]


def test_version_2_gets_flags_and_folders(postgres):
    with PostgresStore(postgres) as store:
        store.add([arrival(id="m1", tags=["a"]), arrival(id="m2")])
        before = [shown(entry) for entry in store.get_page().entries]
    with psycopg.connect(postgres) as connection:
        expected = list_schema(connection)
        connection.execute(VERSION_2_SQL)

    with PostgresStore(postgres) as store, psycopg.connect(postgres) as connection:
        assert list_schema(connection) == expected
        assert [shown(entry) for entry in store.get_page().entries] == before
        assert store.get_mod_seq() == 1
        assert store.set_flags(["m1"], add=["\\Flagged"]) == ["m1"]
        assert [mail.mod_seq for mail in store.find_flags()] == [2, 1]
        store.add([arrival(id="m3")])
        assert [mail.mod_seq for mail in store.find_flags()] == [2, 1, 3]


def list_schema(connection):
    columns = connection.execute(
        "SELECT column_name, data_type, column_default, is_nullable FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND table_name = 'mails' ORDER BY column_name"
    )
    indexes = connection.execute("SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1")
    return columns.fetchall(), indexes.fetchall()

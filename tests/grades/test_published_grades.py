"""The published grades: the data, the faults that were checked by hand, and the page that is made of them."""

import json

import pytest

from lazr.smtptest.grading import BEHAVIORS, Outcome
from tools.grades.__main__ import FOLDER
from tools.grades.clients import CLIENTS
from tools.grades.data import read_table, write_table
from tools.grades.page import find_open_faults, read_faults, render_page

TABLE = read_table(FOLDER / "grades.json")
BEHAVIOR_NAMES = {behavior.name for behavior in BEHAVIORS}


def test_at_least_twelve_clients_are_graded():
    assert len(TABLE.clients) >= 12
    assert set(TABLE.clients) <= {client.name for client in CLIENTS}


@pytest.mark.parametrize("name", sorted(TABLE.clients))
def test_client_is_graded_for_known_behaviors(name):
    client = TABLE.clients[name]

    assert client.version
    assert len(client.grades) >= 60
    assert set(client.grades) <= BEHAVIOR_NAMES, "run: make grades"
    assert {Outcome(grade.outcome) for grade in client.grades.values()} <= set(Outcome)


def test_each_wrong_grade_was_checked_by_hand():
    assert find_open_faults(TABLE) == [], "read the transcript, and describe the fault in tools/grades/faults.toml"


def test_each_described_fault_is_in_the_grades():
    wrong = {
        (name, behavior)
        for name, client in TABLE.clients.items()
        for behavior, grade in client.grades.items()
        if not grade.right
    }
    described = {(fault.client, behavior) for fault in read_faults() for behavior in fault.behaviors}

    assert described <= wrong, "remove what has been repaired from tools/grades/faults.toml"


def test_page_is_made_of_the_data():
    page = (FOLDER / "grades.md").read_text("utf-8")

    assert page == render_page(TABLE), "run: python -m tools.grades --render"


def test_written_table_is_read_again(tmp_path):
    write_table(TABLE, tmp_path / "grades.json")

    assert read_table(tmp_path / "grades.json") == TABLE


def test_table_of_another_schema_is_refused(tmp_path):
    (tmp_path / "grades.json").write_text(json.dumps({"schema": 99}))

    with pytest.raises(ValueError, match="expected schema 1"):
        read_table(tmp_path / "grades.json")

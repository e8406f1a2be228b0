"""Mails as real programs build them are read as several other parsers read them.

The mails are in `tests/mail/corpus`.  `tools/compare_parsers --record` makes its file `expected.json`.
"""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from lazr.smtptest import Envelope, Mail
from tests.mail.corpus_values import BYTES_OF_PART, CODES, DECISIONS, DEFECTS, LINKS

CORPUS = Path(__file__).parent / "corpus"
TOOL = Path(__file__).parents[2] / "tools" / "compare_parsers"
EXPECTED = json.loads((CORPUS / "expected.json").read_text(encoding="utf-8"))
MAILS = EXPECTED["mails"]
KINDS = ["bounce", "calendar", "code", "invoice", "marketing", "reply", "smime"]


def load_tool(name):
    spec = importlib.util.spec_from_file_location(f"compare_parsers_{name}", TOOL / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


consensus = load_tool("consensus")
read_smtptest = load_tool("read_smtptest")


def receive(path):
    envelope = Envelope("a@example.com", ("b@example.org",), mail_parameters={}, rcpt_parameters=({},))
    return Mail("1", envelope, [(CORPUS / path).read_bytes()])


def list_differences(expected, ours):
    """Return the fields whose value differs, the contents of attachments apart from their names."""
    fields = [field for field in consensus.FIELDS if field not in expected["undecided"]]
    different = {field for field in fields if ours[field] != expected[field]}
    files = expected["attachments"]
    names = [[(one["filename"], one["type"]) for one in attachments] for attachments in (files, ours["attachments"])]
    if names[0] != names[1]:
        return different | {"attachments"}
    contents = zip(files, ours["attachments"], strict=True)
    return different | {f"attachments[{index}]" for index, (one, other) in enumerate(contents) if one != other}


def test_corpus_has_twenty_mails_of_each_kind():
    paths = sorted(path.relative_to(CORPUS).as_posix() for path in CORPUS.glob("*/*.eml"))

    assert paths == sorted(MAILS)
    assert [sum(path.startswith(f"{kind}/") for path in paths) for kind in KINDS] == [20] * len(KINDS)


@pytest.mark.parametrize("path", MAILS)
def test_lines_end_with_crlf(path):
    content = (CORPUS / path).read_bytes()

    assert content.count(b"\n") == content.count(b"\r\n") == content.count(b"\r") > 5


@pytest.mark.parametrize("path", MAILS)
def test_mail_is_read_as_by_most_parsers(path):
    ours = consensus.describe_answer(read_smtptest.read((CORPUS / path).read_bytes()))
    undecided = set(MAILS[path]["undecided"])
    different = list_differences(MAILS[path], ours)

    assert different | undecided == set(DECISIONS.get(path, {}))


@pytest.mark.parametrize(("path", "field"), [(path, field) for path, fields in DECISIONS.items() for field in fields])
def test_decision_is_as_the_table_says(path, field):
    mail = receive(path)
    value = DECISIONS[path][field]
    if value is BYTES_OF_PART:
        content = mail.attachments[int(field.removeprefix("attachments[").removesuffix("]"))].content
        before, _, after = mail.content.partition(content)
        assert (before[-4:], after[:4]) == (b"\r\n\r\n", b"\r\n--")
    else:
        assert getattr(mail, field) == value


@pytest.mark.parametrize("path", MAILS)
def test_defects_are_those_that_were_written(path):
    mail = receive(path)

    assert list(map(str, mail.defects)) == DEFECTS.get(path, [])
    assert mail.truncated == ()


@pytest.mark.parametrize(("path", "code"), CODES.items())
def test_code_is_the_one_that_was_written(path, code):
    assert receive(path).codes == (code,)


@pytest.mark.parametrize(("path", "links"), LINKS.items())
def test_links_are_those_that_were_written(path, links):
    assert [link.url for link in receive(path).links] == links


@pytest.mark.slow
def test_installed_parsers_read_what_is_recorded():
    paths = [str(CORPUS / kind) for kind in KINDS]
    done = subprocess.run(
        [sys.executable, str(TOOL), "--json", *paths], capture_output=True, encoding="utf-8", check=False, timeout=300
    )
    answers = {path: {} for path in MAILS}
    for line in done.stdout.rstrip("\n").split("\n"):
        answer = json.loads(line)
        answers[Path(answer["path"]).relative_to(CORPUS).as_posix()][answer["parser"]] = answer
    for by_parser in answers.values():
        assert "error" not in by_parser.pop("lazr.smtptest")
    installed = set().union(*answers.values())
    assert "email" in installed
    if installed == set(EXPECTED["parsers"]):
        assert {path: consensus.find_consensus(by_parser.values()) for path, by_parser in answers.items()} == MAILS
    elif len(installed) > 2:
        # A value that all of them read is recorded.
        for path, by_parser in answers.items():
            described = [consensus.describe_answer(answer) for answer in by_parser.values() if "error" not in answer]
            for field in set(consensus.FIELDS) - set(MAILS[path]["undecided"]):
                if all(one[field] == described[0][field] for one in described):
                    assert described[0][field] == MAILS[path][field], (path, field)

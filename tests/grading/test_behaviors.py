"""The table of behaviors: complete, consistent, and possible for a server."""

import re

import pytest

from lazr.smtptest import MailServer
from lazr.smtptest.grading import BEHAVIORS, GROUPS, Outcome, find_behaviors
from lazr.smtptest.grading.message import BODIES
from lazr.smtptest.protocol.smtp.findings import FINDING_CODES

RIGHT_OUTCOMES = {Outcome.DELIVERED, Outcome.DEFERRED, Outcome.REFUSED, Outcome.DUPLICATED}


def test_there_are_more_than_sixty_behaviors_in_all_groups():
    assert len(BEHAVIORS) > 60
    assert list(dict.fromkeys(behavior.group for behavior in BEHAVIORS)) == list(GROUPS)


def test_names_are_unique_and_lower_case():
    names = [behavior.name for behavior in BEHAVIORS]

    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9.]+)+", name)] == []


@pytest.mark.parametrize("behavior", BEHAVIORS, ids=lambda behavior: behavior.name)
def test_behavior_is_complete(behavior):
    assert re.fullmatch(r"RFC [0-9]+( [0-9]+(\.[0-9]+)*)?", behavior.rfc)
    assert re.fullmatch(r"(The|All) [^.]*([0-9]\.[0-9][^.]*)*[^.]", behavior.title)
    assert behavior.expected.endswith(".")
    assert behavior.accept
    assert behavior.accept <= RIGHT_OUTCOMES
    assert behavior.forbids <= set(FINDING_CODES)
    assert behavior.body in BODIES
    assert 2 <= behavior.timeout <= 5


@pytest.mark.parametrize("behavior", BEHAVIORS, ids=lambda behavior: behavior.name)
def test_server_takes_the_arguments_and_rules(behavior):
    server = MailServer(**behavior.server)

    assert len(server.rules.load(behavior.rules)) >= len(behavior.rules)
    server.rules.clear()


def test_find_behaviors_takes_names_groups_and_patterns():
    found = find_behaviors(["quit", "rcpt-55?"], exclude=["quit-*ed"])

    assert [behavior.name for behavior in found] == ["rcpt-550", "quit-never", "quit-reset", "quit-421"]


def test_find_behaviors_returns_all_by_default():
    assert find_behaviors() == BEHAVIORS


def test_find_behaviors_suggests_a_name():
    with pytest.raises(ValueError, match="only: unknown behavior 'rcpt-55'; did you mean 'rcpt-550'"):
        find_behaviors(["rcpt-55"])


def test_find_behaviors_refuses_a_string():
    with pytest.raises(TypeError, match=r"write only=\['quit'\]"):
        find_behaviors("quit")


def test_find_behaviors_refuses_an_empty_selection():
    with pytest.raises(ValueError, match="no behavior is left"):
        find_behaviors(["quit-*"], exclude=["quit"])

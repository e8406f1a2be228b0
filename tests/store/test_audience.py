"""Listeners hear of changes in the order in which they happened, whatever the others do."""

from lazr.smtptest.store.audience import Audience
from lazr.smtptest.store.contract import Change

NEW, READ, DELETE = Change("new", ("1",)), Change("read", ("1",)), Change("delete", ("1",))


def test_a_change_that_a_listener_makes_is_told_behind_the_one_it_heard_of():
    audience, heard = Audience(), []

    def deletes(change):
        if change is NEW:
            audience.note(DELETE)
            audience.tell()

    audience.subscribe(deletes)
    audience.subscribe(heard.append)
    audience.note(NEW)
    audience.note(READ)
    audience.tell()

    assert heard == [NEW, READ, DELETE]


def test_a_listener_that_raises_is_in_the_log_and_the_others_hear(caplog):
    audience, heard = Audience(), []
    audience.subscribe(lambda change: 1 / 0)
    audience.subscribe(heard.append)
    audience.note(NEW)
    audience.tell()

    assert heard == [NEW]
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", "a listener raised when it heard of new")
    ]


def test_who_subscribes_twice_hears_twice_and_leaves_once():
    audience, heard = Audience(), []
    leave = audience.subscribe(heard.append)
    audience.subscribe(heard.append)
    audience.note(NEW)
    audience.tell()
    leave()
    audience.note(READ)
    audience.tell()

    assert heard == [NEW, NEW, READ]

"""Deletions with a delay: hidden at once, deleted later, undone before."""

import threading

import pytest

from lazr.smtptest.errors import StoreUnavailable
from lazr.smtptest.store import (
    AddressTerm,
    Change,
    MemoryStore,
    SqliteStore,
    TextTerm,
    create_store,
)
from lazr.smtptest.web import deletion_queue
from lazr.smtptest.web.deletion_queue import DeletionQueue
from tests.store.contract import add

SECONDS = 30.0
LATE = 3600.0

STORES = {
    "memory": lambda request: MemoryStore(),
    "sqlite": lambda request: SqliteStore(request.getfixturevalue("tmp_path") / "mail.sqlite"),
    "postgres": lambda request: create_store(request.getfixturevalue("postgres")),
}


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.postgres] * (name == "postgres")) for name in STORES])
def store(request):
    with STORES[request.param](request) as store:
        yield store


@pytest.fixture
def postgres():
    """The URL of an empty schema of PostgreSQL."""
    from tests.helpers import postgres_server  # late: other tests do without

    with postgres_server.create_schema() as url:
        yield url


class Deleted:
    """Collects the numbers of deleted mails, and waits for them."""

    def __init__(self):
        self.counts = []
        self._condition = threading.Condition()

    def __call__(self, count, mailbox):
        with self._condition:
            self.counts.append(count)
            self._condition.notify_all()

    def wait(self, calls):
        with self._condition:
            assert self._condition.wait_for(lambda: len(self.counts) >= calls, SECONDS)
        return self.counts


@pytest.fixture
def deleted():
    return Deleted()


@pytest.fixture
def deletions(store, deleted):
    queue = DeletionQueue(store, deleted)
    yield queue
    queue.flush()


def visible(store, deletions):
    entries = store.get_page(deletions.exclusion, limit=None).entries
    assert store.get_totals(deletions.exclusion).mails == len(entries)
    return [entry.id for entry in entries][::-1]


def everything(store):
    return [entry.id for entry in store.get_page(limit=None).entries][::-1]


@pytest.mark.parametrize(
    ("search", "positions"),
    [((), None), ((TextTerm("subject", "red"),), None), ((), [0, 2, 4]), ((TextTerm("subject", "red"),), [0, 1])],
)
def test_mails_are_hidden_then_restored_unchanged(store, deletions, search, positions):
    ids = add(store, *[b"Subject: %s\r\nX-Tags: a\r\n\r\n" % (b"red" if n % 2 else b"blue") for n in range(6)])
    store.set_read(read=True, ids=ids[:3])
    store.set_tags(ids[4:], ["b"])
    while store.index_pending():  # which changes the modification sequences
        pass
    before = store.get_page().entries
    hidden = [
        one
        for position, one in enumerate(ids)
        if (positions is None or position in positions) and (not search or position % 2)
    ]
    token = deletions.add(search, None if positions is None else [ids[position] for position in positions], delay=LATE)

    assert visible(store, deletions) == [one for one in ids if one not in hidden]
    assert [one for one in ids if store.get_entry(one, deletions.exclusion) is None] == hidden
    assert everything(store) == ids
    [late] = add(store, b"Subject: red\r\n\r\n")
    assert visible(store, deletions)[-1] == late
    assert deletions.undo(token) and not deletions.undo(token)
    assert visible(store, deletions) == [*ids, late] and deletions.exclusion == ()
    assert store.get_page(start=1).entries == before


def test_mails_are_deleted_when_the_delay_is_over(store, deletions, deleted):
    ids = add(store, *[b"Subject: Hi\r\n\r\n"] * 4)
    token = deletions.add((), ids[:2], delay=0.001)

    assert deleted.wait(1) == [2]
    assert everything(store) == ids[2:] and deletions.exclusion == ()
    assert not deletions.undo(token)
    deletions.add(delay=0.001)
    [late] = add(store, b"\r\n")
    assert deleted.wait(2) == [2, 2] and everything(store) == [late]


def test_flush_executes_all_deletions(store, deletions, deleted):
    ids = add(store, *[b"Subject: Hi\r\n\r\n"] * 4)
    tokens = [deletions.add((), [one], delay=LATE) for one in ids[:3]]
    assert deletions.undo(tokens[1])
    deletions.flush()

    assert deleted.counts == [1, 1] and everything(store) == [ids[1], ids[3]]
    assert not deletions.undo(tokens[0]) and deletions.exclusion == ()


def test_overlapping_deletions_are_independent(store, deletions):
    ids = add(store, *[b"Subject: Hi\r\n\r\n"] * 4)
    first = deletions.add((), ids[1:2], delay=LATE)
    everything_token = deletions.add(delay=LATE)
    assert deletions.add((), ids[1:2], delay=LATE) == ""  # hidden already
    other_token = deletions.add((), [add(store, b"\r\n")[0]], delay=LATE)

    assert visible(store, deletions) == []
    assert deletions.undo(everything_token) and visible(store, deletions) == [ids[0], ids[2], ids[3]]
    assert deletions.undo(first) and visible(store, deletions) == ids
    assert deletions.undo(other_token) and visible(store, deletions)[:4] == ids


def test_oldest_deletion_is_executed_beyond_the_limits(store, deletions, deleted, monkeypatch):
    monkeypatch.setattr(deletion_queue, "MAX_PENDING_DELETIONS", 3)
    monkeypatch.setattr(deletion_queue, "MAX_HIDDEN_MAILS", 5)
    ids = add(store, *[b"Subject: Hi\r\n\r\n"] * 20)
    tokens = [deletions.add((), [one], delay=LATE) for one in ids[:4]]

    assert deleted.wait(1) == [1] and everything(store) == ids[1:]
    tokens.append(deletions.add((), ids[4:8], delay=LATE))  # now 1 + 4 may be hidden
    assert deleted.wait(3) == [1, 1, 1] and everything(store) == ids[3:]
    assert [deletions.undo(token) for token in tokens] == [False, False, False, True, True]
    assert deletions.add((), ids[3:9], delay=LATE) == ""  # too many to hide
    assert deleted.counts[3:] == [6] and everything(store) == ids[9:]
    assert deletions.add(delay=LATE) != "" and visible(store, deletions) == []


def test_deletions_of_one_client_do_not_execute_those_of_others(store, deletions, deleted, monkeypatch):
    monkeypatch.setattr(deletion_queue, "MAX_PENDING_DELETIONS", 2)
    monkeypatch.setattr(deletion_queue, "MAX_ALL_PENDING_DELETIONS", 4)
    monkeypatch.setattr(deletion_queue, "MAX_HIDDEN_MAILS", 5)
    ids = add(store, *[b"\r\n"] * 20)
    own, other = object(), object()
    kept = deletions.add((), ids[:1], delay=LATE)
    tokens = [deletions.add((), [one], delay=LATE, mailbox=own) for one in ids[1:5]]

    assert deleted.wait(2) == [1, 1] and everything(store) == [ids[0], *ids[3:]]
    assert [deletions.add((), ["unknown"], delay=LATE, mailbox=own) for _ in range(5)] == [""] * 5
    tokens.append(deletions.add((), ids[5:9], delay=LATE, mailbox=own))  # too many with those before
    assert deleted.wait(4) == [1] * 4 and everything(store) == [ids[0], *ids[5:]]
    last = deletions.add((), [ids[9]], delay=LATE, mailbox=other)
    assert deleted.wait(5) == [1] * 5 and everything(store) == ids[5:]  # there is no other one of this client
    assert [deletions.undo(token) for token in (kept, *tokens, last)] == [False] * 5 + [True] * 2


def test_changes_are_published_when_mails_are_hidden_and_shown(store, deletions, deleted):
    ids = add(store, *[b"Subject: Hi\r\n\r\n"] * 101)
    changes = []
    unsubscribe = deletions.subscribe(changes.append)
    token = deletions.add((), ids[:2], delay=LATE)
    deletions.undo(token)
    deletions.add((AddressTerm("recipient", "ann@example.com"),), delay=LATE)
    deletions.add((), ["unknown"], delay=LATE)
    deletions.add(delay=LATE)
    unsubscribe()
    deletions.add(delay=LATE)

    prune = Change("prune")
    assert changes == [Change("delete", tuple(ids[:2])), prune, prune, prune]


def test_mailbox_undoes_only_its_own_deletions(store, deletions):
    ids = add(store, *[b"Subject: Hi\r\n\r\n"] * 2)
    own, other = object(), object()
    tokens = [deletions.add((), [one], delay=LATE, mailbox=own) for one in ids]

    assert not deletions.undo(tokens[0], other) and not deletions.undo("", own) and not deletions.undo("x")
    assert deletions.undo(tokens[0], own) and deletions.undo(tokens[1])


class BrokenStore(MemoryStore):
    """A store that cannot delete mails while `is_broken`."""

    def __init__(self):
        super().__init__()
        self.is_broken = True
        self.was_tried = threading.Event()

    def delete(self, search=(), *, ids=None):
        if self.is_broken:
            self.was_tried.set()
            raise StoreUnavailable("the database does not respond")
        return super().delete(search, ids=ids)


def test_mails_stay_hidden_until_the_store_is_available_again(deleted, monkeypatch, caplog):
    monkeypatch.setattr(deletion_queue, "_RETRY_SECONDS", 0.001)
    store = BrokenStore()
    [one, other] = add(store, b"\r\n", b"\r\n")
    deletions = DeletionQueue(store, deleted)
    token = deletions.add((), [one], delay=0.001)
    assert store.was_tried.wait(SECONDS)
    assert visible(store, deletions) == [other] and not deletions.undo(token)
    store.is_broken = False
    assert deleted.wait(1) == [1] and everything(store) == [other]
    assert "mails cannot be deleted" in caplog.text

    store.is_broken = True
    deletions.add((), [other], delay=LATE)
    deletions.flush()
    assert "1 deletions were not executed" in caplog.text and visible(store, deletions) == [other]


def test_flush_ends_with_the_first_failure_or_at_its_deadline(deleted, caplog):
    store = BrokenStore()
    ids = add(store, *[b"\r\n"] * 5)
    deletions = DeletionQueue(store, deleted)
    for one in ids:
        deletions.add((), [one], delay=LATE)
    deletions.flush()
    assert "5 deletions were not executed" in caplog.text and caplog.text.count("cannot be deleted") == 1

    store.is_broken = False
    deletions.add((), ids, delay=LATE)
    deletions.flush(until=0)
    assert "1 deletions were not executed" in caplog.text and everything(store) == ids
    assert visible(store, deletions) == ids


def test_threads_hide_undo_and_delete_concurrently(store, deletions, deleted):
    ids = add(store, *[b"\r\n"] * 60)
    kept, failures = set(), []

    def work(own):
        try:
            for one in own:
                token = deletions.add((), [one], delay=0.002)
                if deletions.undo(token):
                    kept.add(one)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(ids[start::4],)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    deletions.flush()
    deleted.wait(60 - len(kept))
    assert failures == [] and set(everything(store)) == kept and deletions.exclusion == ()

"""The state of a folder after changes: as if all were read again, but without that."""

import random
import threading

import pytest

from lazr.smtptest.folders import Accounts
from lazr.smtptest.store import MemoryStore, PostgresStore, create_store
from tests.folders.test_account import catch
from tests.store.conftest import postgres  # noqa: F401
from tests.store.contract import arrival


def describe(state):
    return (
        *(list(state.uids), state.unseen_count, state.first_unseen_uid, state.uid_next, state.highest_mod_seq),
        set(state.keywords),
    )


def change_at_random(dice, store):
    """Change the store as a session, a client of REST or a new mail does."""
    ids = [mail.id for mail in store.find_mails()]
    few = dice.sample(ids, min(len(ids), dice.randint(1, 3)))
    kind = dice.choice(["new", "new", "read", "flags", "tags", "move", "delete", "new and delete"])
    if kind == "new":
        for _ in range(dice.randint(1, 3)):
            store.add([arrival(to=(dice.choice(["ann@example.com", "bob@example.com"]),))])
    elif kind == "read":
        store.set_read(read=dice.random() < 0.6, ids=few)
    elif kind == "flags":
        store.set_flags(few, add=["\\Deleted"]) if dice.random() < 0.5 else store.set_flags(few, remove=["\\Deleted"])
    elif kind == "tags":
        store.set_tags(few, [dice.choice(["one", "two"])])
    elif kind == "move":
        store.set_folder(dice.choice(["", "Sent"]), "ann@example.com", ids=few)
    elif kind == "delete":
        store.delete(ids=few[:1])
    else:
        store.add([arrival(to=("ann@example.com",))])
        store.delete(ids=few[:1])


@pytest.mark.parametrize(("seed", "rounds"), [(0, 4), pytest.param(1, 40, marks=pytest.mark.slow)])
def test_state_after_changes_is_that_of_a_new_cache(store, accounts, seed, rounds):
    dice = random.Random(seed)
    names = [("ann@example.com", "INBOX"), ("ann@example.com", "Sent"), ("all", "INBOX")]
    folders = [accounts.open(user).open_folder(name) for user, name in names]
    for _ in range(rounds):
        change_at_random(dice, store)
        others = Accounts(store)
        for (user, name), folder in zip(names, folders, strict=True):
            status, other = (one.open(user).open_folder(name).read_status() for one in (accounts, others))
            state = folder.read_state()
            expected = others.open(user).open_folder(name).read_state()
            assert describe(state)[:3] == describe(expected)[:3]
            assert (state.highest_mod_seq, status.deleted, status.size) == (
                *(expected.highest_mod_seq, other.deleted, other.size),
            )
            assert set(state.keywords) >= set(expected.keywords) and state.uid_next == expected.uid_next
        others.close()


def test_few_changes_are_read_without_all_numbers(store, ann, accounts, monkeypatch):
    numbers = [catch(store) for _ in range(20)]
    folders = [ann.open_folder("INBOX"), accounts.open("all").open_folder("INBOX")]
    before = [folder.read_state().uids for folder in folders]
    listed = []
    list_numbers = store.list_numbers
    monkeypatch.setattr(store, "list_numbers", lambda *a, **k: listed.extend(n := list_numbers(*a, **k)) or n)
    new = catch(store)
    folders[0].change_flags(numbers[3:5], "add", ["\\Seen", "\\Deleted"])

    for folder, uids in zip(folders, before, strict=True):
        state = folder.read_state()
        assert (list(state.uids), state.unseen_count) == ([*numbers, new], 19)
        assert list(uids) == numbers  # a session may still have them
    assert set(listed) <= {new}


def test_uids_stay_if_only_flags_change(store, ann):
    one, _ = catch(store), catch(store)
    folder = ann.open_folder("INBOX")
    uids = folder.read_state().uids
    folder.change_flags([one], "add", ["\\Seen"])

    assert folder.read_state().uids is uids


def test_many_changes_at_once_are_all_read():
    store = MemoryStore()
    folder = Accounts(store).open("all").open_folder("INBOX")
    assert not folder.read_state().uids
    store.add([arrival() for _ in range(1500)])
    assert len(folder.read_state().uids) == 1500
    store.set_read(read=True)
    assert folder.read_state().unseen_count == 0


def test_uid_next_does_not_fall_after_a_restart(tmp_path):
    url = f"sqlite:///{tmp_path}/mails.sqlite"
    for delete in ({"ids": None}, {}):
        store = create_store(url)
        store.open()
        first, last = catch(store), catch(store)
        folder = Accounts(store).open("all").open_folder("INBOX")
        assert folder.read_state().uid_next == last + 1
        store.delete(ids=[store.get_latest().id]) if "ids" in delete else store.delete()
        store.close()
        store.open()
        folder = Accounts(store).open("all").open_folder("INBOX")
        assert folder.read_state().uid_next == last + 1 > first
        assert catch(store) == last + 1
        store.close()


def test_one_of_several_sessions_changes_an_unchanged_message(store, accounts):
    one = catch(store)
    mod_seq = accounts.open("all").open_folder("INBOX").read_state().highest_mod_seq
    start = threading.Barrier(4)
    results = []

    def change(name):
        folder = accounts.open(name).open_folder("INBOX")
        start.wait()
        results.append(folder.change_flags([one], "add", [name], unchanged_since=mod_seq).conflicts)

    threads = [threading.Thread(target=change, args=(f"user{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(map(list, results)) == [[], [one], [one], [one]]


def test_keywords_of_several_sessions_are_all_kept(store, accounts):
    one = catch(store)
    start = threading.Barrier(4)

    def change(name):
        folder = accounts.open(name).open_folder("INBOX")
        start.wait()
        for number in range(3):
            folder.change_flags([one], "add", [f"{name}-{number}"])

    threads = [threading.Thread(target=change, args=(f"user{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(store.get_latest().tags) == 12


@pytest.mark.postgres
def test_changes_of_another_node_are_in_the_state_at_once(postgres):  # noqa: F811
    with PostgresStore(postgres) as one, PostgresStore(postgres) as other:
        folder = Accounts(other).open("ann@example.com").open_folder("INBOX")
        numbers = [catch(one) for _ in range(3)]
        assert list(folder.read_state().uids) == numbers
        one.set_read(read=True, ids=[one.get_latest().id])
        numbers.append(catch(one))
        state = folder.read_state()
        assert (list(state.uids), state.unseen_count, state.uid_next) == (numbers, 3, numbers[-1] + 1)
        # As many mails as before, but others.
        one.delete(ids=[one.get_latest().id])
        numbers[-1] = catch(one)
        assert list(folder.read_state().uids) == numbers
        one.set_folder("Sent", "bob", ids=[one.get_latest().id])
        assert list(folder.read_state().uids) == numbers[:-1]


@pytest.mark.postgres
def test_nodes_that_add_and_delete_together_agree(postgres):  # noqa: F811
    with PostgresStore(postgres) as one, PostgresStore(postgres) as other:
        folders = [Accounts(store).open("all").open_folder("INBOX") for store in (one, other)]
        uid_nexts = []

        def change(store, folder):
            for _ in range(8):
                catch(store)
                state = folder.read_state()
                uid_nexts.append((state.uid_next, max(state.uids, default=0)))
                store.delete(ids=[store.get_latest().id])
                catch(store)

        threads = [threading.Thread(target=change, args=pair) for pair in zip((one, other), folders, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert list(folders[0].read_state().uids) == list(folders[1].read_state().uids) == one.list_numbers()
        assert all(uid_next > last for uid_next, last in uid_nexts)

"""The messages of a folder: state, flags, contents, deletion, copies, searches, changes."""

import threading

import pytest

from lazr.smtptest.errors import StoreUnavailable
from lazr.smtptest.folders import Accounts
from lazr.smtptest.folders.folder_list import FolderListNote
from lazr.smtptest.store import MemoryStore
from tests.folders.test_account import HELLO, catch, get_code, uids
from tests.store.contract import arrival


@pytest.fixture
def inbox(ann):
    """Return INBOX."""
    return ann.open_folder("INBOX")


def flags(folder, *numbers):
    return [set(one.flags) for one in folder.read_flags(numbers or None)]


# -- state -----------------------------------------------------------------------------------------


def test_state_follows_all_changes_at_once(store, inbox):
    state = inbox.read_state()
    assert (list(state.uids), state.unseen_count, state.first_unseen_uid) == ([], 0, None)
    assert state.highest_mod_seq >= 1 and inbox.read_state() is state

    one, two = catch(store), catch(store)
    state = inbox.read_state()
    assert (list(state.uids), state.unseen_count, state.first_unseen_uid) == ([one, two], 2, one)
    assert state.uid_next == two + 1
    store.set_read(read=True, ids=[store.get_page().entries[1].id])
    assert (inbox.read_state().unseen_count, inbox.read_state().first_unseen_uid) == (1, two)
    assert inbox.read_state().highest_mod_seq > state.highest_mod_seq
    store.set_tags([store.get_latest().id], ["two words", "$Junk"])
    assert inbox.read_state().keywords == ("$Junk", "two_words")
    store.delete(ids=[store.get_latest().id])
    assert list(inbox.read_state().uids) == [one]
    store.delete()
    state = inbox.read_state()
    assert (list(state.uids), state.unseen_count, state.uid_next) == ([], 0, two + 1)


def test_states_of_sessions_share_one_cache(store, accounts):
    catch(store)
    first, second = (accounts.open(name).open_folder("INBOX") for name in ("one", "two"))

    assert first.read_state() is second.read_state()


def test_state_counts_deleted_messages_as_they_change(store, ann, inbox):
    numbers = [catch(store) for _ in range(5)]
    inbox.change_flags(numbers[:3], "add", ["\\Deleted"])
    assert ann.get_status("INBOX").deleted == 3
    inbox.change_flags(numbers[:1], "remove", ["\\Deleted"])
    assert ann.get_status("INBOX").deleted == 2
    inbox.delete(numbers[1:2])
    assert ann.get_status("INBOX").deleted == 1


# -- flags -----------------------------------------------------------------------------------------


def test_flags_are_read_mark_system_flags_and_tags(store, inbox):
    one = catch(store)
    changes = inbox.change_flags([one], "add", ["\\SEEN", "\\flagged", "Work", "$Forwarded"])

    assert [set(change.flags) for change in changes.changed] == [{"\\Seen", "\\Flagged", "Work", "$Forwarded"}]
    entry = store.get_latest()
    assert (entry.read, entry.flags, set(entry.tags)) == (True, ("\\Flagged",), {"Work", "$Forwarded"})
    inbox.change_flags([one], "remove", ["\\Seen", "WORK", "\\Answered"])
    assert flags(inbox) == [{"\\Flagged", "$Forwarded"}]
    inbox.change_flags([one], "replace", ["\\Draft", "New"])
    assert flags(inbox) == [{"\\Draft", "New"}]
    inbox.change_flags([one], "replace", [])
    assert flags(inbox) == [set()]


def test_tag_that_is_no_keyword_stays(store, inbox):
    one, two = catch(store), catch(store)
    store.set_tags([store.get_page().entries[1].id], ["Größe XL"])
    inbox.read_state()

    assert flags(inbox, one) == [{"Gr__e_XL"}]
    inbox.change_flags([one, two], "replace", ["gr__e_xl", "\\Seen"])
    assert [entry.tags for entry in store.get_page().entries] == [("Größe XL",), ("Größe XL",)]
    inbox.change_flags([one], "remove", ["Gr__e_XL"])
    assert flags(inbox, one) == [{"\\Seen"}]


def test_keywords_keep_tags_of_a_mail_that_is_not_indexed(store, inbox):
    content = b"X-Tags: urgent, release\r\n\r\n"
    store.add([arrival(content, to=["ann@example.com"]), arrival(content, to=["ann@example.com"])])
    one, two = uids_of(inbox)

    inbox.change_flags([one], "add", ["Work"])
    inbox.change_flags([two], "remove", ["urgent"])
    assert flags(inbox) == [{"Work", "urgent", "release"}, {"release"}]


def test_change_reports_messages_that_have_the_flags_already(store, inbox):
    one, two = catch(store), catch(store)
    inbox.change_flags([one], "add", ["\\Seen"])
    before = inbox.read_flags([one])[0].mod_seq
    changes = inbox.change_flags([one, two, 999_999], "add", ["\\Seen"])

    assert [change.uid for change in changes.changed] == [one, two] and changes.conflicts == []
    assert changes.changed[0].mod_seq == before < changes.changed[1].mod_seq


def test_change_leaves_out_messages_that_changed_later(store, inbox):
    one, two = catch(store), catch(store)
    known = inbox.read_state().highest_mod_seq
    inbox.change_flags([one], "add", ["\\Seen"])
    changes = inbox.change_flags([one, two], "add", ["\\Flagged"], unchanged_since=known)

    assert (changes.conflicts, [change.uid for change in changes.changed]) == ([one], [two])
    assert flags(inbox) == [{"\\Seen"}, {"\\Flagged"}]


def test_flags_changed_since(store, inbox):
    numbers = [catch(store) for _ in range(3)]
    known = inbox.read_state().highest_mod_seq
    inbox.change_flags(numbers[1:2], "add", ["\\Answered"])

    assert [one.uid for one in inbox.read_flags(since=known)] == [numbers[1]]
    assert inbox.read_flags([numbers[0]], since=known) == [] and inbox.read_flags([]) == []


def test_flags_of_mails_in_other_folders_do_not_change(store, accounts, inbox):
    other = catch(store, "bob@example.com")

    assert inbox.change_flags([other], "add", ["\\Seen"]).changed == []
    assert inbox.delete([other]) == [] and inbox.read_messages([other], with_content=True) == []
    assert inbox.copy([other], "Sent") == []
    assert flags(accounts.open("bob@example.com").open_folder("INBOX")) == [set()]


def test_changes_of_many_messages():
    store = MemoryStore()
    folder = Accounts(store).open("ann").open_folder("INBOX")
    store_batch(store, 2_500)
    numbers = uids_of(folder)

    assert len(folder.change_flags(numbers, "add", ["\\Deleted", "\\Seen"]).changed) == 2_500
    assert folder.read_state().unseen_count == 0
    assert folder.expunge(numbers) == numbers and uids_of(folder) == []


def store_batch(store, count):
    store.add([arrival(HELLO) for _ in range(count)])


# -- messages --------------------------------------------------------------------------------------


def test_messages_are_read_byte_for_byte(store, inbox):
    contents = [HELLO, b"", b"\0\xff\r\n.\nbare\rends"]
    numbers = [catch(store, content=content) for content in contents]
    messages = inbox.read_messages(list(reversed(numbers)), with_content=True)

    assert [message.content for message in messages] == contents
    assert [message.uid for message in messages] == numbers
    assert messages[0].structure.envelope.subject == b"Hi" and repr(messages[0]).startswith("<StoredMessage")
    facts = inbox.read_messages(numbers, with_content=False)
    for full, fact in zip(messages, facts, strict=True):
        for name in ("uid", "id", "flags", "mod_seq", "internal_date", "size"):
            assert getattr(full, name) == getattr(fact, name)
    assert inbox.read_messages([], with_content=False) == []


def test_expunge_deletes_marked_messages_only(store, inbox):
    numbers = [catch(store) for _ in range(3)]
    inbox.change_flags(numbers[1:], "add", ["\\Deleted"])

    assert inbox.expunge(numbers[:2]) == [numbers[1]]
    assert uids_of(inbox) == [numbers[0], numbers[2]]
    assert inbox.delete([numbers[0], 999_999]) == [numbers[0]]
    assert [entry.number for entry in store.get_page().entries] == [numbers[2]]


def uids_of(folder):
    return list(folder.read_state().uids)


def test_copy_keeps_content_date_and_flags(store, ann, inbox):
    numbers = [catch(store), catch(store)]
    inbox.change_flags(numbers[:1], "add", ["\\Seen", "\\Flagged", "Work"])
    pairs = inbox.copy(numbers, "Trash")

    assert [source for source, _ in pairs] == numbers
    assert [copied for _, copied in pairs] == uids(ann, "Trash") and min(uids(ann, "Trash")) > max(numbers)
    trash = ann.open_folder("Trash")
    assert flags(trash) == [{"\\Seen", "\\Flagged", "Work"}, set()]
    source = inbox.read_messages(numbers, with_content=True)
    copied = trash.read_messages(uids_of(trash), with_content=True)
    assert [(m.content, m.internal_date) for m in source] == [(m.content, m.internal_date) for m in copied]
    assert uids_of(inbox) == numbers
    assert get_code(inbox.copy, numbers, "no") == "TRYCREATE"


def test_copy_to_inbox_is_in_inbox(store, accounts, ann):
    uid = ann.append("Sent", HELLO)
    ((_, copied),) = ann.open_folder("Sent").copy([uid], "inbox")

    assert uids(ann) == [copied] == uids(accounts.open("anyone"))


def test_copy_of_many_messages_is_complete(store, ann, inbox):
    store_batch(store, 70)
    pairs = inbox.copy(uids_of(inbox), "Junk")

    assert [copied for _, copied in pairs] == uids(ann, "Junk") and len(pairs) == 70


def test_copy_that_fails_leaves_nothing():
    store = MemoryStore(max_bytes=len(HELLO) * 350)
    store_batch(store, 200)
    folder = Accounts(store).open("ann").open_folder("INBOX")

    assert get_code(folder.copy, uids_of(folder), "Sent") == "OVERQUOTA"
    assert store.get_totals().mails == 200


@pytest.mark.parametrize("method", ["copy", "move"])
def test_number_of_messages_of_one_copy_is_limited(method):
    store = MemoryStore()
    store_batch(store, 10_001)
    folder = Accounts(store).open("ann").open_folder("INBOX")
    transfer = getattr(folder, method)

    assert get_code(transfer, uids_of(folder), "Sent") == "LIMIT"
    assert store.get_totals().mails == 10_001
    assert len(transfer(uids_of(folder)[1:], "Sent")) == 10_000


def test_size_of_one_copy_is_limited(monkeypatch, memory_account):
    monkeypatch.setattr("lazr.smtptest.folders.account._MAX_BYTES_PER_COMMAND", len(HELLO) * 2)
    for _ in range(3):
        memory_account.append("INBOX", HELLO)
    folder = memory_account.open_folder("INBOX")

    assert get_code(folder.copy, uids_of(folder), "INBOX") == "LIMIT"
    assert len(uids_of(folder)) == 3 and len(folder.copy(uids_of(folder)[1:], "INBOX")) == 2


def test_move_gives_new_uids(store, ann, inbox):
    one, two = catch(store), catch(store)
    ((source, target),) = inbox.move([one], "Trash")

    assert (source, uids_of(inbox), uids(ann, "Trash")) == (one, [two], [target])
    assert target > two


# -- search ----------------------------------------------------------------------------------------


def test_search_by_header_fields_uses_the_index(store, inbox):
    one = catch(store, content=b"From: Ann <a@example.com>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= an  Bob\r\n\r\nx")
    two = catch(store, content=b"From: bob@example.com\r\nCc: Ann\r\nX-Job: 7\r\n\r\nhello")
    catch(store, "bob@example.com", content=b"Subject: Grusse\r\nX-Job: 7\r\n\r\nx")

    assert inbox.search_text("SUBJECT", "", "GRÜßE AN B") == {one}
    assert inbox.search_text("FROM", "", "ann") == {one}
    assert inbox.search_text("CC", "", "ann") == {two}
    assert inbox.search_text("HEADER", "x-job", "7") == inbox.search_text("HEADER", "X-JOB", "") == {two}
    assert inbox.search_text("HEADER", "X-Job", "8") == set()


@pytest.mark.parametrize(
    ("kind", "text"), [("TEXT", "a"), ("BODY", "a"), ("SUBJECT", ""), ("SUBJECT", "a  b"), ("FROM", " a"), ("TO", "\0")]
)
def test_searches_that_an_index_does_not_answer(inbox, kind, text):
    assert inbox.search_text(kind, "", text) is None


def test_search_that_is_too_slow_is_not_answered_by_the_index(tmp_path):
    store = MemoryStore(search_timeout=0)
    store_batch(store, 10)

    assert Accounts(store).open("ann").open_folder("INBOX").search_text("SUBJECT", "", "hi") is None


# -- changes ---------------------------------------------------------------------------------------


def test_subscribers_are_called_for_their_account(store, accounts):
    called = []
    ends = [
        accounts.open(name).subscribe(lambda name=name: called.append(name))
        for name in ("ann@example.com", "bob@example.com")
    ]

    def collect(change):
        called.clear()
        change()
        wait_for_changes(store)
        return sorted(set(called))

    assert collect(lambda: catch(store, "Ann@example.com")) == ["ann@example.com"]
    assert collect(lambda: catch(store, "cy@example.com")) == []
    assert collect(lambda: accounts.open("bob@example.com").append("Sent", HELLO)) == ["bob@example.com"]
    assert collect(lambda: store.set_read(read=True)) == ["ann@example.com", "bob@example.com"]
    for end in ends:
        end()
        end()
    assert collect(lambda: catch(store)) == []


def test_account_that_sees_all_is_called_for_each_mail(store, accounts):
    called = []
    accounts.open("anyone").subscribe(lambda: called.append(1))
    wait_for_changes(store)

    assert called


def wait_for_changes(store):
    """Wait until earlier changes are published: a mail to another address is the last."""
    published, marker = threading.Event(), arrival(HELLO, to=["marker@example.com"])
    end = store.subscribe(lambda change: published.set() if marker.id in change.ids else None)
    store.add([marker])
    assert published.wait(30)
    end()


def test_subscriber_is_called_after_the_change_is_visible(store, ann, inbox):
    seen, called = [], threading.Event()

    def read():
        seen.append(len(uids_of(inbox)))
        called.set()

    ann.subscribe(read)
    catch(store)
    assert called.wait(10) and seen[-1] == 1


def test_closed_accounts_are_called_no_more(store, accounts, ann):
    called = []
    ann.subscribe(lambda: called.append(1))
    accounts.close()
    catch(store)
    wait_for_changes(store)

    assert called == []


# -- errors ----------------------------------------------------------------------------------------


def test_errors_of_the_store_are_those_of_folders(tmp_path):
    class BrokenStore(MemoryStore):
        def get_note(self, key):
            raise StoreUnavailable("the database does not respond")

    account = Accounts(BrokenStore()).open("ann")

    assert get_code(account.list_folders) == "UNAVAILABLE"
    assert get_code(account.open_folder, "INBOX") == "UNAVAILABLE"


def test_folder_list_that_others_change_all_the_time():
    class BusyStore(MemoryStore):
        def compare_and_set_note(self, key, value, *, expected):
            return False

    assert get_code(FolderListNote(BusyStore(), "ann").change, lambda folders: folders.create("a")) == "INUSE"
    assert get_code(Accounts(BusyStore()).open("ann").open_folder, "INBOX") == "UNAVAILABLE"


# -- limits ----------------------------------------------------------------------------------------


def test_caches_of_folders_are_limited(monkeypatch):
    monkeypatch.setattr("lazr.smtptest.folders.folder_cache._MAX_CACHED_NUMBERS", 5)
    store = MemoryStore()
    accounts = Accounts(store)
    store_batch(store, 4)
    first = accounts.open("ann").open_folder("INBOX").read_state()
    assert accounts.open("ann").open_folder("INBOX").read_state() is first
    accounts.open("ann@example.com").open_folder("INBOX").read_state()
    accounts.open("ann").open_folder("Sent")

    assert accounts.open("ann").open_folder("INBOX").read_state() is not first


def test_mails_between_two_calls_are_left_out():
    class GrowingStore(MemoryStore):
        def list_numbers(self, search=(), *, unread=False):
            numbers = super().list_numbers(search, unread=unread)
            store_batch(self, 1)
            return numbers

    state = Accounts(GrowingStore()).open("ann").open_folder("INBOX").read_state()

    assert (list(state.uids), state.unseen_count, state.first_unseen_uid) == ([], 0, None)


def test_numbers_beyond_32_bits_raise_nothing():
    class OldStore(MemoryStore):
        def list_numbers(self, search=(), *, unread=False):
            return [2**40]

    assert list(Accounts(OldStore()).open("ann").open_folder("INBOX").read_state().uids) == [2**40]


def test_message_has_a_limited_number_of_keywords():
    store = MemoryStore()
    store_batch(store, 1)
    folder = Accounts(store).open("ann").open_folder("INBOX")
    folder.change_flags([1], "add", [f"k{number}" for number in range(100)])

    assert get_code(folder.change_flags, [1], "add", ["one-more"]) == "LIMIT"
    assert get_code(folder.change_flags, [1], "add", ["\\Strange"]) == "CANNOT"
    assert folder.change_flags([1], "add", ["K1", "\\Seen"]).changed[0].flags >= {"k1", "\\Seen"}

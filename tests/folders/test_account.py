"""The folders of an account: list, create, delete, rename, subscribe, append."""

import threading

import pytest

from lazr.smtptest.folders import Accounts
from lazr.smtptest.protocol.folder_access import FolderError
from lazr.smtptest.store import AddressTerm, FolderTerm, MemoryStore, UserTerm
from tests.store.contract import arrival

HELLO = b"From: bob@example.com\r\nTo: cy@example.com\r\nSubject: Hi\r\n\r\nHello\r\n"
DEFAULT = ["INBOX", "Drafts", "Junk", "Sent", "Trash"]


def catch(store, *recipients, content=HELLO):
    """Put a mail into the store as SMTP does; return its number."""
    one = arrival(content, to=list(recipients or ("ann@example.com",)))
    store.add([one])
    return store.get_entry(one.id).number


def names(account):
    return [folder.name for folder in account.list_folders() if folder.exists]


def uids(account, name="INBOX"):
    return list(account.open_folder(name).read_state().uids)


def get_code(function, *arguments, **keywords):
    with pytest.raises(FolderError) as caught:
        function(*arguments, **keywords)
    return caught.value.code


# -- accounts --------------------------------------------------------------------------------------


def test_address_sees_its_mail_and_other_names_see_all(store, accounts):
    one, two = catch(store, "ANN@Example.com", "bob@example.com"), catch(store, "bob@example.com")

    assert uids(accounts.open("ann@example.com")) == [one]
    assert uids(accounts.open("Bob@EXAMPLE.com")) == [one, two]
    assert (
        uids(accounts.open("*@example.com")) == uids(accounts.open("anyone")) == uids(accounts.open("")) == [one, two]
    )
    assert uids(accounts.open("cy@example.com")) == []


def test_configured_mailbox_is_an_account(store):
    mailboxes = {"job": (AddressTerm("recipient", "bob@example.com"),), "a@b": ()}
    accounts = Accounts(store, mailboxes)
    one, two = catch(store), catch(store, "bob@example.com")

    assert (uids(accounts.open("job")), uids(accounts.open("a@b"))) == ([two], [one, two])
    del mailboxes["job"]
    assert uids(accounts.open("job")) == [one, two]


def test_uid_validity_is_that_of_the_store(store, accounts):
    number = accounts.open("a").open_folder("INBOX").uid_validity

    assert 0 < number < 2**32
    assert number == accounts.open("b").open_folder("Sent").uid_validity
    assert number == Accounts(store).open("a").open_folder("INBOX").uid_validity
    assert store.get_note("imap.uid_validity") == str(number)


@pytest.mark.parametrize("text", ["", "x", "0", "-1", "99999999999", "4294967296"])
def test_invalid_note_of_uid_validity_is_replaced(text):
    store = MemoryStore()
    store.compare_and_set_note("imap.uid_validity", text, expected=None)
    number = Accounts(store).open("a").open_folder("INBOX").uid_validity

    assert 0 < number < 2**32 and store.get_note("imap.uid_validity") == str(number)


# -- folders ---------------------------------------------------------------------------------------


def test_new_account_has_special_folders(ann):
    folders = ann.list_folders()

    assert [folder.name for folder in folders] == DEFAULT
    assert [folder.special_use for folder in folders] == ["", "\\Drafts", "\\Junk", "\\Sent", "\\Trash"]
    assert all(folder.exists and folder.subscribed for folder in folders)
    assert uids(ann, "Sent") == []


def test_create_adds_the_folders_above(ann):
    ann.create_folder("a/b/c")
    ann.create_folder("inbox/x/")

    assert names(ann) == ["INBOX", "Drafts", "INBOX/x", "Junk", "Sent", "Trash", "a", "a/b", "a/b/c"]
    assert get_code(ann.create_folder, "a/b") == "ALREADYEXISTS"
    assert get_code(ann.create_folder, "Inbox") == "ALREADYEXISTS"
    assert get_code(ann.create_folder, "Sent") == "ALREADYEXISTS"
    assert not next(folder for folder in ann.list_folders() if folder.name == "a").subscribed


@pytest.mark.parametrize("name", ["", "/", "a//b", "/a", "a\nb", "a\0", "a\x7f", "\ud800", "x" * 1001, "ä" * 501])
def test_invalid_names_cannot_be_created(memory_account, name):
    assert get_code(memory_account.create_folder, name) == "CANNOT"
    assert names(memory_account) == DEFAULT


def test_number_of_folders_is_limited(memory_account):
    for number in range(996):
        memory_account.create_folder(f"f{number}")
    assert get_code(memory_account.create_folder, "one more") == "LIMIT"
    memory_account.delete_folder("f0")
    assert get_code(memory_account.create_folder, "a/b") == "LIMIT"
    memory_account.create_folder("one more")


def test_size_of_folder_list_is_limited(memory_account):
    with pytest.raises(FolderError):
        for number in range(996):
            memory_account.create_folder(f"{number}{'x' * 900}")
    assert 200 < len(names(memory_account)) < 400


def test_folders_of_accounts_are_apart(accounts, ann):
    bob = accounts.open("bob@example.com")
    ann.create_folder("Work")
    ann.append("Work", HELLO)
    ann.append("Sent", HELLO)

    assert names(bob) == DEFAULT and uids(bob, "Sent") == []
    assert names(accounts.open("ANN@EXAMPLE.COM"))[-1] == "Work"
    assert len(uids(accounts.open("ann@example.COM"), "Sent")) == 1


def test_delete_removes_folder_and_messages(store, ann):
    ann.create_folder("a/b")
    ann.append("a", HELLO)
    kept = ann.append("a/b", HELLO)
    ann.delete_folder("a")

    assert [(folder.name, folder.exists) for folder in ann.list_folders()][-2:] == [("a", False), ("a/b", True)]
    assert get_code(ann.open_folder, "a") == "NONEXISTENT"
    assert get_code(ann.delete_folder, "a") == "HASCHILDREN"
    assert store.get_totals().mails == 1 and uids(ann, "a/b") == [kept]
    ann.create_folder("a")
    assert uids(ann, "a") == []
    ann.delete_folder("a")
    ann.delete_folder("a/b")
    assert names(ann) == DEFAULT
    assert get_code(ann.delete_folder, "a") == get_code(ann.delete_folder, "no") == "NONEXISTENT"
    assert get_code(ann.delete_folder, "inbox") == "CANNOT"


def test_subscription_outlives_its_folder(ann):
    ann.create_folder("a/b")
    ann.set_subscribed("a/b", subscribed=True)
    ann.delete_folder("a/b")

    lost = next(folder for folder in ann.list_folders() if folder.name == "a/b")
    assert (lost.exists, lost.subscribed) == (False, True)
    ann.set_subscribed("a/b", subscribed=False)
    assert "a/b" not in [folder.name for folder in ann.list_folders()]


def test_special_folder_can_be_deleted_and_created_again(ann):
    ann.delete_folder("Trash")
    assert names(ann) == DEFAULT[:-1]
    ann.create_folder("Trash")
    assert ann.list_folders()[-1].special_use == "\\Trash"


def test_rename_moves_messages_and_inner_folders(accounts, ann):
    ann.create_folder("a/b/c")
    ann.create_folder("ab")
    first, second = ann.append("a", HELLO, flags=["\\Seen"]), ann.append("a/b", HELLO)
    ann.rename_folder("a", "x/y")

    assert names(ann) == [*DEFAULT, "ab", "x", "x/y", "x/y/b", "x/y/b/c"]
    assert (uids(ann, "x/y"), uids(ann, "x/y/b")) == ([first], [second])
    assert ann.open_folder("x/y").read_flags()[0].flags == {"\\Seen"}
    ann.rename_folder("Sent", "Sent Items")
    assert [folder.special_use for folder in ann.list_folders() if folder.name == "Sent Items"] == ["\\Sent"]


def test_rename_of_inbox_gives_its_messages_away(store, accounts, ann):
    ann.create_folder("INBOX/kept")
    one, other = catch(store), catch(store, "bob@example.com")
    ann.rename_folder("inbox", "old/mail")

    assert (uids(ann), uids(ann, "old/mail")) == ([], [one])
    assert "INBOX/kept" in names(ann) and names(ann)[0] == "INBOX"
    assert uids(accounts.open("bob@example.com")) == [other]
    assert catch(store) in uids(ann)


@pytest.mark.parametrize(
    ("name", "new_name", "code"),
    [
        ("no", "new", "NONEXISTENT"),
        ("a", "Sent", "ALREADYEXISTS"),
        ("a", "inbox", "ALREADYEXISTS"),
        ("a", "a", "ALREADYEXISTS"),
        ("a", "a/b/c", "CANNOT"),
        ("a", "", "CANNOT"),
        ("INBOX", "a//b", "CANNOT"),
        ("a", "y" * 999, "CANNOT"),
    ],
)
def test_rename_that_cannot_be_done_changes_nothing(memory_account, name, new_name, code):
    memory_account.create_folder("a/b")
    memory_account.append("a", HELLO)
    before = names(memory_account)

    assert get_code(memory_account.rename_folder, name, new_name) == code
    assert names(memory_account) == before and len(uids(memory_account, "a")) == 1


def test_subscriptions_survive_deletion(ann):
    ann.create_folder("a")
    ann.set_subscribed("a", subscribed=True)
    ann.set_subscribed("inbox", subscribed=False)
    ann.delete_folder("a")
    assert get_code(ann.set_subscribed, "a", subscribed=True) == "NONEXISTENT"
    ann.create_folder("a")

    assert [folder.subscribed for folder in ann.list_folders()] == [False, True, True, True, True, True]
    ann.set_subscribed("no", subscribed=False)


def test_concurrent_changes_of_the_folder_list_are_all_kept(store):
    barrier = threading.Barrier(4)

    def create(first):
        account = Accounts(store).open("ann")  # as on another node
        barrier.wait()
        for number in range(10):
            account.create_folder(f"{first}{number}")

    threads = [threading.Thread(target=create, args=(letter,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(names(Accounts(store).open("ann"))) == len(DEFAULT) + 40


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"folders": []}', '{"folders": {}, "subscribed": 5}', "[" * 9999])
def test_unreadable_folder_list_is_the_default_one(text):
    store = MemoryStore()
    account = Accounts(store).open("ann")
    account.create_folder("a")
    (key,) = [key for key in store._notes if key.startswith("imap.folders.")]
    store._notes[key] = text

    assert names(account) == DEFAULT
    account.create_folder("b")
    assert names(account) == [*DEFAULT, "b"]


# -- append ----------------------------------------------------------------------------------------


def test_append_keeps_flags_date_and_content(store, ann):
    uid = ann.append("Drafts", HELLO, flags=["\\seen", "\\Draft", "Work", "\\Recent"], internal_date=1_000_000_000.0)
    (message,) = ann.open_folder("Drafts").read_messages([uid], with_content=True)

    assert message.flags == {"\\Seen", "\\Draft", "Work"} and message.content == HELLO
    assert (message.internal_date, message.size, message.uid) == (1_000_000_000.0, len(HELLO), uid)
    entry = store.get_latest()
    assert (entry.folder, entry.owner, entry.number) == ("Drafts", "ann@example.com", uid)
    assert (entry.envelope.mail_from, entry.envelope.rcpt_tos) == ("bob@example.com", ("cy@example.com",))


def test_append_to_inbox_is_mail_to_the_account(store, accounts, ann):
    uid = ann.append("inbox", HELLO)

    assert uids(ann) == uids(accounts.open("anyone")) == [uid]
    assert uids(accounts.open("cy@example.com")) == []
    assert store.get_latest().envelope.rcpt_tos == ("ann@example.com",)
    assert accounts.open("anyone").append("INBOX", HELLO) in uids(accounts.open("cy@example.com"))


def test_append_to_inbox_of_a_mailbox(store):
    accounts = Accounts(store, {"user": (UserTerm("ci"),), "other": (FolderTerm("x", "y"),)})
    uid = accounts.open("user").append("INBOX", HELLO)

    assert uids(accounts.open("user")) == [uid] and store.get_latest().username == "ci"
    assert get_code(accounts.open("other").append, "INBOX", HELLO) == "CANNOT"
    assert get_code(accounts.open("*@example.net").append, "INBOX", HELLO) == "CANNOT"


@pytest.mark.parametrize("date", [-1.0, 1e300, float(2**63)])
def test_append_with_an_impossible_date(memory_account, date):
    uid = memory_account.append("Sent", HELLO, internal_date=date)
    (message,) = memory_account.open_folder("Sent").read_messages([uid], with_content=False)

    assert 0 <= message.internal_date < 253_402_300_800


@pytest.mark.parametrize(
    ("flags", "code"),
    [(["\\Strange"], "CANNOT"), (["a,b"], "CANNOT"), (["x" * 101], "CANNOT"), ([f"k{n}" for n in range(101)], "LIMIT")],
)
def test_flags_that_cannot_be_kept_are_refused(memory_account, flags, code):
    assert get_code(memory_account.append, "Sent", HELLO, flags=flags) == code
    assert uids(memory_account, "Sent") == []


def test_append_to_missing_folder_and_to_full_store():
    account = Accounts(MemoryStore(max_bytes=100)).open("ann")

    assert get_code(account.append, "no", HELLO) == "TRYCREATE"
    assert get_code(account.append, "Sent", HELLO * 10) == "OVERQUOTA"


def test_status_has_the_numbers_of_a_folder(store, accounts, ann):
    one, two = catch(store), catch(store)
    other = catch(store, "bob@example.com")
    folder = ann.open_folder("INBOX")
    folder.change_flags([one], "add", ["\\Seen", "\\Deleted"])
    status = ann.get_status("inbox")

    assert (status.messages, status.unseen, status.deleted, status.size) == (2, 1, 1, 2 * len(HELLO))
    assert status.uid_next == other + 1 and status.uid_validity == folder.uid_validity
    assert status.highest_mod_seq == store.get_mod_seq()
    assert get_code(ann.get_status, "no") == "NONEXISTENT"
    assert ann.get_status("Sent").messages == 0 and two


def test_mail_of_the_account_keeps_its_envelope_in_inbox(store, accounts, ann):
    one = catch(store, "bob@example.com", "ann@example.com")
    ann.open_folder("INBOX").move([one], "Trash")
    ann.open_folder("Trash").move(uids(ann, "Trash"), "INBOX")

    assert list(store.get_latest().envelope.rcpt_tos) == ["bob@example.com", "ann@example.com"]
    assert uids(ann) == uids(accounts.open("bob@example.com"))


def test_appended_message_that_is_deleted_at_once():
    class ForgettingStore(MemoryStore):
        def add(self, messages):
            super().add(messages)
            self.delete()

    assert get_code(Accounts(ForgettingStore()).open("ann").append, "Sent", HELLO) == "EXPUNGEISSUED"


def test_recent_messages_are_claimed_once(ann):
    first = ann.append("Sent", HELLO)
    last = ann.append("Sent", HELLO)
    folder = ann.open_folder("Sent")

    assert (folder.claim_recent(0), folder.read_status().recent) == (0, 2)
    assert folder.claim_recent(first) == 0
    assert (ann.open_folder("Sent").claim_recent(last), folder.read_status().recent) == (first, 0)
    assert folder.claim_recent(first) == last


def test_search_finds_the_address_within_comments(ann):
    uid = ann.append("Sent", b"From: <ann (of)@ (the) example.org>\r\nTo: b@example.org\r\n\r\n")

    assert ann.open_folder("Sent").search_text("FROM", "", "Ann@example.org") == {uid}
    assert ann.open_folder("Sent").search_text("TO", "", "Ann@example.org") == set()


def test_renamed_folder_has_another_uid_validity(ann):
    for name in ("a", "b"):
        ann.create_folder(name)
        ann.append(name, HELLO)
    before = ann.get_status("a").uid_validity
    ann.rename_folder("a", "c")
    ann.rename_folder("b", "a")

    validities = [ann.open_folder(name).uid_validity - before for name in ("INBOX", "c", "a")]
    assert validities == [0, 1, 2]
    ann.delete_folder("a")
    ann.create_folder("a")
    assert ann.get_status("a").uid_validity == before


@pytest.mark.parametrize("username", ["a\0b", "a\udcffb", "%", "_';--"])
def test_account_of_an_odd_user_name_finds_its_mails(accounts, username):
    account = accounts.open(username)
    uid = account.append("Sent", HELLO)

    assert uids(account, "Sent") == [uid]
    account.rename_folder("Sent", "100%_'")
    assert uids(account, "100%_'") == [uid]

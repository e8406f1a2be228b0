"""The contract of all stores about flags, folders and numbers, which IMAP and POP3 need; see `contract.py`."""

import pytest

from lazr.smtptest.store import (
    EVERYTHING,
    AddressTerm,
    Arrival,
    FlagTerm,
    FolderTerm,
    NumberTerm,
    Retention,
    SizeTerm,
    TagTerm,
    TextTerm,
    parse_query,
)
from tests.store.contract import arrival, names, record_changes
from tests.store.search_corpus import NOON

__all__: list[str] = []  # the tests are added in the last line

INBOX = (FolderTerm("", ""),)
SENT = (FolderTerm("ann@example.com", "Sent"),)
TO_ANN = (AddressTerm("recipient", "ann@example.com"),)


def put(store, content=b"Subject: Hi\r\n\r\nHello\r\n", **other):
    """Add one mail, also to a folder; return its ID."""
    reading = {name: other.pop(name) for name in ("folder", "owner", "read", "flags") if name in other}
    plain = arrival(content, **other)
    one = Arrival(plain.id, plain.received_at, plain.envelope, plain.parts, plain.tags, **reading)
    store.add([one])
    return one.id


def put_sent(store, **other):
    return put(store, folder="Sent", owner="ann@example.com", **other)


def flags_of(store, one):
    [found] = [mail for mail in store.find_flags() if mail.id == one]
    return found


def index_all(store):
    while store.index_pending():
        pass


@pytest.fixture(params=["pending", "indexed"])
def settle(request, store):
    """Index all mails, or leave them pending: nothing here may depend on it."""
    return lambda: index_all(store) if request.param == "indexed" else None


# -- arrival ---------------------------------------------------------------------------------------


def test_caught_mail_has_no_flags_and_no_folder(store, settle):
    one = put(store)
    settle()

    entry = store.get_entry(one)
    assert (entry.flags, entry.folder, entry.owner, entry.read) == ((), "", "", False)
    assert entry.mod_seq == flags_of(store, one).mod_seq >= 1


def test_arrival_can_have_folder_flags_and_read_mark(store, settle):
    one = put(store, folder="A/Ü", owner="ann", read=True, flags=("\\Draft", "\\Answered"), tags=["two", "One"])
    settle()

    for entry in (store.get_entry(one), store.get_page().entries[0], store.open_message(one).entry):
        assert (entry.folder, entry.owner, entry.read) == ("A/Ü", "ann", True)
        assert (entry.flags, entry.tags) == (("\\Answered", "\\Draft"), ("One", "two"))
    found = flags_of(store, one)
    assert (found.read, found.flags, found.tags) == (True, ("\\Answered", "\\Draft"), ("One", "two"))
    totals = store.get_totals()
    assert (totals.mails, totals.unread) == (1, 0)
    store.delete(ids=[one])
    assert store.get_totals().unread == 0


def test_totals_count_mails_that_arrive_read(store):
    put(store)
    put(store, read=True)

    assert (store.get_totals().unread, store.get_totals(INBOX).unread) == (1, 1)


@pytest.mark.parametrize("flags", [("\\Seen",), ("Work",), ("",)])
def test_add_rejects_flags_that_no_store_keeps(store, flags):
    with pytest.raises(ValueError, match="a flag must be one of"):
        put(store, flags=flags)
    assert store.get_totals().mails == 0


# -- flags -----------------------------------------------------------------------------------------


def test_set_flags_adds_removes_and_replaces(store, settle):
    one, two = put(store), put(store, flags=("\\Flagged",))
    settle()

    assert store.set_flags([one, two], add=["\\Flagged", "\\DELETED"]) == [one, two]
    assert flags_of(store, one).flags == flags_of(store, two).flags == ("\\Flagged", "\\Deleted")
    assert store.set_flags([one], remove=["\\Flagged", "\\Draft"]) == [one]
    assert store.get_entry(one).flags == ("\\Deleted",)
    assert store.set_flags([one, two], replace=["\\Answered"]) == [one, two]
    assert store.set_flags([one, two], replace=["\\Answered"]) == []
    assert store.set_flags([two], replace=[], add=["\\Draft"]) == [two]
    assert [mail.flags for mail in store.find_flags()] == [("\\Answered",), ("\\Draft",)]
    assert store.set_flags(["no", "a\x00b", "\ud800"], add=["\\Draft"]) == []
    with pytest.raises(ValueError, match="a flag must be one of"):
        store.set_flags([one], add=["\\Seen"])


def test_set_flags_is_limited_by_a_search(store):
    ann, bob = put(store), put(store, to=["bob@example.com"])
    numbers = store.list_numbers()

    assert store.set_flags([ann, bob], add=["\\Draft"], search=TO_ANN) == [ann]
    assert store.set_flags(None, add=["\\Flagged"], search=(NumberTerm(numbers=frozenset(numbers[1:])),)) == [bob]
    assert store.set_flags(None, add=["\\Deleted"]) == [ann, bob]
    assert [mail.flags for mail in store.find_flags()] == [("\\Deleted", "\\Draft"), ("\\Flagged", "\\Deleted")]


def test_many_mails_get_flags_in_one_call(store):
    store.add([arrival() for _ in range(1200)])

    assert len(store.set_flags(None, add=["\\Flagged"])) == 1200
    assert {mail.flags for mail in store.find_flags()} == {("\\Flagged",)}


def test_flags_survive_indexing_and_other_changes(store):
    one = put(store, b"Subject: Hi\r\nX-Tags: two\r\n\r\n", tags=["one"])
    store.set_flags([one], add=["\\Flagged"])
    index_all(store)
    store.set_read(read=True)
    store.set_tags([one], ["three"])

    found = flags_of(store, one)
    assert (found.read, found.flags, found.tags) == (True, ("\\Flagged",), ("three",))


def test_subscribers_learn_of_new_flags(store):
    one, two = put(store), put(store)

    def act():
        store.set_flags([one, two], add=["\\Flagged"])
        store.set_flags([one, two], add=["\\Flagged"])
        store.set_flags([one], remove=["\\Flagged"])

    assert names(record_changes(store, act), "flags") == [one, two, one]


# -- modification sequences ------------------------------------------------------------------------


def test_each_change_raises_the_modification_sequence(store, settle):
    one, other = put(store, tags=["one"]), put(store)
    settle()
    before = flags_of(store, other)

    last = store.get_mod_seq()
    assert last >= flags_of(store, one).mod_seq
    for change in (
        lambda: store.set_read(read=True, ids=[one]),
        lambda: store.open_message(one, mark_read=True),
        lambda: store.set_read(read=False, ids=[one]),
        lambda: store.open_message(one, mark_read=True),
        lambda: store.set_flags([one], add=["\\Flagged"]),
        lambda: store.set_flags([one], add=["\\Flagged"]),
        lambda: store.set_tags([one], ["two"]),
        lambda: store.rename_tag("TWO", "three"),
        lambda: store.delete_tag("three"),
        lambda: store.delete_tag("three"),
        lambda: store.set_folder("Work", "ann", ids=[one]),
    ):
        seen = flags_of(store, one)
        place = store.get_entry(one).folder
        change()
        now = flags_of(store, one)
        if (now[:-1], store.get_entry(one).folder) == (seen[:-1], place):
            assert now == seen and store.get_mod_seq() == last
        else:
            assert now.mod_seq > last
            assert store.find_flags(since=last) == [now]
            last = store.get_mod_seq()
            assert last >= now.mod_seq
            assert store.get_entry(one).mod_seq == now.mod_seq
    assert flags_of(store, other) == before


def test_new_mail_has_a_new_modification_sequence(store):
    assert store.get_mod_seq() >= 1
    put(store)
    last = store.get_mod_seq()
    one = put(store)

    assert flags_of(store, one).mod_seq > last
    assert store.get_mod_seq() >= flags_of(store, one).mod_seq
    assert [mail.id for mail in store.find_flags(since=last)] == [one]


def test_modification_sequence_does_not_fall_after_deletions(store):
    one = put(store)
    store.set_flags([one], add=["\\Flagged"])
    last = store.get_mod_seq()

    store.delete(ids=[one])
    assert store.get_mod_seq() >= last
    store.delete()
    put(store)
    assert store.get_mod_seq() > last
    assert store.find_flags()[0].mod_seq > last


def test_tags_of_the_content_raise_the_sequence_when_indexed(store):
    one = put(store, b"Subject: Hi\r\nX-Tags: two\r\n\r\n", tags=["one"])
    last = store.get_mod_seq()
    index_all(store)

    found = flags_of(store, one)
    assert found.tags == ("one", "two")
    assert [mail.id for mail in store.find_flags(since=last)] == [one]
    assert last < found.mod_seq <= store.get_mod_seq()


# -- folders ---------------------------------------------------------------------------------------


def test_folder_term_finds_the_mails_of_a_folder(store, settle):
    caught, sent = put(store), put_sent(store)
    other = put(store, folder="Sent", owner="bob@example.com")
    lower = put(store, folder="sent", owner="ann@example.com")
    settle()

    def ids_of(*search):
        numbers = {mail.number: mail.id for mail in store.find_mails()}
        ids = [numbers[number] for number in store.list_numbers(search)]
        assert [entry.id for entry in store.get_page(search).entries] == ids[::-1]
        assert store.get_totals(search).mails == len(ids)
        assert [mail.id for mail in store.find_mails(search)] == ids
        return ids

    assert ids_of(*INBOX) == ids_of(*parse_query("in:inbox")) == [caught]
    assert ids_of(*SENT) == [sent]
    assert ids_of(FolderTerm(None, "sent")) == ids_of(*parse_query("in:SENT")) == [sent, other, lower]
    assert ids_of(FolderTerm("ann@example.com", "Sent", negated=True)) == [caught, other, lower]
    assert ids_of(*parse_query("-in:inbox")) == [sent, other, lower]
    assert ids_of(*INBOX, *TO_ANN) == [caught]
    assert ids_of(*SENT, TextTerm("subject", "hi")) == [sent]
    assert ids_of(*SENT, TextTerm("subject", "bye")) == ids_of(FolderTerm("a\x00b", "\ud800")) == []


def test_set_folder_keeps_numbers(store):
    one, two = put_sent(store), put_sent(store)
    caught = put(store)
    numbers = store.list_numbers()

    changes = record_changes(store, lambda: store.set_folder("Old", "ann@example.com", SENT))

    assert names(changes, "flags") == [one, two]
    assert store.set_folder("Old", "ann@example.com", ids=[one]) == 0
    assert store.list_numbers((FolderTerm("ann@example.com", "Old"),)) == numbers[:2]
    assert store.set_folder("", "", ids=[two]) == 1
    assert store.list_numbers(INBOX)[:2] == numbers[1:]
    assert store.get_entry(caught).folder == ""


def test_folders_are_deleted_and_pruned_as_other_mails(store):
    put_sent(store)
    caught = put(store)

    assert store.delete(SENT) == 1
    assert [mail.id for mail in store.find_mails()] == [caught]
    put_sent(store)
    assert store.prune(Retention(max_mails=1), NOON.timestamp()) == 1
    assert store.get_page().entries[0].folder == "Sent"


# -- numbers, flags and contents of many mails -----------------------------------------------------


def test_list_numbers_is_ascending(store, settle):
    ids = [put(store), put_sent(store), put(store, to=["bob@example.com"]), put(store, b"Subject: Bye\r\n\r\n")]
    settle()
    store.set_read(read=True, ids=ids[:1])
    numbers = [mail.number for mail in store.find_mails()]

    assert store.list_numbers() == numbers == sorted(numbers)
    assert store.list_numbers(unread=True) == numbers[1:]
    assert store.list_numbers((*INBOX, *TO_ANN)) == [numbers[0], numbers[3]]
    assert store.list_numbers((*INBOX, *TO_ANN), unread=True) == numbers[3:]
    assert store.list_numbers((TextTerm("subject", "bye"),)) == numbers[3:]
    assert store.list_numbers((FlagTerm("read"),), unread=True) == []
    assert store.list_numbers((NumberTerm(numbers[1]),)) == numbers[:2]
    assert store.list_numbers((SizeTerm("larger", 10_000),)) == []
    assert store.list_numbers((AddressTerm("recipient", "*@example.com"), *INBOX)) == [numbers[0], *numbers[2:]]


@pytest.mark.parametrize("address", ["ann@example.com", "ANN@Example.COM", "ann+x@example.com"])
def test_list_numbers_finds_recipients_without_indexing(store, address):
    put(store, to=["bob@example.com", address, address])

    search = (FolderTerm("", ""), AddressTerm("recipient", address.lower()))
    before = store.list_numbers(search)
    index_all(store)
    assert before == store.list_numbers(search) == store.list_numbers()


def test_find_flags_by_search_numbers_and_sequence(store, settle):
    ids = [put(store, tags=["one"]), put_sent(store), put(store)]
    settle()
    numbers = store.list_numbers()
    last = store.get_mod_seq()
    store.set_flags(ids[1:], add=["\\Flagged"])

    assert [mail.id for mail in store.find_flags()] == ids
    assert [mail.number for mail in store.find_flags()] == numbers
    assert [mail.id for mail in store.find_flags(INBOX)] == [ids[0], ids[2]]
    assert [mail.id for mail in store.find_flags(INBOX, since=last)] == ids[2:]
    assert [mail.id for mail in store.find_flags(numbers=numbers[1:])] == ids[1:]
    assert [mail.id for mail in store.find_flags(INBOX, numbers=[*numbers[:2], 1 << 31])] == ids[:1]
    assert store.find_flags(numbers=[]) == store.find_flags(since=store.get_mod_seq()) == []
    assert [mail.tags for mail in store.find_flags()] == [("one",), (), ()]
    assert [mail.id for mail in store.find_flags((TagTerm("one"),))] == ids[:1]


def test_find_flags_of_marked_mails(store, settle):
    ids = [put(store, tags=["one"]), put(store), put(store, flags=["\\Draft"]), put_sent(store), put(store)]
    store.set_flags(ids[3:4], add=["\\Flagged"])
    store.set_read(read=True)
    settle()
    numbers = store.list_numbers()
    last = store.get_mod_seq()

    assert [mail.id for mail in store.find_flags(marked=True)] == [ids[0], ids[2], ids[3]]
    assert [mail.id for mail in store.find_flags(INBOX, marked=True)] == [ids[0], ids[2]]
    assert [mail.id for mail in store.find_flags(TO_ANN, numbers=numbers[1:3], marked=True)] == ids[2:3]
    store.set_tags(ids[:2], ["two"])
    store.set_tags(ids[:1], [])
    assert [mail.id for mail in store.find_flags(marked=True, since=last)] == ids[1:2]


def test_next_number_never_falls(store):
    assert store.get_next_number() == 1
    put(store)
    one = put(store)
    [_, last] = store.list_numbers()
    assert store.get_next_number() == last + 1
    store.delete(ids=[one])
    assert store.get_next_number() == last + 1
    store.delete()
    assert store.get_next_number() == last + 1
    put(store)
    assert store.list_numbers() == [last + 1]


def test_find_flags_of_more_changes_than_are_remembered(store):
    put(store)
    last = store.get_mod_seq()
    store.add([arrival() for _ in range(1200)])
    one = put(store)

    assert len(store.find_flags(since=last)) == 1201
    newest = store.get_mod_seq()
    store.set_read(read=True, ids=[one])
    assert [mail.id for mail in store.find_flags(since=newest)] == [one]
    assert store.find_flags(since=store.get_mod_seq()) == []


def test_find_flags_of_many_numbers(store):
    store.add([arrival(tags=["a", "B"] if n % 2 else []) for n in range(1500)])
    index_all(store)
    numbers = store.list_numbers()

    found = store.find_flags(numbers=numbers[::-1])
    assert [mail.number for mail in found] == numbers
    assert [mail.tags for mail in found[:2]] == [(), ("a", "B")]
    assert found == store.find_flags()


def test_read_contents_returns_bytes_and_facts(store, settle):
    contents = [b"", b"Subject: Hi\n\n\0\xff", bytes(range(256)) * 5000]
    ids = [put(store, content, tags=["one"], user="ann") for content in contents]
    settle()
    store.set_flags(ids[:1], add=["\\Flagged"])
    store.set_read(read=True, ids=ids[1:2])
    numbers = store.list_numbers()

    found = store.read_contents([*numbers[::-1], numbers[0], 1 << 31])

    assert [mail.number for mail in found] == numbers
    assert [mail.content for mail in found] == contents
    assert [mail.size for mail in found] == list(map(len, contents))
    assert [(mail.id, mail.read, mail.flags) for mail in found] == [
        (ids[0], False, ("\\Flagged",)),
        (ids[1], True, ()),
        (ids[2], False, ()),
    ]
    assert {mail.received_at for mail in found} == {NOON}
    assert [(mail.tags, mail.mod_seq) for mail in found] == [(mail.tags, mail.mod_seq) for mail in store.find_flags()]
    assert found[0].envelope.rcpt_tos == ("ann@example.com",)
    assert (found[0].envelope.auth.username, found[0].envelope.auth.password) == ("ann", None)
    assert [mail.id for mail in store.read_contents(numbers, (SizeTerm("larger", 1000),))] == ids[2:]
    store.delete(ids=ids[1:])
    assert [mail.id for mail in store.read_contents(numbers)] == ids[:1]
    assert store.read_contents([]) == []


def test_empty_store_has_no_numbers_flags_or_contents(store):
    assert (store.list_numbers(EVERYTHING), store.find_flags(), store.read_contents([1])) == ([], [], [])
    assert store.set_flags(None, add=["\\Flagged"]) == []
    assert store.set_folder("Sent", "ann") == 0


__all__ += [name for name in dir() if name.startswith("test_")] + ["settle"]

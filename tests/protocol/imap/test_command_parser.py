"""The grammar of all commands: what each one is parsed as, and what is refused."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazr.smtptest.protocol.imap.command_parser import COMMAND_NAMES, parse_command
from lazr.smtptest.protocol.imap.command_types import (
    AppendCommand,
    AuthenticateCommand,
    CopyCommand,
    CreateCommand,
    EnableCommand,
    ExpungeCommand,
    FetchCommand,
    FetchItem,
    FolderCommand,
    IdCommand,
    ListCommand,
    LoginCommand,
    RenameCommand,
    SearchCommand,
    Section,
    SelectCommand,
    SimpleCommand,
    SortCommand,
    SortCriterion,
    StatusCommand,
    StoreCommand,
    ThreadCommand,
)
from lazr.smtptest.protocol.imap.parse_error import ParseError
from lazr.smtptest.protocol.imap.reader import ImapReader, RawCommand
from lazr.smtptest.protocol.imap.search_keys import (
    AgeKey,
    AllKey,
    AndKey,
    DateKey,
    FlagKey,
    ModSeqKey,
    NotKey,
    OrKey,
    SequenceKey,
    SizeKey,
    TextKey,
)
from lazr.smtptest.protocol.imap.sequence_set import SAVED_RESULT, parse_sequence_set

ONE = parse_sequence_set("1")
UIDS = parse_sequence_set("4:*")
NEW_YEAR = 1767225600.0  # 2026-01-01T00:00:00Z
DEPTH = 100
SEEN = FlagKey("\\Seen", is_set=True)


def parse(text, *, is_utf8=False):
    """Return the parsed command; literals are written as `{n+}`."""
    reader = ImapReader(lambda _: 1_000_000)
    reader.feed(b"a " + (text if isinstance(text, bytes) else text.encode()) + b"\r\n")
    raw = reader.read()
    assert isinstance(raw, RawCommand), raw
    return parse_command(raw, is_utf8=is_utf8)


def fail(text, **kwargs):
    with pytest.raises(ParseError) as info:
        parse(text, **kwargs)
    assert str(info.value).isascii()
    return info.value


@pytest.mark.parametrize(
    "name", ["CAPABILITY", "NOOP", "LOGOUT", "STARTTLS", "NAMESPACE", "IDLE", "CHECK", "CLOSE", "UNSELECT"]
)
def test_commands_without_arguments(name):
    assert parse(name.lower()) == SimpleCommand(name)
    assert str(fail(name + " x")) == f"expected the end of the command at position {2 + len(name)}"
    fail(name + " ")
    fail(name + "(")


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("LOGIN ann secret", LoginCommand("ann", "secret")),
        ('LOGIN "ann lee" "a\\"b\\\\c]"', LoginCommand("ann lee", 'a"b\\c]')),
        ("LOGIN a@b.example ]x", LoginCommand("a@b.example", "]x")),
        ("LOGIN {3+}\r\nann {4+}\r\né s", LoginCommand("ann", "é s")),
        ('login "" NIL', LoginCommand("", "NIL")),
        ("AUTHENTICATE plain", AuthenticateCommand("PLAIN")),
        ("AUTHENTICATE SCRAM-SHA-256 biws+/0=", AuthenticateCommand("SCRAM-SHA-256", b"biws+/0=")),
        ("AUTHENTICATE EXTERNAL =", AuthenticateCommand("EXTERNAL", b"=")),
        ("ENABLE condstore UTF8=ACCEPT Condstore", EnableCommand(("CONDSTORE", "UTF8=ACCEPT"))),
        ("ID NIL", IdCommand()),
        ("ID ()", IdCommand()),
        ('ID ("name" "x" "version" nil)', IdCommand((("name", "x"), ("version", None)))),
        (b'ID ("name" {1+}\r\n\xff)', IdCommand((("name", "\N{REPLACEMENT CHARACTER}"),))),
        ("DELETE Sent", FolderCommand("DELETE", "Sent")),
        ('SUBSCRIBE "a b"', FolderCommand("SUBSCRIBE", "a b")),
        ("UNSUBSCRIBE iNbOx", FolderCommand("UNSUBSCRIBE", "INBOX")),
        ("SELECT inbox/Sub", SelectCommand("SELECT", "INBOX/Sub")),
        ("SELECT inboxes", SelectCommand("SELECT", "inboxes")),
        ("SELECT Entw&APw-rfe", SelectCommand("SELECT", "Entwürfe")),
        ("EXAMINE x (condstore)", SelectCommand("EXAMINE", "x", is_condstore=True)),
        ("CREATE a/b/", CreateCommand("a/b")),
        ("CREATE x (USE (\\sent \\Drafts \\Sent))", CreateCommand("x", ("\\Sent", "\\Drafts"))),
        ("CREATE x (USE ())", CreateCommand("x")),
        ("RENAME a {1+}\r\nb", RenameCommand("a", "b")),
        ("EXPUNGE", ExpungeCommand()),
        ("UID EXPUNGE 4:*", ExpungeCommand(UIDS)),
        ("UID EXPUNGE $", ExpungeCommand(SAVED_RESULT)),
        ("COPY 1 Sent", CopyCommand("COPY", ONE, "Sent")),
        ("UID MOVE 4:* inbox", CopyCommand("MOVE", UIDS, "INBOX", is_uid=True)),
        ("STATUS x (messages SIZE Messages)", StatusCommand("x", ("MESSAGES", "SIZE"))),
    ],
)
def test_commands_with_names(text, command):
    assert parse(text) == command
    assert parse(text).name in COMMAND_NAMES


def test_status_items_of_all_extensions_are_known():
    items = "MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE HIGHESTMODSEQ APPENDLIMIT"

    assert parse(f"STATUS x ({items})").items == tuple(items.split())


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ('LIST "" *', ListCommand("LIST", "", ("*",))),
        ('LIST "" ""', ListCommand("LIST", "", ("",))),
        ("LIST a/ %]", ListCommand("LIST", "a/", ("%]",))),
        ('LIST "" "inbox"', ListCommand("LIST", "", ("inbox",))),
        ('LIST "" &APw-*', ListCommand("LIST", "", ("ü*",))),
        ('LIST "" (a {1+}\r\n% "c")', ListCommand("LIST", "", ("a", "%", "c"), is_extended=True)),
        ('LIST () "" x', ListCommand("LIST", "", ("x",), is_extended=True)),
        (
            'LIST (subscribed RECURSIVEMATCH) "" x RETURN ()',
            ListCommand("LIST", "", ("x",), frozenset({"SUBSCRIBED", "RECURSIVEMATCH"}), is_extended=True),
        ),
        (
            'LIST (REMOTE SPECIAL-USE) "" x return (children SPECIAL-USE subscribed STATUS (SIZE unseen SIZE))',
            ListCommand(
                "LIST",
                "",
                ("x",),
                frozenset({"REMOTE", "SPECIAL-USE"}),
                frozenset({"CHILDREN", "SPECIAL-USE", "SUBSCRIBED", "STATUS"}),
                ("SIZE", "UNSEEN"),
                is_extended=True,
            ),
        ),
        ('LSUB "" %', ListCommand("LSUB", "", ("%",))),
    ],
)
def test_list_and_lsub(text, command):
    assert parse(text) == command


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("APPEND x {3+}\r\na\r\n", AppendCommand("x", b"a\r\n")),
        ("APPEND x () {0+}\r\n", AppendCommand("x", b"")),
        ("APPEND x (\\SEEN $Fwd \\seen) {1+}\r\na", AppendCommand("x", b"a", ("\\Seen", "$Fwd"))),
        ('APPEND x " 1-Jan-2026 01:00:00 +0100" {1+}\r\na', AppendCommand("x", b"a", internal_date=NEW_YEAR)),
        ('APPEND x (b) "01-Jan-2026 00:00:00 +0000" {1+}\r\na', AppendCommand("x", b"a", ("b",), NEW_YEAR)),
        ("APPEND x ~{2+}\r\n\0a", AppendCommand("x", b"\0a")),
        ("APPEND x utf8 (~{1+}\r\na)", AppendCommand("x", b"a", is_utf8=True)),
    ],
)
def test_append(text, command):
    assert parse(text) == command


def item(name, *args, **kwargs):
    return FetchItem(name, *args, **kwargs)


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("FLAGS", [item("FLAGS")]),
        ("(flags UID Flags)", [item("FLAGS"), item("UID")]),
        ("fast", [item("FLAGS"), item("INTERNALDATE"), item("RFC822.SIZE")]),
        ("ALL", [item("FLAGS"), item("INTERNALDATE"), item("RFC822.SIZE"), item("ENVELOPE")]),
        ("FULL", [item("FLAGS"), item("INTERNALDATE"), item("RFC822.SIZE"), item("ENVELOPE"), item("BODY")]),
        (
            "(BODYSTRUCTURE RFC822 RFC822.HEADER RFC822.TEXT MODSEQ)",
            [item("BODYSTRUCTURE"), item("RFC822"), item("RFC822.HEADER"), item("RFC822.TEXT"), item("MODSEQ")],
        ),
        ("BODY[]", [item("BODY", Section())]),
        ("body.peek[]", [item("BODY", Section(), is_peek=True)]),
        ("BODY[]<0.100>", [item("BODY", Section(), (0, 100))]),
        ("BODY[text]", [item("BODY", Section(kind="TEXT"))]),
        ("BODY[HEADER]", [item("BODY", Section(kind="HEADER"))]),
        ("BODY[1.2]", [item("BODY", Section((1, 2)))]),
        ("BODY[1.mime]", [item("BODY", Section((1,), "MIME"))]),
        ("BODY[2.1.HEADER]", [item("BODY", Section((2, 1), "HEADER"))]),
        (
            'BODY.PEEK[1.HEADER.FIELDS (Subject "x y" {1+}\r\n])]<1.2>',
            [item("BODY", Section((1,), "HEADER.FIELDS", (b"Subject", b"x y", b"]")), (1, 2), is_peek=True)],
        ),
        ("BODY[HEADER.FIELDS.NOT (A)]", [item("BODY", Section((), "HEADER.FIELDS.NOT", (b"A",)))]),
        ("BINARY[]", [item("BINARY", Section())]),
        ("BINARY.PEEK[1.1]<5.6>", [item("BINARY", Section((1, 1)), (5, 6), is_peek=True)]),
        ("BINARY.SIZE[4294967295]", [item("BINARY.SIZE", Section((4294967295,)))]),
    ],
)
def test_items_of_fetch(text, items):
    assert parse(f"FETCH 1 {text}") == FetchCommand(ONE, tuple(items))
    assert parse(f"UID FETCH 1 {text}").items == tuple(dict.fromkeys([item("UID"), *items]))


def test_fetch_of_changes_has_their_modification_sequences():
    command = FetchCommand(UIDS, (item("UID"), item("FLAGS"), item("MODSEQ")), 12, is_uid=True)

    assert parse("UID FETCH 4:* FLAGS (CHANGEDSINCE 12)") == command
    assert parse("UID FETCH 4:* (FLAGS MODSEQ) (changedsince 12)") == command
    assert parse("FETCH $ FLAGS").messages is SAVED_RESULT


@pytest.mark.parametrize(
    ("text", "sets_seen", "needs_content"),
    [
        ("FLAGS", False, False),
        ("RFC822.SIZE", False, False),
        ("ENVELOPE", False, True),
        ("BODY", False, True),
        ("BODY[]", True, True),
        ("BODY.PEEK[]", False, True),
        ("BINARY[1]", True, True),
        ("BINARY.SIZE[1]", False, True),
        ("RFC822", True, True),
        ("RFC822.HEADER", False, True),
        ("RFC822.TEXT", True, True),
    ],
)
def test_items_know_what_they_need(text, sets_seen, needs_content):
    (parsed,) = parse(f"FETCH 1 {text}").items

    assert (parsed.sets_seen, parsed.needs_content) == (sets_seen, needs_content)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("STORE 1 FLAGS ()", StoreCommand(ONE, "replace", ())),
        ("STORE 1 +flags (\\deleted \\Answered)", StoreCommand(ONE, "add", ("\\Deleted", "\\Answered"))),
        ("STORE 1 -FLAGS.silent Foo foo", StoreCommand(ONE, "remove", ("Foo",), is_silent=True)),
        (
            "UID STORE 4:* (unchangedsince 0) FLAGS.SILENT \\Draft $x",
            StoreCommand(UIDS, "replace", ("\\Draft", "$x"), is_silent=True, unchanged_since=0, is_uid=True),
        ),
    ],
)
def test_store(text, command):
    assert parse(text) == command


def text_key(kind, text, name=""):
    return TextKey(kind, text, name)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("ALL", AllKey()),
        ("seen", SEEN),
        ("UNSEEN", FlagKey("\\Seen", is_set=False)),
        ("OLD", FlagKey("\\Recent", is_set=False)),
        ("NEW", AndKey((FlagKey("\\Recent", is_set=True), FlagKey("\\Seen", is_set=False)))),
        ("KEYWORD $Fwd", FlagKey("$Fwd", is_set=True)),
        ("unkeyword x", FlagKey("x", is_set=False)),
        ("1:4", SequenceKey(parse_sequence_set("1:4"))),
        ("*", SequenceKey(parse_sequence_set("*"))),
        ("$", SequenceKey(SAVED_RESULT)),
        ("UID 4:*", SequenceKey(UIDS, is_uid=True)),
        ("LARGER 0", SizeKey(is_larger=True, size=0)),
        ("SMALLER 9223372036854775807", SizeKey(is_larger=False, size=2**63 - 1)),
        ("OLDER 5", AgeKey(is_older=True, seconds=5)),
        ("YOUNGER 6", AgeKey(is_older=False, seconds=6)),
        ("BEFORE 1-Feb-2026", DateKey("BEFORE", dt.date(2026, 2, 1))),
        ('ON "01-Feb-2026"', DateKey("ON", dt.date(2026, 2, 1))),
        ("SENTSINCE 28-Feb-2026", DateKey("SINCE", dt.date(2026, 2, 28), is_sent=True)),
        ("MODSEQ 12", ModSeqKey(12)),
        ('MODSEQ "/flags/\\\\draft" all 12', ModSeqKey(12)),
        ("SUBJECT hi", text_key("SUBJECT", "hi")),
        ('BODY ""', text_key("BODY", "")),
        ("TEXT {2+}\r\né", text_key("TEXT", "é")),
        ('HEADER X-Y "a b"', text_key("HEADER", "a b", "X-Y")),
        ("SEEN 1", AndKey((SEEN, SequenceKey(ONE)))),
        ("(SEEN 1) ALL", AndKey((AndKey((SEEN, SequenceKey(ONE))), AllKey()))),
        ("NOT NOT (SEEN)", NotKey(NotKey(SEEN))),
        ("OR SEEN NOT ALL", OrKey(SEEN, NotKey(AllKey()))),
        ("OR (SEEN 1) OR ALL SEEN", OrKey(AndKey((SEEN, SequenceKey(ONE))), OrKey(AllKey(), SEEN))),
    ],
)
def test_search_keys(text, key):
    assert parse(f"SEARCH {text}") == SearchCommand(key)
    assert repr(parse(f"SEARCH {text}").key) == repr(key)  # tuples of two types can be equal


@pytest.mark.parametrize("name", ["FROM", "TO", "CC", "BCC"])
def test_search_keys_of_fields(name):
    assert parse(f"SEARCH {name} x").key == TextKey(name, "x")


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("SEARCH RETURN () ALL", SearchCommand(AllKey(), return_options=frozenset({"ALL"}))),
        (
            "UID SEARCH return (min MAX COUNT SAVE) CHARSET utf-8 ALL",
            SearchCommand(AllKey(), "UTF-8", frozenset({"MIN", "MAX", "COUNT", "SAVE"}), is_uid=True),
        ),
        (b"SEARCH CHARSET ISO-8859-1 TO {1+}\r\n\xe9", SearchCommand(TextKey("TO", "é"), "ISO-8859-1")),
        (b'SEARCH CHARSET ISO-8859-1 TO "\xe9"', SearchCommand(TextKey("TO", "é"), "ISO-8859-1")),
        (
            "SORT (REVERSE date Subject) UTF-8 ALL",
            SortCommand((SortCriterion("DATE", is_reverse=True), SortCriterion("SUBJECT")), "UTF-8", AllKey()),
        ),
        (
            "UID SORT RETURN (MIN) (SIZE) US-ASCII SEEN",
            SortCommand((SortCriterion("SIZE"),), "US-ASCII", SEEN, frozenset({"MIN"}), is_uid=True),
        ),
        ("THREAD references utf-8 ALL", ThreadCommand("REFERENCES", "UTF-8", AllKey())),
        ("UID THREAD ORDEREDSUBJECT UTF-8 ALL", ThreadCommand("ORDEREDSUBJECT", "UTF-8", AllKey(), is_uid=True)),
    ],
)
def test_search_sort_and_thread(text, command):
    assert parse(text) == command


def test_utf8_mode_changes_names_and_quoted_strings():
    assert parse('SELECT "Entwürfe"', is_utf8=True).folder == "Entwürfe"
    assert parse('SELECT "a&b&APw-"', is_utf8=True).folder == "a&b&APw-"
    assert parse('LOGIN "ü" x', is_utf8=True).username == "ü"
    assert "UTF-8" in str(fail(b'SELECT "\xff"', is_utf8=True))
    assert "modified UTF-7" in str(fail("SELECT {2+}\r\nü"))
    assert "ENABLE UTF8=ACCEPT" in str(fail('LOGIN "ü" x'))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FOO", "expected a command of RFC 9051 6, got FOO at position 2"),
        ("UID", "expected a command of RFC 9051 6, got UID at position 2"),
        ("UID NOOP", "expected a command of RFC 9051 6, got UID NOOP at position 2"),
        ("LOGIN", "expected a space and a user name at position 7"),
        ("LOGIN  ann x", "expected a user name at position 8"),
        ("LOGIN ann", "expected a space and a password at position 11"),
        ("LOGIN {3+}\r\nann", "expected a space and a password at position 11"),
        ('LOGIN "a x', 'expected a quoted string with its second ", and with \\ only before \\ and " at position 8'),
        ('LOGIN "a\\b" x', 'expected a quoted string with its second ", and with \\ only before \\ and "'),
        ("LOGIN {1+}\r\n\0 x", "expected a user name without NUL at position 8"),
        (b"LOGIN {1+}\r\n\xff x", "expected a user name in UTF-8 at position 8"),
        ("LOGIN a{1+}\r\nb c", "expected a space and a password at position 9"),
        ("LOGIN (a) b", "expected a user name at position 8"),
        ("SELECT a{1+}\r\nb", "expected the end of the command at position 10"),
        ('SELECT ""', "expected a folder name that is not empty at position 9"),
        ("SELECT &", "expected a folder name in modified UTF-7 (RFC 3501 5.1.3) at position 9"),
        ('SELECT {3+}\r\na\r\n', "expected a folder name in modified UTF-7 (RFC 3501 5.1.3) at position 9"),
        ("SELECT &AAo-", "expected a folder name without control characters at position 9"),
        ("SELECT x (QRESYNC (1 2))", "expected CONDSTORE at position 12"),
        ("SELECT x (CONDSTOREX)", "expected CONDSTORE at position 12"),
        ("SELECT x CONDSTORE", "expected (CONDSTORE) at position 11"),
        ("CREATE /", "expected a folder name before the / at position 9"),
        ("CREATE x (USE (\\Foo))", "expected one of \\All \\Archive"),
        ("CREATE x (USE (foo))", "expected one of \\All \\Archive"),
        ("AUTHENTICATE PLAIN a b", "expected the end of the command at position 22"),
        ("AUTHENTICATE PLAIN *", "expected an initial response in base64, or = at position 21"),
        ("ID x", "expected a list of fields, or NIL at position 5"),
        ("ID NILx", "expected a list of fields, or NIL at position 5"),
        ('ID "x"', "expected a list of fields, or NIL at position 8"),
        ("ID (name x)", "expected the name of a field at position 6"),
        ('ID ("name")', "expected a space and the value of a field at position 12"),
        ('LIST (RECURSIVEMATCH) "" x', "expected SUBSCRIBED beside RECURSIVEMATCH"),
        ('LIST (FOO) "" x', "expected a selection option: SUBSCRIBED, REMOTE, RECURSIVEMATCH, SPECIAL-USE at"),
        ('LIST "" x RETURN (FOO)', "expected a return option: SUBSCRIBED, CHILDREN, SPECIAL-USE, STATUS at"),
        ('LIST "" ()', "expected a pattern at position 11"),
        ('LIST "" x y', "expected RETURN at position 12"),
        ("LIST x", "expected a space and a pattern at position 8"),
        ("STATUS x ()", "expected a status item at position 12"),
        ("STATUS x (FOO)", "expected a status item: MESSAGES, "),
        ("STATUS x SIZE", "expected ( and a list of status items at position 11"),
        ("STATUS x (SIZE", "expected a space or ) in a list of status items at position 16"),
        ("APPEND x y", "expected a message in a literal such as {5} at position 11"),
        ('APPEND x "y"', "expected a date such as 01-Feb-2026 09:30:00 +0100 at position 11"),
        ("APPEND x {1+}\r\n\0", "expected a message without NUL, or a literal8"),
        ("APPEND x {1+}\r\na {1+}\r\nb", "expected the end of the command at position 12"),
        ("APPEND x UTF8 {1+}\r\na", "expected a space and a literal8 in parentheses at position 15"),
        ("APPEND x UTF8 (~{1+}\r\na", "expected ) after the message at position 18"),
        ("APPEND x (\\Recent) {1+}\r\na", "expected a keyword or one of \\Answered"),
        ("APPEND x (\\) {1+}\r\na", "expected the name of a system flag at position 13"),
        ("FETCH 0 FLAGS", "expected a sequence set such as 1,3:5 or 7:*, of numbers from 1 to 4294967295"),
        ("FETCH x FLAGS", "expected a sequence set such as 1,3:5 or 7:* at position 8"),
        ("FETCH 1", "expected a space and the items to fetch at position 9"),
        ("FETCH 1 ()", "expected an item to fetch at position 11"),
        ("FETCH 1 (ALL)", "expected an item to fetch of RFC 9051 6.4.5, got ALL at position 11"),
        ("FETCH 1 BODY.PEEK", "expected an item to fetch of RFC 9051 6.4.5, got BODY.PEEK at position 10"),
        ("FETCH 1 FLAGS[]", "expected [ only after BODY,"),
        ("FETCH 1 BODY[0]", "expected a section: nothing, 1.2, HEADER"),
        ("FETCH 1 BODY[1.]", "expected a section: nothing, 1.2, HEADER"),
        ("FETCH 1 BODY[1.4294967296]", "expected a section: nothing, 1.2, HEADER"),
        ("FETCH 1 BODY[MIME]", "expected a section: nothing, 1.2, HEADER"),
        ("FETCH 1 BODY[TEXT.1]", "expected a section: nothing, 1.2, HEADER"),
        ("FETCH 1 BINARY[TEXT]", "expected a section: nothing, a number such as 1.2 at position 17"),
        ("FETCH 1 BODY[HEADER.FIELDS]", "expected a space and a list of field names at position 28"),
        ("FETCH 1 BODY[HEADER.FIELDS ()]", "expected the name of a header field at position 30"),
        ("FETCH 1 BODY[1", "expected ] after the section at position 16"),
        ("FETCH 1 BODY[]<1>", "expected . and the number of octets at position 18"),
        ("FETCH 1 BODY[]<1.0>", "expected a number of octets of at least 1 at position 19"),
        ("FETCH 1 BODY[]<1.9223372036854775808>", "expected the number of octets of at most 9223372036854775807 at"),
        ("FETCH 1 BODY[]<1.2", "expected > after the number of octets at position 20"),
        ("FETCH 1 BINARY.SIZE[1]<1.2>", "expected the end of the command at position 24"),
        ("FETCH 1 FLAGS (VANISHED)", "expected CHANGEDSINCE at position 17"),
        ("FETCH 1 FLAGS CHANGEDSINCE", "expected a list of modifiers at position 16"),
        ("STORE 1 FLAG (x)", "expected FLAGS, +FLAGS or -FLAGS, perhaps with .SILENT, and a space at position 10"),
        ("STORE 1 FLAGSX x", "expected FLAGS, +FLAGS or -FLAGS, perhaps with .SILENT, and a space at position 10"),
        ("STORE 1 FLAGS", "expected FLAGS, +FLAGS or -FLAGS, perhaps with .SILENT, and a space at position 10"),
        ("STORE 1 FLAGS ", "expected a flag at position 16"),
        ("SEARCH", "expected a space and a search key at position 8"),
        ("SEARCH ", "expected a search key at position 9"),
        ("SEARCH FOO", "expected a search key of RFC 9051 6.4.4, got FOO at position 9"),
        ("SEARCH SEEN ", "expected a search key at position 14"),
        ("SEARCH (SEEN", "expected a space and a search key, or ) at position 14"),
        ("SEARCH ()", "expected a search key at position 10"),
        ("SEARCH OR SEEN", "expected a space and a search key at position 16"),
        ("SEARCH SUBJECT", "expected a space and the argument of SUBJECT at position 16"),
        ("SEARCH BEFORE yesterday", "expected a date such as 1-Feb-2026 at position 16"),
        ('SEARCH ON "31-Feb-2026"', "expected a date such as 1-Feb-2026 at position 12"),
        ("SEARCH LARGER x", "expected a size at position 16"),
        ("SEARCH OLDER 4294967296", "expected a number of seconds of at most 4294967295 at position 15"),
        ("SEARCH LARGER " + "9" * 5000, "expected a size of at most 9223372036854775807 at position 16"),
        ('SEARCH MODSEQ "/flags/x" foo 1', "expected a type of entries: ALL, PRIV, SHARED at position 27"),
        ("SEARCH RETURN (FOO) ALL", "expected a result option: MIN, MAX, ALL, COUNT, SAVE at position 17"),
        (b"SEARCH CHARSET UTF-8 TO {1+}\r\n\xff", "expected a text in UTF-8 at position 26"),
        (b'SEARCH CHARSET US-ASCII TO "\xff"', "expected a text in ASCII at position 29"),
        ("SORT () UTF-8 ALL", "expected a sort criterion at position 8"),
        ("SORT (FOO) UTF-8 ALL", "expected a sort criterion: ARRIVAL, CC, DATE, FROM, SIZE, SUBJECT, TO at position 8"),
        ("SORT (DATE) ALL", "expected another charset at position 14"),
        ("THREAD FOO UTF-8 ALL", "expected a threading algorithm: ORDEREDSUBJECT, REFERENCES at position 9"),
    ],
)  # fmt: skip
def test_errors_say_what_was_expected(text, message):
    assert str(fail(text)).startswith(message)


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ("NOOP x", "BAD", ""),
        ("SEARCH CHARSET x ALL", "NO", "BADCHARSET (US-ASCII UTF-8 ISO-8859-1 ISO-8859-15 WINDOWS-1252)"),
        (f"SELECT {'x' * 1001}", "NO", "CANNOT"),
        ("SEARCH" + " ALL" * 501, "NO", "LIMIT"),
        ("SEARCH " + "(" * 10_000, "NO", "LIMIT"),
        ("SEARCH " + "NOT " * 200 + "ALL", "NO", "LIMIT"),
        ("SEARCH " + "OR ALL " * 200 + "ALL", "NO", "LIMIT"),
        ("FETCH 1 (" + " ".join(f"BODY[{n}]" for n in range(1, 300)) + ")", "NO", "LIMIT"),
        ("STORE 1 FLAGS (" + " ".join(f"x{n}" for n in range(129)) + ")", "NO", "LIMIT"),
        ("STORE 1 FLAGS " + " ".join(f"x{n}" for n in range(129)), "NO", "LIMIT"),
        ('LIST "" (' + " ".join("x" * 65) + ")", "NO", "LIMIT"),
        ("ENABLE" + " X" * 65, "NO", "LIMIT"),
        ("ID (" + " ".join(['"a" NIL'] * 31) + ")", "NO", "LIMIT"),
    ],
)
def test_limits_have_a_status_and_a_code(text, status, code):
    error = fail(text)

    assert (error.status, error.code) == (status, code)


def test_nesting_is_allowed_up_to_the_limit():
    parse("SEARCH " + "(" * DEPTH + "ALL" + ")" * DEPTH)
    parse("SEARCH " + "OR ALL " * DEPTH + "ALL")
    assert fail("SEARCH " + "(" * (DEPTH + 1) + "ALL" + ")" * (DEPTH + 1)).code == "LIMIT"


def test_path_of_a_section_is_not_limited():
    (parsed,) = parse("FETCH 1 BODY[" + ".".join(["1"] * 1000) + "]").items

    assert parsed.section.path == (1,) * 1000


WORDS = [
    " ", " ", " ", "(", ")", "[", "]", "<", ">", '"', "\\", "*", "%", "$", "{3+}\r\nabc", "~{1+}\r\n\x00",
    "{1+}\r\nÿ", ".", "1", "1:*", "4294967296", "INBOX", "&APw-", "&", "FLAGS", "BODY", "BODY.PEEK[",
    "HEADER.FIELDS (", "TEXT", "BINARY[", "SEEN", "OR", "NOT", "SUBJECT", "HEADER", "KEYWORD", "1-Feb-2026",
    "CHARSET", "UTF-8", "RETURN (", "SAVE", "UID", "+FLAGS", "\\Seen", "UTF8 (", "USE (", "STATUS (", "MESSAGES",
    "SUBSCRIBED", "NIL", '"a"', '"\\"', "=", "LARGER", "é", "CHANGEDSINCE 1", "ALL", "REVERSE", "DATE", "REFERENCES",
    '"01-Jan-2026 00:00:00 +0000"', "MODSEQ", "BEFORE",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(sorted(COMMAND_NAMES)),
    words=st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=3)), max_size=12),
    is_utf8=st.booleans(),
)
def test_any_command_is_parsed_or_refused(name, words, is_utf8):
    reader = ImapReader(lambda _: 100)
    reader.feed(f"a {name} ".encode() + "".join(words).encode("utf-8", "replace") + b"\r\n")
    raw = reader.read()
    if not isinstance(raw, RawCommand):
        return
    try:
        command = parse_command(raw, is_utf8=is_utf8)
    except ParseError as error:
        assert str(error).isascii()
        assert 0 <= error.position <= sum(map(len, raw.lines)) + sum(len(literal.content) for literal in raw.literals)
    else:
        assert command.name == name.removeprefix("UID ")

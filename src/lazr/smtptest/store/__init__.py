"""Keep accepted mail in memory, in an SQLite file or in PostgreSQL, by one interface.

`Store` (in `base`) is the interface; `MemoryStore`, `SqliteStore` and `PostgresStore` implement it, and
`create_store()` picks one by URL.  An `Arrival` goes in, an `Entry` (for lists) or a `Mail` comes out, and
`parse_query()` turns a search text into the `Search` that every reading method takes.  The rooms `search`, `sql`
and `sqlite` hold the query language, what the SQL stores share, and what only SQLite needs.

This room knows mails.  It imports nothing about SMTP sessions, sockets or HTTP.  The public names are here, and
their modules are imported at first use.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.errors import (
        BadSearch,
        SearchTooSlow,
        StoreError,
        StoreFull,
        StoreInUse,
        StoreTooNew,
        StoreUnavailable,
    )
    from lazr.smtptest.store.arrived_mail import ArrivedMail
    from lazr.smtptest.store.base import (
        MAX_IDS_PER_CHANGE,
        Arrival,
        Change,
        ChangeKind,
        Entry,
        FlaggedMail,
        MailContent,
        MatchedMail,
        OpenedMessage,
        Page,
        Retention,
        Store,
        Totals,
    )
    from lazr.smtptest.store.factory import create_store, get_default_path
    from lazr.smtptest.store.flags import STORED_FLAGS, parse_flags
    from lazr.smtptest.store.group_commit import GroupCommit
    from lazr.smtptest.store.groups import GroupField, GroupPage, MailGroup
    from lazr.smtptest.store.maintenance import Maintenance
    from lazr.smtptest.store.memory import MemoryStore
    from lazr.smtptest.store.message_index import ContentSummary, MessageIndex, build_message_index
    from lazr.smtptest.store.quick_commit import QuickCommit
    from lazr.smtptest.store.search.query_format import format_term
    from lazr.smtptest.store.search.query_parser import MAX_QUERY_CHARACTERS, MAX_QUERY_TERMS, parse_query
    from lazr.smtptest.store.search.terms import (
        EVERYTHING,
        AddressTerm,
        DateTerm,
        FlagTerm,
        FolderTerm,
        HeaderTerm,
        NumberTerm,
        Search,
        SizeTerm,
        TagTerm,
        Term,
        TextTerm,
        UserTerm,
    )
    from lazr.smtptest.store.searchable_mail import SearchableMail
    from lazr.smtptest.store.sort_order import NEWEST_FIRST, SortField, SortOrder
    from lazr.smtptest.store.sql.postgres import PostgresStore
    from lazr.smtptest.store.sqlite.store import SqliteStore
    from lazr.smtptest.store.tag_rules import TagFilter, TagRules
    from lazr.smtptest.store.tags import MAX_TAGS, check_tags, parse_single_tag, parse_tags
    from lazr.smtptest.store.text_normalization import fold, make_storable

__all__ = [
    "EVERYTHING",
    "MAX_IDS_PER_CHANGE",
    "MAX_QUERY_CHARACTERS",
    "MAX_QUERY_TERMS",
    "MAX_TAGS",
    "NEWEST_FIRST",
    "STORED_FLAGS",
    "AddressTerm",
    "Arrival",
    "ArrivedMail",
    "BadSearch",
    "Change",
    "ChangeKind",
    "ContentSummary",
    "DateTerm",
    "Entry",
    "FlagTerm",
    "FlaggedMail",
    "FolderTerm",
    "GroupCommit",
    "GroupField",
    "GroupPage",
    "HeaderTerm",
    "MailContent",
    "MailGroup",
    "Maintenance",
    "MatchedMail",
    "MemoryStore",
    "MessageIndex",
    "NumberTerm",
    "OpenedMessage",
    "Page",
    "PostgresStore",
    "QuickCommit",
    "Retention",
    "Search",
    "SearchTooSlow",
    "SearchableMail",
    "SizeTerm",
    "SortField",
    "SortOrder",
    "SqliteStore",
    "Store",
    "StoreError",
    "StoreFull",
    "StoreInUse",
    "StoreTooNew",
    "StoreUnavailable",
    "TagFilter",
    "TagRules",
    "TagTerm",
    "Term",
    "TextTerm",
    "Totals",
    "UserTerm",
    "build_message_index",
    "check_tags",
    "create_store",
    "fold",
    "format_term",
    "get_default_path",
    "make_storable",
    "parse_flags",
    "parse_query",
    "parse_single_tag",
    "parse_tags",
]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "lazr.smtptest.errors": (
            "BadSearch",
            "SearchTooSlow",
            "StoreError",
            "StoreFull",
            "StoreInUse",
            "StoreTooNew",
            "StoreUnavailable",
        ),
        "lazr.smtptest.store.arrived_mail": ("ArrivedMail",),
        "lazr.smtptest.store.base": (
            "MAX_IDS_PER_CHANGE",
            "Arrival",
            "Change",
            "ChangeKind",
            "Entry",
            "FlaggedMail",
            "MailContent",
            "MatchedMail",
            "OpenedMessage",
            "Page",
            "Retention",
            "Store",
            "Totals",
        ),
        "lazr.smtptest.store.factory": (
            "create_store",
            "get_default_path",
        ),
        "lazr.smtptest.store.flags": ("STORED_FLAGS", "parse_flags"),
        "lazr.smtptest.store.group_commit": ("GroupCommit",),
        "lazr.smtptest.store.groups": (
            "GroupField",
            "GroupPage",
            "MailGroup",
        ),
        "lazr.smtptest.store.maintenance": ("Maintenance",),
        "lazr.smtptest.store.memory": ("MemoryStore",),
        "lazr.smtptest.store.message_index": (
            "ContentSummary",
            "MessageIndex",
            "build_message_index",
        ),
        "lazr.smtptest.store.quick_commit": ("QuickCommit",),
        "lazr.smtptest.store.search.query_format": ("format_term",),
        "lazr.smtptest.store.search.query_parser": (
            "MAX_QUERY_CHARACTERS",
            "MAX_QUERY_TERMS",
            "parse_query",
        ),
        "lazr.smtptest.store.search.terms": (
            "EVERYTHING",
            "AddressTerm",
            "DateTerm",
            "FlagTerm",
            "FolderTerm",
            "HeaderTerm",
            "NumberTerm",
            "Search",
            "SizeTerm",
            "TagTerm",
            "Term",
            "TextTerm",
            "UserTerm",
        ),
        "lazr.smtptest.store.searchable_mail": ("SearchableMail",),
        "lazr.smtptest.store.sort_order": (
            "NEWEST_FIRST",
            "SortField",
            "SortOrder",
        ),
        "lazr.smtptest.store.sql.postgres": ("PostgresStore",),
        "lazr.smtptest.store.sqlite.store": ("SqliteStore",),
        "lazr.smtptest.store.tag_rules": (
            "TagFilter",
            "TagRules",
        ),
        "lazr.smtptest.store.tags": (
            "MAX_TAGS",
            "check_tags",
            "parse_single_tag",
            "parse_tags",
        ),
        "lazr.smtptest.store.text_normalization": (
            "fold",
            "make_storable",
        ),
    },
)

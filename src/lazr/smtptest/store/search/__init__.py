"""The search language: parse a query into terms, and match terms against mails.

`query_parser` reads the text and asks `dates` about dates; `terms` defines the values that it returns, and
`query_format` writes them as text.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.store.search.dates import parse_date
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
        Searchable,
        SizeTerm,
        TagTerm,
        Term,
        TextTerm,
        UserTerm,
    )

__all__ = [
    "EVERYTHING",
    "MAX_QUERY_CHARACTERS",
    "MAX_QUERY_TERMS",
    "AddressTerm",
    "DateTerm",
    "FlagTerm",
    "FolderTerm",
    "HeaderTerm",
    "NumberTerm",
    "Search",
    "Searchable",
    "SizeTerm",
    "TagTerm",
    "Term",
    "TextTerm",
    "UserTerm",
    "format_term",
    "parse_date",
    "parse_query",
]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "lazr.smtptest.store.search.dates": ("parse_date",),
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
            "Searchable",
            "SizeTerm",
            "TagTerm",
            "Term",
            "TextTerm",
            "UserTerm",
        ),
    },
)

"""Write a search term as text that the query parser reads as this term."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from lazr.smtptest.errors import BadSearch
from lazr.smtptest.store.search.query_parser import parse_query
from lazr.smtptest.store.search.terms import AddressTerm, FolderTerm, TagTerm, UserTerm

if TYPE_CHECKING:
    from lazr.smtptest.store.search.terms import Term

__all__ = ["format_term"]

_MAX_ADDRESS_CHARACTERS = 500
# In a query, white space and quotes end a value; asterisks are limited.
_UNQUOTABLE = re.compile(r'[\s"*]')
# These need no check by the parser, which takes 0.1 ms; a list of groups has a thousand addresses.
_PLAIN_ADDRESS = re.compile(r"[a-z0-9.+_-]{1,64}@[a-z0-9.-]{1,255}")
_ENVELOPE_FIELDS = ("sender", "recipient")


def format_term(term: Term) -> str:
    """Return a query for a term about an address, a tag, a user or a folder.

    Characters of an address that no query can have become wildcards, so the query can find a few more mails.  The
    result is empty if there is no such query, as for a tag with a quote.

    >>> format_term(AddressTerm("recipient", "ann@example.com")), format_term(TagTerm("two words"))
    ('recipient:ann@example.com', 'tag:"two words"')
    >>> format_term(AddressTerm("recipient", '"a b"@example.com')), format_term(TagTerm('"'))
    ('recipient:"a b"@example.com', '')
    """
    plain = replace(term, negated=False)
    for query in _list_candidates(plain):
        is_plain = isinstance(plain, AddressTerm) and _PLAIN_ADDRESS.fullmatch(plain.address)
        if is_plain or _is_read_as(query, plain):
            return f"-{query}" if term.negated else query
    return ""


def _list_candidates(term: Term) -> list[str]:
    if isinstance(term, AddressTerm):
        name = f"{term.field}:" if term.field in _ENVELOPE_FIELDS else f"{term.field}:="
        address = term.address
        if len(address) > _MAX_ADDRESS_CHARACTERS:
            address = address[:_MAX_ADDRESS_CHARACTERS] + "*"
        return [
            name + (address or '""'),
            name + _UNQUOTABLE.sub("?", address),
            f"{name}{_UNQUOTABLE.sub('?', address[:-1])}*",
        ]
    if isinstance(term, TagTerm):
        return [f"tag:{term.tag}", f'tag:"{term.tag}"']
    if isinstance(term, FolderTerm) and not (term.owner or term.folder):
        return ["in:inbox"]
    if isinstance(term, FolderTerm):
        return [f"in:{term.folder}", f'in:"{term.folder}"']
    if isinstance(term, UserTerm):
        return [f"user:{term.name}", f'user:"{term.name}"']
    return []


def _is_read_as(query: str, term: Term) -> bool:
    try:
        [parsed] = parse_query(query)
    except (BadSearch, ValueError):  # ValueError: no term, or several
        return False
    if isinstance(term, AddressTerm) and isinstance(parsed, AddressTerm):
        return parsed.field == term.field and parsed.matches_addresses([(term.field, term.address)])
    if isinstance(term, FolderTerm) and term.owner == "" and not term.folder:
        return True
    return parsed == term

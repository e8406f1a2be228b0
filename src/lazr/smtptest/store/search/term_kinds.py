"""Classify the terms of a search: by what answers them, and by what that costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lazr.smtptest.store.search.terms import (
    AddressTerm,
    DateTerm,
    FlagTerm,
    FolderTerm,
    HeaderTerm,
    NumberTerm,
    SizeTerm,
    TextTerm,
    UserTerm,
)

if TYPE_CHECKING:
    from lazr.smtptest.store.search.terms import Search, Term

__all__ = ["SplitTerms", "has_content_terms", "has_only_numbers", "is_expensive", "split_terms"]

_METADATA_TERMS = (UserTerm, FolderTerm, SizeTerm, DateTerm, NumberTerm)


class SplitTerms(NamedTuple):
    """The terms of a search, by what answers them.

    Args:
        metadata: terms that session, folder, size, time, position and read mark answer.
        envelope: terms on the addresses of the envelope.
        content: all other terms; the content must be parsed for them.
    """

    metadata: Search
    envelope: tuple[AddressTerm, ...]
    content: Search


def split_terms(search: Search) -> SplitTerms:
    """Return the terms of a search by what answers them.

    >>> split_terms((UserTerm("ann"), AddressTerm("sender", "ann@example.com"))).envelope
    (AddressTerm(negated=False, field='sender', address='ann@example.com'),)
    """
    metadata: list[Term] = []
    envelope: list[AddressTerm] = []
    content: list[Term] = []
    for term in search:
        if isinstance(term, _METADATA_TERMS) or (isinstance(term, FlagTerm) and term.flag == "read"):
            metadata.append(term)
        elif isinstance(term, AddressTerm) and term.field in ("sender", "recipient"):
            envelope.append(term)
        else:
            content.append(term)
    return SplitTerms(tuple(metadata), tuple(envelope), tuple(content))


def has_content_terms(search: Search) -> bool:
    """Return whether the search depends on the contents of mails.

    >>> has_content_terms((UserTerm("ann"),)), has_content_terms((TextTerm("subject", "hi"),))
    (False, True)
    """
    return bool(split_terms(search).content)


def has_only_numbers(search: Search) -> bool:
    """Return whether the search depends on the positions of mails only, or on nothing.

    >>> has_only_numbers((NumberTerm(7),)), has_only_numbers(()), has_only_numbers((UserTerm("ann"),))
    (True, True, False)
    """
    return all(isinstance(term, NumberTerm) for term in search)


def is_expensive(search: Search) -> bool:
    """Return whether the search has to look at the texts of many mails.

    >>> is_expensive((TextTerm("subject", "hi"),)), is_expensive((AddressTerm("to", "ann@example.com"),))
    (True, False)
    """
    return any(
        isinstance(term, TextTerm | HeaderTerm) or (isinstance(term, AddressTerm) and not term.is_exact)
        for term in search
    )

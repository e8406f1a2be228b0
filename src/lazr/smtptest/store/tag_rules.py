"""Rules that tag new mails: by X-Tags field, plus address, user and search."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from lazr.smtptest.errors import BadSearch
from lazr.smtptest.store.search.query_parser import parse_query
from lazr.smtptest.store.search.terms import FlagTerm, TagTerm
from lazr.smtptest.store.tags import parse_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lazr.smtptest.mail import Address
    from lazr.smtptest.store.search.terms import Search
    from lazr.smtptest.store.searchable_mail import SearchableMail

__all__ = ["TagFilter", "TagRules"]


@dataclass(frozen=True, slots=True)
class TagFilter:
    """Tags for all mails that a search finds.

    Args:
        tags: the tags.
        search: the terms that a mail must match.  Terms on tags and read marks are not allowed: a new mail has none.

    Raises:
        ValueError: there is no tag, or no term, or a term that no new mail matches.

    >>> TagFilter.parse("invoices, money=subject:invoice").tags
    ('invoices', 'money')
    """

    tags: tuple[str, ...]
    search: Search

    def __post_init__(self) -> None:
        if not self.tags:
            raise ValueError("a tag filter must name a tag, as in invoices=subject:invoice, got none")
        if not self.search:
            raise ValueError("a tag filter must have a search, as in invoices=subject:invoice, got none")
        for term in self.search:
            if isinstance(term, TagTerm) or (isinstance(term, FlagTerm) and term.flag in ("read", "tagged")):
                raise ValueError(
                    "a tag filter must not search for tags or read marks, because a new mail has none; remove tag: and"
                    " is:"
                )

    @classmethod
    def parse(cls, text: str) -> TagFilter:
        """Return the filter that a text such as `TAG=QUERY` or `TAG,TAG=QUERY` describes.

        This is Mailpit's format.  The first equals sign ends the tags; the query may have others.

        Raises:
            ValueError: the text has no equals sign, or its tags or its query are invalid.
        """
        tags, separator, query = text.partition("=")
        if not separator:
            raise ValueError(f"a tag filter must be TAG=QUERY, as in invoices=subject:invoice, got {text!r}")
        try:
            return cls(parse_tags([tags]), parse_query(query))
        except BadSearch as error:
            raise ValueError(f"the query of the tag filter {text!r} is invalid: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRules:
    """Which tags a new mail gets.  A store applies them when it indexes the mail.

    The default rules only use the X-Tags fields.

    Args:
        filters: tags for the mails that a search finds; none by default.
        x_tags: whether the X-Tags fields of a mail name tags; True by default.
        plus_addresses: whether `ann+red+blue@example.com` in From, To, Cc or Bcc adds the tags `red` and `blue`;
            False by default.
        usernames: whether the user that the SMTP session authenticated as becomes a tag; False by default.
    """

    filters: Sequence[TagFilter] = field(default=())
    x_tags: bool = True
    plus_addresses: bool = False
    usernames: bool = False

    def compute_tags(self, mail: SearchableMail) -> tuple[str, ...]:
        """Return the tags of a new mail, at most 100; `mail.tags` has those that it came with.

        >>> from datetime import UTC, datetime
        >>> from lazr.smtptest import Envelope, Mail
        >>> from lazr.smtptest.store import build_message_index
        >>> from lazr.smtptest.store.searchable_mail import SearchableMail
        >>> envelope = Envelope("", ("bob+red@example.com",), mail_parameters={}, rcpt_parameters=({},))
        >>> index = build_message_index(Mail("1", envelope, [b"X-Tags: blue\\r\\nSubject: Invoice\\r\\n\\r\\n"]))
        >>> mail = SearchableMail(index=index, size=34, received_at=datetime.now(UTC), tags=["new"])
        >>> TagRules(filters=[TagFilter.parse("money=invoice")], plus_addresses=True).compute_tags(mail)
        ('new', 'blue', 'red', 'money')
        """
        index = mail.index
        values: list[Iterable[str]] = [mail.tags]
        if self.x_tags:
            values.append(index.tags)
        if self.plus_addresses:
            from_ = () if index.from_ is None else (index.from_,)
            values.append(_find_plus_tags(chain(from_, index.to, index.cc, index.bcc)))
        if self.usernames:
            values.append([mail.username.replace(",", " ")])
        values += [tag_filter.tags for tag_filter in self.filters if mail.matches(tag_filter.search)]
        return parse_tags(chain.from_iterable(values))


def _find_plus_tags(addresses: Iterable[Address]) -> Iterator[str]:
    for address in addresses:
        yield from address.local_part.split("+")[1:]

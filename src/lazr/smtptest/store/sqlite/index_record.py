"""What indexing a mail writes into an SQLite file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazr.smtptest.store.sql.row_mapping import MAX_INDEXED_CHARACTERS, encode_addresses
from lazr.smtptest.store.sqlite.document import ContentPlace, SearchableText, encode_document
from lazr.smtptest.store.text_normalization import fold

if TYPE_CHECKING:
    from lazr.smtptest.store.message_index import MessageIndex
    from lazr.smtptest.store.sql.record_builder import IndexRecord

__all__ = ["encode_sqlite_record"]


def encode_sqlite_record(number: int, content: bytes, index: MessageIndex, tags: tuple[str, ...]) -> IndexRecord:
    """Return the record of a mail.

    Returns:
        its number; the rows of `entries` and `documents`; the texts for the indexes on words and on keys; the place of
        the content, and the compressed content for `contents`; the rows of `tags`.
    """
    text = SearchableText.encode(index.texts, index.addresses, index.headers)
    document = encode_document(text, content)
    anywhere = index.texts["anywhere"]
    is_too_long = len(anywhere) > MAX_INDEXED_CHARACTERS
    return (
        number,
        (
            number,
            index.message_id,
            index.subject,
            encode_addresses(index),
            index.attachments,
            index.inlines,
            index.snippet,
        ),
        (number, is_too_long, document.data),
        None if is_too_long else anywhere,
        SearchableText(text).build_keys(),
        document.place is ContentPlace.DOCUMENT,
        document.compressed,
        [(number, fold(tag), tag) for tag in tags],
    )

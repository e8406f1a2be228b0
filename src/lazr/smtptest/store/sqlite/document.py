"""The document of an indexed mail: its searchable text and its content, compressed.

A text and the content that it comes from have most words in common, so one compressed stream for both takes little more
than the content alone.  Its start can be read without the rest.

A document has a head of five bytes: where the content is, and the length of the searchable text.  A zlib stream
follows.  zlib is in every Python, so every Python can read the file.
"""

from __future__ import annotations

import logging
import zlib
from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from lazr.smtptest._util.glob import compile_glob

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "ContentPlace",
    "EncodedDocument",
    "SearchableText",
    "build_address_key",
    "build_header_key",
    "compress_content",
    "decode_content",
    "decode_text",
    "encode_document",
    "register_functions",
]

_log = logging.getLogger("lazr.smtptest.store")

_HEAD = Struct(">BI")
# A larger content is stored apart, so that searches need not read it.
_MAX_CONTENT_BYTES_IN_DOCUMENT = 32 * 1024
# The searchable text of a mail is shorter: see the limits in `message_index`.
_MAX_TEXT_BYTES = 64 * 1024 * 1024
# Creating zlib's default state, of 256 KiB, takes longer than compressing a short mail.
_SMALL_BYTES, _SMALL_WINDOW_BITS, _SMALL_MEMORY_LEVEL = 16 * 1024, 14, 7
_COMPRESSION_LEVEL = 6
_FAST_COMPRESSION_LEVEL = 1  # for content with attachments, which are hardly compressible
_TEXT_FIELDS = ("from", "to", "cc", "bcc", "reply-to", "subject", "message-id")
_ADDRESS_FIELDS = _TEXT_FIELDS[:5]


class ContentPlace(IntEnum):
    """Where the content of an indexed mail is."""

    TABLE = 0  # in `contents`, as it was received
    DOCUMENT = 1  # in the document, after the searchable text
    TABLE_COMPRESSED = 2  # in `contents`, compressed


class EncodedDocument(NamedTuple):
    """A document, and what `contents` must have.

    Args:
        data: the value for `documents`.
        place: where the content is.
        compressed: the compressed content, if it belongs into `contents`.
    """

    data: bytes
    place: ContentPlace
    compressed: bytes | None


class SearchableText:
    """The texts, header fields and addresses of a mail, as UTF-8.

    Fields end with NUL, which no folded text has; `anywhere` comes last.  In lists, a line feed separates the items,
    and a tab the name from the value: folded texts have neither.

    Args:
        data: what `encode` returned, possibly damaged.
    """

    __slots__ = ("_fields",)

    def __init__(self, data: bytes) -> None:
        fields = data.split(b"\0")
        self._fields = fields + [b""] * (len(_TEXT_FIELDS) + 3 - len(fields))

    @staticmethod
    def encode(
        texts: Mapping[str, str], addresses: Iterable[tuple[str, str]], headers: Iterable[tuple[str, str]]
    ) -> bytes:
        """Return the searchable text of a mail as bytes.

        >>> texts = dict.fromkeys(_TEXT_FIELDS, "") | {"subject": "hi", "anywhere": "hi\\nthere"}
        >>> text = SearchableText(SearchableText.encode(texts, [("sender", "a@b")], [("x-tag", "1")]))
        >>> text.get("subject"), text.get("anywhere"), text.list_addresses(), text.list_headers()
        (b'hi', b'hi\\nthere', [[b'sender', b'a@b']], [[b'x-tag', b'1']])
        """
        fields = [texts[field] for field in _TEXT_FIELDS]
        fields.append("\n".join(map("\t".join, addresses)))
        fields.append("\n".join(map("\t".join, headers)))
        fields.append(texts["anywhere"])
        return "\0".join(fields).encode("utf-8")

    def get(self, field: str) -> bytes:
        """Return the text of a field, which `TextTerm` names."""
        if field == "anywhere":
            return self._fields[-1]
        if field == "addressed":
            return b"\n".join(filter(None, self._fields[: len(_ADDRESS_FIELDS)]))
        return self._fields[_TEXT_FIELDS.index(field)]

    def list_addresses(self) -> list[list[bytes]]:
        """Return pairs of a field and a whole address in it."""
        return _split_pairs(self._fields[len(_TEXT_FIELDS)])

    def list_headers(self) -> list[list[bytes]]:
        """Return pairs of the name and the value of a header field."""
        return _split_pairs(self._fields[len(_TEXT_FIELDS) + 1])

    def build_keys(self) -> str:
        """Return the keys of the addresses and header names, for the index on keys."""
        keys: dict[str, None] = {}
        for place, address in self.list_addresses():
            keys[_hash(place, address)] = None
            _, at, domain = address.rpartition(b"@")
            if at:
                keys[_hash(place, b"*@" + domain)] = None
        for name in dict.fromkeys(pair[0] for pair in self.list_headers()):
            keys[_hash(b"header", name)] = None
        return " ".join(keys)


def _split_pairs(data: bytes) -> list[list[bytes]]:
    pairs = (line.split(b"\t", 1) for line in data.split(b"\n")) if data else ()
    return [pair for pair in pairs if len(pair) == 2]


def build_address_key(place: str, address: str) -> str:
    """Return the key of an address in a field; `*@example.com` stands for a whole domain.

    >>> build_address_key("to", "bob@example.com") == build_address_key("cc", "bob@example.com")
    False
    """
    return _hash(place.encode(), address.encode())


def build_header_key(name: str) -> str:
    """Return the key of a header field's name."""
    return _hash(b"header", name.encode())


@lru_cache(maxsize=4096)  # the names of fields and many domains are the same in most mails
def _hash(place: bytes, value: bytes) -> str:
    # 64 bits, so that two addresses never share a key by chance, and matches need not be verified.
    return blake2b(place + b"\0" + value, digest_size=8).hexdigest()


# -- encoding ------------------------------------------------------------------------------------------


def encode_document(text: bytes, content: bytes) -> EncodedDocument:
    r"""Compress the searchable text of a mail and its content.

    >>> document = encode_document(b"hello", b"Subject: x\r\n\r\nHello\r\n")
    >>> decode_text(document.data), decode_content(document.data, 21, None)
    (b'hello', b'Subject: x\r\n\r\nHello\r\n')
    """
    if len(content) <= _MAX_CONTENT_BYTES_IN_DOCUMENT:
        data = _HEAD.pack(ContentPlace.DOCUMENT, len(text)) + _compress(text + content)
        return EncodedDocument(data, ContentPlace.DOCUMENT, None)
    compressed = compress_content(content)
    place = ContentPlace.TABLE if compressed is None else ContentPlace.TABLE_COMPRESSED
    return EncodedDocument(_HEAD.pack(place, len(text)) + _compress(text), place, compressed)


def compress_content(content: bytes) -> bytes | None:
    """Return a content compressed; None if that saves less than a tenth."""
    compressed = zlib.compress(content, _FAST_COMPRESSION_LEVEL)
    return compressed if len(compressed) < len(content) - len(content) // 10 else None


def _compress(data: bytes) -> bytes:
    if len(data) > _SMALL_BYTES:
        return zlib.compress(data, _COMPRESSION_LEVEL)
    compressor = zlib.compressobj(_COMPRESSION_LEVEL, zlib.DEFLATED, _SMALL_WINDOW_BITS, _SMALL_MEMORY_LEVEL)
    return compressor.compress(data) + compressor.flush()


# -- decoding; a damaged disk can change any byte ------------------------------------------------------


def decode_text(data: object) -> bytes:
    """Return the searchable text of a document; empty if it is damaged."""
    if not isinstance(data, bytes) or len(data) < _HEAD.size:
        return b""
    _, length = _HEAD.unpack_from(data)
    if not 0 < length <= _MAX_TEXT_BYTES:
        return b""
    try:
        return zlib.decompressobj().decompress(data[_HEAD.size :], length)
    except zlib.error:
        return b""


def decode_content(data: bytes, size: int, stored: bytes | None) -> bytes | None:
    """Return the content of a mail, or as much as can be decompressed.

    Args:
        data: the document.
        size: the length of the content, in bytes; the result is never longer.
        stored: the value in `contents`; None without one.

    Returns:
        the content, shorter if the document is damaged; None if nothing of it is there.
    """
    if len(data) < _HEAD.size:
        return stored
    place, length = _HEAD.unpack_from(data)
    if place == ContentPlace.TABLE_COMPRESSED and stored is not None:
        return _decompress(stored, size)
    if place == ContentPlace.DOCUMENT and length <= _MAX_TEXT_BYTES:
        return _decompress(data[_HEAD.size :], length + size)[length:]
    return stored


def _decompress(data: bytes, max_bytes: int) -> bytes:
    """Return the decompressed data, at most `max_bytes`; only its start if it is damaged."""
    decompressor = zlib.decompressobj()
    try:
        # One byte more than expected, so that zlib reads to the end of the stream and verifies its checksum.
        return decompressor.decompress(data, max_bytes + 1)[:max_bytes]
    except zlib.error:
        _log.warning("a content in the store is damaged; what precedes the damage is shown")
    decompressor = zlib.decompressobj()
    pieces: list[bytes] = []
    left = max_bytes
    try:
        for start in range(0, len(data), 64):
            if left <= 0:
                break
            pieces.append(decompressor.decompress(decompressor.unconsumed_tail + data[start : start + 64], left))
            left -= len(pieces[-1])
    except zlib.error:
        pass
    return b"".join(pieces)


# -- functions for SQL ---------------------------------------------------------------------------------


def register_functions(connection: sqlite3.Connection) -> None:
    """Define the functions that searches call for each document.

    Each returns NULL for NULL, which stands for a mail without a document.
    """
    connection.create_function("document_contains", 3, _contains, deterministic=True)
    connection.create_function("document_has_header", 3, _has_header, deterministic=True)
    connection.create_function("document_has_address", 3, _has_address, deterministic=True)


def _contains(data: object, field: str, words: str) -> bool | None:
    if data is None:
        return None
    text = decode_text(data)
    if field == "anywhere":
        return text.find(words.encode(), text.rfind(b"\0") + 1) >= 0
    return words.encode() in SearchableText(text).get(field)


def _has_header(data: object, name: str, words: str) -> bool | None:
    if data is None:
        return None
    pairs: Sequence[Sequence[bytes]] = SearchableText(decode_text(data)).list_headers()
    wanted_name, wanted_words = name.encode(), words.encode()
    return any(found == wanted_name and wanted_words in value for found, value in pairs)


def _has_address(data: object, place: str, pattern: str) -> bool | None:
    if data is None:
        return None
    glob = compile_glob(pattern)
    wanted_place = place.encode()
    return any(
        found == wanted_place and glob.fullmatch(address.decode("utf-8", "replace"))
        for found, address in SearchableText(decode_text(data)).list_addresses()
    )

"""Write positions in the store as opaque cursors, and read them.

The position of a mail says how many mails of all mailboxes arrived before it, so it is encrypted.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from typing import TYPE_CHECKING

from lazr.smtptest.errors import StoreFull

if TYPE_CHECKING:
    from lazr.smtptest.store import Store

__all__ = ["CursorCodec"]

_NOTE_KEY = "cursor key"
_BLOCK_BYTES = 8
_CURSOR_CHARACTERS = 22
_PADDING = "=="


class CursorCodec:
    """Translates positions into cursors of 22 letters, digits, - and _.

    Equal positions have equal cursors.  All servers of one store read each other's cursors, because the store keeps the
    key.  A changed cursor is recognized: a cursor is a MAC of the position, and the position, encrypted with the MAC as
    the nonce (a synthetic IV, with BLAKE2 in the place of AES).

    Thread safety: all methods may be called from any thread.

    Args:
        store: the store whose positions are written.

    >>> from lazr.smtptest.store import MemoryStore
    >>> codec = CursorCodec(MemoryStore())
    >>> cursor = codec.encode(17)
    >>> len(cursor), codec.decode(cursor), codec.decode("x" + cursor[1:]), codec.decode("")
    (22, 17, None, None)
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._key = b""
        self._lock = threading.Lock()

    def encode(self, number: int) -> str:
        """Return the cursor of a position.

        Raises:
            StoreError: the key cannot be read from the store.
        """
        position = number.to_bytes(_BLOCK_BYTES, "big")
        mac = self._hash(position, b"mac")
        return urlsafe_b64encode(mac + self._encrypt(position, mac)).decode()[:_CURSOR_CHARACTERS]

    def decode(self, cursor: str) -> int | None:
        """Return the position of a cursor; None if `encode` has not returned it.

        Raises:
            StoreError: the key cannot be read from the store.
        """
        if len(cursor) != _CURSOR_CHARACTERS or not cursor.isascii():
            return None
        data = urlsafe_b64decode(cursor + _PADDING)
        mac, encrypted = data[:_BLOCK_BYTES], data[_BLOCK_BYTES:]
        position = self._encrypt(encrypted, mac)
        is_valid = len(data) == 2 * _BLOCK_BYTES and secrets.compare_digest(self._hash(position, b"mac"), mac)
        return int.from_bytes(position, "big") if is_valid else None

    def _encrypt(self, block: bytes, mac: bytes) -> bytes:
        """Encrypt a block, or decrypt it."""
        return bytes(one ^ other for one, other in zip(block, self._hash(mac, b"stream"), strict=False))

    def _hash(self, data: bytes, purpose: bytes) -> bytes:
        return hashlib.blake2s(data, digest_size=_BLOCK_BYTES, key=self._read_key(), person=purpose).digest()

    def _read_key(self) -> bytes:
        with self._lock:
            if not self._key:
                key = secrets.token_hex(16)
                with suppress(StoreFull):  # then only this server can read its cursors
                    if not self._store.compare_and_set_note(_NOTE_KEY, key, expected=None):
                        key = self._store.get_note(_NOTE_KEY) or key
                self._key = key.encode("utf-8", "replace")[:32]
            return self._key

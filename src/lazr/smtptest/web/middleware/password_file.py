"""Read users and password hashes from a file that `htpasswd -B` writes.

bcrypt is the only hash of htpasswd that is still safe; others are refused with an error that names it.  `{PLAIN}` in
front of a password in clear text is for tests.  Clear text without that mark is refused: a hash of an unknown kind
would be taken for a password, and then the hash itself would open the server.
"""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import TYPE_CHECKING

from lazr.smtptest.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Users"]

_PLAIN_PREFIX = "{PLAIN}"
_BCRYPT_PREFIXES = ("$2a$", "$2b$", "$2y$")
_BCRYPT_HASH_CHARACTERS = 60
# bcrypt reads no more.  htpasswd cuts longer passwords silently, but the library refuses them.
_MAX_PASSWORD_BYTES = 72


class Users:
    """User names with their password hashes.

    >>> Users.parse("ann:{PLAIN}correct horse").verify_password("ann", b"correct horse")
    True
    """

    def __init__(self, hashes: Mapping[str, str]) -> None:
        self._hashes = dict(hashes)
        bcrypt_hashes = [entry for entry in self._hashes.values() if not entry.startswith(_PLAIN_PREFIX)]
        # An unknown user takes as long as a known one, so that the time does not reveal names.
        self._dummy_hash = bcrypt_hashes[0] if bcrypt_hashes else _PLAIN_PREFIX + "\0"
        if bcrypt_hashes:
            _import_checkpw()

    @classmethod
    def read(cls, path: str | Path) -> Users:
        """Return the users of a file; the errors name the line, never its content.

        Raises:
            OSError: the file cannot be read.
            ValueError: a line cannot be used, or there is no user.
        """
        return cls.parse(Path(path).read_text("utf-8"), name=str(path))

    @classmethod
    def parse(cls, text: str, *, name: str = "the users") -> Users:
        """Return the users of lines `user:hash`.

        Empty lines and lines that begin with # are skipped.  `name` is what errors call the text.  Raises
        `ValueError` as `read` does.
        """
        hashes: dict[str, str] = {}
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            user, _, entry = line.strip().partition(":")
            where = f"{name}, line {number}"
            if not (user and entry):
                raise ValueError(f"{where}: a line must be user:hash, as `htpasswd -B` writes it")
            if user in hashes:
                raise ValueError(f"{where}: user {user!r} must be listed once; remove one of the lines")
            if not entry.startswith((_PLAIN_PREFIX, *_BCRYPT_PREFIXES)):
                raise ValueError(
                    f"{where}: a hash must be bcrypt, as `htpasswd -B` writes it, or {_PLAIN_PREFIX} and a password"
                )
            if entry.startswith(_BCRYPT_PREFIXES) and len(entry) != _BCRYPT_HASH_CHARACTERS:
                raise ValueError(
                    f"{where}: a bcrypt hash must have {_BCRYPT_HASH_CHARACTERS} characters, got {len(entry)}"
                )
            hashes[user] = entry
        if not hashes:
            raise ValueError(f"{name}: no users defined; add a line user:hash for each, with `htpasswd -B`")
        return cls(hashes)

    def __contains__(self, user: str) -> bool:
        return user in self._hashes

    def __repr__(self) -> str:
        return f"<Users: {', '.join(self._hashes)}>"

    def verify_password(self, user: str, password: bytes) -> bool:
        """Return whether this is the user's password; bcrypt is slow, so call it in a thread."""
        entry = self._hashes.get(user)
        return _is_password_of(self._dummy_hash if entry is None else entry, password) and entry is not None


def _is_password_of(hash: str, password: bytes) -> bool:
    if hash.startswith(_PLAIN_PREFIX):
        return hmac.compare_digest(hash.removeprefix(_PLAIN_PREFIX).encode(), password)
    try:
        return _import_checkpw()(password[:_MAX_PASSWORD_BYTES], hash.encode())
    except ValueError:  # a password with NUL, or a hash with invalid characters
        return False


def _import_checkpw() -> Callable[[bytes, bytes], bool]:
    try:
        from bcrypt import checkpw
    except ImportError as error:
        raise MissingExtra('hashed passwords need bcrypt: pip install "lazr.smtptest[passwords]"') from error
    return checkpw

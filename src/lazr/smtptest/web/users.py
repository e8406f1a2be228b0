"""Who may come in: names and hashes of passwords, as `htpasswd -B` writes them.

The hashes are bcrypt's, the one of htpasswd's that is still good; `htpasswd` without `-B` writes others, which are
refused with a line that says so.  For tests there is `{PLAIN}`.  A password in clear without that word is refused: it
would be the same as a hash that nobody recognised, and then the hash itself would open the door.
"""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import TYPE_CHECKING

from lazr.smtptest.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Users"]

_PLAIN = "{PLAIN}"
_BCRYPT = ("$2a$", "$2b$", "$2y$")
# bcrypt reads no further.  htpasswd cuts in silence, the library refuses; a password that htpasswd took has to work.
_READ = 72


class Users:
    """Names, each with what its password is compared to.

    >>> Users.parse("ann:{PLAIN}correct horse").check("ann", b"correct horse")
    True
    """

    def __init__(self, hashes: Mapping[str, str]) -> None:
        self._hashes = dict(hashes)
        hashed = [one for one in self._hashes.values() if not one.startswith(_PLAIN)]
        # Who is not there takes as long as who is, so that trying does not tell names.
        self._nobody = hashed[0] if hashed else _PLAIN + "\0"
        if hashed:
            _bcrypt()

    @classmethod
    def read(cls, path: str | Path) -> Users:
        """Those of a file; raises `OSError`, and `ValueError` with the number of the line, never with what is in it."""
        return cls.parse(Path(path).read_text("utf-8"), name=str(path))

    @classmethod
    def parse(cls, text: str, *, name: str = "the users") -> Users:
        """Those of the lines `user:hash`; empty lines, and those that begin with #, are passed over."""
        hashes: dict[str, str] = {}
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            user, colon, hashed = line.strip().partition(":")
            where = f"{name}, line {number}"
            if not (user and colon and hashed):
                raise ValueError(f"{where}: a user, a colon and a hash are needed")
            if user in hashes:
                raise ValueError(f"{where}: the user {user!r} is there twice")
            if not hashed.startswith((_PLAIN, *_BCRYPT)):
                raise ValueError(
                    f"{where}: a bcrypt hash is needed, which `htpasswd -B` makes; or {_PLAIN} and a password"
                )
            if hashed.startswith(_BCRYPT) and len(hashed) != 60:
                raise ValueError(f"{where}: a bcrypt hash has 60 characters")
            hashes[user] = hashed
        if not hashes:
            raise ValueError(f"{name}: there is nobody who could come in")
        return cls(hashes)

    def __contains__(self, user: str) -> bool:
        return user in self._hashes

    def __repr__(self) -> str:
        return f"<Users: {', '.join(self._hashes)}>"

    def check(self, user: str, password: bytes) -> bool:
        """Whether that is the user's password.  It takes as long as the hash is meant to: call it in a thread."""
        hashed = self._hashes.get(user)
        return _matches(self._nobody if hashed is None else hashed, password) and hashed is not None


def _matches(hash: str, password: bytes) -> bool:
    if hash.startswith(_PLAIN):
        return hmac.compare_digest(hash.removeprefix(_PLAIN).encode(), password)
    try:
        return _bcrypt()(password[:_READ], hash.encode())
    except ValueError:  # a NUL in it, or a hash that is only as long as one
        return False


def _bcrypt() -> Callable[[bytes, bytes], bool]:
    try:
        from bcrypt import checkpw
    except ImportError as error:
        raise MissingExtra('Passwords need bcrypt: pip install "lazr.smtptest[serve]"') from error
    return checkpw

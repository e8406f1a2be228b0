"""Who may come in, out of a file: a user and a password a line, with a colon between them."""

from pathlib import Path

from lazr.smtptest.cli.failure import Failure

__all__ = ["read_users"]


def read_users(path: Path) -> dict[str, str]:
    """The passwords by user; empty lines and those that begin with `#` say nothing.  Raises `Failure`."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise Failure(f"{path}: {error.strerror or error}", 2) from None
    except ValueError:
        raise Failure(f"{path}: this is not UTF-8", 2) from None
    users: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, password = line.partition(":")
        if not (name and colon and password):
            raise Failure(f"{path}, line {number}: there is to be a user, a colon and a password", 2)
        if name in users:
            raise Failure(f"{path}, line {number}: the user {name!r} was there before", 2)
        users[name] = password
    if not users:
        raise Failure(f"{path}: there is nobody in it", 2)
    return users

"""Read the users that may authenticate, from options and from the file of SMTP users."""

from collections.abc import Iterable
from pathlib import Path

from lazr.smtptest.cli.errors import CommandError

__all__ = ["parse_user", "read_users", "read_users_and_options"]

_USAGE_ERROR = 2
_BCRYPT_PREFIXES = ("$2a$", "$2b$", "$2y$")


def parse_user(text: str, option_name: str) -> tuple[str, str]:
    """Return the user name and the password of an option value.

    The error does not show the value.

    Raises:
        CommandError: If the value is not USER:PASSWORD.

    >>> parse_user("ann:s3cret:x", "--auth")
    ('ann', 's3cret:x')
    """
    name, _, password = text.partition(":")
    if not name or not password or not text.isprintable():
        raise CommandError(f"{option_name} must be USER:PASSWORD, got a value without both", _USAGE_ERROR)
    return name, password


def read_users(path: Path) -> dict[str, str]:
    """Return the passwords by user; empty lines and lines that begin with `#` are ignored.

    Raises:
        CommandError: If the file cannot be read, has an invalid line, or has no user.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}", _USAGE_ERROR) from None
    except ValueError:
        raise CommandError(f"{path}: the file must be UTF-8 text", _USAGE_ERROR) from None
    users: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, password = line.partition(":")
        if not (name and colon and password):
            raise CommandError(f"{path}, line {number}: a line must be user:password", _USAGE_ERROR)
        if password.startswith(_BCRYPT_PREFIXES):
            raise CommandError(
                f"{path}, line {number}: SMTP needs the password, because CRAM-MD5 and SCRAM use it; got a bcrypt hash",
                _USAGE_ERROR,
            )
        if name in users:
            raise CommandError(f"{path}, line {number}: duplicate user {name!r}; remove one of the lines", _USAGE_ERROR)
        users[name] = password
    if not users:
        raise CommandError(f"{path}: the file has no users; add user:password on a line", _USAGE_ERROR)
    return users


def read_users_and_options(path: Path | None, values: Iterable[str] | None, option_name: str) -> dict[str, str]:
    """Return the users of a file and of the values of an option; empty without both.

    Raises:
        CommandError: If the file or a value is invalid, or a user is given twice.
    """
    users = {} if path is None else read_users(path)
    for text in values or ():
        name, password = parse_user(text, option_name)
        if name in users:
            raise CommandError(f"{option_name}: user {name!r} is given twice; remove one", _USAGE_ERROR)
        users[name] = password
    return users

"""Parsers of option values: ports, sizes, ages and server addresses.

Each parser takes what typer passes: text, or the default value.  It raises `typer.BadParameter`, and typer prints the
message as a usage error.
"""

import re
from datetime import timedelta
from urllib.parse import urlsplit

import typer

from lazr.smtptest.cli.client.server_url import DEFAULT_SERVER_URL, ServerUrl, parse_server_url

__all__ = [
    "parse_age",
    "parse_port",
    "parse_public_url",
    "parse_relay",
    "parse_server",
    "parse_size",
    "parse_spamd",
    "parse_webroot",
]

_MAX_PORT = 65_535
_BYTES_PER_UNIT = {"K": 1024, "M": 1024**2, "G": 1024**3}
_SECONDS_PER_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DEFAULT_SMTP_PORT = parse_server_url(DEFAULT_SERVER_URL).port
_DEFAULT_RELAY_PORT = 25
_DEFAULT_SPAMD_PORT = 783


def parse_port(text: object) -> int:
    """Return the port number, 0 to 65535.

    Raises:
        typer.BadParameter: If the text is not such a number.
    """
    digits = str(text)
    if not digits.isascii() or not digits.isdecimal() or int(digits) > _MAX_PORT:
        raise typer.BadParameter(f"a port must be a number from 0 to {_MAX_PORT}, got {digits!r}; 0 is any free port.")
    return int(digits)


def parse_size(text: object) -> int:
    """Return the number of bytes; the units are K, M and G, each 1024 times the one before.

    Raises:
        typer.BadParameter: If the text is not a whole number above 0 with at most one unit.

    >>> parse_size("10M"), parse_size("2KB")
    (10485760, 2048)
    """
    number = str(text).upper().removesuffix("B")
    bytes_per_unit = _BYTES_PER_UNIT.get(number[-1:], 1)
    if bytes_per_unit > 1:
        number = number[:-1]
    if not number.isascii() or not number.isdecimal() or int(number) == 0:
        raise typer.BadParameter(f"a size must be a number of bytes > 0, such as 2048, 500K or 10M, got {str(text)!r}.")
    return int(number) * bytes_per_unit


def parse_age(text: object) -> timedelta:
    """Return the age; the units are s, m, h, d and w.

    Raises:
        typer.BadParameter: If the text is not a whole number above 0 with a unit.

    >>> parse_age("12h")
    datetime.timedelta(seconds=43200)
    """
    if isinstance(text, timedelta):
        return text
    match = re.fullmatch(r"([1-9][0-9]{0,8})([smhdw])", str(text).lower())
    if match is None:
        raise typer.BadParameter(
            f"an age must be a number and a unit (s, m, h, d or w), such as 12h or 7d, got {str(text)!r}."
        )
    return timedelta(seconds=int(match[1]) * _SECONDS_PER_UNIT[match[2]])


def parse_server(text: object) -> ServerUrl:
    """Return the address of a test server; its default port is 1025.

    Raises:
        typer.BadParameter: If the text is not an address of an SMTP server.
    """
    return _parse_server_url(text, _DEFAULT_SMTP_PORT)


def parse_relay(text: object) -> ServerUrl:
    """Return the address of a relay; its default port is 25, and 465 with `smtps://`.

    Raises:
        typer.BadParameter: If the text is not an address of an SMTP server.
    """
    return _parse_server_url(text, _DEFAULT_RELAY_PORT)


def parse_spamd(text: object) -> ServerUrl:
    """Return the address of SpamAssassin's spamd; its default port is 783.

    Raises:
        typer.BadParameter: If the text is not HOST or HOST:PORT.
    """
    if isinstance(text, str) and ("://" in text or "@" in text):
        raise typer.BadParameter(f"spamd must be HOST or HOST:PORT, got {text!r}.")
    return _parse_server_url(text, _DEFAULT_SPAMD_PORT)


def parse_webroot(text: object) -> str:
    """Return the path that all URLs of the web server begin with.

    It is "/", or "/path" without a slash at the end.

    Raises:
        typer.BadParameter: If the text is not a path of plain characters.

    >>> parse_webroot("mail/"), parse_webroot("/"), parse_webroot("/a/b")
    ('/mail', '/', '/a/b')
    """
    path = "/" + str(text).strip("/")
    if not re.fullmatch(r"/|(/[A-Za-z0-9_.~-]+)+", path) or "." in path.split("/") or ".." in path.split("/"):
        raise typer.BadParameter(f"a webroot must be a path of letters, digits and -._~, such as /mail, got {text!r}.")
    return path


def parse_public_url(text: object) -> str:
    """Return the URL of the web server as other machines reach it, without a slash at the end.

    Raises:
        typer.BadParameter: If the text is not such a URL.

    >>> parse_public_url("https://mail.example.com/inbox/")
    'https://mail.example.com/inbox'
    """
    url = str(text)
    try:
        parts = urlsplit(url)
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid or not re.fullmatch(r"[!-~]+", url) or set(url) & set('?#@\\"<>'):
        raise typer.BadParameter(
            f"a public URL must be http://HOST or https://HOST, perhaps with a port and a path, got {url!r}."
        )
    return url.rstrip("/")


def _parse_server_url(text: object, default_port: int) -> ServerUrl:
    try:
        return text if isinstance(text, ServerUrl) else parse_server_url(str(text), port=default_port)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.") from None

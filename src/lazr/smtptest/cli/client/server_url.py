"""Parse the address of an SMTP server: `host:port`, or a URL with credentials."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from lazr.smtptest._util.host_port import format_host_port

__all__ = ["DEFAULT_SERVER_URL", "ServerUrl", "parse_server_url"]

DEFAULT_SERVER_URL = "127.0.0.1:1025"

_DEFAULT_PORTS = {"smtp": 1025, "smtps": 465}


class ServerUrl(NamedTuple):
    """An SMTP server and the credentials for it; `user` None is no AUTH."""

    host: str
    port: int
    implicit_tls: bool = False
    user: str | None = None
    password: str = ""

    def __str__(self) -> str:
        return format_host_port(self.host, self.port)


def parse_server_url(text: str, *, port: int = _DEFAULT_PORTS["smtp"]) -> ServerUrl:
    """Return the server that the text names.

    Args:
        text: `host`, `host:port`, or a URL with the scheme smtp or smtps.
        port: The default port for the scheme smtp; with smtps it is 465.

    Raises:
        ValueError: If the text is not such an address.

    >>> parse_server_url("localhost"), parse_server_url("smtps://ann:p%40ss@[::1]:4650")
    (ServerUrl(host='localhost', port=1025, implicit_tls=False, user=None, password=''),
     ServerUrl(host='::1', port=4650, implicit_tls=True, user='ann', password='p@ss'))
    """
    url = urlsplit(text if "://" in text else f"smtp://{text}")
    try:
        host, explicit_port = url.hostname, url.port
    except ValueError:
        host = explicit_port = None
    if not host or url.scheme not in _DEFAULT_PORTS or url.path.strip("/") or url.query or url.fragment:
        raise ValueError(f"a server must be host:port, smtp://host:port or smtps://host:port, got {text!r}")
    return ServerUrl(
        host,
        (_DEFAULT_PORTS | {"smtp": port})[url.scheme] if explicit_port is None else explicit_port,
        url.scheme == "smtps",
        None if url.username is None else unquote(url.username),
        unquote(url.password or ""),
    )

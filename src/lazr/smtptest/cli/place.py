"""Which SMTP server to talk to: `host:port`, or `smtp://` and `smtps://` with a user and a password."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote, urlsplit

__all__ = ["DEFAULT", "Place", "place_of"]

DEFAULT = "127.0.0.1:1025"

_PORTS = {"smtp": 1025, "smtps": 465}


class Place(NamedTuple):
    """A server, and how to come in; `user` None is no AUTH."""

    host: str
    port: int
    implicit_tls: bool = False
    user: str | None = None
    password: str = ""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def place_of(text: str, *, port: int = _PORTS["smtp"]) -> Place:
    """Read it; raises `ValueError`.  `port` is that of a server of smtp, where none is said.

    >>> place_of("localhost"), place_of("smtps://ann:p%40ss@[::1]:4650")
    (Place(host='localhost', port=1025, implicit_tls=False, user=None, password=''),
     Place(host='::1', port=4650, implicit_tls=True, user='ann', password='p@ss'))
    """
    url = urlsplit(text if "://" in text else f"smtp://{text}")
    try:
        host, said = url.hostname, url.port
    except ValueError:
        host = said = None
    if not host or url.scheme not in _PORTS or url.path.strip("/") or url.query or url.fragment:
        raise ValueError(f"{text!r} is no server; one is host:port, or smtp://host:port, or smtps://host:port")
    return Place(
        host,
        (_PORTS | {"smtp": port})[url.scheme] if said is None else said,
        url.scheme == "smtps",
        None if url.username is None else unquote(url.username),
        unquote(url.password or ""),
    )

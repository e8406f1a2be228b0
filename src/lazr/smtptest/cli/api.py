"""A running server's REST API, as a client: ours, or Mailpit's."""

from __future__ import annotations

import base64
import http.client
import json
import socket
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, unquote, urlencode, urlsplit

from lazr.smtptest.cli.failure import Failure
from lazr.smtptest.cli.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["DEFAULT", "Api", "ApiError"]

DEFAULT = "http://127.0.0.1:8025"

_SECONDS = 60
_PAGE = 500
_KINDS: Mapping[str, type[http.client.HTTPConnection]] = {
    "http": http.client.HTTPConnection,
    "https": http.client.HTTPSConnection,
}


class ApiError(Failure):
    """The server says no; `code` is HTTP's status, `body` what it said."""

    def __init__(self, said: str, code: int, body: bytes) -> None:
        super().__init__(said)
        self.code = code
        self.body = body


class Api:
    """One connection, which is kept; no proxy of the environment's is asked.

    `url` may have a user and a password in it, `token` is sent as `Authorization: Bearer`.  Raises `ValueError` for a
    URL that is none.  (http.client, because importing it takes a fifth of the time that importing httpx does, and a
    command is done in less than either.)
    """

    def __init__(self, url: str = DEFAULT, token: str | None = None) -> None:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in _KINDS or not parts.hostname or parts.query or parts.fragment or port == -1:
            raise ValueError(f"{url!r} is no API; one is http://host:port")
        self._base = parts.path.rstrip("/")
        self.url: str = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{self._base}"
        self._connection = _KINDS[parts.scheme](parts.hostname, port, timeout=_SECONDS)
        self._headers = {"Accept": "application/json, */*"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        elif parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            self._headers["Authorization"] = f"Basic {base64.b64encode(pair).decode('ascii')}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    # -- requests ----------------------------------------------------------------------------

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, object] | None = None,
        patience: float = _SECONDS,
    ) -> bytes:
        """The body of the answer.  Raises `ApiError` for a status that is an error, `Failure` where nobody answers."""
        target = f"{self._base}{path}" + (f"?{urlencode(query)}" if query else "")
        octets = None if body is None else json.dumps(body).encode()
        headers = self._headers | ({} if octets is None else {"Content-Type": "application/json"})
        self._connection.timeout = patience
        if self._connection.sock is not None:
            self._connection.sock.settimeout(patience)
        for fresh in (self._connection.sock is None, True):
            try:
                self._connection.request(method, target, octets, headers)
                answer = self._connection.getresponse()
                said = answer.read()
                break
            except (http.client.HTTPException, OSError) as error:
                self._connection.close()
                # A connection that was kept may have been closed meanwhile; what changes nothing is asked again.
                if fresh or method != "GET" or isinstance(error, TimeoutError):
                    raise Failure(f"{self.url}: {_why(error)}") from None
        if answer.status >= 300:
            words = visible(said[:500].decode("utf-8", "replace").strip(), keep_lines=False)
            raise ApiError(f"{self.url}: {words or answer.reason} ({answer.status})", answer.status, said)
        return said

    def json(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, object] | None = None,
        patience: float = _SECONDS,
    ) -> Any:
        """The same, as JSON."""
        said = self.ask(method, path, body, query=query, patience=patience)
        try:
            return json.loads(said)
        except ValueError:
            raise Failure(f"{self.url}: this is no Mailpit API; {path} is no JSON") from None

    # -- mails -------------------------------------------------------------------------------

    def page(self, query: str = "", *, start: int = 0, limit: int = 50) -> dict[str, Any]:
        """Some mails, newest first, with how many there are."""
        path = "/api/v1/search" if query.strip() else "/api/v1/messages"
        more = {"query": query} if query.strip() else {}
        found = self.json("GET", path, query={**more, "start": start, "limit": limit})
        if not isinstance(found, dict) or not isinstance(found.get("messages"), list):
            raise Failure(f"{self.url}: this is no Mailpit API; {path} has no messages")
        return found

    def all(self, query: str = "") -> Iterator[dict[str, Any]]:
        """All of them, newest first; those that come meanwhile are not among them, and none comes twice."""
        seen: set[str] = set()
        start = 0
        while True:
            page = self.page(query, start=start, limit=_PAGE)["messages"]
            for one in page:
                if one["ID"] not in seen:
                    seen.add(one["ID"])
                    yield one
            start += len(page)
            if len(page) < _PAGE:
                return

    def message(self, id: str, query: str = "") -> dict[str, Any]:
        """A mail, read by the server, which marks it as read; `latest` is the newest that the query finds."""
        found: dict[str, Any] = self.json("GET", _path(id), query={"query": query} if query else None)
        return found

    def raw(self, id: str) -> bytes:
        """Its octets."""
        return self.ask("GET", _path(id, "raw"))

    def part(self, id: str, number: str) -> bytes:
        """A part's octets, decoded."""
        return self.ask("GET", _path(id, "part", number))


def _path(id: str, *more: str) -> str:
    return "/".join(("/api/v1/message", *(quote(part, safe="") for part in (id, *more))))


def _why(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there; `smtptest serve` would, and --api says where it is"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, socket.gaierror):
        return str(error.strerror)
    if isinstance(error, OSError):
        return str(error.strerror or error)
    return f"this is no HTTP ({type(error).__name__})"

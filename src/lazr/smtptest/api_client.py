"""Client of the REST API of a running server: `smtptest serve`, or Mailpit."""

from __future__ import annotations

import base64
import contextlib
import http
import http.client
import json
import re
import socket
import ssl
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, unquote, urlencode, urlsplit

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest.errors import SmtptestError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["DEFAULT_API_URL", "ApiClient", "ApiError", "ApiUnavailable"]

DEFAULT_API_URL = "http://127.0.0.1:8025"

_TIMEOUT_SECONDS = 60
_MAIL_PAGE_PATH, _MAILPIT_MAIL_PAGE_PATH = "/mail/", "/view/"
_PAGE_SIZE = 500
_TOKEN_PATTERN = re.compile("[!-~]+")
_MAX_SHOWN_BODY_BYTES = 500
_CONNECTION_CLASSES: Mapping[str, type[http.client.HTTPConnection]] = {
    "http": http.client.HTTPConnection,
    "https": http.client.HTTPSConnection,
}


class ApiUnavailable(SmtptestError):
    """The server did not answer, or not as the REST API does."""


class ApiError(ApiUnavailable):
    """The server answered with an error; `http_status` and `body` are those of the response."""

    def __init__(self, message: str, code: int, body: bytes) -> None:
        super().__init__(message)
        self.http_status = code
        self.body = body

    def parse_body(self) -> dict[str, Any]:
        """Return the body as a JSON object; an empty one if it is something else."""
        with contextlib.suppress(ValueError):
            content = json.loads(self.body)
            if isinstance(content, dict):
                return content
        return {}


class ApiClient:
    """REST client with one persistent connection; proxies of the environment are ignored.

    It uses http.client, whose import takes a fifth of the time of httpx; a command runs for less time than either.

    Args:
        url: The URL of the API; a user and a password in it are sent as basic authentication.
        token: Sent as `Authorization: Bearer`; it comes before a user in the URL.
        option: The option that sets the URL, for the texts of errors.

    Attributes:
        url: The URL of the API, without a user and a password.
        is_mailpit: Whether the server is Mailpit; None before the first response that shows it.

    Raises:
        ValueError: If the URL or the token is invalid.
    """

    def __init__(self, url: str = DEFAULT_API_URL, token: str | None = None, *, option: str = "--api") -> None:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in _CONNECTION_CLASSES or not parts.hostname or parts.query or parts.fragment or port == -1:
            raise ValueError(
                f"the URL of the API must be http://host:port or https://host:port, got {_hide_password(url)!r}"
            )
        if token and not _TOKEN_PATTERN.fullmatch(token):
            # Without the token, which is a secret.
            raise ValueError(
                "the token must be printable ASCII characters, without spaces and line ends;"
                " check --token and SMTPTEST_TOKEN"
            )
        self.is_mailpit: bool | None = None
        self._option = option
        self._has_token = bool(token)
        self._base_path = parts.path.rstrip("/")
        self.url: str = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{self._base_path}"
        self._connection = _CONNECTION_CLASSES[parts.scheme](parts.hostname, port, timeout=_TIMEOUT_SECONDS)
        self._headers = {"Accept": "application/json, */*"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        elif parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            self._headers["Authorization"] = f"Basic {base64.b64encode(pair).decode('ascii')}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._connection.close()

    def abort(self) -> None:
        """End a request that another thread waits for; it raises `ApiUnavailable` there."""
        connected = self._connection.sock
        if connected is not None:
            with contextlib.suppress(OSError):  # it is closed already
                connected.shutdown(socket.SHUT_RDWR)

    # -- requests ----------------------------------------------------------------------------

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, object] | None = None,
        timeout: float = _TIMEOUT_SECONDS,
        max_bytes: int | None = None,
    ) -> bytes:
        """Send a request, and return the body of the response.

        Args:
            method: The HTTP method.
            path: The path below the URL of the API.
            body: A value to send as JSON; None is no body.
            query: The parameters of the query string.
            timeout: Seconds to wait for the response.
            max_bytes: How much of the body to read, at most; None, the default, reads all.

        Raises:
            ApiError: If the status is an error.
            ApiUnavailable: If the server does not answer.
        """
        target = f"{self._base_path}{path}" + (f"?{urlencode(query)}" if query else "")
        content = None if body is None else json.dumps(body).encode()
        headers = self._headers | ({} if content is None else {"Content-Type": "application/json"})
        self._connection.timeout = timeout
        if self._connection.sock is not None:
            self._connection.sock.settimeout(timeout)
        for fresh in (self._connection.sock is None, True):
            try:
                self._connection.request(method, target, content, headers)
                response = self._connection.getresponse()
                response_body = response.read(max_bytes)
                if not response.isclosed():  # the rest of the body would be in the way of the next response
                    self._connection.close()
                break
            except (http.client.HTTPException, OSError) as error:
                self._connection.close()
                # The server may have closed an idle connection; a GET changes nothing, so it is sent again.
                if fresh or method != "GET" or isinstance(error, TimeoutError):
                    raise ApiUnavailable(f"{self.url}: {_describe_error(error, self._option)}") from None
        if response.status >= 300:
            text = escape_unprintable(response_body[:_MAX_SHOWN_BODY_BYTES].decode("utf-8", "replace").strip())
            message = f"{self.url}: {text or response.reason} ({response.status})"
            if response.status == http.HTTPStatus.UNAUTHORIZED:
                scheme, _, rest = self.url.partition("://")
                token_hint = "--token TOKEN, or with " if self._option == "--api" else ""
                message += f"; log in with {token_hint}{self._option} {scheme}://USER:PASSWORD@{rest}"
            elif response.status == http.HTTPStatus.FORBIDDEN and self._has_token:
                message += f"; leave out --token, or log in with {self._option} as a user"
            raise ApiError(message, response.status, response_body)
        return response_body

    def request_json(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, object] | None = None,
        timeout: float = _TIMEOUT_SECONDS,
    ) -> Any:
        """Send a request as `request` does, and return the JSON value of the response."""
        response_body = self.request(method, path, body, query=query, timeout=timeout)
        try:
            return json.loads(response_body)
        except ValueError:
            raise self._build_wrong_server_error(path, "JSON") from None

    def _build_wrong_server_error(self, path: str, expected: str) -> ApiUnavailable:
        hint = f"check that {self._option} is the URL of `smtptest serve` or Mailpit"
        return ApiUnavailable(f"{self.url}: {path} must answer with {expected}; {hint}")

    # -- pages -------------------------------------------------------------------------------

    def build_mail_url(self, id: str) -> str:
        """Return the URL of the page that shows a mail.

        >>> ApiClient("http://ann:secret@127.0.0.1:8025/mail/").build_mail_url("3xLkqA")
        'http://127.0.0.1:8025/mail/mail/3xLkqA'
        """
        path = _MAILPIT_MAIL_PAGE_PATH if self.is_mailpit else _MAIL_PAGE_PATH
        return f"{self.url}{path}{quote(id, safe='')}"

    def build_search_url(self, query: str = "") -> str:
        """Return the URL of the page that lists the mails a search finds; all mails by default.

        >>> ApiClient().build_search_url("to:ann@example.com is:unread")
        'http://127.0.0.1:8025/search?q=to%3Aann%40example.com%20is%3Aunread'
        """
        return f"{self.url}/search?q={quote(query, safe='')}" if query.strip() else f"{self.url}/"

    def build_sessions_url(self) -> str | None:
        """Return the URL of the page of SMTP sessions; None for Mailpit, and with a token."""
        return None if self.is_mailpit or self._has_token else f"{self.url}/sessions"

    # -- mails -------------------------------------------------------------------------------

    def fetch_page(self, query: str = "", *, start: int = 0, limit: int = 50) -> dict[str, Any]:
        """Return a page of at most `limit` mail summaries, newest first, with the total."""
        path = "/api/v1/search" if query.strip() else "/api/v1/messages"
        more = {"query": query} if query.strip() else {}
        found = self.request_json("GET", path, query={**more, "start": start, "limit": limit})
        if not isinstance(found, dict) or not isinstance(found.get("messages"), list):
            raise self._build_wrong_server_error(path, "messages")
        self.is_mailpit = "pending" not in found
        return found

    def iterate_messages(self, query: str = "") -> Iterator[dict[str, Any]]:
        """Yield the summary of each mail once, newest first, without mails that arrive later."""
        seen: set[str] = set()
        start = 0
        while True:
            page = self.fetch_page(query, start=start, limit=_PAGE_SIZE)["messages"]
            for one in page:
                if one["ID"] not in seen:
                    seen.add(one["ID"])
                    yield one
            start += len(page)
            if len(page) < _PAGE_SIZE:
                return

    def fetch_message(self, id: str, query: str = "") -> dict[str, Any]:
        """Return a mail as parsed by the server, and mark it as read.

        The ID `latest` stands for the newest mail that `query` finds.

        Raises:
            ApiError: If there is no such mail.
        """
        try:
            message: dict[str, Any] = self.request_json(
                "GET", _build_message_path(id), query={"query": query} if query else None
            )
        except ApiError as error:
            if error.http_status != http.HTTPStatus.NOT_FOUND:
                raise
            matching = f" that matches {query!r}" if query else ""
            message_text = f"{self.url}: no mail {id!r}{matching} (404); `smtptest ls` lists the mails"
            raise ApiError(escape_unprintable(message_text), error.http_status, error.body) from None
        self.is_mailpit = "Read" not in message
        return message

    def fetch_raw(self, id: str) -> bytes:
        """Return the content of a mail, byte for byte."""
        return self.request("GET", _build_message_path(id, "raw"))

    def fetch_reverse_path(self, id: str) -> str | None:
        """Return the reverse-path of a mail, "" for the null one; None if it is unknown.

        Mailpit does not tell it, but writes a Return-Path into the content.
        """
        try:
            envelope = self.fetch_envelope(id)
        except ApiError as error:
            if error.http_status != http.HTTPStatus.NOT_FOUND:
                raise
            return None
        sender = envelope.get("From")
        return sender if isinstance(sender, str) else None

    def fetch_envelope(self, id: str) -> dict[str, Any]:
        """Return the sender and the recipients by the SMTP commands; Mailpit has no such route.

        Raises:
            ApiError: If there is no such mail.
        """
        path = _build_message_path(id, "envelope")
        envelope = self.request_json("GET", path)
        if not isinstance(envelope, dict):
            raise self._build_wrong_server_error(path, "an envelope")
        return envelope

    def fetch_part(self, id: str, number: str) -> bytes:
        """Return the decoded content of a part."""
        return self.request("GET", _build_message_path(id, "part", number))


def _build_message_path(id: str, *segments: str) -> str:
    return "/".join(("/api/v1/message", *(quote(part, safe="") for part in (id, *segments))))


def _hide_password(url: str) -> str:
    """Return the URL without the user and the password that it may have."""
    scheme, separator, rest = url.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def _describe_error(error: Exception, option: str) -> str:
    if isinstance(error, ConnectionRefusedError):
        return f"connection refused; start a server with `smtptest serve`, or set its URL with {option}"
    if isinstance(error, TimeoutError):
        return "no response in time"
    if isinstance(error, socket.gaierror):
        return str(error.strerror)
    if isinstance(error, ssl.SSLCertVerificationError):
        hint = "set SSL_CERT_FILE to the CA file of the server, which `smtptest serve` prints"
        return f"the certificate is not trusted ({error.verify_message}); {hint}"
    if isinstance(error, OSError):
        return str(error.strerror or error)
    return f"the server does not speak HTTP ({type(error).__name__}); check {option}"

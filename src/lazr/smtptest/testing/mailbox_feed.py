"""Read the mails of one mailbox of a running server, and notice new ones without polling."""

from __future__ import annotations

import threading

from lazr.smtptest.api_client import ApiClient, ApiError, ApiUnavailable
from lazr.smtptest.mail import Envelope, Mail
from lazr.smtptest.protocol.smtp import Credentials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Any

__all__ = ["MailboxFeed"]

_PAGE_SIZE = 100
_WAIT_SECONDS = 20.0
_RETRY_SECONDS = 0.5
# `GET /api/v1/wait` waits for at most so many mails.
_MAX_WAIT_COUNT = 1_000
_POLL_SECONDS = 0.25
_JOIN_SECONDS = 0.05
_NOT_FOUND = 404


class MailboxFeed:
    """The mails of one mailbox, and a thread that waits for new ones with `GET /api/v1/wait`.

    Args:
        url: the URL of the server's REST API.
        token: the token of the mailbox.
        on_change: called in the thread when the mailbox may have new mails.
    """

    def __init__(self, url: str, token: str, on_change: Callable[[], None]) -> None:
        self._reader = ApiClient(url, token)  # for the threads of the test
        self._waiter = ApiClient(url, token)  # for the thread of this feed
        self._on_change = on_change
        self._count = 0  # of the mails in the mailbox, as of the last listing
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="smtptest mailbox", daemon=True)
        self._thread.start()

    def list_new(self, known_ids: Collection[str]) -> list[dict[str, Any]]:
        """Return the summaries of the mails with other IDs, the newest first.

        Raises:
            ApiUnavailable: if the server does not answer, or with an error.
        """
        found: dict[str, dict[str, Any]] = {}  # by ID: a mail that arrives meanwhile moves others to the next page
        start = 0
        while True:
            page = self._reader.fetch_page(start=start, limit=_PAGE_SIZE)
            new = {mail["ID"]: mail for mail in page["messages"] if mail["ID"] not in known_ids}
            found |= new
            self._count = page["total"]
            if len(new) < _PAGE_SIZE:
                return list(found.values())
            start += _PAGE_SIZE

    def fetch(self, id: str, received_at: float) -> Mail | None:
        """Return a mail, or None if it has been deleted meanwhile.

        Raises:
            ApiUnavailable: if the server does not answer, or with another error.
        """
        try:
            content, envelope = self._reader.fetch_raw(id), self._reader.fetch_envelope(id)
        except ApiError as error:
            if error.http_status == _NOT_FOUND:
                return None
            raise
        return Mail(id, _build_envelope(envelope), [content], received_at=received_at)

    def stop(self) -> None:
        """End the thread, also if it waits for a response."""
        self._is_stopping.set()
        while self._thread.is_alive():
            self._waiter.abort()  # repeated, because the thread may be about to send its request
            self._thread.join(_JOIN_SECONDS)
        self._waiter.close()
        self._reader.close()

    def _run(self) -> None:
        while not self._is_stopping.is_set():
            try:
                self._wait_for_change()
                if not self._is_stopping.is_set():
                    self._on_change()
            except ApiUnavailable:  # the test gets the error when it reads the inbox
                self._is_stopping.wait(_RETRY_SECONDS)

    def _wait_for_change(self) -> None:
        if self._count >= _MAX_WAIT_COUNT:
            self._is_stopping.wait(_POLL_SECONDS)
            return
        query = {"count": self._count + 1, "timeout": _WAIT_SECONDS, "limit": 1}
        try:
            self._waiter.request("GET", "/api/v1/wait", query=query, timeout=2 * _WAIT_SECONDS)
        except ApiError as error:
            if error.http_status != _NOT_FOUND:  # 404: no mail arrived within the time of one request
                raise


def _build_envelope(envelope: dict[str, Any]) -> Envelope:
    """Return the envelope that the API describes; its TLS parameters are unknown."""
    return Envelope(
        envelope["From"],
        tuple(envelope["To"]),
        mail_parameters=envelope["FromParameters"],
        rcpt_parameters=tuple(envelope["ToParameters"]),
        helo=envelope["Helo"],
        peer=envelope["Peer"],
        auth=Credentials("", envelope["User"]) if envelope["User"] else None,
    )

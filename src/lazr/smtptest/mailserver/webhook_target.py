"""Deliver notifications to a webhook: POST a JSON document that describes each."""

from __future__ import annotations

import base64
import email
import http.client
import json

from lazr.smtptest._util.host_port import format_host_port
from lazr.smtptest.mailserver.delivery_error import DeliveryError
from lazr.smtptest.mailserver.open_socket import DELIVERY_TIMEOUT_SECONDS, OpenSocket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from lazr.smtptest.bounces import Notification
    from lazr.smtptest.mail import Mail
    from lazr.smtptest.mailserver.allowed_networks import AllowedNetworks

__all__ = ["WebhookTarget", "build_document"]

_SCHEMA_VERSION = 1

# The part of a response that is read; only its status matters.
_MAX_RESPONSE_BYTES = 64 * 1024


class WebhookTarget:
    """A URL that gets each notification by POST; redirects are not followed.

    Args:
        host: The IP address or the name of the server.
        port: Its port.
        path: The path, and the query if there is one.
        networks: The networks that connections may go to.
        is_secure: Whether the scheme is https; the certificate must then be valid.

    Raises:
        ValueError: If the host is an address that is not allowed.
    """

    def __init__(self, host: str, port: int, path: str, networks: AllowedNetworks, *, is_secure: bool) -> None:
        networks.check_host(host)
        self._host = host
        self._port = port
        self._path = path
        self._networks = networks
        self._is_secure = is_secure
        self._socket = OpenSocket()
        self.url: Final = f"{'https' if is_secure else 'http'}://{format_host_port(host, port)}{path}"

    def deliver(self, notification: Notification, mail: Mail) -> str:
        """Send the document of a notification; return the status of the response.

        Raises:
            http.client.HTTPException: If the response is malformed.
            OSError: If there is no connection, or the status is not 2xx.
        """
        body = json.dumps(build_document(notification, mail), ensure_ascii=False).encode("utf-8", "replace")
        connected = self._networks.connect(self._host, self._port, DELIVERY_TIMEOUT_SECONDS)
        with self._socket.hold(connected):
            if self._is_secure:
                import ssl

                connected = ssl.create_default_context().wrap_socket(
                    connected, server_hostname=self._host, do_handshake_on_connect=False
                )
                self._socket.replace(connected)  # the other one has lost its file descriptor
                connected.do_handshake()
            connection = http.client.HTTPConnection(self._host, self._port, timeout=DELIVERY_TIMEOUT_SECONDS)
            connection.sock = connected
            connection.request(
                "POST",
                self._path,
                body,
                {"Content-Type": "application/json", "User-Agent": "lazr.smtptest", "Connection": "close"},
            )
            response = connection.getresponse()
            response.read(_MAX_RESPONSE_BYTES)
            if not 200 <= response.status < 300:
                hint = "; redirects are not followed" if 300 <= response.status < 400 else ""
                raise DeliveryError(f"the answer was {response.status}, and must be 2xx{hint}")
            return f"{response.status} {response.reason}".strip()

    def abort(self) -> None:
        """End a delivery in another thread, and let later ones fail, until `reset`."""
        self._socket.abort()

    def reset(self) -> None:
        """Allow deliveries again."""
        self._socket.reset()

    def __repr__(self) -> str:
        return f"<WebhookTarget {self.url}>"


def build_document(notification: Notification, mail: Mail) -> dict[str, Any]:
    """Return what a webhook gets, as a value for JSON; `docs/how-to/bounces.md` describes it."""
    return {
        "schema": _SCHEMA_VERSION,
        "kind": notification.kind,
        "status": notification.status,
        "diagnostic": _read_diagnostic(notification.content),
        "recipients": list(notification.about),
        "sender": mail.envelope.mail_from,
        "mail_id": mail.id or None,
        "message_id": notification.original_id,
        "envelope_id": mail.envelope.envid or None,
        "notification": {
            "sender": notification.sender,
            "recipient": notification.recipient,
            "content_base64": base64.b64encode(notification.content).decode("ascii"),
        },
    }


def _read_diagnostic(content: bytes) -> str | None:
    """Return the first Diagnostic-Code (RFC 3464 2.3.6); None if there is none."""
    for part in email.message_from_bytes(content).walk():
        value = part.get("Diagnostic-Code")
        if value is not None:
            return " ".join(str(value).split())
    return None

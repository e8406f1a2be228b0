"""Deliver notifications to an SMTP server, such as that of the application."""

from __future__ import annotations

from lazr.smtptest import smtp_client
from lazr.smtptest._util.host_port import format_host_port
from lazr.smtptest.mailserver.open_socket import DELIVERY_TIMEOUT_SECONDS, OpenSocket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from lazr.smtptest.bounces import Notification
    from lazr.smtptest.mail import Mail
    from lazr.smtptest.mailserver.allowed_networks import AllowedNetworks

__all__ = ["SmtpTarget"]


class SmtpTarget:
    """An SMTP server, which gets notifications in sessions of their own.

    Args:
        host: The IP address or the name of the server.
        port: Its port.
        networks: The networks that connections may go to.

    Raises:
        ValueError: If the host is an address that is not allowed.
    """

    def __init__(self, host: str, port: int, networks: AllowedNetworks) -> None:
        networks.check_host(host)
        self._host = host
        self._port = port
        self._networks = networks
        self._socket = OpenSocket()
        self.url: Final = f"smtp://{format_host_port(host, port)}"

    def deliver(self, notification: Notification, mail: Mail) -> str:
        """Send a notification with its own envelope; return the reply to the content.

        Raises:
            smtplib.SMTPException: If the server refuses it.
            OSError: If there is no connection.
        """
        connected = self._networks.connect(self._host, self._port, DELIVERY_TIMEOUT_SECONDS)
        with (
            self._socket.hold(connected),
            smtp_client.connect(
                self._host, self._port, timeout=DELIVERY_TIMEOUT_SECONDS, connected=connected
            ) as client,
        ):
            reply, _ = smtp_client.deliver(client, notification.sender, [notification.recipient], notification.content)
        return reply

    def abort(self) -> None:
        """End a delivery in another thread, and let later ones fail, until `reset`."""
        self._socket.abort()

    def reset(self) -> None:
        """Allow deliveries again."""
        self._socket.reset()

    def __repr__(self) -> str:
        return f"<SmtpTarget {self.url}>"

"""Where notifications go: to the application's own SMTP server, or to a webhook.

`parse_target` reads `MailServer(bounces_to=…)`.  A target delivers one notification at a time, in a thread that may
block.  Another thread can abort it.
"""

from __future__ import annotations

from lazr.smtptest.mailserver.smtp_target import SmtpTarget

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from lazr.smtptest.bounces import Notification
    from lazr.smtptest.mail import Mail
    from lazr.smtptest.mailserver.allowed_networks import AllowedNetworks

    class NotificationTarget(Protocol):
        """What delivers notifications outside of the server."""

        @property
        def url(self) -> str:
            """Where they go, for people."""

        def deliver(self, notification: Notification, mail: Mail) -> str:
            """Deliver a notification about a mail; return the reply."""

        def abort(self) -> None:
            """End a delivery in another thread as soon as possible, and let later ones fail."""

        def reset(self) -> None:
            """Allow deliveries again."""


__all__ = ["parse_target"]

_SMTP_PORT = 25
_HTTP_PORTS = {"http": 80, "https": 443}
_FORMS = '("127.0.0.1", 2525), "smtp://127.0.0.1:2525" or "http://127.0.0.1:8000/bounces"'


def parse_target(value: object, networks: AllowedNetworks) -> NotificationTarget | None:
    """Return the target that a value of `bounces_to` describes; None for the inbox.

    Args:
        value: None, a tuple of host and port, or a URL of `smtp`, `http` or `https`.
        networks: The networks that connections may go to.

    Raises:
        TypeError: If the value has another type.
        ValueError: If the URL is wrong, or its address is not allowed.

    >>> from lazr.smtptest.mailserver.allowed_networks import AllowedNetworks
    >>> parse_target(("127.0.0.1", 2525), AllowedNetworks())
    <SmtpTarget smtp://127.0.0.1:2525>
    """
    if value is None:
        return None
    if isinstance(value, tuple):
        if len(value) != 2 or not isinstance(value[0], str) or not _is_port(value[1]):
            raise TypeError(f"bounces_to must be {_FORMS}, got {value!r}")
        return SmtpTarget(value[0], value[1], networks)
    if not isinstance(value, str):
        raise TypeError(f"bounces_to must be {_FORMS}, got {value!r}")
    return _parse_url(value, networks)


def _is_port(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536


def _parse_url(url: str, networks: AllowedNetworks) -> NotificationTarget:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"bounces_to must be {_FORMS}, got {url!r}: {error}") from None
    if parts.scheme not in ("smtp", *_HTTP_PORTS) or not parts.hostname:
        raise ValueError(f"bounces_to must be {_FORMS}, got {url!r}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("bounces_to must have no user name and no password in its URL; leave them out")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"bounces_to must be a URL of visible ASCII characters, got {url!r}")
    if port == 0:
        raise ValueError(f"bounces_to must have a port of 1-65535, got {url!r}")
    if parts.scheme == "smtp":
        if parts.path.strip("/") or parts.query:
            raise ValueError(f'bounces_to must be as "smtp://127.0.0.1:2525", without a path, got {url!r}')
        return SmtpTarget(parts.hostname, port or _SMTP_PORT, networks)
    from lazr.smtptest.mailserver.webhook_target import WebhookTarget  # few servers have a webhook

    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.hostname
    return WebhookTarget(host, port or _HTTP_PORTS[parts.scheme], path, networks, is_secure=parts.scheme == "https")

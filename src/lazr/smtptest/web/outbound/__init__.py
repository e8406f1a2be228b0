"""Outgoing connections: webhooks, link checks, spam checks and the relay.

All HTTP requests go through one client, `OutboundClient`, that connects to allowed addresses only.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.web.outbound.address_policy import AddressPolicy
    from lazr.smtptest.web.outbound.backoff import Backoff
    from lazr.smtptest.web.outbound.errors import PrivateAddressOnly, RequestFailed, UrlNotAllowed
    from lazr.smtptest.web.outbound.http_client import HttpResponse, OutboundClient
    from lazr.smtptest.web.outbound.link_check import LinkChecker, LinkResult
    from lazr.smtptest.web.outbound.message_urls import encode_url, find_message_urls
    from lazr.smtptest.web.outbound.relay import Relay, ReleaseFailed
    from lazr.smtptest.web.outbound.resolver import resolve_host
    from lazr.smtptest.web.outbound.rspamd_client import RspamdChecker
    from lazr.smtptest.web.outbound.spam_check import OfflineSpamChecker, SpamChecker, SpamCheckFailed
    from lazr.smtptest.web.outbound.spamd_client import SpamdChecker
    from lazr.smtptest.web.outbound.webhook import Webhook
    from lazr.smtptest.web.outbound.webhook_signature import new_secret, read_secret, sign
    from lazr.smtptest.web.outbound.webhook_thread import WebhookThread

__all__ = [
    "AddressPolicy",
    "Backoff",
    "HttpResponse",
    "LinkChecker",
    "LinkResult",
    "OfflineSpamChecker",
    "OutboundClient",
    "PrivateAddressOnly",
    "Relay",
    "ReleaseFailed",
    "RequestFailed",
    "RspamdChecker",
    "SpamCheckFailed",
    "SpamChecker",
    "SpamdChecker",
    "UrlNotAllowed",
    "Webhook",
    "WebhookThread",
    "encode_url",
    "find_message_urls",
    "new_secret",
    "read_secret",
    "resolve_host",
    "sign",
]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "lazr.smtptest.web.outbound.address_policy": ("AddressPolicy",),
        "lazr.smtptest.web.outbound.backoff": ("Backoff",),
        "lazr.smtptest.web.outbound.errors": ("PrivateAddressOnly", "RequestFailed", "UrlNotAllowed"),
        "lazr.smtptest.web.outbound.http_client": ("HttpResponse", "OutboundClient"),
        "lazr.smtptest.web.outbound.link_check": ("LinkChecker", "LinkResult"),
        "lazr.smtptest.web.outbound.message_urls": ("encode_url", "find_message_urls"),
        "lazr.smtptest.web.outbound.relay": ("Relay", "ReleaseFailed"),
        "lazr.smtptest.web.outbound.resolver": ("resolve_host",),
        "lazr.smtptest.web.outbound.rspamd_client": ("RspamdChecker",),
        "lazr.smtptest.web.outbound.spam_check": ("OfflineSpamChecker", "SpamCheckFailed", "SpamChecker"),
        "lazr.smtptest.web.outbound.spamd_client": ("SpamdChecker",),
        "lazr.smtptest.web.outbound.webhook": ("Webhook",),
        "lazr.smtptest.web.outbound.webhook_signature": ("new_secret", "read_secret", "sign"),
        "lazr.smtptest.web.outbound.webhook_thread": ("WebhookThread",),
    },
)

"""Serve the REST API over HTTP, restrict who may use it, and call other servers for it.

- `api/` has the routes, `app` puts them together, and `app_context` holds what they share.
- `middleware/` decides which requests reach the routes, `server/` runs uvicorn with limits and deadlines.
- `outbound/` calls other servers: webhooks, link checks and the relay.
- `sandbox/` parses untrusted content in child processes with limits.
- `chaos` and `rule_registry` let clients of the REST API change the rules of the mail server.

The package depends on the mail server, its rules and its store; nothing but the command line depends on it.  The
public names are here, and their modules are imported at first use.

>>> from lazr.smtptest import MailServer
>>> from lazr.smtptest.store import MemoryStore
>>> from lazr.smtptest.web import AppContext, WebServer, make_app
>>> WebServer(make_app(AppContext(MemoryStore(), MailServer()))).running
False
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.web.api.schemas import build_message_summary
    from lazr.smtptest.web.app import make_app
    from lazr.smtptest.web.app_context import AppContext
    from lazr.smtptest.web.mailbox import Mailbox, Mailboxes
    from lazr.smtptest.web.middleware.authority import parse_allowed_hosts
    from lazr.smtptest.web.middleware.exposure import check_exposure, is_exposed
    from lazr.smtptest.web.middleware.password_file import Users
    from lazr.smtptest.web.middleware.stack import Guard
    from lazr.smtptest.web.outbound.errors import UrlNotAllowed
    from lazr.smtptest.web.outbound.http_client import OutboundClient
    from lazr.smtptest.web.outbound.link_check import LinkChecker
    from lazr.smtptest.web.outbound.relay import Relay
    from lazr.smtptest.web.outbound.rspamd_client import RspamdChecker
    from lazr.smtptest.web.outbound.spam_check import SpamChecker
    from lazr.smtptest.web.outbound.spamd_client import SpamdChecker
    from lazr.smtptest.web.outbound.webhook import Webhook
    from lazr.smtptest.web.outbound.webhook_signature import new_secret, read_secret, sign
    from lazr.smtptest.web.outbound.webhook_thread import WebhookThread
    from lazr.smtptest.web.server.uvicorn_protocols import make_uvicorn_config
    from lazr.smtptest.web.server.web_server import WebServer

__all__ = [
    "AppContext",
    "Guard",
    "LinkChecker",
    "Mailbox",
    "Mailboxes",
    "OutboundClient",
    "Relay",
    "RspamdChecker",
    "SpamChecker",
    "SpamdChecker",
    "UrlNotAllowed",
    "Users",
    "WebServer",
    "Webhook",
    "WebhookThread",
    "build_message_summary",
    "check_exposure",
    "is_exposed",
    "make_app",
    "make_uvicorn_config",
    "new_secret",
    "parse_allowed_hosts",
    "read_secret",
    "sign",
]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "lazr.smtptest.web.api.schemas": ("build_message_summary",),
        "lazr.smtptest.web.app": ("make_app",),
        "lazr.smtptest.web.app_context": ("AppContext",),
        "lazr.smtptest.web.mailbox": ("Mailbox", "Mailboxes"),
        "lazr.smtptest.web.middleware.authority": ("parse_allowed_hosts",),
        "lazr.smtptest.web.middleware.exposure": ("check_exposure", "is_exposed"),
        "lazr.smtptest.web.middleware.password_file": ("Users",),
        "lazr.smtptest.web.middleware.stack": ("Guard",),
        "lazr.smtptest.web.outbound.errors": ("UrlNotAllowed",),
        "lazr.smtptest.web.outbound.http_client": ("OutboundClient",),
        "lazr.smtptest.web.outbound.link_check": ("LinkChecker",),
        "lazr.smtptest.web.outbound.rspamd_client": ("RspamdChecker",),
        "lazr.smtptest.web.outbound.spam_check": ("SpamChecker",),
        "lazr.smtptest.web.outbound.spamd_client": ("SpamdChecker",),
        "lazr.smtptest.web.outbound.relay": ("Relay",),
        "lazr.smtptest.web.outbound.webhook": ("Webhook",),
        "lazr.smtptest.web.outbound.webhook_signature": ("new_secret", "read_secret", "sign"),
        "lazr.smtptest.web.outbound.webhook_thread": ("WebhookThread",),
        "lazr.smtptest.web.server.uvicorn_protocols": ("make_uvicorn_config",),
        "lazr.smtptest.web.server.web_server": ("WebServer",),
    },
)

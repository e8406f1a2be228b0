"""Sockets, TLS, timeouts, and the event loop of a server.

`listener` and `listener_settings` say where a server listens, and `endpoint` what each listener offers.
`connection_manager` accepts connections in the reactor of a `runner`.  A `connection` passes bytes between its socket
and its session.  It has parts: `deadlines`, `proxy_header`, `tls_handshake`, `pending_decision` (decisions that take
time) and `fault_injector` (actions of rules).  `connection_state` has the tables of its states.
`reading_driver` runs the calls of sessions of IMAP and POP3, in the threads of `worker_pool` if the store may block.
This package sends and receives; functions that it gets from the mail server decide about replies and keep mail.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.net.asyncio_driver import create_loop
    from lazr.smtptest.net.certificates import CertificateAuthority
    from lazr.smtptest.net.connection import Connection
    from lazr.smtptest.net.connection_manager import ConnectionManager
    from lazr.smtptest.net.connection_manager import Decide as Decide
    from lazr.smtptest.net.endpoint import Endpoint, ReadingAccess
    from lazr.smtptest.net.listener import Listen, Listener
    from lazr.smtptest.net.listener_settings import LOOPBACK_NETWORKS, READING_PROTOCOLS, ListenerSettings
    from lazr.smtptest.net.pending_commit import PendingCommit
    from lazr.smtptest.net.reactor import Reactor
    from lazr.smtptest.net.reading_address import ReadingAddress
    from lazr.smtptest.net.runner import Runner
    from lazr.smtptest.net.session_log import Sessions
    from lazr.smtptest.net.tls_settings import Tls

__all__ = [
    "LOOPBACK_NETWORKS",
    "READING_PROTOCOLS",
    "CertificateAuthority",
    "Connection",
    "ConnectionManager",
    "Endpoint",
    "Listen",
    "Listener",
    "ListenerSettings",
    "PendingCommit",
    "Reactor",
    "ReadingAccess",
    "ReadingAddress",
    "Runner",
    "Sessions",
    "Tls",
    "create_loop",
]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "lazr.smtptest.net.asyncio_driver": ("create_loop",),
        "lazr.smtptest.net.certificates": ("CertificateAuthority",),
        "lazr.smtptest.net.connection": ("Connection",),
        "lazr.smtptest.net.connection_manager": ("ConnectionManager",),
        "lazr.smtptest.net.endpoint": ("Endpoint", "ReadingAccess"),
        "lazr.smtptest.net.listener": (
            "Listen",
            "Listener",
        ),
        "lazr.smtptest.net.listener_settings": (
            "LOOPBACK_NETWORKS",
            "READING_PROTOCOLS",
            "ListenerSettings",
        ),
        "lazr.smtptest.net.runner": ("Runner",),
        "lazr.smtptest.net.pending_commit": ("PendingCommit",),
        "lazr.smtptest.net.reactor": ("Reactor",),
        "lazr.smtptest.net.reading_address": ("ReadingAddress",),
        "lazr.smtptest.net.session_log": ("Sessions",),
        "lazr.smtptest.net.tls_settings": ("Tls",),
    },
)

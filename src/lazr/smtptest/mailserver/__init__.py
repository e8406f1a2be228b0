"""The server that tests start, wired together from its parts.

The parts are listeners, connections, rules, store and inbox.

`MailServer` (module `server`) is the public face, and starts and stops runs.  It owns three parts: `DecisionChain`
finds the reply to each event, `LocalDelivery` puts accepted mail into the store and the inbox, and `FailureLog` keeps
refusals and exceptions for the failure messages of a test.  `BounceService`, which most servers do without, sends what
comes back after a mail.  `ServerObserver` is the base class for callbacks.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.mailserver.notification_log import NotificationOutcome, NotificationRecord, Notifications
    from lazr.smtptest.mailserver.observer import ServerObserver
    from lazr.smtptest.mailserver.server import MailServer, list_servers_since

__all__ = [
    "MailServer",
    "NotificationOutcome",
    "NotificationRecord",
    "Notifications",
    "ServerObserver",
    "list_servers_since",
]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "lazr.smtptest.mailserver.notification_log": (
            "NotificationOutcome",
            "NotificationRecord",
            "Notifications",
        ),
        "lazr.smtptest.mailserver.observer": ("ServerObserver",),
        "lazr.smtptest.mailserver.server": ("MailServer", "list_servers_since"),
    },
)

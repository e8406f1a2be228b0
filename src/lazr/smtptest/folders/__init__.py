"""Accounts and folders over a store, for the reading protocols IMAP and POP3.

`protocol/folder_access.py` has the interfaces, which the sessions use; this room implements them.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.folders.account import StoreAccount
    from lazr.smtptest.folders.accounts import Accounts
    from lazr.smtptest.folders.folder import StoreFolder
    from lazr.smtptest.folders.mailbox_view import FolderView, MailboxView, MessageView
    from lazr.smtptest.folders.message_structure import read_structure

__all__ = [
    "Accounts",
    "FolderView",
    "MailboxView",
    "MessageView",
    "StoreAccount",
    "StoreFolder",
    "read_structure",
]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "lazr.smtptest.folders.account": ("StoreAccount",),
        "lazr.smtptest.folders.accounts": ("Accounts",),
        "lazr.smtptest.folders.folder": ("StoreFolder",),
        "lazr.smtptest.folders.mailbox_view": ("FolderView", "MailboxView", "MessageView"),
        "lazr.smtptest.folders.message_structure": ("read_structure",),
    },
)

"""Accounts and folders over a store: what the reading protocols, IMAP and POP3, show of the mails.

`protocol/folder_access.py` has the interfaces, which the sessions use; this room implements them.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.folders.message_structure import read_structure

__all__ = ["read_structure"]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "lazr.smtptest.folders.message_structure": ("read_structure",),
    },
)

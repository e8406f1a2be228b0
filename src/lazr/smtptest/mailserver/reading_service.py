"""The mail that clients of IMAP and POP3 read: a store, and the accounts over it."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from lazr.smtptest.folders import Accounts, MailboxView
    from lazr.smtptest.net import ReadingAccess
    from lazr.smtptest.store import Search, Store

__all__ = ["ReadingService"]

# A store of the server's own is pruned when it has more mails than the inbox keeps, by this share.
_PRUNE_SLACK_SHARE = 0.1


class ReadingService:
    """Gives clients of IMAP and POP3, and tests, access to the accounts of a store.

    Args:
        store: The store of the user; None for one of the server's own, in memory.
        mailboxes: The searches of accounts, by user name.
        keep_mails: How many mails a store of the server's own keeps; None for all.
        keep_bytes: How many bytes it keeps; None for all.
    """

    def __init__(
        self,
        store: Store | None,
        mailboxes: Mapping[str, Search],
        *,
        keep_mails: int | None,
        keep_bytes: int | None,
    ) -> None:
        self._owns_store = store is None
        if store is None:
            from lazr.smtptest.store import MemoryStore

            store = MemoryStore()
        self.store: Store = store
        self._mailboxes = mailboxes
        self._keep_mails = keep_mails
        self._keep_bytes = keep_bytes
        self._unpruned_count = 0
        self._accounts: Accounts | None = None

    def build_access(self, protocol: str) -> ReadingAccess:
        """Return how clients of "imap" or "pop3" reach mail."""
        from lazr.smtptest.net import ReadingAccess

        open_account = self._get_accounts().open
        may_block = self.store.is_durable
        if protocol == "imap":
            from lazr.smtptest.protocol.imap.session import ImapSession

            return ReadingAccess(
                lambda decide, settings: ImapSession(decide, settings, open_account), may_block=may_block
            )
        from lazr.smtptest.protocol.pop3 import Pop3Session

        return ReadingAccess(
            lambda decide, settings: Pop3Session(decide, settings, open_account),
            may_block=may_block,
            follows_changes=False,  # a maildrop does not change during a session (RFC 1939 5)
        )

    def view_mailbox(self, username: str) -> MailboxView:
        """Return the folders of a user, for a test."""
        from lazr.smtptest.folders import MailboxView

        return MailboxView(self._get_accounts().open(username))

    def note_mail(self) -> None:
        """Prune a store of the server's own, if it has many more mails than the inbox keeps."""
        if not self._owns_store or (self._keep_mails is None and self._keep_bytes is None):
            return
        self._unpruned_count += 1
        if self._unpruned_count > _PRUNE_SLACK_SHARE * (self._keep_mails or 0):
            from lazr.smtptest.store import Retention

            self._unpruned_count = 0
            self.store.prune(Retention(self._keep_mails, self._keep_bytes), time.time())

    def forget(self) -> None:
        """Delete all mails of a store of the server's own."""
        if self._owns_store:
            self.store.delete()

    def _get_accounts(self) -> Accounts:
        if self._accounts is None:
            from lazr.smtptest.folders import Accounts

            self._accounts = Accounts(self.store, self._mailboxes)
        return self._accounts

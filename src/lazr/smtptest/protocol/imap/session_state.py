"""What the commands of one session read and change (RFC 9051 3)."""

from __future__ import annotations

import enum

from lazr.smtptest.protocol.imap.responses import render_status_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any, Final

    from lazr.smtptest.protocol.folder_access import Account
    from lazr.smtptest.protocol.imap.folder_view import FolderView
    from lazr.smtptest.protocol.imap.responses import Completion, Part
    from lazr.smtptest.protocol.reading_auth import ReadingAuth
    from lazr.smtptest.protocol.reading_session import Call, OpenAccount, ReadingSettings
    from lazr.smtptest.protocol.smtp import SessionRecord

    # A command in execution.  It yields output, or what it waits for, and gets that; it returns how it ended.
    Steps = Generator[bytes | Part | Call | "Input", Any, Completion]
    Changes = Generator[bytes | Call, Any, None]

__all__ = ["ImapState", "Input"]


class Input(enum.Enum):
    """What a command in execution can wait for, besides calls."""

    LINE = "a line of the client, without its end"
    LINE_OR_CHANGE = "a line of the client, or None when the folder may have changed"


class ImapState:
    """The state of one session (RFC 9051 3).

    - `account`: what the client sees; None before authentication.
    - `view`: the selected folder; None if none is selected.
    - `is_rev2`, `is_utf8`, `is_condstore`: what the client has enabled (RFC 9051 6.3.1, RFC 6855 3, RFC 7162 3.1).
    - `has_noted_change`: the account has changed; SELECT looks for changes while it reads the folder.
    - `saved_uids`: the result of the last SEARCH with SAVE, ascending (RFC 5182).

    Args:
        settings: The settings.
        record: The record of the session.
        auth: The authentication of the session.
        open_account: Returns the account of a user.
    """

    __slots__ = (
        "account",
        "auth",
        "has_noted_change",
        "is_condstore",
        "is_rev2",
        "is_utf8",
        "open_account",
        "record",
        "saved_uids",
        "settings",
        "tag",
        "view",
    )

    def __init__(
        self, settings: ReadingSettings, record: SessionRecord, auth: ReadingAuth, open_account: OpenAccount
    ) -> None:
        self.settings: ReadingSettings = settings
        self.record: Final = record
        self.auth: Final = auth
        self.open_account: Final = open_account
        self.tag: bytes = b""  # of the command in execution
        self.account: Account | None = None
        self.view: FolderView | None = None
        self.has_noted_change: bool = False
        self.is_rev2: bool = False
        self.is_utf8: bool = False
        self.is_condstore: bool = False
        self.saved_uids: list[int] = []

    def reset(self, settings: ReadingSettings) -> None:
        """Start again, without authentication, with these settings."""
        self.settings = self.auth.settings = settings
        self.auth.end()
        self.record.auth = self.account = None
        self.close_folder()
        self.is_rev2 = self.is_utf8 = self.is_condstore = False

    def close_folder(self) -> None:
        """Select no folder."""
        self.view = None
        self.saved_uids = []

    def enable_condstore(self) -> bytes:
        """Enable CONDSTORE; return the response about the selected folder (RFC 7162 3.1)."""
        was_enabled, self.is_condstore = self.is_condstore, True
        if was_enabled or self.view is None:
            return b""
        code = f"HIGHESTMODSEQ {self.view.mod_seq}"
        return render_status_response(b"*", "OK", "The highest modification sequence", code)

    def note_change(self) -> None:
        """Note that the folder that is selected, or opened by SELECT, may have changed."""
        self.has_noted_change = True
        if self.view is not None:
            self.view.is_refresh_due = True

    def get_account(self) -> Account:
        """Return the account; only commands after authentication may call this."""
        if self.account is None:  # pragma: no cover - `run_command` has checked it
            raise AssertionError("no account before authentication")
        return self.account

    def get_view(self) -> FolderView:
        """Return the selected folder; only commands that need one may call this."""
        if self.view is None:  # pragma: no cover - `run_command` has checked it
            raise AssertionError("no folder is selected")
        return self.view

    @property
    def has_utf8_names(self) -> bool:
        """Whether folder names are in UTF-8, and not in modified UTF-7 (RFC 9051 5.1, RFC 6855 3)."""
        return self.is_rev2 or self.is_utf8

    @property
    def username(self) -> str:
        """The user; "" before authentication."""
        return "" if self.account is None else self.account.username

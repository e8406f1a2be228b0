"""The commands of IMAP: when each one is allowed, and what executes it (RFC 9051 6)."""

from __future__ import annotations

from typing import NamedTuple

from lazr.smtptest.protocol.folder_access import FolderError
from lazr.smtptest.protocol.imap.changes import report_changes
from lazr.smtptest.protocol.imap.commands_any import run_capability, run_enable, run_id, run_idle, run_logout, run_noop
from lazr.smtptest.protocol.imap.commands_append import run_append
from lazr.smtptest.protocol.imap.commands_auth import run_authenticate, run_login, run_starttls
from lazr.smtptest.protocol.imap.commands_fetch import run_fetch
from lazr.smtptest.protocol.imap.commands_folders import (
    run_create,
    run_delete,
    run_namespace,
    run_rename,
    run_status,
    run_subscribe,
)
from lazr.smtptest.protocol.imap.commands_list import run_list
from lazr.smtptest.protocol.imap.commands_search import run_search, run_sort, run_thread
from lazr.smtptest.protocol.imap.commands_select import run_close, run_select, run_unselect
from lazr.smtptest.protocol.imap.commands_store import run_copy, run_expunge, run_store
from lazr.smtptest.protocol.imap.responses import CommandFailed, bad, no

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from lazr.smtptest.protocol.imap.command_types import ImapCommand
    from lazr.smtptest.protocol.imap.responses import Completion
    from lazr.smtptest.protocol.imap.session_state import ImapState, Steps

__all__ = ["COMMANDS", "run_command"]


class CommandRow(NamedTuple):
    """One command.

    Args:
        run: Executes it.
        needs_account: It is allowed after authentication only.
        needs_folder: It is allowed with a selected folder only.
        is_before_login: It is allowed before authentication only.
        forbids_expunge: EXPUNGE must not be sent while the command runs, unless it is a UID command (RFC 9051 7.5.1).
        looks_for_changes: Changes are looked for at its end, and not only reported if they were noticed.
        reports_changes: Changes are reported at its end; nothing but OK follows the BYE of LOGOUT.
    """

    run: Callable[[ImapState, Any], Steps]
    needs_account: bool = True
    needs_folder: bool = False
    is_before_login: bool = False
    forbids_expunge: bool = False
    looks_for_changes: bool = False
    reports_changes: bool = True


COMMANDS: dict[str, CommandRow] = {
    "CAPABILITY": CommandRow(run_capability, needs_account=False),
    "NOOP": CommandRow(run_noop, needs_account=False, looks_for_changes=True),
    "LOGOUT": CommandRow(run_logout, needs_account=False, reports_changes=False),
    "ID": CommandRow(run_id, needs_account=False),
    "STARTTLS": CommandRow(run_starttls, needs_account=False, is_before_login=True),
    "LOGIN": CommandRow(run_login, needs_account=False, is_before_login=True),
    "AUTHENTICATE": CommandRow(run_authenticate, needs_account=False, is_before_login=True),
    "ENABLE": CommandRow(run_enable),
    "SELECT": CommandRow(run_select),
    "EXAMINE": CommandRow(run_select),
    "CREATE": CommandRow(run_create),
    "DELETE": CommandRow(run_delete),
    "RENAME": CommandRow(run_rename),
    "SUBSCRIBE": CommandRow(run_subscribe),
    "UNSUBSCRIBE": CommandRow(run_subscribe),
    "LIST": CommandRow(run_list),
    "LSUB": CommandRow(run_list),
    "NAMESPACE": CommandRow(run_namespace),
    "STATUS": CommandRow(run_status),
    "APPEND": CommandRow(run_append),
    "IDLE": CommandRow(run_idle),
    "CHECK": CommandRow(run_noop, needs_folder=True, looks_for_changes=True),
    "CLOSE": CommandRow(run_close, needs_folder=True),
    "UNSELECT": CommandRow(run_unselect, needs_folder=True),
    "EXPUNGE": CommandRow(run_expunge, needs_folder=True),
    "SEARCH": CommandRow(run_search, needs_folder=True, forbids_expunge=True),
    "SORT": CommandRow(run_sort, needs_folder=True, forbids_expunge=True),
    "THREAD": CommandRow(run_thread, needs_folder=True, forbids_expunge=True),
    "FETCH": CommandRow(run_fetch, needs_folder=True, forbids_expunge=True),
    "STORE": CommandRow(run_store, needs_folder=True, forbids_expunge=True),
    "COPY": CommandRow(run_copy, needs_folder=True),
    "MOVE": CommandRow(run_copy, needs_folder=True),
}


def run_command(state: ImapState, command: ImapCommand) -> Steps:
    """Execute a command: check the state, run it, and report what has changed in the folder."""
    row = COMMANDS[command.name]
    refusal = _refuse_in_wrong_state(state, command.name, row)
    if refusal is not None:
        return refusal
    try:
        completion = yield from row.run(state, command)
    except FolderError as error:
        completion = no(error.text, error.code)
    except CommandFailed as failed:
        completion = failed.completion
    if not row.reports_changes:
        return completion
    may_expunge = not row.forbids_expunge or getattr(command, "is_uid", False)
    yield from report_changes(state, may_expunge=may_expunge, is_forced=row.looks_for_changes)
    return completion


def _refuse_in_wrong_state(state: ImapState, name: str, row: CommandRow) -> Completion | None:
    if row.is_before_login and state.account is not None:
        return bad(f"{name} is possible only before authentication")
    if row.needs_account and state.account is None:
        return bad(f"{name} needs authentication; send LOGIN or AUTHENTICATE first")
    if row.needs_folder and state.view is None:
        return bad(f"{name} needs a selected folder; send SELECT first")
    return None

"""CAPABILITY, ID, ENABLE, NOOP, CHECK, IDLE and LOGOUT (RFC 9051 6.1, 6.3.1, 6.3.13)."""

from __future__ import annotations

from lazr.smtptest.protocol.imap.capabilities import ENABLEABLE, list_capabilities
from lazr.smtptest.protocol.imap.changes import report_changes
from lazr.smtptest.protocol.imap.responses import Effect, bad, ok
from lazr.smtptest.protocol.imap.session_state import Input

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.protocol.imap.command_types import EnableCommand, IdCommand, SimpleCommand
    from lazr.smtptest.protocol.imap.session_state import ImapState, Steps

__all__ = ["run_capability", "run_enable", "run_id", "run_idle", "run_logout", "run_noop"]


def run_capability(state: ImapState, command: SimpleCommand) -> Steps:
    """Announce the capabilities (RFC 9051 6.1.1)."""
    yield b"* CAPABILITY %s\r\n" % " ".join(list_capabilities(state)).encode("ascii")
    return ok("CAPABILITY completed")


def run_noop(state: ImapState, command: SimpleCommand) -> Steps:
    """Do nothing; changes are reported after it (RFC 9051 6.1.2)."""
    yield b""
    return ok(f"{command.name} completed")


def run_id(state: ImapState, command: IdCommand) -> Steps:
    """Name the program (RFC 2971)."""
    yield b'* ID ("name" "lazr.smtptest")\r\n'
    return ok("ID completed")


def run_logout(state: ImapState, command: SimpleCommand) -> Steps:
    """End the session (RFC 9051 6.1.3)."""
    yield b"* BYE Logging out\r\n"
    return ok("LOGOUT completed", effect=Effect.CLOSE)


def run_enable(state: ImapState, command: EnableCommand) -> Steps:
    """Enable extensions; names that are not known are ignored (RFC 9051 6.3.1)."""
    enabled = [name for name in ENABLEABLE if name in command.capabilities]
    if "CONDSTORE" in enabled:
        yield state.enable_condstore()
    if "IMAP4REV2" in enabled:
        state.is_rev2 = True
        if state.view is not None:
            state.view.forget_recent()
    state.is_utf8 = state.is_utf8 or "UTF8=ACCEPT" in enabled
    names = "".join(f" {'IMAP4rev2' if name == 'IMAP4REV2' else name}" for name in enabled)
    yield b"* ENABLED%s\r\n" % names.encode("ascii")
    return ok("ENABLE completed")


def run_idle(state: ImapState, command: SimpleCommand) -> Steps:
    """Report changes until the client sends DONE (RFC 9051 6.3.13)."""
    yield b"+ Idling; send DONE to end\r\n"
    yield from report_changes(state, is_forced=True)
    while True:
        yield from report_changes(state)
        line = yield Input.LINE_OR_CHANGE
        if line is not None:
            break
    if line.upper() != b"DONE":
        return bad("IDLE is ended by DONE, got another line")
    return ok("IDLE completed")

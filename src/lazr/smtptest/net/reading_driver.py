"""The part of a connection that serves a session of IMAP or POP3.

Such a session reads and changes mail by calls, which it leaves in `pending_call`.  The driver runs one at a time and
gives its result to the session: in the reactor's thread if the store is in memory, otherwise in a worker thread.
While the client does not read, the next call waits, so that output does not pile up.
"""

from __future__ import annotations

import functools

from lazr.smtptest._util.clock import monotonic
from lazr.smtptest.errors import StoreError
from lazr.smtptest.net.connection_state import Phase, ReplyWait
from lazr.smtptest.protocol.folder_access import FolderError
from lazr.smtptest.protocol.reading_session import ReadingReply
from lazr.smtptest.protocol.smtp import PENDING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from lazr.smtptest.net.driven_connection import DrivenConnection
    from lazr.smtptest.net.endpoint import ReadingAccess
    from lazr.smtptest.net.reading_faults import ReadingFaults
    from lazr.smtptest.net.session_types import ReadingSession
    from lazr.smtptest.protocol.folder_access import Account
    from lazr.smtptest.protocol.reading_session import ReadingCommand
    from lazr.smtptest.protocol.smtp import Pending, SessionRecord

__all__ = ["ReadingDriver"]

# Calls that are run at once, without a turn for the other clients, take at most about this long together.
_MAX_TURN_SECONDS = 0.005

# The least time before a silent client is logged out (RFC 9051 5.4, RFC 1939 3), unless `Limits` has another one.
_AUTOLOGOUT_SECONDS: dict[str, float] = {"imap": 1_800.0, "pop3": 600.0}

# The commands whose failure counts as a guessed password, see `AuthRateLimit`.
_LOGIN_VERBS = frozenset({"IMAP LOGIN", "IMAP AUTHENTICATE", "POP3 PASS", "POP3 APOP", "POP3 AUTH"})


class StoreCall:
    """A call that a session waits for: the pending decision meanwhile."""

    __slots__ = ("is_cancelled",)
    wait: Final = ReplyWait.STORE

    def __init__(self) -> None:
        self.is_cancelled: bool = False

    def cancel(self) -> None:
        """Ignore the result; a call that is running goes on."""
        self.is_cancelled = True


class DelayedLogin:
    """A login that waits, because too many from the client's address have failed."""

    __slots__ = ("cancel",)
    wait: Final = ReplyWait.DECISION

    def __init__(self, cancel: Callable[[], None]) -> None:
        self.cancel: Final = cancel


class ReadingDriver:
    """Run the calls of one session of IMAP or POP3, and announce changes to its account.

    All methods run in the reactor's thread.

    Args:
        connection: The connection.
        reading: How the clients of its listener reach mail.
    """

    __slots__ = (
        "_account",
        "_connection",
        "_faults",
        "_has_open_attempt",
        "_is_closed",
        "_is_notice_due",
        "_is_running",
        "_login",
        "_reading",
        "_refusal_count",
        "_unsubscribe",
        "session",
    )

    def __init__(self, connection: DrivenConnection, reading: ReadingAccess) -> None:
        self._connection = connection
        self._reading = reading
        self._account: Account | None = None  # the account that this has subscribed to
        self._unsubscribe: Callable[[], None] | None = None
        self._faults: ReadingFaults | None = None  # from the first rule on
        self._has_open_attempt = False  # `AuthRateLimit` counts an attempt that may still succeed
        self._is_closed = False
        self._is_notice_due = False  # a call of `_notify_session` is scheduled
        self._is_running = False
        self._login: ReadingCommand | None = None  # a login whose end is not known yet
        self._refusal_count = 0  # of the session, when that login began
        self.session: ReadingSession = connection.endpoint.create_reading_session(reading, self._decide)

    @property
    def autologout_seconds(self) -> float | None:
        """The least time before a silent client is logged out; None before it has logged in."""
        return None if self.session.account is None else _AUTOLOGOUT_SECONDS[self._connection.endpoint.protocol]

    # -- deciding ----------------------------------------------------------------------------

    def _decide(self, command: ReadingCommand, reply: None) -> ReadingReply | Pending | None:
        """Return what rules decide about a command; None executes it."""
        verb = command.verb
        connection = self._connection
        self.note_failed_login()
        if verb in _LOGIN_VERBS:
            self._login, self._refusal_count = command, connection.record.refusals
        rules = connection.manager.rules
        rules.count_verb(verb)
        by_verb = rules.rules_by_verb
        if by_verb is not None and verb in by_verb:
            decision = self._get_faults().decide(command)
            if decision is not None:
                return decision
        elif self._faults is not None:
            self._faults.cancel()  # IDLE is over
        return self._limit_logins(command)

    def note_failed_login(self) -> None:
        """Report the latest login if it was refused."""
        login = self._login
        if login is None:
            return
        record, report = self._connection.record, self._connection.manager.record_failed_login
        if self.session.account is not None:
            self._login = None
        elif record.refusals > self._refusal_count:
            self._login = None
            if report is not None:
                response = next((line.text for line in reversed(list(record.transcript)) if line.who == "S"), "")
                report(_describe_login(login, record), response)

    def _get_faults(self) -> ReadingFaults:
        if self._faults is None:
            from lazr.smtptest.net.reading_faults import ReadingFaults

            self._faults = ReadingFaults(self._connection, self.session, self._connection.get_faults())
        return self._faults

    def change_output(self, output: bytes) -> bytes:
        """Return the output of a session's answer as rules change it."""
        return output if self._faults is None else self._faults.change_output(output)

    def _limit_logins(self, command: ReadingCommand) -> ReadingReply | Pending | None:
        """Refuse or delay a login if too many have failed; None executes the command."""
        manager = self._connection.manager
        if manager.auth_rate_limit is None or command.verb not in _LOGIN_VERBS:
            return None
        delay = manager.auth_rate_limit.start_attempt(self._connection.record.peer, monotonic())
        if delay is None:
            text = "Too many failed logins from your address, try later"
            if command.verb.startswith("POP3"):
                return ReadingReply("-ERR", f"[SYS/TEMP] {text}")
            return ReadingReply("NO", f"[LIMIT] {text}")
        self._has_open_attempt = True
        if not delay:
            return None
        timer = manager.reactor.call_later(delay, self._end_delay)
        self._connection.pending = DelayedLogin(timer.cancel)
        return PENDING

    def _end_delay(self) -> None:
        self._connection.pending = None
        self._connection.answer(None)

    # -- calls -------------------------------------------------------------------------------

    def run_calls(self) -> None:
        """Run the pending call of the session, and those that follow it at once.

        It does nothing while the client does not read, and while the server stops.
        """
        connection, session = self._connection, self.session
        self.note_failed_login()
        if self._is_running:
            return
        if session.account is not self._account:
            self._note_login()
        self._is_running = True
        try:
            turn_end = monotonic() + _MAX_TURN_SECONDS
            while self._can_run():
                function = session.pending_call
                if function is None:
                    return
                if self._reading.may_block:
                    self._start_in_thread(function)
                elif monotonic() >= turn_end:
                    connection.pending = call = StoreCall()
                    connection.manager.reactor.call_in_next_pass(connection.run, self._resume, call)
                else:
                    connection.write(self._apply(*_call(function)))
        finally:
            self._is_running = False

    def _can_run(self) -> bool:
        connection = self._connection
        return (
            connection.phase is Phase.SESSION
            and connection.pending is None
            and not connection.is_writing_paused
            and not connection.manager.is_closing
        )

    def _start_in_thread(self, function: Callable[[], object]) -> None:
        connection = self._connection
        manager = connection.manager
        connection.pending = call = StoreCall()

        def run() -> None:
            result, error = _call(function)
            manager.reactor.call_soon_threadsafe(connection.run, self._finish, call, result, error)

        manager.get_worker_pool().submit(run)

    def _apply(self, result: object, error: BaseException | None) -> bytes:
        """Give the result of a call to the session, and return the bytes to send."""
        if error is None:
            output = self.session.answer(result)
        else:
            if not isinstance(error, (FolderError, StoreError)):
                self._connection.manager.reply_to_error(error)  # P7: raised in the thread of the test
            output = self.session.fail(error)
        return self.change_output(output)

    def _finish(self, call: StoreCall, result: object, error: BaseException | None) -> None:
        """Go on after a call in a thread."""
        if call.is_cancelled:
            return
        connection = self._connection
        connection.pending = None
        now = monotonic()
        connection.deadlines.note_reply(now)
        connection.record.transcript.add_timestamp(now)
        connection.send(self._apply(result, error))
        self._go_on()

    def _resume(self, call: StoreCall) -> None:
        """Go on after the other clients had their turn."""
        if not call.is_cancelled:
            self._connection.pending = None
            self._connection.mark_time()
            self._connection.send(b"")
            self._go_on()

    def _go_on(self) -> None:
        connection = self._connection
        connection.deadlines.resume()
        if connection.manager.is_closing:
            connection.shut_down()

    # -- changes -----------------------------------------------------------------------------

    def _note_login(self) -> None:
        """Subscribe to the account of the user, which the session has just got."""
        manager = self._connection.manager
        self._account = account = self.session.account
        if self._has_open_attempt and manager.auth_rate_limit is not None:
            manager.auth_rate_limit.forgive(self._connection.record.peer)
            self._has_open_attempt = False
        if account is not None and self._reading.follows_changes:
            if self._reading.may_block:
                manager.get_worker_pool().submit(functools.partial(self._subscribe, account))
            else:
                self._subscribe(account)

    def _subscribe(self, account: Account) -> None:
        """Subscribe to the account; a worker thread may call this."""
        self._unsubscribe = unsubscribe = account.subscribe(self._note_change)
        if self._is_closed:
            unsubscribe()
        elif self._reading.may_block:
            self._note_change()  # there may have been changes before

    def _note_change(self) -> None:
        """Schedule a notice to the session; any thread may call this."""
        if not self._is_notice_due:
            self._is_notice_due = True
            connection = self._connection
            connection.manager.reactor.call_soon_threadsafe(connection.run, self._notify_session)

    def _notify_session(self) -> None:
        self._is_notice_due = False
        connection = self._connection
        if connection.phase is Phase.SESSION and not connection.manager.is_closing:
            connection.send(self.session.notify_change())

    def close(self) -> None:
        """End the subscription: the connection is lost."""
        self._is_closed = True
        if self._faults is not None:
            self._faults.cancel()
        if self._unsubscribe is not None:
            self._unsubscribe()


def _describe_login(login: ReadingCommand, record: SessionRecord) -> str:
    """Return the command, with the name of the user."""
    said = login.said()
    username = login.username
    if not username and login.verb == "IMAP AUTHENTICATE" and record.auth_attempts:
        username = record.auth_attempts[-1].username
    return said if not username or username in said else f"{said} of {username!r}"


def _call(function: Callable[[], object]) -> tuple[object, BaseException | None]:
    """Return the result of a function, or its exception."""
    try:
        return function(), None
    except BaseException as error:  # noqa: BLE001 - the session answers it
        return None, error

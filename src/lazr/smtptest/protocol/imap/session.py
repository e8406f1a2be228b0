"""One IMAP session: bytes in, responses and calls out (RFC 9051, RFC 3501).

From a line to a response: the reader cuts a command with its literals out of the input.  `parse_command` makes a typed
value of it.  `decide` may replace it.  If not, `run_command` returns a generator that executes it: it yields output,
calls, and requests for more input.  The session drives the generator.  A call may block, so the driver makes it, and
brings its result by `answer`, or its exception by `fail`.  Meanwhile all input waits: commands are executed one after
the other, in the order in which they came (RFC 9051 5.5).

The parts of a session: its reader (`reader`), its authentication (`reading_auth`), and what commands read and change
(`session_state`), with the selected folder as the client knows it (`folder_view`).
"""

from __future__ import annotations

import sys

from lazr.smtptest.errors import StoreError
from lazr.smtptest.protocol.folder_access import FolderError
from lazr.smtptest.protocol.imap.capabilities import list_capabilities
from lazr.smtptest.protocol.imap.command_parser import parse_command
from lazr.smtptest.protocol.imap.command_table import run_command
from lazr.smtptest.protocol.imap.command_text import describe_argument, mask_command
from lazr.smtptest.protocol.imap.command_types import LoginCommand
from lazr.smtptest.protocol.imap.commands_select import leave_folder
from lazr.smtptest.protocol.imap.parse_error import ParseError
from lazr.smtptest.protocol.imap.reader import MAX_LINE_BYTES, ImapReader, Item, RawCommand, RawLine, Refused
from lazr.smtptest.protocol.imap.responses import Completion, Effect, Part, render_status_response
from lazr.smtptest.protocol.imap.session_output import SessionOutput
from lazr.smtptest.protocol.imap.session_state import ImapState, Input
from lazr.smtptest.protocol.imap.waiting import CLOSED, PENDING_RESULT, Waiting
from lazr.smtptest.protocol.reading_auth import ReadingAuth
from lazr.smtptest.protocol.reading_session import Call, ReadingCommand, ReadingReply
from lazr.smtptest.protocol.smtp import PENDING, SessionRecord, record_handshake

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lazr.smtptest.protocol.folder_access import Account
    from lazr.smtptest.protocol.imap.command_types import ImapCommand
    from lazr.smtptest.protocol.imap.session_state import Steps
    from lazr.smtptest.protocol.reading_session import OpenAccount, ReadingDecide, ReadingSettings
    from lazr.smtptest.protocol.smtp import TlsFacts

__all__ = ["ImapSession"]

_HTTP_METHODS = frozenset({b"CONNECT", b"DELETE", b"GET", b"HEAD", b"OPTIONS", b"PATCH", b"POST", b"PUT", b"TRACE"})
_SELECT_NAMES = frozenset({"EXAMINE", "SELECT"})
# The literals of one command.
_MAX_LITERAL_BYTES = 1024 * 1024
_MAX_LITERAL_BYTES_BEFORE_LOGIN = 64 * 1024
# RFC 4954 4: a response of SASL has at most 12,288 octets.
_MAX_LINE_BYTES = {Input.LINE: 12_288, Input.LINE_OR_CHANGE: MAX_LINE_BYTES}


class ImapSession:
    """One IMAP session, without I/O.

    Drive it with `greet`, then `receive` for all input; each method returns the bytes to send, perhaps none.  After
    each call look at `is_halted`.  If it is true, one of these describes what the session waits for:

    - `is_closing`: send the output, then close the connection.  `is_orderly_close` means that the client expects it.
    - `is_reply_pending`: `pending_call` is a function to call, in another thread if it may block; pass its result to
      `answer`, or its exception to `fail`.  If `pending_call` is None, `decide` returned `PENDING`: pass the decision
      to `answer`.
    - `has_backlog`: much output waits.  When it is sent, call `receive(b"")` for more.
    - `is_handshaking`: send the output.  The next input belongs to TLS, until you call `complete_handshake`.

    When the account has changed, call `notify_change`.  No input raises an exception.  The result does not depend on
    how the input was split, with one exception: input after STARTTLS, before the reply, is discarded.

    Args:
        decide: Called with each command before it is executed.  It returns None to execute it, a `ReadingReply` that
            is sent instead, or `PENDING`.
        settings: The settings of the listener.
        open_account: Returns the account of a user; it must not block.
    """

    __slots__ = (
        "_decide",
        "_errors",
        "_follows_auth",
        "_has_eof",
        "_has_new_changes",
        "_input_wanted",
        "_interruptions",
        "_original_peer",
        "_output",
        "_pending_command",
        "_reader",
        "_state",
        "_steps",
        "_waiting",
        "items_per_turn",
        "marks",
        "pending_call",
        "record",
    )

    # What only SMTP has.
    is_pipelining_forbidden = False
    is_at_mark = False
    transaction: tuple[None, tuple[()]] = (None, ())

    def __init__(self, decide: ReadingDecide, settings: ReadingSettings, open_account: OpenAccount) -> None:
        self._decide = decide
        self.record: SessionRecord = SessionRecord()
        self.record.transcript.keeps_content = settings.keeps_content
        self._state = ImapState(settings, self.record, ReadingAuth(self.record, settings), open_account)
        self._reader = ImapReader(self._get_max_literal_bytes)
        self._waiting = Waiting.INPUT
        self._has_eof = False
        self._output = SessionOutput(self.record.transcript)
        self._interruptions: list[ReadingReply] = []  # they wait for the end of a response
        self._has_new_changes = False  # `notify_change` was called, and IDLE has not reported it yet
        self._follows_auth = False  # the last command was AUTHENTICATE, so a stray line may be a password
        self._errors = 0  # commands that were answered BAD, in a row
        self._original_peer = ""
        # The command that waits for its decision; None is the greeting.
        self._pending_command: ImapCommand | None = None
        self._steps: Steps | None = None  # the command in execution
        self._input_wanted: Input | None = None  # what the command in execution waits for
        self.pending_call: Callable[[], object] | None = None
        # How many commands one call handles; then `has_backlog` is true, and other sessions can have their turn.
        self.items_per_turn: int = sys.maxsize
        self.marks: Sequence[int] = ()  # of SMTP; without effect

    # -- what the driver reads ---------------------------------------------------------------

    @property
    def settings(self) -> ReadingSettings:
        """The settings in effect."""
        return self._state.settings

    @property
    def account(self) -> Account | None:
        """The account of the client; None before authentication."""
        return self._state.account

    @property
    def waiting(self) -> Waiting:
        """What the session waits for."""
        return self._waiting

    @property
    def is_halted(self) -> bool:
        """Whether the session waits for something else than input."""
        return self._waiting is not Waiting.INPUT

    @property
    def is_closing(self) -> bool:
        """Whether nothing more is read, and the connection must be closed."""
        return self._waiting in CLOSED

    @property
    def is_orderly_close(self) -> bool:
        """Whether the client expects the close."""
        return self._waiting is Waiting.ORDERLY_CLOSE

    @property
    def is_reply_pending(self) -> bool:
        """Whether the driver has to bring a decision, or the result of `pending_call`."""
        return self._waiting in PENDING_RESULT

    @property
    def has_backlog(self) -> bool:
        """Whether more output, or the rest of the input, waits for the driver's next turn."""
        return self._waiting is Waiting.TURN

    @property
    def is_handshaking(self) -> bool:
        """Whether the next input belongs to the TLS handshake."""
        return self._waiting is Waiting.HANDSHAKE

    @property
    def is_idling(self) -> bool:
        """Whether the client waits for changes by IDLE."""
        return self._input_wanted is Input.LINE_OR_CHANGE

    @property
    def is_executing(self) -> bool:
        """Whether a command is executed, so that the next output belongs to it."""
        return self._steps is not None and self._input_wanted is None

    @property
    def selected_uids(self) -> Sequence[int]:
        """The UIDs of the selected folder as the client knows them, by message number."""
        return () if self._state.view is None else self._state.view.uids

    @property
    def has_unread_input(self) -> bool:
        """Whether input has arrived that is not processed yet."""
        return self._reader.unread_size > 0

    @property
    def unread_size(self) -> int:
        """The bytes of input that have arrived and are not processed yet."""
        return self._reader.unread_size

    @property
    def is_in_content(self) -> bool:
        """Whether the next bytes belong to a literal."""
        return self._reader.is_in_literal

    @property
    def content_size(self) -> int:
        """The bytes of literals received so far, of a command that is not complete."""
        return self._reader.literal_size

    # -- called by the driver ----------------------------------------------------------------

    def greet(self, peer: str) -> bytes:
        """Return the greeting for the client `peer`, such as "192.0.2.1:1025" (RFC 9051 7.1.1)."""
        self.record.peer = self._original_peer = peer
        self._request_decision(ReadingCommand("IMAP CONNECT", peer), None)
        return self._process_input()

    def receive(self, data: bytes) -> bytes:
        """Process input from the client, and return the bytes to send."""
        if self.is_closing or self._waiting is Waiting.HANDSHAKE:
            return b""
        self._reader.feed(data)
        if self._waiting is Waiting.TURN:
            self._waiting = Waiting.INPUT
        elif self._waiting in PENDING_RESULT and self._reader.unread_size > self.settings.limits.session_memory:
            self._send_bye("Too much input while a command is executed, goodbye", "BYE")
        return self._process_input()

    def receive_eof(self) -> bytes:
        """Process the end of input, and return the bytes to send; the client may still be reading."""
        self._has_eof = True
        return self._process_input()

    def answer(self, result: object) -> bytes:
        """Go on with a decision, or with the result of `pending_call`; return the bytes to send.

        Raises `RuntimeError` if neither is pending.
        """
        if self.is_closing:  # the connection was lost meanwhile
            return b""
        if self._waiting is Waiting.CALL:
            self._end_call()
            self._advance(result)
        elif self._waiting is Waiting.DECISION:
            self._waiting = Waiting.INPUT
            self._apply_decision(result if isinstance(result, ReadingReply) else None)
        else:
            raise RuntimeError("answer() needs a pending decision or call: is_reply_pending is False")
        return self._process_input()

    def fail(self, error: BaseException) -> bytes:
        """Go on after an exception of `pending_call`; return the bytes to send.

        An exception that is neither a `FolderError` nor a `StoreError` is a fault of the server, and raised again.
        Raises `RuntimeError` if no call is pending.
        """
        if self.is_closing:
            return b""
        if self._waiting is not Waiting.CALL:
            raise RuntimeError("fail() needs a pending call: pending_call is None")
        self._end_call()
        if isinstance(error, StoreError):
            error = FolderError("The store is unavailable; try again later", "UNAVAILABLE")
        if not isinstance(error, FolderError):
            self._end_steps()
            raise error
        self._advance(error=error)
        return self._process_input()

    def notify_change(self) -> bytes:
        """Note that the account may have changed; return the bytes to send."""
        self._state.note_change()
        self._has_new_changes = True
        return self._process_input() if self._waiting is Waiting.INPUT and self.is_idling else b""

    def interrupt(self, reply: ReadingReply) -> bytes:
        """Send an untagged response in between, and return the bytes to send; BYE closes."""
        if self.is_closing or self.is_handshaking:
            return b""
        if self._output.is_in_response:
            self._interruptions.append(reply)
        else:
            self._send_reply(b"*", reply)
        return self._output.take()

    def complete_handshake(self, facts: TlsFacts, settings: ReadingSettings) -> None:
        """Start the session again inside TLS, with the settings for it (RFC 9051 6.2.1)."""
        record_handshake(self.record, facts, self._original_peer)
        if self._waiting is Waiting.HANDSHAKE:  # not with implicit TLS, before the greeting
            self._waiting = Waiting.INPUT
        self.apply_settings(settings)

    def apply_settings(self, settings: ReadingSettings) -> None:
        """Start the session again with other settings."""
        self._state.reset(settings)

    def time_out(self) -> bytes:
        """Close with BYE after a deadline (RFC 9051 5.4); return the bytes to send."""
        return self.close_with_reply(ReadingReply("BYE", "Timeout, goodbye"), "timeout")

    def shut_down(self) -> bytes:
        """Close with BYE, because the server stops; return the bytes to send."""
        return self.close_with_reply(ReadingReply("BYE", "[UNAVAILABLE] Server shutting down, goodbye"), "stop")

    def close_with_reply(self, reply: ReadingReply, reason: str) -> bytes:
        """Send a last untagged response; `reason` is recorded as the end of the session."""
        if self.is_closing:
            return b""
        self.record.end(reason)
        if not self._output.is_in_response:  # the client would read it as a part of a message
            self._output.add(render_status_response(b"*", reply.status, reply.text))
        self._close(Waiting.CLOSE)
        return self._output.take()

    def abandon(self) -> None:
        """Drop all input, because the connection is lost."""
        if not self.is_closing:
            self._close(Waiting.CLOSE)

    # -- input -------------------------------------------------------------------------------

    def _process_input(self) -> bytes:
        """Read until the input ends, or the session waits for something else."""
        items_left = self.items_per_turn
        while self._waiting is Waiting.INPUT:
            if self._steps is not None and self._input_wanted is None:  # a turn has interrupted it
                self._advance(None)
                continue
            if self.is_idling and self._has_new_changes:
                self._has_new_changes = False
                self._advance(None)
                continue
            if items_left == 0 or self._output.size > self.settings.limits.replies_waiting:
                self._waiting = Waiting.TURN
                break
            item = self._reader.read()
            if item is None:
                break
            items_left -= 1
            self._handle_item(item)
        if self._has_eof and self._waiting is Waiting.INPUT:
            self.record.end("EOF")
            self._close(Waiting.ORDERLY_CLOSE)
        return self._output.take()

    def _get_max_literal_bytes(self, name: str) -> int:
        """Return the limit of the literals of a command together."""
        if self._state.account is None:
            return _MAX_LITERAL_BYTES_BEFORE_LOGIN
        if name != "APPEND":
            return _MAX_LITERAL_BYTES
        limit = self.settings.limits.message_size
        return sys.maxsize if limit is None else limit

    def _handle_item(self, item: RawCommand | RawLine | Refused | Item) -> None:
        if isinstance(item, RawCommand):
            self._handle_command(item)
        elif isinstance(item, RawLine):
            self._handle_line(item.content)
        elif isinstance(item, Refused):
            self._refuse(item)
        else:
            self._output.add(b"+ Ready for the literal\r\n")

    def _refuse(self, refused: Refused) -> None:
        """Refuse what the reader cannot cut into commands."""
        self.record.transcript.add_note(refused.text)
        if refused.is_fatal:
            self._send_bye(refused.text, "BYE")
            return
        if refused.tag:
            # Some clients continue an exchange without looking at the reply that has refused AUTHENTICATE.  What looks
            # like a tag is a password in base64 then: do not repeat it.
            self._state.tag = b"*" if self._follows_auth else refused.tag.encode("ascii", "replace")
        else:  # a line for the command in execution
            self._end_steps()
            self._state.auth.end()
        self._refuse_command(Completion(refused.status, refused.text))

    def _refuse_command(self, completion: Completion) -> None:
        """Refuse an invalid command; close the connection of a browser."""
        if self._state.tag.upper() in _HTTP_METHODS:
            # A web page can make a browser send this (ALPACA).  The request's body must not be read as commands.
            self._send_bye("This is an IMAP server, goodbye", "BYE")
        else:
            self._complete(completion)

    def _handle_command(self, raw: RawCommand) -> None:
        """Handle a complete command."""
        transcript = self.record.transcript
        self._state.tag = raw.tag.encode("ascii", "replace")
        self._follows_auth = raw.name == "AUTHENTICATE"
        try:
            command = parse_command(raw, is_utf8=self._state.has_utf8_names)
        except ParseError as error:
            transcript.add_command(mask_command(raw, None))
            if error.status == "NO" and raw.name in _SELECT_NAMES:  # the grammar allows the name, so it is a SELECT
                self._output.add(leave_folder(self._state))
            self._refuse_command(Completion(error.status, str(error), error.code))
            return
        transcript.add_command(mask_command(raw, command))
        username = command.username if isinstance(command, LoginCommand) else self._state.username
        event = ReadingCommand(f"IMAP {command.name}", describe_argument(raw, command), username, self._state.tag)
        self._request_decision(event, command)

    def _handle_line(self, line: bytes) -> None:
        """Pass a line to the command in execution."""
        is_secret = self._input_wanted is Input.LINE
        self.record.transcript.add_command(self._state.auth.mask_line(line) if is_secret else line)
        self._input_wanted = None
        self._advance(line)

    # -- decisions ---------------------------------------------------------------------------

    def _request_decision(self, event: ReadingCommand, command: ImapCommand | None) -> None:
        self._pending_command = command
        decision = self._decide(event, None)
        if decision is PENDING:
            self._waiting = Waiting.DECISION
        else:
            self._apply_decision(decision if isinstance(decision, ReadingReply) else None)

    def _apply_decision(self, reply: ReadingReply | None) -> None:
        """Execute the pending command, or send a reply instead."""
        command, self._pending_command = self._pending_command, None
        state = self._state
        if command is None:
            self._greet_client(reply)
        elif reply is not None:
            if reply.status == "NO" and command.name in _SELECT_NAMES:
                self._output.add(leave_folder(state))  # RFC 9051 6.3.2: a SELECT that fails selects no folder
            self._send_reply(state.tag, reply)
        else:
            self._steps = run_command(state, command)
            self._advance(None)

    def _greet_client(self, reply: ReadingReply | None) -> None:
        state = self._state
        if reply is not None:
            self._send_reply(b"*", reply)
            if reply.status == "PREAUTH":
                state.account = state.open_account("")
            return
        capabilities = " ".join(list_capabilities(state))
        text = f"{state.settings.hostname} IMAP server ready"
        self._output.add(render_status_response(b"*", "OK", text, f"CAPABILITY {capabilities}"))

    # -- the command in execution ------------------------------------------------------------

    def _advance(self, value: object = None, *, error: FolderError | None = None) -> None:
        """Execute the current command until it waits for something, or ends."""
        steps = self._steps
        if steps is None:  # pragma: no cover - the callers have checked it
            raise AssertionError("no command is in execution")
        self._input_wanted = None
        try:
            while True:
                step = steps.send(value) if error is None else steps.throw(error)
                value = error = None
                if isinstance(step, bytes):
                    self._output.add(step)
                elif isinstance(step, Part):
                    self._send_part(step)
                    if self.is_closing:  # an interruption was BYE
                        return
                elif isinstance(step, Call):
                    self.pending_call = step.function
                    self._waiting = Waiting.CALL
                    return
                else:
                    self._input_wanted = step
                    self._reader.expect_line(_MAX_LINE_BYTES[step])
                    return
                if self._output.size > self.settings.limits.replies_waiting:
                    self._waiting = Waiting.TURN
                    return
        except StopIteration as stop:
            self._steps = None
            self._complete(stop.value)
        except BaseException:
            self._steps = None
            raise

    def _end_call(self) -> None:
        self.pending_call = None
        self._waiting = Waiting.INPUT

    def _end_steps(self) -> None:
        steps, self._steps = self._steps, None
        self._input_wanted = self.pending_call = None
        if steps is not None:
            steps.close()

    def _complete(self, completion: Completion) -> None:
        """Send the tagged response, and do what follows from it."""
        if completion.status == "BYE":
            self._send_bye(completion.text, "BYE")
            return
        if completion.effect is Effect.BEGIN_TLS:
            early_input = self._reader.unread
            self._reader.discard()
            if early_input:
                # RFC 9051 11.1, CVE-2021-38542: an attacker may have injected it, so it is never executed.
                self.record.add_discarded(early_input)
                self._send_bye("Input in clear after STARTTLS; discarded, goodbye", "BYE")
                return
        self._errors = self._errors + 1 if completion.status == "BAD" else 0
        self.record.refusals += completion.status != "OK"
        self._output.add(completion.render(self._state.tag))
        if completion.effect is Effect.BEGIN_TLS:
            self._waiting = Waiting.HANDSHAKE
        elif completion.effect is Effect.CLOSE:
            self.record.end("LOGOUT")
            self._close(Waiting.ORDERLY_CLOSE)
        elif self.settings.limits.errors is not None and self._errors >= self.settings.limits.errors:
            self._send_bye("Too many bad commands, goodbye", "BYE")

    # -- output ------------------------------------------------------------------------------

    def _send_part(self, part: Part) -> None:
        self._output.add_part(part)
        if part.is_last:
            interruptions, self._interruptions = self._interruptions, []
            for reply in interruptions:
                self._send_reply(b"*", reply)

    def _send_reply(self, tag: bytes, reply: ReadingReply) -> None:
        """Send the reply of a rule."""
        self.record.refusals += not reply.is_positive
        if reply.status == "BYE":
            self._send_bye(reply.text, "rule")
        else:
            self._output.add(render_status_response(tag, reply.status, reply.text))

    def _send_bye(self, text: str, reason: str) -> None:
        """Send a last response, and read nothing more."""
        self.record.end(reason)
        self._output.add(render_status_response(b"*", "BYE", text))
        self._close(Waiting.CLOSE)

    def _close(self, waiting: Waiting) -> None:
        """Read nothing more, and drop what was received."""
        self._end_steps()
        self._waiting = waiting
        self._reader.discard()

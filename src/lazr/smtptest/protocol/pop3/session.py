"""One POP3 session: bytes in, responses out, and calls of folders that the driver runs.

From a line to a response: the reader cuts the line out of the input.  It becomes a generator, which yields steps
(`responses`).  The session carries them out: it sends bytes, asks for decisions, and halts for calls, until `answer`
or `fail` brings the result.  The next line is read when the generator has ended, so pipelining needs no other code.
"""

from __future__ import annotations

import sys

from lazr.smtptest.protocol.folder_access import FolderError
from lazr.smtptest.protocol.pop3.authorization import Authorization, ReplacedReply
from lazr.smtptest.protocol.pop3.command_line import CommandLine, is_auth_line, is_unknown_line, mask_line, parse_line
from lazr.smtptest.protocol.pop3.failures import CallFailed, describe_failure
from lazr.smtptest.protocol.pop3.line_reader import LineReader, Unreadable
from lazr.smtptest.protocol.pop3.maildrop import open_maildrop
from lazr.smtptest.protocol.pop3.responses import END, CommandError, Piece, Record, render_error, render_ok
from lazr.smtptest.protocol.pop3.transaction import TRANSACTION_COMMANDS
from lazr.smtptest.protocol.pop3.waiting import Waiting
from lazr.smtptest.protocol.reading_session import Call, ReadingCommand, ReadingReply
from lazr.smtptest.protocol.smtp import Pending, SessionRecord, record_handshake

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lazr.smtptest.protocol.folder_access import Account
    from lazr.smtptest.protocol.pop3.maildrop import Maildrop
    from lazr.smtptest.protocol.pop3.responses import Step, Steps
    from lazr.smtptest.protocol.reading_auth import Authenticated
    from lazr.smtptest.protocol.reading_session import OpenAccount, ReadingDecide, ReadingSettings
    from lazr.smtptest.protocol.smtp import TlsFacts

__all__ = ["Pop3Session"]

_MAX_AUTH_LINE_BYTES = 12_288  # RFC 5034 4: a server must accept lines of this length in an exchange
_LANGUAGES = ("en", "i-default")
_LOGIN_VERBS = frozenset({"APOP", "AUTH", "PASS", "USER"})


class Pop3Session:
    """One POP3 session, without I/O (RFC 1939).

    Drive it as an `SmtpSession`: with `greet`, then `receive` for all input; each method returns the bytes to send.
    `is_halted` means that the session waits for `waiting`.  In addition, if `pending_call` is set, call it, and pass
    its result to `answer`, or its exception to `fail`.

    No input raises an exception.  The result does not depend on how the input was split, with one exception: input
    after STLS, before the reply, is discarded.

    Args:
        decide: Called with each command before it is executed, and None; returns a reply to send instead, None to
            execute the command, or `PENDING`.
        settings: The settings of the listener.
        open_account: Returns the account of a user name; it does not block.

    >>> from lazr.smtptest.protocol.reading_session import ReadingSettings
    >>> session = Pop3Session(lambda command, reply: None, ReadingSettings(), open_account=None)
    >>> session.greet("192.0.2.1").startswith(b"+OK localhost POP3 lazr.smtptest <")
    True
    >>> session.receive(b"USER ann\\r\\nQU"), session.receive(b"IT\\r\\n")
    (b'+OK Send PASS\\r\\n', b'+OK Goodbye\\r\\n')
    """

    __slots__ = (
        "_authorization",
        "_decide",
        "_follows_auth",
        "_has_eof",
        "_maildrop",
        "_misuses",
        "_open_account",
        "_original_peer",
        "_output",
        "_output_size",
        "_reader",
        "_waiting",
        "_work",
        "account",
        "is_halted",
        "items_per_turn",
        "marks",
        "pending_call",
        "record",
        "settings",
    )

    # What only SMTP or IMAP has.
    is_idling: bool = False
    is_at_mark: bool = False
    is_in_content: bool = False
    is_pipelining_forbidden: bool = False
    content_size: int = 0
    last_mark: int = -1
    transaction: tuple[None, tuple[()]] = (None, ())

    def __init__(self, decide: ReadingDecide, settings: ReadingSettings, open_account: OpenAccount) -> None:
        self.settings: ReadingSettings = settings
        self.record: SessionRecord = SessionRecord()
        self.account: Account | None = None  # set by a successful authentication
        self.pending_call: Callable[[], object] | None = None
        self.marks: Sequence[int] = ()
        # How many lines one call handles; then `has_backlog` is true, and other sessions can have their turn.
        self.items_per_turn: int = sys.maxsize
        self.record.transcript.keeps_content = settings.keeps_content
        self._decide = decide
        self._open_account = open_account
        limits = settings.limits
        self._reader = LineReader(
            max_line_bytes=max(_MAX_AUTH_LINE_BYTES, limits.command_line) - 2, flood_bytes=limits.command_flood
        )
        self._authorization = Authorization(self.record, settings)
        self._maildrop: Maildrop | None = None  # in the TRANSACTION state
        self._work: Steps[None] | None = None  # the command that is executed
        self._output: list[bytes] = []
        self._output_size = 0
        self._follows_auth = False  # the last valid command was AUTH, so a stray line may be a password
        self._misuses = 0  # in a row
        self._has_eof = False
        self._original_peer = ""
        self._waiting = Waiting.INPUT
        self.is_halted: bool = False  # the session waits for something else than input

    # -- what the driver reads ---------------------------------------------------------------

    @property
    def waiting(self) -> Waiting:
        """What the session waits for."""
        return self._waiting

    @property
    def is_closing(self) -> bool:
        """Whether nothing more is read, and the connection must be closed."""
        return self._waiting in (Waiting.CLOSE, Waiting.ORDERLY_CLOSE)

    @property
    def is_orderly_close(self) -> bool:
        """Whether the client expects the close."""
        return self._waiting is Waiting.ORDERLY_CLOSE

    @property
    def is_reply_pending(self) -> bool:
        """Whether the driver has to bring the result of `pending_call`, or a reply."""
        return self._waiting in (Waiting.CALL, Waiting.DECISION)

    @property
    def has_backlog(self) -> bool:
        """Whether the rest waits for the driver's next turn."""
        return self._waiting is Waiting.TURN

    @property
    def is_handshaking(self) -> bool:
        """Whether the next input belongs to the TLS handshake."""
        return self._waiting is Waiting.HANDSHAKE

    @property
    def unread_size(self) -> int:
        """The bytes of input that have arrived and are not processed yet."""
        return self._reader.unread_size

    @property
    def has_unread_input(self) -> bool:
        """Whether input has arrived that is not processed yet."""
        return self.unread_size > 0

    @property
    def is_executing(self) -> bool:
        """Whether a command is executed, so that the next output belongs to it."""
        return self._work is not None

    @property
    def auth_failures(self) -> int:
        """The number of refused attempts to authenticate so far."""
        return self._authorization.failures

    # -- called by the driver ----------------------------------------------------------------

    def greet(self, peer: str) -> bytes:
        """Return the greeting for the client `peer`, such as "192.0.2.1:1025" (RFC 1939 4)."""
        self.record.peer = self._original_peer = peer
        self._start(self._greet())
        return self._process_input()

    def receive(self, data: bytes) -> bytes:
        """Process input from the client, and return the bytes to send."""
        if self.is_closing or self.is_handshaking:
            return b""
        self._reader.feed(data)
        if self._waiting is Waiting.TURN:
            self._wait(Waiting.INPUT)
            if self._work is not None:
                self._resume(None)
        elif self.is_halted:
            return b""
        return self._process_input()

    def receive_eof(self) -> bytes:
        """Process the end of input, and return the bytes to send; the client may still be reading."""
        self._has_eof = True
        return b"" if self.is_halted else self._process_input()

    def answer(self, result: object) -> bytes:
        """Continue with the result of `pending_call`, or with the reply to the last command.

        Raises `RuntimeError` if the session waits for neither.
        """
        self._end_wait()
        self._resume(result)
        return self._process_held_input()

    def fail(self, error: BaseException) -> bytes:
        """Continue after `pending_call` has raised an exception.

        Raises `RuntimeError` if the session waits for no call.
        """
        self._end_wait()
        self._resume(None, CallFailed(error))
        return self._process_held_input()

    def interrupt(self, reply: ReadingReply) -> bytes:
        """Send a reply that the client did not ask for, and return the bytes; `BYE` closes."""
        if self.is_closing:
            return b""
        self._send_reply(reply)
        return self._take_output()

    def notify_change(self) -> bytes:
        """Ignore changes of the account: the maildrop of a session does not change (RFC 1939 5)."""
        return b""

    def complete_handshake(self, facts: TlsFacts, settings: ReadingSettings) -> None:
        """Start the session again inside TLS, with the settings for it (RFC 2595 4)."""
        record_handshake(self.record, facts, self._original_peer)
        self._reader.discard()
        if self.is_handshaking:  # not with implicit TLS, before the greeting
            self._wait(Waiting.INPUT)
        self.apply_settings(settings)

    def apply_settings(self, settings: ReadingSettings) -> None:
        """Start the session again with other settings."""
        self.settings = settings
        self.record.auth = None
        self.account = self._maildrop = None
        self._authorization.reset(settings)

    def time_out(self) -> bytes:
        """Close after a deadline; RFC 1939 3 forbids a response, and the UPDATE state."""
        self.record.end("timeout")
        self.abandon()
        return b""

    def shut_down(self) -> bytes:
        """Close because the server stops, and return the bytes to send."""
        return self.close_with_reply(ReadingReply("-ERR", "[SYS/TEMP] Server shutting down, goodbye"), "stop")

    def close_with_reply(self, reply: ReadingReply, reason: str) -> bytes:
        """Send a last reply without a decision; `reason` is recorded as the end of the session."""
        if self.is_closing:
            return b""
        self.record.end(reason)
        if self._work is None or self._waiting is not Waiting.TURN:  # not within a response
            self._send_reply(reply)
        self.abandon()
        return self._take_output()

    def abandon(self) -> None:
        """Drop all input, because the connection is lost; marked messages are not deleted."""
        if not self.is_closing:
            self._close(Waiting.CLOSE)

    # -- input -------------------------------------------------------------------------------

    def _wait(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self.is_halted = waiting is not Waiting.INPUT

    def _end_wait(self) -> None:
        if not self.is_reply_pending:
            raise RuntimeError("the session waits for no result: is_reply_pending is false")
        self.pending_call = None
        self._wait(Waiting.INPUT)

    def _close(self, waiting: Waiting) -> None:
        """Read nothing more, and drop what was received."""
        self._wait(waiting)
        self.pending_call = self._work = None
        self._reader.discard()

    def _process_held_input(self) -> bytes:
        """Process the input that arrived while the session waited."""
        if self.unread_size > self.settings.limits.session_memory and not self.is_closing:
            self._give_up("Too much input while a response is pending, goodbye")
        return self._process_input()

    def _process_input(self) -> bytes:
        """Read until the input ends, a result is pending, or the turn ends; return the output."""
        items_left = self.items_per_turn
        while not self.is_halted:
            if items_left == 0 and self._reader.unread_size:
                self._wait(Waiting.TURN)
                break
            line = self._reader.read()
            if line is None:
                break
            items_left -= 1
            if isinstance(line, bytes):
                self._start(self._process_line(line))
            else:
                self._handle_unreadable(line)
        if self._has_eof and not self.is_halted:
            self._handle_eof()
        return self._take_output()

    def _handle_eof(self) -> None:
        """End the session; an unfinished command is answered if it has a bare CR or LF."""
        rest = self._reader.take_rest()
        if b"\n" in rest or b"\r" in rest.removesuffix(b"\r"):
            self._send_error(CommandError("Bare CR or LF; a command ends with CRLF"))
        self.record.end("EOF")
        self._close(Waiting.ORDERLY_CLOSE)

    def _handle_unreadable(self, item: Unreadable) -> None:
        if item is Unreadable.TLS_HANDSHAKE:
            reason = "the client began a TLS handshake, and this listener has no implicit TLS"
            self.record.transcript.add_note(reason)
            self.record.tls_failure = reason
            self._give_up("This is a POP3 server; goodbye")
            return
        self.record.transcript.add_note("a command line over the limit")
        if item is Unreadable.ENDLESS_LINE:
            self._give_up("Command line has no end, goodbye")
        else:
            self._authorization.reset(self.settings)  # an exchange cannot continue
            self._send_error(CommandError("Command line too long", is_misuse=True))

    # -- steps -------------------------------------------------------------------------------

    def _start(self, work: Steps[None]) -> None:
        self._work = work
        self._resume(None)

    def _resume(self, value: object, error: CallFailed | None = None) -> None:
        """Carry out the steps of the command, until it ends or the session halts."""
        work, self._work = self._work, None
        if work is None:  # pragma: no cover - a session that waits has a command
            raise AssertionError("a result without a command")
        while True:
            try:
                step = work.send(value) if error is None else work.throw(error)
            except StopIteration:
                return
            error = None
            try:
                value = self._apply_step(step)
            except BaseException:  # of `decide`
                work.close()
                raise
            if self.is_halted:
                # After the last step of QUIT the session is closing.
                self._work = None if self.is_closing else work
                return

    def _apply_step(self, step: Step) -> ReadingReply | None:
        """Carry out a step, and return its result if it is known."""
        if isinstance(step, bytes):
            self._send(step)
        elif isinstance(step, Piece):
            self._add_output(step.data)
        elif isinstance(step, Record):
            self._record_response(step)
        elif isinstance(step, Call):
            self.pending_call = step.function
            self._wait(Waiting.CALL)
        else:
            reply = self._decide(step, None)
            if not isinstance(reply, Pending):
                return reply
            self._wait(Waiting.DECISION)
        return None

    # -- output ------------------------------------------------------------------------------

    def _add_output(self, data: bytes) -> None:
        """Add to the output, and let the driver send it if there is much of it."""
        self._output.append(data)
        self._output_size += len(data)
        if self._output_size > self.settings.limits.replies_waiting and not self.is_halted:
            self._wait(Waiting.TURN)

    def _take_output(self) -> bytes:
        output = b"".join(self._output)
        self._output.clear()
        self._output_size = 0
        return output

    def _send(self, response: bytes) -> None:
        self.record.transcript.add_reply(response)
        self._add_output(response)

    def _record_response(self, step: Record) -> None:
        transcript = self.record.transcript
        if step.content is not None and self.settings.keeps_content:
            transcript.add_reply(step.content + END)
        else:
            transcript.add_note(step.note)

    def _send_reply(self, reply: ReadingReply) -> None:
        """Send the reply of a rule; `BYE`, which only IMAP has, closes."""
        if reply.is_positive:
            self._send(render_ok(reply.text))
        else:
            if reply.status == "BYE":
                self.record.end("rule")
            self._send_error(CommandError(reply.text, closes=reply.status == "BYE"))

    def _send_error(self, error: CommandError) -> None:
        limit = self.settings.limits.errors
        if error.is_misuse:
            self._misuses += 1
            if limit is not None and self._misuses >= limit:
                error = CommandError("Too many errors, goodbye", closes=True)
        self.record.refusals += self.record.ended is None
        self._send(render_error(error.text))
        if error.closes:
            self.record.end("421")
            self._close(Waiting.CLOSE)

    def _give_up(self, text: str) -> None:
        self._send_error(CommandError(text, closes=True))

    # -- commands ----------------------------------------------------------------------------

    def _greet(self) -> Steps[None]:
        reply: ReadingReply | None = yield ReadingCommand("POP3 CONNECT", self.record.peer)
        if reply is None:
            text = f"{self.settings.hostname} POP3 lazr.smtptest {self._authorization.build_timestamp()}"
            yield render_ok(text)
        else:
            self._send_reply(reply)
            if not reply.is_positive:
                self.record.end("rule")
                self.abandon()

    def _process_line(self, line: bytes) -> Steps[None]:
        """Answer one line, whatever happens."""
        try:
            if self._authorization.is_active:
                self.record.transcript.add_command(self._authorization.mask_line(line))
                yield from self._finish_login(self._authorization.respond(line))
            else:
                yield from self._process_command(line)
            self._misuses = 0
        except CommandError as error:
            self._send_error(error)
        except ReplacedReply as replaced:
            self._send_reply(replaced.reply)
        except FolderError as error:
            self._send_error(describe_failure(error))
        except CallFailed as failed:
            self._send_error(describe_failure(failed.error))

    def _process_command(self, line: bytes) -> Steps[None]:
        # Some clients continue an exchange without looking at the reply that has refused AUTH.
        may_be_secret = self._follows_auth and is_unknown_line(line)
        self._follows_auth = may_be_secret or is_auth_line(line + b" ")
        self.record.transcript.add_command(b"***" if may_be_secret else mask_line(line))
        if len(line) + 2 > self.settings.limits.command_line and not is_auth_line(line):
            raise CommandError("Command line too long", is_misuse=True)
        command = parse_line(line)
        verb = command.verb
        if verb != "AUTH" and not may_be_secret:  # AUTH is decided on when the user is known
            event = ReadingCommand(f"POP3 {verb}", command.public_argument, self._find_username(command))
            reply: ReadingReply | None = yield event
            if reply is not None:
                raise ReplacedReply(reply)
        command.check_arguments()
        if verb in TRANSACTION_COMMANDS:
            if self._maildrop is None:
                raise CommandError(f"{verb} needs authentication first", is_misuse=True)
            yield from TRANSACTION_COMMANDS[verb](self._maildrop, command.arguments)
        elif verb in _LOGIN_VERBS:
            if self._maildrop is not None:
                raise CommandError("Already authenticated", is_misuse=True)
            yield from self._finish_login(self._run_login(command))
        else:
            yield from _SESSION_COMMANDS[verb](self, command.arguments)

    def _find_username(self, command: CommandLine) -> str:
        """Return the user of the session, or the one that the command names."""
        if self.account is not None:
            return self.account.username
        if command.verb in ("USER", "APOP"):
            return command.arguments[0] if command.arguments else ""
        return self._authorization.username if command.verb == "PASS" else ""

    # -- AUTHORIZATION -----------------------------------------------------------------------

    def _run_login(self, command: CommandLine) -> Steps[Authenticated | None]:
        authorization = self._authorization
        run = {
            "APOP": authorization.run_apop,
            "AUTH": authorization.run_auth,
            "PASS": authorization.run_pass,
            "USER": authorization.run_user,
        }[command.verb]
        return run(command.arguments)

    def _finish_login(self, login: Steps[Authenticated | None]) -> Steps[None]:
        """Open the maildrop of the user if the login succeeds."""
        outcome = yield from login
        if outcome is None:
            return
        account = self._open_account(outcome.username)
        maildrop = yield from open_maildrop(account)
        self.account, self._maildrop = account, maildrop
        yield render_ok(f"Maildrop has {maildrop.count} messages ({maildrop.size} octets)")

    def _run_capa(self, arguments: Sequence[str]) -> Steps[None]:
        """List the capabilities (RFC 2449 5)."""
        settings = self.settings
        names = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER", "LANG"]
        names += ["UTF8 USER" if settings.accepts_password else "UTF8"]
        names += ["USER"] if settings.accepts_password else []
        names += [f"SASL {' '.join(settings.mechanisms)}"] if settings.mechanisms else []
        names += ["STLS"] if settings.offers_starttls and self._maildrop is None else []
        lines = "".join(f"{name}\r\n" for name in [*names, "IMPLEMENTATION lazr.smtptest"])
        yield render_ok("Capabilities follow") + lines.encode("ascii") + END

    def _run_stls(self, arguments: Sequence[str]) -> Steps[None]:
        """Begin TLS; input in clear after the command is not executed (RFC 2595 4)."""
        if self._maildrop is not None:
            raise CommandError("STLS is not allowed after authentication", is_misuse=True)
        if not self.settings.offers_starttls:
            raise CommandError("TLS is already active" if self.settings.tls_active else "STLS is not offered")
        rest = self._reader.take_rest()
        if rest:  # CVE-2011-0411: an attacker may have injected it
            self.record.add_discarded(rest)
            raise CommandError("Input in clear after STLS; discarded, goodbye", closes=True)
        self._send(render_ok("Begin TLS"))
        self._wait(Waiting.HANDSHAKE)  # at once, so that no input can come before it
        yield from ()

    def _run_utf8(self, arguments: Sequence[str]) -> Steps[None]:
        """Accept UTF-8; messages are sent as they are in any case (RFC 6856 2)."""
        if self._maildrop is not None:
            raise CommandError("UTF8 is not allowed after authentication", is_misuse=True)
        yield render_ok("UTF8 enabled")

    def _run_lang(self, arguments: Sequence[str]) -> Steps[None]:
        """Answer that responses are in English (RFC 6856 3)."""
        if not arguments:
            yield render_ok("Languages follow") + b"en English English\r\n" + END
        elif arguments[0].lower() in (*_LANGUAGES, "*") or arguments[0].lower().startswith("en-"):
            yield render_ok("en Responses are in English")
        else:
            raise CommandError("The only language is en")

    # -- UPDATE ------------------------------------------------------------------------------

    def _run_quit(self, arguments: Sequence[str]) -> Steps[None]:
        """Delete the marked messages, answer, and close (RFC 1939 6)."""
        response = render_ok("Goodbye")
        if self._maildrop is not None:
            try:
                count = yield from self._maildrop.update()
                response = render_ok(f"Goodbye; deleted messages: {count}" if count else "Goodbye")
            except CallFailed as failed:
                response = render_error(f"{describe_failure(failed.error).text}; some messages were not deleted")
        self._send(response)
        self.record.end("QUIT")
        self._close(Waiting.ORDERLY_CLOSE)


_SESSION_COMMANDS: dict[str, Callable[[Pop3Session, Sequence[str]], Steps[None]]] = {
    "CAPA": Pop3Session._run_capa,
    "LANG": Pop3Session._run_lang,
    "QUIT": Pop3Session._run_quit,
    "STLS": Pop3Session._run_stls,
    "UTF8": Pop3Session._run_utf8,
}

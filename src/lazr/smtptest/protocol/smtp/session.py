"""One SMTP session: bytes in, replies out, and one decision for each event.

From a line to a reply: the reader cuts the line out of the input.  Its verb is looked up in the state table, which has
the verbs that are allowed now.  The argument is parsed into an event.  The event and the reply that the RFC suggests go
to `decide`.  The session applies the reply that it returns: the reply is sent, and, if it is positive, changes the
state.

An invalid line is an event too (`Malformed`), and a decision can change its reply.  Only two kinds of output need no
decision: the 421 with which a session gives up, and the challenges of AUTH.  The suggested replies, and the effects of
a reply, are the tables of `transitions`; this module carries the effects out.

`decide` may return `PENDING`.  Then the rest of the input waits, unparsed, until `answer` brings the reply.
Pipelining needs no other code than this.  `waiting` has the table of all conditions in which a session waits.

A session owns its parts: a reader (`reader`), an exchange of AUTH (`auth_exchange`), an upgrade to TLS (`tls_upgrade`),
a chunk (`chunk`) and the verdicts of LMTP (`lmtp_delivery`).  Most are created when a client first needs them.
"""

from __future__ import annotations

import sys

from lazr.smtptest._util.lazy_pattern import compile_lazily
from lazr.smtptest._util.octets import has_bare_line_ends, join_parts
from lazr.smtptest.protocol.smtp import events, standard_replies
from lazr.smtptest.protocol.smtp.commands import (
    ARGUMENT_PARSERS,
    UNIMPLEMENTED_VERBS,
    extract_verb,
    is_bdat_like,
    is_http_request_line,
)
from lazr.smtptest.protocol.smtp.data import MemorySink
from lazr.smtptest.protocol.smtp.misuse_counter import MisuseCounter
from lazr.smtptest.protocol.smtp.reader import Item, SmtpReader
from lazr.smtptest.protocol.smtp.reply import CommandRefused, RawBytes, Reply
from lazr.smtptest.protocol.smtp.secret_masking import mask_secrets
from lazr.smtptest.protocol.smtp.server_settings import ServerSettings
from lazr.smtptest.protocol.smtp.session_record import SessionRecord
from lazr.smtptest.protocol.smtp.states import TRANSITIONS_BY_STATE, State
from lazr.smtptest.protocol.smtp.transitions import (
    EFFECTS,
    SUGGESTED_REPLIES,
    Effect,
    is_client_error,
)
from lazr.smtptest.protocol.smtp.waiting import (
    CLOSED,
    FORBIDS_PIPELINING,
    GROUP_ENDS,
    REPLY_PENDING,
    WAITING_TRANSITIONS,
    Step,
    Waiting,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from lazr.smtptest.protocol.smtp.auth_exchange import AuthExchange, AuthStep
    from lazr.smtptest.protocol.smtp.chunk import Chunk
    from lazr.smtptest.protocol.smtp.data import Sink
    from lazr.smtptest.protocol.smtp.lmtp_delivery import LmtpDelivery
    from lazr.smtptest.protocol.smtp.reply import Pending
    from lazr.smtptest.protocol.smtp.session_record import TlsFacts
    from lazr.smtptest.protocol.smtp.tls_upgrade import TlsUpgrade

    Decide = Callable[[events.Event, Reply], Reply | Pending]
    ApplyReply = Callable[["SmtpSession", Any, Reply], None]

__all__ = ["METHODS_BY_EFFECT", "SmtpSession"]

# Size of the cache of parsed lines.  Clients repeat DATA and QUIT, and often MAIL and RCPT with the same addresses.
_MAX_PARSED_LINES = 256
_OUT_OF_ORDER_REPLIES = {
    "MAIL": standard_replies.NESTED_MAIL,
    "RCPT": standard_replies.MAIL_FIRST,
    "DATA": standard_replies.RCPT_FIRST,
    "AUTH": standard_replies.AUTH_IN_TRANSACTION,
}
_MAX_LOGGED_BYTES = 250
# A verb that a rule or a decision may implement.
_CLEAN_VERB = compile_lazily("[A-Za-z0-9_-]{1,40}")
# These bring a mail nearer; `Limits.commands_without_mail` counts all others.
_PROGRESS_VERBS = frozenset({"MAIL", "RCPT", "DATA", "BDAT", "QUIT"})
# Looked up for each item.
_PART, _END_OF_DATA = Item.PART, Item.END_OF_DATA
_START_VERBS = TRANSITIONS_BY_STATE[State.START]
_READY_VERBS = TRANSITIONS_BY_STATE[State.READY]
_REFUSED_VERBS = TRANSITIONS_BY_STATE[State.REFUSED]
# Conditions at which the end of input does not end the session yet.
_UNFINISHED = frozenset({*REPLY_PENDING, Waiting.TURN, Waiting.HANDSHAKE})


class SmtpSession:
    """One SMTP session, without I/O (RFC 5321).

    Drive it with `greet`, then `receive` for all input; each method returns the bytes to send, perhaps none.  After
    each call look at `is_halted`.  If it is true, the session waits for `waiting`, and these describe the same:

    - `is_closing`: send the output, then close the connection.  `is_orderly_close` means that the client expects it:
      it sent QUIT or ended its input.
    - `is_reply_pending`: `decide` returned `PENDING`.  Call `answer` when the reply is known; there is no need to read
      until then.  If `is_at_mark` is true as well, the content has reached one of the `marks`: call
      `resume_after_mark` instead.
    - `has_backlog`: much output waits, or `items_per_turn` lines were handled.  When the output is sent, call
      `receive(b"")` for the rest of the input.
    - `is_handshaking`: send the output.  The next input belongs to TLS, until you call `complete_handshake`.

    No input raises an exception.  The result does not depend on how the input was split, with one exception: input
    after STARTTLS or AUTH, before the reply, is discarded.

    Args:
        decide: Called with each event and the suggested reply; returns a `Reply` or `PENDING`.
        settings: The settings of the server; the defaults of `ServerSettings` by default.
        make_sink: Returns a new store for the content of messages; it is in memory by default.

    >>> session = SmtpSession(lambda event, reply: reply)
    >>> session.greet("192.0.2.1")
    b'220 localhost ESMTP lazr.smtptest\\r\\n'
    >>> session.receive(b"NOOP\\r\\nNO")
    b'250 2.0.0 Ok\\r\\n'
    >>> session.receive(b"OP\\r\\n")
    b'250 2.0.0 Ok\\r\\n'
    """

    __slots__ = (
        "_allowed_verbs",
        "_auth",
        "_chunk",
        "_decide",
        "_delivery",
        "_mail",
        "_misuse",
        "_original_peer",
        "_output",
        "_parsed_lines",
        "_pending_event",
        "_rcpts",
        "_reader",
        "_transcript_entries",
        "_upgrade",
        "_waiting",
        "has_smtputf8",
        "is_esmtp",
        "is_halted",
        "items_per_turn",
        "marks",
        "record",
        "settings",
        "state",
    )

    def __init__(
        self,
        decide: Decide,
        settings: ServerSettings | None = None,
        *,
        make_sink: Callable[[], Sink] = MemorySink,
    ) -> None:
        settings = settings or ServerSettings()
        self.settings: ServerSettings = settings
        self._decide = decide
        self.record: SessionRecord = SessionRecord()
        record = self.record
        record.transcript.keeps_content = settings.keeps_content
        self._transcript_entries = record.transcript.entries
        self._reader = SmtpReader(settings, make_sink)
        self._output = b""
        self._pending_event: events.Event | None = None  # the event whose reply is pending

        self._waiting = Waiting.INPUT
        self.is_halted: bool = False  # the session waits for something else than input
        # Positions in the content at which the session halts, as if a reply were pending, so that the driver can
        # interrupt the content there.
        self.marks: Sequence[int] = ()
        # How many lines, chunks or parts of content one call handles; then `has_backlog` is true, and other sessions
        # can have their turn.
        self.items_per_turn: int = sys.maxsize

        self.state: State = State.START
        self._allowed_verbs = _START_VERBS
        # The grammar of the commands that follow, and the cache of the lines parsed by it.
        self.is_esmtp: bool = False  # the client sent EHLO, so it may use parameters
        self.has_smtputf8: bool = False  # MAIL had the parameter SMTPUTF8, so addresses may use UTF-8
        self._parsed_lines = settings.parsed_lines[False, False]
        self._original_peer = ""  # the client before XCLIENT
        self._auth: AuthExchange | None = None  # created by the first AUTH
        self._upgrade: TlsUpgrade | None = None  # STARTTLS is accepted; the handshake comes next

        self._misuse = MisuseCounter()

        self._mail: events.Mail | None = None  # the current transaction
        self._rcpts: list[events.Rcpt] | tuple[()] = ()
        self._chunk: Chunk | None = None  # the chunk being read
        self._delivery: LmtpDelivery | None = None  # LMTP: the message that awaits its verdicts

    # -- what the driver and the tables read -------------------------------------------------

    @property
    def waiting(self) -> Waiting:
        """What the session waits for."""
        return self._waiting

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
        """Whether the driver has to bring a reply, or to resume after a mark."""
        return self._waiting in REPLY_PENDING

    @property
    def is_pipelining_forbidden(self) -> bool:
        """Whether the client must wait for the pending reply; its input is discarded."""
        return self._waiting in FORBIDS_PIPELINING

    @property
    def is_at_mark(self) -> bool:
        """Whether the content has reached one of the `marks`."""
        return self._waiting is Waiting.MARK

    @property
    def has_backlog(self) -> bool:
        """Whether the rest of the input waits for the driver's next turn."""
        return self._waiting is Waiting.TURN

    @property
    def is_handshaking(self) -> bool:
        """Whether the next input belongs to the TLS handshake."""
        return self._waiting is Waiting.HANDSHAKE

    @property
    def has_unread_input(self) -> bool:
        """Whether input has arrived that is not processed yet."""
        return bool(self._reader.unread)

    @property
    def unread_size(self) -> int:
        """The bytes of input that have arrived and are not processed yet."""
        return len(self._reader.unread)

    @property
    def is_in_content(self) -> bool:
        """Whether the next bytes are content, by DATA or by BDAT."""
        return self._reader.is_in_content

    @property
    def content_size(self) -> int:
        """The bytes of content received since DATA, or in the chunks of this transaction."""
        return self._reader.content_size

    @property
    def last_mark(self) -> int:
        """The last mark that the content has reached; -1 for none."""
        return self._reader.last_mark

    @property
    def is_lmtp(self) -> bool:
        """Whether the session speaks LMTP (RFC 2033)."""
        return self.settings.lmtp

    @property
    def transaction(self) -> tuple[events.Mail | None, tuple[events.Rcpt, ...]]:
        """The reverse-path and the accepted forward-paths; None and () outside a transaction."""
        return self._mail, tuple(self._rcpts)

    @property
    def recipient_count(self) -> int:
        """The number of recipients accepted in this transaction."""
        return len(self._rcpts)

    @property
    def is_binary(self) -> bool:
        """Whether MAIL announced content without lines (RFC 3030 3)."""
        mail = self._mail
        return mail is not None and bool(mail.parameters) and mail.parameters.get("BODY") == "BINARYMIME"

    # -- called by the driver ----------------------------------------------------------------

    def greet(self, peer: str) -> bytes:
        """Return the greeting for the client `peer`, such as "192.0.2.1:1025" (RFC 5321 3.1)."""
        self.record.peer = self._original_peer = peer
        self._request_decision(events.Connect(peer), self.settings.greeting_reply)
        return self._process_input(b"")

    def receive(self, data: bytes) -> bytes:
        """Process input from the client, and return the bytes to send."""
        reader = self._reader
        if self.is_halted:
            return self._receive_while_halted(data)
        if reader.is_at_line_start:
            # Fast path: the input is exactly one command, as most clients send them.
            parsed = self._parsed_lines.get(data)
            if parsed is not None or -1 < data.find(b"\r\n") == len(data) - 2:
                self._handle_line(data, parsed)
                if not self.is_halted:
                    output = self._output
                    self._output = b""
                    return output
                data = b""
        return self._process_input(reader.take(data))

    def _receive_while_halted(self, data: bytes) -> bytes:
        reader = self._reader
        if self._waiting is Waiting.TURN:
            self._wait(Step.BEGIN_TURN)
            return self._process_input(reader.take(data))
        if self._waiting is Waiting.GROUP_END:  # an exception of `decide` has interrupted the last call
            self._wait(Step.END_GROUP)
            return self._process_input(reader.take(data))
        if self._waiting in REPLY_PENDING:
            reader.hold(data)  # a driver may go on reading, up to the limit
        return b""

    def receive_eof(self) -> bytes:
        """Process the end of input, and return the bytes to send; the client may still be reading."""
        self._reader.note_eof()
        if self.is_halted:
            return b""
        return self._process_input(self._reader.take(b""))

    def answer(self, reply: Reply) -> bytes:
        """Apply the pending reply, and return the bytes to send.

        Also processes the input that waited for the reply.
        Raises `RuntimeError` if no reply is pending.
        """
        event = self._pending_event
        if event is None or not self.is_reply_pending:
            raise RuntimeError("answer() needs a pending reply: the last decision was not PENDING")
        self._pending_event = None
        self._wait(Step.ANSWER)
        self._apply_reply(event, reply)
        if self._delivery is not None and not self.is_reply_pending:
            self._request_delivery_decisions()
        return self._process_held_input()

    def resume_after_mark(self) -> bytes:
        """Continue after the mark that the content has reached, and return the bytes to send.

        Raises `RuntimeError` if the session is not at a mark.
        """
        if not self.is_at_mark:
            raise RuntimeError("resume_after_mark() needs is_at_mark to be true: the session is not at a mark")
        self._wait(Step.RESUME)
        reader = self._reader
        if reader.is_at_chunk_end and not reader.has_overflowed:
            reader.end_chunk()
            self._handle_end_of_chunk()
        return self._process_held_input()

    def _process_held_input(self) -> bytes:
        """Process the input that was held while the session waited."""
        reader = self._reader
        if reader.has_overflowed and not self.is_closing:
            self._send_reply_and_close(standard_replies.INPUT_OVERFLOW)
        return self._process_input(reader.take(b""))

    def complete_handshake(self, facts: TlsFacts, settings: ServerSettings) -> None:
        """Start the session again inside TLS, with the settings for it (RFC 3207 4.2)."""
        from lazr.smtptest.protocol.smtp.tls_upgrade import record_handshake

        record_handshake(self.record, facts, self._original_peer)
        if self._waiting is Waiting.HANDSHAKE:  # not with implicit TLS, before the greeting
            self._wait(Step.COMPLETE_HANDSHAKE)
        self.apply_settings(settings)

    def apply_settings(self, settings: ServerSettings) -> None:
        """Start the session again with other settings."""
        self.settings = self._reader.settings = settings
        self._reset()

    def _reset(self) -> None:
        """Forget all that the client sent; it has to greet again."""
        self.record.helo = ""
        self.record.auth = None
        self._abort_transaction()
        self.state, self._allowed_verbs = State.START, _START_VERBS
        self._set_grammar(is_esmtp=False, has_smtputf8=False)

    def time_out(self) -> bytes:
        """Close with 421 after a deadline (RFC 5321 4.5.3.2); return the bytes to send."""
        return self.close_with_reply(standard_replies.TIMEOUT, "timeout")

    def shut_down(self) -> bytes:
        """Close with 421, because the server stops (RFC 5321 3.8); return the bytes to send."""
        return self.close_with_reply(standard_replies.SHUTTING_DOWN, "stop")

    def abandon(self) -> None:
        """Drop all input, because the connection is lost."""
        if not self.is_closing:
            self._close(Step.CLOSE)

    def close_with_reply(self, reply: Reply, reason: str) -> bytes:
        """Send a last reply without a decision; `reason` is recorded as the end of the session."""
        if self.is_closing:
            return b""
        self.record.end(reason)
        self._send_reply_and_close(reply)
        return self._process_input(b"")

    # -- input -------------------------------------------------------------------------------

    def _wait(self, step: Step) -> None:
        """Take a step to another condition; `WAITING_TRANSITIONS` has all of them."""
        waiting = self._waiting = WAITING_TRANSITIONS[self._waiting, step]
        self.is_halted = waiting is not Waiting.INPUT

    def _close(self, step: Step) -> None:
        """Read nothing more, and drop what was received."""
        self._wait(step)
        self._reader.discard()

    def _process_input(self, data: bytes) -> bytes:
        """Read until the input ends, a reply is pending, replies pile up, or the turn ends."""
        reader = self._reader
        reader.marks = self.marks
        position = 0
        end = len(data)
        items_left = self.items_per_turn
        while position < end and not self.is_halted:
            if items_left == 0:
                self._wait(Step.END_TURN)
                break
            item = reader.read(data, position)
            if item is None:
                break
            position = reader.end
            items_left -= 1
            if isinstance(item, bytes):
                self._handle_line(item, self._parsed_lines.get(item))
            elif item is not _PART:
                self._handle_item(item)
        reader.keep(data[position:] if position else data)
        if reader.bare_line_ends:
            self.record.has_bare_line_ends = True
        if self.is_halted or reader.has_eof:
            self._handle_input_end()
        output = self._output
        self._output = b""
        return output

    def _handle_input_end(self) -> None:
        """Handle what the rest of the input means where the session does not simply read on."""
        reader = self._reader
        if self._waiting in GROUP_ENDS:
            self._end_group(reader.take(b""))
        if reader.has_eof and not self.is_halted and reader.is_at_command:
            self._handle_unterminated_line(reader.take(b""))
        if self.is_closing:
            reader.discard()
        if reader.has_eof and self._waiting not in _UNFINISHED:
            # RFC 5321 4.1.1.10: the client should have sent QUIT.  An unfinished message is dropped.
            self.record.end("EOF")
            self._close(Step.CLOSE_ORDERLY)

    def _handle_item(self, item: Item) -> None:
        """Handle an item that is not a command line."""
        if item is _END_OF_DATA:
            self._handle_end_of_data()
        elif item is Item.END_OF_CHUNK:
            self._handle_end_of_chunk()
        elif item is Item.MARK:
            self._wait(Step.REACH_MARK)
        elif item is Item.LONG_LINE_START:
            self._log_command(self._mask_line(self._reader.long_line))
        elif item is Item.LONG_LINE:
            line, self._reader.long_line = self._reader.long_line, b""
            self._handle_long_line(line)
        elif item is Item.TLS_HANDSHAKE:
            reason = "the client began a TLS handshake, and this listener has no implicit TLS"
            self.record.transcript.add_note(reason)
            self.record.tls_failure = reason
            self._send_reply_and_close(standard_replies.NOT_SMTP)
        else:
            self._send_reply_and_close(
                standard_replies.ENDLESS_LINE if item is Item.ENDLESS_LINE else standard_replies.ENDLESS_MESSAGE
            )

    def _end_group(self, rest: bytes) -> None:
        """Handle the input, perhaps none, that came after a line of AUTH or STARTTLS."""
        upgrade, self._upgrade = self._upgrade, None
        self._wait(Step.END_GROUP)
        if rest:
            from lazr.smtptest.protocol.smtp.tls_upgrade import refuse_early_input

            last_reply = refuse_early_input(rest, self.record, upgrade)
            if not self.is_closing:
                self._send_reply_and_close(last_reply)
        elif upgrade is not None:
            self._send_reply(upgrade.reply)
            if not self.is_closing:
                self._wait(Step.BEGIN_HANDSHAKE)
        else:
            self._end_turn_if_full()

    def _handle_unterminated_line(self, rest: bytes) -> None:
        """Answer an unfinished command at the end of input if it has a bare CR or LF."""
        if b"\n" in rest or b"\r" in rest:
            self._handle_line(rest + b"\r\n", None)

    # -- output ------------------------------------------------------------------------------

    def _send_reply(self, reply: Reply) -> None:
        settings = self.settings
        wire = reply.wire if settings.has_enhanced_codes else reply.wire_without_enhanced_code
        self._transcript_entries.append(wire)
        output = self._output = self._output + wire if self._output else wire
        if reply.code >= 400:
            self.record.refusals += self.record.ended is None  # the 421 that ends a session is not a refusal
        if reply.closes:
            self.record.end("421" if reply.code == 421 else "rule")
            self._close(Step.CLOSE)
        if len(output) > settings.limits.replies_waiting:
            self._end_turn_if_full()

    def _end_turn_if_full(self) -> None:
        """Let the driver send the output if there is much of it."""
        if len(self._output) > self.settings.limits.replies_waiting and not self.is_halted:
            self._wait(Step.END_TURN)

    def _send_replies(self, replies: Iterable[Reply]) -> None:
        """Send several replies to one command; they are joined once, as there may be thousands."""
        parts = [self._output]
        for reply in replies:
            self._output = b""
            self._send_reply(reply)
            parts.append(self._output)
        self._output = b"".join(parts)
        self._end_turn_if_full()

    def _send_line(self, line: bytes) -> None:
        """Send a line that is not a reply: a challenge of AUTH."""
        self._output += line
        self._transcript_entries.append(line)

    def _send_reply_and_close(self, reply: Reply) -> None:
        """Send a last reply, and read nothing more."""
        self._send_reply(reply)
        self._close(Step.CLOSE)

    # -- commands ----------------------------------------------------------------------------

    def _handle_line(self, line: bytes, parsed: tuple[bytes, events.Event, str] | None) -> None:
        """Handle one command line with its CRLF; `parsed` is its row in the cache, if it has one."""
        if parsed is None:
            stripped = line[:-2]
            # Of a line that is too long, only the start is masked and logged, as if its end had arrived later.
            self._log_command(self._mask_line(stripped[: self.settings.max_line_bytes]))
            event = self._parse_line(stripped)
            if event is None:
                return
            verb: str = event.verb
            if len(self._parsed_lines) >= _MAX_PARSED_LINES:
                self._parsed_lines.clear()
            self._parsed_lines[line] = (stripped, event, verb)
        else:
            stripped, event, verb = parsed
            # As `_log_command` does, but faster: the line is short and has no secret.
            self._transcript_entries.append(stripped)
            if (verb not in _PROGRESS_VERBS and self._close_if_too_idle()) or (
                verb not in self._allowed_verbs and self._refuse_if_out_of_order(verb, stripped)
            ):
                return
        self._transcript_entries.append(event)
        suggested = SUGGESTED_REPLIES[verb]
        if not isinstance(suggested, Reply):
            if verb == "STARTTLS":
                self._wait(Step.FORBID_PIPELINING)  # even if the decision takes long, or refuses
            suggested = suggested(self, event)
            if suggested.code >= 400 and self._misuse.count_refused_command(self.settings.limits):
                self._send_reply_and_close(standard_replies.TOO_MANY_ERRORS)
                return
        self._request_decision(event, suggested)

    def _log_command(self, line: bytes) -> None:
        self.record.transcript.add_command(line)

    def _mask_line(self, line: bytes) -> bytes:
        """Return the line without its secrets."""
        if self._auth is None and extract_verb(line) != "AUTH" and mask_secrets(line) == line:
            return line
        return self._open_auth().mask_line(line)

    def _open_auth(self) -> AuthExchange:
        """Return the part for AUTH; most sessions never need it."""
        auth = self._auth
        if auth is None:
            from lazr.smtptest.protocol.smtp.auth_exchange import AuthExchange

            auth = self._auth = AuthExchange(self.record)
        return auth

    @property
    def _follows_auth(self) -> bool:
        """Whether the last valid command was AUTH, so that a stray line may be a password."""
        return self._auth is not None and self._auth.is_recent

    def _parse_line(self, line: bytes) -> events.Event | None:
        """Return the event of a valid line in order; answer any other line, and return None."""
        if self._auth is not None and self._auth.is_active:
            self._continue_exchange(self._auth, line)
            return None
        settings = self.settings
        if len(line) + 2 > settings.limits.command_line and self._refuse_if_too_long(line):
            return None
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            # RFC 5321 4.2.2: 500 for an unrecognized command, 501 for an error in its arguments.
            is_verb_valid = line.partition(b" ")[0].isascii()
            reply = standard_replies.NOT_UTF8 if is_verb_valid else standard_replies.NOT_RECOGNIZED
            self._refuse_line(line, reply)
            return None
        verb, _, argument = text.partition(" ")
        if not verb.isupper() and verb.isascii():  # not "RſET", which str.upper() turns into RSET
            verb = verb.upper()
        if verb not in _PROGRESS_VERBS and self._close_if_too_idle():
            return None
        parse = ARGUMENT_PARSERS.get(verb)
        if parse is None or verb in settings.unavailable_verbs:
            self._handle_special_verb(verb, argument, line)
            return None
        if self._refuse_if_out_of_order(verb, line):
            return None
        try:
            return parse(argument, self)
        except CommandRefused as refused:
            self._refuse(line, refused.reply)
            return None

    def _refuse_if_out_of_order(self, verb: str, line: bytes) -> bool:
        """Refuse the verb if it is not allowed in this state; return whether it was refused."""
        if verb in self._allowed_verbs:
            return False
        if self.state is State.START:
            reply = standard_replies.GREET_FIRST
        else:
            reply = _OUT_OF_ORDER_REPLIES.get(verb, standard_replies.BAD_SEQUENCE)
        self._refuse(line, reply)
        return True

    def _set_grammar(self, *, is_esmtp: bool, has_smtputf8: bool) -> None:
        """Set the grammar of the following commands: after EHLO or HELO, with SMTPUTF8 or not."""
        self.is_esmtp = is_esmtp
        self.has_smtputf8 = has_smtputf8
        self._parsed_lines = self.settings.parsed_lines[is_esmtp, has_smtputf8]

    def _close_if_too_idle(self) -> bool:
        """Count a command that brings no mail nearer; close and return True above the limit."""
        if self._misuse.count_command_without_mail(self.settings.limits):
            self._send_reply_and_close(standard_replies.TOO_MANY_IDLE_COMMANDS)
            return True
        return False

    def _handle_special_verb(self, verb: str, argument: str, line: bytes) -> None:
        """Handle BDAT and AUTH, and verbs that are unavailable or unknown."""
        unavailable = self.settings.unavailable_verbs.get(verb)
        if b"\r" in line or b"\n" in line:
            self._refuse_line(line, standard_replies.BARE_LINE_END)
        elif verb == "BDAT":
            self._begin_chunk(argument.rstrip(" "), line)
        elif is_bdat_like(line):
            self._refuse_unknown_chunk(line, standard_replies.UNKNOWN_CHUNK_SIZE)
        elif verb == "AUTH":
            self._begin_auth(argument, line, unavailable)
        elif unavailable is not None and unavailable.code in {503, 530}:  # implemented, but not allowed now
            self._refuse(line, unavailable)
        elif self._follows_auth and _CLEAN_VERB.fullmatch(verb) is None:  # such as "AUTH" and a tab
            self._refuse(line, standard_replies.NOT_RECOGNIZED)
        elif is_http_request_line(f"{verb} {argument}"):
            # A web page can make a browser send this (ALPACA).  The request's body must not be read as commands.
            self._send_reply_and_close(standard_replies.NOT_SMTP)
        else:
            unknown = (
                standard_replies.NOT_IMPLEMENTED if verb in UNIMPLEMENTED_VERBS else standard_replies.NOT_RECOGNIZED
            )
            event = events.Unknown(verb, argument, may_hold_secret=self._follows_auth)
            self._transcript_entries.append(event)
            self._request_decision(event, unavailable or unknown)

    def _refuse_if_too_long(self, line: bytes) -> bool:
        """Refuse a line over the limit of its verb (RFC 5321 4.5.3.1.4); return whether it is."""
        settings = self.settings
        if len(line) > settings.limits.command_flood:
            self._send_reply_and_close(standard_replies.ENDLESS_LINE)
            return True
        if len(line) + 2 <= settings.max_line_bytes_by_verb.get(extract_verb(line), settings.limits.command_line):
            return False
        self._handle_long_line(line[: settings.max_line_bytes])
        return True

    def _handle_long_line(self, line: bytes) -> None:
        auth = self._auth
        in_exchange = auth is not None and auth.is_active
        if self.settings.auth is not None and (in_exchange or extract_verb(line) == "AUTH"):
            auth = self._open_auth()
            auth.record_secret_in_clear(line)
            auth.end()
            self._set_grammar(is_esmtp=self.is_esmtp, has_smtputf8=self.has_smtputf8)
            self._wait(Step.FORBID_PIPELINING)
            self._refuse(b"AUTH ***", standard_replies.AUTH_TOO_LONG)
        else:
            self._refuse_line(line, standard_replies.LINE_TOO_LONG)

    def _refuse_line(self, line: bytes, reply: Reply) -> None:
        """Refuse a line that cannot be parsed; if a chunk may follow it, close too."""
        if is_bdat_like(line):
            self._refuse_unknown_chunk(line, standard_replies.UNKNOWN_CHUNK_SIZE)
        else:
            self._refuse(line, reply)

    # -- AUTH --------------------------------------------------------------------------------

    def _begin_auth(self, argument: str, line: bytes, unavailable_reply: Reply | None) -> None:
        """Handle the command AUTH (RFC 4954 4)."""
        auth, settings = self._open_auth(), self.settings
        if settings.auth is not None:
            self._wait(Step.FORBID_PIPELINING)
        limit = settings.limits.auth_failures
        if limit is not None and auth.failures >= limit:
            self._send_reply_and_close(standard_replies.TOO_MANY_AUTH_FAILURES)
            return
        auth.record_secret_in_clear(line)
        if unavailable_reply is not None and unavailable_reply.code == 502:
            event = events.Unknown("AUTH", mask_secrets(line).decode("ascii", "replace")[5:])
            self._transcript_entries.append(event)
            self._request_decision(event, unavailable_reply)
        elif unavailable_reply is not None:
            self._refuse(line, unavailable_reply)
        elif not self._refuse_if_out_of_order("AUTH", line):
            self._apply_auth_step(auth, auth.begin(argument, settings, is_esmtp=self.is_esmtp), line)

    def _continue_exchange(self, auth: AuthExchange, line: bytes) -> None:
        """Handle a line of the exchange (RFC 4954 4)."""
        self._wait(Step.FORBID_PIPELINING)
        self._apply_auth_step(auth, auth.respond(line, self.settings), b"AUTH ***")

    def _apply_auth_step(self, auth: AuthExchange, step: AuthStep, line: bytes) -> None:
        """Carry out a step of the exchange; `line` is the client's line without secrets."""
        if auth.is_active:
            self._parsed_lines = {}  # each line is a response
        else:
            self._set_grammar(is_esmtp=self.is_esmtp, has_smtputf8=self.has_smtputf8)
        if isinstance(step, bytes):
            self._send_line(step)
        elif isinstance(step, Reply):
            self._send_reply(step)
        elif isinstance(step, CommandRefused):
            self._refuse(line, step.reply)
        else:
            event = events.Auth(step)
            suggested = auth.suggest_reply(step, self.settings)
            self._transcript_entries.append(event)
            try:
                self._request_decision(event, suggested)
            except BaseException:
                auth.end()
                raise

    # -- content -----------------------------------------------------------------------------

    def _begin_chunk(self, argument: str, line: bytes) -> None:
        """Handle BDAT; its chunk follows at once, so a refused one is read too (RFC 3030 2)."""
        from lazr.smtptest.protocol.smtp.chunk import open_chunk, parse_chunk_size

        limits = self.settings.limits
        size = parse_chunk_size(argument)
        if size is None:
            self._refuse_unknown_chunk(line, standard_replies.UNKNOWN_CHUNK_SIZE)
            return
        if size == 0 and self._close_if_too_idle():
            return
        if limits.message_size is not None and size > 2 * limits.message_size:
            self._send_reply_and_close(standard_replies.ENDLESS_MESSAGE)
            return
        is_in_order = "BDAT" in self._allowed_verbs
        chunk = self._chunk = open_chunk(line, argument, size, self.settings, is_in_order=is_in_order)
        reader = self._reader
        if self.state is State.RCPT:
            reader.begin_content()
        if size == 0:
            self._handle_end_of_chunk()
            return
        reader.expect_chunk(size, is_kept=chunk.event is not None)
        if self.marks and chunk.event is not None:
            self._halt_at_mark()

    def _halt_at_mark(self) -> None:
        """Halt if the content begins at a mark."""
        self._reader.marks = self.marks
        if self._reader.reach_mark():
            self._wait(Step.REACH_MARK)

    def _refuse_unknown_chunk(self, line: bytes, reply: Reply) -> None:
        """Refuse a BDAT whose chunk cannot be skipped, and close.

        The octets of the chunk would be read as commands.  The session closes whatever the decision is.  Postfix
        answers 521 and disconnects too.
        """
        from lazr.smtptest.protocol.smtp.chunk import UNSIZED_CHUNK

        self._abort_transaction()
        self._chunk = UNSIZED_CHUNK
        self._refuse(line, reply)

    def _handle_end_of_chunk(self) -> None:
        chunk, self._chunk = self._chunk, None
        if chunk is None:  # pragma: no cover - `_begin_chunk` has set it
            raise AssertionError("end of a chunk without BDAT")
        event, content = chunk.event, self._reader.content
        if event is None:
            if "BDAT" in self._allowed_verbs:  # RFC 3030 2: a message that lacks a chunk must not be accepted
                self._abort_transaction()
            self._refuse(chunk.line, chunk.reply)
        elif content.is_too_big:
            self.record.transcript.add_content(event.size)
            reply_count = self._count_due_replies() if event.last else 1
            self._abort_transaction()
            too_big = events.Malformed("BDAT", chunk.line, reply_count=reply_count)
            self._transcript_entries.append(too_big)
            self._request_decision(too_big, standard_replies.MESSAGE_TOO_BIG)
        else:
            if not event.last:  # the entry of the last chunk has the whole message
                self.record.transcript.add_content(event.size)
            self._transcript_entries.append(event)
            self._request_decision(event, chunk.reply)

    def _handle_end_of_data(self, suggested_reply: Reply = standard_replies.MESSAGE_ACCEPTED) -> None:
        """Decide about a complete message."""
        mail, content, record = self._mail, self._reader.content, self.record
        if mail is None:  # pragma: no cover - the state table allows no content without MAIL
            raise AssertionError("end of content without a transaction")
        if "mail" not in record.sent_in_clear:
            record.add_sent_in_clear("mail")
        size, dot = content.size, self.state is State.DATA
        if content.is_too_big:
            record.transcript.add_content(size, dot=dot)
            self._refuse_content(standard_replies.MESSAGE_TOO_BIG, is_logged=False)
            return
        parts = content.take()
        record.transcript.add_content(size, parts, dot=dot)
        if self.settings.strict and not self.is_binary and _has_bare_octet(join_parts(parts)):
            self._refuse_content(standard_replies.BARE_OCTET_IN_CONTENT, is_logged=True)
            return
        message = events.EndOfData(mail, tuple(self._rcpts), parts, record)
        if self.settings.lmtp:
            from lazr.smtptest.protocol.smtp.lmtp_delivery import LmtpDelivery

            self._delivery = LmtpDelivery(message)
            self._request_delivery_decisions()
        else:
            self._request_decision(message, suggested_reply)

    def _refuse_content(self, reply: Reply, *, is_logged: bool) -> None:
        reply_count = self._count_due_replies()
        self._abort_transaction()
        event = events.Malformed("END_OF_DATA", b"", reply_count=reply_count)
        if not is_logged:
            self._transcript_entries.append(event)
        self._request_decision(event, reply)

    def _count_due_replies(self) -> int:
        """Return how many replies the end of content gets; LMTP: one a recipient (RFC 2033 4.2)."""
        return len(self._rcpts) if self.settings.lmtp else 1

    def _request_delivery_decisions(self) -> None:
        """Ask for a decision for each LMTP recipient, then about the message to the accepted ones."""
        delivery = self._delivery
        while delivery is not None and not self.is_reply_pending:
            rcpt = delivery.find_next_recipient()
            if rcpt is not None:
                self._request_decision(events.Delivery(delivery.message, rcpt), standard_replies.MESSAGE_ACCEPTED)
                continue
            accepted = delivery.build_accepted_message()
            if accepted is not None:  # P1: stored before the first of these replies is sent
                self._request_decision(accepted, standard_replies.MESSAGE_ACCEPTED)
            else:
                self._finish_delivery(delivery, standard_replies.MESSAGE_ACCEPTED)
            return

    def _finish_delivery(self, delivery: LmtpDelivery, reply: Reply) -> None:
        """Send the verdicts in order."""
        self._send_replies(delivery.build_replies(reply))
        self._abort_transaction()

    # -- decisions ---------------------------------------------------------------------------

    def _refuse(self, line: bytes, reply: Reply) -> None:
        if b"\r" in line or b"\n" in line:
            # The most helpful error to report, whatever else is wrong with the line.
            reply = standard_replies.BARE_LINE_END
        masked = mask_secrets(line) if self._auth is None else self._auth.mask_refused_line(line)
        event = events.Malformed(extract_verb(masked), masked)
        # The transcript is kept, so it gets no more than the start of a long line.
        is_long = len(masked) > _MAX_LOGGED_BYTES
        self._transcript_entries.append(
            events.Malformed(event.command, masked[:_MAX_LOGGED_BYTES]) if is_long else event
        )
        self._request_decision(event, reply)

    def _request_decision(self, event: events.Event, default: Reply) -> None:
        """Ask `decide` for the reply to an event, and apply it; no other method calls `decide`."""
        reply = self._decide(event, default)
        if isinstance(reply, Reply):
            if_positive, if_refused = _REPLY_METHODS[type(event)]  # as `_apply_reply` does, without another call
            (if_positive if reply.code < 400 else if_refused)(self, event, reply)
        else:
            self._pending_event = event
            self._wait(Step.AWAIT_REPLY)

    def _apply_reply(self, event: events.Event, reply: Reply) -> None:
        """Carry out the effect of a reply."""
        if_positive, if_refused = _REPLY_METHODS[type(event)]
        (if_positive if reply.code < 400 else if_refused)(self, event, reply)

    # -- effects: one method for each `Effect` -----------------------------------------------

    def _reply_only(self, event: events.Event, reply: Reply) -> None:
        self._send_reply(reply)

    def _refuse_client(self, connect: events.Connect, reply: Reply) -> None:
        self._send_reply(reply)
        self.state, self._allowed_verbs = State.REFUSED, _REFUSED_VERBS

    def _begin_greeted_session(self, greeting: events.Ehlo | events.Helo | events.Lhlo, reply: Reply) -> None:
        self._send_reply(reply)
        self._abort_transaction()
        self.record.helo = greeting.domain
        self.record.greetings += (greeting.verb,)
        self._set_grammar(is_esmtp=not isinstance(greeting, events.Helo), has_smtputf8=False)
        self.state, self._allowed_verbs = self._allowed_verbs[greeting.verb]

    def _start_tls(self, starttls: events.StartTls, reply: Reply) -> None:
        if reply.code == 220:
            from lazr.smtptest.protocol.smtp.tls_upgrade import TlsUpgrade

            self._upgrade = TlsUpgrade(reply)  # `_end_group` sends the reply
        else:
            self._send_reply(reply)

    def _finish_auth(self, event: events.Auth, reply: Reply) -> None:
        auth = self._open_auth()
        self._apply_auth_step(auth, auth.conclude(event.credentials, reply), b"AUTH ***")

    def _replace_client(self, xclient: events.Xclient, reply: Reply) -> None:
        from lazr.smtptest.protocol.smtp.xclient import record_client

        self._send_reply(reply)
        earlier_credentials = self.record.auth
        self._reset()
        record_client(self.record, xclient.attributes, earlier_credentials)

    def _begin_transaction(self, mail: events.Mail, reply: Reply) -> None:
        self._send_reply(reply)
        self._mail = mail
        if "SMTPUTF8" in mail.parameters:
            self._set_grammar(is_esmtp=self.is_esmtp, has_smtputf8=True)
        self.state, self._allowed_verbs = self._allowed_verbs["MAIL"]

    def _add_recipient(self, rcpt: events.Rcpt, reply: Reply) -> None:
        self._send_reply(reply)
        rcpts = self._rcpts
        if isinstance(rcpts, list):
            rcpts.append(rcpt)
        else:
            self._rcpts = [rcpt]
        self.state, self._allowed_verbs = self._allowed_verbs["RCPT"]

    def _begin_data(self, data: events.Data, reply: Reply) -> None:
        self._send_reply(reply)
        if reply.code == 354:
            self.state, self._allowed_verbs = self._allowed_verbs["DATA"]
            self._reader.expect_data()
            if self.marks and not self.is_closing:
                self._halt_at_mark()

    def _accept_chunk(self, chunk: events.Bdat, reply: Reply) -> None:
        self.state, self._allowed_verbs = self._allowed_verbs["BDAT"]
        if chunk.last and not reply.closes:
            # Two decisions, one reply: the chunk is accepted, and now the message is decided on.  A raw reply from a
            # rule replaces the reply to the message.
            self._handle_end_of_data(reply if isinstance(reply.wire, RawBytes) else standard_replies.MESSAGE_ACCEPTED)
        else:
            self._send_reply(reply)

    def _refuse_chunk(self, chunk: events.Bdat, reply: Reply) -> None:
        self._send_replies([reply] * (self._count_due_replies() if chunk.last else 1))
        self._abort_transaction()

    def _collect_verdict(self, delivery: events.Delivery, reply: Reply) -> None:
        if self._delivery is None:  # pragma: no cover - there is no `Delivery` without it
            raise AssertionError("a verdict without a message")
        self._delivery.add_verdict(reply)

    def _accept_message(self, message: events.EndOfData, reply: Reply) -> None:
        self._misuse.note_mail()
        record = self.record
        record.mails += 1
        for part in message.parts:
            record.octets += len(part)
        self._end_message(message, reply)

    def _end_message(self, message: events.EndOfData, reply: Reply) -> None:
        if self._delivery is not None:
            self._finish_delivery(self._delivery, reply)
        else:
            self._send_reply(reply)
            self._abort_transaction()

    def _reply_and_abort(self, rset: events.Rset, reply: Reply) -> None:
        self._send_reply(reply)
        self._abort_transaction()

    def _quit(self, quit: events.Quit, reply: Reply) -> None:
        self._send_reply(reply)
        self.record.end("QUIT")
        self._close(Step.CLOSE_ORDERLY)

    def _count_error(self, event: events.Malformed | events.Unknown, reply: Reply) -> None:
        if is_client_error(reply) and self._misuse.count_error(self.settings.limits):
            self._send_reply_and_close(standard_replies.TOO_MANY_ERRORS)
            return
        self._send_replies([reply] * (event.reply_count if isinstance(event, events.Malformed) else 1))
        if (
            self._chunk is not None and self._chunk.size is None and not self.is_closing
        ):  # the next input may be content
            self.record.end("421")
            self._close(Step.CLOSE)

    def _abort_transaction(self) -> None:
        """End the transaction; a greeted session is ready for the next one (RFC 5321 4.1.4)."""
        self._reader.discard_content()
        self._mail = self._delivery = None
        self._rcpts = ()
        if self.has_smtputf8:
            self._set_grammar(is_esmtp=self.is_esmtp, has_smtputf8=False)
        if self.state is not State.START:
            self.state, self._allowed_verbs = State.READY, _READY_VERBS


def _has_bare_octet(content: bytes) -> bool:
    """Whether the content has a CR or an LF alone, or a NUL (RFC 5321 2.3.8, 4.5.3.1.6)."""
    return b"\0" in content or has_bare_line_ends(content)


METHODS_BY_EFFECT: dict[Effect, ApplyReply] = {
    Effect.REPLY: SmtpSession._reply_only,
    Effect.REFUSE_CLIENT: SmtpSession._refuse_client,
    Effect.GREET: SmtpSession._begin_greeted_session,
    Effect.START_TLS: SmtpSession._start_tls,
    Effect.FINISH_AUTH: SmtpSession._finish_auth,
    Effect.REPLACE_CLIENT: SmtpSession._replace_client,
    Effect.BEGIN_TRANSACTION: SmtpSession._begin_transaction,
    Effect.ADD_RECIPIENT: SmtpSession._add_recipient,
    Effect.EXPECT_DATA: SmtpSession._begin_data,
    Effect.ACCEPT_CHUNK: SmtpSession._accept_chunk,
    Effect.REFUSE_CHUNK: SmtpSession._refuse_chunk,
    Effect.COLLECT_VERDICT: SmtpSession._collect_verdict,
    Effect.ACCEPT_MESSAGE: SmtpSession._accept_message,
    Effect.REFUSE_MESSAGE: SmtpSession._end_message,
    Effect.ABORT_TRANSACTION: SmtpSession._reply_and_abort,
    Effect.QUIT: SmtpSession._quit,
    Effect.COUNT_ERROR: SmtpSession._count_error,
}
# `EFFECTS`, resolved to methods, so that each reply needs one lookup.
_REPLY_METHODS: dict[type[events.Event], tuple[ApplyReply, ApplyReply]] = {
    kind: (METHODS_BY_EFFECT[if_positive], METHODS_BY_EFFECT[if_refused])
    for kind, (if_positive, if_refused) in EFFECTS.items()
}

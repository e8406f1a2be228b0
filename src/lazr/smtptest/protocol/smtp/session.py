"""One SMTP session: octets in, replies out, and a question to `decide` for each thing that happens.

How a reply comes about.  A line is read, its verb looked up, the table of states asked whether it
may come now, and its argument parsed into an event.  The event and the reply that the RFC suggests
are put to `decide`, and what it answers is carried out: sent, and, if it is positive, allowed to
change the state.  A line that fails on the way is an event too (`Malformed`), whose reply can be
changed like any other; so nothing is ever said to a client that `decide` was not asked about, but
for the 421s with which a session gives up, and the challenges of AUTH on the way to its verdict.
What may be suggested, and what follows from a reply, stands in `outcome`.

`decide` may answer `PENDING`.  Then the rest of the input waits, unparsed, until `answer` brings
the reply; pipelining needs no other code than this.
"""

from __future__ import annotations

from lazr.smtptest.protocol.smtp import event, replies
from lazr.smtptest.protocol.smtp.command import (
    COMMANDS,
    NOT_OFFERED,
    Context,
    looks_like_http,
    masked,
    parse_bdat,
)
from lazr.smtptest.protocol.smtp.data import Chunks, has_bare_octets, joined
from lazr.smtptest.protocol.smtp.introduction import Introduction
from lazr.smtptest.protocol.smtp.outcome import EFFECTS, SUGGESTED, just_say
from lazr.smtptest.protocol.smtp.profile import Profile
from lazr.smtptest.protocol.smtp.reply import Refused, Reply
from lazr.smtptest.protocol.smtp.state import ROWS, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.protocol.smtp.data import Sink
    from lazr.smtptest.protocol.smtp.record import TlsFacts
    from lazr.smtptest.protocol.smtp.reply import Pending

    Decide = Callable[[event.Event, Reply], Reply | Pending]

__all__ = ["Session"]

# So many parsed lines does a server remember.  Clients say DATA and QUIT all the time, and in most
# sessions MAIL and RCPT with the addresses of the last one: what was parsed once need not be again.
_KNOWN = 256
_OUT_OF_ORDER = {
    "MAIL": replies.ALREADY_MAIL,
    "RCPT": replies.NEEDS_MAIL,
    "DATA": replies.NEEDS_RCPT,
    "AUTH": replies.AUTH_IN_TRANSACTION,
}
# These go forward; all others can be sent for ever without a mail to show for it.
_FORWARD = frozenset({"MAIL", "RCPT", "DATA", "BDAT", "QUIT"})


class Session(Introduction):
    """One SMTP session, without I/O (RFC 5321).

    `decide(event, default_reply)` is asked about each event and returns a `Reply`, or `PENDING`.
    Drive it with `greet`, then `receive` for whatever arrives; each returns the octets to send,
    which may be none.  After each call look at `halted`; if it is true, one of these is:

    - `closing`: send what you have, then close the connection; `orderly` says that the client
      expects it, for it said QUIT or will send no more;
    - `waiting`: an answer is due by `answer`, so there is no point in reading on; or, `at_mark`, content
      has come to one of the `marks`, and `read_on` goes on behind it;
    - `backlog`: the output was cut short because much of it waits; when it is sent,
      call `receive(b"")` for the rest;
    - `handshaking`: send what you have; the octets that follow are TLS's, until you call `secured`.

    Nothing that a client sends raises, and nothing depends on how its octets were split, but for what
    comes behind STARTTLS and AUTH before the reply to them, which is discarded.

    >>> session = Session(lambda event, reply: reply)
    >>> session.greet("192.0.2.1")
    b'220 localhost ESMTP lazr.smtptest\\r\\n'
    >>> session.receive(b"NOOP\\r\\nNO")
    b'250 2.0.0 Ok\\r\\n'
    >>> session.receive(b"OP\\r\\n")
    b'250 2.0.0 Ok\\r\\n'
    """

    __slots__ = (
        "_allowed",
        "_asked",
        "_chunk",
        "_chunk_refusal",
        "_commands_without_mail",
        "_decide",
        "_errors",
        "_mail",
        "_message",
        "_met",
        "_rcpts",
        "_verdicts",
        "state",
    )

    def __init__(
        self,
        decide: Decide,
        profile: Profile | None = None,
        *,
        new_sink: Callable[[], Sink] = Chunks,
    ) -> None:
        profile = profile or Profile()
        super().__init__(profile, new_sink)
        self._decide = decide
        self._asked: event.Event | None = None  # the event that waits for its answer

        self.state: State = State.START
        self._allowed = ROWS[State.START]
        self._met = ""  # who the client was when it came
        self._errors = 0
        self._commands_without_mail = 0
        self._mail: event.Mail | None = None  # the transaction, if there is one
        self._rcpts: list[event.Rcpt] = []
        self._message: event.EndOfData | None = None  # LMTP: what the recipients are asked about,
        self._verdicts: list[Reply] = []  # ... and the replies for those who were
        self._chunk: event.Bdat | None = None  # the chunk that is on its way, if it is welcome
        self._chunk_refusal = replies.NO_TRANSACTION  # ... and the reply to it, if it is not

    @property
    def lmtp(self) -> bool:
        """Whether this is LMTP's dialogue (RFC 2033)."""
        return self._profile.lmtp

    @property
    def transaction(self) -> tuple[event.Mail | None, tuple[event.Rcpt, ...]]:
        """The reverse-path, and the forward-paths that were accepted so far; None and none outside a transaction."""
        return self._mail, tuple(self._rcpts)

    # -- what a driver calls, beside `receive` and `end_of_input` ------------------------------

    def greet(self, peer: str) -> bytes:
        """The client `peer` is there: the greeting (RFC 5321 3.1, 4.3.1)."""
        self.record.peer = self._met = peer
        self._ask(event.Connect(peer), self._profile.greeting)
        return self._proceed(b"")

    def answer(self, reply: Reply) -> bytes:
        """The reply that was pending, and whatever follows from the input that waited behind it.

        Raises `RuntimeError` where no answer is due.
        """
        asked = self._asked
        if asked is None or not self.waiting:
            raise RuntimeError("no answer is due: the last decision was not PENDING")
        self._asked = None
        self._resume()
        EFFECTS.get(type(asked), just_say)(self, asked, reply)
        if self._message is not None and not self.waiting:
            self._deliver()
        if self._overflow and not self.closing:
            self._give_up(replies.OVERFLOW)
        unread, self._unread = self._unread, b""
        return self._proceed(unread)

    def secured(self, facts: TlsFacts, profile: Profile) -> None:
        """TLS is there; `profile` is what the server is inside it.  The session begins anew (RFC 3207 4.2)."""
        self.record.tls = facts
        self.record.transcript.happened(f"TLS: {facts.told()}")
        if self._met:  # what XCLIENT said of it was said in clear
            self.record.peer, self.record.client_name = self._met, ""
        self.handshaking = self.halted = False
        self.adopt(profile)

    def adopt(self, profile: Profile) -> None:
        """The server is this to the client from here on, and the session begins anew."""
        self._profile = profile
        self._context = Context(profile)
        self._start_over()

    def _start_over(self) -> None:
        """Nothing that the client said counts any more; it has to greet again."""
        self.record.helo = ""
        self.record.auth = None
        self._abort()
        self.state, self._allowed = State.START, ROWS[State.START]
        self._speak(extended=False, utf8=False)

    def time_out(self) -> bytes:
        """Whoever holds a clock says that the client took too long (RFC 5321 4.5.3.2)."""
        return self.leave(replies.TIMEOUT, "timeout")

    def shut_down(self) -> bytes:
        """The server is about to stop (RFC 5321 3.8)."""
        return self.leave(replies.SHUTTING_DOWN, "stop")

    def abandon(self) -> None:
        """The client is gone, or hears nothing any more: hold nothing of what it said."""
        if not self.closing:
            self._close(orderly=False)

    def leave(self, reply: Reply, how: str) -> bytes:
        """Say this, unasked, as the last word; `how` is what ends the session."""
        if self.closing:
            return b""
        self.record.end(how)
        self._give_up(reply)
        return self._proceed(b"")

    # -- commands ----------------------------------------------------------------------------

    def _line(self, line: bytes) -> None:
        """One whole command line, without its end."""
        asked = self._known.get(line)
        if asked is None:
            self._heard(self._shown(line))
            asked = self._parse(line)
            if asked is None:
                return
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[line] = asked
        else:
            self._said(line)  # `heard`, without the cost of a call; nothing in it is long or secret
            if (asked.verb not in _FORWARD and self._idle_command()) or self._out_of_order(asked.verb, line):
                return
        suggested = SUGGESTED[asked.verb]
        self._ask(asked, suggested if isinstance(suggested, Reply) else suggested(self, asked))

    def _shown(self, line: bytes) -> bytes:
        """The line as it may be shown.

        A response of AUTH may be a password, and so may what follows an AUTH that was refused: a client that does not
        look at replies sends it all the same.
        """
        if self._exchange is not None:
            return line if line == b"*" else b"***"
        verb = _verb_of(line)
        shown = masked(line)
        if verb == "AUTH" or shown != line:
            self._after_auth = True
            return shown
        if self._after_auth and verb not in COMMANDS and verb != "BDAT":
            return b"***"
        self._after_auth = False
        return line

    def _parse(self, line: bytes) -> event.Event | None:
        """The event of a line that is in order and well-formed; any other is answered here."""
        if self._exchange is not None:
            self._continue_exchange(self._exchange, line)
            return None
        profile = self._profile
        if len(line) + 2 > profile.limits.command_line and self._too_long(line):
            return None
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            self._refuse(line, replies.NOT_UTF8)
            return None
        verb, _, argument = text.partition(" ")
        if not verb.isupper() and verb.isascii():  # not "RſET", which str.upper makes a RSET
            verb = verb.upper()
        if verb not in _FORWARD and self._idle_command():
            return None
        parse = COMMANDS.get(verb)
        if parse is None or verb in profile.withheld:
            self._not_a_command(verb, argument, line)
            return None
        if self._out_of_order(verb, line):
            return None
        try:
            return parse(argument, self._context)
        except Refused as refused:
            self._refuse(line, refused.reply)
            return None

    def _out_of_order(self, verb: str, line: bytes) -> bool:
        """Whether the verb may not come now; if so, it is refused."""
        if verb in self._allowed:
            return False
        greeted = self.state is not State.START
        self._refuse(line, _OUT_OF_ORDER.get(verb, replies.BAD_SEQUENCE) if greeted else replies.GREET_FIRST)
        return True

    def _speak(self, *, extended: bool, utf8: bool) -> None:
        """The grammar of what follows: whether EHLO was said, and SMTPUTF8."""
        self._context.extended = extended
        self._context.utf8 = utf8
        self._known = self._profile.known[extended, utf8]

    def _idle_command(self) -> bool:
        """Count a command that brings no mail nearer; whether it was one too many."""
        self._commands_without_mail += 1
        most = self._profile.limits.commands_without_mail
        if most is None or self._commands_without_mail <= most:
            return False
        self._give_up(replies.TOO_MANY_COMMANDS)
        return True

    def _not_a_command(self, verb: str, argument: str, line: bytes) -> None:
        withheld = self._profile.withheld.get(verb)
        if b"\r" in line or b"\n" in line:
            self._refuse(line, replies.BARE_LINE_END)
        elif verb == "BDAT":
            self._begin_chunk(argument.rstrip(" "), line)
        elif verb == "AUTH":
            self._begin_auth(argument, line, withheld)
        elif withheld is not None and withheld.code in {503, 530}:  # a verb of ours, but not now
            self._refuse(line, withheld)
        elif masked(line) != line:  # "AUTH" and a tab, say: whatever it is, it may hold a password
            self._refuse(line, replies.NOT_RECOGNIZED)
        elif looks_like_http(f"{verb} {argument}"):
            # A web page can make a browser send this.  What follows would be read as commands.
            self._give_up(replies.NOT_SMTP)
        else:
            unknown = replies.NOT_IMPLEMENTED if verb in NOT_OFFERED else replies.NOT_RECOGNIZED
            self._ask(event.Unknown(verb, argument, secret=self._after_auth), withheld or unknown)

    def _too_long(self, line: bytes) -> bool:
        """Whether the line is longer than its verb's may be (RFC 5321 4.5.3.1.4); if so, it is refused."""
        profile = self._profile
        if len(line) > profile.limits.command_flood:
            self._give_up(replies.ENDLESS_LINE)
            return True
        if len(line) + 2 <= profile.line_limits.get(_verb_of(line), profile.limits.command_line):
            return False
        self._long_line(line[: profile.longest_line])
        return True

    def _long_line(self, line: bytes) -> None:
        if self._profile.auth is not None and (self._exchange is not None or _verb_of(line) == "AUTH"):
            self._overhear(line)
            self._end_exchange()
            self._be_silent()
            self._refuse(b"AUTH ***", replies.AUTH_TOO_LONG)
        else:
            self._refuse(line, replies.TOO_LONG)

    # -- content -----------------------------------------------------------------------------

    def _begin_chunk(self, argument: str, line: bytes) -> None:
        """BDAT: its octets follow at once, so even a chunk that is refused has to be read (RFC 3030 2)."""
        limits = self._profile.limits
        count = argument.partition(" ")[0]
        if not (count.isascii() and count.isdecimal()):
            # Nothing says how many octets follow, so none are taken.
            self._refuse(line, replies.BDAT_SYNTAX if self._profile.chunking else replies.NOT_IMPLEMENTED)
            return
        if len(count) > 20:
            self._give_up(replies.CHUNK_SIZE)
            return
        size = int(count)
        if size == 0 and self._idle_command():
            return
        if limits.message_size is not None and size > 2 * limits.message_size:
            self._give_up(replies.ENDLESS_MESSAGE)
            return
        self._chunk = None
        self._skipped = line
        withheld = self._profile.withheld.get("BDAT")
        if withheld is not None:
            self._chunk_refusal = withheld
        elif not self._profile.chunking:
            self._chunk_refusal = replies.NOT_IMPLEMENTED
        elif "BDAT" not in self._allowed:
            self._chunk_refusal = replies.NO_TRANSACTION
        else:
            try:
                self._chunk = parse_bdat(argument)
            except Refused as refused:
                self._chunk_refusal = refused.reply
        if self.state is State.RCPT:
            self._begin_content()
        if self.marks and size and self._chunk is not None:
            self._see_mark()
        self._expect_chunk(size)

    def _chunk_octets(self, octets: bytes) -> None:
        if self._chunk is not None:
            self._content.append(octets)

    def _end_of_chunk(self) -> None:
        line, self._skipped = self._skipped, b""
        chunk = self._chunk
        if chunk is not None and not (chunk.last and not self._content.too_big):
            self.record.transcript.content(chunk.size)
        if chunk is None:
            if "BDAT" in self._allowed:  # RFC 3030 2: a message with a hole in it must never be accepted
                self._abort()
            self._refuse(line, self._chunk_refusal)
        elif self._content.too_big:
            times = self._replies_due() if chunk.last else 1
            self._abort()
            self._ask(event.Malformed("BDAT", line, replies=times), replies.TOO_BIG)
        else:
            self._ask(chunk, Reply(250, "2.0.0", f"{chunk.size} octets received"))

    def _end_of_data(self, suggested: Reply = replies.ACCEPTED) -> None:
        """A whole message is here."""
        mail, content = self._mail, self._content
        if mail is None:  # pragma: no cover - the table of states has no way here without MAIL
            raise AssertionError("content without a transaction")
        if self.record.tls is None:
            self.record.in_clear("mail")
        size, dot = content.size, self.state is State.DATA
        if content.too_big:
            self.record.transcript.content(size, dot=dot)
            self._refuse_content(replies.TOO_BIG)
            return
        parts = content.take()
        self.record.transcript.content(size, parts, dot=dot)
        if self._profile.strict and not self._binary() and has_bare_octets(joined(parts)):
            self._refuse_content(replies.BARE_IN_CONTENT)
            return
        message = event.EndOfData(mail, tuple(self._rcpts), parts, self.record)
        if self._profile.lmtp:
            self._message = message
            self._deliver()
        else:
            self._ask(message, suggested)

    def _refuse_content(self, reply: Reply) -> None:
        times = self._replies_due()
        self._abort()
        self._ask(event.Malformed("END_OF_DATA", b"", replies=times), reply)

    def _replies_due(self) -> int:
        """How many replies the end of content gets: LMTP has one for each recipient (RFC 2033 4.2)."""
        return len(self._rcpts) if self._profile.lmtp else 1

    def _deliver(self) -> None:
        """LMTP: ask for each recipient, and then for the message as it goes to those who are left."""
        message = self._message
        while message is not None and not self.waiting:
            asked = len(self._verdicts)
            # Behind a 421, or another last word, nobody is told anything any more, so nobody is asked about either.
            if asked < len(message.rcpts) and not (asked and self._verdicts[-1].closes):
                self._ask(event.Delivery(message, message.rcpts[asked]), replies.ACCEPTED)
                continue
            self._message = None
            good = [rcpt for rcpt, reply in zip(message.rcpts, self._verdicts, strict=False) if reply.positive]
            if good:  # P1: kept before the first of these replies is sent
                self._ask(event.EndOfData(message.mail, tuple(good), message.parts, message.session), replies.ACCEPTED)
            else:
                self._finish_delivery(replies.ACCEPTED)
            return

    def _finish_delivery(self, reply: Reply) -> None:
        """Tell each recipient's verdict, in their order; `reply` is the one on the message itself."""
        verdicts, self._verdicts = self._verdicts, []
        for verdict in verdicts:
            self._say(verdict if reply.positive or not verdict.positive else reply)
            if self.closing:
                break
        self._abort()

    def _binary(self) -> bool:
        """Whether MAIL announced content without lines (RFC 3030 3)."""
        return self._mail is not None and self._mail.parameters.get("BODY") == "BINARYMIME"

    # -- deciding, and carrying it out -------------------------------------------------------

    def _refuse(self, line: bytes, reply: Reply) -> None:
        if b"\r" in line or b"\n" in line:
            # Whatever else is wrong with it: this is what the client has to hear about.
            reply = replies.BARE_LINE_END
        secret = self._after_auth and masked(line) == line and _verb_of(line) not in {*COMMANDS, "AUTH", "BDAT"}
        self._ask(event.Malformed("" if secret else _verb_of(line), b"***" if secret else masked(line)), reply)

    def _ask(self, asked: event.Event, default: Reply) -> None:
        """The one place where `decide` is asked."""
        reply = self._decide(asked, default)
        if isinstance(reply, Reply):
            EFFECTS.get(type(asked), just_say)(self, asked, reply)
        else:
            self._asked = asked
            self._wait()

    def _enter(self, verb: str) -> None:
        self.state, self._allowed = self._allowed[verb]

    def _abort(self) -> None:
        """The transaction is over; a greeted session is ready for the next (RFC 5321 4.1.4)."""
        self._content.drop()
        self._mail = self._message = None
        self._rcpts = []
        self._verdicts = []
        if self._context.utf8:
            self._speak(extended=self._context.extended, utf8=False)
        if self.state is not State.START:
            self.state, self._allowed = State.READY, ROWS[State.READY]


def _verb_of(line: bytes) -> str:
    """The verb of a line that may be anything."""
    word = line[:10].partition(b" ")[0]
    return word.decode("ascii").upper() if word.isalnum() else ""

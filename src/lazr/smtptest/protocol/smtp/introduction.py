"""Who the client is: STARTTLS and AUTH, and what nobody may say before the reply to them."""

from __future__ import annotations

from lazr.smtptest.protocol.smtp import event, replies
from lazr.smtptest.protocol.smtp.command import Context, masked, parse_auth
from lazr.smtptest.protocol.smtp.framing import Framing
from lazr.smtptest.protocol.smtp.profile import AUTH_LINE
from lazr.smtptest.protocol.smtp.reply import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.protocol.smtp.data import Sink
    from lazr.smtptest.protocol.smtp.profile import Profile
    from lazr.smtptest.protocol.smtp.reply import Reply
    from lazr.smtptest.protocol.smtp.sasl import Credentials, Exchange

__all__ = ["Introduction"]

# An initial response to one of these holds no password and no token.
_HIDE_SECRETS = (b"CRAM-MD5", b"SCRAM-", b"EXTERNAL", b"ANONYMOUS", b"DIGEST-MD5", b"NTLM", b"GSSAPI", b"LOGIN")


class Introduction(Framing):
    """The part of a session in which a client says who it is; the methods at the end are the other part's."""

    __slots__ = ("_after_auth", "_context", "_exchange", "_failures", "_known", "_ready_for_tls", "_verdict")

    def __init__(self, profile: Profile, new_sink: Callable[[], Sink]) -> None:
        super().__init__(profile, new_sink)
        self._context = Context(profile)
        self._known = profile.known[False, False]  # lines that were parsed before, in this grammar
        self._exchange: Exchange | None = None  # the AUTH that is under way
        self._verdict: tuple[Credentials, Reply] | None = None  # ... which is decided, and not yet told
        self._after_auth = False  # AUTH was the last command that is one: a client may go on with its password
        self._failures = 0
        self._ready_for_tls: Reply | None = None  # STARTTLS is accepted; the handshake comes next

    def _after_hush(self, rest: bytes) -> None:
        # RFC 3207 5: a man in the middle could have put it there, so it is never obeyed; nor is what
        # does not wait for the reply to AUTH, for it may be half of somebody's credentials.
        ready, self._ready_for_tls = self._ready_for_tls, None
        if rest:
            self.record.discard(rest)
            if not self.closing:
                self._give_up(replies.TOO_SOON if ready is None else replies.BEHIND_STARTTLS)
        elif ready is not None:
            self._say(ready)
            self.handshaking = self.halted = True

    def _begin_auth(self, argument: str, line: bytes, withheld: Reply | None) -> None:
        """AUTH (RFC 4954 4)."""
        profile = self._profile
        if profile.auth is not None:
            self._be_silent()
        most = profile.limits.auth_failures
        if most is not None and self._failures >= most:
            self._give_up(replies.TOO_MANY_FAILURES)
            return
        self._overhear(line)
        if withheld is not None and withheld.code == 502:
            self._ask(event.Unknown("AUTH", masked(line).decode("ascii", "replace")[5:]), withheld)
        elif withheld is not None:
            self._refuse(line, withheld)
        elif not self._out_of_order("AUTH", line):
            try:
                self._carry_on(self._open_exchange(argument))
            except BaseException as error:  # noqa: BLE001 - P7: it may be somebody's nonce that raised
                self._break_off(line, error)

    def _break_off(self, line: bytes, error: BaseException) -> None:
        """The exchange cannot go on."""
        self._end_exchange()
        self._refuse(line, self._reply_to(error))

    def _reply_to(self, error: BaseException) -> Reply:
        """P7: what a function of the tester's raised is 451, and raised again in the test."""
        if isinstance(error, Refused):
            return error.reply
        raised = self._profile.raised
        if raised is None:
            raise error
        return raised(error)

    def _overhear(self, line: bytes) -> None:
        """Note a password or a token that crosses the wire without TLS, whatever becomes of it."""
        exchange = self._exchange
        if exchange is None:
            mechanism, _, initial = line[5:].strip(b" ").upper().partition(b" ")
            told = initial != b"" and not mechanism.startswith(_HIDE_SECRETS)
        else:
            told = exchange.discloses and line not in (b"*", b"")
        if told:
            self.record.in_clear("credentials")

    def _open_exchange(self, argument: str) -> bytes | Credentials:
        """The first step of an exchange that may begin now; raises `Refused` where none may."""
        from lazr.smtptest.protocol.smtp import sasl

        profile = self._profile
        auth = profile.auth
        if auth is None:  # pragma: no cover - then AUTH is withheld
            raise Refused(replies.NOT_IMPLEMENTED)
        if not self._context.extended:
            raise Refused(replies.AUTH_AFTER_HELO)
        if self.record.auth is not None:
            raise Refused(replies.AUTH_TWICE)
        mechanism, initial = parse_auth(argument)
        if not profile.mechanisms and profile.tls != "on":
            raise Refused(replies.AUTH_NEEDS_TLS)
        if mechanism not in profile.mechanisms:
            raise Refused(replies.AUTH_UNKNOWN)
        # RFC 4954 4: `=` is an initial response of no octets.
        octets = None if initial is None else b"" if initial == "=" else _base64(initial.encode("ascii", "replace"))
        tls = self.record.tls
        setting = sasl.Setting(
            profile.hostname,
            nonce=auth.nonce,
            password_of=None if auth.passwords is None else auth.passwords.get,
            identities=() if tls is None else tls.identities,
            # Told of bindings that it does not offer, it would take an honest client for a downgraded one.
            bindings=tls.bindings if tls is not None and profile.binds else {},
        )
        self._exchange = sasl.MECHANISMS[mechanism].new(setting)
        self._known = {}  # from here on, each line is a response
        return self._exchange.begin(octets)

    def _continue_exchange(self, exchange: Exchange, line: bytes) -> None:
        """A line of the exchange (RFC 4954 4)."""
        self._be_silent()
        verdict = self._verdict
        try:
            if verdict is None:
                self._overhear(line)
                self._carry_on(exchange.respond(_response(line)))
                return
            # RFC 7628 3.2.3, RFC 5802 5: the client takes note.  It may still say that it does not
            # know this server, by `*` (RFC 4954 4); a refusal it cannot take back.
            if verdict[1].positive:
                _response(line)
        except BaseException as error:  # noqa: BLE001 - P7: it may be somebody's password table that raised
            self._break_off(b"AUTH ***", error)
            return
        self._tell(*verdict)

    def _carry_on(self, step: bytes | Credentials) -> None:
        """The next challenge; or the client has said all, and it can be judged."""
        if isinstance(step, bytes):
            self._challenge(step)
            return
        self.record.attempted(step)
        auth = self._profile.auth
        try:
            good = auth is not None and auth.accepts(step)
            suggested = replies.AUTHENTICATED if good else replies.AUTH_INVALID
        except BaseException as error:  # noqa: BLE001 - P7
            suggested = self._reply_to(error)
        self._ask(event.Auth(step), suggested)

    def _challenge(self, octets: bytes) -> None:
        from binascii import b2a_base64

        # RFC 4954 4: one line, however long; a reply would be broken into several.
        self._put(b"334 %s\r\n" % b2a_base64(octets, newline=False))

    def _tell(self, credentials: Credentials, reply: Reply) -> None:
        """The verdict; the exchange is over."""
        self._end_exchange()
        self._say(reply)
        if reply.code < 300:  # 334, which somebody may say here, is no success (RFC 4954 4)
            self.record.auth = credentials
        elif reply.code >= 500:
            self._failures += 1

    def _end_exchange(self) -> None:
        self._exchange = self._verdict = None
        self._speak(extended=self._context.extended, utf8=self._context.utf8)

    # -- the other part ----------------------------------------------------------------------

    def _ask(self, asked: event.Event, default: Reply) -> None:
        """Put an event to `decide`, and carry out what it answers."""
        raise NotImplementedError

    def _refuse(self, line: bytes, reply: Reply) -> None:
        """Answer a line that is not obeyed."""
        raise NotImplementedError

    def _out_of_order(self, verb: str, line: bytes) -> bool:
        """Whether the verb may not come now; if so, it is refused."""
        raise NotImplementedError

    def _speak(self, *, extended: bool, utf8: bool) -> None:
        """The grammar of what follows."""
        raise NotImplementedError


def _response(line: bytes) -> bytes:
    """What a line of an exchange says (RFC 4954 4)."""
    if len(line) + 2 > AUTH_LINE:
        raise Refused(replies.AUTH_TOO_LONG)
    if line == b"*":
        raise Refused(replies.AUTH_CANCELLED)
    return _base64(line)


def _base64(text: bytes) -> bytes:
    """RFC 4954 4: base64, with nothing in it that is not base64."""
    from binascii import a2b_base64

    try:
        return a2b_base64(text, strict_mode=True)
    except ValueError:
        raise Refused(replies.NOT_BASE64) from None

"""AUTH in one session (RFC 4954): the exchange in progress, and earlier outcomes.

The session passes in the lines of the client.  It sends the challenges that come out, and asks for a decision about the
credentials.
"""

from __future__ import annotations

from lazr.smtptest.protocol.smtp import standard_replies
from lazr.smtptest.protocol.smtp.commands import ARGUMENT_PARSERS, extract_verb, parse_auth
from lazr.smtptest.protocol.smtp.reply import CommandRefused
from lazr.smtptest.protocol.smtp.sasl_exchange import (
    decode_base64,
    decode_response,
    discloses_initial_secret,
    start_exchange,
)
from lazr.smtptest.protocol.smtp.secret_masking import mask_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.protocol.smtp.reply import Reply
    from lazr.smtptest.protocol.smtp.sasl_types import Credentials, Exchange
    from lazr.smtptest.protocol.smtp.server_settings import ServerSettings
    from lazr.smtptest.protocol.smtp.session_record import SessionRecord

    # A line to send; credentials to decide about; the reply that ends the exchange; or the refusal of the line.
    AuthStep = bytes | Credentials | Reply | CommandRefused

__all__ = ["AuthExchange"]

# The verbs of commands that are not a password.
_VERBS = frozenset({*ARGUMENT_PARSERS, "BDAT"})


class AuthExchange:
    """The exchanges of one session, one after the other; a line leads to the next step.

    Args:
        record: The record of the session, which gets attempts and the accepted credentials.
    """

    __slots__ = ("_decided", "_exchange", "_record", "failures", "is_recent")

    def __init__(self, record: SessionRecord) -> None:
        self._record = record
        self._exchange: Exchange | None = None
        self._decided: tuple[Credentials, Reply] | None = None  # but the final challenge comes first
        self.failures: int = 0
        self.is_recent: bool = False  # the last valid command was AUTH, so a stray line may be a password

    @property
    def is_active(self) -> bool:
        """Whether the next line belongs to an exchange."""
        return self._exchange is not None

    def mask_line(self, line: bytes) -> bytes:
        """Return a command line, or a line of the exchange, without its secrets.

        A line of an exchange may be a password.  So may a line after an AUTH that was refused: some clients continue
        without looking at the reply.
        """
        if self._exchange is not None:
            return line if line == b"*" else b"***"
        verb = extract_verb(line)
        masked = mask_secrets(line)
        if verb == "AUTH" or masked != line:
            self.is_recent = True
            return masked
        if self.is_recent and verb not in _VERBS:
            return b"***"
        self.is_recent = False
        return line

    def mask_refused_line(self, line: bytes) -> bytes:
        """Return a line that is refused without its secrets; it may differ from the line sent."""
        masked = mask_secrets(line)
        may_be_password = self.is_recent and masked == line and extract_verb(line) not in {*_VERBS, "AUTH"}
        return b"***" if may_be_password else masked

    def record_secret_in_clear(self, line: bytes) -> None:
        """Record a password or a token that crosses the wire without TLS, accepted or not."""
        exchange = self._exchange
        if exchange is not None:
            has_secret = exchange.discloses_secret and line not in (b"*", b"")
        else:
            mechanism, _, initial = line[5:].strip(b" ").upper().partition(b" ")
            has_secret = initial != b"" and discloses_initial_secret(mechanism)
        if has_secret:
            self._record.add_sent_in_clear("credentials")

    def begin(self, argument: str, settings: ServerSettings, *, is_esmtp: bool) -> AuthStep:
        """Begin an exchange.

        Args:
            argument: The argument of the command AUTH.
            settings: The settings of the server.
            is_esmtp: Whether the client sent EHLO.
        """
        try:
            return self._apply_step(self._open(argument, settings, is_esmtp=is_esmtp))
        except BaseException as error:  # noqa: BLE001 - P7: the user's `nonce` may raise anything
            return self._fail(error, settings)

    def _open(self, argument: str, settings: ServerSettings, *, is_esmtp: bool) -> bytes | Credentials:
        auth = settings.auth
        if auth is None:  # pragma: no cover - then AUTH is unavailable
            raise CommandRefused(standard_replies.NOT_IMPLEMENTED)
        if not is_esmtp:
            raise CommandRefused(standard_replies.AUTH_AFTER_HELO)
        if self._record.auth is not None:
            raise CommandRefused(standard_replies.ALREADY_AUTHENTICATED)
        mechanism, initial = parse_auth(argument)
        if not settings.mechanisms and not settings.tls_active:
            raise CommandRefused(standard_replies.AUTH_NEEDS_TLS)
        if mechanism not in settings.mechanisms:
            raise CommandRefused(standard_replies.AUTH_UNKNOWN)
        # RFC 4954 4: `=` stands for an empty initial response.
        octets = (
            None if initial is None else b"" if initial == "=" else decode_base64(initial.encode("ascii", "replace"))
        )
        exchange = self._exchange = start_exchange(
            mechanism,
            auth,
            hostname=settings.hostname,
            tls=self._record.tls,
            has_channel_binding=settings.has_channel_binding,
        )
        return exchange.begin(octets)

    def respond(self, line: bytes, settings: ServerSettings) -> AuthStep:
        """Continue the exchange with a line of the client (RFC 4954 4)."""
        exchange = self._exchange
        if exchange is None:  # pragma: no cover - the caller has checked `is_active`
            raise AssertionError("a response without an exchange")
        try:
            if self._decided is None:
                self.record_secret_in_clear(line)
                return self._apply_step(exchange.respond(decode_response(line)))
            # RFC 7628 3.2.3, RFC 5802 5: this line acknowledges the final challenge.  A client that does not trust the
            # server's signature may still cancel with `*` (RFC 4954 4); it cannot cancel a refusal.
            if self._decided[1].is_positive:
                decode_response(line)
        except BaseException as error:  # noqa: BLE001 - P7: the user's mapping of passwords may raise anything
            return self._fail(error, settings)
        return self._finish(*self._decided)

    def suggest_reply(self, credentials: Credentials, settings: ServerSettings) -> Reply:
        """Return the suggested reply to credentials that are complete."""
        auth = settings.auth
        try:
            is_valid = auth is not None and auth.accepts(credentials)
        except BaseException as error:  # noqa: BLE001 - P7
            return _reply_to_exception(error, settings)
        return standard_replies.AUTHENTICATED if is_valid else standard_replies.AUTH_INVALID

    def conclude(self, credentials: Credentials, reply: Reply) -> AuthStep:
        """Return the step after a decision: the final challenge, or the reply."""
        exchange = self._exchange
        challenge = None if exchange is None else exchange.build_final_challenge(reply.is_positive)
        if challenge is None:
            return self._finish(credentials, reply)
        self._decided = credentials, reply
        return _render_challenge(challenge)

    def end(self) -> None:
        """End the exchange: the next line is a command."""
        self._exchange = self._decided = None

    def _apply_step(self, step: bytes | Credentials) -> bytes | Credentials:
        if isinstance(step, bytes):
            return _render_challenge(step)
        self._record.add_auth_attempt(step)
        return step

    def _finish(self, credentials: Credentials, reply: Reply) -> Reply:
        """End the exchange, and record its result."""
        self.end()
        if reply.code < 300:  # a decision may be 334, which is not a success (RFC 4954 4)
            self._record.auth = credentials
        elif reply.code >= 500:
            self.failures += 1
        return reply

    def _fail(self, error: BaseException, settings: ServerSettings) -> CommandRefused:
        """End the exchange with the reply to this error."""
        self.end()
        return error if isinstance(error, CommandRefused) else CommandRefused(_reply_to_exception(error, settings))


def _reply_to_exception(error: BaseException, settings: ServerSettings) -> Reply:
    """Return the reply to an exception of a user's function, which is reported (P7)."""
    if settings.reply_to_exception is None:
        raise error
    return settings.reply_to_exception(error)


def _render_challenge(octets: bytes) -> bytes:
    from binascii import b2a_base64

    # RFC 4954 4: a challenge is one line of any length; a `Reply` would be split into several lines.
    return b"334 %s\r\n" % b2a_base64(octets, newline=False)

"""The commands that authenticate the client (RFC 1939 7, RFC 5034)."""

from __future__ import annotations

from binascii import b2a_base64

from lazr.smtptest._util.lazy_pattern import compile_lazily
from lazr.smtptest.protocol.pop3.responses import END, CommandError, render_ok
from lazr.smtptest.protocol.reading_auth import Authenticated, ReadingAuth
from lazr.smtptest.protocol.reading_session import ReadingCommand, ReadingReply
from lazr.smtptest.protocol.smtp import Credentials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    from lazr.smtptest.protocol.pop3.responses import Steps
    from lazr.smtptest.protocol.reading_auth import AuthRefusal, AuthStep
    from lazr.smtptest.protocol.reading_session import ReadingSettings
    from lazr.smtptest.protocol.smtp import SessionRecord

__all__ = ["Authorization", "ReplacedReply"]

_MD5_HEX_DIGEST = compile_lazily("[0-9A-Fa-f]{32}")
# RFC 3206: the response codes of failures.
_RESPONSE_CODES = {"failed": "[AUTH] ", "unavailable": "[SYS/TEMP] "}
_MISUSES = frozenset({"syntax", "unsupported"})


class ReplacedReply(Exception):
    """The end of a command whose reply a decision has replaced.

    Args:
        reply: The reply to send.
    """

    def __init__(self, reply: ReadingReply) -> None:
        super().__init__(reply)
        self.reply: Final = reply


class Authorization:
    """The authentication of one session.

    Its commands are generators of steps.  Their result is None as long as the client is not authenticated.

    Args:
        record: The record of the session.
        settings: The settings when the session begins.
    """

    __slots__ = ("_auth", "timestamp", "username")

    def __init__(self, record: SessionRecord, settings: ReadingSettings) -> None:
        self._auth = ReadingAuth(record, settings)
        self.timestamp: str = ""  # of the greeting, for APOP; "" if APOP is not offered
        self.username: str = ""  # of USER, for the PASS that follows

    @property
    def failures(self) -> int:
        """The number of refused attempts so far."""
        return self._auth.failures

    @property
    def is_active(self) -> bool:
        """Whether the client's next line belongs to an exchange."""
        return self._auth.is_active

    def mask_line(self, line: bytes) -> bytes:
        """Return a line of the exchange as the transcript may show it."""
        return self._auth.mask_line(line)

    def reset(self, settings: ReadingSettings) -> None:
        """Forget what the client sent, because the session begins again with these settings."""
        self._auth.settings = settings
        self._auth.end()
        self.username = ""

    def build_timestamp(self) -> str:
        """Return the timestamp for the greeting; "" if APOP is not offered (RFC 1939 7)."""
        settings = self._auth.settings
        auth = settings.auth
        # APOP needs the password, as CRAM-MD5 does.
        if auth is None or (auth.passwords is not None and "CRAM-MD5" in auth.mechanisms):
            nonce = self._auth.make_nonce()
            self.timestamp = f"<{nonce}@{settings.hostname}>" if nonce else ""
        return self.timestamp

    # -- commands ----------------------------------------------------------------------------

    def run_user(self, arguments: Sequence[str]) -> Steps[Authenticated | None]:
        """Remember the user name; the reply does not tell whether the user exists."""
        settings = self._auth.settings
        if not settings.accepts_login:
            raise CommandError("Authentication needs TLS here; send STLS first")
        if not settings.accepts_password:
            raise CommandError(f"Plain passwords are not accepted; mechanisms: {' '.join(settings.mechanisms)}")
        self.username = arguments[0]
        yield render_ok("Send PASS")
        return None

    def run_pass(self, arguments: Sequence[str]) -> Steps[Authenticated | None]:
        """Check the password of the user that USER has named."""
        username, self.username = self.username, ""
        if not username:
            raise CommandError("Send USER before PASS", is_misuse=True)
        outcome = self._auth.login(username, "".join(arguments), mechanism="USER")
        return (yield from self._apply_step(outcome))

    def run_apop(self, arguments: Sequence[str]) -> Steps[Authenticated | None]:
        """Check the digest of the timestamp and the password (RFC 1939 7)."""
        username, digest = arguments
        if not self.timestamp:
            raise CommandError("APOP is not offered", is_misuse=True)
        if _MD5_HEX_DIGEST.fullmatch(digest) is None:
            raise CommandError("APOP takes a name and 32 hexadecimal digits", is_misuse=True)
        return (yield from self._apply_step(self._auth.login_with_digest(username, digest, self.timestamp)))

    def run_auth(self, arguments: Sequence[str]) -> Steps[Authenticated | None]:
        """Begin an exchange of SASL; without an argument, list the mechanisms."""
        if not arguments:
            lines = "".join(f"{name}\r\n" for name in self._auth.settings.mechanisms)
            yield render_ok("Mechanisms follow") + lines.encode("ascii") + END
            return None
        initial = arguments[1].encode() if len(arguments) > 1 else None
        return (yield from self._apply_step(self._auth.begin(arguments[0], initial)))

    def respond(self, line: bytes) -> Steps[Authenticated | None]:
        """Continue the exchange with a line of the client."""
        return (yield from self._apply_step(self._auth.respond(line)))

    def _apply_step(self, step: AuthStep) -> Steps[Authenticated | None]:
        if isinstance(step, Credentials):
            username = step.authzid or step.username
            try:
                reply: ReadingReply | None = yield ReadingCommand("POP3 AUTH", step.mechanism, username)
            except GeneratorExit:  # the decision has raised an exception
                self._auth.end()
                raise
            if reply is not None:
                self._auth.end()
                raise ReplacedReply(reply)
            step = self._auth.conclude(step)
        if isinstance(step, bytes):
            yield b"+ %s\r\n" % b2a_base64(step, newline=False)
            return None
        if isinstance(step, Authenticated):
            return step
        raise _build_error(step)


def _build_error(refusal: AuthRefusal) -> CommandError:
    return CommandError(
        _RESPONSE_CODES.get(refusal.kind, "") + refusal.text,
        is_misuse=refusal.kind in _MISUSES,
        closes=refusal.kind == "limit",
    )

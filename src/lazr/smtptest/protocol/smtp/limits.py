"""The limits of a server: name, default, and the reply to a client that exceeds it."""

from __future__ import annotations

from lazr.smtptest._util.suggestion import build_getattr

TYPE_CHECKING = False

__all__ = ["Limits"]

KIB = 1024
MIB = 1024 * 1024

# The server cannot do without these.
_REQUIRED_LIMITS = frozenset({"command_line", "command_flood", "session_memory", "replies_waiting"})
# Times and rates, which may have fractions; the other limits are counts and sizes.
_MEASURED_LIMITS = frozenset(
    {"idle_timeout", "command_timeout", "data_rate", "session_timeout", "write_timeout", "crowded_timeout"}
)


# What to write instead of other names.
_ATTRIBUTE_ALIASES = {
    **dict.fromkeys(("size", "max_size", "max_message_size"), "limits.message_size"),
    "timeout": "limits.idle_timeout, limits.command_timeout or limits.session_timeout",
    **dict.fromkeys(("max_recipients", "rcpt", "rcpts"), "limits.recipients"),
    "max_connections": "limits.connections",
}


class Limits:
    """The limits of one server.  Sizes are in bytes, times in seconds; None means no limit.

    After a reply of 421 the connection is closed.

    Args:
        command_line: A command line with CRLF; extensions raise the limit of MAIL and RCPT.  500 5.5.2.
        command_flood: A command line that is read without being kept.  421 4.7.0.
        message_size: The content of a message.  552 5.3.4; at twice the limit 421 4.7.0.
        recipients: The recipients of a message.  452 4.5.3.
        errors: Commands that broke grammar or order.  421 4.7.0.
        commands_without_mail: Commands since the last mail, without MAIL, RCPT, DATA and BDAT.  421 4.7.0.
        refused_commands: Commands since the last mail that the server has refused for a limit or for lack of AUTH, such
            as RCPT above `recipients`.  Each further one counts as an error.
        auth_failures: Refused attempts to authenticate.  The next AUTH is answered 421 4.7.0.
        auth_failures_per_minute: Refused attempts from one address (IPv6: one /64 network), in all sessions.  Above
            it, the reply to AUTH is delayed to this rate.  If the delay would be over 10 s, it is 421 4.7.0.
            `smtptest serve` has 30, the library no limit.
        session_memory: The part of an unfinished message in memory; the rest is in a temporary file.  It also limits
            the input that waits for a pending reply: 421 4.3.1.
        content_memory: The unfinished messages of all sessions in memory; above it, what arrives is in temporary files.
            `smtptest serve` has 32 MiB, the library no limit.
        replies_waiting: Replies that the client has not read; the server reads no more until then.
        idle_timeout: Time without input from the client.  421 4.4.2.
        command_timeout: Time from a reply to the end of the next command.  421 4.4.2.
        data_rate: Bytes of content a second, for content that takes longer than `command_timeout`.  421 4.4.2.
        session_timeout: Time of a session.  421 4.4.2.
        write_timeout: Time in which the client reads none of the waiting output; the connection is closed.
        connections: Open connections, and at most 80 % of the file descriptors, less 20.  421 4.3.2.
        crowded_timeout: Replaces `idle_timeout` and `command_timeout` while 80 % of `connections` are in use.

    Raises:
        ValueError: A limit is not greater than 0.
        TypeError: A limit is not a number, or not a whole number where it counts something.

    >>> Limits(recipients=2, idle_timeout=None)
    Limits(idle_timeout=None, recipients=2)
    >>> Limits() == Limits(recipients=1000)
    True
    """

    __slots__ = (
        "auth_failures",
        "auth_failures_per_minute",
        "command_flood",
        "command_line",
        "command_timeout",
        "commands_without_mail",
        "connections",
        "content_memory",
        "crowded_timeout",
        "data_rate",
        "errors",
        "idle_timeout",
        "message_size",
        "recipients",
        "refused_commands",
        "replies_waiting",
        "session_memory",
        "session_timeout",
        "write_timeout",
    )

    def __init__(
        self,
        *,
        command_line: int = 512,  # RFC 5321 4.5.3.1.4
        command_flood: int = 64 * KIB,
        message_size: int | None = 32 * MIB,
        recipients: int | None = 1000,  # RFC 5321 4.5.3.1.8: at least 100
        errors: int | None = 20,
        commands_without_mail: int | None = 100,
        refused_commands: int | None = 1000,
        auth_failures: int | None = 3,
        auth_failures_per_minute: int | None = None,
        session_memory: int = 33 * MIB,
        content_memory: int | None = None,
        replies_waiting: int = 64 * KIB,
        idle_timeout: float | None = 300.0,  # RFC 5321 4.5.3.2.7
        command_timeout: float | None = 300.0,
        data_rate: float | None = 500.0,
        session_timeout: float | None = 86_400.0,
        write_timeout: float | None = 30.0,
        connections: int | None = 10_000,
        crowded_timeout: float | None = 10.0,
    ) -> None:
        self.command_line: int = command_line
        self.command_flood: int = command_flood
        self.message_size: int | None = message_size
        self.recipients: int | None = recipients
        self.errors: int | None = errors
        self.commands_without_mail: int | None = commands_without_mail
        self.refused_commands: int | None = refused_commands
        self.auth_failures: int | None = auth_failures
        self.auth_failures_per_minute: int | None = auth_failures_per_minute
        self.session_memory: int = session_memory
        self.content_memory: int | None = content_memory
        self.replies_waiting: int = replies_waiting
        self.idle_timeout: float | None = idle_timeout
        self.command_timeout: float | None = command_timeout
        self.data_rate: float | None = data_rate
        self.session_timeout: float | None = session_timeout
        self.write_timeout: float | None = write_timeout
        self.connections: int | None = connections
        self.crowded_timeout: float | None = crowded_timeout
        for name, default in _DEFAULTS.items():
            value = getattr(self, name)
            if value is not default:
                _check_limit(name, value)

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute
        __getattr__ = build_getattr(_ATTRIBUTE_ALIASES)

    def _field_values(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Limits):
            return NotImplemented
        return self._field_values() == other._field_values()

    def __hash__(self) -> int:
        return hash(self._field_values())

    def __repr__(self) -> str:
        default = Limits()
        names = (name for name in self.__slots__ if getattr(self, name) != getattr(default, name))
        return f"Limits({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"


# Each server has a `Limits`, mostly with these values.
_DEFAULTS: dict[str, object] = Limits.__init__.__kwdefaults__ or {}


def _check_limit(name: str, value: object) -> None:
    no_limit = "" if name in _REQUIRED_LIMITS else ", or None for no limit"
    if value is None and not no_limit:
        raise TypeError(f"the limit {name} must be a number, got None; to lift it, pass a large number")
    if value is None:
        return
    kind, types = ("number", (int, float)) if name in _MEASURED_LIMITS else ("whole number", (int,))
    if not isinstance(value, types) or isinstance(value, bool):
        raise TypeError(f"the limit {name} must be a {kind}{no_limit}, got {value!r}")
    if not value > 0:
        raise ValueError(f"the limit {name} must be greater than 0{no_limit}, got {value!r}")

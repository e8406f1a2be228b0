"""Every limit of a server: its name, its default, and the reply that meets whoever crosses it."""

__all__ = ["Limits"]

KIB = 1024
MIB = 1024 * 1024


class Limits:
    """What one server puts up with.  Sizes are octets, times are seconds; None is no limit.

    | name | default | what crosses it is answered |
    |---|---|---|
    | `command_line` | 512, with CRLF; extensions add theirs for MAIL and RCPT | 500 5.5.2 |
    | `command_flood` | 65,536 octets of one command line | 421 4.7.0, and closed |
    | `message_size` | 32 MiB | 552 5.3.4; at twice this 421 4.7.0, and closed |
    | `recipients` | 1,000 a transaction | 452 4.5.3 |
    | `errors` | 20 commands that broke grammar or order | 421 4.7.0, and closed |
    | `commands_without_mail` | 100 since the last mail, not counting MAIL RCPT DATA BDAT | 421 4.7.0, and closed |
    | `auth_failures` | 3 refused attempts to authenticate | the next AUTH 421 4.7.0, and closed |
    | `session_memory` | 33 MiB of one unfinished message in memory, the rest in a temporary file | none: it is kept |
    | `replies_waiting` | 64 KiB that the client has not read | none: reading stops until it reads |
    | `idle_timeout` | 300 without an octet from the client | 421 4.4.2, and closed |
    | `command_timeout` | 300 from a reply to the end of the next command | 421 4.4.2, and closed |
    | `data_rate` | 500 octets a second of content, beyond `command_timeout` | 421 4.4.2, and closed |
    | `session_timeout` | 86,400 for a whole session | 421 4.4.2, and closed |
    | `write_timeout` | 30 in which the client reads nothing of what waits | none: closed |
    | `connections` | 10,000, or 80 % of the file descriptors, less 20 | 421 4.3.2, and closed |
    | `crowded_timeout` | 10, in place of idle and command timeouts when 80 % of `connections` are in use | 421 4.4.2 |

    Raises `ValueError` for a limit that is not above zero, `TypeError` for one that is no number.

    >>> Limits(recipients=2).recipients
    2
    """

    __slots__ = (
        "auth_failures",
        "command_flood",
        "command_line",
        "command_timeout",
        "commands_without_mail",
        "connections",
        "crowded_timeout",
        "data_rate",
        "errors",
        "idle_timeout",
        "message_size",
        "recipients",
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
        recipients: int | None = 1000,  # RFC 5321 4.5.3.1.8 wants 100 at least
        errors: int | None = 20,
        commands_without_mail: int | None = 100,
        auth_failures: int | None = 3,
        session_memory: int = 33 * MIB,
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
        self.auth_failures: int | None = auth_failures
        self.session_memory: int = session_memory
        self.replies_waiting: int = replies_waiting
        self.idle_timeout: float | None = idle_timeout
        self.command_timeout: float | None = command_timeout
        self.data_rate: float | None = data_rate
        self.session_timeout: float | None = session_timeout
        self.write_timeout: float | None = write_timeout
        self.connections: int | None = connections
        self.crowded_timeout: float | None = crowded_timeout
        for name in self.__slots__:
            value = getattr(self, name)
            if value is not None and not isinstance(value, (int, float)):
                raise TypeError(f"the limit {name} is {value!r}; it must be a number, or None for no limit")
            if value is not None and not value > 0:
                raise ValueError(f"the limit {name} is {value!r}; it must be above 0, or None for no limit")

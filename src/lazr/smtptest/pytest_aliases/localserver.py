"""The fixture `smtpserver` of pytest-localserver, on a `MailServer`."""

from __future__ import annotations

from collections.abc import MutableSequence

from lazr.smtptest._util.host_port import split_host_port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from email.message import Message
    from typing import Any, Final, overload

    from lazr.smtptest.mail import Mail
    from lazr.smtptest.mailserver import MailServer

__all__ = ["Details", "Outbox", "Smtpserver"]

# Attributes that the original server inherits, and their replacements.
_MIGRATION_HINTS = {
    "handler": "smtpserver.outbox has the messages; `decide` answers commands: docs/how-to/deciding.md",
    "loop": "the event loop is private; smtpserver.server.call(function) runs a function in it",
    "ssl_context": 'for TLS, use the fixture smtptest and @pytest.mark.smtptest(tls="implicit")',
}


class Details:
    """The envelope: `peer`, `mailfrom`, `rcpttos`, `mail_options` and `rcpt_options`."""

    __slots__ = ("mail_options", "mailfrom", "peer", "rcpt_options", "rcpttos")

    def __init__(self, mail: Mail) -> None:
        host, port = split_host_port(mail.envelope.peer)
        self.peer: Final = (host, int(port) if port.isdecimal() else 0)
        self.mailfrom: Final = mail.sender
        self.rcpttos: Final = list(mail.recipients)
        self.mail_options: Final = _format_esmtp_options([mail.envelope.mail_parameters])
        self.rcpt_options: Final = _format_esmtp_options(mail.envelope.rcpt_parameters)

    def __repr__(self) -> str:
        return f"Details(mailfrom={self.mailfrom!r}, rcpttos={self.rcpttos!r})"


class Outbox(MutableSequence["Message"]):  # noqa: PLW1641 - no list has a hash
    """The received messages, each with `details`; a list whose deleted messages stay deleted."""

    def __init__(self, inbox: Iterable[Mail]) -> None:
        self._inbox = inbox
        self._seen_ids: set[str] = set()
        self._messages: list[Message] = []

    def _refresh(self) -> list[Message]:
        for mail in self._inbox:
            if mail.id not in self._seen_ids:
                from lazr.smtptest.pytest_aliases.compat32_message import parse_message

                self._seen_ids.add(mail.id)
                message = parse_message(mail)
                message.details = Details(mail)  # type: ignore[attr-defined]
                self._messages.append(message)
        return self._messages

    def __len__(self) -> int:
        return len(self._refresh())

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, index: int) -> Message: ...
        @overload
        def __getitem__(self, index: slice) -> list[Message]: ...

    def __getitem__(self, index: int | slice) -> Message | list[Message]:
        return self._refresh()[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self._refresh()[index] = value

    def __delitem__(self, index: int | slice) -> None:
        del self._refresh()[index]

    def insert(self, index: int, value: Message) -> None:
        """Insert a message before an index."""
        self._refresh().insert(index, value)

    def __eq__(self, other: object) -> bool:
        return self._refresh() == (other._refresh() if isinstance(other, Outbox) else other)

    def __repr__(self) -> str:
        return repr(self._refresh())


class Smtpserver:
    """The value of the fixture `smtpserver`; `server` is the `MailServer`."""

    def __init__(self, server: MailServer) -> None:
        self.server: Final = server
        self.outbox: Final[Outbox] = Outbox(server.inbox)

    @property
    def addr(self) -> tuple[str, int]:
        """The host and the port."""
        return self.server.host, self.server.port

    @property
    def hostname(self) -> str:
        """The host."""
        return self.server.host

    @property
    def port(self) -> int:
        """The port."""
        return self.server.port

    @property
    def accepting(self) -> bool:
        """Whether clients can connect."""
        return self.server.running

    def is_alive(self) -> bool:
        """Return whether the server runs."""
        return self.server.running

    def start(self) -> None:
        """Start the stopped server again."""
        self.server.start()

    def stop(self, timeout: float | None = None) -> None:
        """Stop the server within `timeout` seconds, 5 by default, as `MailServer.stop` does."""
        self.server.stop(5.0 if timeout is None else timeout)

    def __getattr__(self, name: str) -> Any:
        hint = _MIGRATION_HINTS.get(name, "see smtpserver.server, the MailServer")
        raise AttributeError(f"smtpserver has no {name!r} here: {hint}")


def _format_esmtp_options(parameters: Iterable[Mapping[str, str]]) -> list[str]:
    return [f"{name}={value}" if value else name for command in parameters for name, value in command.items()]

"""What pytest-localserver calls `smtpserver`, on a MailServer."""

from __future__ import annotations

from collections.abc import MutableSequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from email.message import Message
    from typing import Any, Final, overload

    from lazr.smtptest.mail.mail import Mail
    from lazr.smtptest.mailserver import MailServer

__all__ = ["Details", "Outbox", "Smtpserver"]

# What the server there has by inheritance, and where to find the like here.
_ELSEWHERE = {
    "handler": "smtpserver.outbox has the messages; `decide` answers commands: docs/deciding.md",
    "loop": "the loop is nobody else's; smtpserver.server.call(function) runs a function in it",
    "ssl_context": 'for TLS, use the fixture smtptest and @pytest.mark.smtptest(tls="implicit")',
}


class Details:
    """The envelope of a message: `peer`, `mailfrom`, `rcpttos`, `mail_options` and `rcpt_options`."""

    __slots__ = ("mail_options", "mailfrom", "peer", "rcpt_options", "rcpttos")

    def __init__(self, mail: Mail) -> None:
        host, _, port = mail.envelope.peer.rpartition(":")
        self.peer: Final = (host, int(port) if port.isdecimal() else 0)
        self.mailfrom: Final = mail.sender
        self.rcpttos: Final = list(mail.recipients)
        self.mail_options: Final = _options([mail.envelope.mail_parameters])
        self.rcpt_options: Final = _options(mail.envelope.rcpt_parameters)

    def __repr__(self) -> str:
        return f"Details(mailfrom={self.mailfrom!r}, rcpttos={self.rcpttos!r})"


class Outbox(MutableSequence["Message"]):  # noqa: PLW1641 - no list has a hash
    """The messages that came, each with its `details`; like a list, and what is deleted stays away."""

    def __init__(self, inbox: Iterable[Mail]) -> None:
        self._inbox = inbox
        self._seen: set[str] = set()
        self._messages: list[Message] = []

    def _now(self) -> list[Message]:
        for mail in self._inbox:
            if mail.id not in self._seen:
                from lazr.smtptest.pytest_aliases.message import message_of

                self._seen.add(mail.id)
                message = message_of(mail)
                message.details = Details(mail)  # type: ignore[attr-defined]
                self._messages.append(message)
        return self._messages

    def __len__(self) -> int:
        return len(self._now())

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, index: int) -> Message: ...
        @overload
        def __getitem__(self, index: slice) -> list[Message]: ...

    def __getitem__(self, index: int | slice) -> Message | list[Message]:
        return self._now()[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self._now()[index] = value

    def __delitem__(self, index: int | slice) -> None:
        del self._now()[index]

    def insert(self, index: int, value: Message) -> None:
        """As a list does it."""
        self._now().insert(index, value)

    def __eq__(self, other: object) -> bool:
        return self._now() == (other._now() if isinstance(other, Outbox) else other)

    def __repr__(self) -> str:
        return repr(self._now())


class Smtpserver:
    """The fixture's face: `addr`, `outbox`, `is_alive()`, `accepting`, `stop()`; `server` is the `MailServer`."""

    def __init__(self, server: MailServer) -> None:
        self.server: Final = server
        self.outbox: Final[Outbox] = Outbox(server.inbox)

    @property
    def addr(self) -> tuple[str, int]:
        """Host and port."""
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
        """Whether it runs."""
        return self.server.running

    def start(self) -> None:
        """Start it again, once it was stopped."""
        self.server.start()

    def stop(self, timeout: float | None = None) -> None:
        """Stop it; `timeout` is in seconds.  Raises what `MailServer.stop` raises."""
        self.server.stop(5.0 if timeout is None else timeout)

    def __getattr__(self, name: str) -> Any:
        hint = _ELSEWHERE.get(name, "smtpserver.server is the MailServer, which has more")
        raise AttributeError(f"smtpserver has no {name!r} here: {hint}")


def _options(parameters: Iterable[Mapping[str, str | None]]) -> list[str]:
    return [name if value is None else f"{name}={value}" for some in parameters for name, value in some.items()]

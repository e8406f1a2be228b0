"""The task of a client: where to send which messages, and how."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl

    from lazr.smtptest.grading.behavior import Security

__all__ = ["Deferred", "GradeTask", "NotSupported"]


class Deferred(Exception):
    """Raised by a `deliver` function whose client keeps the mail for a later attempt."""


class NotSupported(Exception):
    """Raised by a `deliver` function whose client lacks what the task demands, such as TLS."""


@dataclass(frozen=True, slots=True)
class GradeTask:
    """What a client has to do in one trial.

    - `behavior`: the name of the behavior.
    - `host`, `port`, `url`: the server; the URL is `smtp://…`, or `smtps://…` for implicit TLS.
    - `security`: what the client must demand: "none", "starttls" or "implicit".
    - `user`, `password`: the credentials for AUTH; "" for no AUTH.
    - `ca_file`: a PEM file with the only CA to trust; "" without TLS.
    - `sender`, `recipients`: the addresses of the envelope.
    - `messages`: the messages to send, each with its header; usually one.  Several go over one connection if the client
      can keep it open.
    - `subjects`: the subject of each message.
    - `timeout`: how long the client may wait for the server, in seconds.
    """

    behavior: str
    host: str
    port: int
    url: str
    security: Security
    user: str
    password: str
    ca_file: str
    sender: str
    recipients: tuple[str, ...]
    messages: tuple[bytes, ...]
    subjects: tuple[str, ...]
    timeout: float

    @property
    def message(self) -> bytes:
        """The first message."""
        return self.messages[0]

    @property
    def subject(self) -> str:
        """The subject of the first message."""
        return self.subjects[0]

    def context(self) -> ssl.SSLContext:
        """Return an `ssl.SSLContext` that trusts only the CA of the server.

        Raises:
            ValueError: The task has no TLS.
        """
        import ssl

        if not self.ca_file:
            raise ValueError(f"the task {self.behavior!r} has no TLS: its security is {self.security!r}")
        return ssl.create_default_context(cafile=self.ca_file)

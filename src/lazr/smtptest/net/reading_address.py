"""The addresses at which clients of IMAP and POP3 reach a server."""

from __future__ import annotations

from lazr.smtptest._util.host_port import format_host_port
from lazr.smtptest.errors import StartError
from lazr.smtptest.protocol.smtp import TlsMode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lazr.smtptest.net.listener import Listen, Listener
    from lazr.smtptest.net.listener_settings import ListenerSettings

__all__ = ["ReadingAddress"]


class ReadingAddress:
    """Where clients of IMAP or POP3 connect to: `server.imap` or `server.pop3`.

    Args:
        protocol: `"imap"` or `"pop3"`.
        settings: The settings of the server's listeners.
        get_listeners: Returns the bound listeners.

    >>> from lazr.smtptest import MailServer
    >>> with MailServer(imap=True) as server:
    ...     server.imap.url == f"imap://127.0.0.1:{server.imap.port}"
    True
    """

    def __init__(
        self, protocol: str, settings: ListenerSettings, get_listeners: Callable[[], Sequence[Listener]]
    ) -> None:
        self._protocol = protocol
        self._settings = settings
        self._get_listeners = get_listeners

    def _find_listen(self) -> Listen:
        """Return the first place of this protocol; raise `StartError` if there is none."""
        listen = self._settings.find_reading_listen(self._protocol)
        if listen is None:
            raise StartError(
                f"this server has no {self._protocol.upper()}; add MailServer({self._protocol}=True), "
                f"in pytest @pytest.mark.smtptest({self._protocol}=True)"
            )
        return listen

    def _list_listeners(self) -> list[Listener]:
        return [listener for listener in self._get_listeners() if listener.listen.protocol == self._protocol]

    @property
    def host(self) -> str:
        """The host of the listener, as it was passed.

        Raises:
            StartError: The server does not have this protocol.
        """
        return self._find_listen().host

    @property
    def port(self) -> int:
        """The port; with port 0, the real one once the server is bound.

        Raises:
            StartError: The server does not have this protocol.
        """
        return self._find_listen().port

    @property
    def address(self) -> tuple[str, int]:
        """The host and the port to connect to: `imaplib.IMAP4(*server.imap.address)`.

        Raises:
            StartError: The server does not have this protocol, or no port is known yet.
        """
        listen = self._find_listen()
        for listener in self._list_listeners():
            return listener.address
        if not listen.port:
            raise StartError("the server is not started, so it has no port yet; use `with MailServer(…) as server:`")
        return listen.host, listen.port

    @property
    def tls_address(self) -> tuple[str, int]:
        """The host and the port of the first listener with implicit TLS (RFC 8314).

        Raises:
            StartError: There is none, or the server is not bound.
        """
        self._find_listen()
        listeners = self._list_listeners()
        for listener in listeners:
            if self._settings.get_tls_mode(listener.listen) is TlsMode.IMPLICIT:
                return listener.address
        if listeners:
            raise StartError('this server has no implicit TLS; use MailServer(tls="implicit") or tls="both"')
        raise StartError("the server is not started, so it has no port yet; use `with MailServer(…) as server:`")

    @property
    def tls_mode(self) -> str:
        """How the listener offers TLS: `"none"`, `"starttls"` or `"implicit"`."""
        return self._settings.get_tls_mode(self._find_listen()).value

    @property
    def url(self) -> str:
        """The URL `imap://host:port`, or `imaps`, `pop3` or `pop3s`; `…s` with implicit TLS.

        Raises:
            StartError: The server does not have this protocol, or no port is known yet.
        """
        host, port = self.address
        suffix = "s" if self.tls_mode == TlsMode.IMPLICIT.value else ""
        return f"{self._protocol}{suffix}://{format_host_port(host, port)}"

    @property
    def is_enabled(self) -> bool:
        """Whether the server has this protocol."""
        return self._settings.find_reading_listen(self._protocol) is not None

    def __repr__(self) -> str:
        if not self.is_enabled:
            return f"<ReadingAddress {self._protocol}, off>"
        return f"<ReadingAddress {self._protocol} {format_host_port(self.host, self.port)}>"

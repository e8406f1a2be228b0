"""Settings that a client needs: addresses, environment variables and trusted certificates.

`MailServer` inherits `ClientSettings`; the addresses come from its listeners, TLS and AUTH from its `ListenerSettings`.
"""

from __future__ import annotations

from functools import cached_property

from lazr.smtptest._util.host_port import format_host_port
from lazr.smtptest.errors import StartError
from lazr.smtptest.net import READING_PROTOCOLS
from lazr.smtptest.protocol.smtp import TlsMode

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl

    from lazr.smtptest.net import CertificateAuthority, Listener, ListenerSettings, ReadingAddress

__all__ = ["ClientSettings", "build_client_environment"]

# The names that Django (EMAIL_USE_TLS) and Flask-Mail (MAIL_USE_SSL) have for the two modes.
_TLS_VARIABLE_SUFFIXES = {TlsMode.STARTTLS: "TLS", TlsMode.IMPLICIT: "SSL"}
_USERNAME_VARIABLES = ("SMTP_USERNAME", "EMAIL_HOST_USER", "MAIL_USERNAME")
_PASSWORD_VARIABLES = ("SMTP_PASSWORD", "EMAIL_HOST_PASSWORD", "MAIL_PASSWORD")
_FASTAPI_MAIL_TLS_VARIABLES = {"MAIL_STARTTLS": TlsMode.STARTTLS, "MAIL_SSL_TLS": TlsMode.IMPLICIT}

_NOT_STARTED = "the server is not started, so it has no port yet; use `with MailServer() as server:`"


def build_client_environment(
    address: tuple[str, int], url: str, *, tls_mode: TlsMode, user: tuple[str, str] | None
) -> dict[str, str]:
    """Return the variables that make a subprocess send its mail to a server.

    Args:
        address: the host and the port.
        url: the value of SMTP_URL.
        tls_mode: what the client must do: `NONE`, `STARTTLS` or `IMPLICIT`.
        user: the name and the password for AUTH; None for no AUTH.
    """
    host, port = address
    prefixes = ("SMTP", "EMAIL", "MAIL")
    env = {f"{prefix}_HOST": host for prefix in prefixes} | {f"{prefix}_PORT": str(port) for prefix in prefixes}
    if tls_mode in _TLS_VARIABLE_SUFFIXES:
        env |= {f"{prefix}_USE_{_TLS_VARIABLE_SUFFIXES[tls_mode]}": "True" for prefix in ("EMAIL", "MAIL")}
    if user is not None:
        name, password = user
        env |= dict.fromkeys(_USERNAME_VARIABLES, name) | dict.fromkeys(_PASSWORD_VARIABLES, password)
    # FastAPI-Mail requires both of its variables, True or False.
    env |= {name: str(tls_mode is enabling) for name, enabling in _FASTAPI_MAIL_TLS_VARIABLES.items()}
    return env | {"MAIL_SERVER": host, "SMTP_URL": url}


class ClientSettings:
    """Addresses, environment variables and certificates for the clients of a `MailServer`.

    >>> from lazr.smtptest import MailServer
    >>> with MailServer() as server:
    ...     server.env()["SMTP_URL"] == server.url == f"smtp://127.0.0.1:{server.port}"
    True
    """

    def __init__(self, host: str, port: int, listener_settings: ListenerSettings) -> None:
        self._host = host
        self._port = port
        self._listener_settings = listener_settings
        self._listeners: list[Listener] = []

    def _get_listeners(self) -> list[Listener]:
        return self._listeners

    def _build_reading_address(self, protocol: str) -> ReadingAddress:
        from lazr.smtptest.net import ReadingAddress  # a server without IMAP and POP3 does not need the module

        return ReadingAddress(protocol, self._listener_settings, self._get_listeners)

    @cached_property
    def imap(self) -> ReadingAddress:
        """Where clients of IMAP connect to: `imaplib.IMAP4(*server.imap.address)`.

        >>> import imaplib
        >>> from lazr.smtptest import MailServer
        >>> with MailServer(imap=True) as server:
        ...     with imaplib.IMAP4(*server.imap.address) as client:
        ...         client.login("ann@example.com", "any password")[0]
        'OK'
        """
        return self._build_reading_address("imap")

    @cached_property
    def pop3(self) -> ReadingAddress:
        """Where clients of POP3 connect to: `poplib.POP3(*server.pop3.address)`.

        >>> from lazr.smtptest import MailServer
        >>> MailServer(pop3=1110).pop3.url
        'pop3://127.0.0.1:1110'
        """
        return self._build_reading_address("pop3")

    @property
    def host(self) -> str:
        """The host of the first listener, as passed to `MailServer`."""
        return self._host

    @property
    def port(self) -> int:
        """The port of the first listener.

        With port 0, this is the real port once the server is bound.  A restart uses it again.
        """
        return self._port

    @property
    def address(self) -> tuple[str, int]:
        """The host and port to connect to: `smtplib.SMTP(*server.address)`.

        Raises:
            StartError: If no port is known yet.  Some clients take port 0 for 25, and would send the test's mail
                to another server.
        """
        if self._listeners:
            return self._listeners[0].address
        if self._port == 0:
            raise StartError(_NOT_STARTED)
        return self._host, self._port

    @property
    def tls_address(self) -> tuple[str, int]:
        """The host and port of the first listener with implicit TLS.

        Use it as `smtplib.SMTP_SSL(*server.tls_address, context=server.client_context())`.

        Raises:
            StartError: If no listener has implicit TLS, or the server is not bound.
        """
        for listener in self._listeners:
            mode = self._listener_settings.get_tls_mode(listener.listen)
            is_smtp = listener.listen.protocol not in READING_PROTOCOLS
            if mode is TlsMode.IMPLICIT and listener.path is None and is_smtp:
                return listener.address
        if self._listeners:
            raise StartError('this server has no implicit TLS; use MailServer(tls="implicit") or tls="both"')
        raise StartError(_NOT_STARTED)

    @property
    def url(self) -> str:
        """The URL `smtp://host:port` that clients connect to.

        The scheme is `smtps` with implicit TLS, and `lmtp` for LMTP.

        Raises:
            StartError: If no port is known yet.
        """
        host, port = self.address
        scheme = "smtps" if self._listener_settings.first_tls_mode is TlsMode.IMPLICIT else "smtp"
        if self._listener_settings.protocol == "lmtp":
            scheme = "lmtp"
        return f"{scheme}://{format_host_port(host, port)}"

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """The listening sockets; each has `host`, `port` and `path`.

        The server's own listener comes first.
        """
        return tuple(self._listeners)

    def get_tls_mode(self, listener: Listener) -> TlsMode:
        """Return how a listener of this server offers TLS: `NONE`, `STARTTLS` or `IMPLICIT`.

        >>> from lazr.smtptest import MailServer
        >>> with MailServer() as server:
        ...     print(server.get_tls_mode(server.listeners[0]))
        none
        """
        return self._listener_settings.get_tls_mode(listener.listen)

    def env(self) -> dict[str, str]:
        """Return environment variables that make a subprocess send its mail to this server.

        They are SMTP_HOST, SMTP_PORT and SMTP_URL, and the settings of Django, Flask-Mail and FastAPI-Mail.  With IMAP
        or POP3, there are IMAP_HOST, IMAP_PORT and IMAP_URL, or the same for POP3.
        If the server has TLS, they include the settings that enable it.  If `auth` is a mapping, they include
        the name and password of its first user.

        SSL_CERT_FILE is not included, because it applies to every TLS connection of the subprocess.  Add it
        where that is correct: `server.env() | {"SSL_CERT_FILE": server.ca_file}`.

        Raises:
            StartError: If no port is known yet.

        >>> from lazr.smtptest import MailServer
        >>> with MailServer(auth={"ann": "secret"}) as server:
        ...     env = server.env()
        >>> env["EMAIL_HOST"], env["MAIL_USERNAME"]
        ('127.0.0.1', 'ann')
        """
        settings = self._listener_settings
        env = build_client_environment(
            self.address, self.url, tls_mode=settings.first_tls_mode, user=settings.first_user
        )
        for prefix, reading in (("IMAP", self.imap), ("POP3", self.pop3)):
            if reading.is_enabled:
                host, port = reading.address
                env |= {f"{prefix}_HOST": host, f"{prefix}_PORT": str(port), f"{prefix}_URL": reading.url}
        return env

    @property
    def ca_file(self) -> str:
        """The path of a PEM file with the CA certificate that clients must trust.

        Raises:
            MissingExtra: If trustme is not installed.
            StartError: If the server has no TLS.
            ValueError: If the server uses a certificate of yours, whose CA it does not know.
        """
        return self._get_authority().ca_file

    def client_context(self, *identities: str) -> ssl.SSLContext:
        """Return a client's `ssl.SSLContext` that trusts only this server's CA.

        Args:
            *identities: Mail addresses, host names or IP addresses.  With at least one, the context has a client
                certificate for them.

        Raises:
            MissingExtra: If trustme is not installed.
            StartError: If the server has no TLS.
            ValueError: If the server uses a certificate of yours, whose CA it does not know.

        >>> import smtplib
        >>> from lazr.smtptest import MailServer
        >>> with MailServer(tls="implicit") as server:
        ...     with smtplib.SMTP_SSL(*server.address, context=server.client_context()) as client:
        ...         client.noop()[0]
        250
        """
        import ssl

        authority = self._get_authority()
        context = ssl.create_default_context(cafile=authority.ca_file)
        if identities:
            context.load_cert_chain(authority.client_file(*identities))
        return context

    def client_certificate(self, *identities: str) -> str:
        """Return the path of a PEM file with a client certificate and its key.

        Args:
            *identities: Mail addresses, host names or IP addresses of the client; the default is
                `client@localhost`.

        Raises:
            MissingExtra: If trustme is not installed.
            StartError: If the server has no TLS.
            ValueError: If the server uses a certificate of yours, whose CA it does not know.

        >>> from pathlib import Path
        >>> from lazr.smtptest import MailServer
        >>> with MailServer(tls="starttls") as server:
        ...     Path(server.client_certificate("ann@example.com")).suffix
        '.pem'
        """
        return self._get_authority().client_file(*identities)

    def _get_authority(self) -> CertificateAuthority:
        if self._listener_settings.tls is None:
            raise StartError(
                'this server has no TLS; add MailServer(tls="starttls"), '
                'in pytest @pytest.mark.smtptest(tls="starttls")'
            )
        return self._listener_settings.tls.authority

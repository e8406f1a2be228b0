"""What a client needs to reach a server: addresses, environment variables, and whom to trust."""

from __future__ import annotations

from lazr.smtptest.errors import StartError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl

    from lazr.smtptest.net.certificates import Authority
    from lazr.smtptest.net.listener import Listener
    from lazr.smtptest.net.reception import Reception

__all__ = ["Reachable"]

# The words of Django's and Flask-Mail's settings.
_TLS_SETTING = {"starttls": "TLS", "implicit": "SSL"}
_USERNAMES = ("SMTP_USERNAME", "EMAIL_HOST_USER", "MAIL_USERNAME")
_PASSWORDS = ("SMTP_PASSWORD", "EMAIL_HOST_PASSWORD", "MAIL_PASSWORD")
_FASTAPI_MAIL = {"MAIL_STARTTLS": "starttls", "MAIL_SSL_TLS": "implicit"}


class Reachable:
    """The face that a server turns to clients; `MailServer` has it."""

    def __init__(self, host: str, port: int, reception: Reception) -> None:
        self._host = host
        self._port = port
        self._reception = reception
        self._listeners: list[Listener] = []

    @property
    def host(self) -> str:
        """The host that it listens on, as it was given."""
        return self._host

    @property
    def port(self) -> int:
        """The port; once the server is bound, the real one, which a restart uses again."""
        return self._port

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to connect to: `smtplib.SMTP(*server.address)`.

        Raises `StartError` where no port is known yet: a client takes port 0 for 25, and would send
        your test's mail to whoever listens there.
        """
        if self._listeners:
            return self._listeners[0].address
        if self._port == 0:
            raise StartError("the server is not started, so it has no port yet; use `with MailServer() as server:`")
        return self._host, self._port

    @property
    def tls_address(self) -> tuple[str, int]:
        """Host and port of the first listener with implicit TLS: `smtplib.SMTP_SSL(*server.tls_address, ...)`.

        Raises `StartError` where there is none, or before the server is bound.
        """
        for listener in self._listeners:
            if self._reception.tls_mode(listener.where) == "implicit" and listener.path is None:
                return listener.address
        if self._listeners:
            raise StartError('this server has no implicit TLS; MailServer(tls="implicit") and tls="both" have')
        raise StartError("the server is not started, so it has no port yet; use `with MailServer() as server:`")

    @property
    def url(self) -> str:
        """The address as `smtp://host:port`, or `smtps://` with implicit TLS, or `lmtp://`."""
        host, port = self.address
        scheme = (
            "lmtp" if self._reception.protocol == "lmtp" else "smtps" if self._reception.mode == "implicit" else "smtp"
        )
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """The listening sockets, the first one first; each has `host`, `port` and `path`."""
        return tuple(self._listeners)

    def env(self) -> dict[str, str]:
        """Environment variables that tell a subprocess where to send its mail.

        SMTP_HOST, SMTP_PORT and SMTP_URL, and the names that the settings of Django, Flask-Mail and
        FastAPI-Mail have; with TLS, those that switch it on, and where `auth` is a mapping, the
        first user's name and password.  Whom to trust is for you to add, as it would hold for all
        that the subprocess talks to: `server.env() | {"SSL_CERT_FILE": server.ca_file}`.
        """
        host, port = self.address
        names = ("SMTP", "EMAIL", "MAIL")
        env = {f"{name}_HOST": host for name in names} | {f"{name}_PORT": str(port) for name in names}
        if self._reception.mode != "none":
            env |= dict.fromkeys(
                (f"{name}_USE_{_TLS_SETTING[self._reception.mode]}" for name in ("EMAIL", "MAIL")), "True"
            )
        if self._reception.user is not None:
            for names, value in zip((_USERNAMES, _PASSWORDS), self._reception.user, strict=True):
                env |= dict.fromkeys(names, value)
        # FastAPI-Mail wants to be told either way.
        env |= {name: str(self._reception.mode == mode) for name, mode in _FASTAPI_MAIL.items()}
        return env | {"MAIL_SERVER": host, "SMTP_URL": self.url}

    @property
    def ca_file(self) -> str:
        """The path of a PEM file with the certificate of the authority that clients are to trust.

        Raises `StartError` for a server without TLS, `ValueError` where its certificate is your own.
        """
        return self._authority().ca_file

    def client_context(self, *identities: str) -> ssl.SSLContext:
        """A context for clients, which trusts this server's authority and nobody else.

        With `identities` (mail addresses, host names) it has a client certificate for them.
        Raises as `ca_file` does.

        >>> import smtplib
        >>> from lazr.smtptest import MailServer
        >>> with MailServer(tls="implicit") as server:
        ...     with smtplib.SMTP_SSL(*server.address, context=server.client_context()) as client:
        ...         client.noop()[0]
        250
        """
        import ssl

        authority = self._authority()
        context = ssl.create_default_context(cafile=authority.ca_file)
        if identities:
            context.load_cert_chain(authority.client_file(*identities))
        return context

    def client_certificate(self, *identities: str) -> str:
        """The path of a PEM file with a client certificate for these identities, and its key.

        Raises as `ca_file` does.
        """
        return self._authority().client_file(*identities)

    def _authority(self) -> Authority:
        if self._reception.tls is None:
            raise StartError(
                'this server has no TLS; give it some: MailServer(tls="starttls"), '
                'in pytest @pytest.mark.smtptest(tls="starttls")'
            )
        return self._reception.tls.authority

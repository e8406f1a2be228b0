"""What smtpdfix calls `smtpd`, on a MailServer."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from email.message import Message
    from typing import Any, Final

    from lazr.smtptest.mail.mail import Mail
    from lazr.smtptest.mailserver import MailServer
    from lazr.smtptest.testing.servers import Servers

__all__ = ["Config", "Smtpd"]

_DEFAULTS: dict[str, Any] = {
    "host": "127.0.0.1",
    "port": 0,
    "login_username": "user",
    "login_password": "password",
    "enforce_auth": False,
    "auth_require_tls": True,
    "use_starttls": False,
    "use_ssl": False,
    "ssl_cert_files": None,
}

# What is set there, and what takes its place here.
_ELSEWHERE = {
    "ready_timeout": "the server is ready when the fixture is; delete the line",
    "OnChanged": "a change of the configuration restarts the server by itself",
    "loop": "the loop is nobody else's; smtpd.server.call(function) runs a function in it",
    "handler": "smtpd.messages has the messages; `decide` answers commands: docs/deciding.md",
}

# smtpdfix takes its settings out of the environment, too.  (SMTPD_SSL_CERTIFICATE_FILE it sets itself, for good.)
_VARIABLES = {
    "SMTPD_HOST": "host",
    "SMTPD_PORT": "port",
    "SMTPD_LOGIN_NAME": "login_username",
    "SMTPD_LOGIN_PASSWORD": "login_password",
    "SMTPD_ENFORCE_AUTH": "enforce_auth",
    "SMTPD_AUTH_REQUIRE_TLS": "auth_require_tls",
    "SMTPD_USE_STARTTLS": "use_starttls",
    "SMTPD_USE_SSL": "use_ssl",
    "SMTPD_USE_TLS": "use_ssl",
    "SMTPD_SSL_KEY_FILE": "ssl_cert_files",
}


class Config:
    """The settings; to set one restarts the server, which keeps its port and its messages."""

    def __init__(self, smtpd: Smtpd) -> None:
        self.__dict__["_smtpd"] = smtpd
        self.__dict__["_values"] = dict(_DEFAULTS)

    def __getattr__(self, name: str) -> Any:
        if name == "port":
            return self._smtpd.port
        if name == "ssl_cert_files" and self._values[name] is None:
            encrypted = self._values["use_starttls"] or self._values["use_ssl"]
            return (self._smtpd.server.ca_file if encrypted else None, None)  # whom clients are to trust
        if name not in self._values:
            raise _not_here("smtpd.config", name, self._values)
        return self._values[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._values:
            raise _not_here("smtpd.config", name, self._values)
        if isinstance(self._values[name], bool) and not isinstance(value, bool):
            raise TypeError(f"smtpd.config.{name} is True or False, not {value!r}")
        if value != self._values[name]:
            self._values[name] = value
            self._smtpd.reset()

    def _options(self) -> dict[str, Any]:
        """The same as keyword arguments of a MailServer."""
        from lazr.smtptest.net.tls import Tls
        from lazr.smtptest.protocol.smtp.auth import Auth

        values = self._values
        files = values["ssl_cert_files"]
        certificate = "valid" if files is None else _context(*((files,) if isinstance(files, str) else files))
        tls = None
        if values["use_starttls"]:  # it wins over use_ssl
            tls = Tls("starttls", required=True, certificate=certificate)
        elif values["use_ssl"]:
            tls = Tls("implicit", certificate=certificate)
        auth = Auth(
            {values["login_username"]: values["login_password"]},
            required=values["enforce_auth"],
            in_clear=not values["auth_require_tls"],
        )
        return {"host": values["host"], "port": values["port"], "tls": tls, "auth": auth}


class Smtpd:
    """The fixture's face: `hostname`, `port`, `messages`, `config`; `server` is the `MailServer` behind it.

    The server starts when it is first asked for.
    """

    def __init__(self, servers: Servers) -> None:
        import os

        for variable in _VARIABLES.keys() & os.environ.keys():
            raise ValueError(
                f"{variable} is set, but this smtpd takes nothing out of the environment: "
                f"write smtpd.config.{_VARIABLES[variable]} = … in a fixture or a test"
            )
        self._servers = servers
        self._server: MailServer | None = None
        self._mails: list[Mail] = []  # those from before the last restart
        self._messages: dict[Mail, Message] = {}
        self.config: Final = Config(self)

    @property
    def server(self) -> MailServer:
        """The server itself, until the next change of the configuration."""
        if self._server is None:
            self._server = self._servers.start("smtpd", self.config._options())
        return self._server

    @property
    def hostname(self) -> str:
        """The host."""
        return self.server.host

    @property
    def port(self) -> int:
        """The port."""
        return self.server.port

    @property
    def messages(self) -> list[Message]:
        """A list of the messages that came; to change it changes nothing."""
        return [self._message(mail) for mail in (*self._mails, *self.server.inbox)]

    def reset(self, persist_messages: bool = True) -> None:
        """Stop, and start as the configuration says now, on the same port."""
        if self._server is not None:
            self._mails += self._server.inbox
            options = self.config._options()
            options["port"] = options["port"] or self._server.port
            self._server.stop()
            self._server = self._servers.start("smtpd", options)
        if not persist_messages:
            self._mails = []

    def _message(self, mail: Mail) -> Message:
        message = self._messages.get(mail)
        if message is None:
            from lazr.smtptest.pytest_aliases.message import message_of

            message = self._messages[mail] = message_of(mail)
            message["X-Peer"] = mail.envelope.peer
            message["X-MailFrom"] = mail.sender
            message["X-RcptTo"] = ", ".join(mail.recipients)
        return message

    def __getattr__(self, name: str) -> Any:
        raise _not_here("smtpd", name, ("hostname", "port", "messages", "config", "reset", "server"))


def _context(certificate: str, key: str | None = None) -> Any:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def _not_here(whose: str, name: str, known: Any) -> AttributeError:
    hint = _ELSEWHERE.get(name, f"there are {', '.join(known)}; smtpd.server is the MailServer, which has more")
    return AttributeError(f"{whose} has no {name!r} here: {hint}")

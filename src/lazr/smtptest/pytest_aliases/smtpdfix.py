"""The fixture `smtpd` of smtpdfix, on a `MailServer`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from email.message import Message
    from typing import Any, Final

    from lazr.smtptest.mail import Mail
    from lazr.smtptest.mailserver import MailServer
    from lazr.smtptest.testing import Servers

__all__ = ["Config", "Smtpd"]

_DEFAULT_SETTINGS: dict[str, Any] = {
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

# Attributes of the original, and their replacements.
_MIGRATION_HINTS = {
    "ready_timeout": "the server is ready when the fixture is; delete the line",
    "OnChanged": "a change of the configuration restarts the server by itself",
    "loop": "the event loop is private; smtpd.server.call(function) runs a function in it",
    "handler": "smtpd.messages has the messages; `decide` answers commands: docs/how-to/deciding.md",
}

# smtpdfix reads settings from these environment variables.  It sets SMTPD_SSL_CERTIFICATE_FILE itself.
_SETTINGS_BY_VARIABLE = {
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


class _Setting:
    """One setting, a data descriptor, so that `monkeypatch.setattr` restores it."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, config: Config | None, owner: type) -> Any:
        return self if config is None else config._get(self._name)

    def __set__(self, config: Config, value: object) -> None:
        config._set(self._name, value)

    def __delete__(self, config: Config) -> None:
        config._set(self._name, _DEFAULT_SETTINGS[self._name])


class Config:
    """The settings.  Setting one restarts the server, which keeps its port and its messages.

    Deleting one, as in `del smtpd.config.use_ssl`, restores its default.
    """

    __slots__ = ("_smtpd", "_values")

    host: _Setting = _Setting()
    port: _Setting = _Setting()
    login_username: _Setting = _Setting()
    login_password: _Setting = _Setting()
    enforce_auth: _Setting = _Setting()
    auth_require_tls: _Setting = _Setting()
    use_starttls: _Setting = _Setting()
    use_ssl: _Setting = _Setting()
    ssl_cert_files: _Setting = _Setting()

    def __init__(self, smtpd: Smtpd) -> None:
        self._smtpd: Smtpd
        self._values: dict[str, Any]
        object.__setattr__(self, "_smtpd", smtpd)
        object.__setattr__(self, "_values", dict(_DEFAULT_SETTINGS))

    def _get(self, name: str) -> Any:
        if name == "port":
            return self._smtpd.port
        if name == "ssl_cert_files" and self._values[name] is None:
            encrypted = self._values["use_starttls"] or self._values["use_ssl"]
            return (self._smtpd.server.ca_file if encrypted else None, None)  # the CA that clients must trust
        return self._values[name]

    def _set(self, name: str, value: object) -> None:
        if isinstance(self._values[name], bool) and not isinstance(value, bool):
            raise TypeError(f"smtpd.config.{name} must be True or False, got {value!r}")
        if name == "ssl_cert_files" and isinstance(value, tuple) and value == self._get(name):
            return  # the value that reading returned: the generated certificate
        if value != self._values[name]:
            self._values[name] = value
            self._smtpd.reset()

    def __getattr__(self, name: str) -> Any:
        raise _build_attribute_error("smtpd.config", name, _DEFAULT_SETTINGS)

    def __setattr__(self, name: str, value: object) -> None:
        if name not in _DEFAULT_SETTINGS:
            raise _build_attribute_error("smtpd.config", name, _DEFAULT_SETTINGS)
        object.__setattr__(self, name, value)

    def _build_server_options(self) -> dict[str, Any]:
        """Return the settings as keyword arguments of `MailServer`."""
        from lazr.smtptest.net import Tls
        from lazr.smtptest.protocol.smtp import Auth

        values = self._values
        files = values["ssl_cert_files"]
        certificate = "valid" if files is None else _load_tls_context(*((files,) if isinstance(files, str) else files))
        tls = None
        if values["use_starttls"]:  # takes precedence over use_ssl
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
    """The value of the fixture `smtpd`; `server` is the `MailServer`.

    The server starts at the first access to one of them.
    """

    def __init__(self, servers: Servers) -> None:
        import os

        for variable in _SETTINGS_BY_VARIABLE.keys() & os.environ.keys():
            raise ValueError(
                f"{variable} is set, but this smtpd does not read the environment: "
                f"write smtpd.config.{_SETTINGS_BY_VARIABLE[variable]} = … in a fixture or a test"
            )
        self._servers = servers
        self._server: MailServer | None = None
        self._earlier_mails: list[Mail] = []  # from before the last restart
        self._messages: dict[Mail, Message] = {}
        self.config: Final = Config(self)

    @property
    def server(self) -> MailServer:
        """The server; a change of the configuration replaces it."""
        if self._server is None:
            self._server = self._servers.start("smtpd", self.config._build_server_options())
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
        """A new list of the received messages."""
        return [self._get_message(mail) for mail in (*self._earlier_mails, *self.server.inbox)]

    def reset(self, persist_messages: bool = True) -> None:
        """Restart the server with the current configuration, on the same port."""
        if self._server is not None:
            self._earlier_mails += self._server.inbox
            options = self.config._build_server_options()
            options["port"] = options["port"] or self._server.port
            self._server.stop()
            self._server = self._servers.start("smtpd", options)
        if not persist_messages:
            self._earlier_mails = []

    def _get_message(self, mail: Mail) -> Message:
        message = self._messages.get(mail)
        if message is None:
            from lazr.smtptest.pytest_aliases.compat32_message import parse_message

            message = self._messages[mail] = parse_message(mail)
            message["X-Peer"] = mail.envelope.peer
            message["X-MailFrom"] = mail.sender
            message["X-RcptTo"] = ", ".join(mail.recipients)
        return message

    def __getattr__(self, name: str) -> Any:
        raise _build_attribute_error("smtpd", name, ("hostname", "port", "messages", "config", "reset", "server"))


def _load_tls_context(certificate: str, key: str | None = None) -> Any:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def _build_attribute_error(owner: str, name: str, known: Any) -> AttributeError:
    hint = _MIGRATION_HINTS.get(name, f"known: {', '.join(known)}; see also smtpd.server, the MailServer")
    return AttributeError(f"{owner} has no {name!r} here: {hint}")

"""Open SMTP sessions for the commands, and turn the errors of smtplib into messages."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
from typing import TYPE_CHECKING

from lazr.smtptest._util.escape import escape_unprintable
from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.protocol.smtp import TlsMode
from lazr.smtptest.smtp_client import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.cli.client.server_url import ServerUrl

__all__ = ["ConnectionSettings", "ServerUnreachableError", "SmtpReplyError", "describe_refusals", "open_session"]

_TIMEOUT_SECONDS = 60


class SmtpReplyError(CommandError):
    """The server refused a command; `reply_code` and `reply_text` are those of its reply."""

    def __init__(self, message: str, reply_code: int, reply_text: str) -> None:
        super().__init__(message)
        self.reply_code = reply_code
        self.reply_text = reply_text


class ServerUnreachableError(CommandError):
    """The server cannot be reached, or broke the session.

    `is_host_unknown` is True if the name of the host cannot be resolved.
    """

    def __init__(self, message: str, *, is_host_unknown: bool = False) -> None:
        super().__init__(message)
        self.is_host_unknown = is_host_unknown


class ConnectionSettings:
    """TLS and credentials for an SMTP session.

    Args:
        tls: Use TLS from the first byte.
        starttls: Start TLS with STARTTLS.
        ca_file: PEM file of trusted CA certificates; those of the system by default.
        any_certificate: Accept any certificate, without verification.
        user: The user name for AUTH; None is no AUTH.
        password: The password of the user.
    """

    def __init__(
        self,
        *,
        tls: bool = False,
        starttls: bool = False,
        ca_file: str | None = None,
        any_certificate: bool = False,
        user: str | None = None,
        password: str = "",
    ) -> None:
        self.tls = tls
        self.starttls = starttls
        self.user = user
        self.password = password
        self._ca_file = ca_file
        self._any_certificate = any_certificate

    def create_ssl_context(self) -> ssl.SSLContext:
        """Return the context for the TLS handshake.

        Raises:
            CommandError: If the file of CA certificates cannot be read.
        """
        try:
            context = ssl.create_default_context(cafile=self._ca_file)
        except OSError as error:
            raise CommandError(f"{self._ca_file}: {error.strerror or error}") from None
        if self._any_certificate:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


@contextlib.contextmanager
def open_session(server: ServerUrl, settings: ConnectionSettings) -> Iterator[smtplib.SMTP]:
    """Open a session, with TLS and AUTH as the settings require.

    Credentials of the settings come before those of the URL.

    Raises:
        SmtpReplyError: If the server refuses a command.
        ServerUnreachableError: If the server cannot be reached, or breaks the session.
    """
    tls = _choose_tls_mode(server, settings)
    context = None if tls is TlsMode.NONE else settings.create_ssl_context()
    has_user_in_url = settings.user is None
    with (
        _translate_smtplib_errors(server),
        connect(
            server.host,
            server.port,
            tls=tls,
            context=context,
            user=server.user if has_user_in_url else settings.user,
            password=server.password if has_user_in_url else settings.password,
            timeout=_TIMEOUT_SECONDS,
        ) as client,
    ):
        yield client


def _choose_tls_mode(server: ServerUrl, settings: ConnectionSettings) -> TlsMode:
    if not (server.implicit_tls or settings.tls):
        return TlsMode.STARTTLS if settings.starttls else TlsMode.NONE
    if settings.starttls:
        raise CommandError(f"{server}: --starttls and TLS from the first byte exclude each other; choose one of them")
    return TlsMode.IMPLICIT


def describe_refusals(refusals: dict[str, tuple[int, bytes]]) -> Iterator[str]:
    """Yield a line for each refused recipient, with the reply."""
    for recipient, (code, text) in refusals.items():
        yield escape_unprintable(f"RCPT TO:<{recipient}> was refused: {_format_reply(code, text)}")


@contextlib.contextmanager
def _translate_smtplib_errors(server: ServerUrl) -> Iterator[None]:
    """Turn exceptions of smtplib, ssl and socket into subclasses of `CommandError`."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        # A permanent refusal decides the status.
        code, text = min(error.recipients.values(), key=lambda reply: reply[0] < 500)
        message = f"{server}: " + "; ".join(describe_refusals(error.recipients))
        raise SmtpReplyError(message, code, _format_reply_text(text)) from None
    except smtplib.SMTPResponseException as error:
        reply = _format_reply(error.smtp_code, error.smtp_error)
        refused = {
            smtplib.SMTPSenderRefused: f"MAIL FROM:<{getattr(error, 'sender', '')}> was refused",
            smtplib.SMTPDataError: "the message was refused",
            smtplib.SMTPAuthenticationError: "the user and password were refused",
            smtplib.SMTPConnectError: "the connection was refused",
        }.get(type(error), "a command was refused")
        message = escape_unprintable(f"{server}: {refused}: {reply}")
        raise SmtpReplyError(message, error.smtp_code, _format_reply_text(error.smtp_error)) from None
    except smtplib.SMTPServerDisconnected as error:
        raise ServerUnreachableError(
            f"{server}: the server closed the connection ({escape_unprintable(str(error))})"
        ) from None
    except smtplib.SMTPException as error:
        raise ServerUnreachableError(f"{server}: {escape_unprintable(str(error))}") from None
    except socket.gaierror as error:
        raise ServerUnreachableError(f"{server}: {error.strerror}", is_host_unknown=True) from None
    except ssl.SSLCertVerificationError as error:
        raise ServerUnreachableError(
            f"{server}: {error.verify_message}; set the trusted CA certificates with --ca-file"
        ) from None
    except ConnectionRefusedError:
        raise ServerUnreachableError(
            f"{server}: connection refused; start a server with `smtptest serve`, or choose another with --server"
        ) from None
    except OSError as error:
        raise ServerUnreachableError(f"{server}: {error.strerror or error}") from None


def _format_reply(code: int, text: bytes | str) -> str:
    return f"{code} {_format_reply_text(text)}".strip()


def _format_reply_text(reply_text: bytes | str) -> str:
    text = reply_text.decode("utf-8", "replace") if isinstance(reply_text, bytes) else reply_text
    return " / ".join(text.splitlines())

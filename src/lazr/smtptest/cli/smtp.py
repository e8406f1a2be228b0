"""Mails sent by SMTP, to the octet; and what a server said to that, as words for people."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
from typing import TYPE_CHECKING

from lazr.smtptest.cli.failure import Failure
from lazr.smtptest.cli.visible import visible
from lazr.smtptest.delivery import connected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.cli.place import Place

__all__ = ["Access", "Refusal", "Unreachable", "session", "why"]

_SECONDS = 60


class Refusal(Failure):
    """A server refused something; `code` is that of its reply, `text` what it said."""

    def __init__(self, said: str, code: int, text: str) -> None:
        super().__init__(said)
        self.code = code
        self.text = text


class Unreachable(Failure):
    """There is no talking to the server; `unknown` where nobody knows its name."""

    def __init__(self, said: str, *, unknown: bool = False) -> None:
        super().__init__(said)
        self.unknown = unknown


class Access:
    """How to come in: with TLS or without, whom to trust, and as whom."""

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

    def context(self) -> ssl.SSLContext:
        """What a TLS handshake wants; raises `Failure` where the file of authorities is none."""
        try:
            context = ssl.create_default_context(cafile=self._ca_file)
        except OSError as error:
            raise Failure(f"{self._ca_file}: {error.strerror or error}") from None
        if self._any_certificate:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


@contextlib.contextmanager
def session(place: Place, access: Access) -> Iterator[smtplib.SMTP]:
    """A session: greeted, inside TLS and authenticated, as it is wanted.  Raises `Refusal` and `Unreachable`."""
    context = access.context() if place.implicit_tls or access.tls or access.starttls else None
    theirs = access.user is None
    with (
        _words(place),
        connected(
            place.host,
            place.port,
            implicit_tls=place.implicit_tls or access.tls,
            starttls=access.starttls,
            context=context,
            user=place.user if theirs else access.user,
            password=place.password if theirs else access.password,
            seconds=_SECONDS,
        ) as client,
    ):
        yield client


def why(refused: dict[str, tuple[int, bytes]]) -> Iterator[str]:
    """What was said to each recipient that was refused."""
    for recipient, (code, said) in refused.items():
        yield visible(f"RCPT TO:<{recipient}> was refused: {_reply(code, said)}", keep_lines=False)


@contextlib.contextmanager
def _words(place: Place) -> Iterator[None]:
    """Whatever smtplib raises, as a `Refusal` or `Unreachable`."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        # The first that is permanent says most.
        said = min(error.recipients.values(), key=lambda reply: reply[0] < 500)
        raise Refusal(f"{place}: " + "; ".join(why(error.recipients)), said[0], _text(said[1])) from None
    except smtplib.SMTPResponseException as error:
        reply = _reply(error.smtp_code, error.smtp_error)
        what = {
            smtplib.SMTPSenderRefused: f"MAIL FROM:<{getattr(error, 'sender', '')}>",
            smtplib.SMTPDataError: "the message",
            smtplib.SMTPAuthenticationError: "this user and password",
            smtplib.SMTPConnectError: "the connection",
        }.get(type(error), "a command")
        said_ = visible(
            f"{place}: {what} was refused: {reply}".replace("password was", "password were"), keep_lines=False
        )
        raise Refusal(said_, error.smtp_code, _text(error.smtp_error)) from None
    except smtplib.SMTPServerDisconnected as error:
        raise Unreachable(f"{place}: the server hung up ({visible(str(error), keep_lines=False)})") from None
    except smtplib.SMTPException as error:
        raise Unreachable(f"{place}: {visible(str(error), keep_lines=False)}") from None
    except socket.gaierror as error:
        raise Unreachable(f"{place}: {error.strerror}", unknown=True) from None
    except ssl.SSLCertVerificationError as error:
        raise Unreachable(f"{place}: {error.verify_message}; --ca-file says whom to trust") from None
    except ConnectionRefusedError:
        raise Unreachable(f"{place}: nobody listens there; `smtptest serve` would") from None
    except OSError as error:
        raise Unreachable(f"{place}: {error.strerror or error}") from None


def _reply(code: int, said: bytes | str) -> str:
    return f"{code} {_text(said)}".strip()


def _text(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " / ".join(text.splitlines())

"""Mails sent by SMTP, to the octet; and what a server said to that, as words for people."""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import ssl
from typing import TYPE_CHECKING

from lazr.smtptest.cli.failure import Failure
from lazr.smtptest.cli.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lazr.smtptest.cli.place import Place

__all__ = ["Access", "Refusal", "Unreachable", "deliver", "session", "why"]

_SECONDS = 60
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_STUFFED = re.compile(rb"(?:\A|(?<=\r\n))\.")


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
    with _words(place):
        # smtplib would ask DNS for this machine's name.
        if place.implicit_tls or access.tls:
            client: smtplib.SMTP = smtplib.SMTP_SSL(
                place.host, place.port, local_hostname="localhost", timeout=_SECONDS, context=access.context()
            )
        else:
            client = smtplib.SMTP(place.host, place.port, local_hostname="localhost", timeout=_SECONDS)
        with client:
            client.ehlo_or_helo_if_needed()
            if access.starttls:
                client.starttls(context=access.context())
                client.ehlo_or_helo_if_needed()
            user = place.user if access.user is None else access.user
            if user is not None:
                client.login(user, place.password if access.user is None else access.password)
            yield client


def deliver(
    client: smtplib.SMTP,
    sender: str,
    recipients: Sequence[str],
    content: bytes,
    *,
    mail_options: Sequence[str] = (),
    rcpt_options: Sequence[str] = (),
) -> tuple[str, dict[str, tuple[int, bytes]]]:
    """Send a mail, to the octet where the server lets us; its last reply, and the recipients that it refused.

    Raises smtplib's exceptions, `SMTPRecipientsRefused` where nobody is left.
    """
    options = list(mail_options)
    if client.has_extn("size"):
        options.append(f"size={len(content)}")
    if not content.isascii() and client.has_extn("8bitmime") and not any(o.upper().startswith("BODY") for o in options):
        options.append("body=8bitmime")
    if not all(address.isascii() for address in (sender, *recipients)):
        options.append("smtputf8")
        client.command_encoding = "utf-8"
    code, said = client.mail(sender, options)
    if code != 250:
        raise smtplib.SMTPSenderRefused(code, said, sender)
    refused = {}
    for recipient in recipients:
        code, said = client.rcpt(recipient, rcpt_options)
        if code not in (250, 251):
            refused[recipient] = (code, said)
        if code == 421:
            raise smtplib.SMTPRecipientsRefused(refused)
    if len(refused) == len(set(recipients)):
        client.rset()
        raise smtplib.SMTPRecipientsRefused(refused)
    code, said = _content(client, content)
    if code != 250:
        raise smtplib.SMTPDataError(code, said)
    return f"{code} {said.decode('utf-8', 'replace')}", refused


def _content(client: smtplib.SMTP, content: bytes) -> tuple[int, bytes]:
    # DATA cannot carry a bare CR or LF unharmed everywhere, and no last line without an end (RFC 5321 4.1.1.4); a
    # chunk can (RFC 3030).
    if client.has_extn("chunking") and (_BARE.search(content) or not content.endswith(b"\r\n")):
        client.send(b"BDAT %d LAST\r\n" % len(content) + content)
        return client.getreply()
    code, said = client.docmd("DATA")
    if code != 354:
        return code, said
    client.send(_STUFFED.sub(b"..", content) + (b"" if content.endswith(b"\r\n") else b"\r\n") + b".\r\n")
    return client.getreply()


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

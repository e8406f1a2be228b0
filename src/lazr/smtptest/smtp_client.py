"""An SMTP client on top of smtplib that sends messages byte for byte."""

from __future__ import annotations

import contextlib
import re
import smtplib

from lazr.smtptest._util.octets import has_bare_line_ends
from lazr.smtptest.protocol.smtp import TlsMode

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Iterator, Sequence
    from io import BufferedReader

__all__ = ["connect", "deliver"]

_LEADING_DOT = re.compile(rb"(?:\A|(?<=\r\n))\.")


# RFC 5321 4.5.3.1.5 allows 512 octets a line.  The reply to EHLO has a line for each extension.
MAX_REPLY_BYTES = 64 * 1024


class _ReplyReader:
    """Reads replies of a limited size; smtplib reads any number of lines into memory."""

    def __init__(self, file: BufferedReader) -> None:
        self._file = file
        self._remaining_bytes = MAX_REPLY_BYTES

    def start_reply(self) -> None:
        """Allow the bytes of another reply."""
        self._remaining_bytes = MAX_REPLY_BYTES

    def readline(self, size: int) -> bytes:
        """Return the next line.

        Raises:
            OSError: The reply is too long.
        """
        line = self._file.readline(size)
        self._remaining_bytes -= len(line)
        if self._remaining_bytes < 0:
            raise OSError(f"the reply has more than {MAX_REPLY_BYTES:,} bytes")
        return line

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class _ConnectedClient(smtplib.SMTP):
    """A client on a socket that is connected already."""

    def __init__(self, connected: socket.socket, host: str, port: int, timeout: float) -> None:
        self._connected = connected
        super().__init__(host, port, local_hostname="localhost", timeout=timeout)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self._connected

    def getreply(self) -> tuple[int, bytes]:
        """Return the next reply, as smtplib does, if it is not too long."""
        if self.file is None and self.sock is not None:
            self.file = _ReplyReader(self.sock.makefile("rb"))
        if isinstance(self.file, _ReplyReader):
            self.file.start_reply()
        return super().getreply()


@contextlib.contextmanager
def connect(
    host: str,
    port: int,
    *,
    tls: TlsMode = TlsMode.NONE,
    context: ssl.SSLContext | None = None,
    user: str | None = None,
    password: str = "",
    timeout: float = 60,
    connected: socket.socket | None = None,
) -> Iterator[smtplib.SMTP]:
    """Open a session that is connected, greeted, inside TLS and authenticated.

    QUIT ends it with the block.

    Args:
        host: The server's host name or address.
        port: The server's port.
        tls: `NONE`, the default, `STARTTLS` or `IMPLICIT`.
        context: The SSL context, which decides the trusted CAs; None is smtplib's default, which verifies nothing.
        user: The user to authenticate as; None, the default, is no AUTH.
        password: The password of `user`.
        timeout: The time limit of each step, in seconds; 60 by default.
        connected: A socket that is connected to the server, for a session in clear text; by default, a new one.

    Raises:
        smtplib.SMTPException: The server refuses a step.
        OSError: The server cannot be reached, or TLS fails.

    >>> from lazr.smtptest import MailServer
    >>> with MailServer() as server, connect(*server.address) as client:
    ...     deliver(client, "ann@example.com", ["bob@example.com"], b"Subject: Hi\\r\\n\\r\\nHello\\r\\n")
    ('250 2.0.0 Message accepted', {})
    """
    # With a name of its own, smtplib does not look up this machine's name in DNS.
    if connected is not None:
        client: smtplib.SMTP = _ConnectedClient(connected, host, port, timeout)
    elif tls is TlsMode.IMPLICIT:
        client = smtplib.SMTP_SSL(host, port, local_hostname="localhost", timeout=timeout, context=context)
    else:
        client = smtplib.SMTP(host, port, local_hostname="localhost", timeout=timeout)
    try:
        client.ehlo_or_helo_if_needed()
        if tls is TlsMode.STARTTLS:
            client.starttls(context=context)
            client.ehlo_or_helo_if_needed()
        if user is not None:
            client.login(user, password)
        yield client
    finally:
        # An error at QUIT changes nothing about delivered mail; smtplib's own `with` would raise it.
        with contextlib.suppress(smtplib.SMTPException, OSError):
            client.quit()
        client.close()


def deliver(
    client: smtplib.SMTP,
    sender: str,
    recipients: Sequence[str],
    content: bytes,
    *,
    mail_options: Sequence[str] = (),
    rcpt_options: Sequence[str] = (),
    allow_partial: bool = True,
) -> tuple[str, dict[str, tuple[int, bytes]]]:
    """Send one message; return the last reply and the refused recipients.

    Each refused recipient comes with the reply to it.

    The content arrives byte for byte if the server offers CHUNKING.  With DATA, a missing CRLF is added at the end.

    Args:
        client: A greeted session, see `connect`.
        sender: The reverse-path; `""` is the null path.
        recipients: The addresses to send to.
        content: The message, header and body.
        mail_options: Parameters of MAIL, such as `"RET=HDRS"`.  SIZE, BODY and SMTPUTF8 are added where they apply.
        rcpt_options: Parameters of each RCPT, such as `"NOTIFY=NEVER"`.
        allow_partial: Whether one refused recipient leaves the message to the others; True by default.

    Raises:
        smtplib.SMTPRecipientsRefused: All recipients were refused, or one was and `allow_partial` is False.
        smtplib.SMTPException: The server refused another command, or the message.
    """
    options = list(mail_options)
    if client.has_extn("size"):
        options.append(f"size={len(content)}")
    if not content.isascii() and client.has_extn("8bitmime") and not any(o.upper().startswith("BODY") for o in options):
        options.append("body=8bitmime")
    if not all(address.isascii() for address in (sender, *recipients)):
        options.append("smtputf8")
        client.command_encoding = "utf-8"
        if client.does_esmtp and not client.has_extn("smtputf8"):
            raise smtplib.SMTPNotSupportedError("SMTPUTF8 not supported by server")
    code, text = _send_envelope_command(client, "MAIL", "FROM", sender, options)
    if code != 250:
        raise smtplib.SMTPSenderRefused(code, text, sender)
    refused = {}
    for recipient in recipients:
        code, text = _send_envelope_command(client, "RCPT", "TO", recipient, rcpt_options)
        if code not in (250, 251):
            refused[recipient] = (code, text)
        if code == 421:
            raise smtplib.SMTPRecipientsRefused(refused)
    if len(refused) == len(set(recipients)) or (refused and not allow_partial):
        client.rset()
        raise smtplib.SMTPRecipientsRefused(refused)
    code, text = _send_content(client, content)
    if code != 250:
        raise smtplib.SMTPDataError(code, text)
    return f"{code} {text.decode('utf-8', 'replace')}", refused


def _send_envelope_command(
    client: smtplib.SMTP, verb: str, preposition: str, address: str, options: Sequence[str]
) -> tuple[int, bytes]:
    # smtplib would parse the address as in a header field, with comments: not as the code that allowed it did.
    path = smtplib.quoteaddr(address) if "<" in address or ">" in address else f"<{address}>"
    return client.docmd(verb, " ".join([f"{preposition}:{path}", *(options if client.does_esmtp else ())]))


def _send_content(client: smtplib.SMTP, content: bytes) -> tuple[int, bytes]:
    # DATA carries neither a bare CR or LF reliably, nor a last line without CRLF (RFC 5321 4.1.1.4).  BDAT carries both
    # (RFC 3030).
    if client.has_extn("chunking") and (has_bare_line_ends(content) or not content.endswith(b"\r\n")):
        client.send(b"BDAT %d LAST\r\n" % len(content) + content)
        return client.getreply()
    code, text = client.docmd("DATA")
    if code != 354:
        return code, text
    client.send(_LEADING_DOT.sub(b"..", content) + (b"" if content.endswith(b"\r\n") else b"\r\n") + b".\r\n")
    return client.getreply()

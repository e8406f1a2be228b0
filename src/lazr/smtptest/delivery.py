"""A mail sent by SMTP, to the octet, by whoever is a client of another server."""

from __future__ import annotations

import contextlib
import re
import smtplib

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Sequence

__all__ = ["connected", "deliver", "has_bare_ends"]

_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_STUFFED = re.compile(rb"(?:\A|(?<=\r\n))\.")


@contextlib.contextmanager
def connected(
    host: str,
    port: int,
    *,
    implicit_tls: bool = False,
    starttls: bool = False,
    context: ssl.SSLContext | None = None,
    user: str | None = None,
    password: str = "",
    seconds: float = 60,
) -> Iterator[smtplib.SMTP]:
    """A session: greeted, inside TLS and authenticated, as it is wanted.

    `context` says whom to trust, `seconds` how long each step may take.  Raises smtplib's exceptions and `OSError`.
    """
    # smtplib would ask DNS for this machine's name.
    if implicit_tls:
        client: smtplib.SMTP = smtplib.SMTP_SSL(
            host, port, local_hostname="localhost", timeout=seconds, context=context
        )
    else:
        client = smtplib.SMTP(host, port, local_hostname="localhost", timeout=seconds)
    try:
        client.ehlo_or_helo_if_needed()
        if starttls:
            client.starttls(context=context)
            client.ehlo_or_helo_if_needed()
        if user is not None:
            client.login(user, password)
        yield client
    finally:
        # What QUIT is answered changes nothing of what was done; smtplib's own `with` would raise for it.
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
    partly: bool = True,
) -> tuple[str, dict[str, tuple[int, bytes]]]:
    """Send a mail, to the octet where the server lets us; its last reply, and the recipients that it refused.

    Raises smtplib's exceptions, `SMTPRecipientsRefused` where nobody is left, or where one is refused and it is not to
    go to the others alone (`partly`).
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
    code, said = _command(client, "MAIL", "FROM", sender, options)
    if code != 250:
        raise smtplib.SMTPSenderRefused(code, said, sender)
    refused = {}
    for recipient in recipients:
        code, said = _command(client, "RCPT", "TO", recipient, rcpt_options)
        if code not in (250, 251):
            refused[recipient] = (code, said)
        if code == 421:
            raise smtplib.SMTPRecipientsRefused(refused)
    if len(refused) == len(set(recipients)) or (refused and not partly):
        client.rset()
        raise smtplib.SMTPRecipientsRefused(refused)
    code, said = _content(client, content)
    if code != 250:
        raise smtplib.SMTPDataError(code, said)
    return f"{code} {said.decode('utf-8', 'replace')}", refused


def has_bare_ends(content: bytes) -> bool:
    """Whether there is a CR or an LF alone in it (RFC 5321 2.3.8)."""
    return _BARE.search(content) is not None


def _command(
    client: smtplib.SMTP, verb: str, preposition: str, address: str, options: Sequence[str]
) -> tuple[int, bytes]:
    # smtplib would read the address again, in another way than whoever allowed it: as a header field's, with comments.
    path = smtplib.quoteaddr(address) if "<" in address or ">" in address else f"<{address}>"
    return client.docmd(verb, " ".join([f"{preposition}:{path}", *(options if client.does_esmtp else ())]))


def _content(client: smtplib.SMTP, content: bytes) -> tuple[int, bytes]:
    # DATA cannot carry a bare CR or LF unharmed everywhere, and no last line without an end (RFC 5321 4.1.1.4); a
    # chunk can (RFC 3030).
    if client.has_extn("chunking") and (has_bare_ends(content) or not content.endswith(b"\r\n")):
        client.send(b"BDAT %d LAST\r\n" % len(content) + content)
        return client.getreply()
    code, said = client.docmd("DATA")
    if code != 354:
        return code, said
    client.send(_STUFFED.sub(b"..", content) + (b"" if content.endswith(b"\r\n") else b"\r\n") + b".\r\n")
    return client.getreply()

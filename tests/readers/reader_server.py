"""A server of reading protocols, as the tests of clients see it, and a second view of its folders by imaplib."""

from __future__ import annotations

import contextlib
import imaplib
import os
import re
import smtplib
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lazr.smtptest import MailServer
from lazr.smtptest.protocol.smtp import Auth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["HOST", "PASSWORD", "ReaderServer", "StoredMail", "is_dovecot", "run_own_server"]

# A name, because clients compare it with the certificate.
HOST = "localhost"
USER = "bob@example.com"
PASSWORD = "secret-1"


def is_dovecot() -> bool:
    """Return whether the tests run against Dovecot."""
    return os.environ.get("READER_SERVER") == "dovecot"


@dataclass(frozen=True)
class StoredMail:
    """A mail in a folder, as imaplib reads it."""

    uid: int
    flags: frozenset[str]
    content: bytes


@dataclass(frozen=True)
class ReaderServer:
    """A running server with a user whose folders are empty.

    Args:
        imap: The port of IMAP, which offers STARTTLS.
        imaps: The port of IMAP in TLS.
        pop3: The port of POP3, which offers STLS.
        pop3s: The port of POP3 in TLS.
        user: The user name.
        ca_file: The path of the certificate that signed the one of the server.
        deliver: Puts mails into INBOX, in this order.
    """

    imap: int
    imaps: int
    pop3: int
    pop3s: int
    user: str
    ca_file: str
    deliver: Callable[..., None]

    def get_imap_port(self, tls: str) -> int:
        """Return the port of IMAP for a TLS mode: "none", "starttls" or "implicit"."""
        return self.imaps if tls == "implicit" else self.imap

    def get_pop3_port(self, tls: str) -> int:
        """Return the port of POP3 for a TLS mode."""
        return self.pop3s if tls == "implicit" else self.pop3

    def make_context(self) -> ssl.SSLContext:
        """Return a context that trusts the server."""
        return ssl.create_default_context(cafile=self.ca_file)

    def log_in(self) -> imaplib.IMAP4:
        """Return a client of imaplib that has logged in."""
        client = imaplib.IMAP4(HOST, self.imap, timeout=60)
        client.login(self.user, PASSWORD)
        return client

    def list_folders(self) -> set[str]:
        """Return the names of all folders."""
        with self.log_in() as client:
            lines = client.list()[1]
        names = (re.search(rb' "/" "?(.+?)"?$', line) for line in lines)
        return {name[1].decode() for name in names if name}

    def read_folder(self, name: str = "INBOX") -> list[StoredMail]:
        """Return the mails of a folder, and leave them as they are."""
        with self.log_in() as client:
            status, [count] = client.select(f'"{name}"', readonly=True)
            assert status == "OK", count
            if count == b"0":
                return []
            items = client.fetch("1:*", "(UID FLAGS BODY.PEEK[])")[1]
        mails = []
        for item in items:
            if isinstance(item, tuple):
                uid = re.search(rb"UID (\d+)", item[0])
                flags = re.search(rb"FLAGS \(([^)]*)\)", item[0])
                assert uid and flags, item[0]
                mails.append(StoredMail(int(uid[1]), frozenset(flags[1].decode().split()) - {"\\Recent"}, item[1]))
        return mails

    def create_folder(self, name: str) -> None:
        """Create a folder."""
        with self.log_in() as client:
            assert client.create(f'"{name}"')[0] == "OK"

    def read_contents(self, name: str = "INBOX") -> list[bytes]:
        """Return the contents of the mails of a folder."""
        return [mail.content for mail in self.read_folder(name)]


def send_mails(address: tuple[str, int], recipient: str, contents: tuple[bytes, ...]) -> None:
    """Send mails by SMTP, byte for byte."""
    with smtplib.SMTP(*address) as client:
        for content in contents:
            client.sendmail("ann@example.com", [recipient], content, mail_options=["BODY=8BITMIME"])


@contextlib.contextmanager
def run_own_server() -> Iterator[ReaderServer]:
    """Run a `MailServer` with IMAP and POP3."""
    auth = Auth({USER: PASSWORD}, required=False, in_clear=True)
    with MailServer(imap=True, pop3=True, tls="both", auth=auth) as server:
        yield ReaderServer(
            imap=server.imap.port,
            imaps=server.imap.tls_address[1],
            pop3=server.pop3.port,
            pop3s=server.pop3.tls_address[1],
            user=USER,
            ca_file=str(server.ca_file),
            deliver=lambda *contents: send_mails(server.address, USER, contents),
        )

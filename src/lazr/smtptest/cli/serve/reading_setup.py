"""Prepare IMAP and POP3: their ports, and who may read."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, NamedTuple

from lazr.smtptest import Listen
from lazr.smtptest.cli.errors import CommandError
from lazr.smtptest.cli.output.terminal import print_warning
from lazr.smtptest.cli.serve.mail_store import NO_STORE
from lazr.smtptest.cli.serve.reading_access import MailboxSearches, build_reading_auth
from lazr.smtptest.net import Listener

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lazr.smtptest import Auth
    from lazr.smtptest.cli.serve.http_options import HttpOptions
    from lazr.smtptest.cli.serve.reading_options import ReadingOptions
    from lazr.smtptest.cli.serve.smtp_options import SmtpOptions
    from lazr.smtptest.store import Search, Store
    from lazr.smtptest.web import Mailboxes

__all__ = ["ReadingSetup", "check_reading_options", "prepare_reading"]

_DEFAULT_PORTS = {"imap": 1143, "pop3": 1110}
_USAGE_ERROR = 2


class ReadingSetup(NamedTuple):
    """What `MailServer` needs for IMAP and POP3; None is no server of this protocol.

    `auth` is who may read, and `mailboxes` has the accounts that are mailboxes.
    """

    imap: Listen | None = None
    pop3: Listen | None = None
    auth: Auth | None = None
    mailboxes: Mapping[str, Search] | None = None

    def list_listens(self) -> list[tuple[str, Listen]]:
        """Return the protocols that are on, `imap` and `pop3`, each with its address."""
        return [(name, listen) for name, listen in (("imap", self.imap), ("pop3", self.pop3)) if listen is not None]


def check_reading_options(options: ReadingOptions, database: str) -> None:
    """Check that the options do not contradict each other.

    Raises:
        CommandError: If they do.
    """
    for protocol, (port, is_off) in _list_options(options).items():
        if port is not None and is_off:
            raise CommandError(f"--{protocol}-port and --no-{protocol}: got both; leave one out", _USAGE_ERROR)
        if port is not None and database == NO_STORE:
            raise CommandError(
                f"--{protocol}-port needs a store of mails; leave it out, or --database none", _USAGE_ERROR
            )


def prepare_reading(
    options: ReadingOptions,
    smtp_options: SmtpOptions,
    http_options: HttpOptions,
    *,
    smtp_users: Mapping[str, str],
    mailboxes: Mailboxes,
    store: Store | None,
) -> ReadingSetup:
    """Return the listeners of IMAP and POP3, and who may read.

    A default port that another program uses is a warning: `smtptest serve` must still catch mail beside an IMAP server.

    Args:
        options: Ports and users.
        smtp_options: The address to listen on.  With port 0 for SMTP, the default ports are 0 too, so that many
            servers run side by side.
        http_options: The users of HTTP, who may read too.
        smtp_users: The users of SMTP.
        mailboxes: The mailboxes, each of which is an account.
        store: The mails; None without a store, and then there is nothing to read.

    Raises:
        CommandError: If an option or a file is invalid, or no user can log in at a port that an option names.
    """
    protocols = {name: port for name, (port, is_off) in _list_options(options).items() if not is_off}
    if store is None or not protocols:
        return ReadingSetup()
    auth = build_reading_auth(options, http_options, smtp_users, mailboxes)
    if auth is None:
        _report_missing_users(protocols)
        return ReadingSetup()
    listens = {}
    for name, port in protocols.items():
        chosen = _choose_port(name, port, smtp_options)
        listens[name] = None if chosen is None else Listen(smtp_options.host, chosen)
    return ReadingSetup(listens.get("imap"), listens.get("pop3"), auth, MailboxSearches(mailboxes))


def _list_options(options: ReadingOptions) -> dict[str, tuple[int | None, bool]]:
    """Return the port of each protocol, and whether an option switches it off."""
    return {"imap": (options.imap_port, options.no_imap), "pop3": (options.pop3_port, options.no_pop3)}


def _report_missing_users(protocols: Mapping[str, int | None]) -> None:
    reason = "IMAP and POP3 cannot use the hashes of --auth-file; name users with --imap-auth-file"
    for name, port in protocols.items():
        if port is not None:
            raise CommandError(f"--{name}-port: {reason}", _USAGE_ERROR)
    print_warning(f"running without IMAP and POP3: {reason}, or use --no-imap and --no-pop3")


def _choose_port(name: str, port: int | None, smtp_options: SmtpOptions) -> int | None:
    """Return the port to listen on; None after a warning if the default port is in use."""
    if port is not None or smtp_options.smtp_port == 0:
        return port or 0
    default = _DEFAULT_PORTS[name]
    if not _is_in_use(smtp_options.host, default):
        return default
    print_warning(
        f"running without {name.upper()}: another program uses port {default}; choose a port with --{name}-port, or "
        f"use --no-{name}"
    )
    return None


def _is_in_use(host: str, port: int) -> bool:
    """Return whether the port is in use; the server reports all other errors."""
    try:
        Listener(Listen(host, port)).close()
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False

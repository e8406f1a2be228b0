"""Who may read mails by IMAP and POP3: users of the options, and mailboxes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lazr.smtptest import Auth
from lazr.smtptest.cli.serve.users_file import read_users_and_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.cli.serve.http_options import HttpOptions
    from lazr.smtptest.cli.serve.reading_options import ReadingOptions
    from lazr.smtptest.protocol.smtp import Credentials
    from lazr.smtptest.store import Search
    from lazr.smtptest.web import Mailboxes

__all__ = ["MailboxSearches", "ReadingUsers", "build_reading_auth"]

# A token without a user name would not say whose account it opens (RFC 7628 3.1).
_TOKEN_MECHANISMS = frozenset({"XOAUTH2", "OAUTHBEARER"})


class ReadingUsers(Mapping[str, str]):
    """The passwords by user name, and the tokens by the name of a mailbox.

    Mailboxes that are added or removed later count at once.

    Args:
        passwords: The users, who see all mails, or those to the address that is their name.
        mailboxes: The mailboxes; a mailbox goes before a user of the same name.
    """

    def __init__(self, passwords: Mapping[str, str], mailboxes: Mailboxes) -> None:
        self._passwords = passwords
        self._mailboxes = mailboxes

    def __getitem__(self, name: str) -> str:
        mailbox = self._mailboxes.find_by_name(name)
        return self._passwords[name] if mailbox is None else mailbox.token

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*(mailbox.name for mailbox in self._mailboxes), *self._passwords]))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def build_reading_auth(
    reading_options: ReadingOptions,
    http_options: HttpOptions,
    smtp_users: Mapping[str, str],
    mailboxes: Mailboxes,
) -> Auth | None:
    """Return who may read mails; None if only HTTP can check the passwords of its users.

    The first of these that are given are the users: those of `--imap-auth`, of `--auth`, of `--smtp-auth`.  Without
    users and without mailboxes, any name and password is accepted.

    Args:
        reading_options: The users of IMAP and POP3.
        http_options: The users of HTTP, who may read all mails too.
        smtp_users: The users of SMTP.
        mailboxes: The mailboxes with their tokens.

    Raises:
        CommandError: If an option or a file is invalid.
    """
    users = read_users_and_options(reading_options.imap_auth_file, reading_options.imap_auth, "--imap-auth")
    has_http_login = http_options.auth_file is not None or bool(http_options.auth)
    if not users:
        users = read_users_and_options(None, http_options.auth, "--auth") if has_http_login else dict(smtp_users)
    if users or mailboxes:
        known = ReadingUsers(users, mailboxes)
        mechanisms = [name for name in Auth(known).mechanisms if name not in _TOKEN_MECHANISMS]
        return Auth(known, mechanisms=mechanisms, in_clear=True)
    if has_http_login:
        return None

    def is_accepted(credentials: Credentials) -> bool:
        # A mailbox that is added later is only for the holders of its token; all other names need none.
        name = credentials.authzid or credentials.username
        mailbox = mailboxes.find_by_name(name)
        if mailbox is not None:
            return credentials.matches(mailbox.token)
        # The folders of an account belong to its name in lower case.
        return all(mailbox.name.lower() != name.lower() for mailbox in mailboxes)

    return Auth(is_accepted, in_clear=True, required=False)


class MailboxSearches(Mapping[str, "Search"]):
    """The searches of the mailboxes by name; mailboxes may be added and removed later."""

    def __init__(self, mailboxes: Mailboxes) -> None:
        self._mailboxes = mailboxes

    def __getitem__(self, name: str) -> Search:
        mailbox = self._mailboxes.find_by_name(name)
        if mailbox is None:
            raise KeyError(name)
        return mailbox.search

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(mailbox.name for mailbox in self._mailboxes))

    def __len__(self) -> int:
        return sum(1 for _ in self)

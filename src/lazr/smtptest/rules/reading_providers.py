"""How large providers and servers of IMAP and POP3 refuse clients that read mail."""

from __future__ import annotations

from lazr.smtptest._util.suggestion import describe_unknown
from lazr.smtptest.protocol.reading_session import ReadingReply
from lazr.smtptest.rules.rule import Rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final, Unpack

    from lazr.smtptest.rules.selectors import Selectors

__all__ = ["READING_PROVIDERS", "reading_provider"]

# For each reply its trigger, status and text.  Status and response code are the provider's, the words need not be.
#
# gmail: "Gmail sync limits" and "IMAP for Gmail" in the help of Google Workspace.
# outlook: "Exchange Online limits" and "IMAP throttling" on Microsoft Learn.
# dovecot: the settings `mail_max_userip_connections` and `pop3_lock_session` in its documentation.
READING_PROVIDERS: Final[Mapping[str, Mapping[str, tuple[str, str, str]]]] = {
    "gmail": {
        "connection_limit": ("IMAP LOGIN", "NO", "[ALERT] Too many simultaneous connections. (Failure)"),
        "throttled": ("IMAP FETCH", "NO", "[ALERT] Account exceeded command or bandwidth limits. (Failure)"),
    },
    "outlook": {
        "connection_limit": ("IMAP SELECT", "BAD", "User is authenticated but not connected."),
        "throttled": ("IMAP FETCH", "BAD", "Request is throttled. Suggested Backoff Time: 92415 milliseconds"),
    },
    "dovecot": {
        "connection_limit": ("IMAP LOGIN", "NO", "[LIMIT] Maximum number of connections from user+IP exceeded"),
        "locked": ("POP3 PASS", "-ERR", "[IN-USE] Mailbox is locked by another POP3 session"),
    },
}


def reading_provider(name: str, what: str, **selectors: Unpack[Selectors]) -> Rule:
    """Return a rule that refuses a client of IMAP or POP3 as a large provider does.

    Args:
        name: "gmail", "outlook" or "dovecot".
        what: "connection_limit"; "throttled" of Gmail and Outlook; "locked" of Dovecot.
        **selectors: Selectors of the trigger.

    Raises:
        TypeError: If there is an unknown selector.
        ValueError: If the provider or its reply is unknown, or a selector is wrong.

    >>> reading_provider("dovecot", "locked", user="ann@*")
    <Rule POP3 PASS user='ann@*' → reply('-ERR', '[IN-USE] Mailbox is locked by another POP3 session'), never acted>
    """
    if name not in tuple(READING_PROVIDERS):
        raise ValueError(describe_unknown("provider", name, READING_PROVIDERS))
    if what not in tuple(READING_PROVIDERS[name]):
        raise ValueError(describe_unknown("provider reply", what, READING_PROVIDERS[name]))
    trigger, status, text = READING_PROVIDERS[name][what]
    return Rule(trigger, **selectors).reply(ReadingReply(status, text))

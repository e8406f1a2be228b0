"""The capabilities that a session announces (RFC 9051 6.1.1)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.protocol.imap.session_state import ImapState

__all__ = ["ENABLEABLE", "list_capabilities"]

# imaplib and other clients refuse a server that lacks IMAP4rev1.
_ALWAYS = ("IMAP4rev1", "IMAP4rev2", "LITERAL+", "SASL-IR", "ID", "ENABLE", "IDLE")
_AFTER_LOGIN = (
    "NAMESPACE",  # RFC 2342
    "CHILDREN",  # RFC 3348
    "LIST-EXTENDED",  # RFC 5258
    "LIST-STATUS",  # RFC 5819
    "SPECIAL-USE",  # RFC 6154
    "STATUS=SIZE",  # RFC 8438
    "UIDPLUS",  # RFC 4315
    "MOVE",  # RFC 6851
    "UNSELECT",  # RFC 3691
    "ESEARCH",  # RFC 4731
    "SEARCHRES",  # RFC 5182
    "WITHIN",  # RFC 5032
    "SORT",  # RFC 5256
    "ESORT",  # RFC 5267
    "THREAD=ORDEREDSUBJECT",  # RFC 5256
    "THREAD=REFERENCES",
    "CONDSTORE",  # RFC 7162
    "BINARY",  # RFC 3516
    "UTF8=ACCEPT",  # RFC 6855
)
# What ENABLE can switch on (RFC 9051 6.3.1).
ENABLEABLE = ("CONDSTORE", "IMAP4REV2", "UTF8=ACCEPT")


def list_capabilities(state: ImapState) -> list[str]:
    """Return what the client can use now: extensions, STARTTLS and mechanisms."""
    settings = state.settings
    names = [*_ALWAYS]
    if state.account is not None:
        limit = settings.limits.message_size
        return [*names, *_AFTER_LOGIN, "APPENDLIMIT" if limit is None else f"APPENDLIMIT={limit}"]
    if settings.offers_starttls:
        names.append("STARTTLS")
    if not settings.accepts_password:  # RFC 9051 6.2.3: whenever LOGIN fails for any user
        names.append("LOGINDISABLED")
    return names + [f"AUTH={mechanism}" for mechanism in settings.mechanisms]

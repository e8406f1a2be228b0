"""The envelopes of mails that come into a folder without SMTP."""

from __future__ import annotations

from lazr.smtptest.mail import Envelope, Mail
from lazr.smtptest.protocol.folder_access import FolderError
from lazr.smtptest.protocol.smtp import Credentials
from lazr.smtptest.store import AddressTerm, UserTerm, fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.store import Search

__all__ = ["adapt_envelope", "build_envelope"]


def build_envelope(content: bytes) -> Envelope:
    """Return an envelope with the addresses of the header."""
    return Mail.from_bytes(content).envelope


def adapt_envelope(envelope: Envelope, search: Search) -> Envelope:
    """Return an envelope with which a mail is in the INBOX that has the mails of a search.

    Args:
        envelope: the addresses that the mail has.
        search: the search of the account: a recipient, a user, or everything.

    Raises:
        FolderError: the search asks for more.

    >>> envelope = build_envelope(b"From: ann@example.com\\r\\nTo: bob@example.com\\r\\n\\r\\n")
    >>> adapt_envelope(envelope, (AddressTerm("recipient", "cy@example.com"),)).rcpt_tos
    ('cy@example.com',)
    """
    for term in search:
        if isinstance(term, AddressTerm) and term.field == "recipient" and not term.negated:
            if term.matches_addresses(("recipient", fold(recipient)) for recipient in envelope.rcpt_tos):
                continue
            if term.is_exact:
                envelope = _replace_envelope(envelope, rcpt_tos=(term.address,))
                continue
        elif isinstance(term, UserTerm) and not term.negated:
            if envelope.auth is None or envelope.auth.username != term.name:
                envelope = _replace_envelope(envelope, auth=Credentials("", term.name))
            continue
        raise FolderError("This INBOX only has mail that was received", "CANNOT")
    return envelope


def _replace_envelope(
    envelope: Envelope, *, rcpt_tos: tuple[str, ...] | None = None, auth: Credentials | None = None
) -> Envelope:
    return Envelope(
        envelope.mail_from,
        envelope.rcpt_tos if rcpt_tos is None else rcpt_tos,
        mail_parameters=envelope.mail_parameters,
        rcpt_parameters=envelope.rcpt_parameters if rcpt_tos is None else ({},) * len(rcpt_tos),
        helo=envelope.helo,
        peer=envelope.peer,
        tls=envelope.tls,
        auth=envelope.auth if auth is None else auth,
    )

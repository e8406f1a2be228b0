"""Variable envelope return paths (VERP): the reverse-path of a mail names its recipient.

A bounce to `bounce+ann=example.com@app.example` says who did not get the mail, whatever the bounce looks like.  The
form is that of Postfix (`default_verp_delimiters`): a delimiter, and `=` for the `@` of the recipient.
"""

from __future__ import annotations

from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lazr.smtptest.mail import Mail

__all__ = ["Verp", "build_verp", "find_verp_mismatch", "parse_verp"]

MAX_LOCAL_PART_OCTETS = 64  # RFC 5321 4.5.3.1.1


class Verp(NamedTuple):
    """The two addresses in a variable envelope return path.

    Args:
        return_path: the address without the recipient, such as "bounce@app.example".
        recipient: the recipient, such as "ann@example.com".
    """

    return_path: str
    recipient: str


def build_verp(return_path: str, recipient: str, delimiter: str = "+") -> str:
    """Return the reverse-path for one recipient.

    Raises:
        ValueError: if an address has no @, or the delimiter is not one character.

    >>> build_verp("bounce@app.example", "ann@example.com")
    'bounce+ann=example.com@app.example'
    """
    _check_delimiter(delimiter)
    for address in (return_path, recipient):
        if "@" not in address:
            raise ValueError(f"an address of VERP must have an @, got {address!r}")
    local, _, domain = return_path.rpartition("@")
    name, _, recipient_domain = recipient.rpartition("@")
    return f"{local}{delimiter}{name}={recipient_domain}@{domain}"


def parse_verp(address: str, delimiter: str = "+") -> Verp | None:
    """Return the addresses in a variable envelope return path, or None without VERP.

    The first delimiter ends the address of the sender, and the last `=` stands for the @.

    >>> parse_verp("bounce+ann+news=example.com@app.example")
    Verp(return_path='bounce@app.example', recipient='ann+news@example.com')
    >>> parse_verp("bounce@app.example")
    """
    _check_delimiter(delimiter)
    local, at, domain = address.rpartition("@")
    prefix, found, encoded = local.partition(delimiter)
    name, equals, recipient_domain = encoded.rpartition("=")
    if not (at and domain and prefix and found and name and equals and recipient_domain):
        return None
    return Verp(f"{prefix}@{domain}", f"{name}@{recipient_domain}")


def find_verp_mismatch(mail: Mail, delimiter: str = "+") -> str | None:
    """Return why a bounce of this mail would not name the right recipient; None if it would.

    >>> from lazr.smtptest.mail import Mail
    >>> mail = Mail.from_bytes(b"To: ann@example.com\\n\\n", sender="bounce+ann=example.org@app.example")
    >>> find_verp_mismatch(mail)
    'the reverse-path names ann@example.org, but the recipient is ann@example.com'
    """
    verp = parse_verp(mail.sender, delimiter)
    if verp is None:
        return f"the reverse-path is not a variable envelope return path: {mail.sender or '<>'}"
    recipients = mail.recipients
    if len(recipients) != 1:
        return f"a mail with a variable envelope return path must have one recipient, got {len(recipients)}"
    local, _, domain = recipients[0].rpartition("@")
    name, _, named_domain = verp.recipient.rpartition("@")
    if (local, domain.lower()) != (name, named_domain.lower()):
        return f"the reverse-path names {verp.recipient}, but the recipient is {recipients[0]}"
    octets = len(mail.sender.rpartition("@")[0].encode("utf-8", "replace"))
    if octets > MAX_LOCAL_PART_OCTETS:
        return (
            f"the local part of the reverse-path has {octets} octets; servers may refuse more than "
            f"{MAX_LOCAL_PART_OCTETS} (RFC 5321 4.5.3.1.1)"
        )
    return None


def _check_delimiter(delimiter: str) -> None:
    if len(delimiter) != 1 or delimiter in "@=":
        raise ValueError(f'delimiter must be one character, such as "+" or "-", got {delimiter!r}')

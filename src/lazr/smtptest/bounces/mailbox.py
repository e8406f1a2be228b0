"""Addresses of an untrusted envelope, made safe for header fields."""

from __future__ import annotations

from lazr.smtptest.bounces.header_field import clean_text
from lazr.smtptest.protocol.smtp import AddressGrammar, Lenient

__all__ = ["find_domain", "format_mailbox", "parse_hostname"]

_GRAMMAR = AddressGrammar(Lenient.all())
MAX_ADDRESS_CHARACTERS = 500  # RFC 5321 4.5.3.1.3 allows 256 octets; RFC 3461 allows 500 in ORCPT
MAX_HOSTNAME_CHARACTERS = 255


def format_mailbox(address: str, hostname: str) -> str | None:
    r"""Return an address as a header field writes it; None if it is not an address.

    A local part without a domain gets the name of the host, as servers do.

    >>> format_mailbox("ann@example.com", "mx.example"), format_mailbox("ann", "mx.example")
    ('ann@example.com', 'ann@mx.example')
    >>> format_mailbox("ann@example.com>\r\nBcc: <eve@example.com", "mx.example")
    """
    if not address or len(address) > MAX_ADDRESS_CHARACTERS or clean_text(address) != address:
        return None
    if "=?" in address:
        return None  # allowed by the grammar, but a reader could decode it as an encoded word
    path = f"<{address}>"
    match = _GRAMMAR.match_path(path, 0)
    if match is None or match[1] != len(path) or match[0].mailbox != address:
        return None
    return address if match[0].domain else f"{address}@{hostname}"


def find_domain(address: str) -> str:
    """Return the domain of an address in lower case; "" if it has none.

    >>> find_domain("ann@Example.com"), find_domain("ann")
    ('example.com', '')
    """
    _, at, domain = address.rpartition("@")
    return clean_text(domain, MAX_HOSTNAME_CHARACTERS).lower() if at else ""


def parse_hostname(hostname: str) -> str:
    """Return a host name unchanged.

    Raises:
        ValueError: if it is empty, or has other characters than those of names and address literals.
    """
    allowed = hostname.isascii() and 0 < len(hostname) <= MAX_HOSTNAME_CHARACTERS
    if not allowed or not all(character.isalnum() or character in ".-_:[]" for character in hostname):
        raise ValueError(f'hostname must be a name such as "mx.example.com", got {hostname!r}')
    return hostname

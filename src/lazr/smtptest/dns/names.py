"""Domain names: a form to compare them by, and their labels (RFC 1034 3.1)."""

from __future__ import annotations

from lazr.smtptest._util.internationalized_domain import encode_domain

__all__ = ["build_reverse_name", "find_parent", "join_labels", "normalize_name", "split_labels"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lazr.smtptest.dns.resolver import Address

MAX_NAME_OCTETS = 253  # as text, without the last dot: RFC 1035 2.3.4 allows 255 octets on the wire
MAX_LABEL_OCTETS = 63


def normalize_name(name: str) -> str:
    """Return a name in lower case, without the last dot, as A-labels (RFC 5890).

    A text that cannot be a name comes back in lower case: no record has it.

    >>> normalize_name("S1._DomainKey.Example.COM."), normalize_name("bücher.example")
    ('s1._domainkey.example.com', 'xn--bcher-kva.example')
    """
    name = name.strip().removesuffix(".")
    try:
        return encode_domain(name) if len(name) <= MAX_NAME_OCTETS else name.lower()
    except UnicodeError:
        return name.lower()


def split_labels(name: str) -> list[bytes] | None:
    """Return the labels of a name; None for a text that is too long or has an empty label.

    >>> split_labels("example.com."), split_labels("a..b"), split_labels("x" * 64)
    ([b'example', b'com'], None, None)
    """
    try:
        labels = normalize_name(name).encode("ascii").split(b".")
    except UnicodeEncodeError:
        return None
    if not all(0 < len(label) <= MAX_LABEL_OCTETS for label in labels):
        return None
    return labels if sum(len(label) + 1 for label in labels) - 1 <= MAX_NAME_OCTETS else None


def join_labels(labels: Iterable[bytes]) -> str:
    """Return the name of these labels, without the last dot and without escapes.

    >>> join_labels((b"example", b"com", b""))
    'example.com'
    """
    return b".".join(label for label in labels if label).decode("latin-1")


def find_parent(name: str) -> str:
    """Return the name without its first label; "" for a top-level domain.

    >>> find_parent("www.example.com"), find_parent("com")
    ('example.com', '')
    """
    return name.partition(".")[2]


def build_reverse_name(address: Address) -> str:
    """Return the name of the PTR records of an address (RFC 1035 3.5, RFC 3596 2.5).

    >>> from ipaddress import ip_address
    >>> build_reverse_name(ip_address("192.0.2.7"))
    '7.2.0.192.in-addr.arpa'
    """
    return address.reverse_pointer

"""Compare addresses: the local part exactly, the domain in lower case and in one spelling.

A domain with letters beyond ASCII has two spellings (RFC 5890 2.3.2.1): U-labels, such as `bücher.example`, and
A-labels, such as `xn--bcher-kva.example`.  Both mean the same domain.
"""

from __future__ import annotations

__all__ = ["fold_domain"]

# RFC 5890 2.3.1.  Longer names are compared as they are: the time to decode Punycode grows by the square of the length.
_MAX_LABEL_CHARACTERS = 63
_MAX_DOMAIN_CHARACTERS = 255

_ACE_PREFIX = "xn--"  # RFC 5890 2.3.2.5


def fold_domain(address: str) -> str:
    """Return the address with its domain in lower case and with U-labels (RFC 5321 2.4).

    >>> fold_domain("Ann@Example.COM")
    'Ann@example.com'
    >>> fold_domain("ann@xn--bcher-kva.example")
    'ann@bücher.example'
    """
    if address.islower() and address.isascii() and _ACE_PREFIX not in address:
        return address
    local, at, domain = address.rpartition("@")
    if not at:
        return address
    domain = domain.lower()
    if (_ACE_PREFIX in domain or not domain.isascii()) and len(domain) <= _MAX_DOMAIN_CHARACTERS:
        domain = ".".join(map(_fold_label, _fold_characters(domain).split(".")))
    return f"{local}{at}{domain}"


def _fold_characters(domain: str) -> str:
    """Return a domain in Unicode's form NFKC, in lower case and with ASCII dots.

    So programs convert it before they look it up (RFC 5895 2): full-width letters and the ideographic full stop are
    other ways to type it.
    """
    from unicodedata import normalize

    return domain if domain.isascii() else normalize("NFKC", domain).lower().replace("\u3002", ".")


def _fold_label(label: str) -> str:
    """Return the U-label of an A-label; another label unchanged."""
    from unicodedata import normalize

    if not label.isascii():
        return label
    if not label.startswith(_ACE_PREFIX) or len(label) > _MAX_LABEL_CHARACTERS:
        return label
    try:
        decoded = label[len(_ACE_PREFIX) :].encode("ascii").decode("punycode")
        encoded = decoded.encode("punycode").decode("ascii")
    except UnicodeError:
        return label
    # Only a valid A-label is decoded, so that two different labels never become equal (RFC 5890 2.3.2.1).
    is_u_label = not decoded.isascii() and decoded.isprintable() and decoded == normalize("NFKC", decoded.lower())
    return decoded if is_u_label and _ACE_PREFIX + encoded == label else label

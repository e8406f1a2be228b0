"""How addresses are compared: the domain without regard to case, the local part as it is."""

__all__ = ["fold_domain"]


def fold_domain(address: str) -> str:
    """The address with its domain, whose case does not count, in small letters (RFC 5321 2.4).

    >>> fold_domain("Ann@Example.COM")
    'Ann@example.com'
    """
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{domain.lower()}" if at else address

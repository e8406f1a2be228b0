"""Who can reach a server: this machine alone, or others too (threat W19)."""

import ipaddress

__all__ = ["is_public"]


def is_public(host: str) -> bool:
    """Whether others than this machine may reach what listens there; a name that is not known may be anything.

    >>> [is_public(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "", "192.168.1.2", "mail.example")]
    [False, False, False, True, True, True, True]
    """
    if host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True

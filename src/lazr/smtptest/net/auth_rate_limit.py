"""Slow down clients that guess passwords: a rate limit for AUTH, by address."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from lazr.smtptest._util.host_port import split_host_port

__all__ = ["AuthRateLimit"]

# A longer delay would keep the client's connection, and its file descriptor, for too long.
_MAX_DELAY_SECONDS = 10.0

_SECONDS_PER_MINUTE = 60.0

# When a new address exceeds this number, the oldest one is forgotten.
_MAX_ADDRESSES = 10_000

_IPV6_PREFIX_BITS = 64  # a client usually has all addresses of such a network


class AuthRateLimit:
    """Limit the failed attempts to authenticate from one address, by delays.

    An attempt counts as failed from its start until `forgive`.  Therefore parallel attempts do not bypass the limit.
    Another user with the same address has to wait, but is not locked out.

    Args:
        failures_per_minute: How many attempts may fail in a minute without delay, and how many in each further minute.

    >>> limit = AuthRateLimit(failures_per_minute=2)
    >>> [limit.start_attempt("192.0.2.1:1025", now=0.0) for _ in range(3)]
    [0.0, 0.0, None]
    >>> limit.start_attempt("192.0.2.1:1026", now=25.0), limit.start_attempt("198.51.100.7:1025", now=25.0)
    (5.0, 0.0)
    """

    def __init__(self, failures_per_minute: int) -> None:
        self._interval = _SECONDS_PER_MINUTE / failures_per_minute
        # For each address, the time at which its failures are forgotten if no more follow (the "theoretical arrival
        # time" of the generic cell rate algorithm).  The oldest entry is first.
        self._clear_times: dict[str, float] = {}

    def start_attempt(self, peer: str, now: float) -> float | None:
        """Count an attempt, and return the seconds to delay it; None if that is too long."""
        address = _get_network(peer)
        clear_time = max(self._clear_times.pop(address, now), now) + self._interval
        delay = max(clear_time - now - _SECONDS_PER_MINUTE, 0.0)
        is_too_long = delay > _MAX_DELAY_SECONDS
        self._clear_times[address] = clear_time - self._interval if is_too_long else clear_time
        if len(self._clear_times) > _MAX_ADDRESSES:
            del self._clear_times[next(iter(self._clear_times))]
        return None if is_too_long else delay

    def forgive(self, peer: str) -> None:
        """Undo one counted attempt: it succeeded."""
        address = _get_network(peer)
        if address in self._clear_times:
            self._clear_times[address] -= self._interval

    def __len__(self) -> int:
        return len(self._clear_times)


def _get_network(peer: str) -> str:
    """Return the address of a peer without its port, or the /64 network of an IPv6 address."""
    host = split_host_port(peer)[0]
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host  # a Unix socket, or a name that a proxy sent
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(int(address) >> (128 - _IPV6_PREFIX_BITS))
    return host

"""Connect an HTTP client only to addresses that a policy allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpcore

from lazr.smtptest.web.outbound.errors import PrivateAddressOnly

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lazr.smtptest.web.outbound.address_policy import AddressPolicy
    from lazr.smtptest.web.outbound.resolver import Resolver

__all__ = ["PolicyNetworkBackend"]


class PolicyNetworkBackend(httpcore.AsyncNetworkBackend):
    """A network backend of httpcore that checks each address before it connects.

    The name is resolved once, and the connection is made to a checked address, so a name server cannot answer
    differently for the connection (DNS rebinding).
    """

    def __init__(self, policy: AddressPolicy, resolver: Resolver, timeout: float) -> None:
        self._policy = policy
        self._resolver = resolver
        self._timeout = timeout
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first allowed address that answers.

        Raises `PrivateAddressOnly` if no address is allowed.  The parameters are those of httpcore.  `timeout` is not
        used: each address has an equal part of the timeout of the request.
        """
        addresses = await self._resolver(host, port)
        blocked = {address: reason for address in addresses if (reason := self._policy.find_block_reason(address))}
        allowed = [address for address in addresses if address not in blocked]
        if blocked and not allowed:
            reasons = ", ".join(f"{address} ({reason})" for address, reason in blocked.items())
            raise PrivateAddressOnly(f"{host} has no allowed address, got {reasons}; see --webhook-network")
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in allowed:
            try:
                return await self._backend.connect_tcp(
                    address, port, self._timeout / len(allowed), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

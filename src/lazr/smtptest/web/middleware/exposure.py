"""Refuse to start a server that other machines can reach and that needs no password."""

from __future__ import annotations

from lazr.smtptest.web.middleware.authority import parse_ip_address

__all__ = ["check_exposure", "is_exposed"]


def is_exposed(host: str) -> bool:
    """Return whether other machines may reach a server that listens on this address or name.

    A name other than `localhost` counts as exposed, because its address is not known.

    >>> [is_exposed(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "10.0.0.1", "mail.test")]
    [False, False, False, True, True, True, True]
    """
    address = parse_ip_address(host)
    return host.lower() != "localhost" if address is None else not address.is_loopback


def check_exposure(host: str, *, has_login: bool, insecure_public: bool) -> None:
    """Raise `ValueError` if other machines could read all mail without a password.

    Args:
        host: the address or name that the server listens on.
        has_login: whether requests need a password or a token.
        insecure_public: whether the operator has allowed access without a password.

    >>> check_exposure("0.0.0.0", has_login=False, insecure_public=False)
    Traceback (most recent call last):
    ValueError: a server on 0.0.0.0 would show all mail to other machines; give --auth-file, or --insecure-public
    """
    if is_exposed(host) and not has_login and not insecure_public:
        raise ValueError(
            f"a server on {host} would show all mail to other machines; give --auth-file, or --insecure-public"
        )

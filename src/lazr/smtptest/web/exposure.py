"""Whether others than this machine's users can reach a server, and whether somebody said that they may."""

from __future__ import annotations

from lazr.smtptest.web.hosts import literal

__all__ = ["allow_exposure", "is_exposed"]


def is_exposed(host: str) -> bool:
    """Whether that address is more than this machine's own; of a name that is not `localhost` nobody knows.

    >>> [is_exposed(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "10.0.0.1", "mail.test")]
    [False, False, False, True, True, True, True]
    """
    address = literal(host)
    return host.lower() != "localhost" if address is None else not address.is_loopback


def allow_exposure(host: str, *, login: bool, insecure_public: bool) -> None:
    """Raise `ValueError` where anybody could read all mail, and nobody said that they may.

    >>> allow_exposure("0.0.0.0", login=False, insecure_public=False)
    Traceback (most recent call last):
    ValueError: others could read all mail at 0.0.0.0: give --auth-file, or say --insecure-public if they may
    """
    if is_exposed(host) and not login and not insecure_public:
        raise ValueError(
            f"others could read all mail at {host}: give --auth-file, or say --insecure-public if they may"
        )

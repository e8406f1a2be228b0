"""The names of clients in records and logs."""

from __future__ import annotations

from lazr.smtptest._util.host_port import format_host_port

__all__ = ["format_peer_name"]


def format_peer_name(name: object) -> str:
    """Format a socket's peer name: `192.0.2.1:1025`, `[2001:db8::1]:1025`, or `unix`."""
    if isinstance(name, tuple):
        return format_host_port(name[0], name[1])
    return "unix"

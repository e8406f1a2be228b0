"""Listening sockets, bound in the caller's thread.

The caller therefore gets the error of a busy port.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat

from lazr.smtptest._util.suggestion import describe_unknown
from lazr.smtptest.protocol.smtp import TlsMode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, Literal

    from lazr.smtptest.net.session_types import ProtocolName

__all__ = ["Listen", "Listener"]

# The kernel reduces this to its own limit (net.core.somaxconn on Linux).
LISTEN_BACKLOG = 2048

_TLS_MODES = (TlsMode.NONE, TlsMode.STARTTLS, TlsMode.IMPLICIT)
_PROTOCOLS = ("smtp", "lmtp", "imap", "pop3")
_MAX_PORT = 65535

# Where clients connect to reach a listener that is bound to such a host.
_CLIENT_HOSTS = {"": "127.0.0.1", "localhost": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


class Listen:
    """One place to listen on, for `MailServer(also=[...])`, and what its clients find there.

    Args:
        host: The IP address or host name to bind; `"127.0.0.1"` by default.  `"localhost"` means 127.0.0.1, without a
            lookup.
        port: The TCP port; 0, the default, takes any free one.
        path: The path of a Unix socket; it replaces `host` and `port`.
        tls: `"none"`, `"starttls"` (RFC 3207) or `"implicit"` (RFC 8314); by default the server's own mode.
        protocol: `"smtp"`, `"lmtp"` (RFC 2033), `"imap"` or `"pop3"`; by default the server's own protocol.
        proxy: Whether connections begin with a PROXY protocol header; by default as the server's `proxy`.

    Raises:
        ValueError: An unknown `tls` or `protocol`, or a port that is not 0 to 65535.
        TypeError: `host` is not a string, or `port` is not a number.

    >>> Listen("::1")
    Listen('::1', 0)
    >>> Listen(path="mail.sock", protocol="lmtp")
    Listen(path='mail.sock', protocol='lmtp')
    """

    __slots__ = ("host", "path", "port", "protocol", "proxy", "tls")

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        path: str | os.PathLike[str] | None = None,
        tls: Literal["none", "starttls", "implicit"] | None = None,
        protocol: ProtocolName | None = None,
        proxy: bool | None = None,
    ) -> None:
        if protocol not in (None, *_PROTOCOLS):
            raise ValueError(describe_unknown("protocol", protocol, _PROTOCOLS))
        if not isinstance(host, str):
            raise TypeError(f'host must be an address or a name, such as "127.0.0.1", got {host!r}; is it a port=?')
        if isinstance(port, bool) or not isinstance(port, int):
            raise TypeError(f"port must be a number from 0 to 65535, got {port!r}; use 0 for any free port")
        if not 0 <= port <= _MAX_PORT:
            raise ValueError(f"port must be 0 to 65535, got {port}; use 0 for any free port")
        self.host: Final = host
        self.port: Final = port
        self.path: Final = None if path is None else os.fspath(path)
        self.tls: Final = None if tls is None else TlsMode.parse(tls, _TLS_MODES)
        self.protocol: Final = protocol
        self.proxy: Final = proxy

    def replace(self, **changes: Any) -> Listen:
        """Return a copy with other arguments.

        >>> Listen("::1").replace(protocol="imap")
        Listen('::1', 0, protocol='imap')
        """
        arguments: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        arguments["tls"] = None if self.tls is None else self.tls.value
        return Listen(**(arguments | changes))

    def _field_values(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Listen):
            return NotImplemented
        return self._field_values() == other._field_values()

    def __hash__(self) -> int:
        return hash(self._field_values())

    def __repr__(self) -> str:
        place = f"{self.host!r}, {self.port}" if self.path is None else f"path={self.path!r}"
        tls = None if self.tls is None else self.tls.value
        options = {"tls": tls, "protocol": self.protocol, "proxy": self.proxy}
        return (
            f"Listen({place}{''.join(f', {name}={value!r}' for name, value in options.items() if value is not None)})"
        )


class Listener:
    """One bound socket; clients can connect as soon as it exists.

    Raises `OSError` if the port or the path is taken or not available.
    """

    def __init__(self, listen: Listen) -> None:
        self.listen: Listen = listen
        self.host: str = listen.host
        self.port: int = listen.port
        self.path: str | None = listen.path
        self.socket: socket.socket = self._bind()
        self._inode = os.stat(self.path).st_ino if self.path is not None else None
        if self.path is None:
            self.port = int(self.socket.getsockname()[1])

    def _bind(self) -> socket.socket:
        if self.path is not None:
            return _bind_unix(self.path)
        try:
            family, address = _resolve_address(self.host, self.port)
        except OSError as error:
            raise OSError(error.errno, f"{error.strerror}: cannot listen on {self.host}:{self.port}") from error
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            if os.name == "posix":  # on Windows this option would let two servers share a port
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            # Accepted sockets inherit this; without it, a reply waits up to 40 ms for the acknowledgment of the one
            # before.
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            listening.bind(address)
            listening.listen(LISTEN_BACKLOG)
            listening.setblocking(False)
        except OSError as error:
            listening.close()
            raise OSError(error.errno, f"{error.strerror}: cannot listen on {self.host}:{self.port}") from error
        except BaseException:
            listening.close()
            raise
        return listening

    @property
    def address(self) -> tuple[str, int]:
        """Host and port for clients.

        The host is the loopback address where the server listens on all interfaces.
        """
        return _CLIENT_HOSTS.get(self.host, self.host), self.port

    def refuse_connections(self) -> bool:
        """Refuse connections from now on; return whether that worked.

        They are refused even if a forked child holds the socket.
        """
        # After close() alone the port stays open while any process has a copy of the descriptor.  After shutdown() it
        # does not, on Linux; other systems raise an error here.
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Refuse connections, close the socket and remove its path."""
        self.refuse_connections()
        self.close_descriptor()
        self.unlink()

    def unlink(self) -> None:
        """Remove the path of a Unix socket, unless another socket has taken it."""
        if self.path is not None:
            with contextlib.suppress(OSError):
                if os.stat(self.path).st_ino == self._inode:
                    os.unlink(self.path)

    def close_descriptor(self) -> None:
        """Close this process's copy of the socket; copies in other processes stay open."""
        self.socket.close()


def _resolve_address(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    """Return the socket address; look up host names other than `localhost`."""
    if host == "localhost":
        host = "127.0.0.1"
    if ":" in host:
        return socket.AF_INET6, (host, port)
    try:
        socket.inet_pton(socket.AF_INET, host or "0.0.0.0")  # noqa: S104 - the caller asks for all interfaces
    except OSError:
        found = socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)
        return socket.AF_INET, (str(found[0][4][0]), port)
    return socket.AF_INET, (host, port)


def _bind_unix(path: str) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            listening.bind(path)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not _is_stale_socket(path):
                raise
            os.unlink(path)
            listening.bind(path)
        listening.listen(LISTEN_BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise OSError(error.errno, f"{error.strerror}: cannot listen on {path}") from error
    return listening


def _is_stale_socket(path: str) -> bool:
    """Return whether this path is a socket that no process listens on, as after a crash."""
    if not stat.S_ISSOCK(os.stat(path).st_mode):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(path) == errno.ECONNREFUSED

"""Listening sockets: bound in the thread of whoever asks, so that a busy port is their exception."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, Literal

__all__ = ["Listen", "Listener"]

# The kernel cuts this to what it allows; a burst of connections must find room.
BACKLOG = 2048


class Listen:
    """Where to listen: a host and port, or the path of a Unix socket; and what to speak there.

    `localhost` is 127.0.0.1, without a look-up; port 0 is any free one.  `tls` (`"none"`,
    `"starttls"`, `"implicit"`), `protocol` (`"smtp"`, `"lmtp"`) and `proxy` are the server's own
    where you do not say otherwise.

    >>> Listen("::1")
    Listen('::1', 0)
    >>> Listen(path="mail.sock")
    Listen(path='mail.sock')
    """

    __slots__ = ("host", "path", "port", "protocol", "proxy", "tls")

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        path: str | os.PathLike[str] | None = None,
        tls: Literal["none", "starttls", "implicit"] | None = None,
        protocol: Literal["smtp", "lmtp"] | None = None,
        proxy: bool | None = None,
    ) -> None:
        if tls not in (None, "none", "starttls", "implicit"):
            raise ValueError(f'tls of a listener is "none", "starttls" or "implicit", not {tls!r}')
        if protocol not in (None, "smtp", "lmtp"):
            raise ValueError(f'protocol is "smtp" or "lmtp", not {protocol!r}')
        self.host: Final = host
        self.port: Final = port
        self.path: Final = None if path is None else os.fspath(path)
        self.tls: Final = tls
        self.protocol: Final = protocol
        self.proxy: Final = proxy

    def __repr__(self) -> str:
        where = f"{self.host!r}, {self.port}" if self.path is None else f"path={self.path!r}"
        said = {"tls": self.tls, "protocol": self.protocol, "proxy": self.proxy}
        return f"Listen({where}{''.join(f', {name}={value!r}' for name, value in said.items() if value is not None)})"


class Listener:
    """One listening socket.

    Raises `OSError` if the port or the path is taken, or cannot be had.
    """

    def __init__(self, where: Listen) -> None:
        self.where: Listen = where
        self.host: str = where.host
        self.port: int = where.port
        self.path: str | None = where.path
        self.socket: socket.socket = self._bind()
        self._inode = os.stat(self.path).st_ino if self.path is not None else None
        if self.path is None:
            self.port = int(self.socket.getsockname()[1])

    def _bind(self) -> socket.socket:
        if self.path is not None:
            return _bind_unix(self.path)
        try:
            family, address = _address(self.host, self.port)
        except OSError as error:
            raise OSError(error.errno, f"{error.strerror}: cannot listen on {self.host}:{self.port}") from error
        # The protocol is named because asyncio looks at it: without, what is accepted has no TCP_NODELAY,
        # and a reply behind an unacknowledged one waits for 40 ms.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            if os.name == "posix":  # elsewhere this option would let two servers share a port
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listening.bind(address)
            listening.listen(BACKLOG)
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
        """Host and port to connect to: `localhost` as 127.0.0.1, and any interface as this machine's own."""
        own = {"": "127.0.0.1", "localhost": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
        return own.get(self.host, self.host), self.port

    def refuse(self) -> bool:
        """Refuse connections from now on, even if a forked child still holds the socket; whether that worked."""
        # Closing alone would leave the port open as long as any process has a copy of the descriptor;
        # shutting down does not (on Linux; elsewhere it is refused, and does no harm).
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Refuse connections, and clean up."""
        self.refuse()
        self.forget()
        self.unlink()

    def unlink(self) -> None:
        """Remove the path of a Unix socket, if it is still ours."""
        if self.path is not None:
            with contextlib.suppress(OSError):
                if os.stat(self.path).st_ino == self._inode:
                    os.unlink(self.path)

    def forget(self) -> None:
        """Give up this process's copy of the socket, and leave others' alone."""
        self.socket.close()


def _address(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    """The socket address; only a host name that is neither an IP address nor localhost is looked up."""
    if host == "localhost":
        host = "127.0.0.1"
    if ":" in host:
        return socket.AF_INET6, (host, port)
    try:
        socket.inet_pton(socket.AF_INET, host or "0.0.0.0")  # noqa: S104 - the caller asked for it
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
            if error.errno != errno.EADDRINUSE or not _is_left_over(path):
                raise
            os.unlink(path)
            listening.bind(path)
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise OSError(error.errno, f"{error.strerror}: cannot listen on {path}") from error
    return listening


def _is_left_over(path: str) -> bool:
    """Whether this is a socket that nobody listens on any more, after a crash say."""
    if not stat.S_ISSOCK(os.stat(path).st_mode):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(path) == errno.ECONNREFUSED

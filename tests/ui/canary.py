"""A server that nothing may connect to; it records what does."""

import socket
import threading


class Canary:
    """A port of this machine, in the role of all other servers.

    `connections` counts those who came, and `requests` has the first bytes of each.
    """

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections, self.requests = 0, []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            self.connections += 1
            with client:
                client.settimeout(5)
                try:
                    self.requests.append(client.recv(65_536))
                except OSError:
                    self.requests.append(b"")

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

"""A receiver of HTTP requests for tests: it answers as it is told, and remembers what came."""

import contextlib
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

TIMEOUT = 20


class Came(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """`answers` are functions of a handler, each for one request; the last one is for all that follow."""

    def __init__(self, *answers, context=None):
        self.came = queue.SimpleQueue()
        self.connections = 0
        self._answers = list(answers) or [answer(204)]
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.came.put(Came(self.command, self.path, headers, body))
                answers = receiver._answers
                with contextlib.suppress(OSError):  # the client may be gone
                    (answers.pop(0) if len(answers) > 1 else answers[0])(self)

            do_GET = do_HEAD = do_POST  # noqa: N815

            def log_message(self, *args):
                pass

        class Server(ThreadingHTTPServer):
            def get_request(self):
                receiver.connections += 1
                return super().get_request()

            def handle_error(self, request, client_address):
                pass  # a client that does not trust our certificate, as it should

        self._server = Server(("127.0.0.1", 0), Handler)
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def url(self, host="127.0.0.1", path="/hook", scheme="http"):
        return f"{scheme}://{host}:{self.port}{path}"

    def next(self):
        """The next request, waiting for it."""
        return self.came.get(timeout=TIMEOUT)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(TIMEOUT)


def answer(status, body=b"", **headers):
    """Answer with that."""

    def act(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        if status != 204:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)

    return act

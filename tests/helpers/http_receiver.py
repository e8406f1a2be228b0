"""An HTTP server that records its requests and sends the responses of a test."""

import contextlib
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

TIMEOUT = 20


class ReceivedRequest(NamedTuple):
    """A request; header fields are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """An HTTP server on loopback.

    Args:
        answers: functions that get the request handler and send a response, one for each request; the last one answers
            all further requests.  The default is `respond(204)`.
        context: an `SSLContext` for HTTPS; None is plain HTTP.
    """

    def __init__(self, *answers, context=None):
        self.received = queue.SimpleQueue()
        self.connections = 0
        self._answers = list(answers) or [respond(204)]
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                if len(body) < length:  # the client was killed while it sent the request
                    return
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.put(ReceivedRequest(self.command, self.path, headers, body))
                answers = receiver._answers
                with contextlib.suppress(OSError):  # the client may have disconnected
                    (answers.pop(0) if len(answers) > 1 else answers[0])(self)

            do_GET = do_HEAD = do_POST  # noqa: N815

            def log_message(self, *args):
                pass

        class Server(ThreadingHTTPServer):
            def get_request(self):
                receiver.connections += 1
                return super().get_request()

            def handle_error(self, request, client_address):
                pass  # a client rejects the certificate, for example

        self._server = Server(("127.0.0.1", 0), Handler)
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def url(self, host="127.0.0.1", path="/hook", scheme="http"):
        """Return a URL of this server."""
        return f"{scheme}://{host}:{self.port}{path}"

    def get_request(self):
        """Wait for the next request and return it."""
        return self.received.get(timeout=TIMEOUT)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(TIMEOUT)


def respond(status, body=b"", **headers):
    """Return a function that answers a request with this status, body and header fields."""

    def answer(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        if status != 204:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)

    return answer

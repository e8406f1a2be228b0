"""A worker process for tests: it answers in upper case, or misbehaves on demand."""

import sys
import threading

from lazr.smtptest._util.worker_process import serve_requests


def handle(request):
    if request == b"hang":
        threading.Event().wait(60)
    if request == b"exit":
        raise SystemExit(3)
    if request == b"raise":
        raise ValueError("as requested")
    if request == b"print":
        print("not a response", flush=True)
    return request.upper()


if __name__ == "__main__":
    serve_requests(sys.stdin.buffer, sys.stdout.buffer, handle)

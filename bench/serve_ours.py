"""Run a MailServer; a line on standard input clears it.

Usage: serve_ours.py PORT thread|uvloop|async keep|drop|sqlite [TLS-PORT PEM].

With `async`, it runs by `async with` in an event loop of this program, else in a thread of its own.
With `sqlite`, it keeps its mails in a temporary file instead of memory.
With TLS-PORT and PEM, it has STARTTLS and AUTH on PORT, and implicit TLS on TLS-PORT.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
import tempfile
from typing import Any

from lazr.smtptest import Auth, Limits, Listen, MailServer, Tls

# All sessions of the benchmark come from one client.
LIMITS = Limits(connections=15_000)


def _build_tls_and_auth(port: str, pem: str) -> dict[str, Any]:
    # Like MailServer(tls="both"), with the certificate that the other servers use.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(pem)
    auth = Auth({f"user{number}": "secret" for number in range(1000)}, in_clear=True)
    tls = Tls("starttls", certificate=context)
    return {"tls": tls, "also": [Listen(port=int(port), tls="implicit")], "auth": auth}


def run_in_thread(server: MailServer) -> None:
    with server:
        for _ in sys.stdin:
            server.inbox.clear()


async def run_in_loop(server: MailServer) -> None:
    def clear() -> None:
        sys.stdin.readline()
        server.inbox.clear()

    async with server:
        asyncio.get_running_loop().add_reader(sys.stdin, clear)
        await asyncio.Event().wait()


def main() -> None:
    port, mode, keep, *tls_arguments = sys.argv[1:]
    options: dict[str, Any] = _build_tls_and_auth(*tls_arguments) if tls_arguments else {}
    if mode == "uvloop":
        options["loop"] = "uvloop"
    with contextlib.ExitStack() as stack:
        if keep == "sqlite":
            from lazr.smtptest.store import SqliteStore

            folder = stack.enter_context(tempfile.TemporaryDirectory())
            options["store"] = stack.enter_context(SqliteStore(f"{folder}/mails.db"))
        server = MailServer(port=int(port), limits=LIMITS, keep_mails=keep == "keep", **options)
        if mode == "async":
            asyncio.run(run_in_loop(server))
        else:
            run_in_thread(server)


if __name__ == "__main__":
    main()

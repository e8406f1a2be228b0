"""Run aiosmtpd with a handler that keeps envelopes and contents.

Usage: serve_aiosmtpd.py PORT [TLS-PORT PEM].

With TLS-PORT and PEM, it has STARTTLS and AUTH on PORT, and implicit TLS on TLS-PORT.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult

PASSWORDS = {b"user%d" % number: b"secret" for number in range(1000)}


class KeepingHandler:
    def __init__(self) -> None:
        self.kept: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.kept.append(envelope)
        return "250 Ok"


def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, credentials: Any) -> Any:
    return AuthResult(success=PASSWORDS.get(credentials.login) == credentials.password)


async def main() -> None:
    port, *tls_arguments = sys.argv[1:]
    handler = KeepingHandler()
    loop = asyncio.get_running_loop()
    settings: dict[str, Any] = {"hostname": "localhost", "data_size_limit": 100_000_000}
    starttls: dict[str, Any] = {}
    if tls_arguments:
        tls_port, pem = tls_arguments
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(pem)
        settings |= {"authenticator": authenticate, "auth_require_tls": False}
        starttls = {"tls_context": context}
        await loop.create_server(lambda: SMTP(handler, **settings), "127.0.0.1", int(tls_port), ssl=context)
    server = await loop.create_server(lambda: SMTP(handler, **settings, **starttls), "127.0.0.1", int(port))

    def clear() -> None:
        sys.stdin.readline()
        handler.kept.clear()

    loop.add_reader(sys.stdin, clear)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

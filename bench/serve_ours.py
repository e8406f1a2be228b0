"""A MailServer in a process: serve_ours.py PORT LOOP keep|drop [TLS-PORT PEM]; `clear` on stdin clears the inbox.

With the last two it has STARTTLS and AUTH at the one port, and implicit TLS at the other.
"""

from __future__ import annotations

import ssl
import sys

from lazr.smtptest import Auth, Listen, MailServer, Tls


def _secured(port: str, pem: str) -> tuple[Tls, list[Listen], Auth]:
    # What MailServer(tls="both") would have, but for the certificate, which others have as well.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(pem)
    auth = Auth({f"user{number}": "secret" for number in range(1000)}, in_clear=True)
    return Tls("starttls", certificate=context), [Listen(port=int(port), tls="implicit")], auth


def main() -> None:
    port, loop, keep, *secured = sys.argv[1:]
    tls, also, auth = _secured(*secured) if secured else (None, [], None)
    server = MailServer(
        port=int(port), loop="uvloop" if loop == "uvloop" else "asyncio", keep_mails=keep == "keep",
        tls=tls, also=also, auth=auth,
    )  # fmt: skip
    with server:
        for _ in sys.stdin:
            server.inbox.clear()


if __name__ == "__main__":
    main()

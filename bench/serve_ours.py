"""A MailServer in a process: serve_ours.py PORT LOOP keep|drop|sqlite [TLS-PORT PEM]; `clear` on stdin clears it.

With `sqlite` it keeps its mails in a file that is gone afterwards, and not in memory.
With the last two it has STARTTLS and AUTH at the one port, and implicit TLS at the other.
"""

from __future__ import annotations

import contextlib
import ssl
import sys
import tempfile

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
    with contextlib.ExitStack() as stack:
        store = None
        if keep == "sqlite":
            from lazr.smtptest.store.sqlite import SqliteStore

            store = stack.enter_context(SqliteStore(stack.enter_context(tempfile.TemporaryDirectory()) + "/mails.db"))
        server = MailServer(
            port=int(port), loop="uvloop" if loop == "uvloop" else "asyncio", keep_mails=keep == "keep",
            tls=tls, also=also, auth=auth, store=store,
        )  # fmt: skip
        stack.enter_context(server)
        for _ in sys.stdin:
            server.inbox.clear()


if __name__ == "__main__":
    main()

"""A MailServer in a process: serve_ours.py PORT LOOP keep|drop; `clear` on stdin clears the inbox."""

from __future__ import annotations

import sys

from lazr.smtptest import MailServer


def main() -> None:
    port, loop, keep = sys.argv[1:]
    server = MailServer(port=int(port), loop="uvloop" if loop == "uvloop" else "asyncio", keep_mails=keep == "keep")
    with server:
        for _ in sys.stdin:
            server.inbox.clear()


if __name__ == "__main__":
    main()

"""Send COUNT messages of SIZE bytes one after the other.

Usage: smtplib_client.py PORT COUNT SIZE.
"""

from __future__ import annotations

import smtplib
import sys


def main() -> None:
    port, count, size = map(int, sys.argv[1:])
    line = "x" * 78 + "\r\n"
    text = "Subject: bench\r\n\r\n" + line * (max(size - 18, 0) // 80)
    with smtplib.SMTP("127.0.0.1", port) as client:
        for number in range(count):
            client.sendmail("ann@example.com", [f"bob{number}@example.com"], text)


if __name__ == "__main__":
    main()

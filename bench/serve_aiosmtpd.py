"""aiosmtpd in a process, with a handler that keeps envelope and content, as ours does."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from aiosmtpd.smtp import SMTP


class Keeping:
    def __init__(self) -> None:
        self.kept: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.kept.append(envelope)
        return "250 Ok"


async def main() -> None:
    handler = Keeping()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="localhost", data_size_limit=100_000_000), "127.0.0.1", int(sys.argv[1])
    )

    def clear() -> None:
        sys.stdin.readline()
        handler.kept.clear()

    loop.add_reader(sys.stdin, clear)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

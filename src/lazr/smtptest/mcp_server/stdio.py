"""The MCP server over standard input and output, for clients that start it as a process."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

import anyio
from mcp.server.stdio import stdio_server

from lazr.smtptest.mcp_server.protocol_server import build_server

if TYPE_CHECKING:
    from lazr.smtptest.mcp_server.rest_api import RestApi

__all__ = ["run_stdio_server"]


def run_stdio_server(api: RestApi) -> None:
    """Serve MCP until standard input ends.

    Only MCP is written to standard output: meanwhile, what else is printed there goes to standard error.
    If the client also closes standard output, the function returns without an error.
    """
    try:
        anyio.run(partial(_run, api))
    except* BrokenPipeError:
        # What is still buffered is written when its file is collected, and would report the same error.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
        report = sys.unraisablehook
        sys.unraisablehook = lambda unraisable: (
            None if isinstance(unraisable.exc_value, BrokenPipeError) else report(unraisable)
        )


async def _run(api: RestApi) -> None:
    server = build_server(lambda _context: api)
    async with stdio_server() as (read_stream, write_stream):
        await server.run(read_stream, write_stream, server.create_initialization_options())

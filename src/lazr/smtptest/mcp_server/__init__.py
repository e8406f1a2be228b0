"""Model Context Protocol: let language models read mails, wait for them, and add rules.

- `tool` is a tool with its schemas.  `finding_tools`, `reading_tools`, `changing_tools`, `session_tools` and
  `rule_tools` have the tools.  `untrusted_text` prepares what mails contain.
- The tools call the REST API through one interface (`rest_api`): over HTTP (`http_rest_api`), or in the application
  that serves the request (`asgi_rest_api`).  So the routes decide about access, and a mailbox token sees its mailbox.
- `protocol_server` makes a server of the SDK from the tools.  `stdio` and `http_endpoint` run it.

The SDK, the package `mcp`, is the extra `mcp`.  The public names are here, and their modules are imported at first use.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.mcp_server.http_endpoint import McpEndpoint
    from lazr.smtptest.mcp_server.http_rest_api import HttpRestApi
    from lazr.smtptest.mcp_server.protocol_server import TOOLS, build_server
    from lazr.smtptest.mcp_server.rest_api import RestApi
    from lazr.smtptest.mcp_server.sdk import check_sdk
    from lazr.smtptest.mcp_server.stdio import run_stdio_server

__all__ = ["TOOLS", "HttpRestApi", "McpEndpoint", "RestApi", "build_server", "check_sdk", "run_stdio_server"]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "lazr.smtptest.mcp_server.http_endpoint": ("McpEndpoint",),
        "lazr.smtptest.mcp_server.http_rest_api": ("HttpRestApi",),
        "lazr.smtptest.mcp_server.protocol_server": ("TOOLS", "build_server"),
        "lazr.smtptest.mcp_server.rest_api": ("RestApi",),
        "lazr.smtptest.mcp_server.sdk": ("check_sdk",),
        "lazr.smtptest.mcp_server.stdio": ("run_stdio_server",),
    },
)

"""What this installation is: versions, numbers, what is switched on."""

from __future__ import annotations

import contextlib
import os

from fastapi import APIRouter, Request
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest import __version__
from lazr.smtptest.web.answers import as_json
from lazr.smtptest.web.relay import Relay
from lazr.smtptest.web.scope import Scoped

__all__ = ["memory", "router"]

router: APIRouter = APIRouter(tags=["application"])


class RuntimeStats(TypedDict):
    """Since the start: `Uptime` in seconds, `Memory` in octets; 0 where it cannot be told."""

    Uptime: int
    Memory: int
    MessagesDeleted: int
    SMTPAccepted: int
    SMTPAcceptedSize: int
    SMTPRejected: int
    SMTPIgnored: int


class AppInformation(TypedDict):
    """This installation, in numbers."""

    Version: str
    LatestVersion: str
    Database: str
    DatabaseSize: int
    Messages: int
    Unread: int
    Tags: dict[str, int]
    RuntimeStats: RuntimeStats


class MessageRelay(TypedDict):
    """Sending on: where to, and to whom."""

    Enabled: bool
    SMTPServer: str
    ReturnPath: str
    AllowedRecipients: str
    BlockedRecipients: str
    OverrideFrom: str
    PreserveMessageIDs: bool
    RecipientAllowlist: str


class WebUIConfiguration(TypedDict):
    """What a web page is to show."""

    Label: str
    MessageRelay: MessageRelay
    SpamAssassin: bool
    ChaosEnabled: bool
    DuplicatesIgnored: bool
    HideDeleteAllButton: bool


@router.get("/api/v1/info", responses={200: {"model": AppInformation}})
def get_info(scope: Scoped) -> Response:
    """Versions and numbers; nobody is asked whether there is a later version."""
    totals = scope.totals()
    counts = scope.catcher.server.sessions.counts
    info: AppInformation = {
        "Version": __version__,
        "LatestVersion": "disabled",
        "Database": scope.catcher.store.url,
        "DatabaseSize": scope.catcher.store.size_on_disk(),
        "Messages": totals.mails,
        "Unread": totals.unread,
        "Tags": scope.tags(),
        "RuntimeStats": {
            "Uptime": int(scope.catcher.uptime),
            "Memory": memory(),
            "MessagesDeleted": scope.catcher.deleted,
            "SMTPAccepted": counts["mails"],
            "SMTPAcceptedSize": counts["octets"],
            "SMTPRejected": counts["refusals"],
            "SMTPIgnored": 0,  # none is, a duplicate neither
        },
    }
    return as_json(info)


@router.get("/api/v1/webui", responses={200: {"model": WebUIConfiguration}})
def get_configuration(scope: Scoped) -> Response:
    """What is switched on."""
    configuration: WebUIConfiguration = {
        "Label": scope.label,
        "MessageRelay": _relay(scope.catcher.relay),
        "SpamAssassin": False,
        "ChaosEnabled": scope.catcher.chaos is not None,
        "DuplicatesIgnored": False,
        "HideDeleteAllButton": False,
    }
    return as_json(configuration)


def _relay(relay: Relay | None) -> MessageRelay:
    allowed = "" if relay is None else relay.pattern
    return {
        "Enabled": relay is not None,
        "SMTPServer": "" if relay is None else relay.server,
        "ReturnPath": "" if relay is None else relay.sender or "",
        "AllowedRecipients": allowed,
        "BlockedRecipients": "",
        "OverrideFrom": "",
        "PreserveMessageIDs": relay is not None,  # as all other octets
        "RecipientAllowlist": allowed,
    }


@router.get("/openapi.json", include_in_schema=False)
@router.get("/api/v1/swagger.json", include_in_schema=False)  # where Mailpit has Swagger 2
def get_description(_scope: Scoped, request: Request) -> Response:
    """The description of this API, in OpenAPI 3."""
    return as_json(request.app.openapi())


def memory() -> int:
    """Octets of memory that this process has; 0 where it cannot be told."""
    with contextlib.suppress(OSError, ValueError, IndexError), open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0

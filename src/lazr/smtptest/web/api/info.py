"""The version of this installation, its statistics, and which features are on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import Response
from typing_extensions import TypedDict

from lazr.smtptest import __version__
from lazr.smtptest._util.extras import EXTRAS
from lazr.smtptest.web.api.access_scope import AccessScopeDep
from lazr.smtptest.web.api.process_memory import get_resident_bytes
from lazr.smtptest.web.outbound import Relay
from lazr.smtptest.web.responses import json_response

if TYPE_CHECKING:
    from lazr.smtptest import MailServer
    from lazr.smtptest.web.middleware import Authenticator

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["application"])


class RuntimeStats(TypedDict):
    """Statistics since the start.

    `Uptime` is in seconds.  `Memory` is in bytes, or 0 if the system does not report it.
    """

    Uptime: int
    Memory: int
    MessagesDeleted: int
    SMTPAccepted: int
    SMTPAcceptedSize: int
    SMTPRejected: int
    SMTPIgnored: int


class AppInformation(TypedDict):
    """The version of this installation, and statistics of its store.

    `pending` is the number of mails whose texts are not indexed yet.  `Limits` has the limits of the mail server by
    name, in bytes or seconds; null means no limit.  Mailpit has neither.
    """

    Version: str
    LatestVersion: str
    Database: str
    DatabaseSize: int
    Messages: int
    Unread: int
    Tags: dict[str, int]
    pending: int
    Limits: dict[str, float | None]
    RuntimeStats: RuntimeStats


class MessageRelay(TypedDict):
    """The relay: to which server mails can be released, and to which recipients."""

    Enabled: bool
    SMTPServer: str
    ReturnPath: str
    AllowedRecipients: str
    BlockedRecipients: str
    OverrideFrom: str
    PreserveMessageIDs: bool
    RecipientAllowlist: str


class MailAddress(TypedDict):
    """An address where the server receives mail, or hands it out.

    `TLS` is `none`, `starttls` or `implicit`.  `Host` is a path and `Port` is 0 for a Unix domain socket.
    """

    Host: str
    Port: int
    TLS: str


class ExtraStatus(TypedDict):
    """An extra of the package, and whether it is installed.

    `Purpose` is what it adds, and `InstallCommand` the command that installs it.
    """

    Name: str
    Purpose: str
    Installed: bool
    InstallCommand: str


class WebUIConfiguration(TypedDict):
    """The features that a web page can offer, and who uses it.

    Mailpit does not have the members from `Version` on.  `User` and `Mailbox` are empty without credentials, and
    `Mailbox` also with those of a user.  `LoginRequired` is whether requests need credentials, and `LoggedIn` whether
    this one has the cookie of a session.
    """

    Label: str
    MessageRelay: MessageRelay
    SpamAssassin: bool
    ChaosEnabled: bool
    DuplicatesIgnored: bool
    HideDeleteAllButton: bool
    Version: str
    User: str
    Mailbox: str
    LoginRequired: bool
    LoggedIn: bool
    RemoteContent: bool
    LinkCheck: bool
    SMTP: list[MailAddress]
    IMAP: list[MailAddress]
    POP3: list[MailAddress]
    Extras: list[ExtraStatus]


@router.get("/api/v1/info", responses={200: {"model": AppInformation}})
def get_info(scope: AccessScopeDep) -> Response:
    """Return the version and statistics.

    The latest version is always `disabled`: no other server is asked.  With the token of a mailbox, the numbers are
    those of the mailbox: `SMTPAccepted` counts its mails, and what is not known for a mailbox is empty or 0.
    """
    totals = scope.get_totals()
    app_context, mailbox = scope.app_context, scope.mailbox
    counts, limits = app_context.server.sessions.counts, app_context.server.limits
    stats: RuntimeStats = {
        "Uptime": int(app_context.uptime_seconds),
        "Memory": get_resident_bytes() if mailbox is None else 0,
        "MessagesDeleted": app_context.deleted_count if mailbox is None else app_context.get_deleted_count(mailbox),
        "SMTPAccepted": counts["mails"] if mailbox is None else totals.mails,
        "SMTPAcceptedSize": counts["octets"] if mailbox is None else totals.size,
        "SMTPRejected": counts["refusals"] if mailbox is None else 0,
        "SMTPIgnored": 0,  # duplicates are stored, too
    }
    info: AppInformation = {
        "Version": __version__,
        "LatestVersion": "disabled",
        "Database": app_context.store.url if mailbox is None else "",
        "DatabaseSize": app_context.store.get_disk_usage() if mailbox is None else totals.size,
        "Messages": totals.mails,
        "Unread": totals.unread,
        "Tags": scope.count_tags(),
        "pending": app_context.store.count_pending() if mailbox is None else totals.pending,
        "Limits": {name: getattr(limits, name) for name in limits.__slots__} if mailbox is None else {},
        "RuntimeStats": stats,
    }
    return json_response(info)


@router.get("/api/v1/webui", responses={200: {"model": WebUIConfiguration}})
def get_configuration(scope: AccessScopeDep, request: Request) -> Response:
    """Return the label, which features are on, and who has logged in.

    With the token of a mailbox, the address and the recipients of the relay are empty, and chaos is off.
    """
    app_context, has_full_access = scope.app_context, scope.mailbox is None
    authenticator: Authenticator = request.state.authenticator
    configuration: WebUIConfiguration = {
        "Label": scope.label,
        "MessageRelay": _build_relay_info(app_context.relay, show_details=has_full_access),
        "SpamAssassin": True,  # the offline rules of the review, or another program
        "ChaosEnabled": app_context.chaos is not None and has_full_access,
        "DuplicatesIgnored": False,
        "HideDeleteAllButton": False,
        "Version": __version__,
        "User": request.state.user or "",
        "Mailbox": "" if scope.mailbox is None else scope.mailbox.name,
        "LoginRequired": authenticator.is_required,
        "LoggedIn": authenticator.find_session(request.scope) is not None,
        "RemoteContent": app_context.remote_content,
        "LinkCheck": app_context.link_checker is not None,
        "SMTP": _list_mail_addresses(app_context.server, None, "smtp", "lmtp"),
        "IMAP": _list_mail_addresses(app_context.server, "imap"),
        "POP3": _list_mail_addresses(app_context.server, "pop3"),
        "Extras": _list_extras(),
    }
    return json_response(configuration)


def _list_mail_addresses(server: MailServer, *protocols: str | None) -> list[MailAddress]:
    """Return the addresses of listeners with these protocols; None is the server's own."""
    addresses: list[MailAddress] = []
    for listener in server.listeners:
        if listener.listen.protocol not in protocols:
            continue
        host, port = listener.address if listener.path is None else (listener.path, 0)
        addresses.append({"Host": host, "Port": port, "TLS": server.get_tls_mode(listener).value})
    return addresses


def _list_extras() -> list[ExtraStatus]:
    return [
        {
            "Name": extra.name,
            "Purpose": extra.purpose,
            "Installed": extra.is_installed(),
            "InstallCommand": extra.install_command,
        }
        for extra in EXTRAS.values()
    ]


def _build_relay_info(relay: Relay | None, *, show_details: bool) -> MessageRelay:
    shown = relay if show_details else None
    allowed = "" if shown is None else shown.allowlist_pattern
    return {
        "Enabled": relay is not None,
        "SMTPServer": "" if shown is None else shown.server,
        "ReturnPath": "" if shown is None else shown.sender or "",
        "AllowedRecipients": allowed,
        "BlockedRecipients": "",
        "OverrideFrom": "",
        "PreserveMessageIDs": relay is not None,  # the content is sent unchanged
        "RecipientAllowlist": allowed,
    }

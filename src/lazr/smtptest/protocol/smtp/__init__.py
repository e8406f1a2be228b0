"""SMTP and LMTP (RFC 5321, RFC 2033) and their extensions, without I/O."""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.protocol.smtp.address import AddressGrammar
    from lazr.smtptest.protocol.smtp.auth import AcceptPolicy as AcceptPolicy
    from lazr.smtptest.protocol.smtp.auth import Auth
    from lazr.smtptest.protocol.smtp.command_log import Command
    from lazr.smtptest.protocol.smtp.commands import is_http_request_line
    from lazr.smtptest.protocol.smtp.data import MemorySink
    from lazr.smtptest.protocol.smtp.data import Sink as Sink
    from lazr.smtptest.protocol.smtp.events import (
        Bdat,
        Delivery,
        EndOfData,
        Event,
        Mail,
        Malformed,
        Rcpt,
        Rset,
        Unknown,
    )
    from lazr.smtptest.protocol.smtp.extensions import Extension
    from lazr.smtptest.protocol.smtp.findings import Finding
    from lazr.smtptest.protocol.smtp.leniency import Lenient
    from lazr.smtptest.protocol.smtp.limits import Limits
    from lazr.smtptest.protocol.smtp.reply import PENDING, CommandRefused, Pending, RawBytes, Reply
    from lazr.smtptest.protocol.smtp.sasl_exchange import (
        decode_base64,
        decode_response,
        discloses_initial_secret,
        start_exchange,
    )
    from lazr.smtptest.protocol.smtp.sasl_types import Credentials, Exchange
    from lazr.smtptest.protocol.smtp.saslprep import prepare_if_possible
    from lazr.smtptest.protocol.smtp.secret_masking import mask_secrets
    from lazr.smtptest.protocol.smtp.sequence_diagram import render_sessions_diagram
    from lazr.smtptest.protocol.smtp.server_settings import ServerSettings
    from lazr.smtptest.protocol.smtp.session import SmtpSession
    from lazr.smtptest.protocol.smtp.session_record import SessionRecord, TlsFacts
    from lazr.smtptest.protocol.smtp.tls_mode import TlsMode
    from lazr.smtptest.protocol.smtp.tls_upgrade import record_handshake
    from lazr.smtptest.protocol.smtp.transcript import EARLY_INPUT_NOTE, MAX_ENTRIES, Transcript
    from lazr.smtptest.protocol.smtp.waiting import Waiting

__all__ = [
    "EARLY_INPUT_NOTE",
    "MAX_ENTRIES",
    "PENDING",
    "AddressGrammar",
    "Auth",
    "Bdat",
    "Command",
    "CommandRefused",
    "Credentials",
    "Delivery",
    "EndOfData",
    "Event",
    "Exchange",
    "Extension",
    "Finding",
    "Lenient",
    "Limits",
    "Mail",
    "Malformed",
    "MemorySink",
    "Pending",
    "RawBytes",
    "Rcpt",
    "Reply",
    "Rset",
    "ServerSettings",
    "SessionRecord",
    "SmtpSession",
    "TlsFacts",
    "TlsMode",
    "Transcript",
    "Unknown",
    "Waiting",
    "decode_base64",
    "decode_response",
    "discloses_initial_secret",
    "is_http_request_line",
    "mask_secrets",
    "prepare_if_possible",
    "record_handshake",
    "render_sessions_diagram",
    "start_exchange",
]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "lazr.smtptest.protocol.smtp.address": ("AddressGrammar",),
        "lazr.smtptest.protocol.smtp.auth": ("Auth",),
        "lazr.smtptest.protocol.smtp.command_log": ("Command",),
        "lazr.smtptest.protocol.smtp.commands": ("is_http_request_line",),
        "lazr.smtptest.protocol.smtp.data": ("MemorySink",),
        "lazr.smtptest.protocol.smtp.events": (
            "Bdat",
            "Delivery",
            "EndOfData",
            "Event",
            "Exchange",
            "Mail",
            "Malformed",
            "Rcpt",
            "Rset",
            "Unknown",
        ),
        "lazr.smtptest.protocol.smtp.extensions": ("Extension",),
        "lazr.smtptest.protocol.smtp.findings": ("Finding",),
        "lazr.smtptest.protocol.smtp.leniency": ("Lenient",),
        "lazr.smtptest.protocol.smtp.limits": ("Limits",),
        "lazr.smtptest.protocol.smtp.reply": (
            "PENDING",
            "CommandRefused",
            "Pending",
            "RawBytes",
            "Reply",
        ),
        "lazr.smtptest.protocol.smtp.sasl_exchange": (
            "decode_base64",
            "decode_response",
            "discloses_initial_secret",
            "start_exchange",
        ),
        "lazr.smtptest.protocol.smtp.sasl_types": ("Credentials", "Exchange"),
        "lazr.smtptest.protocol.smtp.saslprep": ("prepare_if_possible",),
        "lazr.smtptest.protocol.smtp.secret_masking": ("mask_secrets",),
        "lazr.smtptest.protocol.smtp.sequence_diagram": ("render_sessions_diagram",),
        "lazr.smtptest.protocol.smtp.server_settings": ("ServerSettings",),
        "lazr.smtptest.protocol.smtp.session": ("SmtpSession",),
        "lazr.smtptest.protocol.smtp.session_record": (
            "SessionRecord",
            "TlsFacts",
        ),
        "lazr.smtptest.protocol.smtp.tls_mode": ("TlsMode",),
        "lazr.smtptest.protocol.smtp.tls_upgrade": ("record_handshake",),
        "lazr.smtptest.protocol.smtp.transcript": (
            "EARLY_INPUT_NOTE",
            "MAX_ENTRIES",
            "Transcript",
        ),
        "lazr.smtptest.protocol.smtp.waiting": ("Waiting",),
    },
)

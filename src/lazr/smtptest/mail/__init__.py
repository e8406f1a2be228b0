"""Received mails: the inbox that holds them, and the conditions that tests use.

The room knows messages and waiting; SMTP sessions and sockets are in `protocol` and `net`.
"""

from __future__ import annotations

from lazr.smtptest._util.lazy_exports import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lazr.smtptest.mail.attachment import Attachment
    from lazr.smtptest.mail.authenticator import Authenticator
    from lazr.smtptest.mail.compose import (
        AttachmentFile,
        build_address_field,
        build_text_field,
        compose_message,
        sniff_content_type,
    )
    from lazr.smtptest.mail.condition import Condition
    from lazr.smtptest.mail.content_signature import detect_content_type
    from lazr.smtptest.mail.criterion_mismatch import describe_values
    from lazr.smtptest.mail.envelope import Envelope
    from lazr.smtptest.mail.failure_report import (
        count_mails,
        explain_server,
        format_headline,
        format_mail,
        format_mails,
    )
    from lazr.smtptest.mail.headers import Field
    from lazr.smtptest.mail.html.sandbox import build_policy, disable_early_connections, replace_cid_urls
    from lazr.smtptest.mail.html.tokens import Tag, parse_attributes, resolve_references, tokenize
    from lazr.smtptest.mail.htmlcheck.measure import measure_features
    from lazr.smtptest.mail.htmlcheck.table import Feature, load_features, load_platforms
    from lazr.smtptest.mail.htmlcheck.worker import SCRIPT_SLUG, TESTED_SLUGS
    from lazr.smtptest.mail.inbox import Inbox
    from lazr.smtptest.mail.list_unsubscribe import read_unsubscribe_fields
    from lazr.smtptest.mail.mail import Mail
    from lazr.smtptest.mail.match import Match, build_predicate
    from lazr.smtptest.mail.mime import address, limits
    from lazr.smtptest.mail.mime.address import Address, Group, read_addresses, read_raw_addresses
    from lazr.smtptest.mail.mime.charset import decode_header_text
    from lazr.smtptest.mail.mime.defect import Defects
    from lazr.smtptest.mail.mime.header import read_block, unfold
    from lazr.smtptest.mail.mime.parameter import read_raw_parameters
    from lazr.smtptest.mail.mime.tree import Part, read_tree
    from lazr.smtptest.mail.review.finding import SEVERITIES, ReviewFinding
    from lazr.smtptest.mail.review.message_checks import check_message
    from lazr.smtptest.mail.review.review import Review
    from lazr.smtptest.mail.review.spam_rules import SPAM_THRESHOLD
    from lazr.smtptest.mail.review.table import REVIEW_RULES
    from lazr.smtptest.mail.stdlib_message import parse_compat32
    from lazr.smtptest.mail.structure import MessagePart
    from lazr.smtptest.mail.summary import format_summary

__all__ = [
    "REVIEW_RULES",
    "SCRIPT_SLUG",
    "SEVERITIES",
    "SPAM_THRESHOLD",
    "TESTED_SLUGS",
    "Address",
    "Attachment",
    "AttachmentFile",
    "Authenticator",
    "Condition",
    "Defects",
    "Envelope",
    "Feature",
    "Field",
    "Group",
    "Inbox",
    "Mail",
    "Match",
    "MessagePart",
    "Part",
    "Review",
    "ReviewFinding",
    "Tag",
    "address",
    "build_address_field",
    "build_policy",
    "build_predicate",
    "build_text_field",
    "check_message",
    "compose_message",
    "count_mails",
    "decode_header_text",
    "describe_values",
    "detect_content_type",
    "disable_early_connections",
    "explain_server",
    "format_headline",
    "format_mail",
    "format_mails",
    "format_summary",
    "limits",
    "load_features",
    "load_platforms",
    "measure_features",
    "parse_attributes",
    "parse_compat32",
    "read_addresses",
    "read_block",
    "read_raw_addresses",
    "read_raw_parameters",
    "read_tree",
    "read_unsubscribe_fields",
    "replace_cid_urls",
    "resolve_references",
    "sniff_content_type",
    "tokenize",
    "unfold",
]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "lazr.smtptest.mail.review.table": ("REVIEW_RULES",),
        "lazr.smtptest.mail.review.finding": (
            "ReviewFinding",
            "SEVERITIES",
        ),
        "lazr.smtptest.mail.review.spam_rules": ("SPAM_THRESHOLD",),
        "lazr.smtptest.mail.review.review": ("Review",),
        "lazr.smtptest.mail.review.message_checks": ("check_message",),
        "lazr.smtptest.mail.htmlcheck.worker": (
            "SCRIPT_SLUG",
            "TESTED_SLUGS",
        ),
        "lazr.smtptest.mail.htmlcheck.table": (
            "Feature",
            "load_features",
            "load_platforms",
        ),
        "lazr.smtptest.mail.htmlcheck.measure": ("measure_features",),
        "lazr.smtptest.mail.attachment": ("Attachment",),
        "lazr.smtptest.mail.authenticator": ("Authenticator",),
        "lazr.smtptest.mail.compose": (
            "AttachmentFile",
            "build_address_field",
            "build_text_field",
            "compose_message",
            "sniff_content_type",
        ),
        "lazr.smtptest.mail.condition": ("Condition",),
        "lazr.smtptest.mail.content_signature": ("detect_content_type",),
        "lazr.smtptest.mail.criterion_mismatch": ("describe_values",),
        "lazr.smtptest.mail.envelope": ("Envelope",),
        "lazr.smtptest.mail.failure_report": (
            "count_mails",
            "explain_server",
            "format_headline",
            "format_mail",
            "format_mails",
        ),
        "lazr.smtptest.mail.headers": ("Field",),
        "lazr.smtptest.mail.html.sandbox": ("build_policy", "disable_early_connections", "replace_cid_urls"),
        "lazr.smtptest.mail.html.tokens": (
            "Tag",
            "parse_attributes",
            "resolve_references",
            "tokenize",
        ),
        "lazr.smtptest.mail.inbox": ("Inbox",),
        "lazr.smtptest.mail.list_unsubscribe": ("read_unsubscribe_fields",),
        "lazr.smtptest.mail.mail": ("Mail",),
        "lazr.smtptest.mail.match": ("Match", "build_predicate"),
        "lazr.smtptest.mail.mime": (
            "address",
            "limits",
        ),
        "lazr.smtptest.mail.mime.address": (
            "Address",
            "Group",
            "read_addresses",
            "read_raw_addresses",
        ),
        "lazr.smtptest.mail.mime.charset": ("decode_header_text",),
        "lazr.smtptest.mail.mime.defect": ("Defects",),
        "lazr.smtptest.mail.mime.header": (
            "read_block",
            "unfold",
        ),
        "lazr.smtptest.mail.mime.parameter": ("read_raw_parameters",),
        "lazr.smtptest.mail.mime.tree": ("Part", "read_tree"),
        "lazr.smtptest.mail.stdlib_message": ("parse_compat32",),
        "lazr.smtptest.mail.structure": ("MessagePart",),
        "lazr.smtptest.mail.summary": ("format_summary",),
    },
)

"""Metrics for Prometheus, in its text format.

https://prometheus.io/docs/instrumenting/exposition_formats/ has the format.  Metrics without labels are three lines
each, so no library is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.responses import Response

from lazr.smtptest.web.api.access_scope import FullAccessDep
from lazr.smtptest.web.api.process_memory import get_resident_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazr.smtptest.web.app_context import AppContext

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["health"])

_METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_MAX_DIGITS_WITHOUT_EXPONENT = 6


@router.get("/metrics", responses={200: {"content": {"text/plain": {}}}})
def get_metrics(app_context: FullAccessDep) -> Response:
    """Return counters and gauges in Prometheus's text format."""
    text = "".join(_format_metric(*metric) for metric in _collect_metrics(app_context))
    return Response(text.encode(), headers={"content-type": _METRICS_CONTENT_TYPE})


def _collect_metrics(app_context: AppContext) -> Iterator[tuple[str, str, str, float]]:
    """Yield the type, name, description and current value of each metric."""
    totals, counts = app_context.store.get_totals(), app_context.server.sessions.counts
    gauges = (
        ("mails", "Mails in the store", totals.mails),
        ("mails_unread", "Unread mails in the store", totals.unread),
        ("mails_bytes", "Size of the content of all mails in the store", totals.size),
        ("store_bytes", "Disk space or memory that the store uses", app_context.store.get_disk_usage()),
        ("sessions_live", "Open SMTP sessions", counts["live"]),
        ("memory_bytes", "Resident memory of the process", get_resident_bytes()),
        ("uptime_seconds", "Seconds since the start", app_context.uptime_seconds),
    )
    counters = (
        ("connections", "SMTP connections", counts["connections"]),
        ("mails_accepted", "Mails accepted over SMTP", counts["mails"]),
        ("mails_accepted_bytes", "Size of the content of mails accepted over SMTP", counts["octets"]),
        ("refusals", "SMTP replies with a 4yz or 5yz code", counts["refusals"]),
        ("mails_deleted", "Mails deleted over HTTP", app_context.deleted_count),
    )
    for name, description, value in gauges:
        yield "gauge", f"smtptest_{name}", description, value
    for name, description, value in counters:
        yield "counter", f"smtptest_{name}_total", description, value


def _format_metric(kind: str, name: str, description: str, value: float) -> str:
    r"""Return the three lines of a metric without labels.

    Args:
        kind: "gauge" or "counter".
        name: the full name; that of a counter ends in "_total".
        description: one line without backslashes, which the format would need to escape.
        value: the current value, finite and at least 0.

    >>> _format_metric("gauge", "smtptest_mails", "Mails", 2)
    '# HELP smtptest_mails Mails\n# TYPE smtptest_mails gauge\nsmtptest_mails 2.0\n'
    """
    return f"# HELP {name} {description}\n# TYPE {name} {kind}\n{name} {_format_value(value)}\n"


def _format_value(value: float) -> str:
    """Return a number as Go writes it: from a million on, it has an exponent.

    >>> _format_value(999_999), _format_value(1_250_000)
    ('999999.0', '1.25e+06')
    """
    text = repr(float(value))
    whole, _, fraction = text.partition(".")
    if len(whole) <= _MAX_DIGITS_WITHOUT_EXPONENT:
        return text
    digits = (whole + fraction).rstrip("0")
    mantissa = f"{digits[0]}.{digits[1:]}".removesuffix(".")
    return f"{mantissa}e+{len(whole) - 1:02d}"

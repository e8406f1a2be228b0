"""Whether this server is well: for what starts and watches it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.responses import Response

from lazr.smtptest.errors import StoreError
from lazr.smtptest.web.answers import text
from lazr.smtptest.web.info import memory
from lazr.smtptest.web.scope import Whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.core import Metric

    from lazr.smtptest.web.catcher import Catcher

__all__ = ["probes", "router"]

probes: APIRouter = APIRouter(tags=["health"])
"""What is asked without credentials, and tells next to nothing."""

router: APIRouter = APIRouter(tags=["health"])

_METRICS = "text/plain; version=0.0.4; charset=utf-8"


@probes.get("/livez")
def is_alive() -> Response:
    """The process answers."""
    return text("")


@probes.get("/readyz", responses={503: {"description": "It cannot receive mail now"}})
def is_ready(request: Request) -> Response:
    """Mail can come in, and be kept."""
    catcher = request.app.state.catcher
    try:
        catcher.store.recall("readyz")  # which raises where nobody answers
        ready = catcher.server.running and catcher.store.has_room(0)
    except StoreError:
        ready = False
    return text("") if ready else text("Service Unavailable\n", 503)


@router.get("/metrics", responses={200: {"content": {"text/plain": {}}}})
def get_metrics(catcher: Whole) -> Response:
    """The numbers, for Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Numbers(catcher))
    return Response(generate_latest(registry), headers={"content-type": _METRICS})


class _Numbers(Collector):
    """The numbers of now."""

    def __init__(self, catcher: Catcher) -> None:
        self._catcher = catcher

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        catcher = self._catcher
        totals, counts = catcher.store.totals(), catcher.server.sessions.counts
        gauges = (
            ("mails", "Mails in the store", totals.mails),
            ("mails_unread", "Mails in the store that nobody has read", totals.unread),
            ("mails_bytes", "Octets of content in the store", totals.size),
            ("store_bytes", "Octets that the store takes", catcher.store.size_on_disk()),
            ("sessions_live", "SMTP sessions that go on", counts["live"]),
            ("memory_bytes", "Octets of memory that the process has", memory()),
            ("uptime_seconds", "Seconds since the start", catcher.uptime),
        )
        counters = (
            ("connections", "SMTP connections", counts["connections"]),
            ("mails_accepted", "Mails accepted by SMTP", counts["mails"]),
            ("mails_accepted_bytes", "Octets of content of mails accepted by SMTP", counts["octets"]),
            ("refusals", "SMTP replies that were refusals", counts["refusals"]),
            ("mails_deleted", "Mails deleted over HTTP", catcher.deleted),
        )
        for name, what, value in gauges:
            yield GaugeMetricFamily(f"smtptest_{name}", what, value)
        for name, what, value in counters:
            yield CounterMetricFamily(f"smtptest_{name}", what, value)

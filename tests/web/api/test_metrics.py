"""Metrics for Prometheus."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from lazr.smtptest.web.api.metrics import _format_metric


def test_metrics_have_prometheus_format(rest_api):
    rest_api.add_mail()
    response = rest_api.http.get("/metrics")
    samples = {
        sample.name: sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }

    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert (samples["smtptest_mails"], samples["smtptest_mails_unread"]) == (1, 1)
    assert samples["smtptest_mails_bytes"] == rest_api.store.get_totals().size
    assert samples["smtptest_mails_accepted_total"] == 0 and samples["smtptest_memory_bytes"] > 0


@pytest.mark.parametrize(
    "value",
    [0, 1, 0.1, 1.5, 1e-7, 1 / 3, 999_999, 999_999.5, 1_000_000, 1_234_567.25, 1e15, 2**53, 1e16, 1.5e16, 1e22, 1e100],
)
def test_metric_has_the_bytes_of_the_client_library(value):
    registry = CollectorRegistry()
    Gauge("smtptest_mails", "Mails in the store", registry=registry).set(value)

    expected = generate_latest(registry).decode()
    assert _format_metric("gauge", "smtptest_mails", "Mails in the store", value) == expected


def test_counter_has_the_bytes_of_the_client_library():
    registry = CollectorRegistry()
    counter = Counter("smtptest_mails_accepted", "Mails accepted over SMTP", registry=registry)
    counter.inc(2_500_000)

    expected = generate_latest(registry).decode().partition("# HELP smtptest_mails_accepted_created")[0]
    metric = ("counter", "smtptest_mails_accepted_total", "Mails accepted over SMTP", 2_500_000)
    assert _format_metric(*metric) == expected

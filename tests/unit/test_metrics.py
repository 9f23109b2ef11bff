"""What is counted comes out in Prometheus's format, and nothing is counted twice or lost."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from disparo import metrics


@pytest.fixture(autouse=True)
def _nothing_counted():
    kept = metrics.take()
    yield
    metrics.take()
    metrics.give_back(kept)


def samples(sums):
    text = metrics.exposition(metrics.as_metrics(sums)).decode()
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_counter():
    metrics.VERDICTS.count("accepted")
    metrics.VERDICTS.count("accepted", by=2)
    found = samples(metrics.take())
    assert found["disparo_accept_verdicts_total", ("verdict", "accepted")] == 3


def test_buckets_are_cumulative_and_end_in_all():
    for seconds in (0.001, 0.002, 0.3, 60.0):
        metrics.LATENCY.observe(seconds, "/saude")
    found = samples(metrics.take())

    def bucket(bound):
        return found["disparo_http_seconds_bucket", ("le", bound), ("route", "/saude")]

    assert [bucket(bound) for bound in ("0.002", "0.2", "0.5", "10.0", "+Inf")] == [2, 2, 3, 3, 4]
    assert found["disparo_http_seconds_count", ("route", "/saude")] == 4
    assert found["disparo_http_seconds_sum", ("route", "/saude")] == pytest.approx(60.303)


def test_what_is_counted_of_one_is_not_counted_of_another():
    metrics.LATENCY.observe(0.001, "/saude")
    metrics.LATENCY.observe(3.0, "/metrics")
    found = samples(metrics.take())
    for route, quick in (("/saude", 1), ("/metrics", 0)):
        assert found["disparo_http_seconds_bucket", ("le", "0.5"), ("route", route)] == quick
        assert found["disparo_http_seconds_count", ("route", route)] == 1


def test_what_is_taken_is_taken_once_and_may_be_given_back():
    metrics.VERDICTS.count("nobody")
    sums = metrics.take()
    assert metrics.take() == {}
    metrics.VERDICTS.count("nobody")
    metrics.give_back(sums)
    assert list(metrics.take().values()) == [2]


def test_bounds_of_an_earlier_version_still_count():
    name = metrics.LATENCY.name
    sums = {(f"{name}_bucket", "/x\x1f0.03"): 5.0, (f"{name}_sum", "/x"): 0.1}
    found = samples(sums)
    assert found[f"{name}_bucket", ("le", "0.02"), ("route", "/x")] == 0
    assert found[f"{name}_bucket", ("le", "0.05"), ("route", "/x")] == 5
    assert found[f"{name}_count", ("route", "/x")] == 5

"""What is counted for Prometheus; names and labels are English, no label holds a person's data.

Servers and workers are many processes, and one of them is asked. So each adds up here, in memory, what it
has seen, and every few seconds folds that into one table (`dispatch/figures.py`), from which any server
answers for the whole installation: docs/decisions/0011.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

#: (row's name, labels joined by _SEPARATOR) -> sum since it was last folded.
Sums = dict[tuple[str, str], float]

_SEPARATOR = "\x1f"
_INFINITE = "+Inf"
#: Of this process alone, like its log: whoever counts needs no way to a registry.
_pending: defaultdict[tuple[str, str], float] = defaultdict(float)
#: What is counted while a large call of a platform is read is counted in a thread.
_lock = Lock()


@dataclass(frozen=True, slots=True)
class Counter:
    """Only grows; Prometheus sees it as `name`_total."""

    name: str
    text: str
    labels: tuple[str, ...]

    def count(self, *values: str, by: float = 1) -> None:
        """Add to one of its series."""
        with _lock:
            _pending[self.name, _SEPARATOR.join(values)] += by


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Seconds, sorted into buckets by their upper bounds."""

    name: str
    text: str
    labels: tuple[str, ...]
    bounds: tuple[float, ...]

    def observe(self, seconds: float, *values: str) -> None:
        """Add one measurement to one of its series."""
        buckets, total = _rows_of(self, values)
        _pending[buckets[bisect_left(self.bounds, seconds)]] += 1
        _pending[total] += max(0.0, seconds)


@lru_cache(maxsize=1024)
def _rows_of(histogram: Histogram, values: tuple[str, ...]) -> tuple[list[tuple[str, str]], tuple[str, str]]:
    """Name the rows of a series: of its buckets, and of its sum."""
    bounds = [*map(repr, histogram.bounds), _INFINITE]
    buckets = [(f"{histogram.name}_bucket", _SEPARATOR.join((*values, bound))) for bound in bounds]
    return buckets, (f"{histogram.name}_sum", _SEPARATOR.join(values))


_QUICK = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_WAITS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0)

REQUESTS: Final = Counter("disparo_http_requests", "Requests answered.", ("route", "method", "status"))
LATENCY: Final = Histogram("disparo_http_seconds", "Time to answer.", ("route",), _QUICK)
VERDICTS: Final = Counter("disparo_accept_verdicts", "Calls of enviar_sms by verdict.", ("verdict",))
HANDOVERS: Final = Counter("disparo_handovers", "Hand-overs recorded.", ("platform", "outcome", "failure"))
HANDOVER_SECONDS: Final = Histogram(
    "disparo_handover_seconds", "Time a platform took to answer.", ("platform",), (*_QUICK, 30.0)
)
ACCEPT_TO_PLATFORM: Final = Histogram(
    "disparo_accept_to_platform_seconds", "From the 200 until a platform took it.", ("platform",), _WAITS
)
DUE_TO_PLATFORM: Final = Histogram(
    "disparo_due_to_platform_seconds",
    "From the moment it might go until a platform took it.",
    ("platform",),
    _WAITS,
)
ACCEPT_TO_HANDSET: Final = Histogram(
    "disparo_accept_to_handset_seconds", "From the 200 until the handset's receipt.", ("platform",), _WAITS
)
RECEIPTS: Final = Counter("disparo_receipts", "Receipts stored, by class.", ("platform", "kind", "failure"))
RECEIPTS_APPLIED: Final = Counter(
    "disparo_receipts_applied", "Receipts that found their message, by effect.", ("platform", "result")
)
INBOUND: Final = Counter("disparo_inbound_texts", "Texts from customers.", ("platform",))
UNKNOWN_CODES: Final = Counter(
    "disparo_platform_unknown_codes", "Codes of platforms that no table knows.", ("platform", "where")
)
COUNTERS: Final = (REQUESTS, VERDICTS, HANDOVERS, RECEIPTS, RECEIPTS_APPLIED, INBOUND, UNKNOWN_CODES)
HISTOGRAMS: Final = (LATENCY, HANDOVER_SECONDS, ACCEPT_TO_PLATFORM, DUE_TO_PLATFORM, ACCEPT_TO_HANDSET)


def take() -> Sums:
    """Take what has been counted since the last time."""
    with _lock:
        taken = dict(_pending)
        _pending.clear()
    return taken


def give_back(sums: Sums) -> None:
    """Count what was taken and could not be written down."""
    for key, value in sums.items():
        _pending[key] += value


def as_metrics(sums: Mapping[tuple[str, str], float]) -> list[Metric]:
    """Shape the installation's sums as the families above; sums of names unknown here are left out."""
    series: defaultdict[str, dict[tuple[str, ...], float]] = defaultdict(dict)
    for (name, labels), value in sums.items():
        series[name][tuple(labels.split(_SEPARATOR))] = value
    return [
        *(_counter(family, series[family.name]) for family in COUNTERS),
        *(
            _histogram(family, series[family.name + "_bucket"], series[family.name + "_sum"])
            for family in HISTOGRAMS
        ),
    ]


def _counter(family: Counter, series: Mapping[tuple[str, ...], float]) -> Metric:
    metric = CounterMetricFamily(family.name, family.text, labels=family.labels)
    for values, total in sorted(series.items()):
        metric.add_metric(values, total)
    return metric


def _histogram(
    family: Histogram, buckets: Mapping[tuple[str, ...], float], totals: Mapping[tuple[str, ...], float]
) -> Metric:
    metric = HistogramMetricFamily(family.name, family.text, labels=family.labels)
    for values, total in sorted(totals.items()):
        # Bounds of an earlier version that are still in the table count too.
        stored = {bound: count for (*key, bound), count in buckets.items() if tuple(key) == values}
        bounds = sorted({*map(repr, family.bounds), *stored} - {_INFINITE}, key=float)
        seen, cumulative = 0.0, []
        for bound in [*bounds, _INFINITE]:
            seen += stored.get(bound, 0.0)
            cumulative.append((bound, seen))
        metric.add_metric(values, cumulative, total)
    return metric


class _Given(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def exposition(metrics: Iterable[Metric]) -> bytes:
    """Give Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(_Given(metrics))
    return generate_latest(registry)

"""What Prometheus reads of a server process; names and labels are English, no label holds a person's data."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """One registry for each process: tests may make as many as they like."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "disparo_http_requests",
            "Requests answered.",
            ["route", "method", "status"],
            registry=self._registry,
        )
        self.latency = Histogram(
            "disparo_http_seconds", "Time to answer.", ["route"], buckets=_BUCKETS, registry=self._registry
        )
        self.verdicts = Counter(
            "disparo_accept_verdicts", "Calls of enviar_sms by verdict.", ["verdict"], registry=self._registry
        )
        self.receipts = Counter(
            "disparo_receipts", "Receipts taken, by platform.", ["platform"], registry=self._registry
        )
        self.inbound = Counter(
            "disparo_inbound_texts",
            "Texts from customers, by platform.",
            ["platform"],
            registry=self._registry,
        )
        self.unknown_codes = Gauge(
            "disparo_platform_unknown_codes",
            "Codes of platforms that no table knows, since this process began.",
            ["platform", "where"],
            registry=self._registry,
        )
        self.messages = Gauge(
            "disparo_messages", "Messages that wait or need a person.", ["status"], registry=self._registry
        )
        self.workers = Gauge("disparo_workers", "Workers that are registered.", registry=self._registry)

    def text(self) -> bytes:
        """Give the exposition format."""
        return generate_latest(self._registry)

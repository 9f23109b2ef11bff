"""Builds the page of /metrics: sums of the installation, and what its tables hold at this moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric

from disparo import __version__
from disparo.api.services import Services
from disparo.db import figures, installation, platform_states, sync_states, workers
from disparo.db.pool import Connection
from disparo.metrics import as_metrics, exposition
from disparo.platforms.base import Platform
from disparo.sources.build import live_sources

#: Of each: its labels' values, and its own.
Samples = Iterable[tuple[Sequence[str], float]]


async def page(services: Services) -> bytes:
    """Read all figures over one connection, each by an index."""
    async with services.pool.acquire() as connection:
        sums = await figures.read_sums(connection)
        gauges = [
            *await _workers(connection, services),
            *await _messages(connection, services),
            *await _platforms(connection, services),
            *await _troubles(connection, services),
        ]
    return exposition([*as_metrics(sums), *gauges])


def _gauge(name: str, text: str, labels: Sequence[str], samples: Samples) -> Metric:
    metric = GaugeMetricFamily(f"disparo_{name}", text, labels=list(labels))
    for values, value in samples:
        metric.add_metric(list(values), value)
    return metric


async def _workers(connection: Connection, services: Services) -> list[Metric]:
    registered = len(await workers.list_beats(connection))
    return [
        _gauge("build_info", "Version of the answering server.", ["version"], [([__version__], 1)]),
        _gauge("workers", "Workers that are registered.", [], [([], registered)]),
        _gauge("workers_beating", "Workers that were seen to beat.", [], [([], services.heartbeats.alive)]),
    ]


async def _messages(connection: Connection, services: Services) -> list[Metric]:
    few = await figures.count_few(connection)
    queues = [
        ((row["queue"], row["kind"]), row["total"], row["due"], row["oldest_s"])
        for row in await services.queued.get(connection)
    ] or [((services.settings.queue, "single"), 0, 0, 0.0)]
    waiting = sum(total for _, total, _, _ in queues)
    labels = ["queue", "kind"]
    return [
        _gauge(
            "messages",
            "Messages that wait, are in work or need a person.",
            ["status"],
            [([status], count) for status, count in {"queued": waiting, **few}.items()],
        ),
        _gauge("queue_messages", "Messages that wait.", labels, [(q, total) for q, total, _, _ in queues]),
        _gauge("queue_due_messages", "... and may go now.", labels, [(q, due) for q, _, due, _ in queues]),
        _gauge(
            "queue_oldest_due_seconds",
            "How long the oldest message that may go has been waiting for it.",
            labels,
            [(q, oldest_s) for q, _, _, oldest_s in queues],
        ),
    ]


async def _platforms(connection: Connection, services: Services) -> list[Metric]:
    names = list(services.platforms)
    states = await platform_states.read(connection)
    in_flight = await figures.in_flight(connection)
    used = await figures.day_used(connection)
    count = max(1, services.heartbeats.alive)
    return [
        _gauge(
            "platform_open",
            "1: the breaker stopped it.",
            ["platform"],
            [([name], float(name in states and states[name]["open_reason"] is not None)) for name in names],
        ),
        _gauge(
            "platform_paused",
            "1: a person paused it.",
            ["platform"],
            [([name], float(name in states and states[name]["paused_by"] is not None)) for name in names],
        ),
        _gauge(
            "platform_limit",
            "What is allowed: hand-overs a second, a day, in flight.",
            ["platform", "limit"],
            [
                ([name, limit], allowed)
                for name, platform in services.platforms.items()
                for limit, allowed in _limits(platform, workers=count)
            ],
        ),
        _gauge(
            "platform_used",
            "What is used of it now; of a second's share see the rate of disparo_handovers_total.",
            ["platform", "limit"],
            [([name, "window"], in_flight.get(name, 0)) for name in names]
            + [([name, "per_day"], used.get(name, 0)) for name in names],
        ),
    ]


def _limits(platform: Platform, *, workers: int) -> list[tuple[str, float]]:
    able = platform.capabilities
    found = {
        "per_second": able.per_second,
        "per_day": able.per_day,
        "window": able.window * workers if able.shared_window is None else able.shared_window,
    }
    return [(limit, float(allowed)) for limit, allowed in found.items() if allowed is not None]


async def _troubles(connection: Connection, services: Services) -> list[Metric]:
    # Of a source that the settings have no more, the last pass would lack what it lacked for ever.
    lacking = await sync_states.read_lacking(connection, of=live_sources(services.settings))
    alerts = await figures.count_alerts(connection)
    return [
        _gauge("alerts", "What goes on now, by kind and subject.", ["kind", "subject"], list(alerts.items())),
        _gauge(
            "receipts_waiting",
            "Receipts whose message is not found yet.",
            [],
            [([], await figures.count_waiting_receipts(connection))],
        ),
        _gauge(
            "sync_rows_missing",
            "Rows of a live source that its last sync could not bring, or that it counts and did not list.",
            ["source"],
            [([source], count) for source, count in lacking.items()],
        ),
        _gauge(
            "installation_held",
            "1: everything is held after a restore.",
            [],
            [([], float(await installation.is_held(connection)))],
        ),
    ]

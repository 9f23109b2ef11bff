"""Figures of /metrics and of health: folded sums, and counts that partial indexes answer quickly."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from disparo.db.pool import Connection, sql


async def fold(connection: Connection, sums: Mapping[tuple[str, str], float]) -> None:
    """Add sums to the installation's; several processes at once lock rows in the same order."""
    keys = sorted(sums)
    await connection.execute(
        """INSERT INTO metric_sums AS m (name, labels, value)
           SELECT * FROM unnest($1::text[], $2::text[], $3::double precision[])
           ON CONFLICT (name, labels) DO UPDATE SET value = m.value + excluded.value""",
        [name for name, _ in keys],
        [labels for _, labels in keys],
        [sums[key] for key in keys],
    )


async def read_sums(connection: Connection) -> dict[tuple[str, str], float]:
    """Give the installation's sums."""
    rows = await connection.fetch("SELECT name, labels, value FROM metric_sums")
    return {(row["name"], row["labels"]): row["value"] for row in rows}


async def count_few(connection: Connection) -> dict[str, int]:
    """Count messages that are under way or need a person, by status; 0 where there is none."""
    # One look-up by a partial index each: asked for as a list, PostgreSQL would read the whole table.
    row = await connection.fetchrow(
        """SELECT (SELECT count(*) FROM messages_in_hand WHERE status = 'claimed') AS claimed,
                  (SELECT count(*) FROM messages_in_hand WHERE status = 'sending') AS sending,
                  (SELECT count(*) FROM messages WHERE trouble = 'uncertain') AS uncertain,
                  (SELECT count(*) FROM messages WHERE trouble = 'held') AS held"""
    )
    return {} if row is None else dict(row)


async def count_queued(connection: Connection) -> list[asyncpg.Record]:
    """Count waiting messages by queue and kind: total, due, oldest_s (count_queued.sql).

    Reads the row of every waiting message: see `Costly` for how often that may be.
    """
    return await connection.fetch(sql("count_queued"))


async def in_flight(connection: Connection) -> dict[str, int]:
    """Count hand-overs that are started and not recorded, by platform."""
    rows = await connection.fetch(
        "SELECT platform, count(*) AS total FROM messages_in_hand WHERE status = 'sending' GROUP BY platform"
    )
    return {row["platform"]: row["total"] for row in rows}


async def day_used(connection: Connection) -> dict[str, int]:
    """Give the hand-overs of the last 24 hours by platform, where they are limited; see take_slots.sql."""
    rows = await connection.fetch(
        """SELECT platform, sum(used)::bigint AS used FROM platform_day_use
           WHERE bucket > now() - interval '24 h 10 min' GROUP BY platform"""
    )
    return {row["platform"]: row["used"] for row in rows}


async def count_waiting_receipts(connection: Connection) -> int:
    """Count receipts that have not found their message."""
    total: int = await connection.fetchval(
        "SELECT count(*) FROM receipts WHERE applied_at IS NULL AND attempt_id IS NULL"
    )
    return total


async def count_alerts(connection: Connection) -> dict[tuple[str, str], int]:
    """Count live alerts, by kind and subject."""
    rows = await connection.fetch(
        "SELECT kind, subject, count(*) AS total FROM alerts WHERE cleared_at IS NULL GROUP BY kind, subject"
    )
    return {(row["kind"], row["subject"]): row["total"] for row in rows}

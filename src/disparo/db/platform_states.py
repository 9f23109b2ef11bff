"""Whether each platform works, and whether a person paused it: one row each, read by all workers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import Enum

import asyncpg

from disparo.db import alerts
from disparo.db.pool import Connection


async def read(connection: Connection) -> dict[str, asyncpg.Record]:
    """Give every known state by platform: paused_by, paused_at, open_reason, opened_at, probe_in_s."""
    rows = await connection.fetch(
        """SELECT platform, paused_by, paused_at, open_reason, opened_at,
                  extract(epoch FROM probe_at - now())::float8 AS probe_in_s
           FROM platform_states"""
    )
    return {row["platform"]: row for row in rows}


def is_probe_due(state: asyncpg.Record, *, longest_pause_s: float, since_s: float = 0.0) -> bool:
    """Tell whether a stopped platform may be tried, for `since_s` at least; by a state that `read` gave.

    See `take_probe`.
    """
    in_s: float | None = state["probe_in_s"]
    return in_s is not None and not -since_s < in_s <= 2 * longest_pause_s


async def open_all(connection: Connection, reasons: Mapping[str, str]) -> None:
    """Stop platforms, by name the reason; one that is stopped already keeps its first reason."""
    for platform, reason in sorted(reasons.items()):
        opened = await connection.fetchval(
            """INSERT INTO platform_states AS s (platform, open_reason, opened_at, probe_at, probes)
               VALUES ($1, $2, now(), now() + interval '1 s', 0)
               ON CONFLICT (platform) DO UPDATE
               SET open_reason = excluded.open_reason, opened_at = excluded.opened_at,
                   probe_at = excluded.probe_at, probes = 0
               WHERE s.open_reason IS NULL
               RETURNING true""",
            platform,
            reason,
        )
        if opened:
            await alerts.raise_(connection, alerts.PLATFORM_OPEN, platform, detail=reason)


async def renew_all(connection: Connection, reasons: Mapping[str, str]) -> None:
    """Give stopped platforms, by name, the reason for which they fail by now."""
    for platform, reason in sorted(reasons.items()):
        is_open = await connection.fetchval(
            """UPDATE platform_states SET open_reason = $2
               WHERE platform = $1 AND open_reason IS NOT NULL RETURNING true""",
            platform,
            reason,
        )
        if is_open:
            await alerts.raise_or_renew(connection, alerts.PLATFORM_OPEN, platform, detail=reason)


async def tell_of_open(connection: Connection, platforms: Collection[str]) -> None:
    """Begin the alerts of those that are stopped: one ends where by the settings nobody used the platform.

    Whoever closes one meanwhile waits for this, and ends its alert.
    """
    await connection.execute(
        """INSERT INTO alerts (kind, subject, detail)
           SELECT $2, s.platform, s.open_reason
           FROM (SELECT platform, open_reason FROM platform_states
                 WHERE platform = ANY($1::text[]) AND open_reason IS NOT NULL
                 ORDER BY platform FOR UPDATE) s
           ON CONFLICT (kind, subject) WHERE cleared_at IS NULL DO NOTHING""",
        list(platforms),
        alerts.PLATFORM_OPEN,
    )


async def take_probe(
    connection: Connection, platform: str, *, pause_s: float, longest_pause_s: float
) -> bool:
    """Take the right to try one message on a stopped platform; only one worker gets it.

    The next may be tried after 1, 2, 4 ... s and then every `pause_s`. A moment further ahead than twice the
    longest pause that anybody may have set is of a clock that was set back, and has come too.
    """
    taken = await connection.fetchval(
        """UPDATE platform_states
           SET probes = probes + 1,
               probe_at = now() + make_interval(secs => least($2::float8, 2.0 ^ least(probes, 10)))
           WHERE platform = $1 AND open_reason IS NOT NULL
             AND (probe_at <= now() OR probe_at > now() + make_interval(secs => 2 * $3::float8))
           RETURNING true""",
        platform,
        pause_s,
        longest_pause_s,
    )
    return taken is not None


async def close_all(connection: Connection, platforms: Sequence[str]) -> None:
    """Use stopped platforms again."""
    for platform in sorted(platforms):
        await connection.execute(
            "UPDATE platform_states SET open_reason = NULL WHERE platform = $1 AND open_reason IS NOT NULL",
            platform,
        )
        await alerts.clear(connection, alerts.PLATFORM_OPEN, platform)


async def pause(connection: Connection, platform: str, *, actor: str) -> None:
    """Stop using a platform until a person says otherwise."""
    await connection.execute(
        """INSERT INTO platform_states (platform, paused_by, paused_at) VALUES ($1, $2, now())
           ON CONFLICT (platform) DO UPDATE SET paused_by = excluded.paused_by, paused_at = excluded.paused_at
           WHERE platform_states.paused_by IS NULL""",
        platform,
        actor,
    )


class Resumed(Enum):
    """What the resuming of a platform comes to."""

    WAS_IN_USE = "was in use"
    IN_USE = "in use"
    TRIED = "tried"  # it fails: the next message tells whether it is used again


async def resume(connection: Connection, platform: str) -> Resumed:
    """End a pause, and try a stopped platform at once."""
    is_open = await connection.fetchval(
        """UPDATE platform_states SET paused_by = NULL, paused_at = NULL, probe_at = now(), probes = 0
           WHERE platform = $1 AND (paused_by IS NOT NULL OR open_reason IS NOT NULL)
           RETURNING open_reason IS NOT NULL""",
        platform,
    )
    if is_open is None:
        return Resumed.WAS_IN_USE
    return Resumed.TRIED if is_open else Resumed.IN_USE

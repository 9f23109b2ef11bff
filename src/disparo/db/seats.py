"""Which workers have a connection to which platforms, where platforms want one: rows of `platform_lanes`.

They go with the worker's row: a dead worker's are gone once it is taken over.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import asyncpg

from disparo.db.pool import Connection

#: Beside the rows with the places of a window, which bear the bare name of the platform.
_MARK = "bind:"


async def keep(connection: Connection, worker_id: UUID, platforms: Collection[str]) -> bool:
    """Note that a worker has a connection to these and no others; False where it was taken over."""
    marked = [_MARK + name for name in sorted(platforms)]
    try:
        await connection.execute(
            """INSERT INTO platform_lanes (platform, worker_id, wants, holds)
               SELECT name, $1, 0, 0 FROM unnest($2::text[]) AS t (name) ON CONFLICT DO NOTHING""",
            worker_id,
            marked,
        )
    except asyncpg.ForeignKeyViolationError:
        return False
    await connection.execute(
        """DELETE FROM platform_lanes
           WHERE worker_id = $1 AND starts_with(platform, $2) AND platform <> ALL ($3::text[])""",
        worker_id,
        _MARK,
        marked,
    )
    return True


async def of_others(connection: Connection, worker_id: UUID) -> set[str]:
    """Give the platforms to which another worker has a connection."""
    rows = await connection.fetch(
        "SELECT DISTINCT platform FROM platform_lanes WHERE worker_id <> $1 AND starts_with(platform, $2)",
        worker_id,
        _MARK,
    )
    return {row["platform"].removeprefix(_MARK) for row in rows}

"""What workers do for tables that turn over all the time."""

from __future__ import annotations

import pytest

from disparo import queue
from disparo.dispatch import sweep

pytestmark = pytest.mark.anyio


async def test_small_tables_are_vacuumed_by_the_workers(connection, pool):
    await sweep.vacuum_queue(pool)
    rows = await connection.fetch("SELECT relname FROM pg_stat_user_tables WHERE last_vacuum IS NOT NULL")
    assert {queue.table(), "claims", "workers", "platform_rates"} <= {row["relname"] for row in rows}

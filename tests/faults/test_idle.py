"""A worker that takes nothing is named, and no other."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

import asyncpg
import pytest
from tests.faults.idle import idle_workers
from tests.support.stage import Stage


@pytest.mark.slow
def test_who_takes_nothing_is_named(new_database):
    assert asyncio.run(_judged(new_database())) == ["worker0"]


async def _judged(dsn: str) -> list[str]:
    folder = Path(tempfile.mkdtemp(prefix="disparo-idle-"))
    async with Stage(dsn, folder, workers_count=2, latency_ms=0) as stage:
        connection = await asyncpg.connect(dsn)
        stage.workers[0].kill()
        try:
            return await idle_workers(stage, connection, patience_s=2.5)
        finally:
            await connection.close()
            shutil.rmtree(folder, ignore_errors=True)

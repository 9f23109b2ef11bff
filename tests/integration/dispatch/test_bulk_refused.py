"""A part of a bulk run that the database refuses: the rest goes, and somebody is told."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from tests.support import bulk, rows
from tests.support.lines import lines_of

from disparo.db import alerts, bulk_slices
from disparo.dispatch import bulk_queue
from disparo.dispatch.alarms import Alarms
from disparo.dispatch.bulk_control import cancel_run
from disparo.dispatch.bulk_queue import queue_some

pytestmark = pytest.mark.anyio


async def live(connection):
    return [(row["kind"], row["subject"]) for row in await alerts.live(connection)]


@pytest.mark.parametrize("end", ["mended", "cancelled"])
async def test_people_are_told_of_a_part_that_is_refused_until_it_is_not(pool, connection, monkeypatch, end):
    monkeypatch.setattr("disparo.dispatch.bulk_queue.SLICE", 2)
    monkeypatch.setattr(bulk_slices, "SLICE", 2)
    await rows.add_invoices(connection, 6)
    await connection.execute("ALTER TABLE messages ADD CONSTRAINT refused CHECK (invoice_id <> 3) NOT VALID")
    dispatch_id = await bulk.store(pool)
    with lines_of(bulk_queue) as said:
        for _ in range(12):
            await queue_some(pool, bulk.RULES)
    assert [line["event"] for line in said] == ["slice_refused"]
    alarms = Alarms(pool, zone=ZoneInfo("America/Sao_Paulo"))
    await alarms.look({})
    assert await connection.fetchval("SELECT count(*) FROM messages") == 4
    assert await live(connection) == [("run_refused", str(dispatch_id))]
    if end == "mended":
        await connection.execute("ALTER TABLE messages DROP CONSTRAINT refused")
        await bulk.queue_all(pool)
        assert await connection.fetchval("SELECT count(*) FROM messages") == 6
    else:
        await cancel_run(pool, dispatch_id, actor="test")
        await connection.execute("ALTER TABLE messages DROP CONSTRAINT refused")
    await alarms.look({})
    assert await live(connection) == []

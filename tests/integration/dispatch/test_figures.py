"""Sums of many processes in one table, and counts that stay cheap."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from tests.support import rows

from disparo import metrics
from disparo.db import figures as table
from disparo.db.pool import open_pool
from disparo.dispatch import figures

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _nothing_counted():
    metrics.take()


async def test_many_processes_add_up(pool, connection):
    sums = {("disparo_handovers", f"p{number}\x1faccepted\x1f"): 1.0 for number in range(20)}

    async def fold(keys):
        async with pool.acquire() as own:
            for _ in range(10):
                await table.fold(own, {key: sums[key] for key in keys})

    await asyncio.gather(*(fold(list(sums)[::step]) for step in (1, -1, 1, -1)))
    assert set((await table.read_sums(connection)).values()) == {40.0}


async def test_a_database_that_is_away_loses_no_count(dsn, connection):
    metrics.VERDICTS.count("accepted")
    async with open_pool(dsn, size=1) as pool:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        for _ in range(3):
            await figures.fold(pool)
    assert (await table.read_sums(connection))["disparo_accept_verdicts", "accepted"] == 1


async def test_queues_by_kind_with_the_age_of_the_oldest_due(connection):
    await rows.add_messages(connection, 3, due_in_s=-90)
    await rows.add_messages(connection, 2, due_in_s=3600, first_id=10)
    (row,) = await table.count_queued(connection)
    assert (row["queue"], row["total"], row["due"]) == ("sms", 5, 3)
    assert 90 <= row["oldest_s"] < 95


async def test_a_next_try_set_for_later_is_no_excuse_but_the_hours_of_the_law_are(connection):
    late, closed = (await rows.add_messages(connection, 2, due_in_s=-90))[:2]
    later = "UPDATE messages SET due_at = now() + interval '1 hour', reason = $2 WHERE id = $1"
    await connection.execute(later, late, "platform_unavailable")
    await connection.execute(later, closed, "outside_window")
    (row,) = await table.count_queued(connection)
    assert (row["total"], row["due"]) == (2, 1)


async def test_a_run_that_a_person_paused_waits_for_that_person(connection):
    await rows.add_messages(connection, 3, due_in_s=-90)
    await connection.execute(
        """INSERT INTO bulk_runs (dispatch_id, actor, not_before, state)
           SELECT id, 'test', now(), 'paused' FROM dispatches"""
    )
    (row,) = await table.count_queued(connection)
    assert (row["total"], row["due"], row["oldest_s"]) == (3, 0, 0)


async def test_what_a_night_or_a_pause_held_up_waits_since_it_was_over(connection):
    night, paused = await rows.add_messages(connection, 2, due_in_s=-43_200, kind="bulk")
    await connection.execute(
        "UPDATE messages SET due_at = now() - interval '30 s', reason = 'outside_window' WHERE id = $1", night
    )
    (row,) = await table.count_queued(connection)
    assert row["oldest_s"] > 40_000  # the other has waited all night for nobody's sake
    await connection.execute(
        """INSERT INTO bulk_runs (dispatch_id, actor, not_before, state, resumed_at)
           SELECT id, 'test', now(), 'running', now() - interval '60 s' FROM dispatches"""
    )
    (row,) = await table.count_queued(connection)
    assert (row["due"], 60 <= row["oldest_s"] < 65) == (2, True)
    await connection.execute("UPDATE messages SET status = 'accepted' WHERE id = $1", paused)
    await connection.execute("UPDATE bulk_runs SET resumed_at = NULL")
    (row,) = await table.count_queued(connection)
    assert (row["due"], 30 <= row["oldest_s"] < 35) == (1, True)


async def test_every_count_is_by_an_index(connection):
    """With millions of old messages a scrape must not read them."""
    await rows.add_messages(connection, 1)

    class Explained:
        """Asks for the plan instead of the rows."""

        plans: list[str]

        def __init__(self):
            self.plans = []

        async def fetch(self, query, *arguments):
            await connection.execute("SET enable_seqscan = off")
            found = await connection.fetch(f"EXPLAIN {query}", *arguments)
            self.plans.append("\n".join(line[0] for line in found))
            return []

        async def fetchrow(self, query, *arguments):
            await self.fetch(query, *arguments)

        fetchval = fetchrow

    asked = Explained()
    await table.count_few(asked)
    await table.count_queued(asked)
    await table.in_flight(asked)
    await table.count_waiting_receipts(asked)
    for plan in asked.plans:
        assert "Index" in plan
        assert "Seq Scan on messages" not in plan, plan
        assert "Seq Scan on receipts" not in plan, plan


async def test_a_count_that_takes_long_is_made_seldom(connection, monkeypatch):
    clock, made = SimpleNamespace(now=1000.0), []
    monkeypatch.setattr(figures, "time", SimpleNamespace(monotonic=lambda: clock.now))

    async def slow(_connection):
        made.append(1)
        clock.now += 0.5
        return len(made)

    costly, found = figures.Costly(slow), []
    for _ in range(12):
        found.append(await costly.get(connection))
        clock.now += 1
    assert found == [1] * 10 + [2] * 2

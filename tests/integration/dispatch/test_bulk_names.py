"""A bulk run that has a name, or a key, is one run however often it is asked for, and on whichever day."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.support import bulk, rows

from disparo.db.idempotency import Key
from disparo.dispatch.bulk import (
    Asked,
    KeyReused,
    NothingMeant,
    RunOrder,
    Selection,
    Which,
    accept_run,
    store_run,
)

pytestmark = pytest.mark.anyio


async def test_a_name_runs_once(pool, connection):
    await rows.add_invoices(connection, 1)
    first = await bulk.store(pool, run_key="novembro")
    assert await bulk.store(pool, run_key="novembro") == first
    was = await connection.fetchval(
        "UPDATE dispatches SET starts_at = '2026-11-02 11:00Z' RETURNING starts_at"
    )
    order = RunOrder(Selection(), "test", run_key="novembro")
    assert (await store_run(connection, order, bulk.SETTINGS)).starts_at == was
    with pytest.raises(KeyReused):
        await bulk.store(pool, Selection([1]), run_key="novembro")
    assert await connection.fetchval("SELECT count(*) FROM dispatches") == 1


@pytest.mark.parametrize("which", list(Which))
async def test_a_name_runs_once_though_its_words_mean_other_days_tomorrow(pool, which):
    today = datetime.now(bulk.ZONE).date()
    asked = Asked(which, None, today)
    first = await bulk.store(pool, asked.on(today), run_key="noite", asked=asked)
    meant = asked.on(today + timedelta(days=1))
    assert meant != asked.on(today)
    assert await bulk.store(pool, meant, run_key="noite", asked=asked) == first
    other = replace(asked, due_to=today - timedelta(days=9))
    with pytest.raises(KeyReused):
        await bulk.store(pool, meant, run_key="noite", asked=other)


async def test_a_key_finds_its_first_answer_when_nothing_is_meant_any_more(pool):
    today = datetime.now(bulk.ZONE).date()
    key = Key(1, 1, "lote", "noite", b"the same words")

    async def accept(selection, key):
        return await accept_run(
            pool,
            RunOrder(selection, "test"),
            bulk.SETTINGS,
            key=key,
            render=lambda stored: str(stored.dispatch_id).encode(),
        )

    first = await accept(Selection(None, today, today), key)
    again = await accept(Selection(None, today + timedelta(days=1), today), key)
    assert (again.response, again.replayed) == (first.response, True)
    with pytest.raises(NothingMeant):
        await accept(Selection(None, today + timedelta(days=1), today), None)


@pytest.mark.parametrize("which", list(Which))
@pytest.mark.parametrize("days", [-1, 1])
async def test_a_name_runs_once_though_midnight_comes_sooner_here_than_at_the_database(
    pool, connection, which, days
):
    """As a timer asks that begins at midnight: two machines' clocks are never quite the same."""
    today = datetime.now(bulk.ZONE).date()
    asked = Asked(which, None, None)
    first = await bulk.store(pool, asked.on(today + timedelta(days=days)), run_key="noite", asked=asked)
    assert await bulk.store(pool, asked.on(today), run_key="noite", asked=asked) == first
    stored = await connection.fetchrow("SELECT due_from, due_to FROM bulk_runs")
    assert Selection(None, *stored) == asked.on(today)

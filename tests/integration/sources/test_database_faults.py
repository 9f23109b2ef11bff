"""The database has a fault while a source is asked again: it is not the source that is down."""

from __future__ import annotations

import asyncio
from datetime import datetime

import asyncpg
import pytest
from tests.support import rows
from tests.support.hubsoft import HubsoftStandIn
from tests.support.hubsoft_source import ZONE, claimed, source_of

from disparo.dispatch.freshness import Freshness
from disparo.errors import DatabaseUnavailable
from disparo.sources.sync import Sync

pytestmark = pytest.mark.anyio

_SOURCE_DOWN = "SELECT count(*) FROM alerts WHERE kind = 'source_down'"


_RUNNER = (
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = x'73796e63'::int::oid AND granted"
)


@pytest.fixture
def there():
    with HubsoftStandIn(60, 60, today=datetime.now(ZONE).date()).running() as stand_in:
        yield stand_in


@pytest.fixture
async def sync(dsn, pool, there):
    source = source_of(there)
    sync = Sync(dsn, pool, source, ZONE)
    await sync.run()
    yield sync
    await source.close()


@pytest.mark.parametrize("is_gone", [False, True])
async def test_a_statement_that_takes_too_long_is_the_database_s(dsn, there, sync, connection, is_gone):
    there.changes[700_010] = {"fatura_ativa": not is_gone}
    async with asyncpg.create_pool(dsn, min_size=1, max_size=2, command_timeout=1) as hurried:
        sync.pool = hurried
        async with connection.transaction():
            await connection.execute("SELECT 1 FROM invoices WHERE id = 700010 FOR UPDATE")
            with pytest.raises(TimeoutError):
                await sync.refresh([700_010])


async def test_a_row_that_it_refuses_keeps_back_that_message_alone(pool, there, sync, connection):
    await rows.refuse(connection, "invoices", "new.id = 700010")
    there.pay(700_011)
    freshness = Freshness(pool, {"hubsoft": sync}, max_age_s=1800)
    assert list((await freshness.check([claimed(700_010), claimed(700_011)])).waits) == [700_010]
    assert await connection.fetchval("SELECT status FROM invoices WHERE id = 700011") == "paid"
    assert not await connection.fetchval(_SOURCE_DOWN)


async def test_a_pass_ends_whose_lock_is_gone_and_the_next_goes_on(there, sync, connection):
    """Else the next would begin beside it, and both would bring the same pages, each over the other's."""
    there.delay_s = 0.2
    running = asyncio.create_task(sync.run(full=True))
    while (runner := await connection.fetchval(_RUNNER)) is None:
        await asyncio.sleep(0.01)
    await connection.execute("SELECT pg_terminate_backend($1)", runner)
    with pytest.raises(DatabaseUnavailable, match="a próxima continua"):
        await running
    there.delay_s = 0
    assert (await sync.run(full=True)).pages


async def test_a_pass_whose_lock_goes_with_its_last_page_is_not_said_to_be_over(
    sync, connection, monkeypatch
):
    """The next one has taken its place by then, and goes by what is left of it."""
    ask_for_unlisted = Sync._ask_for_unlisted

    async def meanwhile(self, step, listing):
        await ask_for_unlisted(self, step, listing)
        await connection.execute(f"SELECT pg_terminate_backend(pid) FROM ({_RUNNER}) AS runner")
        while not self._guard.is_closed():
            await asyncio.sleep(0.01)

    monkeypatch.setattr(Sync, "_passes", one_step(Sync._passes))
    monkeypatch.setattr(Sync, "_ask_for_unlisted", meanwhile)
    with pytest.raises(DatabaseUnavailable, match="a próxima continua"):
        await sync.run()


def one_step(passes):
    """Of a pass only its last step is left."""

    async def last(self, plan, done):
        return await passes(self, {**plan, "step": len(plan["steps"]) - 1}, done)

    return last

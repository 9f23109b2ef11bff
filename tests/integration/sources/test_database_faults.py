"""The database has a fault while a source is asked again: it is not the source that is down."""

from __future__ import annotations

from datetime import datetime

import asyncpg
import pytest
from tests.support import rows
from tests.support.hubsoft import HubsoftStandIn
from tests.support.hubsoft_source import ZONE, claimed, source_of

from disparo.dispatch.freshness import Freshness
from disparo.sources.sync import Sync

pytestmark = pytest.mark.anyio

_SOURCE_DOWN = "SELECT count(*) FROM alerts WHERE kind = 'source_down'"


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

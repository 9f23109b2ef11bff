"""One customer of whom HubSoft gives no answer keeps back their own messages, and nobody else's."""

from __future__ import annotations

import asyncio
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web
from tests.support.hubsoft import BASE, HubsoftStandIn
from tests.support.hubsoft_source import ZONE, claimed, source_of
from tests.support.locks import until_somebody_waits

from disparo.dispatch.freshness import Freshness, SourceDown
from disparo.settings import Settings
from disparo.sources.build import build_sync
from disparo.sources.sync import Sync

pytestmark = pytest.mark.anyio

REPORT = f"{BASE}/financeiro/fatura"


class Troubled(HubsoftStandIn):
    """`poison`: customers of whose invoices it can make no list."""

    poison = frozenset[int]()

    def _window(self, query):
        if query.get("busca") == "id_cliente" and int(query["termo_busca"]) in self.poison:
            raise web.HTTPInternalServerError
        return super()._window(query)


@pytest.fixture
def there():
    with Troubled(60, 120, today=datetime.now(ZONE).date()).running() as stand_in:
        yield stand_in


@pytest.fixture
async def sync(dsn, pool, there, monkeypatch):
    monkeypatch.setattr("disparo.sources.hubsoft.backoff_s", lambda _attempt: 0.0)
    source = source_of(there)
    sync = Sync(dsn, pool, source, ZONE)
    await sync.run()
    yield sync
    await source.close()


@pytest.fixture
def freshness(pool, sync):
    return Freshness(pool, {"hubsoft": sync}, max_age_s=1800)


async def paid(connection):
    rows = await connection.fetch("SELECT id FROM invoices WHERE status = 'paid' ORDER BY id")
    return [row["id"] for row in rows]


async def test_of_a_chunk_only_the_messages_wait_that_it_does_not_answer_for(there, freshness, connection):
    there.poison = frozenset({1, 30})
    ids = range(700_000, 700_060)  # of customers 1 to 60
    for id_ in ids:
        there.pay(id_, there.due(id_ - 700_000))
    checked = await freshness.check([claimed(id_) for id_ in ids])
    assert sorted(checked.waits) == [700_000, 700_029]
    assert await paid(connection) == [id_ for id_ in ids if id_ not in checked.waits]
    assert not await connection.fetchval("SELECT count(*) FROM alerts WHERE cleared_at IS NULL")


@pytest.mark.parametrize("zone", ["Etc/GMT+12", "Pacific/Kiritimati"])  # never the same day
async def test_one_that_comes_without_its_day_of_registration_is_of_the_installations_day(
    there, sync, freshness, connection, zone
):
    there.add_invoice(800_000, 1)
    there.extra[-1] |= {"data_cadastro": None, "data_vencimento": there.due(0).isoformat()}
    sync.zone = ZoneInfo(zone)
    await freshness.check([claimed(700_000)])
    registered_on = await connection.fetchval("SELECT registered_on FROM invoices WHERE id = 800000")
    assert registered_on == datetime.now(sync.zone).date()


async def test_after_one_that_it_does_not_answer_for_it_is_asked_for_the_next(there, freshness, connection):
    there.poison = frozenset({1})
    assert (await freshness.check([claimed(700_000, urgent=True)])).waits == {}
    there.pay(700_001)
    await freshness.check([claimed(700_001, urgent=True)])
    assert await paid(connection) == [700_001]


async def test_a_source_that_is_down_is_left_alone_after_the_second_question(there, freshness):
    there.fail_after = 0
    for id_ in (700_000, 700_001):
        assert id_ in (await freshness.check([claimed(id_)])).waits
    asked = there.calls.total()
    assert 700_002 in (await freshness.check([claimed(700_002)])).waits
    assert there.calls.total() == asked


async def test_a_source_that_is_down_is_not_asked_for_every_customer_of_a_chunk(there, sync):
    there.poison = frozenset(range(1, 61))
    before = there.calls.total()
    with pytest.raises(SourceDown):
        await sync.refresh(list(range(700_000, 700_060)))
    assert there.calls.total() - before <= 40


async def test_who_gives_it_more_time_gives_this_question_more(there, sync, dsn, pool):
    there.delay_s = 0.5
    sync.answer_within_s = 0.2
    with pytest.raises(SourceDown, match="no answer in time"):
        await sync.refresh([700_012])
    sync.answer_within_s = 30.0
    assert await sync.refresh([700_012]) == set()
    for told, within_s in ((3, 5), (30, 5), (120, 20)):
        settings = Settings(hubsoft_timeout_s=told)
        assert build_sync(settings, dsn, pool, sync.source).answer_within_s == within_s


async def test_one_that_is_there_and_cannot_be_read_waits(there, sync, freshness):
    there.changes[700_012] = {"valor": 103.457}
    assert list((await freshness.check([claimed(700_012), claimed(700_013)])).waits) == [700_012]
    freshness.single_waits = True
    assert list((await freshness.check([claimed(700_012, urgent=True)])).waits) == [700_012]


async def test_answers_wait_for_the_register_on_one_connection(there, sync, connection):
    async with asyncio.TaskGroup() as group, connection.transaction():  # as a file that is being imported
        await connection.execute(
            "SELECT pg_advisory_xact_lock($1, hashtext('invoices'))", int.from_bytes(b"regi")
        )
        group.create_task(sync.run(full=True))
        await until_somebody_waits(connection)
        asked = there.calls[REPORT]
        for first in (700_000, 700_030):
            group.create_task(sync.refresh(list(range(first, first + 30))))
        while there.calls[REPORT] == asked:  # what they are told is stored next
            await asyncio.sleep(0.01)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await until_somebody_waits(connection, count=2)

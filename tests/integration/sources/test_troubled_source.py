"""A HubSoft in trouble of its own: pages that it cannot make, counts as texts, faults of what stands before it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from aiohttp import web
from tests.support.hubsoft import BASE, HubsoftStandIn
from tests.support.hubsoft_source import ZONE, source_of
from tests.support.lines import lines_of

from disparo.db import sync_states
from disparo.sources import hubsoft_answers
from disparo.sources.base import DUE, SourceDown, SourceRefused, Step
from disparo.sources.hubsoft_parts import in_parts
from disparo.sources.sync import Sync

pytestmark = pytest.mark.anyio

REPORT = f"{BASE}/financeiro/fatura"


class Troubled(HubsoftStandIn):
    """`statuses`: of the next answers; `poison`: invoices of which it can make no page, `slow`: nor in time.

    `most`: on a page, whatever is asked for; `as_text`: its counts. `last_page`: what it says of it.
    """

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.statuses = []
        self.poison = set()
        self.slow = False
        self.not_shown = set()  # customers
        self.most = 500
        self.as_text = False
        self.last_page = None
        self.registered = {}  # days of customers

    def customer(self, number):
        found = super().customer(number)
        return found | {"data_cadastro": self.registered.get(number, found["data_cadastro"])}

    async def _answer(self, request, handler):
        if request.path.startswith(BASE) and self.statuses:
            return web.Response(status=self.statuses.pop(0), text="<html>")
        return await super()._answer(request, handler)

    async def _customer(self, request):
        if int(request.query["termo_busca"]) in self.not_shown:
            raise web.HTTPInternalServerError
        return await super()._customer(request)

    async def _report(self, request):
        page, _ = self._page(request, len(found := self._window(request.query)))
        if any(item["id_fatura"] in self.poison for item in found[page]):
            if self.slow:
                await asyncio.sleep(30)
            raise web.HTTPInternalServerError
        return await super()._report(request)

    def _page(self, request, total):
        page, per = int(request.query.get("pagina", 0)), int(request.query.get("itens_por_pagina", 50))
        per = min(per, self.most)
        _, paging = super()._page(request, total)
        paging["ultima_pagina"] = max(0, -(-total // per) - 1) if self.last_page is None else self.last_page
        shown = {name: str(value) for name, value in paging.items()} if self.as_text else paging
        return slice(page * per, (page + 1) * per), shown


@pytest.fixture
def there():
    with Troubled(60, 400, today=datetime.now(ZONE).date()).running() as stand_in:
        yield stand_in


@pytest.fixture
async def source(there, monkeypatch):
    monkeypatch.setattr("disparo.sources.hubsoft.backoff_s", lambda _attempt: 0.0)
    source = source_of(there, timeout_s=1)
    yield source
    await source.close()


@pytest.fixture
def sync(dsn, pool, source):
    return Sync(dsn, pool, source, ZONE)


async def stored(connection):
    return await connection.fetchval("SELECT count(*) FROM invoices")


@pytest.mark.parametrize("as_text", [False, True])
async def test_pages_that_are_shorter_than_asked_for_are_read_to_the_last(there, sync, connection, as_text):
    there.most, there.as_text = 30, as_text
    await sync.run()
    assert await stored(connection) == 400
    assert await sync_states.read_lacking(connection) == {"hubsoft": 0}


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 507, 520, 524, 529])
async def test_a_passing_fault_of_what_stands_before_it_is_waited_for(there, source, status):
    there.statuses = [status, status]
    page = await source.fetch_page(Step("customers"), 0)
    assert len(page.customers) == 60


@pytest.mark.parametrize("status", [302, 400, 403, 404, 422])
async def test_what_does_not_pass_is_told_at_once(there, source, status):
    there.statuses = [status, status]
    with pytest.raises(SourceRefused, match=str(status)):
        await source.fetch_page(Step("customers"), 0)


async def test_a_token_that_ends_while_many_ask_is_asked_for_once(there, source):
    await source.fetch_page(Step("customers"), 0)
    there.tokens.clear()
    there.delay_s = 0.02
    logins = there.calls["/oauth/token"]
    days = [there.due(number) for number in range(8)]
    await asyncio.gather(*(source.fetch_invoices(number + 1, [days[number]]) for number in range(8)))
    assert there.calls["/oauth/token"] == logins + 1


async def test_a_late_refusal_of_the_token_before_does_not_end_the_one_after_it(there, source):
    await source.fetch_page(Step("customers"), 0)
    there.tokens.clear()
    logins, before, there.delay_s = there.calls["/oauth/token"], there.calls.total(), 0.5
    late = [
        asyncio.create_task(source.fetch_invoices(number + 1, [there.due(number)])) for number in range(3)
    ]
    async with asyncio.timeout(30):
        while there.calls.total() < before + len(late):
            await asyncio.sleep(0.01)
    there.delay_s = 0
    await source.fetch_invoices(5, [there.due(4)])
    await asyncio.gather(*late)
    assert there.calls["/oauth/token"] == logins + 1


async def test_one_page_that_it_cannot_make_keeps_back_nothing_but_a_few_rows(
    there, sync, connection, monkeypatch
):
    monkeypatch.setattr("disparo.sources.hubsoft._PER_PAGE", 50)
    there.poison = {700_045}
    done = await sync.run()
    assert 400 - 5 <= await stored(connection) < 400
    assert done.missed == 400 - await stored(connection)
    assert await sync_states.read_lacking(connection) == {"hubsoft": done.missed}
    there.poison.clear()
    await sync.run(full=True)
    assert await stored(connection) == 400
    assert await sync_states.read_lacking(connection) == {"hubsoft": 0}


async def test_one_customer_that_it_cannot_show_keeps_back_nothing_but_their_invoices(
    there, sync, connection
):
    there.changes[700_012] = {"id_cliente": 67}
    there.changes[700_013] = {"id_cliente": 68}  # who is not there
    there.not_shown = {67}
    done = await sync.run()
    assert (await stored(connection), done.left_out) == (398, 2)
    there.not_shown = {67, 68}  # it is not about one of them
    with pytest.raises(SourceDown):
        await sync.run(full=True)


async def test_a_page_that_it_makes_too_slowly_is_asked_for_in_parts(there, source, monkeypatch):
    monkeypatch.setattr("disparo.sources.hubsoft._PER_PAGE", 50)
    monkeypatch.setattr("disparo.sources.hubsoft._TRIES", 1)
    there.poison, there.slow = {700_045}, True
    day = there.due(45)
    page = await source.fetch_page(Step(DUE, day, day), 0)
    assert 700_045 not in {row["id"] for row in page.invoices}
    # All of that day's stand on one page, which is short: its parts are too.
    assert page.total == len(there._window({"data_inicio": day.isoformat(), "data_fim": day.isoformat()}))


@pytest.mark.parametrize("status", [429, 401])
async def test_a_part_that_is_put_off_is_waited_for(there, source, monkeypatch, status):
    monkeypatch.setattr("disparo.sources.hubsoft._PER_PAGE", 50)
    monkeypatch.setattr("disparo.sources.hubsoft._TRIES", 2)
    there.poison = {700_045}
    day = there.due(45)

    async def with_one_put_off(*args):
        there.statuses = [status]
        return await in_parts(*args)

    monkeypatch.setattr("disparo.sources.hubsoft.in_parts", with_one_put_off)
    page = await source.fetch_page(Step(DUE, day, day), 0)
    assert there.statuses == []
    assert 700_045 not in {row["id"] for row in page.invoices}
    assert page.total == len(there._window({"data_inicio": day.isoformat(), "data_fim": day.isoformat()}))


async def test_a_source_that_is_down_is_not_asked_in_parts(there, source, monkeypatch):
    monkeypatch.setattr("disparo.sources.hubsoft._TRIES", 2)
    there.poison = set(range(700_000, 701_000))
    all_days = Step(DUE, there.today - timedelta(days=60), there.today + timedelta(days=90))
    with pytest.raises(SourceDown):
        await source.fetch_page(all_days, 0)
    assert there.calls[REPORT] == 4
    there.stop()
    waits = []
    monkeypatch.setattr("disparo.sources.hubsoft.backoff_s", lambda attempt: waits.append(attempt) or 0.0)
    with pytest.raises(SourceDown):
        await source.fetch_page(all_days, 0)
    assert waits == [0]  # two tries


async def test_after_a_failure_it_is_left_alone_for_a_while(there, sync, connection):
    there.statuses = [403] * 9
    for _ in range(3):
        await sync.run_if_due()
    assert len(there.statuses) == 8
    await connection.execute("UPDATE sync_states SET failed_at = now() - interval '3 minutes'")
    await sync.run_if_due()
    assert len(there.statuses) == 7


async def test_a_last_page_that_is_told_wrongly_is_not_looked_for(there, source):
    there.last_page = 10**6
    assert (await source.fetch_page(Step("customers"), 1)).is_last


@pytest.mark.parametrize("zeros", ["0000-00-00 00:00:00", "0000-00-00"])
async def test_a_day_of_registration_that_is_zeros_stops_no_sync(there, sync, connection, zeros):
    there.changes[700_003] = {"data_cadastro": zeros}
    there.registered[7] = zeros
    await sync.run()
    assert await stored(connection) == 400
    assert await connection.fetchval("SELECT count(*) FROM customers") == 60


async def test_a_row_that_the_database_refuses_is_told_as_any_failure_is(there, sync, connection):
    """None is known that does; one that did would stop every sync unseen."""
    await connection.execute("ALTER TABLE customers ADD CONSTRAINT odd CHECK (id <> 7)")
    with pytest.raises(SourceRefused, match="CheckViolationError") as told:
        await sync.run()
    assert "CLIENTE" not in str(told.value)
    assert await connection.fetchval("SELECT kind FROM alerts WHERE cleared_at IS NULL") == "sync_failed"
    await sync.run_if_due()


async def test_the_log_names_a_row_that_cannot_be_read(there, source):
    there.changes[700_003] = {"valor": "muito"}
    with lines_of(hubsoft_answers) as lines:
        day = there.due(3)
        await source.fetch_invoices(4, [day])
    assert [(line["kind"], line["id"]) for line in lines] == [("invoice", 700_003)]

"""What a pass did not list: rows that move between pages while these are read, and those taken away there."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from tests.support.hubsoft import BASE
from tests.support.hubsoft_source import CUSTOMERS, INVOICES

from disparo.db import sync_states
from disparo.dispatch.freshness import SourceDown

pytestmark = pytest.mark.anyio

REPORT = f"{BASE}/financeiro/fatura"
STATUS = "SELECT status FROM invoices WHERE id = $1"


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr("disparo.sources.hubsoft._PER_PAGE", 100)


async def missed(connection):
    return json.loads((await sync_states.read(connection, "hubsoft"))["progress"])


def after_a_first_page(there, change):
    """Have the first row of a month of several pages changed, once, just after its page was read; gives its id.

    `change` tells whether it did.
    """
    changed = []

    def meanwhile(path, page):
        month = there._kept and next(iter(there._kept.values()))
        is_first = path == "/financeiro/fatura" and page == 0 and len(month) > 100
        if is_first and not changed and change(month[0]):
            changed.append(month[0]["id_fatura"])

    there.meanwhile = meanwhile
    return changed


async def cut_and_resumed(there, sync):
    with pytest.raises(SourceDown):
        await sync.run(full=True)
    there.fail_after = None
    return await sync.run()


async def all_are_here(there, connection, gone):
    ids = {row["id"] for row in await connection.fetch("SELECT id FROM invoices")}
    assert ids >= {item["id_fatura"] for item in there.all_invoices()}
    # The one that was read before it went is asked for by itself.
    assert await connection.fetchval(STATUS, gone) == "cancelled"


async def test_one_that_a_deletion_pushed_onto_a_page_already_read_is_brought(
    there, sync, connection, small_pages
):
    taken = after_a_first_page(there, lambda first: there.gone.add(first["id_fatura"]) is None)
    done = await sync.run()
    assert done.missed == 0
    await all_are_here(there, connection, *taken)


async def test_one_that_a_deletion_pushed_onto_a_page_read_before_a_cut_is_brought(
    there, sync, connection, small_pages, monkeypatch
):
    monkeypatch.setattr("disparo.sources.hubsoft._TRIES", 1)

    def take_and_fall(first):
        there.gone.add(first["id_fatura"])
        there.fail_after = 0
        return True

    taken = after_a_first_page(there, take_and_fall)
    done = await cut_and_resumed(there, sync)
    assert (done.is_full, done.missed) == (True, 0)
    await all_are_here(there, connection, *taken)


async def test_one_that_came_into_a_page_read_before_a_cut_is_brought(
    there, sync, connection, small_pages, monkeypatch
):
    """It pushes another over the edge, which is listed twice: as many are listed as there are."""
    monkeypatch.setattr("disparo.sources.hubsoft._TRIES", 1)

    def bring_and_fall(first):
        if first["id_fatura"] == 700_000:
            return False
        there.changes[700_000] = {"data_vencimento": first["data_vencimento"]}
        there.fail_after = 0
        return True

    await sync.run()
    after_a_first_page(there, bring_and_fall)
    assert (await cut_and_resumed(there, sync)).missed == 0
    due = await connection.fetchval("SELECT due_date FROM invoices WHERE id = 700000")
    assert due.isoformat() == there.changes[700_000]["data_vencimento"]


async def test_a_pass_that_is_cut_where_nothing_moves_reads_no_page_twice(
    there, sync, small_pages, monkeypatch
):
    await sync.run()
    before = there.calls.total()
    usual = (await sync.run(full=True)).pages
    usual_requests = there.calls.total() - before
    monkeypatch.setattr("disparo.sources.hubsoft._TRIES", 1)
    there.fail_after = there.calls.total() + usual_requests // 2
    done = await cut_and_resumed(there, sync)
    assert (done.is_full, done.missed) == (True, 0)
    assert done.pages == usual - usual_requests // 2


async def test_rows_that_never_stand_still_are_read_twice_and_told_of(there, sync, connection, small_pages):
    def take_one(path, page):
        month = there._kept and next(iter(there._kept.values()))
        if path == "/financeiro/fatura" and page == 0 and len(month) > 100:
            there.gone.add(month[0]["id_fatura"])

    there.meanwhile = take_one
    done = await sync.run()
    assert done.missed > 0
    assert await missed(connection) == {"missed": done.missed}
    assert await sync_states.read_lacking(connection) == {"hubsoft": done.missed}
    there.meanwhile = None
    assert (await sync.run(full=True)).missed == 0
    assert await missed(connection) == {}


async def test_what_a_full_pass_lacks_is_told_until_the_next_one_brings_it(there, sync, connection):
    there.changes[700_012] = {"valor": "muito"}
    there.changes[700_013] = {"id_cliente": CUSTOMERS + 7}  # who is nowhere
    there.miscounts = 1
    await sync.run()
    lacking = 2 + 10  # and one of each step
    assert await sync_states.read_lacking(connection) == {"hubsoft": lacking}
    there.miscounts = 0
    there.changes.clear()
    there.fail_after = there.calls.total() + 2  # while an incremental pass is cut, too
    with pytest.raises(SourceDown):
        await sync.run()
    assert await sync_states.read_lacking(connection) == {"hubsoft": lacking}
    there.fail_after = None
    assert not (await sync.run()).is_full
    assert await sync_states.read_lacking(connection) == {"hubsoft": lacking}
    await sync.run(full=True)
    assert await sync_states.read_lacking(connection) == {"hubsoft": 0}


async def test_what_only_an_incremental_pass_lacks_is_told_until_the_next(there, sync, connection):
    await sync.run()
    there.add_invoice(990_001, 3)
    there.changes[990_001] = {"data_vencimento": None}
    there.extra[0] |= there.changes[990_001]
    await sync.run()
    assert await sync_states.read_lacking(connection) == {"hubsoft": 1}
    there.extra.clear()
    await sync.run()
    assert await sync_states.read_lacking(connection) == {"hubsoft": 0}


async def test_rows_of_a_step_that_is_read_twice_lack_once(there, sync, connection, small_pages):
    there.changes[700_012] = {"valor": "muito"}

    def take_one(path, page):
        month = there._kept and next(iter(there._kept.values()))
        if path == "/financeiro/fatura" and page == 0 and len(month) > 100:
            there.gone.add(
                month[-1]["id_fatura"] if month[0]["id_fatura"] == 700_012 else month[0]["id_fatura"]
            )

    there.meanwhile = take_one
    assert (await sync.run()).left_out == 1


async def test_a_count_that_means_something_else_is_told_of_and_costs_nothing(
    there, sync, connection, small_pages
):
    await sync.run()
    before = there.calls.total()
    await sync.run(full=True)
    usual = there.calls.total() - before
    there.miscounts = 3
    before = there.calls.total()
    done = await sync.run(full=True)
    assert done.missed == 3 * 10  # customers, cancelled ones, eight months
    assert there.calls.total() - before == usual


async def test_one_that_was_deleted_there_is_cancelled_by_the_full_pass(there, sync, connection):
    await sync.run()
    before = there.calls.total()
    await sync.run(full=True)
    usual = there.calls.total() - before
    there.gone |= {700_003, 700_003 + CUSTOMERS, 700_004}
    before = there.calls.total()
    await sync.run(full=True)
    # One question for each of their customers and months, and one for each of them by its id.
    assert there.calls.total() - before <= usual + 3 + 3
    for gone in there.gone:
        assert await connection.fetchval(STATUS, gone) == "cancelled"
    others = "SELECT count(*) FROM invoices WHERE status = 'cancelled'"
    assert await connection.fetchval(others) == 3


async def test_one_that_is_due_in_another_month_now_is_open_on_that_day(there, sync, connection):
    await sync.run()
    later = there.today + timedelta(days=70)
    there.changes[700_012] = {"data_vencimento": later.isoformat()}
    await sync.run(full=True)
    row = await connection.fetchrow("SELECT status, due_date FROM invoices WHERE id = 700012")
    assert tuple(row) == ("open", later)


@pytest.mark.parametrize("hides", ["miscounts", "uncounted"])
async def test_where_the_count_is_not_met_nobody_is_asked_and_nothing_is_gone(
    there, sync, connection, monkeypatch, hides
):
    await sync.run()
    there.gone.add(700_003)
    if hides == "miscounts":
        there.miscounts = 1
    else:
        monkeypatch.setattr("disparo.sources.hubsoft_answers.total_of", lambda _answer: None)
    await sync.run(full=True)
    assert await connection.fetchval(STATUS, 700_003) == "open"


async def test_what_came_from_elsewhere_stays(there, sync, connection):
    await sync.run()
    await connection.execute("UPDATE invoices SET source = 'file' WHERE id = 700003")
    there.gone.add(700_003)
    await sync.run(full=True)
    assert await connection.fetchval(STATUS, 700_003) == "open"


async def test_the_rest_of_a_pass_that_was_cut_within_a_step_takes_nothing_for_gone(
    there, sync, connection, small_pages, monkeypatch
):
    await sync.run()
    month = there.today.replace(day=1)
    plan = {"full": True, "began": there.today.isoformat(), "step": 0, "page": 1}
    last = (month + timedelta(days=40)).replace(day=1) - timedelta(days=1)
    plan["steps"] = [["due", month.isoformat(), last.isoformat()]]
    await sync_states.begin(connection, "hubsoft", plan)
    done = await sync.run()
    assert done.missed == 0
    assert await connection.fetchval("SELECT count(*) FROM invoices WHERE status = 'open'") == INVOICES


async def test_a_full_pass_writes_no_paid_invoice_again_that_has_not_changed(there, sync, connection):
    for id_ in range(700_000, 700_010):
        there.pay(id_)
    await sync.run()
    written = "SELECT id, xmin::text FROM invoices WHERE status = 'paid' ORDER BY id"
    before, checked = await connection.fetch(written), await oldest_check(connection)
    there.changes[700_003]["valor"] = 50
    await sync.run(full=True)
    rows = zip(before, await connection.fetch(written), strict=True)
    assert [old["id"] for old, new in rows if old != new] == [700_003]
    assert await oldest_check(connection) > checked  # what may be sent is known to be fresh


async def oldest_check(connection):
    return await connection.fetchval("SELECT min(checked_at) FROM invoices WHERE status = 'open'")

"""Beside HubSoft: a register brought over, kept up to date, cut and gone on with (docs/api.md §5).

DISPARO_SYNC_CUSTOMERS=200000 and DISPARO_SYNC_INVOICES=500000 are the long form.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from tests.support.hubsoft import CLIENT
from tests.support.hubsoft_source import CUSTOMERS, INVOICES, ZONE, claimed, source_of

from disparo.db import erasure, sync_states
from disparo.db.pool import connect
from disparo.dispatch.alarms import Alarms
from disparo.dispatch.freshness import Freshness, SourceDown
from disparo.sources.base import SourceRefused
from disparo.sources.sync import AlreadyRunning, Sync

pytestmark = pytest.mark.anyio


async def counts(connection):
    return tuple(
        await connection.fetchrow("SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM invoices)")
    )


async def test_the_first_sync_brings_everything(there, sync, connection):
    done = await sync.run()
    assert (done.is_full, done.customers, done.invoices, done.left_out) == (True, CUSTOMERS, INVOICES, 0)
    assert await counts(connection) == (CUSTOMERS, INVOICES)
    # A page of 500 is one call; beside them one for each month without invoices, and the login.
    assert there.calls.total() <= CUSTOMERS / 500 + INVOICES / 500 + 8 + 8 + 2
    row = await connection.fetchrow("SELECT * FROM customers WHERE id = 7")
    assert (row["name"], row["uf"], row["phone_1"], row["phone_2"]) == (
        "CLIENTE 7",
        "MG",
        "37900000007",
        None,
    )
    assert "nao-e-nossa" not in row["services"]
    row = await connection.fetchrow("SELECT * FROM invoices WHERE id = 700001")
    assert (str(row["amount"]), row["status"], row["source"]) == ("119.90", "open", "hubsoft")


async def test_who_has_only_cancelled_services_comes_too(there, sync, connection):
    there.cancelled = {7, 8}
    there.add_invoice(990_009, CUSTOMERS + 1)
    done = await sync.run()
    assert (done.customers, done.invoices, done.left_out) == (CUSTOMERS, INVOICES, 1)
    services = json.loads(await connection.fetchval("SELECT services FROM customers WHERE id = 7"))
    assert [service["status_code"] for service in services] == ["cancelado"]
    # One that came after the customers' pages, with nothing but cancelled services.
    there.customers += 1
    there.cancelled.add(there.customers)
    await sync.run()
    assert await connection.fetchval("SELECT customer_id FROM invoices WHERE id = 990009") == there.customers


async def test_invoices_come_with_their_pix(there, sync, connection):
    pix = (
        "00020126330014br.gov.bcb.pix0111106820836815204000053039865802BR5903ANA6005BETIM62070503***6304C394"
    )
    there.changes[700_001] = {"pix_copia_e_cola": pix}
    there.changes[700_002] = {"pix_copia_e_cola": "Sim"}
    await sync.run()
    assert await connection.fetchval("SELECT pix FROM invoices WHERE id = 700001") == pix
    assert await connection.fetchval("SELECT pix FROM invoices WHERE id = 700002") is None


async def test_what_was_cancelled_there_is_cancelled_and_what_is_active_again_is_open(
    there, sync, connection
):
    await sync.run()
    there.changes[700_003] = {"fatura_ativa": False}
    await sync.run(full=True)
    assert await connection.fetchval("SELECT status FROM invoices WHERE id = 700003") == "cancelled"
    del there.changes[700_003]
    await sync.run(full=True)
    assert await connection.fetchval("SELECT status FROM invoices WHERE id = 700003") == "open"


async def test_where_it_does_not_say_which_are_active_each_is_asked_for_before_it_is_sent(
    there, sync, pool, connection
):
    there.changes[700_003] = {"fatura_ativa": None}
    await sync.run()
    checked = "SELECT checked_at FROM invoices WHERE id = 700003"
    assert await connection.fetchval(checked) is None
    await Freshness(pool, {"hubsoft": sync}, max_age_s=1800).check([claimed(700_003)])
    assert await connection.fetchval(checked) is not None


async def test_what_is_new_and_what_was_paid_comes_with_few_calls(there, sync, connection):
    await sync.run()
    before = there.calls.total()
    there.pay(700_005)
    there.add_invoice(990_001, 3)
    done = await sync.run()
    assert (done.is_full, done.invoices) == (False, 2)
    assert there.calls.total() - before <= 4
    rows = await connection.fetch("SELECT id, status FROM invoices WHERE id IN (700005, 990001) ORDER BY id")
    assert [tuple(row) for row in rows] == [(700_005, "paid"), (990_001, "open")]


async def test_what_a_bank_tells_after_the_weekend_is_paid_at_the_next_pass(there, sync, connection):
    await sync.run()
    there.pay(700_005, there.today - timedelta(days=4))  # on Friday, booked on Tuesday after a holiday
    assert not (await sync.run()).is_full
    assert await connection.fetchval("SELECT status FROM invoices WHERE id = 700005") == "paid"


async def test_a_cut_in_the_middle_leaves_whole_pages_and_the_next_run_goes_on(
    there, sync, connection, monkeypatch
):
    there.fail_after = 2  # the login, the first page of customers
    monkeypatch.setattr("disparo.sources.hubsoft._TRIES", 2)
    with pytest.raises(SourceDown):
        await asyncio.wait_for(sync.run(), 60)
    state = await sync_states.read(connection, "hubsoft")
    assert (state["failure"], state["complete_to"]) == ("HTTP 503", None)
    assert await counts(connection) == (min(500, CUSTOMERS), 0)
    assert await connection.fetchval("SELECT count(*) FROM alerts WHERE cleared_at IS NULL") == 1
    there.fail_after = None
    asked = there.calls["/api/v1/integracao/cliente/todos"]
    done = await sync.run()
    assert await counts(connection) == (CUSTOMERS, INVOICES)
    assert done.is_full
    assert done.customers < CUSTOMERS  # the pages that were stored were not asked for again
    assert there.calls["/api/v1/integracao/cliente/todos"] - asked < CUSTOMERS / 500 + 1
    assert await connection.fetchval("SELECT count(*) FROM alerts WHERE cleared_at IS NULL") == 0


async def test_an_answer_beyond_every_page_is_refused_in_words_and_not_read_to_its_end(
    there, sync, connection, monkeypatch
):
    monkeypatch.setattr("disparo.sources.hubsoft_answers.LIMIT_BYTES", 2000)
    with pytest.raises(SourceRefused, match="/integracao/cliente/todos passa de"):
        await sync.run()
    assert there.calls.total() == 2  # the login, and no second try
    state = await sync_states.read(connection, "hubsoft")
    assert state["failure"].startswith("A resposta do HubSoft a /api/v1/integracao/cliente/todos passa de")


async def test_too_many_requests_are_waited_for(there, sync, connection):
    there.refuse_every = 3
    await sync.run()
    assert there.calls["429"] > 2
    assert await counts(connection) == (CUSTOMERS, INVOICES)


async def test_only_one_runs(dsn, sync):
    guard = await connect(dsn)
    assert await sync_states.take_lock(guard, "hubsoft")
    with pytest.raises(AlreadyRunning):
        await sync.run()
    await guard.close()
    assert (await sync.run()).customers == CUSTOMERS


async def test_it_runs_when_it_is_due_and_rests_when_it_is_not(there, sync):
    await sync.run_if_due()
    calls = there.calls.total()
    await sync.run_if_due()
    assert there.calls.total() == calls
    sync.every_s = 0
    await sync.run_if_due()
    assert there.calls.total() > calls


@pytest.mark.parametrize("moment", ["finished_at", "failed_at"])
async def test_it_does_not_rest_until_a_clock_that_was_set_back_is_there_again(
    there, sync, connection, moment
):
    await sync.run()
    calls = there.calls.total()
    await connection.execute(f"UPDATE sync_states SET {moment} = now() + interval '1 hour'")
    await sync.run_if_due()
    assert there.calls.total() > calls
    calls = there.calls.total()
    await sync.run_if_due()
    assert there.calls.total() == calls


async def test_a_full_pass_of_a_clock_that_was_ahead_keeps_none_from_its_day(sync, connection):
    await sync.run()
    await connection.execute("UPDATE sync_states SET full_at = now() + interval '1 year'")
    assert (await sync.run()).is_full


async def test_wrong_credentials_are_told_and_not_tried_for_ever(there, dsn, pool):
    source = source_of(there, password="errada")
    with pytest.raises(SourceRefused, match="credenciais"):
        await Sync(dsn, pool, source, ZONE).run()
    assert there.calls.total() == 1
    await source.close()


async def test_wrong_credentials_are_not_tried_for_each_message_and_call(there, sync, dsn, pool, monkeypatch):
    await sync.run()
    source, calls = source_of(there, password="errada"), there.calls["/oauth/token"]
    for _ in range(2):
        with pytest.raises(SourceDown, match="credenciais"):
            await Sync(dsn, pool, source, ZONE).refresh(range(700_000, 700_020))
        with pytest.raises(SourceRefused, match="credenciais"):
            await source.authorization()
    assert there.calls["/oauth/token"] - calls == 1
    monkeypatch.setitem(CLIENT, "password", "errada")  # it is right by now, and asked for again after a while
    monkeypatch.setattr(source._login, "_refused_until", 0.0)
    assert not await Sync(dsn, pool, source, ZONE).refresh([700_000])
    await source.close()


async def test_a_refusal_is_told_with_hubsofts_own_words(there, sync, connection):
    await sync.run()
    there.page = json.dumps({"status": "error", "msg": "Rota \x1b[31mdesativada.\nUse outra."})
    with pytest.raises(SourceRefused, match=r"recusou /cliente/todos: Rota \[31mdesativada. Use outra.$"):
        await sync.run(full=True)
    state = await sync_states.read(connection, "hubsoft")
    assert state["failure"].endswith("desativada. Use outra.")


async def test_the_sms_permission_is_a_setting_and_a_persons_word_stays(there, dsn, pool, connection):
    source = source_of(there, sms_permission=False)
    await Sync(dsn, pool, source, ZONE).run()
    assert not await connection.fetchval("SELECT phone_1_allowed FROM customers WHERE id = 1")
    await source.close()
    source = source_of(there)
    await connection.execute("UPDATE customers SET phone_1_allowed = (id = 2)")
    await Sync(dsn, pool, source, ZONE).run(full=True)
    rows = await connection.fetch("SELECT phone_1_allowed FROM customers WHERE id IN (1, 2) ORDER BY id")
    assert [row[0] for row in rows] == [False, True]
    await source.close()


async def test_an_invoice_paid_a_minute_ago_is_seen_before_the_hand_over(there, sync, pool, connection):
    await sync.run()
    there.pay(700_010)
    there.gone.add(700_011)
    freshness = Freshness(pool, {"hubsoft": sync}, max_age_s=1800)
    checked = await freshness.check([claimed(700_010), claimed(700_011, urgent=True)])
    assert checked.waits == {}
    rows = await connection.fetch("SELECT status FROM invoices WHERE id IN (700010, 700011) ORDER BY id")
    assert [row["status"] for row in rows] == ["paid", "cancelled"]


async def test_an_age_that_a_clock_set_back_made_negative_is_no_age(there, sync, pool, connection):
    await sync.run()
    there.pay(700_010)
    freshness = Freshness(pool, {"hubsoft": sync}, max_age_s=1800)
    await freshness.check([claimed(700_010, age_s=-30.0)])  # two clocks are never quite one
    assert await connection.fetchval("SELECT status FROM invoices WHERE id = 700010") == "open"
    await freshness.check([claimed(700_010, age_s=-3600.0)])
    assert await connection.fetchval("SELECT status FROM invoices WHERE id = 700010") == "paid"


async def test_one_that_is_due_on_another_day_now_is_found_before_the_hand_over(
    there, sync, pool, connection
):
    await sync.run()
    later = there.today + timedelta(days=70)
    there.changes[700_012] = {"data_vencimento": later.isoformat()}
    await Freshness(pool, {"hubsoft": sync}, max_age_s=1800).check([claimed(700_012)])
    row = await connection.fetchrow("SELECT status, due_date FROM invoices WHERE id = 700012")
    assert tuple(row) == ("open", later)


@pytest.mark.parametrize("by_sync", [True, False])
async def test_an_amount_that_changed_does_not_keep_the_code_of_the_old_one(
    there, sync, pool, connection, by_sync
):
    await sync.run()
    codes = {"link": "a gerar", "linha_digitavel": "34191", "pix_copia_e_cola": "a gerar"}
    await connection.execute("UPDATE invoices SET linha_digitavel = '1', pix = '2' WHERE id = 700012")
    there.changes[700_012] = {"valor": 55, **codes}
    if by_sync:
        await sync.run(full=True)
    else:
        await Freshness(pool, {"hubsoft": sync}, max_age_s=1800).check([claimed(700_012)])
    row = await connection.fetchrow(
        "SELECT amount::int, link, linha_digitavel, pix FROM invoices WHERE id = 700012"
    )
    assert tuple(row) == (55, None, None, None)


async def test_an_answer_of_anothers_invoices_says_of_none_that_it_is_gone(there, sync, pool, connection):
    await sync.run()
    there.page = json.dumps({"status": "success", "faturas": [there.invoice(13)]})
    await Freshness(pool, {"hubsoft": sync}, max_age_s=1800).check([claimed(700_012)])
    assert await connection.fetchval("SELECT status FROM invoices WHERE id = 700012") == "open"


async def test_one_that_is_there_and_cannot_be_read_is_not_gone(there, sync, pool, connection):
    await sync.run()
    there.changes[700_012] = {"valor": 103.457}
    await Freshness(pool, {"hubsoft": sync}, max_age_s=1800).check([claimed(700_012)])
    assert await connection.fetchval("SELECT status FROM invoices WHERE id = 700012") == "open"


@pytest.mark.parametrize("said", ["", ',"faturas":null', ',"faturas":"nenhuma"', ',"faturas":{"total":0}'])
async def test_an_answer_without_a_list_says_of_no_invoice_that_it_is_gone(
    there, sync, pool, connection, said
):
    await sync.run()
    there.page = f'{{"status":"success"{said}}}'
    checked = await Freshness(pool, {"hubsoft": sync}, max_age_s=1800).check([claimed(700_012)])
    assert checked.waits[700_012].reason == "source_down"
    assert await connection.fetchval("SELECT status FROM invoices WHERE id = 700012") == "open"
    with pytest.raises(SourceRefused, match="não traz a lista"):
        await sync.run(full=True)


async def test_a_list_with_gaps_is_read_as_php_writes_it(there, sync, pool, connection):
    await sync.run()
    there.pay(700_012)
    there.page = json.dumps({"status": "success", "faturas": {"3": there.invoice(12)}})
    await Freshness(pool, {"hubsoft": sync}, max_age_s=1800).check([claimed(700_012)])
    assert await connection.fetchval("SELECT status FROM invoices WHERE id = 700012") == "paid"


async def test_a_database_that_falls_meanwhile_is_known_by_its_name(there, sync, pool, monkeypatch):
    await sync.run()

    async def away(*_):
        raise asyncpg.ConnectionDoesNotExistError("gone")

    monkeypatch.setattr("disparo.sources.sync.upsert_invoices", away)
    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await Freshness(pool, {"hubsoft": sync}, max_age_s=1800).check([claimed(700_010)])


async def test_fresh_data_is_not_asked_for_again(there, sync, pool):
    await sync.run()
    calls = there.calls.total()
    await Freshness(pool, {"hubsoft": sync}, max_age_s=1800).check([claimed(700_010, urgent=True, age_s=60)])
    await Freshness(pool, {"hubsoft": sync}, max_age_s=0).check([claimed(700_010, urgent=True)])
    paid = claimed(700_010) | {"invoice_status": "paid"}  # which does not go, whatever its age
    await Freshness(pool, {"hubsoft": sync}, max_age_s=1800).check([paid])
    assert there.calls.total() == calls


async def test_with_the_source_down_bulk_waits_and_single_sends_follow_the_setting(
    there, sync, pool, connection
):
    await sync.run()
    there.fail_after = 0
    freshness = Freshness(pool, {"hubsoft": sync}, max_age_s=1800)
    waits = (await freshness.check([claimed(700_010)])).waits
    assert waits[700_010].reason == "source_down"
    assert waits[700_010].until > datetime.now(UTC) + timedelta(seconds=30)
    assert (await freshness.check([claimed(700_010, urgent=True)])).waits == {}
    freshness.single_waits = True
    assert 700_010 in (await freshness.check([claimed(700_010, urgent=True)])).waits
    alert = "SELECT count(*) FROM alerts WHERE kind = 'source_down' AND cleared_at IS NULL"
    assert await connection.fetchval(alert) == 1
    await Alarms(pool, zone=ZONE).look({})  # who looks after platforms leaves a source's alert alone
    assert await connection.fetchval(alert) == 1
    there.fail_after = None
    # By a worker that did not see it fall: the one that did may have been restarted for it.
    another = Freshness(pool, {"hubsoft": sync}, max_age_s=1800)
    assert (await another.check([claimed(700_010)])).waits == {}
    assert await connection.fetchval(alert) == 0


async def test_an_erased_customer_and_their_invoices_are_passed_over_unsaid(sync, there, connection):
    done = await sync.run(full=True)
    someone = await connection.fetchval("SELECT customer_id FROM invoices ORDER BY id LIMIT 1")
    async with connection.transaction():
        await erasure.erase(connection, someone)
    again = await sync.run(full=True)
    assert (again.left_out, again.customers) == (done.left_out, done.customers)
    assert not await connection.fetchval("SELECT count(*) FROM customers WHERE id = $1", someone)
    assert not await connection.fetchval("SELECT count(*) FROM invoices WHERE customer_id = $1", someone)

"""Dispatches by the status of their messages: the short ways find what a look at every message finds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.support import bulk, rows

from disparo.db import dispatch_lists, dispatches, messages
from disparo.db.dispatch_lists import Wanted
from disparo.db.messages import Start
from disparo.domain.ids import new_id
from disparo.domain.message import Status

pytestmark = pytest.mark.anyio


async def add_one_of_each(pool, connection):
    """A single call with two messages for each status, one of them in it, and a run with some in three."""
    worker_id = await rows.add_worker(connection)
    for place, status in enumerate(Status):
        ids = await rows.add_messages(connection, 2, first_id=1000 + 10 * place)
        if status in (Status.CLAIMED, Status.SENDING):
            token = new_id()
            chunk_id = await rows.chunk_of(connection, ids[0])
            await messages.claim(connection, worker_id, token=token, chunk_id=chunk_id, limit=1)
            if status is Status.SENDING:
                start = Start(ids[0], token, "x", 1)
                assert await messages.start(connection, [start], platform="p", worker_id=worker_id)
        elif status is not Status.QUEUED:
            await connection.execute("UPDATE messages SET status = $2 WHERE id = $1", ids[0], str(status))
    await rows.add_invoices(connection, 20)
    run = await bulk.store(pool)
    await bulk.queue_all(pool)
    for status, invoice_id in (("delivered", 1), ("skipped", 2)):
        await connection.execute(
            "UPDATE messages SET status = $1 WHERE dispatch_id = $2 AND invoice_id = $3",
            status,
            run,
            invoice_id,
        )


@pytest.mark.parametrize("few", [0, dispatch_lists.FEW])
async def test_each_status_finds_the_dispatches_with_a_message_in_it(pool, connection, monkeypatch, few):
    monkeypatch.setattr(dispatch_lists, "FEW", few)  # whether by the messages, or on the way through all
    await add_one_of_each(pool, connection)
    every = await listed(connection, None)
    assert len(every) == await total(connection, None) == len(Status) + 1
    for status in Status:
        expected = await connection.fetch(
            "SELECT DISTINCT dispatch_id FROM messages WHERE status = $1", str(status)
        )
        assert await listed(connection, status) == {row["dispatch_id"] for row in expected}, status
        assert await total(connection, status) == len(expected)


async def listed(connection, status):
    return {row["id"] for row in await page(connection, Wanted(status))}


async def total(connection, status):
    return await dispatch_lists.count(connection, Wanted(status))


async def page(connection, wanted, *, limit=50, offset=0):
    count = None if wanted.status is None else await dispatch_lists.count(connection, wanted)
    return await dispatch_lists.page(connection, wanted, total=count, limit=limit, offset=offset)


async def test_a_page_past_the_last_is_empty_and_one_within_is_in_order(pool, connection):
    await add_one_of_each(pool, connection)
    for status in (None, Status.QUEUED, Status.DELIVERED, Status.SKIPPED):
        count = await total(connection, status)
        every = [row["id"] for row in await page(connection, Wanted(status))]
        for offset in range(count + 1):
            found = await page(connection, Wanted(status), limit=1, offset=offset)
            assert [row["id"] for row in found] == every[offset : offset + 1]


async def test_those_delivered_are_counted_without_a_look_for_each(ours, connection):
    await rows.add_messages(connection, 20_000, first_id=10_000, kind="bulk", chunk_id=-7)
    first_id, *_ = await rows.add_messages(connection, 2000)
    await connection.execute(
        """INSERT INTO dispatches (id, queue, purpose, tries, timeout_s, invoice_ids, starts_at)
           SELECT gen_random_uuid(), 'sms', 'requested', 1, 60, ARRAY[place], now()
           FROM generate_series(1, 1999) place"""
    )
    await connection.execute(
        """UPDATE messages m SET status = 'delivered', dispatch_id = d.id FROM dispatches d
           WHERE m.id = $1::bigint + d.invoice_ids[1] AND cardinality(d.invoice_ids) = 1""",
        first_id,
    )
    await connection.execute("UPDATE messages SET status = 'delivered'")
    await connection.execute("VACUUM ANALYZE")
    async with ours.transaction():
        before = await looks(ours, "messages")
        assert await total(ours, Status.DELIVERED) == 1999 + 2
        assert await looks(ours, "messages") - before < 10


async def test_what_waits_is_listed_without_the_dispatches_that_are_over(ours, connection):
    """Whatever the planner takes for cheap: of statistics without a waiting message it made a nested loop."""
    await connection.execute(
        """INSERT INTO dispatches (id, queue, purpose, tries, timeout_s, invoice_ids, starts_at)
           SELECT gen_random_uuid(), 'sms', 'requested', 1, 60, '{1}', now() FROM generate_series(1, 3000)"""
    )
    await connection.execute("ANALYZE")
    for place in range(3):
        await rows.add_messages(connection, 1, first_id=100 + place)
    async with ours.transaction():
        for way in ("hashagg", "sort", "hashjoin", "mergejoin"):
            await ours.execute(f"SET LOCAL enable_{way} = off")
        before = await rows_read(ours, "dispatches")
        assert await total(ours, Status.QUEUED) == 3
        assert len(await listed(ours, Status.QUEUED)) == 3
        assert await rows_read(ours, "dispatches") - before < 100


async def looks(connection, table):
    return await connection.fetchval(
        """SELECT coalesce(seq_scan, 0) + coalesce(idx_scan, 0)
           FROM pg_stat_xact_user_tables WHERE relname = $1""",
        table,
    )


@pytest.mark.parametrize("status", [None, Status.DELIVERED, Status.FAILED])
async def test_a_period_reads_no_dispatch_of_others(connection, status):
    await connection.execute(
        """INSERT INTO dispatches (id, queue, purpose, tries, timeout_s, invoice_ids, starts_at, created_at)
           SELECT gen_random_uuid(), 'sms', 'requested', 1, 60, '{1}', now(), now() - interval '9 days'
           FROM generate_series(1, 300)"""
    )
    (id_,) = await rows.add_messages(connection)
    await connection.execute(
        "UPDATE messages SET status = $2 WHERE id = $1", id_, str(status or Status.QUEUED)
    )
    wanted = Wanted(status, since=datetime.now(UTC) - timedelta(days=1))
    async with connection.transaction():
        assert len(await page(connection, wanted)) == 1
        assert await dispatch_lists.count(connection, wanted) == 1
        read = await rows_read(connection, "dispatches")
    assert read <= 10


async def test_what_failed_before_a_period_is_not_read_to_count_it(connection):
    old = await rows.add_messages(connection, 4000)
    (id_,) = await rows.add_messages(connection, first_id=10_000)
    await connection.execute("UPDATE messages SET status = 'failed'")
    for table in ("dispatches", "messages"):
        await connection.execute(
            f"UPDATE {table} SET created_at = now() - interval '9 days' WHERE id = ANY($1)",
            old if table == "messages" else [await dispatch_of(connection, old[0])],
        )
    await connection.execute("VACUUM ANALYZE messages")
    since = datetime.now(UTC) - timedelta(days=1)
    async with connection.transaction():
        before = await rows_read(connection, "messages")
        assert await dispatch_lists.count(connection, Wanted(Status.FAILED, since=since)) == 1
        assert await rows_read(connection, "messages") - before < 100
    assert await total(connection, Status.FAILED) == 2
    assert await dispatch_of(connection, id_) in await listed(connection, Status.FAILED)


async def rows_read(connection, table):
    return await connection.fetchval(
        "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = $1", table
    )


async def dispatch_of(connection, message_id):
    return await connection.fetchval("SELECT dispatch_id FROM messages WHERE id = $1", message_id)


async def test_pages_of_a_dispatch_are_whole_and_in_order(pool, connection):
    await rows.add_invoices(connection, 95)
    run = await bulk.store(pool)
    await bulk.queue_all(pool)
    pages = [await dispatches.read_messages(connection, run, limit=30, offset=at) for at in (0, 30, 60, 90)]
    assert [len(page) for page in pages] == [30, 30, 30, 5]
    assert [row["invoice_id"] for page in pages for row in page] == list(range(1, 96))


async def test_a_late_page_counts_the_messages_of_no_other(connection):
    for place in range(12):
        await rows.add_messages(connection, 1, first_id=100 + place)
    async with connection.transaction():
        last = await page(connection, Wanted(), limit=2, offset=10)
        looked = await looks(connection, "messages")
    assert [row["counts"] for row in last] == ['{ "queued" : 1 }'] * 2
    assert looked == len(last)


@pytest.mark.parametrize("kind", ["not_taken", "refused", "not_started"])
async def test_what_no_platform_took_has_no_time_at_which_it_was_sent(connection, kind):
    assert await sent_at(connection, [kind]) is None


async def test_what_may_have_left_has_the_time_of_that_hand_over(connection):
    assert await sent_at(connection, ["not_taken", "accepted"]) == 2
    assert await sent_at(connection, ["ambiguous", "not_taken"]) == 1
    assert await sent_at(connection, ["not_taken", None]) == 2


async def test_what_was_delivered_against_its_platforms_word_was_sent(connection):
    assert await sent_at(connection, ["refused"], status="delivered") == 1


async def sent_at(connection, outcomes, *, status="queued"):
    """Give which of a message's hand-overs, one an hour, is told as the one that sent it."""
    first_id = 1 + await connection.fetchval("SELECT coalesce(max(invoice_id), 0) FROM messages")
    (id_,) = await rows.add_messages(connection, first_id=first_id)
    await connection.execute("UPDATE messages SET status = $2 WHERE id = $1", id_, status)
    began = await connection.fetch(
        """INSERT INTO attempts (message_id, platform, worker_id, started_at, outcome)
           SELECT $1, 'p', $2, date_trunc('hour', now()) + n * interval '1 hour', outcome
           FROM unnest($3::text[]) WITH ORDINALITY AS t (outcome, n) ORDER BY n RETURNING started_at""",
        id_,
        new_id(),
        outcomes,
    )
    dispatch_id = await connection.fetchval("SELECT dispatch_id FROM messages WHERE id = $1", id_)
    (row,) = await dispatches.read_messages(connection, dispatch_id, limit=5, offset=0)
    moments = [each["started_at"] for each in began]
    return None if row["sent_at"] is None else 1 + moments.index(row["sent_at"])

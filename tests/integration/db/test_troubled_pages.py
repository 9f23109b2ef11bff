"""Pages of what did not arrive or waits for a person: of many too, they look at what they show."""

from __future__ import annotations

import pytest
from tests.support import rows

from disparo.db import dispatch_pages, installation, message_pages, unsettled
from disparo.db.message_pages import Wanted

pytestmark = pytest.mark.anyio

MESSAGES, EACH = 10_000, 2_000
#: Besides a page's own 51 or 101.
MOST_READ = 120


@pytest.fixture
async def many(connection):
    """The oldest were cancelled with their run; of the newest some are uncertain, the last of all held."""
    ids = await rows.add_messages(connection, MESSAGES)
    await connection.execute("UPDATE messages SET status = 'delivered', platform = 'p'")
    await connection.execute(
        "UPDATE messages SET status = 'cancelled', platform = NULL WHERE id <= $1", ids[EACH - 1]
    )
    await connection.execute(
        "UPDATE messages SET status = 'held', reason = $2, platform = NULL WHERE id >= $1",
        ids[-EACH],
        installation.RESTORED,
    )
    await connection.execute(
        """INSERT INTO attempts (message_id, platform, worker_id, started_at)
           SELECT id, 'p', gen_random_uuid(), now() FROM messages WHERE id >= $1 AND id < $2""",
        ids[-2 * EACH],
        ids[-EACH],
    )
    await connection.execute(
        """UPDATE messages m SET status = 'uncertain', attempt_id = a.id FROM attempts a
           WHERE a.message_id = m.id"""
    )
    await connection.execute("VACUUM ANALYZE messages, attempts")
    await connection.execute("SET plan_cache_mode = force_generic_plan")  # as the program has it
    return ids


async def bulk_run(connection):
    return await connection.fetchval(
        """INSERT INTO dispatches (id, kind, queue, purpose, tries, timeout_s, invoice_ids, starts_at)
           VALUES (gen_random_uuid(), 'bulk', 'sms', 'by_due_date', 1, 172800, '{}', now()) RETURNING id"""
    )


async def messages_read(connection):
    return await connection.fetchval(
        """SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables
           WHERE relname = 'messages'"""
    )


async def test_a_page_looks_at_what_it_shows(many, connection):
    async def listed(work, first_id, count):
        async with connection.transaction():
            before = await messages_read(connection)
            found = await work
            assert [row["id"] for row in found][:3] == list(range(first_id, first_id + 3))
            assert len(found) == count
            assert await messages_read(connection) - before <= MOST_READ

    await listed(unsettled.list_held(connection, limit=101), many[-EACH], 101)
    await listed(unsettled.list_held(connection, after=many[-10], limit=101), many[-9], 9)
    await listed(unsettled.list_uncertain(connection, limit=101), many[-2 * EACH], 101)
    await listed(unsettled.list_uncertain(connection, after=many[-EACH] - 5, limit=101), many[-EACH] - 4, 4)
    async with connection.transaction():
        before = await messages_read(connection)
        assert await installation.list_restored(connection, limit=100) == many[-EACH:][:100]
        assert await messages_read(connection) - before <= MOST_READ


async def test_so_does_the_list_of_all_messages(many, connection):
    wanted = Wanted("cancelled", None, None, None)
    async with connection.transaction():
        before = await messages_read(connection)
        page = await message_pages.page(connection, wanted, before=None, limit=50)
        assert [row["id"] for row in page.rows] == many[:EACH][::-1][:50]
        assert page.next_id == many[EACH - 50]
        assert await messages_read(connection) - before <= MOST_READ
    last = await message_pages.page(connection, wanted, before=many[10], limit=50)
    assert ([row["id"] for row in last.rows], last.next_id) == (many[:10][::-1], None)


async def test_what_no_index_leads_to_is_looked_for_piece_by_piece(many, connection, monkeypatch):
    """A platform in one state: the pages between show nothing, and say that they go on."""
    monkeypatch.setattr(message_pages, "WINDOW", 1000)
    await connection.execute("UPDATE messages SET platform = 'p' WHERE id = $1", many[500])
    wanted, found, pages, before = Wanted("cancelled", "p", None, None), [], 0, None
    while pages == 0 or before is not None:
        page = await message_pages.page(connection, wanted, before=before, limit=50)
        found += [row["id"] for row in page.rows]
        before, pages = page.next_id, pages + 1
    assert (found, pages) == ([many[500]], EACH // 1000 + 1)


async def test_the_reasons_of_a_cancelled_run_are_those_of_all_that_did_not_arrive(connection, monkeypatch):
    """What was cancelled used up the first five thousand that are looked at: some hundred failed, it said 5."""
    run, other = await bulk_run(connection), await bulk_run(connection)
    ids = await rows.add_messages(connection, 300)
    await connection.execute("UPDATE messages SET dispatch_id = $1, chunk_id = -7", run)
    await connection.execute("UPDATE messages SET status = 'cancelled'")
    await connection.execute("UPDATE messages SET dispatch_id = $1 WHERE id % 10 = 0", other)
    await connection.execute(
        "UPDATE messages SET status = 'failed', reason = 'invalid_number' WHERE id >= $1", ids[-80]
    )
    await connection.execute("UPDATE messages SET status = 'uncertain' WHERE id = $1", ids[-1])
    await connection.execute("DELETE FROM dispatch_counts")
    await connection.execute(
        """INSERT INTO dispatch_counts (dispatch_id, status, delta)
           SELECT dispatch_id, status, count(*) FROM messages GROUP BY 1, 2"""
    )
    monkeypatch.setattr(dispatch_pages, "LOOKED_AT", 100)
    for dispatch_id in (run, other):
        counted = await connection.fetch(
            """SELECT status, reason, count(*)::int AS total FROM messages
               WHERE dispatch_id = $1 AND status <> 'cancelled' GROUP BY 1, 2 ORDER BY 3 DESC""",
            dispatch_id,
        )
        found = await dispatch_pages.reasons(connection, dispatch_id)
        assert found == counted

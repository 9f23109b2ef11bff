"""What has run out goes, in slices; what has not stays."""

from __future__ import annotations

import asyncio
import math
from uuid import uuid4

import pytest
from tests.support import bulk, rows

from disparo.db import lookups, messages, prune
from disparo.db.messages import Move, Start
from disparo.dispatch import prune as module
from disparo.dispatch.prune import Retention, prune_some
from disparo.domain.message import Event

pytestmark = pytest.mark.anyio


async def send(connection, count, *, first_id=1):
    """Messages that were handed over and confirmed."""
    ids = await rows.add_messages(connection, count, first_id=first_id)
    worker, token = await rows.add_worker(connection), uuid4()
    chunk = await rows.chunk_of(connection, ids[0])
    await messages.claim(connection, worker, token=token, chunk_id=chunk, limit=500)
    started = await messages.start(
        connection,
        [Start(number, token, f"texto {number}", 1) for number in ids],
        platform="p",
        worker_id=worker,
    )
    await connection.execute("UPDATE messages SET status = 'delivered' WHERE id = ANY($1)", ids)
    for number, attempt in started.items():
        await connection.execute(
            "UPDATE attempts SET detail = 'x', platform_id = $2 WHERE id = $1", attempt, f"p{number}"
        )
        await connection.execute("INSERT INTO platform_messages VALUES ('p', $1, $2)", f"p{number}", attempt)
        await connection.execute(
            "INSERT INTO receipts (platform, digest, kind, raw, attempt_id) VALUES ('p', $1, 'delivered', 'raw', $2)",
            str(number).encode(),
            attempt,
        )
    return ids


async def age(connection, ids, days):
    shift = f"{days} days"
    for table, column, key in (
        ("messages", "created_at", "id"),
        ("attempts", "started_at", "message_id"),
    ):
        await connection.execute(
            f"UPDATE {table} SET {column} = {column} - $2::text::interval WHERE {key} = ANY($1::bigint[])",
            ids,
            shift,
        )
    await connection.execute(
        """UPDATE receipts SET received_at = received_at - $2::text::interval
           WHERE attempt_id IN (SELECT id FROM attempts WHERE message_id = ANY($1::bigint[]))""",
        ids,
        shift,
    )
    await connection.execute(
        """UPDATE dispatches SET created_at = created_at - $2::text::interval
           WHERE id IN (SELECT dispatch_id FROM messages WHERE id = ANY($1::bigint[]))""",
        ids,
        shift,
    )


async def texts(connection):
    found = await connection.fetch(
        """SELECT m.text, a.detail, r.raw FROM messages m JOIN attempts a ON a.message_id = m.id
           JOIN receipts r ON r.attempt_id = a.id ORDER BY m.id"""
    )
    return [tuple(row) for row in found]


async def test_a_text_goes_after_its_days_and_leaves_its_hash(pool, connection):
    old = await send(connection, 2)
    await send(connection, 1, first_id=10)
    await age(connection, old, 91)
    done = await prune_some(pool, Retention())
    assert (done["sent_texts"], done["answers"], done["raw_receipts"]) == (2, 2, 2)
    found = await texts(connection)
    assert found[:2] == [(None, None, "")] * 2
    assert found[2][1:] == ("x", "raw")
    proof = await connection.fetchval(
        "SELECT text_sha256 = sha256(convert_to($2, 'UTF8')) FROM messages WHERE id = $1",
        old[0],
        f"texto {old[0]}",
    )
    assert proof
    assert await prune_some(pool, Retention()) == {}


async def test_the_text_of_one_that_was_sent_again_stays_as_long_as_its_last_hand_over(pool, connection):
    old = await send(connection, 1)
    await age(connection, old, 91)
    await connection.execute(
        """WITH again AS (INSERT INTO attempts (message_id, platform, worker_id)
                          VALUES ($1, 'p', gen_random_uuid()) RETURNING id)
           UPDATE messages SET attempt_id = again.id FROM again""",
        old[0],
    )
    assert (await prune_some(pool, Retention()))["sent_texts"] == 1
    assert await connection.fetchval("SELECT text FROM messages") == f"texto {old[0]}"


async def test_texts_go_later_when_they_are_old_enough_later(pool, connection):
    first, second = await send(connection, 1), await send(connection, 1, first_id=10)
    await age(connection, first, 91)
    await prune_some(pool, Retention())
    await age(connection, second, 91)
    assert (await prune_some(pool, Retention()))["sent_texts"] == 1
    assert [row[0] for row in await texts(connection)] == [None, None]


async def test_a_text_goes_that_many_days_after_it_was_sent_however_long_its_message_had_waited(
    pool, connection
):
    waited = await rows.add_messages(connection, 1)
    await connection.execute("UPDATE messages SET created_at = created_at - interval '91 days'")
    assert await prune_some(pool, Retention()) == {}
    worker, token = await rows.add_worker(connection), uuid4()
    chunk = await rows.chunk_of(connection, waited[0])
    await messages.claim(connection, worker, token=token, chunk_id=chunk, limit=500)
    await messages.start(connection, [Start(waited[0], token, "texto", 1)], platform="p", worker_id=worker)
    await prune_some(pool, Retention())
    assert await connection.fetchval("SELECT text FROM messages") == "texto"
    await connection.execute("UPDATE attempts SET started_at = started_at - interval '91 days'")
    assert (await prune_some(pool, Retention()))["sent_texts"] == 1
    assert await connection.fetchval("SELECT text FROM messages") is None


async def test_what_customers_answered_goes_like_the_texts_but_for_what_proves_an_opt_out(pool, connection):
    for days, said, stops in ((91, "SAIR", True), (91, "paguei ontem", False), (89, "qual o valor?", False)):
        await connection.execute(
            """INSERT INTO inbound_texts (platform, digest, e164, text, opted_out, received_at, raw)
               VALUES ('p', sha256($1::text::bytea), '+5511988880001', $1, $2, now() - make_interval(days => $3), $1)""",
            said,
            stops,
            days,
        )
    assert await prune_some(pool, Retention()) == {"replies": 2}
    found = await connection.fetch("SELECT text, raw FROM inbound_texts ORDER BY id")
    assert [tuple(row) for row in found] == [("SAIR", ""), ("", ""), ("qual o valor?", "qual o valor?")]
    assert await prune_some(pool, Retention()) == {}


async def test_no_event_is_written_for_a_text_that_goes(pool, connection):
    ids = await send(connection, 1)
    await age(connection, ids, 91)
    before = await connection.fetchval("SELECT count(*) FROM message_events")
    await prune_some(pool, Retention())
    assert await connection.fetchval("SELECT count(*) FROM message_events") == before


async def test_after_five_years_nothing_is_left_of_a_dispatch(pool, connection):
    old = await send(connection, 3)
    await send(connection, 1, first_id=10)
    await age(connection, old, 1827)
    await prune_some(pool, Retention())
    tables = ("dispatches", "messages", "attempts", "receipts", "platform_messages")
    left = {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in tables}
    assert left == dict.fromkeys(tables, 1)
    assert (
        await connection.fetchval("SELECT count(*) FROM message_events WHERE message_id = ANY($1)", old) == 0
    )


@pytest.mark.parametrize("status", ["queued", "claimed", "sending", "held"])
async def test_a_message_that_still_waits_stays_however_old_its_dispatch_is(pool, connection, status):
    ids = await rows.add_messages(connection, 2)
    await age(connection, ids, 1827)
    await connection.execute("UPDATE messages SET status = 'cancelled' WHERE id = $1", ids[0])
    await connection.execute("UPDATE messages SET status = $2 WHERE id = $1", ids[1], status)
    await prune_some(pool, Retention())
    assert await connection.fetchval("SELECT array_agg(id) FROM messages") == ids[1:]
    await connection.execute("UPDATE messages SET status = 'cancelled'")
    await prune_some(pool, Retention())
    assert await connection.fetchval("SELECT count(*) FROM dispatches") == 0


async def test_what_a_person_sends_again_while_it_is_deleted_stays(pool, connection):
    ids = await send(connection, 2)
    await connection.execute("UPDATE messages SET status = 'uncertain' WHERE id = $1", ids[0])
    await age(connection, ids, 91)
    await prune_some(pool, Retention())  # their texts are gone: what has to wait is the deletion
    await age(connection, ids, 2000)
    async with pool.acquire() as person, person.transaction():
        await messages.apply_events(person, [Move(ids[0], Event.RESEND)], actor="pessoa")
        pruning = asyncio.create_task(prune_some(pool, Retention()))
        async with asyncio.timeout(10):
            while not await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ):
                await asyncio.sleep(0.02)
    await pruning
    assert [tuple(row) for row in await connection.fetch("SELECT id, status FROM messages")] == [
        (ids[0], "queued")
    ]


async def test_a_run_that_is_not_over_stays_however_old_it_is(pool, connection):
    await rows.add_invoices(connection, 1)
    await bulk.store(pool)
    await connection.execute("UPDATE dispatches SET created_at = created_at - interval '1827 days'")
    await prune_some(pool, Retention())
    await bulk.queue_all(pool)
    assert await connection.fetchval("SELECT count(*) FROM messages") == 1


async def test_a_large_dispatch_goes_slice_by_slice(pool, connection):
    old = await send(connection, 25)
    await age(connection, old, 1827)
    gone = 0
    while count := await prune.delete_old_dispatches(connection, days=1826, limit=10):
        gone += count
    assert gone == 26
    assert await connection.fetchval("SELECT count(*) FROM messages") == 0


async def test_zero_days_keep_always(pool, connection):
    old = await send(connection, 1)
    await age(connection, old, 10_000)
    await prune_some(pool, Retention(text_days=0, evidence_days=0))
    assert (await texts(connection))[0][1:] == ("x", "raw")


async def test_what_is_known_of_a_wrong_number_goes_with_the_evidence(pool, connection):
    await connection.execute(
        """INSERT INTO bad_numbers (e164, platform, created_at)
           SELECT '+551190000' || days, 'p', now() - make_interval(days => days)
           FROM unnest(ARRAY[1000, 1825, 1827]) AS days"""
    )
    left = "SELECT array_agg(e164 ORDER BY e164) FROM bad_numbers"
    await prune_some(pool, Retention(evidence_days=0))
    assert len(await connection.fetchval(left)) == 3
    await prune_some(pool, Retention())
    assert await connection.fetchval(left) == ["+5511900001000", "+5511900001825"]


@pytest.mark.parametrize(
    ("what", "insert", "kept"),
    [
        (
            "idempotency_keys",
            "INSERT INTO idempotency_keys SELECT 1, 1, 'r', $1, '', '', now() - $2::text::interval",
            "23 hours",
        ),
        (
            "extra_phone_use",
            "INSERT INTO extra_phone_use SELECT length($1), current_date - $2::text::interval, 1",
            "7 days",
        ),
        ("rate_limits", "INSERT INTO rate_limits SELECT $1, now() - $2::text::interval", "59 minutes"),
        (
            "platform_messages",
            "INSERT INTO platform_messages SELECT 'p', $1, NULL, now() - $2::text::interval",
            "29 days",
        ),
        ("phone_turns", "INSERT INTO phone_turns SELECT length($1), 0, now() - $2::text::interval", "7 days"),
        (
            "platform_day_use",
            "INSERT INTO platform_day_use SELECT $1, now() - $2::text::interval, 1",
            "25 hours",
        ),
    ],
)
async def test_short_lived_rows_go_when_their_time_has_come(pool, connection, what, insert, kept):
    await connection.execute(insert, "old", "40 days")
    await connection.execute(insert, "younger", kept)
    assert await prune_some(pool, Retention()) == {what: 1}
    assert await connection.fetchval(f"SELECT count(*) FROM {what}") == 1


async def test_the_platforms_ids_of_our_messages_stay_as_long_as_those(pool, connection):
    await send(connection, 1)
    await connection.execute("UPDATE platform_messages SET created_at = created_at - interval '40 days'")
    assert await prune_some(pool, Retention()) == {}
    assert await connection.fetchval("SELECT count(*) FROM platform_messages") == 1


async def test_more_than_a_slice_goes_in_one_round(pool, connection):
    await connection.execute(
        """INSERT INTO idempotency_keys
           SELECT 1, 1, 'r', i::text, '', '', now() - interval '2 days' FROM generate_series(1, 2500) i"""
    )
    assert await prune_some(pool, Retention()) == {"idempotency_keys": 2500}


async def test_one_process_prunes_at_a_time(pool, connection):
    await connection.execute("INSERT INTO rate_limits SELECT 'x', now() - interval '2 hours'")
    async with connection.transaction():
        assert await prune.is_our_turn(connection)
        assert await prune_some(pool, Retention()) == {}
        # Nor does one whose round began before.
        assert await module._in_slices(pool, module._expired("rate_limits"), math.inf) == 0
    assert await prune_some(pool, Retention()) == {"rate_limits": 1}


async def test_counts_are_folded_without_reading_all_there_ever_were(connection):
    await rows.add_messages(connection, 1)
    dispatch = await connection.fetchval("SELECT id FROM dispatches")
    await connection.execute(
        "INSERT INTO dispatch_counts (dispatch_id, status, delta) SELECT $1, 'sent', 1 FROM generate_series(1, 30)",
        dispatch,
    )
    await messages.fold_counts(connection)
    found = await connection.fetch("SELECT status, delta FROM dispatch_counts ORDER BY 1")
    assert [tuple(row) for row in found] == [("sent", 30)]


async def test_a_bulk_messages_life_begins_with_its_queuing(pool, connection):
    await rows.add_invoices(connection, 1)
    await bulk.store(pool)
    await bulk.queue_all(pool)
    life = (await lookups.lives(connection, invoice_id=1, limit=1))[0]
    assert [(event["to_status"], event["actor"]) for event in life.events] == [("queued", "test")]


async def test_what_still_waits_for_a_person_keeps_nothing_younger(pool, connection):
    """Held for years, more of them than one slice looks at."""
    for first in range(1, 8):
        kept = await rows.add_messages(connection, 1, first_id=first)
        await connection.execute("UPDATE messages SET status = 'held' WHERE id = $1", kept[0])
        await age(connection, kept, 40)
    await age(connection, await send(connection, 1, first_id=100), 35)
    for _ in range(3):
        async with connection.transaction():
            await prune.delete_old_dispatches(connection, days=30, limit=5)
    assert await connection.fetchval("SELECT count(*) FROM messages WHERE status <> 'held'") == 0
    assert await connection.fetchval("SELECT count(*) FROM dispatches") == 7


async def test_a_run_of_which_a_part_has_gone_counts_what_is_there(pool, connection):
    ids = await rows.add_messages(connection, 5, kind="bulk", chunk_id=-5)
    await connection.execute("UPDATE messages SET status = 'held' WHERE id = $1", ids[0])
    await connection.execute("UPDATE messages SET status = 'delivered' WHERE id > $1", ids[0])
    await age(connection, ids, 40)
    async with connection.transaction():
        await prune.delete_old_dispatches(connection, days=30, limit=1000)
    counts = await connection.fetch("SELECT c.* FROM dispatches d, counts_of(d.id, d.kind) c")
    assert [tuple(row) for row in counts] == [("held", 1)]


async def test_what_cannot_be_deleted_keeps_nothing_else(pool, connection):
    old = await send(connection, 2)
    await age(connection, old, 91)
    await rows.refuse(connection, "attempts", "new.detail IS NULL")
    done = await prune_some(pool, Retention())
    assert done == {"sent_texts": 2, "raw_receipts": 2}


async def leap(connection, hours):
    """The clock is set so many hours ahead: of the last look at it, so many have passed."""
    await connection.execute(
        "UPDATE housekeeping SET upto = upto - $1::bigint * 3600 WHERE job LIKE 'clock%'", hours
    )


async def test_a_clock_that_leaps_ahead_deletes_nothing_until_it_has_lasted(connection, pool):
    ids = await send(connection, 1)
    assert await prune_some(pool, Retention()) == {}
    await connection.execute("UPDATE dispatches SET created_at = created_at - interval '73 years'")
    await age(connection, ids, 73 * 365)
    await leap(connection, 73 * 365 * 24)
    assert [await prune_some(pool, Retention()) for _ in range(3)] == [{}, {}, {}]
    await leap(connection, 5)
    assert await prune_some(pool, Retention()) == {}
    await leap(connection, 2)
    assert (await prune_some(pool, Retention()))["dispatches"] == 2
    assert await connection.fetchval("SELECT count(*) FROM housekeeping WHERE job = 'clock_leapt'") == 0


async def test_a_leap_that_is_taken_back_is_forgotten(connection, pool):
    await send(connection, 1)
    await prune_some(pool, Retention())
    await leap(connection, 24)
    await prune_some(pool, Retention())
    await connection.execute("UPDATE housekeeping SET upto = upto + 24 * 3600 WHERE job = 'clock_seen'")
    await prune_some(pool, Retention())
    await leap(connection, 24)
    assert await prune_some(pool, Retention()) == {}
    assert await connection.fetchval("SELECT count(*) FROM housekeeping WHERE job = 'clock_leapt'") == 1

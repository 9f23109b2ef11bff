"""The database server's clock is set back by an hour: what waits by it does not wait an hour longer.

Moments that are stored are moved ahead by that hour; no clock is touched.
"""

from __future__ import annotations

import time
from uuid import uuid4

import pytest
from tests.integration.dispatch.test_fence import claimed, start
from tests.integration.dispatch.test_receipts import handed_over
from tests.support import bulk, rows

from disparo import queue
from disparo.auth.throttle import Throttle, TooMany
from disparo.db import (
    alerts,
    bulk_slices,
    day,
    dispatches,
    messages,
    platform_states,
    rate_limits,
    rates,
    receipt_polls,
    sessions,
    signs,
    unsettled,
    uploads,
)
from disparo.dispatch import reconcile, sweep
from disparo.dispatch.breaker import longest_pause_s
from disparo.dispatch.bulk import Selection
from disparo.dispatch.polling import may_ask
from disparo.dispatch.prune import Retention, prune_some

pytestmark = pytest.mark.anyio

FAST = {"per_s": 50.0, "burst": 50}
DAY_S = 24 * 3600 + 601
SLOW = {"per_s": 0.01, "burst": 3}


async def set_back(connection, table, column):
    await connection.execute(f"UPDATE {table} SET {column} = {column} + interval '1 hour'")


async def passes(pool, limit):
    try:
        await Throttle(pool).take("client", "1", **limit)
    except TooMany as refusal:
        return refusal.wait_s
    return 0


async def test_callers_are_not_refused_for_an_hour(pool, connection):
    assert await passes(pool, FAST) == 0
    await set_back(connection, "rate_limits", "tat")
    assert await passes(pool, FAST) == 0
    assert await passes(pool, FAST) <= 1


async def test_guessers_gain_one_guess_and_no_new_burst(pool, connection):
    assert [await passes(pool, SLOW) > 50 for _ in range(4)] == [False] * 3 + [True]
    await set_back(connection, "rate_limits", "tat")
    assert [await passes(pool, SLOW) > 50 for _ in range(3)] == [False, True, True]


async def test_a_slice_of_places_passes_and_no_more(pool, connection):
    take = {"interval_s": 1.0, "burst": 64}
    assert await rate_limits.take(connection, "b", places=4, **take) == 0
    await set_back(connection, "rate_limits", "tat")
    began = time.monotonic()
    assert await rate_limits.take(connection, "b", places=4, **take) == 0
    wait_s = await rate_limits.take(connection, "b", places=4, **take)
    assert 3.5 - (time.monotonic() - began) <= wait_s <= 4.5


async def test_platforms_are_asked_for_receipts(pool, connection):
    assert await may_ask(pool, "p", 0.1, until=0)
    await set_back(connection, "rate_limits", "tat")
    assert await may_ask(pool, "p", 0.1, until=0)


async def test_receipts_of_what_went_before_are_asked_for_too(connection):
    for first_id, id_ in ((1, "before"), (2, "after")):
        await handed_over(connection, id_, first_id=first_id)
    await connection.execute(
        """UPDATE attempts SET started_at = now()
           + CASE platform_id WHEN 'before' THEN interval '1 hour' ELSE interval '-11 min' END"""
    )
    assert await receipt_polls.fill(connection, {"p": 600.0}, limit=10) == 2
    due = await connection.fetch(
        "SELECT next_at <= now() + interval '10 min' AS is_soon FROM receipt_polls ORDER BY attempt_id"
    )
    assert [row["is_soon"] for row in due] == [True, True]


async def test_receipts_that_were_asked_for_with_a_clock_of_next_year_are_asked_for(connection):
    for first_id in (1, 2):
        await handed_over(connection, f"id-{first_id}", first_id=first_id)
    await connection.execute("UPDATE attempts SET started_at = now() - interval '11 min'")
    asking = {"after_s": 600.0, "look_at": 10}
    await receipt_polls.fill(connection, {"p": 600.0}, limit=10)
    assert (await receipt_polls.take(connection, "p", **asking))["reference"]
    await connection.execute("UPDATE receipt_polls SET next_at = next_at + interval '1 year' WHERE asked = 1")
    assert (await receipt_polls.take(connection, "p", **asking))["reference"]
    assert not (await receipt_polls.take(connection, "p", **asking))["reference"]
    await receipt_polls.bring_back(connection, {"p": 600.0})
    assert (await receipt_polls.take(connection, "p", **asking))["reference"]
    assert not (await receipt_polls.take(connection, "p", **asking))["reference"]


@pytest.mark.parametrize("reason", ["failing", "refuses_all"])
async def test_a_stopped_platform_is_tried_once(connection, reason):
    pause_s = longest_pause_s(reason)

    async def is_tried():
        state = (await platform_states.read(connection))["p"]
        due = platform_states.is_probe_due(state, longest_pause_s=pause_s)
        assert (
            await platform_states.take_probe(connection, "p", pause_s=pause_s, longest_pause_s=pause_s) is due
        )
        return due

    await platform_states.open_all(connection, {"p": reason})
    assert not await is_tried()
    await set_back(connection, "platform_states", "probe_at")
    assert [await is_tried(), await is_tried()] == [True, False]


async def test_an_alert_is_told(connection):
    await alerts.raise_(connection, "platform_open", "p")
    assert len(await alerts.take_untold(connection)) == 1
    await set_back(connection, "alerts", "taken_until")
    assert [len(await alerts.take_untold(connection)) for _ in range(2)] == [1, 0]


async def test_of_alerts_from_before_anybody_could_be_told_only_the_last_days_are_news(connection):
    for subject in ("old", "new", "live"):
        await alerts.raise_(connection, "platform_open", subject)
    await alerts.clear(connection, "platform_open", "old")
    await alerts.clear(connection, "platform_open", "new")
    await connection.execute("UPDATE alerts SET raised_at = raised_at - interval '60 days'")
    await connection.execute(
        "UPDATE alerts SET cleared_at = now() - interval '25 hours' WHERE subject = 'old'"
    )
    await connection.execute("UPDATE alerts SET cleared_at = now() - interval '1 hour' WHERE subject = 'new'")
    assert [row["subject"] for row in await alerts.take_untold(connection)] == ["new", "live"]


async def test_runs_go_on_taking_turns(pool, connection):
    await rows.add_invoices(connection, 3_000)
    runs = [await bulk.store(pool, Selection(tuple(range(first, first + 1_500)))) for first in (1, 1_501)]
    await bulk.queue_all(pool)
    await bulk.open_now(connection)
    worker = await rows.add_worker(connection)

    async def whose_turn():
        chunk = await bulk_slices.take_chunk(connection, worker)
        return await connection.fetchval("SELECT dispatch_id FROM bulk_chunks WHERE chunk_id = $1", chunk)

    assert {await whose_turn(), await whose_turn()} == set(runs)
    await set_back(connection, "bulk_turns", "served_at")
    assert {await whose_turn(), await whose_turn()} == set(runs)


async def test_the_day_counts_what_happens_and_nothing_twice(connection):
    async def figures():
        await day.fold(connection)
        since = await connection.fetchval("SELECT now() - interval '2 hours'")
        found = await day.read(connection, since=since, zone="UTC")
        return sum(row["total"] for row in found if row["status"] == "new")

    await rows.add_messages(connection, 3)
    await connection.execute("UPDATE message_events SET at = at - interval '10 minutes'")
    assert await figures() == 3
    await set_back(connection, "event_figures_until", "until")
    await set_back(connection, "event_figures", "from_at")
    await set_back(connection, "message_events", "at")
    await rows.add_messages(connection, 1, first_id=9)
    assert await figures() == 4
    await connection.execute("UPDATE message_events SET at = at - interval '90 minutes'")
    await connection.execute("UPDATE event_figures_until SET until = until - interval '90 minutes'")
    assert await figures() == 4


async def test_a_day_limit_that_was_used_up_with_a_clock_of_next_year_is_free_within_a_day(pool, connection):
    limit = {"interval_s": 0.0, "per_day": 3, "costs": [1], "ahead_s": 0.25}
    assert [(await rates.take_slots(connection, "p", **limit)).messages for _ in range(4)] == [1, 1, 1, 0]
    await connection.execute("UPDATE platform_day_use SET bucket = bucket + interval '1 year'")
    assert (await rates.take_slots(connection, "p", **limit)).day_full_s <= DAY_S
    await sweep.bring_back_days(pool)
    full = await rates.take_slots(connection, "p", **limit)
    assert full.messages == 0  # it may have been a moment ago
    assert full.day_full_s <= DAY_S
    await connection.execute("UPDATE platform_day_use SET bucket = bucket - interval '24 h 11 min'")
    assert (await rates.take_slots(connection, "p", **limit)).messages == 1


async def test_what_a_day_limit_counted_long_ago_is_not_kept(pool, connection):
    limit = {"interval_s": 0.0, "per_day": 3, "costs": [1], "ahead_s": 0.25}
    await rates.take_slots(connection, "p", **limit)
    await connection.execute("UPDATE platform_day_use SET bucket = bucket - interval '3 days'")
    await rates.take_slots(connection, "p", **limit)
    await prune_some(pool, Retention())
    assert await connection.fetchval("SELECT count(*) FROM platform_day_use") == 1


async def test_what_was_stored_with_a_clock_of_next_year_keeps_nothing_after_it(pool, connection):
    """Personal texts go by their days, in the order of ids: one row of a time to come held up all that followed."""
    kinds = [
        ("receipts", "received_at, kind", "'other'"),
        ("inbound_texts", "received_at, text, opted_out", "'oi', false"),
    ]
    for table, columns, value in kinds:
        for number, days in enumerate((-365, 91, 89)):
            await connection.execute(
                f"""INSERT INTO {table} (platform, digest, raw, {columns})
                    VALUES ('p', $1, 'raw', now() - make_interval(days => $2), {value})""",
                bytes([number]),
                days,
            )
    assert await prune_some(pool, Retention()) == {"raw_receipts": 1, "replies": 1}
    for table, _, _ in kinds:
        found = await connection.fetch(f"SELECT raw FROM {table} ORDER BY id")
        assert [row["raw"] for row in found] == ["", "", "raw"]
    await prune_some(pool, Retention(text_days=0, evidence_days=90))
    assert await connection.fetchval("SELECT count(*) FROM receipts") == 2


async def _waits(connection):
    return await connection.fetchrow(
        """SELECT count(*) FILTER (WHERE due_at > now()) AS later, count(*) FILTER (WHERE wait_since > now()) AS longer
           FROM messages WHERE status = 'queued'"""
    )


async def test_a_message_that_was_put_to_wait_with_a_clock_of_next_year_goes_at_once(pool, connection):
    chunk_id = await rows.chunk_of(connection, (await rows.add_messages(connection, 2, due_in_s=60))[0])
    await queue.enqueue(connection, [queue.WakeUp(chunk_id, delay_s=60)])
    await connection.execute(
        """UPDATE messages SET created_at = created_at + interval '1 year', changed_at = changed_at + interval '1 year',
                               due_at = due_at + interval '1 year', wait_since = wait_since + interval '1 year'"""
    )
    await connection.execute("UPDATE waiting_chunks SET due_at = due_at + interval '1 year'")
    table = queue.table()
    await connection.execute(f"UPDATE {table} SET execute_after = execute_after + interval '1 year'")
    await sweep.bring_back_waiting(pool)
    assert tuple(await _waits(connection)) == (0, 0)
    assert await connection.fetchval(f"SELECT count(*) FROM {table} WHERE execute_after <= now()") == 1
    assert await connection.fetchval("SELECT count(*) FROM waiting_chunks WHERE due_at <= now()") == 1


async def test_what_left_with_a_clock_of_next_year_does_not_hide_that_nothing_leaves(connection):
    await handed_over(connection)
    await rows.add_messages(connection, first_id=2, due_in_s=-3600)
    assert await signs.stuck_since(connection, after_s=600) is None
    await connection.execute("UPDATE attempts SET started_at = started_at + interval '1 year'")
    assert await signs.stuck_since(connection, after_s=600) is not None


async def test_one_that_is_uncertain_since_next_year_can_be_sent_again_and_asked_about(connection, pool):
    worker, token, ids = await claimed(connection)
    attempts = await start(connection, worker, token, ids)
    await messages.record(connection, [rows.outcome(ids[0], attempts[ids[0]], "ambiguous")], chunk_id=99)
    await connection.execute("UPDATE attempts SET started_at = started_at + interval '1 year'")
    await connection.execute("UPDATE messages SET changed_at = changed_at + interval '1 year'")
    await sweep.bring_back_waiting(pool)
    with pytest.raises(reconcile.TooSoon):  # its worker may still be writing
        await reconcile.resend(connection, ids, actor="ana")
    await connection.execute("UPDATE attempts SET started_at = started_at - interval '11 min'")
    await connection.execute("UPDATE messages SET changed_at = changed_at - interval '11 min'")
    await sweep.bring_back_waiting(pool)
    since = {"older_s": 60, "younger_s": 86_400, "limit": 9}
    assert len(await unsettled.uncertain_references(connection, ["p"], **since)) == 1
    async with connection.transaction():
        assert await reconcile.resend(connection, ids, actor="ana") == ids


async def test_what_was_put_to_wait_with_the_right_clock_goes_on_waiting(pool, connection):
    await rows.add_messages(connection, 1, due_in_s=86_400)
    await rows.add_invoices(connection, 2, first_id=7)
    await bulk.store(pool, Selection((7, 8)))
    await bulk.queue_all(pool)
    await connection.execute("UPDATE messages SET due_at = now() + interval '2 days'")
    await connection.execute("UPDATE bulk_chunks SET due_at = now() + interval '2 days'")
    before = await _waits(connection)  # at night a run's own wait begins later
    await sweep.bring_back_waiting(pool)
    assert await _waits(connection) == before
    assert before["later"] == 3


async def test_a_run_that_was_listed_with_a_clock_of_next_year_is_looked_at_at_once(pool, connection):
    await rows.add_invoices(connection, 3)
    await bulk.store(pool)
    await bulk.queue_all(pool)
    await connection.execute(
        """UPDATE messages SET changed_at = changed_at + interval '1 year', due_at = due_at + interval '1 year',
                               wait_since = wait_since + interval '1 year'"""
    )
    await connection.execute("UPDATE bulk_chunks SET due_at = due_at + interval '1 year'")
    await sweep.bring_back_waiting(pool)
    assert tuple(await _waits(connection)) == (0, 0)
    assert await bulk_slices.take_chunk(connection, await rows.add_worker(connection)) is not None


async def test_a_run_that_was_stored_with_a_clock_of_next_year_begins_now(pool, connection):
    await rows.add_invoices(connection, 3)
    await bulk.store(pool)
    await connection.execute("UPDATE dispatches SET created_at = created_at + interval '1 year'")
    await connection.execute("UPDATE bulk_runs SET not_before = not_before + interval '1 year'")
    await bulk.queue_all(pool)
    within = await connection.fetchval("SELECT max(due_at) < now() + interval '40 days' FROM messages")
    assert within  # in its sending hours


async def test_what_was_sent_with_a_clock_of_next_year_is_no_repetition_until_then(connection):
    await rows.add_messages(connection, 1)
    asked = [(1, await connection.fetchval("SELECT e164 FROM messages"), 60)]
    assert len(await dispatches.recent(connection, asked)) == 1
    await connection.execute("UPDATE messages SET created_at = now() + interval '30 s'")
    assert len(await dispatches.recent(connection, asked)) == 1
    await connection.execute("UPDATE messages SET created_at = now() + interval '1 year'")
    assert await dispatches.recent(connection, asked) == {}


async def test_who_came_in_with_a_clock_of_next_year_is_not_in_until_then(pool, connection):
    user = await connection.fetchval(
        "INSERT INTO users (email, password_hash) VALUES ('a@example.com', 'hash') RETURNING id"
    )
    await uploads.keep(connection, uuid4(), user_id=user, kind="customers", name="x.csv", content=b"personal")
    assert await sessions.add(connection, b"token", user_id=user, password_hash="hash")
    await set_back(connection, "panel_sessions", "seen_at")
    assert await sessions.read_live(connection, b"token") is not None
    for table, column in (
        ("panel_sessions", "seen_at"),
        ("panel_sessions", "created_at"),
        ("uploads", "created_at"),
    ):
        await connection.execute(f"UPDATE {table} SET {column} = {column} + interval '1 year'")
    assert await sessions.read_live(connection, b"token") is None
    assert await prune_some(pool, Retention()) == {"panel_sessions": 1, "uploads": 1}


async def test_an_answer_that_was_kept_with_a_clock_of_next_year_goes_too(pool, connection):
    for key, ahead in (("now", "0 s"), ("ahead", "1 hour"), ("far ahead", "1 year")):
        await connection.execute(
            """INSERT INTO idempotency_keys (client_id, user_id, route, key, request_digest, response, created_at)
               VALUES (1, 1, 'sms', $1, 'x', 'ANA', now() + $2::text::interval)""",
            key,
            ahead,
        )
    assert await prune_some(pool, Retention()) == {"idempotency_keys": 1}
    kept = await connection.fetch("SELECT key FROM idempotency_keys ORDER BY key")
    assert [row["key"] for row in kept] == ["ahead", "now"]

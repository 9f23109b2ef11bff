"""Claim, start, record, take-over: each rule of docs/delivery.md §4 on the real tables."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from tests.support import rows
from tests.support.rows import outcome

from disparo import queue
from disparo.db import messages, workers
from disparo.db.messages import Move, Start
from disparo.dispatch import takeover
from disparo.dispatch.give_back import Deferral, put_back
from disparo.dispatch.recorder import Entry, Recorder
from disparo.domain.message import Event

pytestmark = pytest.mark.anyio


async def claimed(connection, count=1, **kwargs):
    """A worker holding `count` freshly claimed messages: (worker, token, ids)."""
    ids = await rows.add_messages(connection, count, **kwargs)
    worker, token = await rows.add_worker(connection), uuid4()
    chunk = await rows.chunk_of(connection, ids[0])
    assert await messages.claim(connection, worker, token=token, chunk_id=chunk, limit=500) == ids
    return worker, token, ids


async def start(connection, worker, token, ids):
    starts = [Start(id_, token, "texto", 1) for id_ in ids]
    return await messages.start(connection, starts, platform="p", worker_id=worker)


async def test_two_workers_never_claim_the_same_message(connection):
    _, _, ids = await claimed(connection, 3)
    other = await rows.add_worker(connection)
    chunk = await rows.chunk_of(connection, ids[0])
    assert await messages.claim(connection, other, token=uuid4(), chunk_id=chunk, limit=500) == []


async def test_a_message_is_not_claimed_before_its_time(connection):
    ids = await rows.add_messages(connection, due_in_s=60)
    worker = await rows.add_worker(connection)
    chunk = await rows.chunk_of(connection, ids[0])
    assert await messages.claim(connection, worker, token=uuid4(), chunk_id=chunk, limit=500) == []


async def test_a_worker_that_was_taken_over_claims_nothing(connection):
    ids = await rows.add_messages(connection)
    chunk = await rows.chunk_of(connection, ids[0])
    assert await messages.claim(connection, uuid4(), token=uuid4(), chunk_id=chunk, limit=500) == []


async def test_a_start_needs_the_token_of_the_claim(connection):
    worker, _, ids = await claimed(connection)
    assert await start(connection, worker, uuid4(), ids) == {}


async def test_what_is_started_is_neither_started_once_more_nor_put_back_to_wait(connection):
    """Its bytes may have left, and it still carries the token of its claim."""
    worker, token, ids = await claimed(connection)
    assert len(await start(connection, worker, token, ids)) == 1
    assert await start(connection, worker, token, ids) == {}
    await put_back(connection, [Deferral(ids[0], datetime.now(UTC), "platform_busy")], token)
    assert await rows.statuses(connection, ids) == ["sending"]
    assert await connection.fetchval("SELECT count(*) FROM attempts") == 1


async def test_an_outcome_of_another_messages_attempt_is_written_down_nowhere(connection):
    """Numbers of attempts begin anew behind those of a backup that is restored."""
    worker, token, ids = await claimed(connection, 2)
    attempts = await start(connection, worker, token, ids)
    await messages.record(connection, [outcome(ids[0], attempts[ids[1]])], chunk_id=99)
    assert await rows.statuses(connection, ids) == ["sending"] * 2
    assert await connection.fetchval("SELECT count(*) FROM attempts WHERE outcome IS NOT NULL") == 0


async def test_a_cancelled_message_is_not_started(connection):
    worker, token, ids = await claimed(connection, 2)
    await messages.apply_events(connection, [Move(ids[0], Event.CANCEL)], actor="test")
    assert list(await start(connection, worker, token, ids)) == [ids[1]]


async def test_a_started_message_is_not_cancelled(connection):
    worker, token, ids = await claimed(connection)
    await start(connection, worker, token, ids)
    assert await messages.apply_events(connection, [Move(ids[0], Event.CANCEL)], actor="test") == []


async def take_over(connection, worker):
    beat = await connection.fetchval("SELECT beat FROM workers WHERE id = $1", worker)
    async with connection.transaction():
        return await takeover.take_over(connection, worker, beat=beat)


async def test_take_over_requeues_claims_and_makes_starts_uncertain(connection):
    worker, token, ids = await claimed(connection, 2)
    await start(connection, worker, token, ids[:1])
    assert await take_over(connection, worker) == 2
    assert await rows.statuses(connection, ids) == ["uncertain", "queued"]
    again = await rows.chunk_of(connection, ids[1])
    assert await queue.chunks_with_entry(connection, [again]) == {again}  # for no sweep to be waited for


async def test_a_zombie_starts_nothing_after_the_take_over(connection):
    worker, token, ids = await claimed(connection)
    await take_over(connection, worker)
    assert await start(connection, worker, token, ids) == {}


async def test_a_worker_that_beat_meanwhile_is_not_taken_over(connection):
    worker, _, ids = await claimed(connection)
    async with connection.transaction():
        await workers.beat(connection, worker, preparing=None)
        assert await takeover.take_over(connection, worker, beat=0) == 0
    assert await rows.statuses(connection, ids) == ["claimed"]


async def test_a_zombies_outcome_is_recorded_by_attempt_id(connection):
    worker, token, ids = await claimed(connection)
    attempts = await start(connection, worker, token, ids)
    await take_over(connection, worker)
    await messages.record(connection, [outcome(ids[0], attempts[ids[0]])], chunk_id=99)
    assert await rows.statuses(connection, ids) == ["accepted"]


async def test_an_old_attempts_outcome_does_not_touch_the_new_attempt(connection):
    worker, token, ids = await claimed(connection)
    old = (await start(connection, worker, token, ids))[ids[0]]
    await messages.record(connection, [outcome(ids[0], old, "not_taken", retry_s=0.0)], chunk_id=77)
    again = uuid4()
    await messages.claim(connection, worker, token=again, chunk_id=77, limit=500)
    await start(connection, worker, again, ids)
    await messages.record(connection, [outcome(ids[0], old, "refused")], chunk_id=78)
    assert await rows.statuses(connection, ids) == ["sending"]


@pytest.mark.parametrize(("kind", "not_taken"), [("not_taken", 1), ("not_started", 0)])
async def test_not_taken_waits_again_and_does_not_count_as_a_try(connection, kind, not_taken):
    worker, token, ids = await claimed(connection)
    attempts = await start(connection, worker, token, ids)
    await messages.record(connection, [outcome(ids[0], attempts[ids[0]], kind)], chunk_id=77)
    row = await connection.fetchrow(
        "SELECT status, tries, not_taken, chunk_id, due_at > now() AS later FROM messages"
    )
    again = {"status": "queued", "tries": 0, "not_taken": not_taken, "chunk_id": 77, "later": True}
    assert dict(row) == again


async def test_recording_twice_changes_nothing_more(connection):
    worker, token, ids = await claimed(connection)
    attempts = await start(connection, worker, token, ids)
    for _ in range(2):
        await messages.record(connection, [outcome(ids[0], attempts[ids[0]])], chunk_id=77)
    assert await connection.fetchval("SELECT count(*) FROM message_events WHERE to_status = 'accepted'") == 1


async def test_sent_again_by_hand_then_the_old_outcome_arrives_the_outcome_wins(connection):
    worker, token, ids = await claimed(connection)
    attempts = await start(connection, worker, token, ids)
    await take_over(connection, worker)
    await messages.apply_events(connection, [Move(ids[0], Event.RESEND)], actor="person")
    await messages.record(connection, [outcome(ids[0], attempts[ids[0]])], chunk_id=77)
    assert await rows.statuses(connection, ids) == ["accepted"]


@pytest.mark.parametrize("tries", [1, 3])
async def test_refused_when_sent_again_it_may_still_have_left_the_first_time(pool, connection, tries):
    worker, token, ids = await claimed(connection, tries=tries)
    await start(connection, worker, token, ids)
    await take_over(connection, worker)
    await messages.apply_events(connection, [Move(ids[0], Event.RESEND)], actor="person")
    await connection.execute("UPDATE messages SET due_at = now()")  # by itself it waits for half a minute
    second = await rows.add_worker(connection)
    chunk = await rows.chunk_of(connection, ids[0])
    await messages.claim(connection, second, token=token, chunk_id=chunk, limit=1)
    attempts = await start(connection, second, token, ids)
    refused = outcome(ids[0], attempts[ids[0]], "refused", failure="content")
    for _ in range(2):  # the second time for an answer that was lost
        assert await Recorder(pool)._write([Entry(refused, lambda: None)])
        found = await connection.fetchrow("SELECT status, reason FROM messages")
        assert found == ("uncertain", "content")  # nor is it sent once more by itself


async def kill_while_preparing(connection, ids):
    worker = await rows.add_worker(connection)
    chunk = await rows.chunk_of(connection, ids[0])
    await messages.claim(connection, worker, token=uuid4(), chunk_id=chunk, limit=500)
    await take_over(connection, worker)


@pytest.mark.parametrize("kind", ["not_started", "not_taken"])
@pytest.mark.parametrize("status", ["queued", "claimed", "held"])
async def test_sent_again_then_the_old_outcome_says_it_did_not_leave_and_is_no_try(connection, status, kind):
    worker, token, ids = await claimed(connection)
    attempts = await start(connection, worker, token, ids)
    await take_over(connection, worker)
    await messages.apply_events(connection, [Move(ids[0], Event.RESEND)], actor="worker")
    await connection.execute("UPDATE messages SET status = $1, claim_token = $2", status, token)
    late = outcome(ids[0], attempts[ids[0]], kind)
    for _ in range(2):  # the second time for an answer that was lost
        await messages.record(connection, [late], chunk_id=99)
        found = await connection.fetchrow("SELECT status, tries, claim_token FROM messages")
        assert found == (status, 0, token)  # whoever has it in hand keeps it


async def test_an_outcome_behind_its_receipt_takes_nothing_away(connection):
    worker, token, ids = await claimed(connection)
    attempts = await start(connection, worker, token, ids)
    receipt = ("delivered", "told", "platform:p", "id-1")
    await connection.execute(
        "UPDATE messages SET status = $1, reason = $2, actor = $3, platform_id = $4", *receipt
    )
    late = outcome(ids[0], attempts[ids[0]], "ambiguous", code="timeout", segments=None)
    await messages.record(connection, [late], chunk_id=99)
    found = await connection.fetchrow("SELECT status, reason, actor, platform_id, segments FROM messages")
    assert found == (*receipt, 1)


async def test_poison_is_set_apart_then_held(connection):
    ids = await rows.add_messages(connection, 3)
    for _ in range(3):
        await kill_while_preparing(connection, ids)
    assert await connection.fetchval("SELECT count(DISTINCT chunk_id) FROM messages") == 3
    await kill_while_preparing(connection, ids)
    assert await rows.statuses(connection, ids) == ["held", "queued", "queued"]


@pytest.mark.parametrize(("was_started", "status"), [(False, "held"), (True, "queued")])
async def test_one_alone_is_held_at_the_third_death_if_it_was_not_started_since(
    connection, was_started, status
):
    ids = await rows.add_messages(connection)
    for _ in range(2):
        await kill_while_preparing(connection, ids)
    if was_started:
        worker, token, chunk = (
            await rows.add_worker(connection),
            uuid4(),
            await rows.chunk_of(connection, ids[0]),
        )
        await messages.claim(connection, worker, token=token, chunk_id=chunk, limit=500)
        attempts = await start(connection, worker, token, ids)
        late = outcome(ids[0], attempts[ids[0]], "not_taken", retry_s=0.0)
        await messages.record(connection, [late], chunk_id=77)
    await kill_while_preparing(connection, ids)
    assert await rows.statuses(connection, ids) == [status]


async def test_a_death_outside_preparing_is_no_suspicion(connection):
    ids = await rows.add_messages(connection)
    for _ in range(5):
        worker, chunk = await rows.add_worker(connection), await rows.chunk_of(connection, ids[0])
        await messages.claim(connection, worker, token=uuid4(), chunk_id=chunk, limit=500)
        await workers.beat(connection, worker, preparing=None)
        await take_over(connection, worker)
    assert await rows.statuses(connection, ids) == ["queued"]


@pytest.mark.parametrize(("kind", "chunk_id"), [("single", 5), ("bulk", -5)])
async def test_counts_equal_a_fresh_group_by_also_after_folding(connection, kind, chunk_id):
    worker, token, ids = await claimed(connection, 30, kind=kind, chunk_id=chunk_id)
    for id_ in ids:
        attempts = await start(connection, worker, token, [id_])
        await messages.record(connection, [outcome(id_, attempts[id_])], chunk_id=77)
    kept = "SELECT c.* FROM dispatches d, counts_of(d.id, d.kind) c ORDER BY 1"
    fresh = await connection.fetch("SELECT status, count(*) FROM messages GROUP BY status ORDER BY 1")
    assert [tuple(row) for row in await connection.fetch(kept)] == [tuple(row) for row in fresh]
    await messages.fold_counts(connection)
    assert [tuple(row) for row in await connection.fetch(kept)] == [tuple(row) for row in fresh]
    assert await connection.fetchval("SELECT count(*) FROM dispatch_counts") == (kind == "bulk") * len(fresh)


async def test_what_belongs_to_a_deleted_dispatch_goes_with_it(connection):
    worker, token, ids = await claimed(connection, 2, kind="bulk", chunk_id=-5)
    await start(connection, worker, token, ids)
    await rows.add_messages(connection, 1, first_id=50)
    await connection.execute("DELETE FROM dispatches WHERE kind = 'bulk'")
    for table, left in (("messages", 1), ("message_events", 1), ("attempts", 0), ("dispatch_counts", 0)):
        assert await connection.fetchval(f"SELECT count(*) FROM {table}") == left, table


async def test_a_bulk_runs_messages_stay_behind_single_calls_wherever_they_wait(connection):
    worker, token, ids = await claimed(connection, 2, kind="bulk", chunk_id=-5)
    attempts = await start(connection, worker, token, ids[:1])
    result = outcome(ids[0], attempts[ids[0]], "not_taken")
    (row,) = await messages.record(connection, [result], chunk_id=77)
    assert row["chunk_id"] == -77
    now = await connection.fetchval("SELECT now()")
    assert await messages.put_back(connection, [(ids[1], now, "x")], token=token, chunk_id=78) == [-78]
    assert await messages.rechunk(connection, ids, chunk_id=79) == [-79]
    assert await messages.requeue(connection, ids, chunk_id=80, delay_s=0) == [-80]


async def test_every_change_is_an_event(connection):
    worker, token, ids = await claimed(connection)
    attempts = await start(connection, worker, token, ids)
    await messages.record(connection, [outcome(ids[0], attempts[ids[0]])], chunk_id=77)
    events = await connection.fetch("SELECT to_status FROM message_events ORDER BY id")
    assert [row["to_status"] for row in events] == ["queued", "claimed", "sending", "accepted"]


@pytest.mark.parametrize("kind", ["not_taken", "not_started", "ambiguous"])
async def test_an_old_outcome_leaves_a_newer_claim_alone(connection, kind):
    """The recorder writes again what a lost answer left in doubt; the message may be in hand again by then."""
    worker, token, ids = await claimed(connection)
    attempts = await start(connection, worker, token, ids)
    await messages.record(
        connection, [outcome(ids[0], attempts[ids[0]], "not_taken", retry_s=0.0)], chunk_id=77
    )
    other, again = await rows.add_worker(connection), uuid4()
    assert await messages.claim(connection, other, token=again, chunk_id=77, limit=500) == ids
    await messages.record(connection, [outcome(ids[0], attempts[ids[0]], kind, retry_s=0.0)], chunk_id=78)
    row = await connection.fetchrow("SELECT status, worker_id, claim_token FROM messages")
    assert tuple(row) == ("claimed", other, again)
    assert list(await start(connection, other, again, ids)) == ids

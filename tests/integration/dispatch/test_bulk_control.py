"""A bulk run is paused, resumed and cancelled at any moment; runs take turns."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest
from tests.support import bulk, rows

from disparo.db import bulk_runs, bulk_slices, messages, signs
from disparo.db.messages import Move, Start
from disparo.dispatch import bulk_control, cancel
from disparo.dispatch.bulk import Selection
from disparo.dispatch.bulk_control import NotPossible
from disparo.dispatch.bulk_work import BulkWork
from disparo.dispatch.claims import Holder
from disparo.dispatch.give_back import Deferral, put_back
from disparo.dispatch.rules import Drop, objection
from disparo.dispatch.sweep import wake_forgotten_chunks
from disparo.domain.message import Event

pytestmark = pytest.mark.anyio


@pytest.fixture
async def run(pool, connection):
    """Three queued messages of a run, in one chunk."""
    return await bulk.queue_three(pool, connection)


async def claim(connection, worker, limit=500):
    chunk = await bulk_slices.take_chunk(connection, worker)
    token = uuid4()
    return token, await messages.claim(connection, worker, token=token, chunk_id=chunk, limit=limit)


async def test_a_paused_run_gives_no_chunk_and_gets_back_what_was_claimed(pool, connection, run):
    worker = await rows.add_worker(connection)
    token, ids = await claim(connection, worker)
    started = await messages.start(connection, [Start(ids[0], token, "t", 1)], platform="p", worker_id=worker)
    assert await bulk_control.pause_run(pool, run, actor="test")
    assert list(started) == ids[:1]  # what was started is a fact
    assert await rows.statuses(connection, ids) == ["sending", "queued", "queued"]
    late = await messages.start(connection, [Start(ids[1], token, "t", 1)], platform="p", worker_id=worker)
    assert late == {}
    assert await bulk_slices.take_chunk(connection, worker) is None
    await bulk_control.resume_run(pool, run, actor="test")
    _, again = await claim(connection, worker)
    assert again == ids[1:]


async def test_the_time_in_which_it_was_paused_is_no_waiting(pool, connection, run):
    await connection.execute("UPDATE messages SET wait_since = now() - interval '30 days'")
    ids = [row["id"] for row in await connection.fetch("SELECT id FROM messages")]
    await bulk_control.pause_run(pool, run, actor="test")
    await bulk_control.resume_run(pool, run, actor="test")
    (facts, *_) = await messages.claimed_facts(connection, ids)
    assert objection(facts, bulk.RULES) is None
    await connection.execute("UPDATE bulk_runs SET resumed_at = now() - interval '29 days'")
    (facts, *_) = await messages.claimed_facts(connection, ids)
    assert objection(facts, bulk.RULES) == Drop(Event.EXPIRE, "timeout")


async def test_a_paused_run_is_not_queued_on(pool, connection):
    await rows.add_invoices(connection, 3)
    dispatch_id = await bulk.store(pool)
    await bulk_control.pause_run(pool, dispatch_id, actor="test")
    assert await bulk.queue_all(pool) == 0
    await bulk_control.resume_run(pool, dispatch_id, actor="test")
    await bulk.queue_all(pool)
    await bulk.open_now(connection)
    assert await connection.fetchval("SELECT count(*) FROM messages") == 3


async def test_cancelling_says_how_many_were_gone_and_nothing_of_the_rest_goes(pool, connection, run):
    worker = await rows.add_worker(connection)
    token, ids = await claim(connection, worker, limit=2)
    await messages.start(connection, [Start(ids[0], token, "t", 1)], platform="p", worker_id=worker)
    found = await bulk_control.cancel_run(pool, run, actor="test")
    assert (found.cancelled, found.gone) == (2, 1)
    late = await messages.start(connection, [Start(ids[1], token, "t", 1)], platform="p", worker_id=worker)
    assert late == {}
    state = await bulk.run_of(pool, run)
    assert (state["state"], state["counts"]) == ("cancelled", {"sending": 1, "cancelled": 2})
    assert state["finished_at"] is not None


async def test_what_was_cancelled_in_a_workers_hands_leaves_no_chunk_behind(pool, connection, run):
    worker = await rows.add_worker(connection)
    token, ids = await claim(connection, worker)
    await bulk_control.cancel_run(pool, run, actor="test")
    opens_at = datetime.now(UTC) + timedelta(hours=1)
    await put_back(connection, [Deferral(id_, opens_at, "outside_window", run) for id_ in ids], token)
    assert await connection.fetchval("SELECT count(*) FROM bulk_chunks") == 0


async def test_what_may_have_left_before_is_not_counted_as_cancelled(pool, connection, run):
    worker = await rows.add_worker(connection)
    token, ids = await claim(connection, worker)
    await messages.start(connection, [Start(ids[0], token, "t", 1)], platform="p", worker_id=worker)
    lost_and_again = [Move(ids[0], Event.LOSE), Move(ids[0], Event.RESEND)]
    for move in lost_and_again:
        await messages.apply_events(connection, [move], actor="test")
    await messages.apply_events(connection, [Move(ids[1], Event.CANCEL)], actor="another")
    found = await bulk_control.cancel_run(pool, run, actor="test")
    assert (found.cancelled, found.gone, found.again) == (1, 1, 1)
    assert (await bulk.run_of(pool, run))["counts"] == {"uncertain": 1, "cancelled": 2}


async def test_what_a_worker_is_quicker_to_cancel_is_counted_too(pool, run, monkeypatch):
    read = bulk_runs.read

    async def once_a_worker_was_there(connection, dispatch_id):
        monkeypatch.setattr(bulk_control.bulk_runs, "read", read)
        await bulk_control.finish_cancelled(pool)
        return await read(connection, dispatch_id)

    monkeypatch.setattr(bulk_control.bulk_runs, "read", once_a_worker_was_there)
    found = await bulk_control.cancel_run(pool, run, actor="test")
    assert (found.cancelled, found.gone) == (3, 0)
    assert (await bulk.run_of(pool, run))["counts"] == {"cancelled": 3}


async def test_a_cancelled_run_queues_nothing_more(pool, connection):
    await rows.add_invoices(connection, 3)
    dispatch_id = await bulk.store(pool)
    await bulk_control.cancel_run(pool, dispatch_id, actor="test")
    assert await bulk.queue_all(pool) == 0
    assert await connection.fetchval("SELECT count(*) FROM messages") == 0


async def test_what_a_canceller_did_not_finish_is_finished_by_a_worker(pool, connection, run, monkeypatch):
    monkeypatch.setattr(bulk_control, "_PATIENCE_S", -1)
    for _ in range(2):  # whoever asks again meanwhile is told the same
        found = await bulk_control.cancel_run(pool, run, actor="test")
        assert (found.cancelled, found.gone) == (3, 0)
    assert (await bulk.run_of(pool, run))["counts"] == {"queued": 3}
    await bulk_control.finish_cancelled(pool)
    assert (await bulk.run_of(pool, run))["counts"] == {"cancelled": 3}
    found = await bulk_control.cancel_run(pool, run, actor="test")
    assert (found.cancelled, found.gone) == (0, 0)


async def test_a_run_that_the_database_lets_nobody_finish_keeps_no_other_from_its_end(
    pool, connection, run, monkeypatch
):
    monkeypatch.setattr(bulk_control, "_PATIENCE_S", -1)
    await bulk_control.cancel_run(pool, run, actor="test")
    other = await bulk.queue_three(pool, connection)
    await bulk_control.cancel_run(pool, other, actor="test")
    stuck, free = await bulk_runs.cancelled_unfinished(connection)
    await rows.refuse(connection, "messages", f"new.dispatch_id = '{stuck}'")
    await bulk_control.finish_cancelled(pool)
    assert (await bulk.run_of(pool, stuck))["counts"] == {"queued": 3}
    assert (await bulk.run_of(pool, free))["counts"] == {"cancelled": 3}


async def test_a_register_of_which_many_phones_are_to_be_read_keeps_no_run_from_its_end(
    pool, connection, run, monkeypatch
):
    reading = asyncio.Event()

    async def read_long(_pool):
        reading.set()
        await asyncio.sleep(600)

    async def hand_nothing_over(_chunk_id):
        pass

    monkeypatch.setattr("disparo.dispatch.bulk_work.read_numbers", read_long)
    monkeypatch.setattr("disparo.dispatch.bulk_work._TEND_EVERY_S", 0.05)
    monkeypatch.setattr(bulk_control, "_PATIENCE_S", -1)
    work = BulkWork(pool, hand_nothing_over, Holder(uuid4()), lambda: bulk.RULES)
    jobs = [asyncio.create_task(job) for _, job in work.jobs()]
    await reading.wait()
    await bulk_control.cancel_run(pool, run, actor="test")
    async with asyncio.timeout(30):
        while (await bulk.run_of(pool, run))["finished_at"] is None:
            await asyncio.sleep(0.05)
    for job in jobs:
        job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (bulk_control.cancel_run, bulk_control.pause_run),
        (bulk_control.pause_run, None),
    ],
)
async def test_what_the_state_does_not_allow_is_refused(pool, run, first, second):
    await first(pool, run, actor="test")
    if second is None:
        await bulk_control.cancel_run(pool, run, actor="test")
        second = bulk_control.resume_run
    with pytest.raises(NotPossible):
        await second(pool, run, actor="test")


async def test_what_is_as_it_is_asked_for_already_is_no_error_and_is_audited_once(pool, connection, run):
    for change in (bulk_control.pause_run, bulk_control.resume_run):
        for _ in range(2):
            assert await change(pool, run, actor="test")
    audited = await connection.fetch("SELECT action FROM audit_log ORDER BY id")
    assert [row["action"] for row in audited[-2:]] == ["bulk_run_paused", "bulk_run_resumed"]


async def test_there_is_no_such_run(pool):
    assert not await bulk_control.pause_run(pool, uuid4(), actor="test")
    assert await bulk_control.cancel_run(pool, uuid4(), actor="test") is None


async def test_a_run_that_waits_for_its_hours_keeps_no_other_from_its_turn(pool, connection, run):
    await connection.execute("UPDATE bulk_chunks SET due_at = now() + interval '1 hour'")
    await rows.add_invoices(connection, 1, first_id=50)
    other = await bulk.store(pool, Selection([50]))
    await bulk.queue_all(pool)
    await connection.execute("UPDATE bulk_chunks SET due_at = now() WHERE dispatch_id = $1", other)
    chunk = await bulk_slices.take_chunk(connection, await rows.add_worker(connection))
    assert chunk == await connection.fetchval(
        "SELECT chunk_id FROM bulk_chunks WHERE dispatch_id = $1", other
    )


async def test_two_runs_take_turns_whatever_their_size(pool, connection):
    await rows.add_invoices(connection, 4000)
    large = await bulk.store(pool, Selection(list(range(1, 3001))))
    await bulk.queue_all(pool)
    await bulk.open_now(connection)
    small = await bulk.store(pool, Selection(list(range(3001, 4001))))
    await bulk.queue_all(pool)
    await bulk.open_now(connection)
    worker = await rows.add_worker(connection)
    served = []
    while (chunk := await bulk_slices.take_chunk(connection, worker)) is not None:
        served.append(
            await connection.fetchval("SELECT dispatch_id FROM bulk_chunks WHERE chunk_id = $1", chunk)
        )
    assert len(served) == 8
    assert served[:4].count(small) == 2
    assert served[4:] == [large] * 4


async def test_a_dead_workers_chunk_is_free_again(pool, connection, run):
    worker, other = await rows.add_worker(connection), await rows.add_worker(connection)
    chunk = await bulk_slices.take_chunk(connection, worker)
    assert await bulk_slices.take_chunk(connection, other) is None
    await connection.execute("DELETE FROM workers WHERE id = $1", worker)
    assert await bulk_slices.take_chunk(connection, other) == chunk


async def test_a_worker_that_was_taken_over_takes_no_chunk(pool, connection, run):
    worker, other = await rows.add_worker(connection), await rows.add_worker(connection)
    await connection.execute("DELETE FROM workers WHERE id = $1", worker)
    assert await bulk_slices.take_chunk(connection, worker) is None  # and is told of no key that is missing
    assert await bulk_slices.take_chunk(connection, other) is not None


async def test_a_run_is_done_when_nothing_of_it_waits(pool, connection, run):
    worker = await rows.add_worker(connection)
    chunk = await bulk_slices.take_chunk(connection, worker)
    assert not await bulk_slices.end_chunk(connection, chunk, worker)  # all of it still waits
    assert await bulk_runs.finish_sent(connection) == []
    await connection.execute("UPDATE messages SET status = 'accepted' WHERE dispatch_id = $1", run)
    await bulk_slices.take_chunk(connection, worker)
    assert await bulk_slices.end_chunk(connection, chunk, worker)
    assert await bulk_runs.finish_sent(connection) == [run]


async def test_a_run_that_is_paused_when_all_of_it_has_gone_is_done_as_well(pool, connection, run):
    """It was said to be paused for ever, with nothing in it to resume."""
    await bulk_control.pause_run(pool, run, actor="test")
    assert await bulk_runs.finish_sent(connection) == []
    await connection.execute("DELETE FROM bulk_chunks")
    await connection.execute("UPDATE messages SET status = 'held' WHERE dispatch_id = $1", run)
    await connection.execute(
        """INSERT INTO installation (system_identifier, timeline, database_oid, held_since)
           VALUES (1, 1, 1, now())"""
    )
    assert await bulk_runs.finish_sent(connection) == []  # it waits again when a person lets it go
    await connection.execute("UPDATE messages SET status = 'uncertain' WHERE dispatch_id = $1", run)
    assert await bulk_runs.finish_sent(connection) == []  # it may turn out that they were not taken
    await connection.execute("UPDATE messages SET status = 'accepted' WHERE dispatch_id = $1", run)
    assert await bulk_runs.finish_sent(connection) == [run]


async def test_a_run_that_is_paused_when_all_of_it_is_withdrawn_one_by_one_is_done(pool, connection, run):
    """Its chunks stood empty, and nobody takes those of a paused run: it was paused for ever."""
    await bulk_control.pause_run(pool, run, actor="test")
    for row in await connection.fetch("SELECT id FROM messages"):
        async with connection.transaction():
            await cancel.cancel_message(connection, row["id"], actor="test")
    assert await bulk_runs.finish_sent(connection) == [run]
    await bulk_control.free_of_ended(pool)
    assert await connection.fetchval("SELECT count(*) FROM bulk_chunks") == 0


async def test_what_turns_out_not_taken_of_an_ended_run_goes_no_more_once_it_is_cancelled(
    pool, connection, run
):
    """Its worker was frozen and taken over: nobody knew then, and the run was over."""
    worker = await rows.add_worker(connection)
    token, ids = await claim(connection, worker)
    starts = [Start(id_, token, "t", 1) for id_ in ids]
    started = await messages.start(connection, starts, platform="p", worker_id=worker)
    await connection.execute("UPDATE messages SET status = 'uncertain'")
    await connection.execute("DELETE FROM bulk_chunks")
    assert await bulk_runs.finish_sent(connection) == [run]
    await bulk_control.cancel_run(pool, run, actor="test")
    late = [rows.outcome(id_, attempt, "not_started") for id_, attempt in started.items()]
    await messages.record(connection, late, chunk_id=99)
    assert await rows.statuses(connection, ids) == ["queued"] * 3
    facts = await messages.claimed_facts(connection, ids)
    assert [objection(each, bulk.RULES) for each in facts] == [Drop(Event.CANCEL, "cancelled")] * 3


async def test_waiting_chunks_of_a_run_are_not_the_engines(pool, connection, run):
    await connection.execute("UPDATE messages SET due_at = now() - interval '1 hour'")
    assert await wake_forgotten_chunks(pool) == 0


async def test_a_run_that_nobody_sends_is_a_sign_of_trouble_and_a_paused_one_is_none(pool, connection, run):
    await connection.execute("UPDATE bulk_chunks SET due_at = now() - interval '1 hour'")
    assert await signs.stuck_since(connection, after_s=600) is not None
    await bulk_control.pause_run(pool, run, actor="test")
    assert await signs.stuck_since(connection, after_s=600) is None


async def test_a_run_that_has_just_been_resumed_has_its_time_to_begin(pool, connection, run):
    await connection.execute("UPDATE bulk_chunks SET due_at = now() - interval '1 day'")
    await bulk_control.pause_run(pool, run, actor="test")
    await bulk_control.resume_run(pool, run, actor="test")
    assert await signs.stuck_since(connection, after_s=600) is None
    await connection.execute("UPDATE bulk_runs SET resumed_at = now() - interval '1 hour'")
    assert await signs.stuck_since(connection, after_s=600) is not None


async def test_a_chunk_whose_taking_was_never_answered_is_worked_on(pool, connection, run):
    """The connection may be lost after the chunk is ours and before we know it."""
    worker = await rows.add_worker(connection)
    chunk = await bulk_slices.take_chunk(connection, worker)
    handled = []

    async def handle(chunk_id):
        handled.append(chunk_id)
        await connection.execute("UPDATE messages SET status = 'accepted' WHERE chunk_id = $1", chunk_id)

    await BulkWork(pool, handle, Holder(worker), lambda: bulk.RULES)._take()
    assert handled == [chunk]
    assert await connection.fetchval("SELECT count(*) FROM bulk_chunks") == 0


@pytest.mark.parametrize("change", [bulk_control.cancel_run, bulk_control.pause_run])
async def test_a_server_that_dies_half_way_through_leaves_nothing_to_be_started(
    pool, connection, run, monkeypatch, change
):
    worker = await rows.add_worker(connection)
    token, ids = await claim(connection, worker)

    async def die(*_):
        raise asyncpg.ConnectionDoesNotExistError("gone")

    with monkeypatch.context() as patch:
        patch.setattr("disparo.db.bulk_messages.claimed_of", die)
        with pytest.raises(asyncpg.ConnectionDoesNotExistError):
            await change(pool, run, actor="test")
    await bulk_control.finish_cancelled(pool)  # the workers' rounds
    await bulk_control.take_back_paused(pool)
    starts = [Start(id_, token, "t", 1) for id_ in ids]
    assert await messages.start(connection, starts, platform="p", worker_id=worker) == {}
    expected = "cancelled" if change is bulk_control.cancel_run else "queued"
    assert await rows.statuses(connection, ids) == [expected] * 3

"""A worker outlives a bad round of any of its jobs, and does not outlive the loss of what carries messages."""

from __future__ import annotations

import asyncio
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from tests.integration.dispatch.test_fence import claimed
from tests.support import bulk, rows
from tests.support.cutter import Cutter

from disparo.db import workers
from disparo.dispatch import bulk_control
from disparo.dispatch import worker as module
from disparo.dispatch.claims import Holder
from disparo.dispatch.lane import Lane
from disparo.dispatch.presence import Presence
from disparo.dispatch.recorder import Recorder
from disparo.dispatch.rules import Rules
from disparo.dispatch.worker import Worker, WorkerPlan, WorkerSettings
from disparo.errors import RESTART_ME
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.registry import read_table

pytestmark = pytest.mark.anyio


def worker(dsn):
    platform = GenericHttp("p", read_table("p", {"url": "http://127.0.0.1:1/"}))
    rules = Rules("X", None, ZoneInfo("America/Sao_Paulo"), 3, allow_paid=False, is_holiday=lambda *_: False)

    async def tell(_alert):
        return True

    return Worker(dsn, plan=WorkerPlan({"p": platform}, (), rules, tell), settings=WorkerSettings(10_000))


async def fall(*_, **__):
    await asyncio.sleep(0.1)
    raise RuntimeError("lost")


@pytest.mark.parametrize(("part", "method"), [(Recorder, "run"), (Lane, "run"), (Lane, "keep_share")])
async def test_a_part_that_falls_ends_the_worker_to_be_started_anew(dsn, monkeypatch, part, method):
    monkeypatch.setattr(part, method, fall)
    async with asyncio.timeout(20):
        assert await worker(dsn).run(asyncio.Event()) == RESTART_ME


async def work_until(dsn, turns, many):
    """Let a worker run until so many turns were had, and end it in order."""
    stop = asyncio.Event()
    running = asyncio.create_task(worker(dsn).run(stop))
    async with asyncio.timeout(30):
        while len(turns) < many:
            await asyncio.sleep(0.02)
        stop.set()
        assert await running == 0


async def test_a_bad_round_of_a_job_ends_nothing(dsn, monkeypatch):
    rounds = []

    async def bad_round(*_, **__):
        rounds.append(1)
        raise RuntimeError("Session is closed")

    monkeypatch.setattr(module, "_POLL_EVERY_S", 0.05)
    monkeypatch.setattr(module.polling, "poll_receipts", bad_round)
    await work_until(dsn, rounds, 3)


async def test_a_database_that_says_nothing_is_not_asked_to_let_a_worker_leave(dsn, connection, monkeypatch):
    way, stop, asked = Cutter(dsn), asyncio.Event(), []
    await way.start()

    async def leave(*_):
        asked.append(1)

    monkeypatch.setattr(module, "leave", leave)
    monkeypatch.setattr(module, "_ANSWERS_WITHIN_S", 0.3)
    opened = """SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name = 'disparo-queue'"""
    running = asyncio.create_task(worker(way.dsn).run(stop))
    async with asyncio.timeout(60):
        while await connection.fetchval(opened) < 4:  # the last pool that it opens
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)  # its first statements are its own
        way.is_silent = True
        stop.set()
        assert await running == 0
    assert asked == []
    way.stop()


@pytest.fixture
async def _a_run_that_stays(pool, connection):
    """Without any, runs are not tended."""
    await rows.add_invoices(connection, 1)
    await bulk_control.pause_run(pool, await bulk.store(pool), actor="test")


@pytest.mark.usefixtures("_a_run_that_stays")
@pytest.mark.parametrize(
    ("every", "fails", "comes_later"),
    [
        ("worker._TIDY_EVERY_S", "reconcile.ask_platforms", "sweep.fold_counts"),
        ("worker._TIDY_EVERY_S", "receipts.apply_waiting", "sweep.fold_counts"),
        ("worker._SWEEP_EVERY_S", "sweep.wake_forgotten_chunks", "worker.give_back"),
        ("worker._ALARM_EVERY_S", "alarms.Alarms.look", "worker.tell_all"),
        ("bulk_work._TEND_EVERY_S", "bulk_control.take_back_paused", "bulk_control.free_of_ended"),
    ],
)
async def test_what_always_fails_starves_nothing_that_comes_after_it(
    dsn, monkeypatch, every, fails, comes_later
):
    turns = []

    async def has_its_turn(*_):
        turns.append(1)

    monkeypatch.setattr(f"disparo.dispatch.{every}", 0.05)
    monkeypatch.setattr(f"disparo.dispatch.{fails}", fall)
    monkeypatch.setattr(f"disparo.dispatch.{comes_later}", has_its_turn)
    await work_until(dsn, turns, 2)


async def test_a_dead_worker_that_cannot_be_taken_over_keeps_no_other_from_it(dsn, pool, connection):
    held = {}
    for number in (1, 2):
        dead, _, ids = await claimed(connection, first_id=number)
        held[dead] = ids[0]
    stuck = held[next(iter(await workers.list_beats(connection)))]
    await rows.refuse(connection, "messages", f"new.id = {stuck}")
    presence = Presence(pool, Holder(uuid4()), dsn)
    presence._watch.dead_after_s = 0.0
    await presence.look_at_others()
    assert sorted(await rows.statuses(connection, list(held.values()))) == ["claimed", "queued"]


async def test_a_worker_does_not_take_itself_over(dsn, pool, connection):
    """A claim that takes long holds up its own beat."""
    own = await rows.add_worker(connection)
    presence = Presence(pool, Holder(own), dsn)
    presence._watch.dead_after_s = 0.0
    await presence.look_at_others()
    assert set(await workers.list_beats(connection)) == {own}


async def test_what_is_claimed_while_a_worker_ends_is_in_somebodys_hands(dsn, pool, connection):
    """A claim that takes long, as on a slow disk, is committed when all else has been given back."""
    await rows.add_invoices(connection, 3)
    await bulk.store(pool)
    await bulk.queue_all(pool)
    await bulk.open_now(connection)
    await connection.execute(
        """CREATE FUNCTION be_slow() RETURNS trigger LANGUAGE plpgsql AS
           'BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NEW; END';
           CREATE TRIGGER be_slow BEFORE INSERT ON claims FOR EACH ROW EXECUTE FUNCTION be_slow()"""
    )
    stop = asyncio.Event()
    async with asyncio.timeout(60):
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(4711)")
            running = asyncio.create_task(worker(dsn).run(stop))
            while not await connection.fetchval(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE objid = 4711 AND NOT granted)"
            ):
                await asyncio.sleep(0.01)
            stop.set()
            await asyncio.wait({running}, timeout=1)
        assert await running == 0
    held = await connection.fetchval("SELECT count(*) FROM messages WHERE status = 'claimed'")
    workers = await connection.fetchval("SELECT count(*) FROM workers")
    assert held == 0 or workers == 1


async def test_a_worker_that_left_does_not_come_back_under_another_name(dsn, connection, monkeypatch):
    """The figures that it leaves take longer than a beat, as on a slow disk."""
    monkeypatch.setattr(module.figures, "fold", lambda _pool: asyncio.sleep(1.5))
    stop = asyncio.Event()
    running = asyncio.create_task(worker(dsn).run(stop))
    async with asyncio.timeout(30):
        while not await connection.fetchval("SELECT sum(beat) FROM workers"):
            await asyncio.sleep(0.02)
        stop.set()
        assert await running == 0
    assert await connection.fetchval("SELECT count(*) FROM workers") == 0

"""A worker outlives a bad round of any of its jobs, and does not outlive the loss of what carries messages."""

from __future__ import annotations

import asyncio
from zoneinfo import ZoneInfo

import pytest
from tests.support import bulk, rows

from disparo.dispatch import worker as module
from disparo.dispatch.lane import Lane
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
    return Worker(dsn, plan=WorkerPlan({"p": platform}, (), rules), settings=WorkerSettings(10_000))


async def fall(*_):
    await asyncio.sleep(0.1)
    raise RuntimeError("lost")


@pytest.mark.parametrize(("part", "method"), [(Recorder, "run"), (Lane, "run"), (Lane, "keep_share")])
async def test_a_part_that_falls_ends_the_worker_to_be_started_anew(dsn, monkeypatch, part, method):
    monkeypatch.setattr(part, method, fall)
    async with asyncio.timeout(20):
        assert await worker(dsn).run(asyncio.Event()) == RESTART_ME


async def test_a_bad_round_of_a_job_ends_nothing(dsn, monkeypatch):
    rounds = []

    async def bad_round(*_):
        rounds.append(1)
        raise RuntimeError("Session is closed")

    monkeypatch.setattr(module, "_POLL_EVERY_S", 0.05)
    monkeypatch.setattr(module.polling, "poll_receipts", bad_round)
    stop = asyncio.Event()
    running = asyncio.create_task(worker(dsn).run(stop))
    async with asyncio.timeout(20):
        while len(rounds) < 3:
            await asyncio.sleep(0.02)
        stop.set()
        assert await running == 0


async def test_what_is_claimed_while_a_worker_ends_is_in_somebodys_hands(dsn, pool, connection):
    """A claim that takes a second, as on a slow disk, is committed when all else has been given back."""
    await rows.add_invoices(connection, 3)
    await bulk.store(pool)
    await bulk.queue_all(pool)
    await bulk.open_now(connection)
    await connection.execute(
        """CREATE FUNCTION be_slow() RETURNS trigger LANGUAGE plpgsql AS
           'BEGIN PERFORM pg_sleep(1); RETURN NEW; END';
           CREATE TRIGGER be_slow BEFORE INSERT ON claims FOR EACH ROW EXECUTE FUNCTION be_slow()"""
    )
    stop = asyncio.Event()
    running = asyncio.create_task(worker(dsn).run(stop))
    async with asyncio.timeout(20):
        while not await connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')"
        ):
            await asyncio.sleep(0.01)
        stop.set()
        assert await running == 0
    held = await connection.fetchval("SELECT count(*) FROM messages WHERE status = 'claimed'")
    workers = await connection.fetchval("SELECT count(*) FROM workers")
    assert held == 0 or workers == 1

"""Bulk runs in tests: stored, queued whole, looked into."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from tests.support import rows

from disparo.db import bulk_runs
from disparo.db.dispatches import StoredAs
from disparo.dispatch.bulk import RunOrder, Selection, store_run
from disparo.dispatch.bulk_queue import queue_some
from disparo.dispatch.calls import AcceptSettings
from disparo.dispatch.rules import Rules

ZONE = ZoneInfo("America/Sao_Paulo")
SETTINGS = AcceptSettings(
    stored_as=StoredAs("sms", 1, 172_800, 2048),
    delay_s=0,
    zone=ZONE,
    allow_paid=False,
    has_platform=True,
    is_holiday=lambda _day, _uf: False,
)
RULES = Rules("ISP", None, ZONE, 3, allow_paid=False, is_holiday=lambda _day, _uf: False)


async def store(pool, selection=None, **order):
    """A run of all open invoices, or of a selection."""
    async with pool.acquire() as connection, connection.transaction():
        stored = await store_run(connection, RunOrder(selection or Selection(), "test", **order), SETTINGS)
    return stored.dispatch_id


async def queue_three(pool, connection):
    """Queue three messages of a run, in one chunk, that may go now; gives the run."""
    await rows.add_invoices(connection, 3)
    dispatch_id = await store(pool)
    await queue_all(pool)
    await open_now(connection)
    return dispatch_id


async def open_now(connection):
    """Let what is queued of runs go now, whatever hour or day it is: as if its customers had asked for it."""
    await connection.execute("UPDATE dispatches SET purpose = 'requested' WHERE kind = 'bulk'")
    # The messages first: whoever found their chunk before them would put it off to the old moment.
    await connection.execute(
        "UPDATE messages SET due_at = now() WHERE status IN ('queued', 'claimed') AND due_at > now()"
    )
    await connection.execute("UPDATE bulk_chunks SET due_at = now() WHERE due_at > now()")


async def queue_all(pool, rules=RULES):
    rounds = 0
    while await queue_some(pool, rules):
        rounds += 1
    return rounds


async def run_of(pool, dispatch_id):
    async with pool.acquire() as connection:
        row = await bulk_runs.read(connection, dispatch_id)
    return {
        **dict(row),
        "tallies": json.loads(row["tallies"] or "{}"),
        "counts": json.loads(row["counts"] or "{}"),
    }


def now():
    return datetime.now(UTC)

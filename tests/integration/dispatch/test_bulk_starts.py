"""When a run starts is what its answer says: when the first of its messages is due."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest
from tests.support import bulk, rows

from disparo.db import messages
from disparo.dispatch.bulk import RunOrder, Selection, store_run
from disparo.dispatch.bulk_queue import read_numbers
from disparo.dispatch.rules import Drop, objection
from disparo.domain.message import Event

pytestmark = pytest.mark.anyio


def saturday_afternoon():
    """One to come, whatever day it is: the delay of the installation leads there."""
    today = bulk.now().astimezone(bulk.ZONE).date()
    return datetime.combine(today + timedelta(days=5 - today.weekday() + 7), time(15), bulk.ZONE)


@pytest.mark.parametrize(
    ("overdue", "place", "expected"),
    [
        (True, ("RJ", "21"), (2, 9)),  # on Monday, and there at nine
        (True, ("SP", "11"), (2, 8)),
        (True, ("AM", "92"), (2, 9)),  # eight o'clock in Manaus
        (True, (None, "21"), (2, 9)),
        (False, ("RJ", "21"), None),  # a notice goes on Saturday
    ],
)
async def test_a_list_of_invoices_starts_when_the_first_of_them_may_go(
    pool, connection, overdue, place, expected
):
    at, (uf, ddd) = saturday_afternoon(), place
    ids = await rows.add_invoices(connection, 3, ddd=ddd)
    await connection.execute("UPDATE customers SET uf = $1", uf)
    days = -40 if overdue else 40
    await connection.execute("UPDATE invoices SET due_date = $1", at.date() + timedelta(days=days))
    await read_numbers(pool)
    settings = replace(bulk.SETTINGS, delay_s=int((at - bulk.now()).total_seconds()) + 1)
    async with pool.acquire() as one, one.transaction():
        stored = await store_run(one, RunOrder(Selection(ids), "test"), settings)
    await bulk.queue_all(pool)
    assert await connection.fetchval("SELECT min(due_at) FROM messages") == stored.starts_at
    found = stored.starts_at.astimezone(bulk.ZONE)
    if expected is None:
        assert timedelta() <= found - at < timedelta(minutes=5)
    else:
        after, hour = expected
        assert found == datetime.combine(at.date() + timedelta(days=after), time(hour), bulk.ZONE)


@pytest.mark.parametrize(
    ("days", "resumed", "expected"), [(20, False, True), (20, True, False), (0, False, False)]
)
async def test_what_no_worker_was_there_to_list_has_waited_since_its_run_began(
    pool, connection, days, resumed, expected
):
    """A house that stood still for weeks does not send the run of then, as it does not what was listed."""
    await rows.add_invoices(connection, 1)
    await bulk.store(pool)
    await connection.execute("UPDATE bulk_runs SET not_before = not_before - make_interval(days => $1)", days)
    if resumed:
        await connection.execute("UPDATE bulk_runs SET resumed_at = now()")
    await bulk.queue_all(pool)
    await bulk.open_now(connection)
    ids = [row["id"] for row in await connection.fetch("SELECT id FROM messages")]
    [facts] = await messages.claimed_facts(connection, ids)
    has_expired = objection(facts, bulk.RULES) == Drop(Event.EXPIRE, "timeout")
    assert has_expired is expected

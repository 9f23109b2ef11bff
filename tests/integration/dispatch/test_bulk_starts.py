"""When a run starts is what its answer says: when the first of its messages is due."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest
from tests.support import bulk, rows

from disparo.dispatch.bulk import RunOrder, Selection, store_run
from disparo.dispatch.bulk_queue import read_numbers

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

"""A platform's limits over several workers, on the real rows."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from itertools import pairwise

import pytest
from tests.support import rows
from tests.support.locks import until_somebody_waits

from disparo.db import rates, workers
from disparo.dispatch.gate import Gate
from disparo.platforms.base import Capabilities

pytestmark = pytest.mark.anyio


async def take(connection, wanted, *, rate=None, per_day=None, ahead_s=0.25, cost=1):
    interval_s = 1.0 / rate if rate else 0.0
    for _ in range(2):  # the first call of all only makes the row
        found = await rates.take_slots(
            connection, "p", interval_s=interval_s, per_day=per_day, costs=[cost] * wanted, ahead_s=ahead_s
        )
        if found.messages or found.day_full_s:
            break
    return found


async def test_moments_are_given_out_once_and_not_further_ahead_than_agreed(pool):
    async def caller():
        async with pool.acquire() as connection:
            return await take(connection, 10, rate=100, ahead_s=0.25)

    began = time.monotonic()
    found = await asyncio.gather(*[caller() for _ in range(6)])
    assert sum(slots.messages for slots in found) <= 26 + (time.monotonic() - began) * 100
    firsts = sorted(slots.wait_s for slots in found if slots.messages)
    assert all(later > earlier for earlier, later in pairwise(firsts))


async def test_the_last_moments_are_left_to_urgent_ones(connection):
    bulk = await take(connection, 1000, rate=0.2, ahead_s=98)
    assert 15 <= bulk.messages <= 20
    assert (await take(connection, 1000, rate=0.2, ahead_s=98)).messages == 0  # the next one is 2 s away
    assert 1 <= (await take(connection, 1000, rate=0.2, ahead_s=125)).messages <= 6


@pytest.mark.parametrize("rate", [1, 50, 1000])
async def test_who_finds_no_moment_comes_back_when_a_fifth_of_those_ahead_is_free(connection, rate):
    async def ahead_s():
        return await connection.fetchval(
            "SELECT extract(epoch FROM tat - clock_timestamp())::float8 FROM platform_rates"
        )

    await take(connection, 1, rate=rate)
    await connection.execute("UPDATE platform_rates SET tat = clock_timestamp() + interval '0.35 s'")
    before_s = await ahead_s()
    none = await rates.take_slots(
        connection, "p", interval_s=1 / rate, per_day=None, costs=[1] * 9, ahead_s=0.2
    )
    assert none.messages == 0
    assert await ahead_s() <= none.wait_s + 0.16 <= before_s


async def test_a_raised_limit_or_a_clock_set_back_does_not_wait_for_the_slot_of_before(connection):
    await take(connection, 1, rate=0.001)
    looks = [await take(connection, 1, rate=50)]
    while not looks[-1].messages and len(looks) < 9:
        assert looks[-1].wait_s < 0.4
        await asyncio.sleep(looks[-1].wait_s)
        looks.append(await take(connection, 1, rate=50))
    assert looks[-1].messages == 1


async def test_no_24_hours_hold_more_than_the_limit(connection):
    assert (await take(connection, 100, per_day=30)).messages == 30
    full = await take(connection, 100, per_day=30)
    assert full.messages == 0
    assert 86_000 < full.day_full_s < 87_100
    await connection.execute("UPDATE platform_day_use SET bucket = bucket - interval '24 h'")
    assert (await take(connection, 100, per_day=30)).messages == 0  # its ten minutes may not be over
    await connection.execute("UPDATE platform_day_use SET bucket = bucket - interval '11 min'")
    assert (await take(connection, 100, per_day=30)).messages == 30


async def test_a_day_has_room_when_its_oldest_use_is_over(connection):
    await take(connection, 30, per_day=30)
    await connection.execute("UPDATE platform_day_use SET bucket = bucket - interval '20 h'")
    given_back = "SELECT platform, bucket - interval '3 h', 0 FROM platform_day_use"
    await connection.execute(f"INSERT INTO platform_day_use (platform, bucket, used) {given_back}")
    full = await take(connection, 1, per_day=30)
    assert full.messages == 0
    assert 4 * 3600 <= full.day_full_s <= 4 * 3600 + 600


async def test_where_a_day_has_no_limit_nothing_is_counted_in_it(connection):
    assert (await take(connection, 5, rate=1000)).messages == 5
    assert await connection.fetchval("SELECT count(*) FROM platform_day_use") == 0


async def test_what_is_given_back_may_be_used_again_the_same_day(connection):
    first = await take(connection, 30, per_day=30)
    await rates.give_back_slots(connection, "p", 7, bucket=first.bucket)
    assert (await take(connection, 100, per_day=30)).messages == 7


async def test_a_day_ends_before_a_message_whose_parts_have_not_all_room(connection):
    assert (await take(connection, 9, per_day=8, cost=3)).messages == 2
    full = await take(connection, 9, per_day=8, cost=3)
    assert full.messages == 0
    assert full.day_full_s > 86_000
    assert (await take(connection, 9, per_day=8)).messages == 2
    assert await connection.fetchval("SELECT sum(used) FROM platform_day_use") == 8


async def test_a_message_has_a_slot_for_each_part_and_the_first_at_least_one(connection):
    few = await take(connection, 9, rate=4, cost=3)
    assert (few.messages, few.slots) == (1, 1)
    ahead = "SELECT extract(epoch FROM tat - clock_timestamp())::float8 FROM platform_rates"
    assert await connection.fetchval(ahead) < 0.3  # nor does it keep others from those it has not
    many = await take(connection, 9, rate=1000, cost=3, ahead_s=20)
    assert (many.messages, many.slots) == (9, 27)


async def test_a_message_of_more_parts_than_a_day_has_waits_and_asks_no_more(connection):
    none = await take(connection, 1, per_day=2, cost=3)
    assert none.messages == 0
    assert none.day_full_s > 86_000


async def test_several_callers_never_pass_the_limit_of_a_day(pool):
    async def caller():
        async with pool.acquire() as connection:
            return (await take(connection, 7, per_day=50)).messages

    assert sum(await asyncio.gather(*[caller() for _ in range(10)])) == 50


async def share(pool, worker, wants, in_use=0, window=10):
    async with pool.acquire() as connection, connection.transaction():
        return await rates.share_window(connection, "p", worker, wants=wants, in_use=in_use, window=window)


async def test_the_places_of_a_window_are_shared_and_never_more_than_there_are(pool, connection):
    four = [await rows.add_worker(connection) for _ in range(4)]
    held = dict.fromkeys(four, 0)
    for _ in range(5):
        for worker in four:
            held[worker] = await share(pool, worker, 10)
            assert sum(held.values()) <= 10
    assert min(held.values()) >= 2


async def test_places_in_flight_are_not_taken_away(pool, connection):
    first, second = [await rows.add_worker(connection) for _ in range(2)]
    assert await share(pool, first, 10) == 10
    assert await share(pool, second, 10) == 0
    assert await share(pool, first, 10, in_use=10) == 5
    assert await share(pool, second, 10) == 0
    assert await share(pool, first, 10, in_use=8) == 5
    assert await share(pool, second, 10) == 2
    assert await share(pool, first, 10, in_use=3) == 5
    assert await share(pool, second, 10) == 5


async def test_a_lane_at_rest_has_no_part_in_what_others_share(pool, connection):
    first, second, at_rest = [await rows.add_worker(connection) for _ in range(3)]
    assert await share(pool, first, 10) == 10
    assert await share(pool, at_rest, 0) == 0
    assert await share(pool, second, 10) == 0
    assert await share(pool, first, 10, in_use=10) == 5


async def test_where_there_are_more_lanes_than_places_they_take_turns(pool, connection):
    first, second, third = [await rows.add_worker(connection) for _ in range(3)]
    assert await share(pool, first, 1, window=2) == 1
    assert await share(pool, second, 1, window=2) == 1
    assert await share(pool, third, 1, window=2) == 0
    assert await share(pool, first, 1, in_use=1, window=2) == 0  # it had its turn
    assert await share(pool, first, 1, window=2) == 0
    assert await share(pool, third, 1, window=2) == 1
    assert await share(pool, second, 1, in_use=1, window=2) == 0


async def test_what_the_others_do_not_want_is_there_for_who_does(pool, connection):
    first, second = [await rows.add_worker(connection) for _ in range(2)]
    assert await share(pool, first, 2) == 2
    assert await share(pool, second, 10) == 8


async def test_a_window_that_was_made_smaller_gives_nobody_less_than_nothing(pool, connection):
    first, second = [await rows.add_worker(connection) for _ in range(2)]
    assert await share(pool, first, 10) == 10
    assert await share(pool, second, 10, window=4) == 0


async def test_lanes_of_another_platform_take_nothing_of_a_window(pool, connection):
    theirs, ours = [await rows.add_worker(connection) for _ in range(2)]
    await connection.execute("INSERT INTO platform_lanes VALUES ('q', $1, 10, 10)", theirs)
    assert await share(pool, ours, 10) == 10


async def test_a_dead_workers_places_come_back_with_its_row(pool, connection):
    dead, other = [await rows.add_worker(connection) for _ in range(2)]
    assert await share(pool, dead, 10) == 10
    assert await share(pool, other, 10) == 0
    await connection.execute("DELETE FROM workers WHERE id = $1", dead)
    assert await share(pool, other, 10) == 10
    assert await share(pool, dead, 10, in_use=10) == 0  # woken up, it has nothing


async def test_a_worker_that_is_taken_over_or_leaves_keeps_no_other_from_its_share(pool, connection):
    """That may take a while, where it held much; it asks for its own share meanwhile."""
    leaving, other = [await rows.add_worker(connection) for _ in range(2)]
    async with connection.transaction():
        await workers.lock(connection, leaving)
        asking = asyncio.create_task(share(pool, leaving, 10))
        await until_somebody_waits(connection)
        assert await asyncio.wait_for(share(pool, other, 10), 10) == 10
        await workers.remove(connection, leaving)
    assert await asking == 0


async def test_what_is_started_while_a_share_is_asked_for_is_not_given_to_another(pool, connection):
    first, second = [await rows.add_worker(connection) for _ in range(2)]
    gate, asked = Gate(pool, "p", dataclasses.replace(Capabilities(), shared_window=10)), asyncio.Event()
    load = [10, 0]

    def look():
        asked.set()
        return tuple(load)

    keeping = asyncio.create_task(gate.keep_share(lambda: first, look, asyncio.Event()))
    try:
        async with asyncio.timeout(10):
            while gate.places < 10:
                await asyncio.sleep(0.01)
        async with connection.transaction():
            await connection.execute("SELECT FROM platform_rates WHERE platform = 'p' FOR UPDATE")
            await connection.execute("INSERT INTO platform_lanes VALUES ('p', $1, 10, 0)", second)
            asked.clear()
            await asyncio.wait_for(asked.wait(), 10)
            load[:] = [0, 10]  # all its places, while the question waits
            await until_somebody_waits(connection)
            other = asyncio.create_task(share(pool, second, 10))
            await until_somebody_waits(connection, count=2)
        assert await other == 0
        load[:] = [0, 4]
        async with asyncio.timeout(10):
            while not (others := await share(pool, second, 10)):
                await asyncio.sleep(0.01)
        assert others <= 6
    finally:
        keeping.cancel()


async def test_a_share_that_was_asked_for_under_an_old_name_is_not_used(pool, connection):
    first, second = [await rows.add_worker(connection) for _ in range(2)]
    name, changed = [first], asyncio.Event()
    gate = Gate(pool, "p", dataclasses.replace(Capabilities(), shared_window=10))

    async with connection.transaction():
        await rates.share_window(connection, "p", second, wants=0, in_use=0, window=10)
        keeping = asyncio.create_task(gate.keep_share(lambda: name[0], lambda: (10, 0), changed))
        await until_somebody_waits(connection)
        name[0] = second  # as a worker that was taken over goes on
    try:
        await asyncio.wait_for(changed.wait(), 10)
        assert gate.places == 0
    finally:
        keeping.cancel()


async def test_a_lane_at_rest_neither_has_places_nor_is_waited_for(pool, connection):
    holding, waiting = [await rows.add_worker(connection) for _ in range(2)]
    loads = {holding: (10, 0), waiting: (0, 0)}
    gates = {
        worker: Gate(pool, "p", dataclasses.replace(Capabilities(), shared_window=10)) for worker in loads
    }

    def keep(worker):
        return asyncio.create_task(
            gates[worker].keep_share(lambda: worker, lambda: loads[worker], asyncio.Event())
        )

    keeping = [keep(worker) for worker in loads]

    async def until_listed(*wanted):
        async with asyncio.timeout(10):
            while await lanes() != dict(zip(loads, wanted, strict=True)):
                await asyncio.sleep(0.01)

    async def lanes():
        found = await connection.fetch("SELECT worker_id, wants, holds FROM platform_lanes")
        return {row["worker_id"]: (row["wants"], row["holds"]) for row in found}

    try:
        async with asyncio.timeout(10):
            while gates[holding].places < 10:
                await asyncio.sleep(0.01)
        loads[holding] = (0, 10)  # all that it has is in flight, and another one waits
        loads[waiting] = (10, 0)
        await until_listed((10, 10), (10, 0))
        loads[waiting] = (0, 0)  # what it had went another way
        await until_listed((10, 10), (0, 0))
        loads[holding] = (0, 0)
        await until_listed((0, 0), (0, 0))
        assert {gate.places for gate in gates.values()} == {0}
    finally:
        for task in keeping:
            task.cancel()


async def test_what_the_lane_before_had_is_given_back_by_one_with_nothing_to_do(pool, connection):
    worker = await rows.add_worker(connection)
    assert await share(pool, worker, 10) == 10  # then the settings were exchanged
    gate = Gate(pool, "p", dataclasses.replace(Capabilities(), shared_window=5))
    keeping = asyncio.create_task(gate.keep_share(lambda: worker, lambda: (0, 0), asyncio.Event()))
    try:
        async with asyncio.timeout(10):
            while await connection.fetchval("SELECT wants + holds FROM platform_lanes"):
                await asyncio.sleep(0.01)
    finally:
        keeping.cancel()

"""The recorder writes facts: of several that meet in a batch, and where what follows from one fails."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from tests.integration.dispatch.test_fence import claimed, start, take_over
from tests.integration.dispatch.test_receipts import say
from tests.support import rows
from tests.support.rows import outcome

from disparo.db import phones
from disparo.db.phones import Mark
from disparo.dispatch.recorder import Entry, Recorder

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def recorded(pool, *results):
    """Have a worker's recorder write these, which all wait when it begins; inside, they are written."""
    recorder, written = Recorder(pool), asyncio.Semaphore(0)
    for result in results:
        recorder.put(Entry(result, written.release))
    task = asyncio.create_task(recorder.run())
    try:
        async with asyncio.timeout(20):
            for _ in results:
                await written.acquire()
        yield
    finally:
        task.cancel()


async def handed_over(connection, *, tries=1):
    worker, token, ids = await claimed(connection)
    await connection.execute("UPDATE dispatches SET tries = $1", tries)
    (attempt,) = (await start(connection, worker, token, ids)).values()
    return worker, ids[0], attempt


async def test_of_two_outcomes_of_an_attempt_the_later_one_counts(pool, connection):
    """A database that is slow to answer: both wait when an SMSC answers after it was given up."""
    _, message, attempt = await handed_over(connection)
    unknown = outcome(message, attempt, "ambiguous")
    taken = outcome(message, attempt, "accepted", platform_id="id-1")
    async with recorded(pool, unknown, taken):
        pass
    stored = await connection.fetchrow("SELECT status, platform_id FROM messages WHERE id = $1", message)
    assert tuple(stored) == ("accepted", "id-1")
    noted = await connection.fetchrow("SELECT outcome, platform_id FROM attempts WHERE id = $1", attempt)
    assert tuple(noted) == ("accepted", "id-1")


async def test_an_early_receipt_that_cannot_be_applied_takes_nothing_from_the_outcome(pool, connection):
    _, message, attempt = await handed_over(connection)
    assert await say(pool, "delivered")
    await connection.execute(
        """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'refused'; END$$;
           CREATE TRIGGER refuse BEFORE UPDATE ON receipts FOR EACH ROW EXECUTE FUNCTION refuse()"""
    )
    async with recorded(pool, outcome(message, attempt, "accepted", platform_id="id-1")):
        pass
    stored = await connection.fetchrow("SELECT status, platform_id FROM messages WHERE id = $1", message)
    assert tuple(stored) == ("accepted", "id-1")
    assert await connection.fetchval("SELECT platform_id FROM attempts WHERE id = $1", attempt) == "id-1"


@pytest.mark.parametrize(("tries", "status"), [(1, "uncertain"), (2, "queued")])
async def test_how_often_is_what_the_dispatch_was_promised(pool, connection, tries, status):
    _, message, attempt = await handed_over(connection, tries=tries)
    async with recorded(pool, outcome(message, attempt, "ambiguous")):
        pass
    assert await rows.statuses(connection, [message]) == [status]


@pytest.mark.parametrize(("tries", "status"), [(1, "uncertain"), (2, "queued")])
async def test_so_it_is_for_what_a_dead_worker_had_in_hand(connection, tries, status):
    worker, message, _ = await handed_over(connection, tries=tries)
    assert await take_over(connection, worker) == 1
    assert await rows.statuses(connection, [message]) == [status]


async def test_batches_that_mark_the_same_numbers_do_not_wait_for_each_other_for_ever(pool, connection):
    await connection.execute(
        """CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql
           AS $$BEGIN PERFORM pg_sleep(0.1); RETURN NEW; END$$;
           CREATE TRIGGER linger AFTER INSERT ON bad_numbers FOR EACH ROW EXECUTE FUNCTION linger()"""
    )
    marks = [Mark(f"+551198888000{last}", "number", "p", None) for last in (1, 2)]

    async def batch(marks):
        async with pool.acquire() as mine, mine.transaction():
            await phones.mark_all(mine, marks)

    await asyncio.gather(batch(marks), batch(marks[::-1]))
    assert await connection.fetchval("SELECT count(*) FROM bad_numbers") == 2


async def test_marks_of_many_numbers_are_two_statements_and_the_last_word_on_each_holds(connection):
    marks = [Mark(f"+5511988{n:06}", kind, "p", f"c{n}") for n in range(50) for kind in ("number", "opt_out")]
    marks += [Mark("+5511988000007", "number", "q", "later"), Mark("+5511988000007", "opt_out", "q", None)]
    statements = []
    with connection.query_logger(lambda record: statements.append(record.query)):
        await phones.mark_all(connection, marks)
        wrong = await connection.fetch("SELECT platform, code FROM bad_numbers ORDER BY e164")
    assert sum("INSERT" in statement for statement in statements) == 2
    assert [tuple(row) for row in wrong[6:9]] == [("p", "c6"), ("q", "later"), ("p", "c8")]
    assert len(wrong) == 50
    opted_out = await connection.fetch("SELECT platform, actor, reason FROM opt_outs")
    assert {tuple(row) for row in opted_out} == {("p", "platform:p", "platform")}
    assert len(opted_out) == 50

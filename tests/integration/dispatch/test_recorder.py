"""The recorder writes facts: of several that meet in a batch, and where what follows from one fails."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from tests.integration.dispatch.test_fence import claimed, start, take_over
from tests.integration.dispatch.test_receipts import say
from tests.support import rows
from tests.support.rows import outcome

from disparo import queue
from disparo.db import messages, phones
from disparo.db.phones import Mark
from disparo.dispatch.cancel import cancel_message
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


async def test_what_a_person_took_back_does_not_go_again_for_an_outcome_that_tells_nothing(pool, connection):
    """A worker is frozen while it waits for an answer, taken over, wakes, and has none."""
    worker, message, attempt = await handed_over(connection, tries=2)
    await take_over(connection, worker)
    assert await cancel_message(connection, message, actor="ana") == "uncertain"
    async with recorded(pool, outcome(message, attempt, "ambiguous")):
        pass
    stored = await connection.fetchrow("SELECT status, reason, actor FROM messages WHERE id = $1", message)
    assert tuple(stored) == ("uncertain", "cancelled", "ana")


async def test_what_a_person_took_back_is_cancelled_once_no_start_had_an_effect(pool, connection):
    worker, message, first = await handed_over(connection, tries=2)
    second = await sent_again(connection, worker, message)
    async with recorded(pool, outcome(message, second, "not_taken")):
        pass
    assert await cancel_message(connection, message, actor="ana") == "uncertain"
    async with recorded(pool, outcome(message, first, "not_taken")):
        pass
    stored = await connection.fetchrow("SELECT status, reason, actor FROM messages WHERE id = $1", message)
    assert tuple(stored) == ("cancelled", "cancelled", "ana")


@pytest.mark.parametrize(("withdrawn", "status"), [(False, "queued"), (True, "cancelled")])
async def test_what_was_surely_not_taken_is_no_try_also_where_that_is_told_late(
    pool, connection, withdrawn, status
):
    """An SMSC that was given up says, while its message waits to go again, that it did not take it."""
    _, message, attempt = await handed_over(connection, tries=2)
    async with recorded(pool, outcome(message, attempt, "ambiguous")):
        pass
    if withdrawn:
        assert await cancel_message(connection, message, actor="ana") == "uncertain"
    refused = outcome(message, attempt, "not_taken")
    async with recorded(pool, refused, refused):
        pass
    stored = await connection.fetchrow("SELECT status, tries FROM messages WHERE id = $1", message)
    assert tuple(stored) == (status, 0)


async def sent_again(connection, worker, message):
    """Have another worker take over and send it again; gives the second attempt."""
    await take_over(connection, worker)
    await connection.execute("UPDATE messages SET due_at = now()")
    token, other = uuid4(), await rows.add_worker(connection)
    chunk = await rows.chunk_of(connection, message)
    ids = await messages.claim(connection, other, token=token, chunk_id=chunk, limit=10)
    (attempt,) = (await start(connection, other, token, ids)).values()
    return attempt


@pytest.mark.parametrize("next_one", ["sending", "not_taken", "ambiguous"])
async def test_what_is_known_to_have_gone_does_not_go_again(pool, connection, next_one):
    """A worker is frozen, taken over, and wakes with the platform's answer when another has sent it again."""
    worker, message, first = await handed_over(connection, tries=2)
    second = await sent_again(connection, worker, message)
    said = [] if next_one == "sending" else [outcome(message, second, next_one)]
    taken = outcome(message, first, "accepted", platform_id="id-1")
    late = [outcome(message, second, "not_taken")] if next_one == "sending" else []
    async with recorded(pool, *said, taken, *late):
        pass
    stored = await connection.fetchrow("SELECT status, platform_id FROM messages WHERE id = $1", message)
    assert tuple(stored) == ("accepted", "id-1")


@pytest.mark.parametrize("told_first", ["first", "second"])
@pytest.mark.parametrize(
    ("next_one", "platform_id"),
    [
        ("not_taken", None),
        ("not_started", None),
        ("refused", None),
        ("refused", "id-2"),
        ("refused", "id-1"),
        ("accepted", "id-1"),
    ],
)
async def test_what_became_of_it_then_is_its_end(pool, connection, next_one, platform_id, told_first):
    """The second start had no effect, or the platform knew the message again and gave its id again."""
    worker, message, first = await handed_over(connection, tries=2)
    second = await sent_again(connection, worker, message)
    taken = outcome(message, first, "accepted", platform_id="id-1")
    again = outcome(message, second, next_one, platform_id=platform_id)
    for told in (taken, again) if told_first == "first" else (again, taken):
        async with recorded(pool, told):
            pass
    stored = await connection.fetchrow("SELECT status, platform_id FROM messages WHERE id = $1", message)
    assert tuple(stored) == ("accepted", "id-1")
    assert await say(pool, "undelivered")
    assert await rows.statuses(connection, [message]) == ["undelivered"]


@pytest.mark.parametrize("says", [["undelivered"], ["sent", "undelivered"]])
@pytest.mark.parametrize("told_first", ["answer", "receipt"])
async def test_so_it_is_where_only_its_receipts_say_that_it_had_gone(pool, connection, says, told_first):
    """The first start's answer never came, and the platform refused the second."""
    worker, message, _ = await handed_over(connection, tries=2)
    second = await sent_again(connection, worker, message)
    refused = outcome(message, second, "refused")
    reference = await connection.fetchval("SELECT reference FROM messages")
    *before, last = says
    if told_first == "answer":
        async with recorded(pool, refused):
            pass
    for kind in before:
        assert await say(pool, kind, reference=reference)
    if told_first == "receipt":
        async with recorded(pool, refused):
            pass
    assert await say(pool, last, reference=reference)
    assert await rows.statuses(connection, [message]) == ["undelivered"]


@pytest.mark.parametrize(
    ("first_says", "status"), [("refused", "failed"), ("not_taken", "failed"), ("ambiguous", "uncertain")]
)
@pytest.mark.parametrize("is_told_late", [False, True])
async def test_what_no_start_had_an_effect_of_has_failed(pool, connection, first_says, status, is_told_late):
    """A worker is frozen, taken over, and wakes with the answer when another has it in hand again, or had."""
    worker, message, first = await handed_over(connection, tries=2)
    second = await sent_again(connection, worker, message)
    told = [outcome(message, first, first_says), outcome(message, second, "refused", code="why")]
    for one in reversed(told) if is_told_late else told:
        async with recorded(pool, one):
            pass
    stored = await connection.fetchrow("SELECT status, reason FROM messages WHERE id = $1", message)
    assert tuple(stored) == (status, "why")


async def test_of_three_the_one_that_nobody_knows_of_keeps_it_from_having_failed(pool, connection):
    worker, message, first = await handed_over(connection, tries=3)
    second = await sent_again(connection, worker, message)
    worker = await connection.fetchval("SELECT worker_id FROM messages WHERE id = $1", message)
    third = await sent_again(connection, worker, message)
    for told in (outcome(message, third, "refused"), outcome(message, first, "refused")):
        async with recorded(pool, told):
            pass
        assert await rows.statuses(connection, [message]) == ["uncertain"]
    async with recorded(pool, outcome(message, second, "not_taken")):
        pass
    assert await rows.statuses(connection, [message]) == ["failed"]


async def test_the_delivery_of_what_waits_to_go_again_contradicts_nothing(pool, connection):
    _, message, attempt = await handed_over(connection, tries=2)
    async with recorded(pool, outcome(message, attempt, "ambiguous")):
        pass
    assert await rows.statuses(connection, [message]) == ["queued"]
    reference = await connection.fetchval("SELECT reference FROM messages")
    assert await say(pool, "delivered", reference=reference)
    assert await rows.statuses(connection, [message]) == ["delivered"]
    assert await connection.fetchval("SELECT result FROM receipts") == "moved"
    assert await connection.fetchval("SELECT count(*) FROM alerts") == 0


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


async def test_what_was_not_taken_has_an_entry_to_be_woken_by(pool, connection):
    """A sweep would wake it too, seconds after it is due."""
    _, message, attempt = await handed_over(connection)
    async with recorded(pool, outcome(message, attempt, "not_taken")):
        chunk = await rows.chunk_of(connection, message)
    assert await queue.chunks_with_entry(connection, [chunk]) == {chunk}

"""Accepting: group commit couples nobody, and a COMMIT whose answer was lost is looked up."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
from tests.support import rows
from tests.support.cutter import Cutter

from disparo import queue
from disparo.db.dispatches import StoredAs
from disparo.db.idempotency import Key
from disparo.db.pool import open_pool
from disparo.dispatch import slots
from disparo.dispatch.calls import AcceptSettings, Call, Caller, Done, Reason, Refused
from disparo.dispatch.group_commit import Acceptor, Busy, KeyInUse
from disparo.domain.phone import parse_phone
from disparo.domain.windows import Purpose

pytestmark = pytest.mark.anyio

SETTINGS = AcceptSettings(
    stored_as=StoredAs("sms", 1, 60, 2048),
    delay_s=0,
    zone=ZoneInfo("America/Sao_Paulo"),
    allow_paid=False,
    has_platform=True,
    is_holiday=lambda _day, _uf: False,
)


def call(invoice_id, *, extra=(), key=None, render=None, purpose=Purpose.REQUESTED):
    caller = Caller(1, 1, purpose, 0, 1000)
    return Call(
        invoice_id,
        [parse_phone(phone) for phone in extra],
        caller,
        render or (lambda accepted: str(accepted.dispatch_id).encode()),
        key,
    )


def key(name="k", digest=b"d"):
    return Key(1, 1, "r", name, digest)


@asynccontextmanager
async def running(pool, *, grouped=True, settings=SETTINGS):
    acceptor = Acceptor(pool, settings, grouped=grouped)
    task = asyncio.create_task(acceptor.run())
    try:
        yield acceptor
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def acceptor(pool, connection):
    await rows.add_invoices(connection, 50)
    async with running(pool) as acceptor:
        yield acceptor


async def test_many_calls_share_a_transaction_and_each_gets_its_own_answer(acceptor, connection):
    verdicts = await asyncio.gather(*(acceptor.accept(call(number)) for number in range(1, 61)))
    assert sum(isinstance(verdict, Done) for verdict in verdicts) == 50
    refused = [verdict for verdict in verdicts if isinstance(verdict, Refused)]
    assert {verdict.reason for verdict in refused} == {Reason.INVOICE_UNKNOWN}
    stored = {str(row["id"]) for row in await connection.fetch("SELECT id FROM dispatches")}
    assert stored == {verdict.response.decode() for verdict in verdicts if isinstance(verdict, Done)}
    transactions = await connection.fetchval("SELECT count(DISTINCT xmin::text) FROM dispatches")
    assert transactions < 10


async def test_one_call_that_breaks_the_batch_fails_alone(acceptor, connection):
    def broken(_accepted):
        raise RuntimeError("this one")

    calls = [call(number, render=broken if number == 3 else None) for number in range(1, 11)]
    verdicts = await asyncio.gather(*(acceptor.accept(item) for item in calls), return_exceptions=True)
    assert [type(verdict) for verdict in verdicts].count(RuntimeError) == 1
    assert isinstance(verdicts[2], RuntimeError)
    assert await connection.fetchval("SELECT count(*) FROM dispatches") == 9


async def test_a_table_that_somebody_locked_is_waited_for_by_two_of_a_batch_and_not_by_each(
    acceptor, connection
):
    """Each wait takes ten seconds: a batch of 256 would be told of it within the hour."""
    await connection.execute("CREATE SEQUENCE looks")
    await connection.execute(
        """CREATE FUNCTION is_locked() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN PERFORM nextval('looks'); RAISE lock_not_available; END $$"""
    )
    await connection.execute(
        "CREATE TRIGGER is_locked BEFORE INSERT ON dispatches FOR EACH STATEMENT EXECUTE FUNCTION is_locked()"
    )
    calls = [acceptor.accept(call(number)) for number in range(1, 41)]
    verdicts = await asyncio.gather(*calls, return_exceptions=True)
    await connection.execute("DROP TRIGGER is_locked ON dispatches")
    assert {type(verdict) for verdict in verdicts} == {Busy}
    batches = 4  # at most: as many write at once
    assert await connection.fetchval("SELECT last_value FROM looks") <= 3 * batches
    assert isinstance(await acceptor.accept(call(1)), Done)


async def test_every_message_has_a_wake_up_in_the_same_transaction(acceptor, connection):
    await asyncio.gather(*(acceptor.accept(call(number)) for number in range(1, 21)))
    chunks = {row["chunk_id"] for row in await connection.fetch("SELECT chunk_id FROM messages")}
    assert await queue.chunks_with_entry(connection, sorted(chunks)) == chunks


async def test_what_may_go_at_the_same_time_shares_chunks_whichever_transaction_stores_it(
    pool, connection, monkeypatch
):
    monkeypatch.setattr(slots, "_SLOT", timedelta(seconds=10))  # no machine takes as long for two calls
    await rows.add_invoices(connection, 40)
    async with running(pool, settings=replace(SETTINGS, delay_s=60)) as acceptor:
        for number in range(1, 41):  # each in a transaction of its own
            await acceptor.accept(call(number))
    chunks = await connection.fetch("SELECT chunk_id, max(due_at) AS latest FROM messages GROUP BY 1")
    assert len(chunks) < 40
    assert await queue.chunks_with_entry(connection, [row["chunk_id"] for row in chunks]) == {
        row["chunk_id"] for row in chunks
    }
    due = await connection.fetch(
        f"SELECT split_part(dedupe_key, ':', 2)::bigint AS chunk_id, execute_after FROM {queue.table()}"
    )
    at = {row["chunk_id"]: row["execute_after"] for row in due}
    assert all(row["latest"] <= at[row["chunk_id"]] for row in chunks)  # nothing is missed when it is picked


async def test_a_chunk_whose_entry_is_gone_is_not_joined(pool, connection):
    await rows.add_invoices(connection, 20)
    async with running(pool, settings=replace(SETTINGS, delay_s=60)) as acceptor:
        for number in range(1, 21):
            await connection.execute(f"DELETE FROM {queue.table()}")
            await acceptor.accept(call(number))
            chunk = await connection.fetchval("SELECT chunk_id FROM messages ORDER BY id DESC LIMIT 1")
            assert await queue.chunks_with_entry(connection, [chunk]) == {chunk}


async def test_the_dispatchs_counts_are_there(acceptor, connection):
    await acceptor.accept(call(1, extra=["11988880001"]))
    counted = await connection.fetch("SELECT c.* FROM dispatches d, counts_of(d.id, d.kind) c")
    assert [tuple(row) for row in counted] == [("queued", 2)]


async def test_references_are_unguessable_and_differ(acceptor, connection):
    await acceptor.accept(call(1, extra=["11988880001", "11988880002"]))
    found = [row["reference"] for row in await connection.fetch("SELECT reference FROM messages")]
    assert len(set(found)) == 3
    assert {len(reference) for reference in found} == {32}


async def test_a_collection_call_starts_inside_its_window(acceptor, connection):
    await acceptor.accept(call(1, purpose=Purpose.COLLECTION))
    starts = await connection.fetchval("SELECT starts_at AT TIME ZONE 'America/Sao_Paulo' FROM dispatches")
    assert 8 <= starts.hour < 20
    assert starts.weekday() < 6


@pytest.mark.parametrize(("due_in", "closed_to_all"), [(-1, -1), (0, 0)])
async def test_a_notice_of_an_overdue_invoice_keeps_the_hours_of_a_collection(
    pool, connection, due_in, closed_to_all
):
    """Overdue already, or by the day on which a notice could go: the state's holidays count then."""
    await rows.add_invoices(connection)
    today = datetime.now(SETTINGS.zone).date()
    await connection.execute("UPDATE invoices SET due_date = $1", today + timedelta(days=due_in))

    def is_holiday(day, uf):
        return day <= today + timedelta(days=3 if uf == "SP" else closed_to_all)

    async with running(pool, settings=replace(SETTINGS, is_holiday=is_holiday)) as acceptor:
        await acceptor.accept(call(1, purpose=Purpose.NOTICE))
    starts = await connection.fetchval("SELECT starts_at FROM dispatches")
    assert starts.astimezone(SETTINGS.zone).date() > today + timedelta(days=3)


async def test_a_key_whose_holder_never_ends_is_409_in_time(acceptor, connection, monkeypatch):
    monkeypatch.setattr("disparo.dispatch.group_commit.KEY_PATIENCE_S", 0.5)
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 7))", repr(key().scope))
        with pytest.raises(KeyInUse):
            await acceptor.accept(call(1, key=key()))
    assert isinstance(await acceptor.accept(call(1, key=key())), Done)


async def test_when_the_holder_of_a_key_fails_the_second_caller_runs_itself(acceptor, connection):
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 7))", repr(key().scope))
    second = asyncio.create_task(acceptor.accept(call(1, key=key())))
    await asyncio.sleep(0.3)
    await transaction.rollback()
    verdict = await second
    assert isinstance(verdict, Done)
    assert not verdict.replayed


async def test_past_its_capacity_it_says_so_at_once(pool, connection):
    await rows.add_invoices(connection, 1)
    acceptor = Acceptor(pool, SETTINGS, grouped=True, most_waiting=4)  # nobody runs it: the queue only fills
    waiting = [asyncio.create_task(acceptor.accept(call(1))) for _ in range(4)]
    while not acceptor._waiting.full():
        await asyncio.sleep(0)
    with pytest.raises(Busy):
        await acceptor.accept(call(1))
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_connection_lost_in_commit_is_looked_up_before_anyone_is_answered(dsn, connection, when):
    await rows.add_invoices(connection, 5)
    cutter = Cutter(dsn)
    await cutter.start()
    async with open_pool(cutter.dsn, size=3) as pool, running(pool) as acceptor:
        await acceptor.accept(call(1))
        cutter.cut = when
        verdicts = await asyncio.gather(
            *(acceptor.accept(call(number)) for number in range(2, 5)), return_exceptions=True
        )
    cutter.stop()
    stored = {
        str(row["id"])
        for row in await connection.fetch("SELECT id FROM dispatches WHERE invoice_ids <> '{1}'")
    }
    answered = {verdict.response.decode() for verdict in verdicts if isinstance(verdict, Done)}
    assert answered == stored  # nobody who is stored is told otherwise, nobody is told who is not
    if when == "after":
        assert len(stored) == 3
    else:
        assert any(isinstance(verdict, Busy) for verdict in verdicts)


async def test_a_callers_repeat_window_is_its_own_in_a_shared_batch(pool, connection):
    """Ten minutes ago this phone had this invoice: repeated for who asks for an hour, not for a minute."""
    await rows.add_messages(connection)
    await connection.execute("UPDATE messages SET created_at = now() - interval '10 min'")

    def told(accepted):
        return b"repeated" if accepted.earlier else b"sent"

    long, short = (
        call(1, render=told)._replace(caller=Caller(client, 1, Purpose.REQUESTED, window_s, 1000))
        for client, window_s in ((1, 3600), (2, 60))
    )
    async with running(pool) as acceptor:
        verdicts = await asyncio.gather(acceptor.accept(long), acceptor.accept(short))
    assert [verdict.response for verdict in verdicts] == [b"repeated", b"sent"]


async def test_a_database_that_is_read_only_is_busy(pool, dsn, connection):
    """A standby, or a server closed for a full disk: the caller may try again."""
    await rows.add_invoices(connection)
    name = urlsplit(dsn).path.lstrip("/")
    await connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    async with open_pool(dsn, size=2) as closed, running(closed) as acceptor:
        with pytest.raises(Busy):
            await acceptor.accept(call(1))
    async with running(pool) as acceptor:
        assert isinstance(await acceptor.accept(call(1)), Done)


async def test_after_a_day_a_key_is_free_and_keeps_the_new_answer(acceptor, connection):
    first = await acceptor.accept(call(1, key=key()))
    assert await acceptor.accept(call(1, key=key())) == Done(first.response, None, replayed=True)
    await connection.execute("UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 min'")
    second = await acceptor.accept(call(2, key=key(digest=b"other")))
    assert (second.replayed, second.response == first.response) == (False, False)
    again = await acceptor.accept(call(2, key=key(digest=b"other")))
    assert again == Done(second.response, None, replayed=True)


@pytest.mark.parametrize("other", [{"client_id": 2}, {"user_id": 2}, {"route": "r2"}, {"key": "k2"}])
async def test_a_key_is_of_one_client_user_and_route(acceptor, other):
    await acceptor.accept(call(1, key=key()))
    assert not (await acceptor.accept(call(2, key=replace(key(digest=b"other"), **other)))).replayed

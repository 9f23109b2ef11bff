"""What happens to messages, on the real tables and by the real verbs; and what the outside knows of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID, uuid4

import asyncpg
from tests.support import bulk, rows

from disparo.db import bulk_runs, bulk_slices, chunks, messages, unsettled
from disparo.db.messages import Move, Start
from disparo.db.pool import Pool
from disparo.db.receipts import Told
from disparo.dispatch import bulk_control, receipts, reconcile, sweep, takeover
from disparo.dispatch.bulk import Selection
from disparo.dispatch.bulk_control import NotPossible
from disparo.dispatch.give_back import Deferral, put_back
from disparo.domain.message import Event
from disparo.domain.outcome import ReceiptEvent, ReceiptKind

PLATFORM = "p"
_IN_HAND = "status IN ('queued', 'claimed', 'sending', 'held')"


@dataclass
class Claim:
    """What a worker believes to hold: also one that was taken over, for it may only have been paused."""

    worker: UUID
    token: UUID
    ids: list[int]
    run: UUID | None


@dataclass
class Handed:
    """An attempt: what the platform truly did, and whether we have written its outcome down."""

    attempt: int
    message: int
    is_taken: bool
    is_written: bool = False


@dataclass
class World:
    """What there is, as the outside knows it."""

    workers: list[UUID] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    handed: list[Handed] = field(default_factory=list)
    runs: list[UUID] = field(default_factory=list)
    invoices: count[int] = field(default_factory=lambda: count(1))


def _unsure(written: list[asyncpg.Record]) -> list[int]:
    """As the recorder has it."""
    return [row["id"] for row in written if (row["after"], row["outcome"]) == ("uncertain", "ambiguous")]


@dataclass
class Lives:
    """One hand that makes things happen; several at once have a connection each, and one world."""

    pool: Pool
    db: asyncpg.Connection
    world: World = field(default_factory=World)

    async def column(self, query: str, *arguments: object) -> list[int]:
        return [row[0] for row in await self.db.fetch(query, *arguments)]

    # What comes in

    async def accept(self, many: int, *, tries: int = 1) -> None:
        await rows.add_messages(self.db, many, first_id=self._numbers(many), tries=tries)

    async def begin_run(self, many: int) -> None:
        ids = await rows.add_invoices(self.db, many, first_id=self._numbers(many))
        self.world.runs.append(await bulk.store(self.pool, Selection(tuple(ids))))
        await bulk.queue_all(self.pool)
        await bulk.open_now(self.db)

    def _numbers(self, many: int) -> int:
        first, *_ = [next(self.world.invoices) for _ in range(many)]
        return first

    # Workers

    async def add_worker(self) -> None:
        self.world.workers.append(await rows.add_worker(self.db))

    async def claim(self, worker: UUID, chunk: int, limit: int) -> None:
        token = uuid4()
        ids = await messages.claim(self.db, worker, token=token, chunk_id=chunk, limit=limit)
        if ids:
            run = await self.db.fetchval(
                "SELECT dispatch_id FROM messages JOIN bulk_runs USING (dispatch_id) WHERE id = $1", ids[0]
            )
            self.world.claims.append(Claim(worker, token, ids, run))
        await chunks.end(self.db, chunk)

    async def claim_of_a_run(self, worker: UUID, limit: int) -> bool:
        await bulk_slices.free_chunks(self.db, worker)
        chunk = None
        with suppress(asyncpg.ForeignKeyViolationError):  # taken over meanwhile
            chunk = await bulk_slices.take_chunk(self.db, worker)
        if chunk is None:
            return False
        await self.claim(worker, chunk, limit)
        await bulk_slices.end_chunk(self.db, chunk, worker)
        return True

    async def start(self, claim: Claim, message: int, *, is_taken: bool) -> None:
        start = Start(message, claim.token, "texto", 1)
        started = await messages.start(self.db, [start], platform=PLATFORM, worker_id=claim.worker)
        if message in started:
            self.world.handed.append(Handed(started[message], message, is_taken))

    async def record(self, handed: Handed, *, is_clear: bool, not_taken: str = "not_taken") -> None:
        handed.is_written = True  # by nobody else meanwhile
        kind = "ambiguous" if not is_clear else "accepted" if handed.is_taken else not_taken
        name = f"id-{handed.attempt}" if kind == "accepted" else None
        result = rows.outcome(handed.message, handed.attempt, kind, platform_id=name, retry_s=0)
        async with self.db.transaction():
            chunk_id = await messages.next_chunk(self.db)
            written = await messages.record(self.db, [result], chunk_id=chunk_id)
            await reconcile.try_again(self.db, _unsure(written))
        if name is not None and any(row["early"] for row in written):
            await receipts.apply_early(self.pool, {(PLATFORM, name)})

    async def drop(self, message: int, event: Event) -> None:
        await messages.apply_events(self.db, [Move(message, event, "x")], actor="worker")

    async def put_back(self, claim: Claim, *, wait_s: float, with_run: bool) -> None:
        until = datetime.now(UTC) + timedelta(seconds=wait_s)
        run = claim.run if with_run and await self._is_open(claim.run) else None
        async with self.db.transaction():
            await put_back(self.db, [Deferral(id_, until, "x", run) for id_ in claim.ids], claim.token)

    async def _is_open(self, run: UUID | None) -> bool:
        open_run = (
            "SELECT FROM bulk_runs WHERE dispatch_id = $1 AND finished_at IS NULL AND state <> 'cancelled'"
        )
        return await self.db.fetchval(f"SELECT EXISTS ({open_run})", run)

    async def take_over(self, worker: UUID, *, is_preparing: bool = False) -> None:
        self.world.workers.remove(worker)  # its claims stay in its hands: it may only have been paused
        if not is_preparing:
            await self.db.execute("UPDATE workers SET preparing = NULL WHERE id = $1", worker)
        beat = await self.db.fetchval("SELECT beat FROM workers WHERE id = $1", worker)
        async with self.db.transaction():
            await takeover.take_over(self.db, worker, beat=beat)

    # The platform, later

    async def receipt(self, handed: Handed, kind: str, *, by_id: bool) -> None:
        reference = await self.db.fetchval("SELECT reference FROM messages WHERE id = $1", handed.message)
        names = {"platform_id": f"id-{handed.attempt}"} if by_id else {"reference": reference}
        told = Told(PLATFORM, ReceiptEvent(ReceiptKind(kind), **names), "raw")
        await receipts.take_one(self.pool, told)

    # People, and the house

    async def tell_run(self, run: UUID, verb: str) -> None:
        with suppress(NotPossible):
            await getattr(bulk_control, verb)(self.pool, run, actor="person")

    async def send_again(self, ids: list[int]) -> None:
        async with self.db.transaction():
            await reconcile.try_again(self.db, ids)
            await self.db.execute(
                "UPDATE messages SET due_at = now() WHERE id = ANY($1::bigint[]) AND status = 'queued'", ids
            )

    async def in_a_transaction(self, verb: Callable[..., Awaitable[object]], what: object) -> None:
        async with self.db.transaction():
            await verb(self.db, what, actor="person")

    async def tidy(self) -> None:
        await sweep.match_receipts(self.pool)
        await sweep.end_emptied(self.pool)
        await sweep.bring_back_days(self.pool)
        await sweep.fold_counts(self.pool)
        await sweep.wake_forgotten_chunks(self.pool)
        await bulk_runs.finish_sent(self.db)
        await bulk_control.finish_cancelled(self.pool)
        await bulk_control.take_back_paused(self.pool)
        await bulk_control.free_of_ended(self.pool)

    async def restore(self) -> None:
        async with self.db.transaction():
            await unsettled.hold_waiting(self.db, reason="restored")
            await bulk_runs.pause_all(self.db)
            await self.db.execute("DELETE FROM workers")
        self.world.workers.clear()

    async def end(self) -> None:
        """Have one worker work, the platform take all, and people let go what is held, until nothing waits."""
        for worker in list(self.world.workers):
            await self.take_over(worker)
        await self.add_worker()
        for run in self.world.runs:
            await self.tell_run(run, "resume_run")
        for _ in range(20):
            async with self.db.transaction():
                held = await self.column("SELECT id FROM messages WHERE status = 'held'")
                await reconcile.release_held(self.db, held, actor="person")
            await bulk.open_now(self.db)
            self.world.claims.clear()
            for chunk in await self.column("SELECT chunk_id FROM waiting_chunks"):
                await self.claim(self.world.workers[0], chunk, 500)
            while await self.claim_of_a_run(self.world.workers[0], 500):
                pass
            for claim in self.world.claims:
                for id_ in claim.ids:
                    await self.start(claim, id_, is_taken=True)
            for handed in [each for each in self.world.handed if not each.is_written]:
                await self.record(handed, is_clear=True)
            await self.tidy()
            if not await self.in_hand():
                return

    async def in_hand(self) -> list[int]:
        """Give the messages that wait or are being handed over."""
        return await self.column(f"SELECT id FROM messages WHERE {_IN_HAND}")

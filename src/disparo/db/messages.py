"""Messages: the statements that move them. Those that settle uncertain and held ones are in `unsettled`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

from disparo.db.pool import SOON_S, Connection, column, plan_by_size, sql
from disparo.domain.message import Event, Status, transition_table

#: Messages that one chunk holds at most; bulk_queue.sql has the number too.
CHUNK_SIZE = 500
#: Workers that died preparing the same message before it, or its chunk, is set apart.
SUSPECT_AFTER = 3

#: Looked up for each message: calling the class costs 0.2 µs more.
_STATUS = {str(each): each for each in Status}
#: Of start.sql.
_LOCKING = "FOR UPDATE OF m"


class Move(NamedTuple):
    """One move that is asked for; with `attempt_id` only while that is still the message's last attempt."""

    message_id: int
    event: Event
    reason: str | None = None
    attempt_id: int | None = None


class Moved(NamedTuple):
    """One move that was made."""

    message_id: int
    before: Status
    after: Status
    age_s: float  # since it was accepted


class Start(NamedTuple):
    """One claimed message whose hand-over is to start, with its text."""

    message_id: int
    claim_token: UUID
    text: str
    segments: int


class Recorded(NamedTuple):
    """The outcome of one attempt, as it is written; `retry_s`: the wait if its message is queued again."""

    attempt_id: int
    message_id: int
    platform: str
    outcome: str
    event: Event
    platform_id: str | None
    code: str | None
    detail: str | None
    failure: str | None
    latency_ms: int
    segments: int | None
    retry_s: float


async def apply_events(connection: Connection, moves: Sequence[Move], *, actor: str) -> list[Moved]:
    """Move messages as the transition table allows; gives the moves that were made.

    Many are moved in a transaction of the caller's, whose plans are made for so many from here on: one made
    while the table was empty and kept holds each message against each.
    """
    if len(moves) > CHUNK_SIZE:
        await plan_by_size(connection)
    rows = await connection.fetch(
        sql("apply_events"),
        [move.message_id for move in moves],
        [str(move.event) for move in moves],
        column([move.reason for move in moves]),
        column([move.attempt_id for move in moves]),
        actor,
        transition_table(),
    )
    return [Moved(row["id"], _STATUS[row["before"]], _STATUS[row["after"]], row["age_s"]) for row in rows]


async def next_chunk(connection: Connection) -> int:
    """Take a fresh chunk number: as it is for single calls, negative for bulk runs (see `queue.WakeUp`).

    Statements that give messages a new chunk keep each one's sign.
    """
    chunk_id: int = await connection.fetchval("SELECT nextval('chunks_id_seq')")
    return chunk_id


async def claim(
    connection: Connection, worker_id: UUID, *, token: UUID, chunk_id: int, limit: int
) -> list[int]:
    """Claim a chunk's due messages; gives their ids, none where this worker was taken over meanwhile.

    Its transaction, which should have nothing else in it, waits for no flush (claim.sql).
    """
    rows = await connection.fetch(sql("claim"), worker_id, token, chunk_id, limit, timeout=SOON_S)
    return sorted(row["id"] for row in rows)


async def claimed_facts(connection: Connection, ids: Sequence[int]) -> list[asyncpg.Record]:
    """Read what the last look needs; the columns are those of claimed_facts.sql."""
    return await connection.fetch(sql("claimed_facts"), ids, timeout=SOON_S)


async def lock(connection: Connection, ids: Sequence[int]) -> None:
    """Lock messages in their order, for statements of this transaction that each change some of them."""
    await connection.execute(
        # Not by the bare id: see claim.sql.
        "SELECT FROM messages m WHERE m.id = ANY($1::bigint[]) ORDER BY m.id + 0 FOR UPDATE OF m",
        ids,
    )


async def put_back(
    connection: Connection,
    waits: Sequence[tuple[int, datetime, str]],
    *,
    token: UUID,
    chunk_id: int,
) -> list[int]:
    """Put claimed messages, (id, not before, reason) each, back to wait; gives the chunks they are in."""
    ids, times, reasons = zip(*waits, strict=True)
    rows = await connection.fetch(sql("put_back"), ids, token, times, reasons, chunk_id, "worker")
    return sorted({row["chunk_id"] for row in rows})


async def start(
    connection: Connection,
    starts: Sequence[Start],
    *,
    platform: str,
    worker_id: UUID,
    waits: bool = True,
) -> dict[int, int]:
    """Commit starts; gives attempt ids by message id of those that may be written.

    `waits`: for whoever is changing one of them; without it, that one is not started.
    """
    text = sql("start")
    rows = await connection.fetch(
        text if waits else text.replace(_LOCKING, f"{_LOCKING} SKIP LOCKED"),
        [item.message_id for item in starts],
        [item.claim_token for item in starts],
        [item.text for item in starts],
        [item.segments for item in starts],
        platform,
        worker_id,
        timeout=SOON_S,
    )
    return {row["id"]: row["attempt_id"] for row in rows}


async def record(
    connection: Connection, results: Sequence[Recorded], *, chunk_id: int
) -> list[asyncpg.Record]:
    """Write outcomes by attempt id; see record.sql for the columns of the answer."""
    return await connection.fetch(
        sql("record"),
        [item.attempt_id for item in results],
        [item.message_id for item in results],
        [item.outcome for item in results],
        [str(item.event) for item in results],
        column([item.platform_id for item in results]),
        column([item.code for item in results]),
        column([item.detail for item in results]),
        column([item.failure for item in results]),
        [item.latency_ms for item in results],
        column([item.segments for item in results]),
        [item.retry_s for item in results],
        chunk_id,
        transition_table(),
        [item.platform for item in results],
    )


async def take_over(
    connection: Connection, worker_id: UUID, *, preparing: int | None
) -> list[asyncpg.Record]:
    """Free what a dead worker held; gives id, status and chunk_id of each message."""
    return await connection.fetch(sql("take_over"), worker_id, preparing, "reaper", SUSPECT_AFTER)


async def requeue(connection: Connection, ids: Sequence[int], *, chunk_id: int, delay_s: float) -> list[int]:
    """Give messages that were queued again a chunk, a time and a fresh `timeout`; gives the chunks."""
    rows = await connection.fetch(sql("resend"), ids, chunk_id, delay_s)
    return sorted({row["chunk_id"] for row in rows})


async def fold_counts(connection: Connection) -> None:
    """Sum up the count rows of dispatches that have many, some of them at a time."""
    await connection.execute(sql("fold_counts"))


async def started_unseen(connection: Connection, starts: Sequence[Start]) -> dict[int, int]:
    """Give attempt ids by message id of starts whose answer was lost, and which were committed."""
    rows = await connection.fetch(
        """SELECT m.id, m.attempt_id
           FROM messages m JOIN unnest($1::bigint[], $2::uuid[]) AS w (id, token) ON w.id = m.id
           WHERE m.status = 'sending' AND m.claim_token = w.token""",
        [item.message_id for item in starts],
        [item.claim_token for item in starts],
    )
    return {row["id"]: row["attempt_id"] for row in rows}


async def held_by(connection: Connection, worker_id: UUID) -> list[asyncpg.Record]:
    """List the messages that the table says a worker holds: id, status, claim_token."""
    return await connection.fetch(
        """SELECT id, status, claim_token FROM messages
           WHERE chunk_id = ANY(ARRAY(SELECT chunk_id FROM claims WHERE worker_id = $1))
             AND worker_id = $1 AND status IN ('claimed', 'sending')""",
        worker_id,
    )


async def forget_claims(connection: Connection, worker_id: UUID, live: Collection[UUID]) -> None:
    """Delete a worker's claims, except `live` ones, of which no message is in its hands."""
    await connection.execute(
        """DELETE FROM claims c WHERE c.worker_id = $1 AND c.token <> ALL($2::uuid[])
           AND NOT EXISTS (SELECT FROM messages m
                           WHERE m.chunk_id = c.chunk_id AND m.claim_token = c.token
                           AND m.status IN ('claimed', 'sending'))""",
        worker_id,
        live,
    )


async def rechunk(connection: Connection, ids: Sequence[int], *, chunk_id: int) -> list[int]:
    """Move waiting messages to another chunk, due as before; gives the chunks they are in."""
    rows = await connection.fetch(
        """UPDATE messages SET chunk_id = CASE WHEN chunk_id < 0 THEN -$2::bigint ELSE $2 END
           WHERE id = ANY($1::bigint[]) AND status = 'queued' RETURNING chunk_id""",
        ids,
        chunk_id,
    )
    return sorted({row["chunk_id"] for row in rows})


async def with_tries_left(connection: Connection, ids: Sequence[int]) -> list[int]:
    """Give those of these messages that had fewer hand-overs than their dispatch allows."""
    rows = await connection.fetch(
        """SELECT m.id FROM messages m JOIN dispatches d ON d.id = m.dispatch_id
           WHERE m.id = ANY($1::bigint[]) AND m.tries < d.tries ORDER BY m.id""",
        ids,
    )
    return [row["id"] for row in rows]

"""Pages of dispatches for programs, by number and with their total, found by the status of their messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from disparo.db.message_pages import RARE
from disparo.db.pool import Connection, sql
from disparo.db.where import AFTER_ALL, BEFORE_ALL
from disparo.domain.message import Status

#: So few with the status are taken from their messages; of more, a page is met soon on the way through all.
FEW = 5000
#: What is soon in another status is never much but in an outage, and found without a look at the rest.
_SHORT_LIVED: Mapping[str, str] = {
    Status.QUEUED: "messages_waiting",
    **{each: f"messages_in_hand WHERE status = '{each}'" for each in (Status.CLAIMED, Status.SENDING)},
}
#: A message's id follows the clock. It and its call are of one moment.
_SLACK = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which dispatches; None: any. `status`: with a message in it; `until` is left out itself."""

    status: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def period(self) -> tuple[datetime, datetime]:
        """Both ends, whether they were given or not."""
        return self.since or BEFORE_ALL, self.until or AFTER_ALL


async def page(
    connection: Connection, wanted: Wanted, *, total: int | None, limit: int, offset: int
) -> list[asyncpg.Record]:
    """List dispatches, the newest first, each with its counts (JSON).

    `total`: what `count` gave; it must be told where a status is wanted.
    """
    if total is not None and offset >= total:
        return []
    source, where = "dispatches d", _has(wanted.status)
    if wanted.status in _SHORT_LIVED or (wanted.status is not None and (total or 0) <= FEW):
        # Row by row: no statistics make all dispatches be gone through for each that was found.
        source = f"""(SELECT DISTINCT id FROM ({await _found(connection, wanted)}) f) f
                     CROSS JOIN LATERAL (SELECT * FROM dispatches WHERE id = f.id LIMIT 1) d"""  # noqa: S608 - our own words
        where = "true"
    return await connection.fetch(
        f"""SELECT d.*, r.state AS run_state,
                  (SELECT json_object_agg(status, total) FROM counts_of(d.id, d.kind)) AS counts
           FROM (SELECT d.id, d.kind, d.purpose, d.queue, d.invoice_ids, d.created_at, d.starts_at
                 FROM {source} WHERE {where} AND d.created_at >= $1 AND d.created_at < $2
                 ORDER BY d.created_at DESC, d.id DESC LIMIT $3 OFFSET $4) d
           LEFT JOIN bulk_runs r ON r.dispatch_id = d.id
           ORDER BY d.created_at DESC, d.id DESC""",  # noqa: S608 - our own words
        *wanted.period,
        limit,
        offset,
    )


async def count(connection: Connection, wanted: Wanted) -> int:
    """Count what `page` would list in all; with a status the messages of single calls are read, once."""
    if wanted.status is None:
        counted = "SELECT count(*) FROM dispatches d WHERE d.created_at >= $1 AND d.created_at < $2"
    else:
        counted = f"SELECT count(DISTINCT id) FROM ({await _found(connection, wanted)}) f"  # noqa: S608 - our own words
    total: int = await connection.fetchval(counted, *wanted.period)
    return total


def _has(status: str | None) -> str:
    """Give the condition that one dispatch has a message in a status: a run has its sums."""
    if status is None:
        return "true"
    single = f"m.dispatch_id = d.id AND m.{'trouble' if status in RARE else 'status'} = '{status}'"
    return f"""CASE WHEN d.kind = 'single' THEN EXISTS (SELECT FROM messages m WHERE {single})
                    ELSE {_of_run(status)} END"""


def _of_run(status: str) -> str:
    return f"EXISTS (SELECT FROM counts_of(d.id, d.kind) c WHERE c.status = '{status}' AND c.total > 0)"


async def _found(connection: Connection, wanted: Wanted) -> str:
    """Give the statement for the ids of all dispatches wanted ($1, $2: the period), some more than once.

    What waits or is in hand is found by its chunks. Of the rest, the messages of single calls are read in
    their own order: looked up for each dispatch, that took four times as long. The ids between which those of
    the period are stand there as numbers, for a plan that knows how many they are.
    """
    if wanted.status in _SHORT_LIVED:
        return f"""SELECT d.id FROM (SELECT DISTINCT dispatch_id FROM {_SHORT_LIVED[str(wanted.status)]}) m
                   CROSS JOIN LATERAL (SELECT id, created_at FROM dispatches
                                       WHERE id = m.dispatch_id LIMIT 1) d
                   WHERE d.created_at >= $1 AND d.created_at < $2"""  # noqa: S608 - our own words
    bounds = ""
    for sign, moment, slack in ((">=", wanted.since, -_SLACK), ("<", wanted.until, _SLACK)):
        if moment is not None:
            edge = min(max(moment, BEFORE_ALL), AFTER_ALL) + slack
            first_id: int = await connection.fetchval(sql("first_message_since"), edge)
            bounds += f" AND id {sign} {first_id:d}"
    column = "trouble" if wanted.status in RARE else "status"
    # OFFSET 0: else an index that has the time as its second column is read from end to end for it.
    return f"""SELECT m.dispatch_id AS id
               FROM (SELECT dispatch_id, created_at FROM messages
                     WHERE {column} = '{wanted.status}' AND chunk_id > 0{bounds} OFFSET 0) m
               WHERE m.created_at >= $1 AND m.created_at < $2
               UNION ALL
               SELECT d.id FROM dispatches d
               WHERE d.kind = 'bulk' AND d.created_at >= $1 AND d.created_at < $2
                     AND {_of_run(str(wanted.status))}"""  # noqa: S608 - our own words

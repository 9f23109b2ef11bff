"""How many customers and invoices there are of each day, kept and not counted (decision 0016)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from disparo.db.pool import Connection


async def count_days(
    connection: Connection, kind: str, states: Sequence[str], *, first: date | None, last: date | None
) -> list[tuple[date, int]]:
    """Give how many there are of each day, oldest first: a few thousand rows at most."""
    rows = await connection.fetch(
        """SELECT day, sum(delta)::bigint AS count FROM register_counts
           WHERE kind = $1 AND state = ANY($2::text[])
             AND day BETWEEN coalesce($3, '-infinity'::date) AND coalesce($4, 'infinity'::date)
           GROUP BY day ORDER BY day""",
        kind,
        list(states),
        first,
        last,
    )
    return [(row["day"], row["count"]) for row in rows]


def day_of(days: Sequence[tuple[date, int]], offset: int, *, descending: bool) -> tuple[date, int]:
    """Tell in which day a place is, and how far into it: no query walks over whole days."""
    ordered = list(reversed(days)) if descending else days
    for day, count in ordered:
        if offset < count:
            return day, offset
        offset -= count
    return ordered[-1][0], offset


async def fold_counts(connection: Connection) -> None:
    """Sum up the count rows, one folder at a time, inside the caller's transaction."""
    if not await connection.fetchval("SELECT pg_try_advisory_xact_lock(hashtext('register_counts'))"):
        return
    await connection.execute(
        """WITH many AS (
               SELECT kind, day, state FROM register_counts GROUP BY 1, 2, 3 HAVING count(*) > 8
           ), taken AS (
               DELETE FROM register_counts c USING many m
               WHERE c.kind = m.kind AND c.day = m.day AND c.state = m.state
               RETURNING c.kind, c.day, c.state, c.delta
           )
           INSERT INTO register_counts (kind, day, state, delta)
           SELECT kind, day, state, sum(delta) FROM taken GROUP BY 1, 2, 3 HAVING sum(delta) <> 0"""
    )

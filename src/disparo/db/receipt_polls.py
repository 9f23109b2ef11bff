"""Hand-overs whose receipts must be asked for, since their platform brings none."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from disparo.db.pool import Connection, sql
from disparo.domain.message import Status

#: Each hand-over is looked at once: one whose outcome nobody knows yet may still turn out to be accepted.
_UNCONFIRMED = [Status.SENDING, Status.UNCERTAIN, Status.ACCEPTED, Status.SENT]
#: Asked about after 1, 2, 4 ... times the platform's `after_s`; after that it stays without. A question that
#: got no answer does not count, and comes again after the message's age, an hour at most, or `after_s`; for
#: no longer than `_OLDEST_S` from its start, or twice what eight questions take.
_ASKED_AT_MOST, _LONGEST_PAUSE_S = 8, 3_600.0
_OLDEST_S = 72 * 3_600.0


async def fill(connection: Connection, after_s: Mapping[str, float], *, limit: int) -> int:
    """Note hand-overs to be asked about, by platform after so many seconds; gives how many were read."""
    seen: int = await connection.fetchval(
        sql("fill_receipt_polls"),
        list(after_s),
        list(after_s.values()),
        min(after_s.values()),
        _UNCONFIRMED,
        limit,
    )
    return seen


async def take(connection: Connection, platform: str, *, after_s: float, look_at: int) -> asyncpg.Record:
    """Take the next hand-over to ask about: attempt_id, reference, platform_id; null where none seen waits.

    `looked`: how many that are due were seen, at most `look_at`; those that no longer wait are gone.
    """
    row = await connection.fetchrow(
        sql("take_receipt_poll"),
        platform,
        after_s,
        _UNCONFIRMED,
        _ASKED_AT_MOST,
        look_at,
        max(_OLDEST_S, 2 * _longest_wait_s(after_s)),
    )
    assert row is not None  # noqa: S101 - for the type checker: the statement always has one row
    return row


async def give_back(connection: Connection, attempt_id: int, *, after_s: float) -> None:
    """Have a hand-over asked about again as if it had not been: the platform did not answer."""
    await connection.execute(
        """UPDATE receipt_polls p
           SET asked = p.asked - 1,
               next_at = now() + greatest(make_interval(secs => $2),
                                          least(now() - a.started_at, make_interval(secs => $3)))
           FROM attempts a WHERE p.attempt_id = $1 AND p.asked > 0 AND a.id = p.attempt_id""",
        attempt_id,
        after_s,
        _LONGEST_PAUSE_S,
    )


async def bring_back(connection: Connection, after_s: Mapping[str, float]) -> None:
    """Ask now about what is due later than any question can be: the clock was set back since."""
    await connection.execute(
        """UPDATE receipt_polls p SET next_at = now()
           FROM unnest($1::text[], $2::double precision[]) AS x (platform, longest_s)
           WHERE p.platform = x.platform AND p.next_at > now() + make_interval(secs => x.longest_s)""",
        list(after_s),
        [max(_LONGEST_PAUSE_S, _longest_wait_s(each)) for each in after_s.values()],
    )


def _longest_wait_s(after_s: float) -> float:
    return after_s * 2.0 ** (_ASKED_AT_MOST - 1)

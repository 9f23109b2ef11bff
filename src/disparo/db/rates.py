"""A platform's limits in rows that all workers share: a second, in 24 hours, at once.

Why so: docs/decisions/0021.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from disparo.db import workers
from disparo.db.pool import Connection, sql

#: Waits for one's turn at a platform's row, and makes it: a row is locked whether or not its update applies.
_TURN = """INSERT INTO platform_rates AS r (platform, tat) VALUES ($1, now())
           ON CONFLICT (platform) DO UPDATE SET tat = r.tat WHERE false"""


@dataclass(frozen=True, slots=True)
class RateSlots:
    """The right to hand over `messages`, at so many slots, the first `wait_s` seconds from now.

    The limit of 24 hours counts them in `bucket`.

    `now_s`: the server's clock when it answered, in seconds. `day_full_s` above 0: the limit of 24 hours is
    reached, and there is room again in so many seconds.
    """

    messages: int
    slots: int
    wait_s: float
    day_full_s: float
    bucket: datetime | None
    now_s: float


async def are_days_full(connection: Connection, per_day: Mapping[str, int], *, within_s: float) -> bool:
    """Tell for each platform whether its limit of 24 hours is reached, or was within the last seconds."""
    full: bool | None = await connection.fetchval(
        """SELECT bool_and(p.per_day <= (SELECT coalesce(sum(u.used), 0) FROM platform_day_use u
                                         WHERE u.platform = p.platform AND u.bucket > now()
                                           - interval '24 h 10 min' - make_interval(secs => $3)))
           FROM unnest($1::text[], $2::int[]) AS p (platform, per_day)""",
        list(per_day),
        list(per_day.values()),
        within_s,
    )
    return full is True


async def take_slots(
    connection: Connection,
    platform: str,
    *,
    interval_s: float,
    per_day: int | None,
    costs: Sequence[int],
    ahead_s: float,
    run_up_s: float = 0.02,
) -> RateSlots:
    """Take slots that are `run_up_s` to `ahead_s` seconds from now, for the first of some messages.

    `costs`: how many each message uses up. The limit of 24 hours has to have room for all of them; where
    there are not so many slots, the first message has what there is. Gives 0 and a wait for none.
    """
    async with connection.transaction():
        if per_day is not None:
            # A statement sees other tables as they were when it began: the turn must come before it.
            await connection.execute(_TURN, platform)
        row = await connection.fetchrow(
            sql("take_slots"), platform, interval_s, costs, per_day, ahead_s, run_up_s
        )
    assert row is not None  # noqa: S101 - for the type checker: the statement always has one row
    return RateSlots(
        row["messages"],
        row["slots"],
        max(0.0, row["wait_s"]),
        max(0.0, row["day_full_s"]),
        row["bucket"],
        row["now_s"],
    )


async def give_back_slots(connection: Connection, platform: str, cost: int, *, bucket: datetime) -> None:
    """Take hand-overs that did not happen off the count of 24 hours; their slots are lost."""
    await connection.execute(
        "UPDATE platform_day_use SET used = used - $2 WHERE platform = $1 AND bucket = $3",
        platform,
        cost,
        bucket,
    )


async def count_day(connection: Connection, platform: str, *, by_parts: bool) -> None:
    """Count in the limit of 24 hours what went while the platform had none; once is as good as often.

    In the caller's transaction, which has the platform's turn until it ends.
    """
    await connection.execute(_TURN, platform)
    await connection.execute(sql("count_day"), platform, by_parts)


async def bring_back_days(connection: Connection) -> None:
    """Count as just granted what was granted in a time to come: the clock was set back since.

    Nobody knows when that was, and it would count until that time has passed, be it a year.
    """
    await connection.execute(
        """WITH ahead AS (
               DELETE FROM platform_day_use WHERE bucket > now() + interval '10 min' RETURNING platform, used
           )
           INSERT INTO platform_day_use AS u (platform, bucket, used)
           SELECT platform, date_bin('10 min', now(), 'epoch'), sum(used) FROM ahead
           GROUP BY platform ORDER BY platform
           ON CONFLICT (platform, bucket) DO UPDATE SET used = u.used + excluded.used"""
    )


async def share_window(
    connection: Connection, platform: str, worker_id: UUID, *, wants: int, in_use: int, window: int
) -> int:
    """Lease places of a platform's window, in the caller's transaction; gives how many may be used then.

    `in_use`: what the worker uses, or may come to use before it has the answer: all of it stays leased.
    """
    # Before the turn, which the others wait for: its row is held while it leaves, or is taken over.
    if not await workers.keep(connection, worker_id):
        return 0
    await connection.execute(_TURN, platform)
    places: int = await connection.fetchval(sql("share_window"), platform, worker_id, wants, in_use, window)
    return places

"""What is shown of each kind of limit; every figure is the platform's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from itertools import pairwise
from typing import Any

from tests.rates.yard import Yard
from tests.support.arrivals import in_flight, largest_within, within

PLATFORM = "limitada"
#: A dead worker's places come back 6 s after its last beat, which may have been some seconds before its death on
#: a busy machine; its last calls must be answered by then.
_CALL_AFTER_DEATH_S, _KILL_AFTER_S = 3.0, 4.0
_MOMENT_S = 3.0
#: So much of a window in flight at once is all of it in use.
_FULL = 0.8


async def per_second(yard: Yard, limit: int, *, seconds: int, ddd: int = 11) -> dict[str, Any]:
    """More waits than may go; the first second and what comes after `seconds` are not looked at for the share."""
    before = len(yard.arrived(ddd=ddd))
    await yard.add(limit * (seconds + 3), ddd=ddd)
    await yard.until(lambda: len(yard.arrived(ddd=ddd)) > before)
    await asyncio.sleep(seconds + 1.2)
    moments = [yard.log.arrived[id_] for id_ in yard.arrived(ddd=ddd)[before:]]
    begin = moments[0] + 1
    return {
        "limit": limit,
        "share_used": round(within(moments, begin, begin + seconds) / seconds / limit, 3),
        "largest_second_over_limit": round(largest_within(moments, 1.0) / limit, 3),
    }


async def per_day(yard: Yard, limit: int, *, waiting: int) -> dict[str, Any]:
    """Queue more than a day's worth."""
    before = len(yard.arrived())
    await yard.add(waiting)
    await yard.until(lambda: _is_still(yard))
    return {"limit": limit, "waited": waiting, "sent": len(yard.arrived()) - before}


async def sliding_day(yard: Yard, limit: int, *, frees_in_s: float) -> dict[str, Any]:
    """Two thirds of the limit were used a day ago, less a few seconds: until then only a third may go."""
    used, before = limit * 2 // 3, len(yard.arrived())
    await yard.connection.execute(
        """INSERT INTO platform_day_use (platform, bucket, used)
           VALUES ($1, now() - interval '24 h 10 min' + make_interval(secs => $2), $3)""",
        PLATFORM,
        frees_in_s,
        used,
    )
    frees_at = time.time() + frees_in_s
    await yard.add(limit * 2)
    await yard.until(lambda: len(yard.arrived()) - before >= limit, seconds=frees_in_s + 60)
    await asyncio.sleep(_MOMENT_S)
    moments = [yard.log.arrived[id_] for id_ in yard.arrived()[before:]]
    return {
        "limit": limit,
        "used_a_day_ago": used,
        "sent_before_the_day_was_over": within(moments, 0, frees_at),
        "sent": len(moments),
        "used_again_s": round(min(at for at in moments if at >= frees_at) - frees_at, 1),
    }


async def window(yard: Yard, places: int, *, seconds: int, ddd: int = 11) -> dict[str, Any]:
    """All workers share a window under a backlog."""
    before = len(yard.arrived(ddd=ddd))
    await yard.stage.behave({"latency_ms": 100})
    await yard.add(places * 10 * (seconds + 5), ddd=ddd)
    await yard.until(lambda: len(yard.arrived(ddd=ddd)) > before)
    await asyncio.sleep(seconds)
    now = time.time()
    steps = in_flight(yard.log, yard.arrived(ddd=ddd)[before:], until=now)
    filled = sum((until - at) * count for (at, count), (until, _) in pairwise(steps))
    return {
        "window": places,
        "most_in_flight": max(count for _, count in steps),
        "share_used": round(filled / (steps[-1][0] - steps[0][0]) / places, 3),
    }


async def window_killed(yard: Yard, places: int, *, ddd: int = 11) -> dict[str, Any]:
    """One worker has the whole window in flight when it is killed; three others wait for it. None but it runs yet."""
    before = len(yard.arrived(ddd=ddd))
    first, *others = yard.workers
    await yard.start(first)
    await yard.stage.behave({"latency_ms": (_KILL_AFTER_S + _CALL_AFTER_DEATH_S) * 1000})
    await yard.add(places * 100, ddd=ddd)
    await yard.until(lambda: len(yard.arrived(ddd=ddd)) - before >= places)
    # On a busy machine they are up after its death only: its calls do not wait for that.
    starting = asyncio.create_task(yard.start(*others))
    await asyncio.sleep(_KILL_AFTER_S)
    held = [id_ for id_ in yard.arrived(ddd=ddd)[before:] if id_ not in yard.log.answered]
    first.kill()
    killed_at = time.time()
    # Long enough for a slow machine to have the whole window in flight at once again.
    await yard.stage.behave({"latency_ms": 1000})
    await starting

    def steps(*, without: Collection[str] = ()) -> list[tuple[float, int]]:
        ids = [id_ for id_ in yard.arrived(ddd=ddd)[before:] if id_ not in without]
        return in_flight(yard.log, ids, until=time.time())

    def full_again() -> list[float]:
        # A place is held until its outcome is written down too: on a busy machine one or two are, at any moment.
        return [at for at, count in steps(without=held) if count >= places * _FULL]

    await yard.until(full_again)
    await yard.until(lambda: len(yard.arrived(ddd=ddd)) - before > places * 10)
    return {
        "window": places,
        "in_flight_when_killed": len(held),
        "most_in_flight": max(count for _, count in steps()),
        "used_again_s": round(full_again()[0] - killed_at, 1),
    }


async def _is_still(yard: Yard) -> bool:
    """Whether something has arrived, and nothing more for a while."""
    count = len(yard.arrived())
    await asyncio.sleep(_MOMENT_S)
    return 0 < count == len(yard.arrived())

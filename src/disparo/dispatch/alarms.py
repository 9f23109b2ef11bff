"""Looks for what people must be told of, and tells them once when it begins and once when it is over."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import structlog

from disparo.db import alerts, bulk_slices, rates, signs
from disparo.db.pool import Connection, Pool
from disparo.dispatch import polling, takeover
from disparo.dispatch.rate_parts import full_from
from disparo.domain.outcome import FailureClass
from disparo.platforms.base import Capabilities, Platform

log = structlog.get_logger(__name__)

_STUCK_AFTER_S = 900.0
#: A platform that contradicted nothing for so long has come to an end of it.
_CONTRADICTS_S = 86_400.0
#: All that waits is read where nothing goes, and for receipts that stopped the hand-overs of an hour.
_MUCH_EVERY_S = 60.0
#: Of what a process sees of itself: so long must nobody have said it again, by looks that come so often.
_UNSAID_S, _LOOK_EVERY_S = 45.0, 3.0
#: Platforms are asked for credit and whether they are there no more often than this.
_ASK_EVERY_S = 300.0
#: The next look for trouble waits for those who are told of what was found.
_TOLD_AT_ONCE = 20

#: Who has little credit, who told theirs, who is not well, who said how they are.
_Answers = tuple[dict[str, str | None], list[str], dict[str, str | None], list[str]]

#: Tells people of an alert, a row of `alerts.take_untold`; False where nobody could be told.
Tell = Callable[[asyncpg.Record], Awaitable[bool]]

#: Raised and cleared where the source is asked; their subject is no platform.
_OF_SOURCES = frozenset({alerts.SOURCE_DOWN, alerts.SYNC_FAILED})
#: Of platforms, by what they must be able to tell for it to be seen.
_OF_PLATFORMS: Mapping[str, Callable[[Capabilities], bool]] = {
    alerts.PLATFORM_OPEN: lambda _able: True,
    alerts.CREDIT_LOW: lambda able: able.has_balance,
    alerts.PLATFORM_UNREACHABLE: lambda able: able.has_health,
    alerts.CREDIT_GONE: lambda able: able.receipts or able.poll_after_s is not None,
    alerts.RECEIPTS_STOPPED: lambda able: able.receipts or able.poll_after_s is not None,
}


class Alarms:
    """The looks of one worker; of all workers one at a time looks. `sources`: live ones; None: not known."""

    def __init__(self, pool: Pool, *, zone: ZoneInfo, sources: Collection[str] | None = None) -> None:
        self._pool = pool
        self._zone = zone
        self._sources = sources
        self._asked: frozenset[tuple[str, str]] = frozenset()
        self._asked_since = time.monotonic()
        self._ask_at = 0.0
        self._answers: _Answers | None = None  # until they are stored: they do not come again soon
        self._much_at = 0.0
        self._unsaid: takeover.Watch[tuple[str, str], datetime] = takeover.Watch(
            time.monotonic, look_every_s=_LOOK_EVERY_S, dead_after_s=_UNSAID_S
        )

    async def look(
        self,
        platforms: Mapping[str, Platform],
        *,
        left: Collection[str] = (),
        is_used: Callable[[Platform], bool] = lambda _platform: True,
    ) -> None:
        """Look for trouble and store what is found. No connection is in hand while platforms are asked.

        Those of `left` are not asked how they are: this worker has no connection to them, another has. What
        `is_used` no more once all were asked was closed meanwhile: that it did not answer says nothing.
        """
        self._note_asked(platforms)
        if time.monotonic() >= self._ask_at:
            self._answers = await self._ask(platforms, left)
            if not all(map(is_used, platforms.values())):
                self._answers, self._ask_at = None, 0.0
        # Before the transaction begins, whose clock gives the ages: an alert of before is never the younger.
        asked_for_s = time.monotonic() - self._asked_since
        async with self._pool.acquire() as connection, connection.transaction():
            if not await signs.try_duty(connection):
                return
            await self._look_at_tables(connection, platforms, asked_for_s)
            if self._answers is not None:
                await self._note(connection, *self._answers)
        self._answers = None

    def _note_asked(self, platforms: Mapping[str, Platform]) -> None:
        asked = frozenset(
            (kind, name)
            for name, platform in platforms.items()
            for kind, able in _OF_PLATFORMS.items()
            if able(platform.capabilities)
        )
        if asked != self._asked:
            self._asked, self._asked_since = asked, time.monotonic()

    def _is_moot(self, row: asyncpg.Record, platforms: Mapping[str, Platform], asked_for_s: float) -> bool:
        """Tell whether nothing looks any more, by the settings, for the end of this alert."""
        kind, subject = row["kind"], row["subject"]
        if kind in _OF_SOURCES:
            is_asked = self._sources is None or subject in self._sources
        elif kind in _OF_PLATFORMS:
            is_asked = (kind, subject) in self._asked
        else:
            is_asked = subject in platforms
        # One that is newer comes from a worker with other settings, and would at once come again, or never.
        return not is_asked and not 0 <= row["age_s"] < asked_for_s

    async def _ask(self, platforms: Mapping[str, Platform], left: Collection[str]) -> _Answers:
        self._ask_at = time.monotonic() + _ASK_EVERY_S
        credit = await polling.read_credit(platforms)
        answered = await polling.read_health({n: p for n, p in platforms.items() if n not in left})
        # Whoever is asked too often, by several workers and for its credit too, is there and knows us.
        health = {name: each for name, each in answered.items() if each.failure is not FailureClass.THROTTLE}
        return (
            {each.platform: str(each.amount) for each in credit if each.is_low},
            [each.platform for each in credit],
            {name: str(each.failure or each.detail) for name, each in health.items() if not each.is_well},
            list(health),
        )

    async def _note(
        self,
        connection: Connection,
        low: Mapping[str, str | None],
        with_credit: list[str],
        unwell: Mapping[str, str | None],
        with_health: list[str],
    ) -> None:
        await alerts.settle(connection, alerts.CREDIT_LOW, low, seen=with_credit)
        await alerts.settle(connection, alerts.PLATFORM_UNREACHABLE, unwell, seen=with_health)

    async def _look_at_tables(
        self, connection: Connection, platforms: Mapping[str, Platform], asked_for_s: float
    ) -> None:
        live = await alerts.live(connection)
        said = {(row["kind"], row["subject"]): row["seen_at"] for row in live if row["seen_at"] is not None}
        for (kind, subject), _ in self._unsaid.look(said):
            await alerts.clear(connection, kind, subject)
        for row in live:
            if row["seen_at"] is not None:
                continue
            if row["kind"] == alerts.RUN_REFUSED:
                if UUID(row["subject"]) not in await bulk_slices.runs_left(connection):
                    await alerts.clear(connection, row["kind"], row["subject"])
            elif row["subject"] and self._is_moot(row, platforms, asked_for_s):
                await alerts.stop_watching(connection, row["kind"], row["subject"])
            elif row["kind"] == alerts.CONTRADICTED and not await signs.is_contradicted(
                connection, int(row["detail"]), within_s=_CONTRADICTS_S
            ):
                await alerts.clear(connection, row["kind"], row["subject"])
        await self._settle(connection, alerts.CREDIT_GONE, await signs.platforms_without_credit(connection))
        if time.monotonic() < self._much_at:
            return
        self._much_at = time.monotonic() + _MUCH_EVERY_S
        await self._look_for_silence(connection, live)
        since = await signs.stuck_since(connection, after_s=_STUCK_AFTER_S)
        is_so = since is not None and not await self._are_days_full(connection, platforms)
        stuck = {"": self._local(since)} if since is not None and is_so else {}
        await alerts.settle(connection, alerts.DISPATCH_STUCK, stuck, seen=[""])

    async def _look_for_silence(self, connection: Connection, live: Sequence[asyncpg.Record]) -> None:
        silent = await signs.silent_platforms(connection)
        await self._settle(connection, alerts.RECEIPTS_STOPPED, silent)
        for row in live:
            # With too few hand-overs of late to be judged by them, one receipt says that some come.
            if (
                row["kind"] == alerts.RECEIPTS_STOPPED
                and row["subject"] not in silent
                and await signs.was_heard_since(connection, row["subject"], row["raised_at"])
            ):
                await alerts.clear(connection, row["kind"], row["subject"])

    async def _are_days_full(self, connection: Connection, platforms: Mapping[str, Platform]) -> bool:
        """Tell whether what waits does so for limits alone that the administrator has set."""
        limits = {name: full_from(platform.capabilities) for name, platform in platforms.items()}
        per_day = {name: limit for name, limit in limits.items() if limit is not None}
        if len(per_day) < len(limits):
            return False
        return await rates.are_days_full(connection, per_day, within_s=_STUCK_AFTER_S)

    async def _settle(self, connection: Connection, kind: str, is_so: Mapping[str, bool]) -> None:
        seen = sorted({name for asked, name in self._asked if asked == kind} & is_so.keys())
        await alerts.settle(connection, kind, {name: None for name in seen if is_so[name]}, seen=seen)

    def _local(self, moment: datetime) -> str:
        return moment.astimezone(self._zone).strftime("%d/%m %H:%M")


async def tell_all(pool: Pool, tell: Tell) -> int:
    """Tell people of alerts that nobody was told of; gives of how many. A failure is tried again.

    Each is taken when its turn comes: telling may take half a minute, and what waited behind others for as
    long as a lease would be told by another worker too.
    """
    told = 0
    for _ in range(_TOLD_AT_ONCE):
        async with pool.acquire() as connection:
            untold = await alerts.take_untold(connection, limit=1)
        if not untold:
            break
        told += await _is_told(pool, tell, untold[0])
    return told


async def _is_told(pool: Pool, tell: Tell, row: asyncpg.Record) -> bool:
    over = row["cleared_at"] is not None
    # One that began and ended before anybody could be told is told of once, as over.
    try:
        is_told = await tell(row)
    except Exception:  # about this one, or its way: the others would wait
        log.exception("alert_not_told", kind=row["kind"])
        return False
    if not is_told:
        log.warning("alert_not_told", kind=row["kind"])
        return False
    async with pool.acquire() as connection:
        await alerts.mark_told(connection, row["id"], begun=row["told_at"] is None, over=over)
    return True

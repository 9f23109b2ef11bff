"""What workers do besides sending, put together from the settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from disparo.db import register_counts
from disparo.db.pool import Pool
from disparo.dispatch.freshness import Freshness
from disparo.dispatch.worker import Chore
from disparo.settings import Settings
from disparo.sources.build import build_sync
from disparo.sources.hubsoft import Hubsoft

_FOLD_EVERY_S = 60.0
_LOOK_EVERY_S = 30.0


def chores_of(settings: Settings, dsn: str, hubsoft: Hubsoft | None) -> Callable[[Pool], Sequence[Chore]]:
    """Give the chores; a sync is looked at often and runs when it is due, in one process at a time."""

    def chores(pool: Pool) -> Sequence[Chore]:
        async def fold() -> None:
            async with pool.acquire() as connection, connection.transaction():
                await register_counts.fold_counts(connection)

        found = [Chore("register_counts", _FOLD_EVERY_S, fold)]
        if hubsoft is not None and settings.sync_every_s:
            every_s = min(_LOOK_EVERY_S, settings.sync_every_s)
            found.append(Chore("sync", every_s, build_sync(settings, dsn, pool, hubsoft).run_if_due))
        return found

    return chores


def freshness_of(settings: Settings, dsn: str, hubsoft: Hubsoft | None) -> Callable[[Pool], Freshness | None]:
    """Give what asks live sources again just before a hand-over, where there is one."""

    def freshness(pool: Pool) -> Freshness | None:
        if hubsoft is None:
            return None
        return Freshness(
            pool,
            {hubsoft.name: build_sync(settings, dsn, pool, hubsoft)},
            max_age_s=settings.max_data_age_s,
            single_waits=settings.single_when_source_down == "wait",
        )

    return freshness

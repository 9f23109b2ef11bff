"""What workers do besides sending, put together from the settings."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from disparo.cli.context import data_dir_of
from disparo.db import alerts, installation, register_counts
from disparo.db.data_dir import SCARCE_BYTES, is_held
from disparo.db.pool import Pool
from disparo.dispatch import own_signs
from disparo.dispatch.freshness import Freshness
from disparo.dispatch.worker import Chore
from disparo.settings import Settings
from disparo.settings_watch import SettingsWatch
from disparo.sources.build import build_sync
from disparo.sources.hubsoft import Hubsoft

_FOLD_EVERY_S = 60.0
_LOOK_EVERY_S = 30.0
_ROOM_EVERY_S = 60.0
#: Room enough again; between the two nothing is said, or each file that comes and goes would be told of.
_ENOUGH_BYTES = 1.2 * SCARCE_BYTES


def chores_of(
    settings: Settings, dsn: str, hubsoft: Hubsoft | None, watch: SettingsWatch
) -> Callable[[Pool], Sequence[Chore]]:
    """Give the chores; a sync is looked at often and runs when it is due, in one process at a time."""

    def chores(pool: Pool) -> Sequence[Chore]:
        async def fold() -> None:
            async with pool.acquire() as connection, connection.transaction():
                await register_counts.fold_counts(connection)

        async def look_for_room() -> None:
            await note_room(pool, data_dir_of(settings))

        async def look_for_backup() -> None:
            await note_backup(pool, settings)

        async def say_signs() -> None:
            await own_signs.say(pool, own_signs.refusals(watch))

        found = [
            Chore("register_counts", _FOLD_EVERY_S, fold),
            Chore("room", _ROOM_EVERY_S, look_for_room),
            Chore("backup", _ROOM_EVERY_S, look_for_backup),
            Chore("own_signs", own_signs.SAY_EVERY_S, say_signs),
        ]
        if hubsoft is not None and settings.sync_every_s:
            every_s = min(_LOOK_EVERY_S, settings.sync_every_s)
            found.append(Chore("sync", every_s, build_sync(settings, dsn, pool, hubsoft).run_if_due))
        return found

    return chores


async def note_room(pool: Pool, folder: Path) -> None:
    """Note that the disk of the private database is nearly full: full, it could not be noted any more."""
    free = shutil.disk_usage(folder).free if is_held(folder) else None  # one's own server has its own keeper
    if free is not None and SCARCE_BYTES <= free < _ENOUGH_BYTES:
        return
    low = {"": f"{free / 1e9:.1f} GB".replace(".", ",")} if free is not None and free < SCARCE_BYTES else {}
    async with pool.acquire() as connection, connection.transaction():
        await alerts.settle(connection, alerts.DISK_LOW, low, seen=[""])


async def note_backup(pool: Pool, settings: Settings) -> None:
    """Note that backups, which used to be made, are made no more; never made, there may be another way."""
    days = settings.backup_max_age_days
    async with pool.acquire() as connection, connection.transaction():
        if not days:
            await alerts.stop_watching(connection, alerts.BACKUP_OLD, "")
            return
        last = await installation.last_copy(connection)
        is_old = last is not None and last[1] > timedelta(days=days)
        old = {"": last[0].astimezone(settings.zone).strftime("%d/%m/%Y %H:%M")} if last and is_old else {}
        await alerts.settle(connection, alerts.BACKUP_OLD, old, seen=[""])


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

"""What workers do besides sending, put together from the settings."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from disparo.cli.context import data_dir_of
from disparo.cli.launch import last_real_platform
from disparo.db import alerts, installation, register_counts
from disparo.db.data_dir import SCARCE_BYTES, is_held
from disparo.db.pool import Pool
from disparo.dispatch import own_signs
from disparo.dispatch.freshness import Freshness
from disparo.dispatch.own_signs import Sign
from disparo.dispatch.worker import Chore
from disparo.platforms.base import Platform
from disparo.settings import Settings
from disparo.settings_watch import SettingsWatch
from disparo.sources.build import build_sync
from disparo.sources.hubsoft import Hubsoft
from disparo.wording.duration_words import duration
from disparo.wording.moment_words import to_minute

_FOLD_EVERY_S = 60.0
_LOOK_EVERY_S = 30.0
_ROOM_EVERY_S = 60.0
#: Room enough again; between the two nothing is said, or each file that comes and goes would be told of.
_ENOUGH_BYTES = 1.2 * SCARCE_BYTES
#: Some proxies' answers are older by seconds; nothing of ours minds so few.
_CLOCK_OFF_S = 30.0


def chores_of(
    settings: Settings,
    dsn: str,
    hubsoft: Hubsoft | None,
    *,
    watch: SettingsWatch,
    platforms: Callable[[], Mapping[str, Platform]],
) -> Callable[[Pool], Sequence[Chore]]:
    """Give the chores; a sync is looked at often and runs when it is due, in one process at a time.

    `platforms` gives those that are used now.
    """

    def chores(pool: Pool) -> Sequence[Chore]:
        async def fold() -> None:
            async with pool.acquire() as connection, connection.transaction():
                await register_counts.fold_counts(connection)

        async def look_for_room() -> None:
            await note_room(pool, data_dir_of(settings))

        async def look_for_backup() -> None:
            await note_backup(pool, settings)

        async def say_signs() -> None:
            used = platforms()
            seen = [*own_signs.refusals(watch), *clock_signs(used)]
            await own_signs.say(pool, seen if used else [*seen, *await signs_of_none(pool)])

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
        old = {"": to_minute(last[0], settings.zone)} if last and is_old else {}
        await alerts.settle(connection, alerts.BACKUP_OLD, old, seen=[""])


def clock_signs(platforms: Mapping[str, Platform]) -> list[Sign]:
    """Say that this machine's clock is wrong, unless one of the platforms' agrees with it."""
    ahead = {name: each.clock_ahead_s for name, each in platforms.items()}
    known = {name: ahead_s for name, ahead_s in ahead.items() if ahead_s is not None}
    nearest = min(known, key=lambda name: abs(known[name]), default=None)
    if nearest is None or abs(known[nearest]) < _CLOCK_OFF_S:
        return []
    which_way = "atrasado" if known[nearest] > 0 else "adiantado"
    by = f"{duration(abs(known[nearest]))} {which_way}, pelo relógio da plataforma {nearest}"
    return [Sign(alerts.CLOCK_OFF, socket.gethostname(), by)]


async def signs_of_none(pool: Pool) -> list[Sign]:
    """Say that the settings, which have no platform, had one before: it may be lost in an edit."""
    async with pool.acquire() as connection:
        last = await last_real_platform(connection)
    return [] if last is None else [Sign(alerts.NO_PLATFORM, socket.gethostname(), last)]


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

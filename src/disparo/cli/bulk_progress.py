"""The live progress of a bulk run; whoever watches also lends a hand with queuing."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from disparo.cli.bulk_words import print_skipped
from disparo.db import bulk_runs, dispatch_pages, message_pages, platform_states, workers
from disparo.db.pool import TRANSIENT, Pool
from disparo.dispatch.bulk_queue import queue_some
from disparo.dispatch.rules import Rules
from disparo.domain.message import GONE, IN_HAND, STILL_GOING, count_in
from disparo.settings import Settings
from disparo.wording.moment_words import to_minute
from disparo.wording.platform_words import none_in_use
from disparo.wording.reason_words import reason, waits_for
from disparo.wording.words import RUN as STATE_WORDS
from disparo.wording.words import STATUS as STATUS_WORDS

_LOOK_EVERY_S = 0.3
_OVER = ("done", "cancelled")


async def queue_whole(pool: Pool, dispatch_id: UUID, rules: Rules) -> None:
    """Queue until nothing of this run is left to be queued, with whoever else does."""
    while not _is_queued(await _read(pool, dispatch_id)):
        if not await queue_some(pool, rules):
            await asyncio.sleep(_LOOK_EVERY_S)


async def follow(pool: Pool, dispatch_id: UUID, rules: Rules) -> None:
    """Show a run until it is over, or nobody is there to send it."""
    helper = asyncio.create_task(_help(pool, rules))
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=console) as progress:
            bars = progress.add_task("na fila", total=None), progress.add_task("enviadas", total=None)
            while not _show(progress, bars, await _read(pool, dispatch_id)):
                await asyncio.sleep(_LOOK_EVERY_S)
                if await _nobody_sends(pool, dispatch_id):
                    return
    finally:
        helper.cancel()
        with suppress(asyncio.CancelledError):
            await helper


async def print_run(pool: Pool, dispatch_id: UUID, settings: Settings) -> None:
    """Print a run's figures, and until when and why the rest waits."""
    row = await _read(pool, dispatch_id)
    print(f"Disparo {dispatch_id}: {STATE_WORDS[row['state']]}.")
    tallies = _tallies(row)
    print(f"Faturas lidas: {tallies.pop('invoices', 0)} de {'?' if row['total'] is None else row['total']}")
    tallies.pop("messages", None)
    print_skipped(tallies)
    async with pool.acquire() as connection:
        reasons = await dispatch_pages.reasons(connection, dispatch_id)
    counts = _counts(row)
    for status, count in sorted(counts.items()):
        print(f"  {STATUS_WORDS[status]}: {count}")
        for found in reasons:
            if found["status"] == status and found["reason"]:
                print(f"    {found['total']}: {reason(found['reason'], status)}")
    looked_at, not_arrived = dispatch_pages.LOOKED_AT, count_in(counts, message_pages.NOT_ARRIVED)
    if not_arrived > looked_at:
        print(f"  (os motivos são das primeiras {looked_at} de {not_arrived} mensagens)")
    if row["state"] == "running" and (waits := await _what_it_waits_for(pool, row, settings)):
        print(waits)


async def _what_it_waits_for(pool: Pool, row: asyncpg.Record, settings: Settings) -> str | None:
    async with pool.acquire() as connection:
        if not await workers.list_beats(connection):
            return "Nenhum worker está em execução: as mensagens esperam por um."
        states = await platform_states.read(connection)
    next_at, counts = row["next_at"], _counts(row)
    # The simulated one of `disparo run` is in no settings.
    names = [*(settings.platforms or states)]
    stopped = none_in_use(names, states) if names else None
    if stopped and count_in(counts, STILL_GOING) and not count_in(counts, IN_HAND):
        return stopped
    if next_at is None or next_at <= datetime.now(UTC):
        return None
    why = waits_for(next_at, row["waits_for"], starts_at=row["starts_at"])
    return f"As próximas saem em {to_minute(next_at, settings.zone)}{f': {why}' if why else ''}."


def _show(progress: Progress, bars: tuple[TaskID, TaskID], row: asyncpg.Record) -> bool:
    counts = _counts(row)
    sent = count_in(counts, GONE - STILL_GOING)
    to_send = count_in(counts, STILL_GOING)  # what is held is not: the run ends without it
    progress.update(bars[0], total=row["total"], completed=_tallies(row).get("invoices", 0))
    words = "enviadas" if row["state"] == "running" else STATE_WORDS[row["state"]]
    progress.update(bars[1], total=sent + to_send or None, completed=sent, description=words)
    return row["state"] in _OVER


async def _help(pool: Pool, rules: Rules) -> None:
    while True:
        with suppress(*TRANSIENT):
            if await queue_some(pool, rules):
                continue
        await asyncio.sleep(_LOOK_EVERY_S)


async def _nobody_sends(pool: Pool, dispatch_id: UUID) -> bool:
    if not _is_queued(await _read(pool, dispatch_id)):
        return False
    async with pool.acquire() as connection:
        return not await workers.list_beats(connection)


async def _read(pool: Pool, dispatch_id: UUID) -> asyncpg.Record:
    async with pool.acquire() as connection:
        row = await bulk_runs.read(connection, dispatch_id)
    assert row is not None  # noqa: S101 - for the type checker: it was there a moment ago
    return row


def _is_queued(row: asyncpg.Record) -> bool:
    return bool(row["is_queued"]) or row["state"] != "running"


def _tallies(row: asyncpg.Record) -> dict[str, int]:
    found: dict[str, int] = json.loads(row["tallies"] or "{}")
    return found


def _counts(row: asyncpg.Record) -> dict[str, int]:
    found: dict[str, int] = json.loads(row["counts"] or "{}")
    return found

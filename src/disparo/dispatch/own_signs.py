"""Signs of trouble that only the process itself can see: its settings' file, the certificate it serves with.

Each process says them for as long as they are so, and none ever says that they are over: another one of the
same machine may have read another file, or serve with another certificate.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from disparo.db import alerts
from disparo.db.pool import TRANSIENT, Pool
from disparo.log import mask_text
from disparo.settings_watch import SettingsWatch

#: Several times before they would count as over.
SAY_EVERY_S = 10.0
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Sign:
    """An alert's kind, subject and detail."""

    kind: str
    subject: str
    detail: str


def refusals(watch: SettingsWatch) -> list[Sign]:
    """Give what is wrong with this machine's settings, as far as the log would show it."""
    if watch.refused is None:
        return []
    return [Sign(alerts.SETTINGS_REFUSED, socket.gethostname(), mask_text(watch.refused)[:_LONGEST])]


async def say(pool: Pool, signs: Iterable[Sign]) -> None:
    """Say them now."""
    for sign in signs:
        async with pool.acquire() as connection:
            await alerts.see(connection, sign.kind, sign.subject, detail=sign.detail)


async def say_forever(pool: Pool, look: Callable[[], Iterable[Sign]]) -> None:
    """Look and say until cancelled; while the database is away nobody is told of anything."""
    while True:
        with suppress(*TRANSIENT):  # those whose work it is say so
            await say(pool, look())
        await asyncio.sleep(SAY_EVERY_S)

"""Alerts of what only the process itself can see: wrong settings in its file, the end of its certificate.

Each process repeats an alert for as long as it holds, and none ever says that it is over: another process
of the same machine may have read another file, or serve with another certificate.
"""

from __future__ import annotations

import asyncio
import re
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
#: What begins each wrong thing: the platform, the setting, or both.
_PLACE = re.compile(r"(?:Configuração inválida: )?(Plataforma [^:]{1,80})?(?:: )?(?:([\w.]{1,80}): )?")
#: Words on a file that cannot be read repeat nothing of it.
_OF_FILE = "O arquivo de configuração"


@dataclass(frozen=True, slots=True)
class Sign:
    """An alert to be raised: its kind, subject and detail."""

    kind: str
    subject: str
    detail: str


def refusals(watch: SettingsWatch) -> list[Sign]:
    """Give an alert where this machine's settings are refused."""
    if watch.refused is None:
        return []
    return [Sign(alerts.SETTINGS_REFUSED, socket.gethostname(), _where(watch.refused))]


def _where(why: str) -> str:
    """Give the names alone, for they go out by e-mail and chat; nothing where none is known.

    People write a secret where its name should be, `{segredo:S3CRET}`, and the words then repeat it.
    """
    if why.startswith(_OF_FILE):
        return mask_text(why)[:_LONGEST].rstrip(".")
    places = [", ".join(filter(None, _found(part))) for part in why.split("; ")]
    return mask_text("; ".join(filter(None, places)))[:_LONGEST]


def _found(part: str) -> tuple[str | None, ...]:
    found = _PLACE.match(part)
    return found.groups() if found else ()


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

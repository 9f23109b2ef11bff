"""What platforms told us of single numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from disparo.db.pool import Connection
from disparo.domain.outcome import FailureClass

#: Failures that say something of the number itself.
OF_THE_NUMBER = frozenset({FailureClass.NUMBER, FailureClass.OPT_OUT})


class Mark(NamedTuple):
    """A platform calls a number wrong, or its owner opted out there; `failure` is one of OF_THE_NUMBER."""

    e164: str
    failure: str
    platform: str
    code: str | None


async def mark_all(connection: Connection, marks: Iterable[Mark]) -> None:
    """Note wrong numbers and suppress those that opted out, in their order: two batches cannot deadlock."""
    for mark in sorted(marks, key=lambda mark: mark.e164):
        if mark.failure == FailureClass.OPT_OUT:
            await _suppress(connection, mark)
        else:
            await _note_wrong(connection, mark)


async def _suppress(connection: Connection, mark: Mark) -> None:
    await connection.execute(
        """INSERT INTO opt_outs (e164, reason, actor, platform)
           VALUES ($1, 'platform', 'platform:' || $2, $2) ON CONFLICT DO NOTHING""",
        mark.e164,
        mark.platform,
    )


async def _note_wrong(connection: Connection, mark: Mark) -> None:
    await connection.execute(
        """INSERT INTO bad_numbers (e164, platform, code) VALUES ($1, $2, $3)
           ON CONFLICT (e164) DO UPDATE
           SET platform = excluded.platform, code = excluded.code, created_at = now()""",
        mark.e164,
        mark.platform,
        mark.code,
    )

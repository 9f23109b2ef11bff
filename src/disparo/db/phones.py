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
    opted_out: dict[str, str] = {}
    wrong: dict[str, tuple[str, str | None]] = {}
    for mark in marks:
        if mark.failure == FailureClass.OPT_OUT:
            opted_out.setdefault(mark.e164, mark.platform)
        else:
            wrong[mark.e164] = (mark.platform, mark.code)
    if wrong:
        await connection.execute(
            """INSERT INTO bad_numbers (e164, platform, code)
               SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS m (e164, platform, code)
               ORDER BY e164
               ON CONFLICT (e164) DO UPDATE
               SET platform = excluded.platform, code = excluded.code, created_at = now()""",
            list(wrong),
            *map(list, zip(*wrong.values(), strict=True)),
        )
    if opted_out:
        await connection.execute(
            """INSERT INTO opt_outs (e164, reason, actor, platform)
               SELECT e164, 'platform', 'platform:' || platform, platform
               FROM unnest($1::text[], $2::text[]) AS m (e164, platform) ORDER BY e164
               ON CONFLICT DO NOTHING""",
            list(opted_out),
            list(opted_out.values()),
        )

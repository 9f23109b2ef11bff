"""Whom the frequency caps (frequency.py) would leave out of a run, as far as that is known before it goes."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from datetime import date, datetime

import asyncpg

from disparo.db import bulk_looks
from disparo.db.bulk_looks import Capped
from disparo.db.pool import Connection
from disparo.dispatch.bulk_queue import closed_at
from disparo.dispatch.rules import Rules

#: Phones whose turns in one run are remembered from slice to slice: some 40 MB.
_MOST = 200_000


class Turns:
    """The turns that the phones of one run would take, slice by slice, if it was stored at `now`.

    `are_all_known`: False once there are more phones than are remembered: more are left out than are found.
    `others`: how many get one in a run that leaves out who had the invoice within a day.
    """

    def __init__(self, rules: Rules, now: datetime) -> None:
        self._rules, self._now = rules, now
        self.others = 0
        self._taken = _Taken(rules)
        self._by_others = self._taken  # the same, until one is left out

    @property
    def are_capped(self) -> bool:
        """Whether there are caps at all."""
        return bool(self._rules.max_per_phone_day or self._rules.max_per_phone_week)

    @property
    def are_all_known(self) -> bool:
        """Whether the turns of all phones are remembered."""
        return self._taken.are_all_known

    async def look(self, connection: Connection, ids: Sequence[int]) -> list[asyncpg.Record]:
        """Read what `too_many` asks for of a slice."""
        return await bulk_looks.turns_of(
            connection,
            ids,
            allowed=self._rules.allowed,
            now=self._now,
            zone=self._rules.zone,
            closed=closed_at(self._now.replace(second=0, microsecond=0), self._rules),
        )

    def too_many(self, rows: Sequence[asyncpg.Record]) -> Capped:
        """Take the turns of a slice (rows of bulk_turns.sql), in their order; gives what gets none."""
        return [(row["id"], row["e164"]) for row in rows if not self._takes(row)]

    def _takes(self, row: asyncpg.Record) -> bool:
        if row["is_recent"] and self._by_others is self._taken:
            self._by_others = deepcopy(self._taken)
        takes = self._taken.takes(row)
        if not row["is_recent"]:
            self.others += takes if self._by_others is self._taken else self._by_others.takes(row)
        return takes


class _Taken:
    """The turns that phones have taken in one run."""

    def __init__(self, rules: Rules) -> None:
        self._per_day, self._per_week = rules.max_per_phone_day, rules.max_per_phone_week
        self.are_all_known = True
        self._of_day: dict[tuple[int, date], int] = {}
        self._of_week: dict[int, int] = {}

    def takes(self, row: asyncpg.Record) -> bool:
        """Take a phone's turn, where there is one for it."""
        phone, day = row["phone_key"], (row["phone_key"], row["day"])
        of_day, of_week = self._of_day.get(day, 0), self._of_week.get(phone, 0)
        if (self._per_day and row["of_day"] + of_day >= self._per_day) or (
            self._per_week and row["of_week"] + of_week >= self._per_week
        ):
            return False
        if phone in self._of_week or len(self._of_week) < _MOST:
            self._of_week[phone] = of_week + 1
            self._of_day[day] = of_day + 1
        else:
            self.are_all_known = False
        return True

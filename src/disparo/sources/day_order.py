"""Finds due dates whose day and month changed places, as spreadsheets of other countries make them."""

from __future__ import annotations

import re

from disparo.sources.tables import NotReadable

_PARTED = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/[0-9]{4}\b.*")
_ISO = re.compile(r"[0-9]{4}-([0-9]{1,2})-([0-9]{1,2})\b.*")
_MONTHS = 12
_MOST_KEPT = 5000  # days repeat


class DayOrder:
    """The order of day and month in a file, learned from its due dates line by line."""

    def __init__(self) -> None:
        self._month_first = 0  # a line's number
        self._day_first = self._either = False
        self._early = self._late = False  # days of real dates
        self._seen: set[str] = set()

    def see(self, number: int, text: str) -> None:
        """Take one due date into account, as it stands in the file."""
        if text in self._seen:
            return
        if len(self._seen) < _MOST_KEPT:
            self._seen.add(text)
        if match := _PARTED.fullmatch(text):
            first, second = int(match[1]), int(match[2])
            if first <= _MONTHS < second:
                self._month_first = self._month_first or number
            self._day_first |= second <= _MONTHS < first
            self._either |= first <= _MONTHS and second <= _MONTHS
        elif match := _ISO.fullmatch(text):
            late = int(match[2]) > _MONTHS
            self._late |= late
            self._early |= not late

    def check(self) -> None:
        """Raise NotReadable where days and months must be taken to have changed places."""
        if self._late:
            return
        if self._month_first and not self._day_first:
            raise NotReadable(
                f"O vencimento da linha {self._month_first} está como mês/dia/ano. Os que têm dia até 12 "
                "seriam lidos com o dia e o mês trocados: ponha a coluna como dd/mm/aaaa ou aaaa-mm-dd."
            )
        if self._early and self._day_first and not self._either:
            raise NotReadable(
                "No vencimento, os dias até 12 são datas e os outros são textos: assim fica um arquivo que "
                "foi aberto numa planilha em inglês, que troca o dia e o mês dos primeiros. Abra o arquivo "
                "original em português (Brasil), ou ponha toda a coluna como data, e confira."
            )

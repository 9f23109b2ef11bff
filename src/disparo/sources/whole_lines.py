"""Finds that a file was cut in the middle of its last line: `99,90` may be `9` there, and more is missing."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from disparo.sources.csv_fields import BadField
from disparo.sources.tables import Table

_WITH_CENTS = re.compile(r".*[.,][0-9]{2}\s*")


class WholeLines:
    """Looks at a table's lines, one after the other."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._shortest = sys.maxsize
        self._all_with_cents: bool | None = None  # of the amounts that end their line

    def check(self, number: int, values: Sequence[str], width: int, amount_at: int | None) -> None:
        """Raise BadField of a last line that nothing ends and that lacks what all others have.

        That is fields, or the cents of an amount that stands at its end.
        """
        fields = len(values)
        has_cents = fields - 1 != amount_at or _WITH_CENTS.fullmatch(values[-1]) is not None
        lacks = fields < min(self._shortest, width) or (bool(self._all_with_cents) and not has_cents)
        if lacks and number == self._table.unended:
            raise BadField(
                "o arquivo acaba no meio desta linha: exporte-o de novo, e confira se veio inteiro"
            )
        self._shortest = min(self._shortest, fields)
        if fields - 1 == amount_at:
            self._all_with_cents = self._all_with_cents is not False and has_cents

"""Tells how a file writes amounts: whether its `1.234` or `1,500` is of thousands or has three decimals."""

from __future__ import annotations

import re

from disparo.sources.csv_fields import BadField, plain_amount

_EITHER = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")
_WITH_COMMA = re.compile(r"[0-9.]*,[0-9]{1,2}")
_WITH_POINT = re.compile(r"[0-9,]*\.[0-9]+")
_MOST_KEPT = 5000  # amounts repeat


class AmountStyle:
    """A file's way of writing amounts, learned from those that can be read in one way only."""

    def __init__(self) -> None:
        self._with_comma = self._with_point = False
        self._seen: set[str] = set()

    def leaves_open(self, text: str) -> bool:
        """Tell whether an amount can be read in two ways; take it into account where it cannot."""
        if text in self._seen:
            return False
        bare = plain_amount(text)
        if _EITHER.fullmatch(bare):
            return True
        self._with_comma = self._with_comma or _WITH_COMMA.fullmatch(bare) is not None
        self._with_point = self._with_point or _WITH_POINT.fullmatch(bare) is not None
        if len(self._seen) < _MOST_KEPT:
            self._seen.add(text)
        return False

    def check(self) -> None:
        """Raise BadField of amounts that are left open, where no other shows that they are thousands."""
        if self._with_point or not self._with_comma:
            raise BadField("valor pode ser de milhares ou ter três decimais: escreva-o como 1234,00")

"""Amounts as people, spreadsheets and platforms write them."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

#: In reais, of one SMS.
_DEAREST = 1000
_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}(?:\.[0-9]{3})+")
_WITH_COMMA = re.compile(r"(?:[0-9]+|[0-9]{1,3}(?:\.[0-9]{3})+),[0-9]*")
_WITH_POINT = re.compile(r"(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]*)?")


def read_money(text: str) -> Decimal | None:
    """Read `1.234,56`, `1234,56`, `1,234.56` or `1234.56`: the last sign decides; None for anything else."""
    if _THOUSANDS.fullmatch(text):
        return Decimal(text.replace(".", ""))  # 1.234 is a thousand and some: nobody writes three decimals
    if _WITH_COMMA.fullmatch(text):
        return Decimal(text.replace(".", "").replace(",", "."))
    return Decimal(text.replace(",", "")) if _WITH_POINT.fullmatch(text) else None


def read_price(text: str) -> Decimal | None:
    """Read the price of one SMS as a person types it: `0,08`, `R$ 0.045`; None for what is none."""
    try:
        price = Decimal(text.upper().removeprefix("R$").strip().replace(",", "."))
    except InvalidOperation:
        return None
    return price if price.is_finite() and 0 <= price < _DEAREST else None


def write_number(value: float) -> str:
    """Write a number of a program as people do, with a comma, and without what binary fractions add to it."""
    if value.is_integer():
        return f"{value:.0f}"
    # Fifteen digits are the number's own; of a million and some the tenth decimal is not.
    return f"{Decimal(f'{round(value, 10):.15g}'):f}".replace(".", ",")

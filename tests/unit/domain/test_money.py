from __future__ import annotations

from decimal import Decimal

import pytest

from disparo.domain.money import read_money


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1.234,56", "1234.56"), ("1,234.56", "1234.56"), ("1.234", "1234"), ("1.234.567", "1234567"), ("0.500", "0.5"),
     ("1,234,567", "1234567"), ("47.79134", "47.79134"), ("12.5", "12.5"), ("1234,", "1234"), ("1234.", "1234")],
)  # fmt: skip
def test_the_last_sign_decides_unless_it_parts_thousands(text, amount):
    assert read_money(text) == Decimal(amount)


@pytest.mark.parametrize(
    "text", ["", "abc", "-1", "1e5", "NaN", "1,,5", "1.2.3,4", "12.34,56", "1234.56,", "١٢٣"]
)
def test_what_is_no_amount(text):
    assert read_money(text) is None

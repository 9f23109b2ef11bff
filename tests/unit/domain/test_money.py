from __future__ import annotations

from decimal import Decimal

import pytest

from disparo.domain.money import read_money, read_price, write_number


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


@pytest.mark.parametrize(
    ("text", "price"),
    [("0,08", "0.08"), ("R$ 0.045", "0.045"), ("r$0,1", "0.1"), ("0", "0"), ("999,99", "999.99")],
)
def test_the_price_of_an_sms(text, price):
    assert read_price(text) == Decimal(price)


@pytest.mark.parametrize("text", ["", "caro", "nan", "sNaN", "inf", "-0,08", "1000", "1e999999", "0,08 cada"])
def test_what_is_no_price(text):
    assert read_price(text) is None


@pytest.mark.parametrize(
    ("value", "written"),
    [(3.0, "3"), (2.5, "2,5"), (0.1 + 0.2, "0,3"), (1_000_000.1, "1000000,1"), (-0.25, "-0,25")],
)
def test_a_number_is_written_as_people_do(value, written):
    assert write_number(value) == written

"""Check digits of the linha digitável."""

from __future__ import annotations

import pytest

from disparo.domain.boleto import barcode_of, digits_only, is_valid_linha_digitavel, line_of

BANK = "34191.09008 61713.957308 71444.640008 4 00000000008990"


def test_a_banks_line_holds_with_and_without_punctuation():
    assert is_valid_linha_digitavel(BANK)
    assert is_valid_linha_digitavel(BANK.replace(".", "").replace(" ", ""))


def test_a_line_of_a_bank_as_it_was_paid():
    assert is_valid_linha_digitavel("23793.38128 60007.827136 95000.063305 9 75520000370000")


@pytest.mark.parametrize("place", [0, 5, 12, 20, 25, 31, 32, 33, 40, 46])
def test_one_wrong_digit_is_noticed(place):
    digits = [char for char in BANK if char.isdigit()]
    digits[place] = str((int(digits[place]) + 1) % 10)
    assert not is_valid_linha_digitavel("".join(digits))


def test_other_lengths_are_no_line():
    assert not is_valid_linha_digitavel("")
    assert not is_valid_linha_digitavel("1" * 46)
    assert not is_valid_linha_digitavel("1" * 48)


UTILITIES = [  # general digits by modulus 10, 10 and 11
    "846700000017435900240209024050002435842210108119",
    "836200000005667800481000180975657313001589636081",
    "858900004609524601791605607593050865831483000010",
]


@pytest.mark.parametrize("line", UTILITIES)
def test_a_utilitys_line_of_48_digits(line):
    assert is_valid_linha_digitavel(line)
    assert is_valid_linha_digitavel(f"{line[:12]} {line[12:24]} {line[24:36]} {line[36:]}")
    assert not is_valid_linha_digitavel(line[:47] + str((int(line[47]) + 1) % 10))


def _mod10(digits):
    total = 0
    for place, char in enumerate(reversed(digits)):
        product = int(char) * (2 if place % 2 == 0 else 1)
        total += product // 10 + product % 10
    return str(-total % 10)


def test_a_utilitys_line_whose_blocks_hold_and_not_the_whole_is_none_that_a_bank_takes():
    line = UTILITIES[0]
    amount = line[:6] + str((int(line[6]) + 1) % 10) + line[7:11]  # another amount, its block's digit right
    assert not is_valid_linha_digitavel(amount + _mod10(amount) + line[12:])


def test_the_digits_of_the_bars_give_the_line():
    line = digits_only(BANK)
    assert line_of(barcode_of(BANK)) == line
    utility = "836200000005667800481000180975657313001589636081"
    assert line_of(barcode_of(utility)) == utility
    assert is_valid_linha_digitavel(utility)


@pytest.mark.parametrize("place", range(44))
def test_bars_with_a_wrong_digit_give_no_line(place):
    for line in (BANK, "836200000005667800481000180975657313001589636081"):
        bars = list(barcode_of(line))
        bars[place] = str((int(bars[place]) + 1) % 10)
        assert line_of("".join(bars)) is None


@pytest.mark.parametrize("bars", ["", "1" * 43, "1" * 45, "0" * 43 + "a", "²" * 44])
def test_what_is_no_bars_gives_no_line(bars):
    assert line_of(bars) is None

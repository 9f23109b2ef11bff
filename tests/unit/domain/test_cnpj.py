"""Check digits of a company's number."""

from __future__ import annotations

import pytest

from disparo.domain.cnpj import is_valid_cnpj


@pytest.mark.parametrize("bare", ["11222333000181", "12ABC34501DE35"])
def test_numbers_with_and_without_letters(bare):
    assert is_valid_cnpj(bare)
    wrong = str((int(bare[-1]) + 1) % 10)
    assert not is_valid_cnpj(bare[:-1] + wrong)


@pytest.mark.parametrize("text", ["", "12abc34501de35", "12ABC34501DE3", "12ABC34501DE3A"])
def test_what_is_none(text):
    assert not is_valid_cnpj(text)

"""States are known by their letters and by their names, however these are typed."""

from __future__ import annotations

import pytest

from disparo.domain.phone import DDDS, uf_of_ddd
from disparo.domain.states import UFS, uf_of


@pytest.mark.parametrize(
    ("text", "uf"),
    [
        ("MG", "MG"),
        ("mg", "MG"),
        ("Minas Gerais", "MG"),
        ("SÃO  PAULO", "SP"),
        ("são paulo", "SP"),
        ("Pará", "PA"),
        ("Paraná", "PR"),
        ("Paraíba", "PB"),
        ("MATO GROSSO DO SUL", "MS"),
        ("XX", None),
        ("São Paulo - SP", None),
        ("", None),
    ],
)
def test_a_state_by_its_letters_or_its_name(text, uf):
    assert uf_of(text) == uf


def test_each_area_code_is_in_one_of_all_the_states():
    assert {uf_of_ddd(ddd) for ddd in DDDS} == UFS
    assert len(UFS) == 27

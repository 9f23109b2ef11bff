"""Each column that a file may have is offered in words, with the name that the pages have for it."""

from __future__ import annotations

import pytest

from disparo.sources.column_names import FIELDS
from disparo.wording.field_words import fields


@pytest.mark.parametrize("kind", FIELDS)
def test_every_field_has_words_of_its_own(kind):
    offered = fields(kind)
    assert list(offered) == [name.rstrip("*") for name in FIELDS[kind]]
    assert len(set(offered.values())) == len(offered)
    required = {f"{name[:-1]}" for name in FIELDS[kind] if name.endswith("*")}
    assert {name for name, said in offered.items() if said.endswith(", obrigatório")} == required


def test_what_is_offered():
    assert fields("faturas")["id_fatura"] == "número da fatura (id_fatura), obrigatório"
    assert (
        fields("clientes")["permite_sms_1"] == "aceita SMS no primeiro telefone, sim ou não (permite_sms_1)"
    )

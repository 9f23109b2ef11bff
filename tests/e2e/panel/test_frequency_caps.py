"""An installation with frequency caps: a simulation says how many they would leave out, and who."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.support.client import DISPATCH
from tests.support.house import House
from tests.support.house import house as run_house
from tests.support.rows import add_invoices
from tests.support.visitor import text, visitor

IDS = (8_600_001, 8_600_002, 8_600_003)


@pytest.fixture(scope="module")
def house(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    caps = {"DISPARO_MAX_PER_PHONE_DAY": "1"}
    with run_house(new_database(), tmp_path_factory.mktemp("house"), overrides=caps) as house:
        house.run(lambda connection: add_invoices(connection, 3, first_id=IDS[0]))
        house.fetch("UPDATE invoices SET customer_id = $1 WHERE id = $2", IDS[0], IDS[1])
        house.fetch("UPDATE invoices SET due_date = '2033-01-05' WHERE id = ANY($1)", IDS)
        yield house


def test_the_panel_foresees_what_the_caps_leave_out_of_a_list(house):
    person = visitor(house)
    listed = {"faturas": " ".join(map(str, IDS)), "preco": "R$ 0,08"}
    told = text(person.post("/painel/disparos/novo", **listed))
    assert "1 SMS além do limite por telefone, por dia ou semana, da configuração" in told
    assert "Enviar 2 SMS" in told
    assert "R$ 0,16" in told
    lines = person.post("/painel/disparos/novo/fora.csv", **listed).raw.decode("utf-8-sig").splitlines()
    assert [line.split(";")[0] for line in lines[1:]] == [str(IDS[1])]


def test_what_one_customer_asks_for_goes_outside_of_the_caps(house):
    person = visitor(house)
    told = text(person.post("/painel/disparos/novo", faturas=str(IDS[1])))
    assert "Enviar 1 SMS" in told
    assert "a mais do que" not in told


def test_the_api_and_the_command_line_foresee_it_too(house):
    told = house.client().post(f"{DISPATCH}/lote", {"ids_fatura": IDS, "simular": "sim"}).json["simulacao"]
    assert (told["destinatarios"], told["ignorados"]) == (2, {"limite_por_telefone": 1})
    due = ("--vencimento-de", "2033-01-05", "--ate", "2033-01-05")
    told = house.command("disparar", *due, "--simular").stdout
    assert "de fora: 1 SMS além do limite por telefone" in told

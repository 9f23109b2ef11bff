"""Why a message did not arrive, or a page did not come, is told as far as it is known, and never more."""

from __future__ import annotations

import csv
import io
from uuid import uuid4

import pytest
from tests.support.rows import add_invoices
from tests.support.visitor import Visitor, text, visitor


@pytest.fixture(scope="module")
def person(house):
    return visitor(house)


def sent(house, person, invoice_id, status):
    """Send an invoice; gives the page of its message as soon as that has the status."""
    answer = person.post("/painel/disparos", faturas=str(invoice_id), disparo=str(uuid4()))
    dispatch_id = answer.headers["location"].rpartition("/")[2]
    ask = "SELECT id FROM messages WHERE dispatch_id = $1::uuid AND status = $2"
    message_id = house.until(lambda: house.value(ask, dispatch_id, status))
    return text(person.get(f"/painel/mensagens/{message_id}"))


def test_a_refusal_whose_code_no_table_knows_is_told_with_the_code(house, person):
    house.behave(mode="refuse", code="Número inválido", receipts=[])
    page = sent(house, person, 70215, "failed")
    house.behave(mode="accept")
    why = "a plataforma recusou por um motivo que o Disparo não conhece"
    assert f"falhou Não foi enviada. Motivo: {why} (código Número inválido)." in page
    assert "resposta: a plataforma recusou; código Número inválido" in page
    assert "o prazo acabou" not in page
    assert why in text(person.get("/painel/mensagens?situacao=failed"))


def test_an_undelivered_one_is_told_with_the_code_of_its_receipt(house, person):
    house.behave(mode="accept", receipts=["undelivered"], receipt_code="operadora-17")
    page = sent(house, person, 11000, "undelivered")
    house.behave(receipts=[])
    assert "Motivo: por um motivo que o Disparo não conhece (código operadora-17)." in page


def test_where_no_answer_came_nobody_is_told_that_nothing_arrived(house, person):
    house.behave(mode="drop", receipts=[])
    page = sent(house, person, 70216, "uncertain")
    house.behave(mode="accept")
    why = "a plataforma não respondeu: pode ter recebido ou não"
    assert f"Motivo: {why} (a conexão foi cortada antes da resposta)." in page
    assert f"incerta · {why} pelo programa de envio" in page
    assert "fora de alcance" not in page
    assert "pela plataforma" not in page.partition("incerta · ")[2].partition("Motivo")[0]
    assert why in text(person.get("/painel/incertas"))


def test_a_platform_that_failed_in_answering_is_nowhere_said_to_have_refused(house, person):
    (invoice_id,) = house.run(lambda connection: add_invoices(connection, 1, first_id=7_700_101))
    house.behave(mode="error", receipts=[])
    sent(house, person, invoice_id, "uncertain")
    tested = person.post("/painel/plataformas/simulador/testar", telefone="11988887777")
    house.behave(mode="accept")
    why = "a plataforma não respondeu direito: pode ter recebido ou não"
    assert f"Teste: {why}. Detalhe: código internal." in text(person.get(tested.headers["location"]))
    assert f"{why} (código internal)" in text(person.get("/painel/plataformas"))


def test_what_a_platform_did_say_is_said_to_be_by_it(house, person):
    house.behave(mode="accept", receipts=[])
    assert "entregue à plataforma pela plataforma simulador" in sent(house, person, 50949, "accepted")


def listed(person, path):
    """Give situation and code of each line of a CSV, by invoice."""
    lines = csv.DictReader(io.StringIO(person.get(path).raw.decode("utf-8-sig")), delimiter=";")
    return {line["fatura"]: (line["situação"], line["motivo"], line["código"]) for line in lines}


def test_lists_and_their_files_have_the_code_too(house, person):
    """Clerks sort out by it: who must be called for another number, and whose text the platform refuses."""
    ids = house.run(lambda connection: add_invoices(connection, 4, first_id=7_700_001))
    for invoice_id, status, behaviour in (
        (ids[0], "failed", {"mode": "refuse", "code": "E-2041"}),
        (ids[1], "undelivered", {"receipts": ["undelivered"], "receipt_code": "operadora-18"}),
        (ids[2], "uncertain", {"mode": "drop"}),
        (ids[3], "delivered", {"receipts": ["delivered"], "receipt_code": "000"}),
    ):
        house.behave(**{"mode": "accept", "receipts": [], **behaviour})
        sent(house, person, invoice_id, status)
    refused = "a plataforma recusou por um motivo que o Disparo não conhece"
    found = listed(person, "/painel/mensagens.csv")
    assert found[str(ids[0])] == ("falhou", refused, "E-2041")
    assert found[str(ids[1])] == ("não entregue", "por um motivo que o Disparo não conhece", "operadora-18")
    assert found[str(ids[2])][2] == "a conexão foi cortada antes da resposta"
    assert found[str(ids[3])] == ("entregue", "", "")
    dispatch_id = house.value("SELECT dispatch_id FROM messages WHERE invoice_id = $1", ids[0])
    assert listed(person, f"/painel/disparos/{dispatch_id}/mensagens.csv") == {
        str(ids[0]): found[str(ids[0])]
    }
    for path in ("mensagens?situacao=failed", f"disparos/{dispatch_id}", f"buscar?q={ids[0]}"):
        assert f"{refused} (código E-2041)" in text(person.get(f"/painel/{path}"))


def test_a_full_disk_is_said_to_be_one_and_what_is_done_is_left_to_no_waiting(house, person):
    full = """CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql
                  AS $$ BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
              CREATE TRIGGER full_disk BEFORE INSERT ON opt_outs EXECUTE FUNCTION full_disk();
              CREATE TRIGGER full_disk BEFORE INSERT ON panel_sessions EXECUTE FUNCTION full_disk()"""
    account = house.account()
    house.run(lambda connection: connection.execute(full))
    try:
        added = person.post("/painel/descadastros", telefone="11955550101")
        entered = Visitor(house).sign_in(account["username"])
    finally:
        house.run(lambda connection: connection.execute("DROP FUNCTION full_disk CASCADE"))
    assert (added.status, entered.status) == (503, 503)
    assert "O disco do banco de dados está cheio: o que você pediu pode ter sido feito ou não." in text(added)
    assert "O disco do banco de dados está cheio; nada foi alterado." in text(entered)
    for page in (text(added), text(entered)):
        assert "Avise quem administra o Disparo: até haver espaço no disco nada é gravado." in page
        assert "não respondeu" not in page

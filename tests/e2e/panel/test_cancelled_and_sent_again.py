"""What a person sends again of a dispatch that is over, and a cancel that comes late or twice."""

from __future__ import annotations

import re
from html import unescape

import pytest
from tests.support import bulk
from tests.support.client import DISPATCH
from tests.support.rows import add_invoices
from tests.support.visitor import text, visitor

LOT = f"{DISPATCH}/lote"


@pytest.fixture(scope="module")
def person(house):
    return visitor(house)


@pytest.fixture
def paused(house):
    """The platform waits for a person: what is sent again stays where it can be seen."""
    yield house.pause
    house.resume()


def over_and_uncertain(house, client, first_id):
    """A run of two that is over, of which nobody knows whether the platform took them; gives it and them."""
    house.run(lambda connection: add_invoices(connection, 2, first_id=first_id))
    house.behave(mode="drop", receipts=[])
    started = client.post(LOT, {"ids_fatura": [first_id, first_id + 1]}).json
    run = started["disparo"]["id"]
    house.until(lambda: len(statuses(house, run)) == 2)  # by day they may be on their way already
    house.run(bulk.open_now)
    house.until(lambda: statuses(house, run) == ["uncertain"] * 2)
    house.until(lambda: house.value("SELECT state FROM bulk_runs WHERE dispatch_id = $1", run) == "done")
    house.behave(mode="accept")
    house.fetch(
        """UPDATE attempts SET started_at = started_at - interval '11 min'
           WHERE message_id IN (SELECT id FROM messages WHERE dispatch_id = $1)""",
        run,
    )
    rows = house.fetch("SELECT id FROM messages WHERE dispatch_id = $1 ORDER BY id", run)
    return run, [row["id"] for row in rows]


def statuses(house, dispatch_id):
    rows = house.fetch("SELECT status FROM messages WHERE dispatch_id = $1 ORDER BY id", dispatch_id)
    return [row["status"] for row in rows]


def followed(person, answer):
    return text(person.get(answer.headers["location"]))


def test_what_was_sent_again_of_a_run_that_is_over_is_cancelled_by_its_button(house, client, person, paused):
    run, ids = over_and_uncertain(house, client, 7_100_001)
    paused()
    told = followed(person, person.post("/painel/incertas", id=ids, acao="reenviar"))
    assert "2 mensagens de volta à fila." in told
    house.put_off(run, 2)
    assert "Cancelar o que ainda não saiu" in text(person.get(f"/painel/disparos/{run}"))
    told = followed(person, person.post(f"/painel/disparos/{run}/cancelar"))
    assert "2 novos envios cancelados: as mensagens continuam incertas" in told
    assert statuses(house, run) == ["uncertain"] * 2
    assert house.received("7100001") == house.received("7100002") == []


@pytest.mark.parametrize("bulk_run", [True, False])
def test_a_second_cancel_is_answered_as_the_first(house, client, paused, bulk_run):
    paused()
    house.run(lambda connection: add_invoices(connection, 2, first_id=7_200_001))
    body = {"ids_fatura": [7_200_001, 7_200_002]} if bulk_run else {"id_fatura": 7_200_001}
    sent = client.post(LOT, body) if bulk_run else client.send(body)
    path = f"{DISPATCH}/{sent.json['disparo']['id']}/cancelar"
    house.put_off(sent.json["disparo"]["id"], 2 if bulk_run else 1)
    first, second = client.post(path), client.post(path)
    assert (first.status, second.status) == (200, 200)
    assert first.json["canceladas"] == (2 if bulk_run else 1)
    assert (second.json["canceladas"], second.json["ja_entregues"]) == (0, 0)


def test_what_was_cancelled_stands_beside_what_was_accepted(house, client, person, paused):
    """Else the figures of the day do not add up."""
    paused()
    house.run(lambda connection: add_invoices(connection, 1, first_id=7_250_001))
    one = client.send({"id_fatura": 7_250_001}).json["disparo"]["id"]
    house.put_off(one, 1)
    before = _cancelled_today(person)
    assert client.post(f"{DISPATCH}/{one}/cancelar").json["canceladas"] == 1
    house.until(lambda: _cancelled_today(person) == before + 1)


def _cancelled_today(person):
    told = re.search(
        r"Não saíram hoje, de propósito: .* e ([0-9.]+) canceladas?", text(person.get("/painel"))
    )
    return int(told[1].replace(".", "")) if told else 0


def test_cancelling_a_run_that_is_over_says_that_all_had_gone(house, client):
    run, _ = over_and_uncertain(house, client, 7_300_001)
    told = client.post(f"{DISPATCH}/{run}/cancelar")
    assert (told.status, told.json["canceladas"], told.json["ja_entregues"]) == (200, 0, 2)
    assert client.get(f"{DISPATCH}/{run}").json["disparo"]["situacao"] == "concluido"


def test_of_a_cancelled_dispatch_nothing_is_said_to_go_again(house, client, person):
    """It was said to be back in the queue, and came back uncertain however often it was tried."""
    house.run(lambda connection: add_invoices(connection, 1, first_id=7_400_001))
    house.behave(mode="drop", receipts=[])
    one = client.send({"id_fatura": 7_400_001}).json["disparo"]["id"]
    house.until(lambda: statuses(house, one) == ["uncertain"])
    _, (other, _) = over_and_uncertain(house, client, 7_500_001)
    house.fetch("UPDATE attempts SET started_at = started_at - interval '11 min'")
    assert client.post(f"{DISPATCH}/{one}/cancelar").json["ja_entregues"] == 1
    id_ = house.value("SELECT id FROM messages WHERE dispatch_id = $1", one)
    page = person.get(f"/painel/mensagens/{id_}")
    assert b"reenviar" not in page.raw
    assert "Criar outro disparo da fatura" in text(page)
    for path in (f"/painel/mensagens/{id_}/reenviar", "/painel/incertas"):
        told = followed(person, person.post(path, id=id_, acao="reenviar"))
        assert f"Mensagem {id_}: o disparo dela foi cancelado, e nada mais sai por ele." in told
    assert house.command("incertas", "reenviar", "--sim", str(id_)).returncode == 1
    told = followed(person, person.post("/painel/incertas", id=[id_, other], acao="reenviar"))
    assert (
        "1 mensagem de volta à fila. 1 não volta: a situação mudou, ou o disparo dela foi cancelado." in told
    )
    assert statuses(house, one) == ["uncertain"]
    house.until(lambda: house.received(f"{7_500_001}"))


def test_all_of_a_filter_are_those_that_were_there_when_the_page_was_shown(house, client, person):
    """What became uncertain since then nobody has looked for at the platform."""
    _, seen = over_and_uncertain(house, client, 7_500_001)
    (visto,) = re.findall(r'name="visto" value="([^"]+)"', person.get("/painel/incertas").raw.decode())
    run, later = over_and_uncertain(house, client, 7_510_001)
    given = {"quais": "filtro", "acao": "dar-como-enviada", "visto": unescape(visto)}
    told = followed(person, person.post("/painel/incertas", **given))
    are_not = "As que ficaram incertas depois que você abriu a página não foram tocadas: veja abaixo."
    assert f"dadas como enviadas. {are_not}" in told
    assert statuses(house, run) == ["uncertain"] * 2
    of_the_seen = "SELECT count(*) FROM messages WHERE id = ANY($1) AND status <> 'uncertain'"
    assert house.value(of_the_seen, seen) == 2
    told = followed(person, person.post("/painel/incertas", **given))
    assert f"Nada foi feito: marque ao menos uma mensagem. {are_not}" in told
    assert house.value(of_the_seen, later) == 0


def test_what_waits_again_of_a_cancelled_dispatch_is_not_said_to_go_at_an_hour(house, client, person):
    """It was being handed over when it was cancelled, and was not taken: `À espera da hora de sair`."""
    house.run(lambda connection: add_invoices(connection, 1, first_id=7_600_001))
    one = client.send({"id_fatura": 7_600_001}).json["disparo"]["id"]
    house.until(lambda: statuses(house, one) == ["delivered"])  # nothing moves it any more
    house.fetch("UPDATE dispatches SET cancelled_at = now() WHERE id = $1", one)
    house.fetch(
        """UPDATE messages SET status = 'queued', due_at = now() + interval '1 h', attempt_id = NULL
           WHERE dispatch_id = $1""",
        one,
    )
    told = text(person.get(f"/painel/disparos/{one}"))
    assert "Cancelado: falta 1 de 1. O que ainda espera não sai, será cancelado na hora." in told
    assert "À espera da hora de sair" not in told

"""What people and clients are told where the answer to a COMMIT is lost: what is so, or that it is not known."""

from __future__ import annotations

import re
import time
from uuid import uuid4

import pytest
from tests.support.client import DISPATCH
from tests.support.cutter import cutter_beside
from tests.support.house import house as run_house
from tests.support.visitor import text, visitor

from disparo.cli import health_watch

BASE = DISPATCH.removesuffix("/disparo")
NOTHING = "nada foi alterado"


@pytest.fixture(scope="module")
def cutter(new_database):
    with cutter_beside(new_database()) as cutter:
        yield cutter


@pytest.fixture(scope="module")
def house(cutter, tmp_path_factory):
    folder = tmp_path_factory.mktemp("house")
    with run_house(cutter.straight, folder, workers_count=0, process_dsn=cutter.dsn) as house:
        yield house


@pytest.fixture
def lose(cutter):
    def lose(when, *, of):
        cutter.mark, cutter.cut = of, when

    yield lose
    cutter.cut, cutter.is_shut = None, False


@pytest.fixture(scope="module")
def person(house):
    return visitor(house)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("asked", [("11000", "dispatch_created"), ("11000 70215", "bulk_run_stored")])
def test_a_dispatch_is_one_and_shown_though_its_commit_got_no_answer(house, person, lose, when, asked):
    invoices, act = asked
    before = house.value("SELECT count(*) FROM dispatches")
    lose(when, of=act.encode())
    sent = {"disparo": uuid4(), "faturas": invoices}
    answer = person.post("/painel/disparos", **sent)
    assert answer.status == 303, text(answer)
    dispatch_id = answer.headers["location"].rpartition("/")[2]
    assert house.value("SELECT count(*) FROM dispatches") == before + 1
    assert house.value("SELECT kind FROM dispatches WHERE id = $1::text::uuid", dispatch_id) is not None
    assert person.post("/painel/disparos", **sent).headers["location"] == answer.headers["location"]
    told = house.fetch("SELECT action FROM audit_log WHERE detail->>'dispatch' = $1", dispatch_id)
    assert [row["action"] for row in told] == [act]


def test_a_dispatch_whose_fate_stays_unknown_is_not_denied(house, person, cutter, lose):
    before = house.value("SELECT count(*) FROM dispatches")
    sent = {"disparo": uuid4(), "faturas": "11000"}
    lose("after", of=b"dispatch_created")
    cutter.is_shut_after_cut = True
    answer = person.post("/painel/disparos", **sent)
    cutter.is_shut = cutter.is_shut_after_cut = False
    assert answer.status == 503
    assert "não se sabe se o disparo foi criado" in text(answer)
    assert NOTHING not in text(answer)
    assert person.post("/painel/disparos", **sent).status == 303  # as the page says: nothing is sent twice
    assert house.value("SELECT count(*) FROM dispatches") == before + 1


def test_what_may_have_been_done_is_not_denied(house, person, lose):
    lose("after", of=b"opt_out_added")
    answer = person.post("/painel/descadastros", telefone="11988887777")
    assert answer.status == 503
    assert "pode ter sido feito ou não" in text(answer)
    assert NOTHING not in text(answer)
    assert house.value("SELECT count(*) FROM opt_outs WHERE e164 = '+5511988887777'") == 1


def test_what_was_not_begun_is_said_not_to_be_done(house, person, cutter):
    cutter.shut()
    try:
        answers = [
            person.post("/painel/descadastros", telefone="11988886666"),
            person.post("/painel/disparos", disparo=uuid4(), faturas="11000"),
        ]
        page = person.get("/painel/descadastros")
    finally:
        cutter.is_shut = False
    for answer in answers:
        assert answer.status == 503
        assert NOTHING in text(answer)
    assert page.status == 503
    assert NOTHING not in text(page)


def test_a_database_that_falls_silent_is_named_before_whoever_asks_gives_up(house, cutter):
    house.until(lambda: house.anonymous.get("/saude").json["verificacoes"]["banco_de_dados"] == {"ok": True})
    cutter.is_silent = True
    try:
        for _ in range(2):
            began = time.monotonic()
            answer = house.anonymous.get("/saude")
            assert time.monotonic() - began < health_watch._ANSWER_WITHIN_S
            assert answer.status == 503
            said = answer.json["verificacoes"]["banco_de_dados"]
            assert said == {"ok": False, "motivo": "o banco de dados não responde"}
    finally:
        cutter.is_silent = False
    house.until(lambda: house.anonymous.get("/saude").json["verificacoes"]["banco_de_dados"]["ok"])


@pytest.fixture(scope="module")
def client(house):
    return house.client()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_clients_run_is_one_though_its_commit_got_no_answer(house, client, lose, when):
    before = house.value("SELECT count(*) FROM dispatches")
    lose(when, of=b"bulk_run_stored")
    answer = client.post(f"{DISPATCH}/lote", {"ids_fatura": [11000, 70215]})
    assert answer.status == 200, answer.raw
    assert house.value("SELECT count(*) FROM dispatches") == before + 1
    assert client.get(f"{DISPATCH}/{answer.json['disparo']['id']}").status == 200


_CHANGES = [
    (b"opt_out_added", "POST", "/sms/descadastro", {"telefone": "11977776666"}),
    (b"opt_out_removed", "DELETE", "/sms/descadastro?telefone=11977776666", None),
    (b"Nova", "PUT", "/cliente", {"id_cliente": 880001, "nome_razaosocial": "Nova"}),
    (
        (880002).to_bytes(8, "big"),
        "PUT",
        "/fatura",
        {"id_fatura": 880002, "id_cliente": 3108, "valor": 9.9, "data_vencimento": "2026-12-24"},
    ),
    (b"bulk_run_paused", "POST", "/disparo/RUN/pausar", None),
    (b"bulk_run_resumed", "POST", "/disparo/RUN/retomar", None),
    (b"bulk_run_cancelled", "POST", "/disparo/RUN/cancelar", None),
]


def test_a_client_is_told_that_a_change_may_be_made(house, client, lose):
    started = client.post(f"{DISPATCH}/lote", {"ids_fatura": [11000, 70215]})
    for mark, method, path, body in _CHANGES:
        where = BASE + path.replace("RUN", started.json["disparo"]["id"])
        lose("after", of=mark)
        answer = client.call(method, where, body)
        assert answer.status == 503, (path, answer.raw)
        assert answer.headers["retry-after"] == "2"
        assert "pode ter sido gravado ou não" in answer.json["msg"]
        assert "nada foi agendado" not in answer.json["msg"]
        assert client.call(method, where, body).status < 500  # as it says: repeating does no harm


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_of_the_command_line_is_one_though_its_commit_got_no_answer(house, cutter, lose, when):
    before = house.value("SELECT count(*) FROM dispatches")
    day = house.value("SELECT due_date::text FROM invoices WHERE id = 70215")
    lose(when, of=b"bulk_run_stored")
    told = house.command("disparar", "--vencimento-de", day, "--ate", day)
    assert told.returncode == 0, told.stderr
    assert cutter.cut is None
    assert re.search(r"^Disparo [0-9a-f-]{36}; início em", told.stdout, re.MULTILINE), told.stdout
    assert house.value("SELECT count(*) FROM dispatches") == before + 1

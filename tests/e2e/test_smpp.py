"""An SMSC as the platform: from the call to the handset and back, with real processes and real SMPP."""

from __future__ import annotations

import asyncio
import json

import pytest
from tests.support.client import DISPATCH
from tests.support.house import house as run_house
from tests.support.locks import until_somebody_waits
from tests.support.program import command

PHONE = "11955554444"
_END_WHO_WAIT = """SELECT pg_terminate_backend(pid, 30000) FROM pg_locks
                   WHERE relation = 'receipts'::regclass AND NOT granted"""


@pytest.fixture(scope="module")
def house(new_database, tmp_path_factory):
    with run_house(new_database(), tmp_path_factory.mktemp("smpp"), over_smpp=True) as house:
        yield house


def send(client, *phones):
    answer = client.send({"id_fatura": 11000, "telefone_adicional": list(phones)})
    assert answer.status == 200, answer.raw
    return answer


def test_from_the_call_to_the_handset(house, client):
    answer = send(client)
    house.until_state(client, answer, "entregue")
    (received,) = house.received("")
    (message,) = client.get(answer.json["disparo"]["consulta"]).json["disparo"]["mensagens"]
    assert received["text"].startswith("ENSAIO")
    assert message["tentativas"] == 1
    told = house.fetch("SELECT kind, platform_id, result, raw FROM receipts ORDER BY id")
    assert [(row["kind"], row["result"]) for row in told] == [("sent", "moved"), ("delivered", "moved")]
    assert {row["platform_id"] for row in told} == {received["id"].lstrip("0")}
    assert "stat:DELIVRD" in told[1]["raw"]


@pytest.mark.parametrize(
    ("behaviour", "state", "reason"),
    [
        ({"mode": "refuse", "code": "content"}, "falhou", "conteudo_recusado"),
        ({"mode": "throttle"}, "agendada", "plataforma_pediu_para_esperar"),
        ({"mode": "bad_auth"}, "agendada", "credenciais_da_plataforma_recusadas"),
        ({"mode": "error"}, "incerta", "motivo_nao_informado"),
        ({"mode": "take_and_drop"}, "incerta", "plataforma_fora_de_alcance"),
        ({"mode": "garbage"}, "incerta", "plataforma_fora_de_alcance"),
    ],
)
def test_what_an_smsc_says_is_the_messages_fate(house, client, behaviour, state, reason):
    house.behave(receipts=[], **behaviour)
    answer = send(client)

    def shown():
        (message,) = client.get(answer.json["disparo"]["consulta"]).json["disparo"]["mensagens"]
        return message["situacao"] == state and message["motivo"] == reason

    house.until(shown)
    house.behave(mode="accept")
    client.post(f"{DISPATCH}/{answer.json['disparo']['id']}/cancelar")


def test_a_number_the_smsc_calls_wrong_is_marked(house, client):
    house.behave(mode="refuse", code="invalid_number")
    house.until_state(client, send(client, PHONE), "falhou")
    assert house.value("SELECT count(*) FROM bad_numbers WHERE e164 = '+55' || $1", PHONE) == 1


@pytest.mark.parametrize(
    ("phone", "text", "count"),
    [
        ("5511933332222", "SAIR", 1),
        ("5511933332223", "nao quero mais, SAIR", 1),
        ("5511933332224", "vou sair de ferias", 0),
    ],
)
def test_a_customer_who_writes_stop_is_opted_out(house, phone, text, count):
    said = {"from": phone, "text": text}
    house.until(lambda: house.simulator.post("/v1/inbound", said).json["taken"])
    assert house.value("SELECT count(*) FROM opt_outs WHERE e164 = '+' || $1", phone) == count


def test_a_receipt_that_nobody_acknowledged_comes_again_after_a_kill(house, client):
    """Every worker is killed while receipts are on their way: the SMSC brings them to whoever is bound next."""
    worker = house.stage.roles["worker0"]
    house.behave(receipts=["delivered"])

    def all_sent():
        answers = [send(client) for _ in range(10)]
        house.until(lambda: all(house.states(client, each) == ["entregue_a_plataforma"] for each in answers))
        return answers

    async def killed_in_the_middle(connection):
        """What is not stored is not acknowledged; what a dead worker still waits to store never is."""
        async with connection.transaction():
            await connection.execute("LOCK TABLE receipts IN EXCLUSIVE MODE")
            answers = await asyncio.to_thread(all_sent)
            await until_somebody_waits(connection)
            await asyncio.to_thread(worker.kill)
            await connection.execute(_END_WHO_WAIT)
        return answers

    answers = house.run(killed_in_the_middle)
    assert {tuple(house.states(client, each)) for each in answers} == {("entregue_a_plataforma",)}
    worker.start()
    for each in answers:
        house.until_state(client, each, "entregue")
    assert house.simulator.get("/v1/stats").json["doubles_by_token"] == 0


def test_an_smsc_that_goes_away_for_a_moment_is_bound_to_again(house, client):
    simulator = house.stage.roles["simulator"]
    simulator.stop()
    answer = send(client)
    house.until(lambda: house.states(client, answer) == ["agendada"])
    simulator.start()
    house.until_state(client, answer, "entregue")


def test_the_command_line_tests_it_without_taking_anybodys_receipts(house):
    told = _cli(house, "testar", "simulador", "--telefone", PHONE)
    assert told.returncode == 0, told.stderr
    assert "bind_transmitter" in told.stdout
    assert "ESME_ROK" in told.stdout
    assert "ensaio, password ***" in told.stdout
    assert "simulador: não informa o saldo" in _cli(house, "saldo").stdout
    listed = _cli(house, "listar").stdout
    assert f"simulador: smpp, 127.0.0.1:{house.stage.smsc_port} (ordem 0, em uso)" in listed


def _cli(house, *arguments):
    return command("plataforma", *arguments, env=house.stage.roles["worker0"].environment)


def test_no_secret_phone_or_text_is_logged(house):
    logs = "".join(role.log.read_text() for role in house.stage.roles.values() if role.name != "simulator")
    assert '"event":"bound"' in logs
    for secret in ("ensaio\\0", "+5511", "5511988", "vence em", "stat:DELIVRD", PHONE):
        assert secret not in logs, secret
    assert json.loads(logs.splitlines()[-1])

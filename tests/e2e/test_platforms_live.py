"""Platforms exchanged, paused and fallen while everything runs; people told of it once."""

from __future__ import annotations

import json
import time
from http.client import HTTPConnection

import pytest
from tests.support.client import DISPATCH, SEND
from tests.support.house import house as run_house
from tests.support.stage import free_port


def table(name, port, **more):
    lines = [f"[platforms.{name}]", 'type = "simulator"', f'url = "http://127.0.0.1:{port}"']
    return "\n".join(
        [*lines, 'webhook_secret = "ensaio"', *(f"{key} = {value}" for key, value in more.items())]
    )


@pytest.fixture(scope="module")
def house(new_database, tmp_path_factory, listener):
    folder = tmp_path_factory.mktemp("live")
    file = folder / "disparo.toml"
    port = free_port()
    alerts = f'alerts = ["json://127.0.0.1:{listener.port}/"]\n'
    file.write_text(alerts + table("primeira", port), encoding="utf-8")
    with run_house(new_database(), folder, settings_file=file, simulator_port=port) as house:
        yield house


@pytest.fixture
def exchange(house):
    """Write other platforms into the settings' file; the first line, about alerts, stays."""
    file, log = house.stage.settings_file, house.stage.workers[0].log
    before = file.read_text(encoding="utf-8")

    def looks():
        said = log.read_text()
        return said.count("settings_reloaded") + said.count("settings_refused")

    def write(text):
        seen = looks()
        file.write_text(text, encoding="utf-8")
        house.until(lambda: looks() > seen)  # else what comes next would be taken for this

    yield lambda *tables: write("\n".join([before.splitlines()[0], *tables]))
    write(before)


def platform_of(client, answer):
    return client.get(answer.json["disparo"]["consulta"]).json["disparo"]["mensagens"][0]["plataforma"]


def test_a_paused_platform_gets_nothing_until_it_is_resumed(house):
    client = house.client()
    assert house.command("plataforma", "pausar", "primeira").returncode == 0
    house.until_heard("platform_paused")
    assert "(linha de comando)" in house.command("plataforma", "listar").stdout

    answer = client.send({"id_fatura": 11000})
    time.sleep(1.0)  # it would have gone by then
    assert house.states(client, answer) == ["agendada"]
    assert house.command("plataforma", "retomar", "primeira").returncode == 0
    house.until_state(client, answer, "entregue")
    assert "já estava em uso" in house.command("plataforma", "retomar", "primeira").stdout
    assert house.command("plataforma", "pausar", "outra").returncode != 0


@pytest.mark.usefixtures("exchange")  # it puts the file back
def test_what_workers_refuse_servers_refuse_too(house):
    """Else receipts would find no door, while workers still send by the platform of before."""
    client, logs = house.client(), [role.log for role in (*house.stage.servers, *house.stage.workers)]

    def looks():
        return [log.read_text().count("settings_re") for log in logs]

    seen = looks()
    wrong = 'alerts = ["nao-e-um-endereco"]\n' + table("outra", house.stage.simulator_port)
    house.stage.settings_file.write_text(wrong, encoding="utf-8")
    house.until(lambda: all(now > before for now, before in zip(looks(), seen, strict=True)))
    answer = client.send({"id_fatura": 11000})
    house.until_state(client, answer, "entregue")
    assert platform_of(client, answer) == "primeira"


def test_settings_are_taken_without_a_restart_and_wrong_ones_are_not(house, exchange):
    client = house.client()
    pids = {role.name: role.pid for role in house.stage.roles.values()}
    exchange(
        table("segunda", house.stage.simulator_port, order=0),
        table("primeira", house.stage.simulator_port, order=1),
    )

    def through_the_second():
        answer = client.send({"id_fatura": 11000})
        house.until_state(client, answer, "entregue")  # the server knows its webhook too
        return platform_of(client, answer) == "segunda"

    house.until(through_the_second)
    exchange('[platforms.segunda]\ntype = "nenhum"')
    house.until(lambda: "settings_refused" in house.stage.workers[0].log.read_text())
    assert through_the_second()
    assert {role.name: role.pid for role in house.stage.roles.values()} == pids


def test_a_repeated_call_gets_its_answer_though_no_platform_is_left_meanwhile(house, exchange):
    client, key = house.client(), {"headers": {"Idempotency-Key": "antes"}}
    ways = (SEND, {"id_fatura": 11000}), (f"{DISPATCH}/lote", {"ids_fatura": [11000]})
    first = [client.post(path, body, **key).raw for path, body in ways]
    exchange()
    for path, body in ways:
        house.until(lambda path=path, body=body: client.post(path, body).status == 422)
        assert client.post(path, body).json["msg"] == "Nenhuma plataforma de SMS configurada"
    assert [client.post(path, body, **key).raw for path, body in ways] == first


def test_a_receipt_is_taken_though_its_platform_is_removed_between_head_and_body(house, exchange):
    body = json.dumps({"id": "removida", "reference": "nenhuma", "status": "delivered"}).encode()
    call = HTTPConnection("127.0.0.1", house.stage.server_port, timeout=20)
    call.putrequest("POST", "/webhook/primeira/ensaio")
    call.putheader("Content-Type", "application/json")
    call.putheader("Content-Length", str(len(body)))
    call.endheaders()
    exchange(table("segunda", house.stage.simulator_port))
    house.until(lambda: house.anonymous.post("/webhook/primeira/ensaio", {}).status == 404)
    call.send(body)
    answer = call.getresponse()
    assert (answer.status, answer.read()) == (200, b"OK")
    assert house.value("SELECT count(*) FROM receipts WHERE platform_id = 'removida'") == 1


def test_people_are_told_once_that_a_platform_fails_and_once_that_it_works_again(house, listener):
    client = house.client()
    house.behave(mode="no_credit")
    answer = client.send({"id_fatura": 11000})
    house.until(lambda: listener.said("não é usada por enquanto"), seconds=30)
    assert "parada: a plataforma está sem crédito" in house.command("plataforma", "listar").stdout
    house.behave(mode="accept")
    assert house.command("plataforma", "retomar", "primeira").returncode == 0
    client.post(f"{DISPATCH}/{answer.json['disparo']['id']}/cancelar")  # it waits for a person to pay
    house.until_state(client, client.send({"id_fatura": 11000}), "entregue")
    ended = "SELECT count(*) FROM alerts WHERE kind = 'platform_open' AND cleared_at IS NOT NULL"
    house.until(lambda: house.value(ended))
    assert listener.said("voltou a funcionar") == []  # it may fail again in a moment
    house.fetch("UPDATE alerts SET cleared_at = cleared_at - interval '121 s'")
    house.until(lambda: listener.said("voltou a funcionar"))
    assert (
        len(listener.said("primeira está falhando e não é usada por enquanto: a plataforma está sem crédito"))
        == 1
    )
    assert len(listener.said("voltou a funcionar")) == 1


def test_a_platform_that_refuses_all_is_left_alone_before_a_run_is_lost(house, exchange):
    client = house.client()
    # Ten at most are on their way when it is seen, however long the platform takes.
    exchange(table("primeira", house.stage.simulator_port, per_second=20, window=10))
    house.behave(mode="refuse", code="sender_not_registered")
    before = house.value("SELECT max(id) FROM messages")
    for _ in range(40):
        assert client.send({"id_fatura": 11000}).status == 200
    count = f"SELECT count(*) FROM messages WHERE id > {before} AND status = "
    house.until(
        lambda: (
            house.value("SELECT open_reason FROM platform_states WHERE platform = 'primeira'")
            == "refuses_all"
        )
    )
    house.until(lambda: house.value(count + "'failed'") >= 20)  # it is stopped before all are written
    assert house.value(count + "'failed'") <= 30
    assert "recusa uma mensagem depois da outra" in house.command("plataforma", "listar").stdout
    house.behave(mode="accept")
    assert house.command("plataforma", "retomar", "primeira").returncode == 0
    everyone = house.value(f"SELECT count(*) FROM messages WHERE id > {before}")
    house.until(lambda: house.value(count + "'delivered'") + house.value(count + "'failed'") == everyone)
    assert house.value(count + "'delivered'") >= everyone - 30

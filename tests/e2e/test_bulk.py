"""Bulk runs through the public doors: the API, the command line, a worker that is killed."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import sys
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from tests.support.client import DISPATCH
from tests.support.house import house as run_house
from tests.support.rows import add_invoices
from tests.support.visitor import text, visitor

BULK = f"{DISPATCH}/lote"
FORM = "application/x-www-form-urlencoded"
FIRST = 1_000_000
DUE = date.today() + timedelta(days=400)  # once: a run of the tests may cross midnight


@pytest.fixture(scope="module")
def house(new_database, tmp_path_factory):
    """Open at any hour: customers of one state, notices alone, a zone in which it is noon."""
    with run_house(
        new_database(),
        tmp_path_factory.mktemp("house"),
        workers_count=2,
        overrides={"DISPARO_TIMEZONE": "America/Sao_Paulo"},
    ) as house:
        house.run(lambda connection: add_invoices(connection, 3000, first_id=FIRST))
        house.fetch("UPDATE invoices SET due_date = $1 WHERE id >= $2", DUE, FIRST)
        yield house


def due():
    return {"vencimento_inicio": DUE.isoformat(), "vencimento_fim": DUE.isoformat()}


def show(client, answer):
    return client.get(f"{DISPATCH}/{answer.json['disparo']['id']}").json["disparo"]


@pytest.mark.parametrize("origin", [{}, {"Origin": "https://crm.example"}])
def test_simular_in_the_address_queues_nothing_either(client, house, origin):
    before = house.value("SELECT count(*) FROM dispatches")
    answer = client.post(f"{BULK}?simular=sim", {"ids_fatura": [11000]}, headers=origin)
    assert (answer.status, answer.json["simulacao"]["faturas"]) == (200, 1)
    answer = client.post(f"{BULK}?ids_fatura[]=11000&ids_fatura[]=70215&simular=nao", {"simular": "sim"})
    assert (answer.status, answer.json["simulacao"]["faturas"]) == (200, 2)
    for blank in (None, "", " "):
        answer = client.post(f"{BULK}?simular=sim", {"ids_fatura": [11000], "simular": blank})
        assert (answer.status, answer.json.get("simulacao", {}).get("faturas")) == (200, 1)
    assert client.post(f"{BULK}?status=vencido", {"ids_fatura": [11000], "simular": "sim"}).status == 422
    assert client.post(f"{BULK}?data_inicio=2026-12-01", {"status": "vencido"}).status == 422
    assert house.value("SELECT count(*) FROM dispatches") == before


def test_simulating_tells_and_queues_nothing(client, house):
    before = house.value("SELECT count(*) FROM dispatches")
    ids = [11000, 70215, 70217, 70219, 70221, 70222, 999]
    answer = client.post(BULK, {"ids_fatura": ids, "simular": "sim"})
    found = answer.json["simulacao"]
    assert (answer.status, found["faturas"], found["destinatarios"]) == (200, 7, 2)
    assert found["ignorados"] == {
        "fatura_cancelada": 1,
        "fatura_nao_encontrada": 1,
        "fatura_quitada": 1,
        "fatura_sem_telefone_valido": 2,
        "descadastrado": 1,
        "telefone_fixo": 2,
    }
    assert found["plataformas"] == [
        {
            "plataforma": "simulador",
            "destinatarios": 2,
            "segmentos": 2,
            "textos_que_nao_cabem": 0,
            "custo": None,
            "duracao_s": None,
        }
    ]
    assert house.value("SELECT count(*) FROM dispatches") == before


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "Informe o atributo (ids_fatura)"),
        ({"ids_fatura": []}, "Favor preencher"),
        ({"ids_fatura": [1, "x"]}, "não é um número de fatura: x"),
        ({"ids_fatura": [1, None]}, "não é um número de fatura: null"),
        ({"ids_fatura": [1], "status": "vencido"}, "não os dois"),
        ({"ids_fatura": list(range(1, 50_002))}, "no máximo 50000"),
        ({"ids_fatura": {"a": 1}}, "array"),
        ({"ids_fatura": True}, "array"),
        ({"vencimento_inicio": "2026-13-01"}, "AAAA-MM-DD"),
        ({"vencimento_inicio": "2026-12-02", "vencimento_fim": "2026-12-01"}, "anterior ou igual"),
        ({"status": "quitado"}, "Valores aceitos"),
        ({"status": "vencido", "vencimento_inicio": "2090-01-01"}, "se excluem"),
        ({"status": "vencido", "simular": "talvez"}, "sim ou nao"),
        ({"vencimento_fim": 5}, "deve conter um texto"),
        (
            {"status": "vencido", "data_inicio": "2026-12-01", "data_fim": "2026-12-10"},
            "(vencimento_inicio) e",
        ),
        ({"status": "vencido", "tipo_data": "data_vencimento"}, "(tipo_data) não vale"),
        ({"vencimento_inicio": "2026-12-01", "data_fim": "2026-12-10"}, "(data_fim) não vale"),
        ({"vencimento_inicio": "2026-12-01", "vencimento_ate": "2026-12-10"}, "(vencimento_ate) não vale"),
        ({"status": "vencido", "id_cliente": 3108}, "(id_cliente) não vale"),
        ({"status": "vencido", "faturas": [11000]}, "informe (ids_fatura)"),
    ],
)
def test_what_cannot_be_meant_is_refused(client, house, body, words):
    answer = client.post(BULK, body)
    assert (answer.status, answer.json["status"]) == (422, "error")
    assert words in answer.json["msg"]


def test_days_of_another_name_beside_the_right_ones_are_ignored_as_unknown_fields_are(client):
    lookups = {"data_inicio": "2026-12-01", "data_fim": "2026-12-10", "tipo_data": "data_vencimento"}
    blank = {"status": "aguardando", **dict.fromkeys(lookups, "")}
    asked = [{**due(), **lookups}, {"ids_fatura": [1], **lookups}, blank]
    found = [client.post(BULK, {"simular": "sim", **body}) for body in asked]
    assert [answer.status for answer in found] == [200] * 3
    assert found[0].json["simulacao"]["faturas"] == 3000


def test_a_filter_without_an_end_is_written_as_the_first_or_the_last_of_days(client):
    ends = {"vencimento_inicio": "0001-01-01", "vencimento_fim": "9999-12-31"}
    asked = [{**ends, "simular": "sim"}, *({name: day, "simular": "sim"} for name, day in ends.items())]
    found = [client.post(BULK, body) for body in asked]
    assert [answer.status for answer in found] == [200] * 3
    assert len({answer.json["simulacao"]["faturas"] for answer in found}) == 1
    assert found[0].json["simulacao"]["faturas"] > 3000


@pytest.mark.parametrize(
    ("form", "unknown"),
    [
        ("ids_fatura=900001&ids_fatura=900002", 2),
        ("ids_fatura[]=900001&ids_fatura[]=900002", 2),
        ("ids_fatura=900001&ids_fatura[]=900002&ids_fatura=900003", 3),
        ("ids_fatura=900001,900002", 2),
        ("ids_fatura=900001", 1),
        ("&".join(f"ids_fatura%5B%5D={number}" for number in range(900_001, 950_001)), 50_000),
    ],
    ids=range(6),
)
def test_a_form_loses_no_invoice_however_it_writes_a_list(client, form, unknown):
    answer = client.post(BULK, f"{form}&simular=sim", headers={"Content-Type": FORM})
    assert (answer.status, answer.json["simulacao"]["ignorados"]) == (200, {"fatura_nao_encontrada": unknown})


def test_nor_does_one_in_parts_as_phps_curl_sends_an_array(client):
    pairs = [(f"ids_fatura[{place}]", str(900_001 + place)) for place in range(20_000)] + [("simular", "sim")]
    part = '--X\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    body = "".join(part.format(*pair) for pair in pairs) + "--X--\r\n"
    answer = client.post(BULK, body, headers={"Content-Type": "multipart/form-data; boundary=X"})
    assert (answer.status, answer.json["msg"][:9]) == (200, "Simulação")
    assert answer.json["simulacao"]["ignorados"] == {"fatura_nao_encontrada": 20_000}


@pytest.mark.parametrize("listed", [{"0": 900_001, "2": "900002"}, {"7": "900001", "9": 900_002}])
def test_a_list_with_gaps_is_read_as_php_writes_it(client, listed):
    answer = client.post(BULK, {"ids_fatura": listed, "simular": "sim"})
    assert (answer.status, answer.json["simulacao"]["ignorados"]) == (200, {"fatura_nao_encontrada": 2})
    assert "Favor preencher" in client.post(BULK, {"ids_fatura": {}}).json["msg"]


def test_what_is_no_invoice_is_refused_wherever_it_stands_in_a_form(client):
    answer = client.post(BULK, "ids_fatura=0&ids_fatura=900001", headers={"Content-Type": FORM})
    assert (answer.status, "não é um número de fatura: 0" in answer.json["msg"]) == (422, True)


def test_a_body_may_be_large_but_not_larger(client):
    large = {"ids_fatura": [10**17 + number for number in range(50_000)], "simular": "sim"}
    answer = client.post(BULK, large)
    assert (answer.status, answer.json["simulacao"]["ignorados"]) == (200, {"fatura_nao_encontrada": 50_000})
    assert client.post(BULK, json.dumps({"x": "y" * 2_097_152})).status == 413


def test_bulk_has_a_permission_of_its_own(house):
    single = house.client(permissions=("send",))
    assert single.post(BULK, {"ids_fatura": [11000]}).status == 403


def test_a_key_makes_one_run(client, house):
    key = {"Idempotency-Key": "lote-1"}
    body = {"ids_fatura": [11000]}
    first, second = client.post(BULK, body, headers=key), client.post(BULK, body, headers=key)
    assert (first.status, first.raw) == (200, second.raw)
    assert second.headers["idempotent-replayed"] == "true"
    other = client.post(BULK, {"ids_fatura": [50949]}, headers=key)
    assert (other.status, other.json["msg"]) == (
        422,
        "Esta Idempotency-Key já foi usada com outra requisição",
    )


def test_everything_a_filter_meets_arrives_once_though_a_worker_is_killed(client, house):
    house.fetch("UPDATE platform_states SET open_reason = NULL")
    started = client.post(BULK, due())
    assert started.status == 200, started.raw
    assert started.json["job"]["delay"]["timezone_type"] == 3
    dispatch_id = started.json["disparo"]["id"]
    victim = house.stage.workers[0]
    house.until(lambda: open_now(house, dispatch_id) or house.value("SELECT count(*) FROM attempts") > 100)
    victim.signal(signal.SIGKILL)
    house.until(lambda: show(client, started)["lote"]["agendamento_concluido"])
    open_now(house, dispatch_id)
    house.until(lambda: show(client, started)["progresso"]["percentual"] > 95)
    victim.reap()
    victim.start()
    house.until(
        lambda: (
            not house.value(
                "SELECT count(*) FROM messages WHERE dispatch_id = $1 AND status IN ('queued', 'claimed', 'sending')",
                dispatch_id,
            )
        )
    )
    arrived = Counter(
        json.loads(line)["reference"]
        for line in house.stage.simulator_log.read_text().splitlines(keepends=True)
        if "reference" in line and line.endswith("\n")  # the last may still be being written
    )
    ours = {
        row["reference"]
        for row in house.fetch("SELECT reference FROM messages WHERE dispatch_id = $1", dispatch_id)
    }
    assert len(ours) == 3000
    assert max(arrived[reference] for reference in ours) == 1
    statuses = Counter(
        row["status"]
        for row in house.fetch("SELECT status FROM messages WHERE dispatch_id = $1", dispatch_id)
    )
    assert statuses["uncertain"] <= 50
    assert set(statuses) <= {"accepted", "sent", "delivered", "uncertain"}
    shown = house.until(lambda: (found := show(client, started))["situacao"] == "concluido" and found)
    assert shown["lote"] == {
        "vencimento_inicio": due()["vencimento_inicio"],
        "vencimento_fim": due()["vencimento_fim"],
        "faturas_total": 3000,
        "faturas_lidas": 3000,
        "agendamento_concluido": True,
        "ignorados": {},
    }


def open_now(house, dispatch_id):
    """The tests run at any hour: what is queued, due in the morning, is asked for by its customers now."""
    house.fetch("UPDATE dispatches SET purpose = 'requested' WHERE id = $1", dispatch_id)
    # The messages first: whoever found their chunk before them would put it off to the old moment.
    house.fetch(
        "UPDATE messages SET due_at = now(), wait_since = now() WHERE dispatch_id = $1 AND status = 'queued'",
        dispatch_id,
    )
    house.fetch("UPDATE bulk_chunks SET due_at = now() WHERE dispatch_id = $1", dispatch_id)


def test_paused_resumed_and_cancelled_over_http(client, house):
    for worker in house.stage.workers:
        worker.stop()
    started = client.post(BULK, due())
    path = f"{DISPATCH}/{started.json['disparo']['id']}"
    assert client.post(f"{path}/pausar").json == {"status": "success", "msg": "Disparo pausado"}
    assert show(client, started)["situacao"] == "pausado"
    again = client.post(f"{path}/pausar")  # its first answer may have been lost
    assert (again.status, again.json) == (200, {"status": "success", "msg": "Disparo pausado"})
    for _ in range(2):
        resumed = client.post(f"{path}/retomar")
        assert (resumed.status, resumed.json["msg"]) == (200, "Disparo retomado")
    audited = house.fetch(
        "SELECT action FROM audit_log WHERE detail ->> 'dispatch' = $1 ORDER BY id", path[-36:]
    )
    assert [row["action"] for row in audited][1:] == ["bulk_run_paused", "bulk_run_resumed"]
    house.fetch(
        "UPDATE bulk_runs SET state = 'paused' WHERE state = 'running' AND dispatch_id <> $1",
        started.json["disparo"]["id"],
    )
    cancelled = client.post(f"{path}/cancelar")
    assert (cancelled.status, cancelled.json["canceladas"], cancelled.json["ja_entregues"]) == (200, 0, 0)
    assert show(client, started)["situacao"] == "cancelado"
    for verb in ("pausar", "retomar"):
        refused = client.post(f"{path}/{verb}")
        assert (refused.status, refused.json["msg"]) == (422, "Não é possível: o disparo está cancelado")
    assert client.post(f"{DISPATCH}/x/pausar").status == 422
    listed = client.get(DISPATCH).json["disparos"]
    assert (
        next(item for item in listed if item["id"] == started.json["disparo"]["id"])["situacao"]
        == "cancelado"
    )


def test_from_when_a_run_would_go_is_told(client, house):
    days = ("--vencimento-de", due()["vencimento_inicio"], "--ate", due()["vencimento_fim"])
    closed = [f"{date.today() + timedelta(days=later):%d/%m/%Y}" for later in range(-1, 8)]
    told = house.command("disparar", *days, "--simular", DISPARO_EXTRA_HOLIDAYS=json.dumps(closed)).stdout
    (day,) = re.findall(
        r"Agora está fora do horário de envio: começa a sair em (\d\d/\d\d/\d{4}) 08:00\.", told
    )
    assert day not in closed
    found = client.post(BULK, {**due(), "simular": "sim"}).json["simulacao"]
    starts_at = datetime.strptime(f"{found['inicio_em']} -0300", "%Y-%m-%d %H:%M:%S %z")
    starts_later = starts_at > datetime.now(UTC)
    assert found["fora_do_horario"] == (3000 if starts_later else 0)
    page = text(
        visitor(house).post("/painel/disparos/novo", de=due()["vencimento_inicio"], ate=DUE.isoformat())
    )
    begins = f"começa a sair em {starts_at:%d/%m/%Y %H:%M}." in page
    assert begins is starts_later


def test_without_a_platform_of_its_own_the_command_line_counts_as_the_standard_says(house):
    days = ("--vencimento-de", due()["vencimento_inicio"], "--ate", due()["vencimento_fim"])
    said = house.command("disparar", *days, "--simular", DISPARO_PLATFORMS="{}")
    row = re.search(r"nenhuma \(padrão do SMS\)\W+(\d+)\W+(\d+)\W+0\W+não informado", said.stdout)
    assert row is not None, said.stdout + said.stderr
    assert int(row[1]) == 3000 <= int(row[2])


def test_the_command_line_simulates_queues_and_cancels(house):
    days = ("--vencimento-de", due()["vencimento_inicio"], "--ate", due()["vencimento_fim"])
    simulated = house.command("disparar", *days, "--simular")
    assert "Faturas: 3000   Destinatários: 3000" in simulated.stdout, simulated.stderr
    assert "Nada foi agendado." in simulated.stdout
    started = house.command("disparar", *days, "--execucao", "teste")
    assert "Faturas lidas: 3000 de 3000" in started.stdout, started.stderr
    assert "agendada: 3000" in started.stdout
    again = house.command("disparar", *days, "--execucao", "teste")
    assert "Esta execução já existe" in again.stdout
    dispatch_id = started.stdout.split()[1].rstrip(";")
    assert "3000 mensagem(ns) cancelada(s); 0 já" in house.command("execucao", "cancelar", dispatch_id).stdout
    refused = house.command("execucao", "retomar", dispatch_id)
    assert (refused.returncode, refused.stderr) == (1, "Erro: Não é possível: o disparo está cancelado.\n")
    listed = house.command("execucao", "listar").stdout
    assert ("teste" in listed, dispatch_id in listed) == (True, True)


def test_who_ends_the_command_with_ctrl_c_is_told_how_to_follow_and_to_stop_this_very_run(house):
    arguments = ["-m", "disparo", "disparar", "--ate", due()["vencimento_fim"]]

    async def end_it(connection):
        async with connection.transaction():  # nothing is queued: the command does not end by itself
            await connection.execute("LOCK TABLE messages IN EXCLUSIVE MODE")
            child, terminal = pty.fork()
            if child == 0:
                environment = {**os.environ, **house.stage.environment()}
                os.execve(sys.executable, [sys.executable, *arguments], environment)
            try:
                dispatch_id = read_until(terminal, rb"Disparo ([0-9a-f-]{36});")[1].decode()
                os.write(terminal, b"\x03")
                read_until(terminal, rf"execucao ver {dispatch_id}`.*execucao pausar {dispatch_id}`".encode())
                assert os.waitpid(child, 0)[1] == 0
            finally:
                os.close(terminal)
        return dispatch_id

    dispatch_id = house.run(end_it)
    assert house.command("execucao", "ver", dispatch_id).returncode == 0
    house.command("execucao", "cancelar", dispatch_id)


def read_until(terminal, wanted):
    said, until = b"", time.monotonic() + 60
    while (found := re.search(wanted, said, re.DOTALL)) is None and time.monotonic() < until:
        if select.select([terminal], [], [], 1)[0]:
            said += os.read(terminal, 4096)
    assert found is not None, said
    return found


def test_a_command_whose_database_fills_up_after_the_run_is_stored_says_not_to_repeat_it(house):
    house.fetch(
        """CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$"""
    )
    house.fetch("CREATE TRIGGER no_room BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION no_room()")
    days = ("--vencimento-de", due()["vencimento_inicio"], "--ate", due()["vencimento_fim"])
    try:
        told = house.command("disparar", *days)
    finally:
        house.fetch("DROP FUNCTION no_room CASCADE")
    dispatch_id = told.stdout.split()[1].rstrip(";")
    assert told.returncode == 1
    assert "Não o repita: ele continua sozinho" in told.stderr
    assert f"`disparo execucao ver {dispatch_id}`" in told.stderr
    assert "ente de novo" not in told.stderr
    worker = house.stage.workers[0]
    if not worker.lives:
        worker.start()
    house.until(lambda: "lidas: 3000 de 3000" in house.command("execucao", "ver", dispatch_id).stdout)
    assert "mensagem(ns) cancelada(s)" in house.command("execucao", "cancelar", dispatch_id).stdout

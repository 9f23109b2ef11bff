"""`disparo run` and `disparo demo`: the two commands, ended by whoever likes, and backups of what they made."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import asyncpg
import psutil
import pytest
from tests.support.client import Client
from tests.support.program import DISPARO, Run, a_platform, command, pasted, shell
from tests.support.stage import free_port

from disparo.db.embedded import running


@pytest.fixture
def folder():
    made = Path(tempfile.mkdtemp(prefix="disparo-run-"))
    made.chmod(0o711)
    yield made / "dados"
    shutil.rmtree(made, ignore_errors=True)


def test_the_demo(folder):
    done = command("demo")
    assert done.returncode == 0, done.stderr
    assert '"status": "success"' in done.stdout
    assert done.stdout.count("Maciel, sua fatura") == 3
    assert "Entregues ao aparelho: 3 de 3." in done.stdout


def test_the_printed_commands_work_as_they_are_and_the_data_survive_a_stop(folder):
    port = free_port()
    run = Run(folder, port)
    token = json.loads(shell(pasted(run.output, 1) + " -s"))["access_token"]
    reply = json.loads(shell(pasted(run.output, 2).replace("TOKEN", token) + " -s"))
    assert len(reply["job"]["telefones"]) == 3
    page = re.search(r"simulada: (\S+)", run.output)[1]
    client = Client(f"http://127.0.0.1:{port}", token)
    for _ in range(200):
        if client.get(reply["disparo"]["consulta"]).json["disparo"]["contagem"] == {"entregue": 3}:
            break
        time.sleep(0.05)  # between two looks
    assert "Maciel" in Client(page).get("/").raw.decode()

    second = command("run", "--dados", folder, "--porta", free_port())
    assert (second.returncode, "já está em execução" in second.stderr) == (1, True)
    taken = command("run", "--dados", folder.with_name("outra"), "--porta", port)
    assert (taken.returncode, f"A porta {port}" in taken.stderr) == (1, True)
    assert not folder.with_name("outra").exists()

    made = command("usuario", "criar", "nova@example.com", "--dados", folder)
    assert (made.returncode, "Senha (mostrada só agora)" in made.stdout) == (0, True)

    assert run.interrupt() == 0
    assert "Encerrado" in run.output
    assert "inventados" in run.output
    again = Run(folder, port, env=a_platform())
    assert "mostradas quando foram criadas" in again.output
    assert "disparo usuario criar" in again.output
    assert client.get(reply["disparo"]["consulta"]).json["disparo"]["contagem"] == {"entregue": 3}
    # A platform is there: the numbers of the made-up customers may be somebody's.
    assert "8 fatura(s) de exemplo foram canceladas" in again.output
    assert "telefone_adicional" not in again.output
    assert "cancelada" in client.send({"id_fatura": 11000}).json["msg"]
    assert again.interrupt() == 0


def test_with_a_platform_nobody_is_made_up(folder):
    port = free_port()
    run = Run(folder, port, env=a_platform())
    token = json.loads(shell(pasted(run.output, 1) + " -s"))["access_token"]
    answer = Client(f"http://127.0.0.1:{port}", token).send({"id_fatura": 11000})
    assert (answer.status, "não encontrada" in answer.json["msg"]) == (422, True)
    assert "inventados" not in run.output
    assert pasted(run.output, 2).startswith("disparo importar clientes clientes.csv --dados ")
    send = pasted(run.output, 3)
    assert '{"id_fatura":"FATURA"}' in send
    assert not re.search(r"\d{10}", send)  # it would be somebody's number
    assert run.interrupt() == 0


def test_with_a_database_of_ones_own_the_printed_commands_name_no_folder(folder, new_database):
    there = {"DISPARO_DATABASE_URL": new_database(), **a_platform()}
    run = Run(folder, free_port(), env=there)
    assert pasted(run.output, 2) == "disparo importar clientes clientes.csv"
    assert run.interrupt() == 0
    again = Run(folder, free_port(), env=there)
    (printed,) = re.findall(r"^  disparo (usuario criar EMAIL.*)$", again.output, re.MULTILINE)
    made = command(*printed.replace("EMAIL", "ana@example.com").split(), env=there)
    assert (made.returncode, "Senha (mostrada só agora)" in made.stdout) == (0, True), made.stderr
    assert "--dados" not in again.output
    assert again.interrupt() == 0


def test_credentials_that_nobody_was_shown_are_not_said_to_have_been(folder):
    made = command("usuario", "criar", "ana@example.com", "--tudo", "--dados", folder)
    assert made.returncode == 0, made.stderr
    run = Run(folder, free_port(), env=a_platform())
    assert "Ainda não há cliente de API; crie um:\n  disparo cliente-api criar NOME --dados " in run.output
    assert "foram mostradas" not in run.output
    assert run.interrupt() == 0


def test_a_first_platform_takes_the_place_of_the_simulated_one_at_once(folder):
    """Beside it the simulated one would take over what it cannot: "delivered", and nobody got it."""
    port, file = free_port(), folder.parent / "disparo.toml"
    file.write_text('brand = "MINHA NET"\n', encoding="utf-8")
    run = Run(folder, port, env={"DISPARO_CONFIG": str(file)})
    token = json.loads(shell(pasted(run.output, 1) + " -s"))["access_token"]
    client = Client(f"http://127.0.0.1:{port}", token)
    assert 'platform="simulador"' in client.get("/metrics").raw.decode()
    file.write_text(
        'real_sending = true\n[platforms.nenhures]\ntype = "generic_http"\nurl = "http://127.0.0.1:1/"\n'
        'json = { to = "{telefone}", text = "{texto}" }\n',
        encoding="utf-8",
    )
    end = time.monotonic() + 30
    while "8 fatura(s) de exemplo foram canceladas" not in run.output:
        assert time.monotonic() < end, run.output
        time.sleep(0.1)  # between two looks
    assert "cancelada" in client.send({"id_fatura": 11000}).json["msg"]
    while 'platform="simulador"' in (said := client.get("/metrics").raw.decode()):
        assert time.monotonic() < end, said
        time.sleep(0.1)  # between two looks
    assert 'platform="nenhures"' in said
    assert not (folder / "simulador.jsonl").exists()  # numbers and texts
    assert run.interrupt() == 0


def test_once_sms_went_through_a_platform_the_simulated_one_never_takes_its_place(folder):
    """As where the settings were lost: it would call delivered what nobody gets."""
    run = Run(folder, free_port())
    assert run.interrupt() == 0

    async def send_through_another(dsn):
        connection = await asyncpg.connect(dsn)
        await connection.execute(
            "INSERT INTO attempts (message_id, platform, worker_id) VALUES (1, 'zenvia', gen_random_uuid())"
        )
        await connection.close()

    with running(folder) as dsn:
        asyncio.run(send_through_another(dsn))
    port = free_port()
    lost = Run(folder, port)
    assert "a configuração não tem mais nenhuma: nada é enviado" in lost.output
    assert "simulada" not in lost.output
    assert 'platform="simulador"' not in Client(f"http://127.0.0.1:{port}").get("/metrics").raw.decode()
    assert lost.interrupt() == 0
    back = Run(folder, free_port(), env=a_platform())
    assert "ATENÇÃO" not in back.output
    assert back.interrupt() == 0


def lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it ended in between
        return False


def test_killed_whole_and_started_again_nothing_is_lost(folder):
    port = free_port()
    run = Run(folder, port)
    token = json.loads(shell(pasted(run.output, 1) + " -s"))["access_token"]
    client = Client(f"http://127.0.0.1:{port}", token)
    simulator = Client(re.search(r"simulada: (\S+)", run.output)[1])
    simulator.post("/v1/behaviour", {"latency_ms": 300})
    replies = [client.send({"id_fatura": 11000}) for _ in range(20)]
    everybody = psutil.Process(run.process.pid).children(recursive=True)
    run.process.kill()
    run.process.wait()
    again = Run(folder, port)
    everybody += psutil.Process(again.process.pid).children(recursive=True)
    pending = {reply.json["disparo"]["consulta"] for reply in replies}
    end = time.monotonic() + 60
    while pending and time.monotonic() < end:
        for path in list(pending):
            counts = client.get(path).json["disparo"]["contagem"]
            if set(counts) <= {"entregue", "incerta"}:
                pending.discard(path)
        time.sleep(0.2)  # between two looks
    assert not pending
    log = (folder / "simulador.jsonl").read_text().splitlines()
    references = [json.loads(line)["reference"] for line in log if '"to"' in line]
    assert len(references) == len(set(references))
    assert again.interrupt() == 0
    until = time.monotonic() + 20
    while (left := [each for each in everybody if lives(each)]) and time.monotonic() < until:
        time.sleep(0.1)  # the server that forks for others notices last that they are gone, and tells nobody
    assert left == []


def test_backup_and_restore_hold_what_is_not_final(folder):
    port = free_port()
    run = Run(folder, port)
    token = json.loads(shell(pasted(run.output, 1) + " -s"))["access_token"]
    client = Client(f"http://127.0.0.1:{port}", token)
    simulator = Client(re.search(r"simulada: (\S+)", run.output)[1])
    done = client.send({"id_fatura": 11000}).json["disparo"]["consulta"]
    for _ in range(200):
        if client.get(done).json["disparo"]["contagem"] == {"entregue": 1}:
            break
        time.sleep(0.05)  # between two looks
    simulator.post("/v1/behaviour", {"mode": "throttle"})
    waiting = client.send({"id_fatura": 50949}).json["disparo"]["consulta"]
    file = folder.parent / "copia.disparo"
    saved = command("db", "backup", file, "--dados", folder)
    assert saved.returncode == 0, saved.stderr
    assert re.search(r" \(\d+,\d MB\)\.$", saved.stdout.rstrip()), saved.stdout
    assert file.stat().st_mode & 0o777 == 0o600
    assert command("db", "backup", file, "--dados", folder).returncode == 1
    assert command("db", "restore", file, "--dados", folder).returncode == 1
    assert run.interrupt() == 0

    other = folder.with_name("outra")
    restored = command("db", "restore", file, "--dados", other)
    assert restored.returncode == 0, restored.stderr
    assert f"\nConfira e rode: disparo retomar --dados {other}\n" in restored.stdout
    assert (restored.stdout.startswith("Backup restaurado."), restored.stderr) == (True, "")
    assert f"revogue os tokens: disparo token revogar --todos --dados {other}\n" in restored.stdout
    again = Run(other, port)
    counts = client.get(waiting).json["disparo"]["contagem"]
    assert counts in ({"retida": 1}, {"incerta": 1})
    assert client.get(done).json["disparo"]["contagem"] == {"entregue": 1}
    resumed = command("retomar", "--dados", other)
    assert resumed.returncode == 0, resumed.stderr
    if counts == {"retida": 1}:
        for _ in range(200):
            if client.get(waiting).json["disparo"]["contagem"] == {"entregue": 1}:
                break
            time.sleep(0.05)  # between two looks
        assert client.get(waiting).json["disparo"]["contagem"] == {"entregue": 1}
    assert again.interrupt() == 0


def test_nothing_is_started_while_nobody_could_be_told_of_faults(folder):
    done = command("run", "--dados", folder, "--porta", free_port(), env={"DISPARO_ALERTS": '["nada"]'})
    assert (done.returncode, "não é um endereço do Apprise" in done.stderr) == (1, True)
    assert not folder.exists()


@pytest.fixture
def stuck(folder):
    """A first start whose server never comes up; its log."""
    nothing = folder.parent / "nada.pem"
    nothing.write_text("nada")
    log, port = folder.parent / "first.log", free_port()
    words = ["run", "--dados", folder, "--porta", port, "--tls-certificado", nothing, "--tls-chave", nothing]
    with log.open("w") as file:
        first = subprocess.Popen([*DISPARO, *map(str, words)], stdout=file, stderr=file)
    end = time.monotonic() + 60
    while "process_ended_and_is_started_again" not in log.read_text():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.1)  # between two looks
    yield first, log
    first.kill()
    first.wait()


def test_a_start_that_does_not_come_up_ends_at_once_when_asked_to(stuck):
    first, log = stuck
    first.terminate()
    assert first.wait(20) == 0
    assert "no ar" not in log.read_text()


def test_credentials_of_a_first_start_that_came_to_nothing_are_shown_by_the_next(folder, stuck):
    """Nobody could be shown them: they are made when all is ready."""
    first, log = stuck
    first.kill()
    first.wait()
    assert "client_secret" not in log.read_text()
    run = Run(folder, free_port())
    assert "client_secret: " in run.output
    assert run.interrupt() == 0


def test_a_hup_asks_for_the_settings_where_the_terminal_may_be_lost(folder):
    log = folder.parent / "nohup.log"
    words = ["run", "--dados", folder, "--porta", str(free_port())]
    with log.open("w") as output:
        process = subprocess.Popen(
            ["nohup", sys.executable, "-m", "disparo", *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "DISPARO_LOG_LEVEL": "INFO"},
        )

    def until_said(what, times):
        end = time.monotonic() + 60
        while log.read_text().count(what) < times:
            assert (process.poll(), time.monotonic() < end) == (None, True), log.read_text()
            time.sleep(0.1)  # between two looks

    until_said("Ctrl-C encerra.", 1)
    process.send_signal(signal.SIGHUP)
    until_said("settings_reloaded", 2)  # server and worker
    process.send_signal(signal.SIGINT)
    assert process.wait(40) == 0

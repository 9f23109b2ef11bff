"""The program as people run it: the two commands, TLS, backups, limits that end a process."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import asyncpg
import pytest
from tests.support.client import SEND, Client
from tests.support.house import House
from tests.support.house import house as run_house
from tests.support.stage import free_port

SEED = Path(__file__).parent / "seed.rst"
DISPARO = [sys.executable, "-m", "disparo"]


@pytest.fixture
def folder():
    made = Path(tempfile.mkdtemp(prefix="disparo-run-"))
    made.chmod(0o711)
    yield made / "dados"
    shutil.rmtree(made, ignore_errors=True)


def command(*arguments, **kwargs):
    env = {**os.environ, **kwargs.pop("env", {})}
    return subprocess.run(
        [*DISPARO, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
        env=env,
        **kwargs,
    )


class Run:
    """`disparo run` in the foreground of nobody."""

    def __init__(self, folder, port, *arguments, env=None):
        self.log = folder.parent / f"run-{time.monotonic_ns()}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*DISPARO, "run", "--dados", str(folder), "--porta", str(port), "--atraso", "0", *arguments],
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **(env or {})},
            )
        end = time.monotonic() + 60
        while "Ctrl-C encerra." not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < end, self.output
            time.sleep(0.05)

    @property
    def output(self):
        return self.log.read_text()

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(40)


def a_platform():
    """Whose calls go nowhere."""
    table = {
        "type": "generic_http",
        "url": "http://127.0.0.1:1/",
        "json": {"to": "{telefone}", "text": "{texto}"},
    }
    return {"DISPARO_PLATFORMS": json.dumps({"nenhures": table})}


def shell(text, **kwargs):
    done = subprocess.run(
        ["bash", "-c", text], capture_output=True, text=True, check=False, timeout=60, **kwargs
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def pasted(output, number):
    """One of the numbered commands that `run` prints, as a person would copy it."""
    return re.search(rf"^{number}\. .*:\n((?:.*\\\n)*.*)\n", output, re.MULTILINE)[1]


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
        time.sleep(0.05)
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
    assert "mostradas no primeiro início" in again.output
    assert "disparo usuario criar" in again.output
    assert client.get(reply["disparo"]["consulta"]).json["disparo"]["contagem"] == {"entregue": 3}
    # A platform is there: the numbers of the made-up customers may be somebody's.
    assert "8 fatura(s) de exemplo foram canceladas" in again.output
    assert "cancelada" in client.send({"id_fatura": 11000}).json["msg"]
    assert again.interrupt() == 0


def test_with_a_platform_nobody_is_made_up(folder):
    port = free_port()
    run = Run(folder, port, env=a_platform())
    token = json.loads(shell(pasted(run.output, 1) + " -s"))["access_token"]
    answer = Client(f"http://127.0.0.1:{port}", token).send({"id_fatura": 11000})
    assert (answer.status, "não encontrada" in answer.json["msg"]) == (422, True)
    assert "inventados" not in run.output
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
    assert run.interrupt() == 0


def test_killed_whole_and_started_again_nothing_is_lost(folder):
    port = free_port()
    run = Run(folder, port)
    token = json.loads(shell(pasted(run.output, 1) + " -s"))["access_token"]
    client = Client(f"http://127.0.0.1:{port}", token)
    simulator = Client(re.search(r"simulada: (\S+)", run.output)[1])
    simulator.post("/v1/behaviour", {"latency_ms": 300})
    replies = [client.send({"id_fatura": 11000}) for _ in range(20)]
    run.process.kill()
    run.process.wait()
    again = Run(folder, port)
    pending = {reply.json["disparo"]["consulta"] for reply in replies}
    end = time.monotonic() + 60
    while pending and time.monotonic() < end:
        for path in list(pending):
            counts = client.get(path).json["disparo"]["contagem"]
            if set(counts) <= {"entregue", "incerta"}:
                pending.discard(path)
        time.sleep(0.2)
    assert not pending
    log = (folder / "simulador.jsonl").read_text().splitlines()
    references = [json.loads(line)["reference"] for line in log if '"to"' in line]
    assert len(references) == len(set(references))
    assert again.interrupt() == 0
    leftover = subprocess.run(["pgrep", "-f", str(folder)], capture_output=True, text=True, check=False)
    assert leftover.stdout == ""


def test_the_demo(folder):
    done = command("demo")
    assert done.returncode == 0, done.stderr
    assert '"status": "success"' in done.stdout
    assert done.stdout.count("Maciel, sua fatura") == 3
    assert "Entregues ao aparelho: 3 de 3." in done.stdout


def test_the_seeds_own_curl_over_https_and_its_json_block(new_database, tmp_path):
    """Only host, token and line breaks are replaced; the text is the documentation's."""
    with run_house(new_database(), tmp_path, server_arguments=("--tls-self-signed",)) as house:
        token = house.client().token
        seed = SEED.read_text(encoding="utf-8")
        curl = re.search(r"curl -X POST.*? -k\n", seed, re.DOTALL)[0]
        curl = curl.replace("https://endereco_servidor", house.stage.base)
        curl = re.sub(r"Bearer [^\"]+", f"Bearer {token}", curl)
        reply = json.loads(shell(" ".join(curl.split("\n")) + " -s"))
        assert len(reply["job"]["telefones"]) == 3
        block = re.search(r"estrutura no formato JSON::\n\n(.*?\n\t\})", seed, re.DOTALL)[1]
        answer = Client(house.stage.base, token).send(block, headers={"Content-Type": "application/json"})
        assert answer.status == 200
        house.until(lambda: len(house.received("R$ 99,90")) == 6)
        numbers = sorted(message["to"] for message in house.received("R$ 99,90"))
        assert numbers == sorted(["+5537999931412", "+5511988887777", "+5511988887776"] * 2)


def test_a_message_that_waits_longer_than_timeout_fails(new_database, tmp_path):
    with run_house(new_database(), tmp_path, overrides={"DISPARO_TIMEOUT_S": "2"}) as house:
        house.behave(mode="throttle", receipts=[])
        client = house.client()
        answer = client.send({"id_fatura": 11000})
        assert answer.json["job"]["timeout"] == 2
        house.until_state(client, answer, "falhou")
        (message,) = client.get(answer.json["disparo"]["consulta"]).json["disparo"]["mensagens"]
        assert message["motivo"] == "prazo_esgotado"


def test_a_worker_above_its_memory_finishes_and_restarts(new_database, tmp_path):
    with run_house(new_database(), tmp_path, overrides={"DISPARO_WORKER_MEMORY_MB": "20"}) as house:
        worker = house.stage.roles["worker0"]
        client = house.client()
        answer = client.send({"id_fatura": 11000})
        assert answer.json["job"]["memory"] == 20
        house.until_state(client, answer, "entregue")
        house.until(lambda: not worker.lives)
        assert worker.process.returncode == 75
        assert house.value("SELECT count(*) FROM workers") == 0
        assert "worker_restarts_for_memory" in worker.log.read_text()


def test_login_limits_hold_and_lock_nobody_else_out(new_database, tmp_path):
    overrides = {"DISPARO_TOKEN_RATE_PER_MIN": "30", "DISPARO_TOKEN_RATE_BURST": "5"}
    with run_house(new_database(), tmp_path, overrides=overrides) as house:
        account = house.account()
        answers = [house.anonymous.post("/oauth/token", {**account, "password": "x"}) for _ in range(8)]
        assert [answer.status for answer in answers] == [401] * 5 + [429] * 3
        assert "Muitas requisições" in answers[-1].json["msg"]
        assert answers[-1].headers["retry-after"]


def test_without_a_platform_the_call_is_refused_in_words(new_database, tmp_path):
    with run_house(new_database(), tmp_path, overrides={"DISPARO_PLATFORMS": "{}"}, workers_count=0) as house:
        answer = house.client().send({"id_fatura": 11000})
        assert (answer.status, answer.json["msg"]) == (422, "Nenhuma plataforma de SMS configurada")


def test_with_and_without_group_commit_the_answers_are_the_same(new_database, tmp_path):
    bodies = [
        {"id_fatura": 11000},
        {"id_fatura": 70221},
        {"id_fatura": 1},
        {"id_fatura": 70215, "telefone_adicional": ["1"]},
    ]

    def answers(on, folder):
        overrides = {"DISPARO_GROUP_COMMIT": on}
        with run_house(new_database(), folder, overrides=overrides, workers_count=0) as house:
            client = house.client()
            return [_without_moment(client.send(body)) for body in bodies]

    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert answers("yes", tmp_path / "a") == answers("no", tmp_path / "b")


def _without_moment(answer):
    text = re.sub(r"[0-9a-f-]{36}|\d{4}-\d\d-\d\d [\d:.]+", "", answer.raw.decode())
    return answer.status, text


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
        time.sleep(0.05)
    simulator.post("/v1/behaviour", {"mode": "throttle"})
    waiting = client.send({"id_fatura": 50949}).json["disparo"]["consulta"]
    file = folder.parent / "copia.disparo"
    saved = command("db", "backup", file, "--dados", folder)
    assert saved.returncode == 0, saved.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    assert command("db", "backup", file, "--dados", folder).returncode == 1
    assert command("db", "restore", file, "--dados", folder).returncode == 1
    assert run.interrupt() == 0

    other = folder.with_name("outra")
    restored = command("db", "restore", file, "--dados", other)
    assert restored.returncode == 0, restored.stderr
    assert "retomar" in restored.stdout
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
            time.sleep(0.05)
        assert client.get(waiting).json["disparo"]["contagem"] == {"entregue": 1}
    assert again.interrupt() == 0


def test_help_is_quick_and_errors_are_words():
    began = time.monotonic()
    told = command("--help")
    assert time.monotonic() - began < 3  # a bound against accidents, not a benchmark
    assert (told.returncode, "CSV ou XLSX" in told.stdout, "presets" in told.stdout) == (0, True, True)
    for arguments, says in (
        (("incertas", "reenviar"), "Informe"),
        (("mensagem", "buscar"), "Informe"),
        (("descadastro", "incluir", "123"), "não é válido"),
        (("plataforma", "testar", "nenhuma", "--telefone", "11988887777"), "Não há plataforma"),
    ):
        done = command(*arguments, env={"DISPARO_DATABASE_URL": "postgresql://x@127.0.0.1:1/x"})
        assert (done.returncode, says in done.stderr) == (1, True), (arguments, done.stderr)
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({"DISPARO_PORT": "x"}, "port"),
        ({"DISPARO_TIMEZONE": "Mars/Olympus"}, "fuso"),
        ({"DISPARO_CONFIG": "/nonexistent.toml"}, "/nonexistent.toml"),
        ({"DISPARO_PLATFORMS": '{"p": {"type": "x"}}'}, "Plataforma p"),
        ({"DISPARO_DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}, "banco de dados"),
    ],
)
def test_wrong_settings_end_the_start_with_words(env, says):
    done = command(
        "serve", "--porta", free_port(), env={"DISPARO_DATABASE_URL": "postgresql://x@127.0.0.1:1/x", **env}
    )
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_disk_ends_a_command_with_words(new_database):
    address = new_database()

    async def fill():
        connection = await asyncpg.connect(address)
        await connection.execute(
            """CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql
                   AS $$ BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
               CREATE TRIGGER full_disk BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION full_disk()"""
        )
        await connection.close()

    asyncio.run(fill())
    done = command("usuario", "criar", "ana@example.com", env={"DISPARO_DATABASE_URL": address})
    assert done.returncode == 1
    assert done.stderr == "Erro: O disco do banco de dados está cheio. Libere espaço e tente de novo.\n"


def test_nothing_is_started_while_nobody_could_be_told_of_faults(folder):
    done = command("run", "--dados", folder, "--porta", free_port(), env={"DISPARO_ALERTS": '["nada"]'})
    assert (done.returncode, "não é um endereço do Apprise" in done.stderr) == (1, True)
    assert not folder.exists()


def test_a_port_that_is_taken_ends_serve_with_words(new_database):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = command("serve", "--porta", port, env={"DISPARO_DATABASE_URL": new_database()})
    assert (done.returncode, "--porta" in done.stderr) == (1, True)


def test_the_platform_test_prints_both_sides(house_with_platform):
    house, env = house_with_platform
    done = command("plataforma", "testar", "simulador", "--telefone", "11988887777", env=env)
    assert done.returncode == 0, done.stderr
    assert '"text": "Teste do Disparo."' in done.stdout
    assert "aceita pela plataforma" in done.stdout
    assert "segredo-do-webhook" not in done.stdout
    house.behave(mode="bad_auth")
    failed = command("plataforma", "testar", "simulador", "--telefone", "11988887777", env=env)
    assert (failed.returncode, "não recebida" in failed.stdout) == (1, True)
    assert "(a plataforma recusou o usuário ou a chave, código" in failed.stdout


@pytest.fixture
def house_with_platform(new_database, tmp_path):
    with run_house(new_database(), tmp_path, workers_count=0) as house:
        assert isinstance(house, House)
        platform = {
            "type": "simulator",
            "url": house.stage.simulator_url,
            "webhook_secret": "segredo-do-webhook",
        }
        env = {
            "DISPARO_PLATFORMS": json.dumps({"simulador": platform}),
            "DISPARO_PUBLIC_URL": house.stage.base,
        }
        yield house, env


def test_the_server_says_503_while_the_database_is_away_and_comes_back(tmp_path):
    from disparo.db.embedded import EmbeddedPostgres

    folder = Path(tempfile.mkdtemp(prefix="disparo-503-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "data")
    try:
        with run_house(server.start(), tmp_path, workers_count=0) as house:
            client = house.client()
            assert client.send({"id_fatura": 11000}).status == 200
            os.kill(server.pid, signal.SIGSTOP)
            stopped = server.pid
            os.kill(stopped, signal.SIGKILL)
            statuses = [client.post(SEND, {"id_fatura": 11000}).status for _ in range(5)]
            assert set(statuses) <= {200, 503}
            house.until(lambda: client.send({"id_fatura": 11000}).status == 200)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)

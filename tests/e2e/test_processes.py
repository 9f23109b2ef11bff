"""Servers and workers as processes: TLS, limits that end one, what each does without its database or platform."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import tempfile
from pathlib import Path

from tests.support.client import SEND, Client
from tests.support.house import house as run_house
from tests.support.program import shell

SEED = Path(__file__).parent / "seed.rst"


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
    overrides = {"DISPARO_TOKEN_RATE_PER_MIN": "0.1", "DISPARO_TOKEN_RATE_BURST": "5"}
    with run_house(new_database(), tmp_path, overrides=overrides) as house:
        account = house.account()
        number = account["client_id"]
        for written in (number, f"{number}", f" {number}", f"0{number}"):
            answer = house.anonymous.post("/oauth/token", {**account, "client_id": written})
            assert answer.status == 200, written
        # Of the address, the user and the client, however it is written.
        assert house.value("SELECT count(*) FROM rate_limits") == 3
        house.fetch("DELETE FROM rate_limits")
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

"""`disparo doctor` sees what is wrong, says how to mend it, and changes nothing."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import sys

import asyncpg
import pytest
from tests.support.stage import free_port

from disparo.api.certificate import self_signed
from disparo.cli.examine import clock, database, files, network
from disparo.cli.examine.finding import Grade
from disparo.settings import Settings

PLATFORM = {
    "type": "generic_http",
    "json": {"to": "{telefone}", "text": "{texto}"},
    "success": {"status": [200]},
}


def grades(findings):
    return {finding.subject: finding.grade for finding in findings}


def run(house, *arguments, **changes):
    done = house.command("doctor", *arguments, **{"DISPARO_PORT": str(house.stage.server_port), **changes})
    assert done.stderr == ""
    return done


def test_a_sound_installation(house):
    done = run(house)
    assert done.returncode == 0, done.stdout
    assert "FALHA" not in done.stdout
    for said in ("PostgreSQL", "migrações: revisão", "workers: 1 em atividade", "servidor: pronto"):
        assert said in done.stdout
    assert "/webhook/simulador/*** chega até aqui" in done.stdout
    assert "ensaio/" not in done.stdout


def test_a_variable_that_sets_nothing_is_named_and_what_is_in_it_is_not(house):
    done = run(house, DISPARO_TIMEZON="America/Manaus", DISPARO_TWILIO_TOKEN="s3gredo")
    assert done.returncode == 0, done.stdout
    assert "variável DISPARO_TIMEZON: não é nenhuma configuração e não tem efeito" in done.stdout
    assert "Talvez seja DISPARO_TIMEZONE." in done.stdout
    assert "TWILIO" not in done.stdout
    assert "Manaus" not in done.stdout


def test_all_that_is_wrong_is_named_at_once_with_a_remedy(house, tmp_path):
    config = tmp_path / "disparo.toml"
    config.write_text('brand = "X"\n')
    config.chmod(0o644)
    changes = {
        "DISPARO_CONFIG": str(config),
        "DISPARO_PORT": str(free_port()),
        "DISPARO_PUBLIC_URL": f"http://127.0.0.1:{free_port()}",
    }
    done = run(house, "--json", **changes)
    assert done.returncode == 1
    found = {finding["subject"]: finding for finding in json.loads(done.stdout)}
    failing = {subject for subject, finding in found.items() if finding["grade"] == "falha"}
    assert failing == {f"arquivo {config}", "servidor", "confirmações de simulador"}
    assert all(found[subject]["remedy"] for subject in failing)


def test_a_file_that_is_read_only_here_is_closed_where_it_comes_from(house, tmp_path):
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False).returncode != 0:
        pytest.skip("needs root, to mount a file read-only as a container's engine does")
    config = tmp_path / "disparo.toml"
    config.write_text('brand = "X"\n')
    config.chmod(0o644)
    mounted = f"mount --bind {config} {config}; mount -o remount,bind,ro {config}; exec "
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", f"{mounted} {sys.executable} -m disparo doctor"],
        env={**os.environ, **house.stage.environment(), "DISPARO_CONFIG": str(config)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "só de leitura): sudo chown root:0 disparo.toml; sudo chmod 640 disparo.toml" in done.stdout


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"DISPARO_DATABASE_URL": "postgresql://a:s3gredo@127.0.0.1:1/x"}, "Não foi possível conectar"),
        ({"DISPARO_PLATFORMS": '{"x": {"type": "nenhum"}}'}, "o tipo 'nenhum' não existe"),
        ({"DISPARO_CONFIG": "/nenhum/arquivo"}, "não existe"),
        (
            {
                "DISPARO_PLATFORMS": json.dumps(
                    {"x": {**PLATFORM, "url": "https://x.example:80443/?k=s3gredo"}}
                )
            },
            "Plataforma x: url: o servidor ou a porta do endereço não vale",
        ),
        ({"DISPARO_ALERTS": '["s3gredo"]'}, "não é um endereço do Apprise"),
        ({"DISPARO_PUBLIC_URL": "http://127.0.0.1:1/um lugar"}, "não chega até aqui"),
    ],
)
def test_without_database_or_settings_it_still_answers(house, changes, says):
    done = run(house, **changes)
    assert done.returncode == 1
    assert says in done.stdout
    assert "s3gredo" not in done.stdout


def test_copies_that_hold_what_the_database_has_deleted_are_named(tmp_path):
    (tmp_path / "backups").mkdir()
    assert files.examine_copies(tmp_path, 90) == []
    for name, days in {"antes-da-0009": 200, "antes-da-0020": 91, "antes-da-0027": 5}.items():
        made = tmp_path / "backups" / f"{name}.dump"
        made.touch()
        os.utime(made, (made.stat().st_mtime - days * 86_400,) * 2)
    (found,) = files.examine_copies(tmp_path, 90)
    assert (found.grade, found.text.startswith("2 cópias de antes")) == (Grade.NOTE, True)
    assert files.examine_copies(tmp_path, 0) == []


def test_secrets_that_can_be_guessed_are_named_and_not_shown(house):
    table = {**PLATFORM, "url": "https://127.0.0.1:1/"}
    tables = {
        "curto": {**table, "webhook_secret": ["s3gredo", "5f0c" * 12]},
        "copiado": {**table, "webhook_secret": "um-texto-longo-e-aleatorio"},
        "longo": {**table, "webhook_secret": "6e1d" * 12},
    }
    done = run(
        house, DISPARO_PLATFORMS=json.dumps(tables), DISPARO_METRICS_TOKEN="um texto longo e aleatório"
    )
    assert "aviso  webhook_secret de curto: tem só 7 sinais" in done.stdout
    assert "FALHA  webhook_secret de copiado: é o exemplo da documentação" in done.stdout
    assert "FALHA  metrics_token: é o exemplo da documentação" in done.stdout
    assert "webhook_secret de longo" not in done.stdout
    assert done.stdout.count("webhook_secret de") == 2
    for secret in ("s3gredo", "5f0c5f0c", "6e1d6e1d", "texto-longo"):
        assert secret not in done.stdout


def test_nobody_is_asked_to_start_disparo_for_a_database_that_it_does_not_keep(house):
    done = run(house, DISPARO_DATABASE_URL="postgresql://a:b@127.0.0.1:1/x")
    assert "-> Confira o PostgreSQL e DISPARO_DATABASE_URL" in done.stdout
    assert "Inicie o Disparo" not in done.stdout


def test_nobody_is_asked_to_start_disparo_for_a_full_disk(new_database):
    """A server that has no room for a session refuses it, as this trigger has it do."""
    dsn = new_database()

    async def examine():
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(
                """CREATE FUNCTION full_disk() RETURNS event_trigger LANGUAGE plpgsql
                       AS $$ BEGIN RAISE 'could not write init file' USING ERRCODE = 'disk_full'; END $$;
                   CREATE EVENT TRIGGER full_disk ON login EXECUTE FUNCTION full_disk()"""
            )
        finally:
            await connection.close()
        return await database.examine_database(dsn)

    (found,) = asyncio.run(examine())
    assert (found.subject, found.grade) == ("banco de dados", Grade.WRONG)
    assert "(o disco do banco de dados está cheio). Libere espaço" in found.text
    assert "Libere espaço" in found.remedy
    assert "Inicie" not in found.remedy


def test_the_database_of_another_version(house):
    revision = house.value("SELECT version_num FROM alembic_version")
    try:
        for version, says in (("0001", "Reinicie o Disparo"), ("9999", "Atualize o programa")):
            house.fetch("UPDATE alembic_version SET version_num = $1", version)
            findings = asyncio.run(database.examine_database(house.stage.dsn))
            (finding,) = [finding for finding in findings if finding.subject == "migrações"]
            assert finding.grade is Grade.WRONG
            assert says in finding.remedy
    finally:
        house.fetch("UPDATE alembic_version SET version_num = $1", revision)


def test_a_database_that_can_only_be_read_is_not_a_matter_of_workers(house):
    dsn = house.stage.dsn
    closed = f"{dsn}{'&' if '?' in dsn else '?'}default_transaction_read_only=on"
    done = run(house, DISPARO_DATABASE_URL=closed)
    assert done.returncode == 1
    assert "só pode ser lido" in done.stdout
    assert "aponte database_url para o principal" in done.stdout
    assert "workers" not in done.stdout


def test_workers_a_pause_a_breaker_and_a_hold(house):
    worker = house.stage.workers[0]
    house.fetch("INSERT INTO platform_states (platform, paused_by, paused_at) VALUES ('a', 'ana', now())")
    house.fetch("INSERT INTO platform_states (platform, open_reason) VALUES ('b', 'auth')")
    house.fetch("UPDATE installation SET held_since = now()")
    worker.stop()
    try:
        told = asyncio.run(database.examine_database(house.stage.dsn))
    finally:
        worker.start()
        house.fetch("DELETE FROM platform_states")
        house.fetch("UPDATE installation SET held_since = NULL")
    found = grades(told)
    assert found["workers"] is found["retenção"] is found["plataforma b"] is Grade.WRONG
    assert found["plataforma a"] is Grade.NOTE
    (stopped,) = [finding.text for finding in told if finding.subject == "plataforma b"]
    assert "a plataforma recusou o usuário ou a chave" in stopped


def test_what_the_settings_have_no_more_is_no_fault(house):
    """A platform that failed was taken out, and HubSoft was left for good: neither is ever mended."""
    house.fetch("INSERT INTO platform_states (platform, open_reason) VALUES ('velha', 'failing')")
    house.fetch(
        """INSERT INTO sync_states (source, progress, failed_at, failure, finished_at)
           VALUES ('hubsoft', '{"missed": 3}', now(), 'SourceDown', now())"""
    )
    try:
        of_all = {finding.subject for finding in asyncio.run(database.examine_database(house.stage.dsn))}
        done = run(house, "--json")
    finally:
        house.fetch("DELETE FROM platform_states")
        house.fetch("DELETE FROM sync_states")
    of_before = {"plataforma velha", "sincronização com hubsoft"}
    assert of_before <= of_all
    assert not of_before & {finding["subject"] for finding in json.loads(done.stdout)}


@pytest.mark.parametrize(
    ("ahead_s", "grade"), [(0.3, Grade.OK), (-1.9, Grade.OK), (5, Grade.NOTE), (-90, Grade.WRONG)]
)
def test_clocks(ahead_s, grade):
    assert clock.judge_clock("do banco", ahead_s).grade is grade


@pytest.mark.parametrize(("state", "grades"), [(0, [Grade.OK]), (4, [Grade.OK]), (5, [Grade.NOTE]), (-1, [])])
def test_whether_the_system_keeps_the_clock_right(state, grades):
    assert [found.grade for found in clock.judge_kept(state)] == grades
    assert clock.examine_kept() in [clock.judge_kept(each) for each in (-1, 0, 5)]


def test_platforms_are_connected_to_and_nothing_is_sent(tmp_path):
    heard = []

    async def work():
        async def listen(reader, writer):
            heard.append(await reader.read())
            writer.close()

        pair = self_signed(tmp_path, "127.0.0.1")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pair.certificate, pair.key)
        plain = await asyncio.start_server(listen, "127.0.0.1", 0)
        secure = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=context)
        ports = [server.sockets[0].getsockname()[1] for server in (plain, secure)]
        urls = {
            "boa": f"http://127.0.0.1:{ports[0]}/sms",
            "certificado": f"https://127.0.0.1:{ports[1]}/sms",
            "fechada": f"http://127.0.0.1:{free_port()}/sms",
            "dns": "https://nao-existe.invalid/sms",
        }
        tables = {name: {**PLATFORM, "url": url} for name, url in urls.items()}
        settings = Settings(platforms=tables, port=free_port())
        found = grades(await network.examine_network(settings))
        async with asyncio.timeout(60):
            while not heard:  # who listens may learn later than who called that all is over
                await asyncio.sleep(0.01)
        for server in (plain, secure):
            server.close()
        return found

    found = asyncio.run(work())
    assert found["plataforma boa"] is Grade.OK
    assert {found[f"plataforma {name}"] for name in ("certificado", "fechada", "dns")} == {Grade.WRONG}
    assert set(heard) == {b""}


@pytest.mark.parametrize("host", ["169.254.169.254", "0.0.0.0", "[fe80::1]"])
def test_an_address_that_no_platform_is_called_at_is_said_to_be_one(host):
    tables = {"p": {**PLATFORM, "url": f"http://{host}:9/sms"}}
    settings = Settings(platforms=tables, port=free_port())
    (found,) = [
        each for each in asyncio.run(network.examine_network(settings)) if each.subject == "plataforma p"
    ]
    assert (found.grade, "é um endereço reservado" in found.text) == (Grade.WRONG, True), found


def test_a_platform_whose_receipts_have_no_address(tmp_path):
    receipts = {"id": "id", "status": "status", "statuses": {"ok": "delivered"}}
    table = {**PLATFORM, "url": f"http://127.0.0.1:{free_port()}/", "receipts": receipts}
    tables = {"sem_segredo": table, "sem_url": {**table, "webhook_secret": "x"}}
    found = grades(asyncio.run(network.examine_network(Settings(platforms=tables))))
    assert found["confirmações de sem_segredo"] is found["confirmações de sem_url"] is Grade.NOTE


def test_a_platform_that_brings_only_what_customers_answer():
    inbound = {"sender": "de", "text": "texto"}
    table = {**PLATFORM, "url": f"http://127.0.0.1:{free_port()}/", "inbound": inbound}
    found = grades(asyncio.run(network.examine_network(Settings(platforms={"p": table}))))
    assert found["respostas de p"] is Grade.NOTE


def test_the_date_of_another_machine(house):
    settings = Settings(port=house.stage.server_port, clock_url=f"{house.stage.base}/saude")
    found = asyncio.run(network.examine_network(settings))
    assert {finding.subject: finding.grade for finding in found}["relógio"] in (Grade.OK, Grade.NOTE)

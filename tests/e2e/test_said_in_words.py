"""What ends a command, or keeps it from starting, is said in words; and quickly where nothing is asked of it."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import subprocess
from urllib.parse import urlsplit

import asyncpg
import pytest
from tests.support.house import House
from tests.support.house import house as run_house
from tests.support.program import DISPARO, command
from tests.support.stage import free_port


def test_help_is_quick_and_errors_are_words():
    began = _time_of_children()
    told = subprocess.run([*DISPARO, "--help"], capture_output=True, text=True, check=True)
    # A bound against accidents, not a benchmark; and of its own time, which others on the machine do not lengthen.
    assert _time_of_children() - began < 3
    assert ("CSV ou XLSX" in told.stdout, "presets" in told.stdout) == (True, True)
    for arguments, says in (
        (("incertas", "reenviar"), "Informe"),
        (("mensagem", "buscar"), "Informe"),
        (("disparar", "--vencimento-de", "10/12/2026", "--ate", "2026-12-01"), "está ao contrário"),
        (("simular", "11000", "--custo-segmento", "nan"), "deve ser um valor"),
        (("descadastro", "incluir", "123"), "não é válido"),
        (("plataforma", "testar", "nenhuma", "--telefone", "11988887777"), "Não há plataforma"),
    ):
        done = command(*arguments, env={"DISPARO_DATABASE_URL": "postgresql://x@127.0.0.1:1/x"})
        assert (done.returncode, says in done.stderr) == (1, True), (arguments, done.stderr)
        assert "Traceback" not in done.stderr


def _time_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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


def test_why_there_is_no_connection_to_the_database_is_said_in_words(new_database):
    address = new_database()
    parts = urlsplit(address)
    there = parts.netloc.rpartition("@")[2]

    async def let_one_in_without_a_place():
        connection = await asyncpg.connect(address)
        await connection.execute("DROP ROLE IF EXISTS crowded")
        await connection.execute("CREATE ROLE crowded LOGIN PASSWORD 'x' CONNECTION LIMIT 0")
        await connection.close()

    asyncio.run(let_one_in_without_a_place())
    for tried, says in (
        (parts._replace(netloc=f"crowded:errada@{there}").geturl(), "usuário ou senha recusados"),
        (parts._replace(netloc=f"crowded:x@{there}").geturl(), "aumente o max_connections"),
        (parts._replace(path="/nenhuma").geturl(), "a base de dados não existe"),
        ("postgresql://x@127.0.0.1:1/x", "conexão recusada"),
        ("postgresql://x@nao.existe.invalid/x", "o nome não existe"),
    ):
        done = command("usuario", "listar", env={"DISPARO_DATABASE_URL": tried})
        assert (done.returncode, says in done.stderr) == (1, True), done.stderr


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


@pytest.mark.parametrize(
    "arguments",
    [
        ("mensagem", "buscar", "--fatura", 10**20),
        ("simular", 10**20),
        ("retidas", "liberar", 10**20),
        ("cliente-api", "revogar", 10**10),
        ("cliente-api", "criar", "cobrança", "--limite-rajada", 10**10),
    ],
    ids=str,
)
def test_a_number_that_fits_nowhere_ends_a_command_with_words(new_database, arguments):
    done = command(*arguments, env={"DISPARO_DATABASE_URL": new_database()})
    assert (done.returncode, done.stderr) == (1, "Erro: Um dos números é grande demais. Nada foi alterado.\n")


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
    assert "a plataforma aceitou" in done.stdout
    assert "segredo-do-webhook" not in done.stdout
    house.behave(mode="bad_auth")
    failed = command("plataforma", "testar", "simulador", "--telefone", "11988887777", env=env)
    assert (failed.returncode, "não recebeu" in failed.stdout) == (1, True)
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

"""A service that does not come up, however often it is started, is told of: by the starts that fail."""

from __future__ import annotations

import json
import os
import time

import pytest
from tests.support.program import command
from tests.support.stage import free_port
from tests.unit.cli.test_health_watch import House

pytestmark = pytest.mark.filterwarnings("ignore:.imghdr. is deprecated:DeprecationWarning")


@pytest.fixture
def told():
    house = House()
    with house.open() as address:
        house.address = address
        yield house


@pytest.fixture
def start(told, tmp_path):
    """Starts the service with what is said in the file; gives what it said of its end."""

    def begin(*lines):
        file = tmp_path / "disparo.toml"
        said = [f'alerts = ["json://{told.address}/"]', f"data_dir = {json.dumps(str(tmp_path / 'dados'))}"]
        file.write_text("\n".join([*said, *lines]), encoding="utf-8")
        (tmp_path / "dados").mkdir(exist_ok=True)
        done = command("run", "--servico", env={"DISPARO_CONFIG": str(file)})
        assert done.returncode == 1, done.stderr
        return done.stderr

    return begin


@pytest.fixture
def minutes_pass(tmp_path):
    def pass_by():
        mark = tmp_path / "dados" / "inicio-que-falha"
        os.utime(mark, times=(time.time() - 130,) * 2)

    return pass_by


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (
            'database_url = "postgresql://x:senha-dele@127.0.0.1:1/x"',
            "o banco de dados não inicia ou não responde",
        ),
        ("brand = 3", "a configuração está errada"),
    ],
)
def test_once_and_not_of_one_that_goes_well_soon(told, start, minutes_pass, line, why):
    lines = [f"port = {free_port()}", line]
    start(*lines)
    start(*lines)
    assert told.heard == []
    minutes_pass()
    start(*lines)
    assert len(told.heard) == 1
    assert told.heard[0].startswith("Disparo: atenção | O Disparo da máquina ")
    assert f"não inicia há 2 minutos. Motivo: {why}. Veja: " in told.heard[0]
    assert "senha-dele" not in told.heard[0]
    minutes_pass()
    start(*lines)
    assert len(told.heard) == 1


def test_nobody_is_told_at_each_start_where_it_cannot_be_kept_who_was(told, start, minutes_pass, tmp_path):
    start("brand = 3")
    minutes_pass()
    mark = tmp_path / "dados" / "aviso-de-parada"
    mark.symlink_to(tmp_path / "nao-ha" / "x")  # as on a disk that is read-only by now
    start("brand = 3")
    assert told.heard == []
    mark.unlink()
    start("brand = 3")
    assert len(told.heard) == 1


def test_who_cannot_be_told_is_told_two_minutes_later(told, start, minutes_pass):
    told.tells = 500
    start("brand = 3")
    minutes_pass()
    assert "Erro: Configuração inválida: brand: deve ser um texto" in start("brand = 3")
    told.tells = 200
    start("brand = 3")
    assert told.heard == []
    minutes_pass()
    start("brand = 3")
    assert len(told.heard) == 1

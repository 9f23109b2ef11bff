"""A synchronisation that fails is told to whoever administers in words, not by names of errors."""

from __future__ import annotations

import pytest
from tests.support.house import house as run_house
from tests.support.hubsoft import HubsoftStandIn, settings_for
from tests.support.stage import free_port


@pytest.fixture(scope="module")
def there():
    with HubsoftStandIn(2, 2).running() as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def house(new_database, tmp_path_factory, there):
    settings = settings_for(there, DISPARO_SYNC_EVERY_S="0")
    with run_house(new_database(), tmp_path_factory.mktemp("house"), overrides=settings) as house:
        yield house


def failure(house, **changes):
    """What the command says, which is what `situacao` shows afterwards."""
    done = house.command("sincronizar", "hubsoft", **changes)
    assert done.returncode == 1, done.stdout
    said = done.stderr.partition("O HubSoft não respondeu (")[2].partition("). O que veio")[0]
    assert said, done.stderr
    assert said in house.command("sincronizar", "situacao").stdout
    return said


def test_nobody_at_the_address(house):
    assert failure(house, DISPARO_HUBSOFT_URL=f"http://127.0.0.1:{free_port()}") == "conexão recusada"


def test_a_page_that_stands_in_for_it(house, there):
    there.page = "<html>Em manutenção</html>"
    try:
        assert failure(house) == "a resposta não é JSON"
    finally:
        there.page = None


def test_the_doctor_says_it_too_until_one_ends_well(house, there):
    there.fail_after = 0
    try:
        why = failure(house)
    finally:
        there.fail_after = None
    port = str(house.stage.server_port)
    doctor = house.command("doctor", DISPARO_PORT=port).stdout
    assert f"aviso  sincronização com hubsoft: a última tentativa falhou: {why}" in doctor
    assert "na última que terminou não faltou registro" not in doctor
    assert house.command("sincronizar", "hubsoft").returncode == 0
    assert "a última tentativa falhou" not in house.command("doctor", DISPARO_PORT=port).stdout

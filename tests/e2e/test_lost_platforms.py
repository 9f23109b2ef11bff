"""A settings file that lost its platforms is no wrong one: it is said that nothing goes any more."""

from __future__ import annotations

import asyncio

import pytest
from tests.e2e.test_platforms_live import table
from tests.support.house import house as run_house
from tests.support.stage import free_port

from disparo.cli.examine import database
from disparo.cli.examine.finding import Grade


@pytest.fixture(scope="module")
def house(new_database, tmp_path_factory, listener):
    folder = tmp_path_factory.mktemp("lost")
    port, file = free_port(), folder / "disparo.toml"
    file.write_text(
        f'alerts = ["json://127.0.0.1:{listener.port}/"]\n{table("primeira", port)}', encoding="utf-8"
    )
    with run_house(new_database(), folder, settings_file=file, simulator_port=port) as house:
        yield house


def doctor(house):
    found = asyncio.run(database.examine_database(house.stage.dsn, has_platforms=False))
    return [finding for finding in found if finding.subject == "plataformas"]


def test_people_and_the_doctor_are_told_once_sms_went(house, client, listener):
    with_platform = house.stage.settings_file.read_text(encoding="utf-8")
    assert doctor(house) == []
    house.until_state(client, client.send({"id_fatura": 11000}), "entregue")
    house.write_settings(with_platform.partition("[platforms")[0])
    house.until(lambda: listener.said("não tem mais nenhuma plataforma de SMS"))
    (said,) = listener.said("não tem mais nenhuma plataforma de SMS")
    assert "a última em uso: primeira" in str(said)
    (found,) = doctor(house)
    assert found.grade is Grade.WRONG
    assert "primeira" in found.text
    house.write_settings(with_platform)
    house.until(lambda: listener.said("tem plataforma de novo"), seconds=90)

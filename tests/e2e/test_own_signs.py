"""A certificate near its end and a wrong settings file: the administrator is told, and what stays is in force."""

from __future__ import annotations

import pytest
from tests.e2e.test_platforms_live import Listener, table
from tests.support.certificates import make_pair
from tests.support.house import house as run_house
from tests.support.stage import free_port


@pytest.fixture(scope="module")
def listener():
    return Listener()


@pytest.fixture(scope="module")
def house(new_database, tmp_path_factory, listener):
    folder = tmp_path_factory.mktemp("signs")
    certificate, key = make_pair(folder, "sms.provedor.com.br", days=10)
    port, file = free_port(), folder / "disparo.toml"
    alerts = f'alerts = ["json://127.0.0.1:{listener.port}/"]\n'
    file.write_text(alerts + table("primeira", port), encoding="utf-8")
    given = {"DISPARO_TLS_CERTIFICATE": str(certificate), "DISPARO_TLS_KEY": str(key)}
    with run_house(
        new_database(),
        folder,
        settings_file=file,
        simulator_port=port,
        overrides=given,
        server_arguments=(
            "--tls-self-signed",
        ),  # for the stage, which then speaks HTTPS; those given are used
    ) as house:
        yield house


def test_a_certificate_near_its_end_is_told_of_once(house, listener):
    house.until(lambda: listener.said("O certificado HTTPS de sms.provedor.com.br vale só até"), seconds=30)
    assert len(listener.said("certificado")) == 1


def test_a_wrong_file_is_told_of_once_by_all_who_read_it_without_what_is_secret(house, listener):
    file = house.stage.settings_file
    good = file.read_text(encoding="utf-8")
    file.write_text('max_segments = "s3gredo 11988887777"\n' + good, encoding="utf-8")
    house.until(lambda: listener.said("A configuração mudada na máquina"), seconds=30)
    for role in (*house.stage.servers, *house.stage.workers):
        house.until(lambda log=role.log: "settings_refused_old_ones_stay" in log.read_text())
    (row,) = house.fetch("SELECT detail FROM alerts WHERE kind = 'settings_refused'")
    assert row["detail"] == "max_segments"
    assert len(listener.said("A configuração mudada na máquina")) == 1
    assert not listener.said("s3gredo")
    assert not listener.said("11988887777")
    file.write_text(good, encoding="utf-8")


def test_a_file_that_was_away_and_is_back_as_it_was_is_read_again(house):
    file = house.stage.settings_file
    log = house.stage.workers[0].log
    file.rename(file.with_suffix(".away"))
    house.until(lambda: log.read_text().count("settings_refused_old_ones_stay") > 1)
    reloaded = log.read_text().count("settings_reloaded")
    file.with_suffix(".away").rename(file)
    house.until(lambda: log.read_text().count("settings_reloaded") > reloaded)

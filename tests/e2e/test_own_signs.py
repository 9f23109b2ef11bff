"""A certificate near its end, a renewed one, a wrong file: the administrator is told, and what stays is in force."""

from __future__ import annotations

import http.client
import ssl

import pytest
from tests.e2e.test_platforms_live import table
from tests.support.certificates import make_pair
from tests.support.house import house as run_house
from tests.support.stage import free_port


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
    ) as house:
        yield house


def connect(house):
    """One connection, which is not opened anew."""
    context = ssl._create_unverified_context()
    connection = http.client.HTTPSConnection(
        "127.0.0.1", house.stage.server_port, context=context, timeout=20
    )
    connection.auto_open = 0
    connection.connect()
    return connection


def answers(connection):
    connection.request("GET", "/saude/vivo")
    answer = connection.getresponse()
    answer.read()
    return answer.status == 200


def shown(house):
    """The certificate that a new connection is shown."""
    return ssl.get_server_certificate(("127.0.0.1", house.stage.server_port))


def test_a_certificate_near_its_end_is_told_of_once(house, listener):
    house.until(lambda: listener.said("O certificado HTTPS de sms.provedor.com.br vale só até"), seconds=30)
    assert len(listener.said("certificado")) == 1


def test_a_renewed_certificate_is_served_with_and_one_that_is_of_no_use_is_told(house, listener):
    folder = house.stage.settings_file.parent
    open_before = connect(house)
    before = shown(house)
    make_pair(folder, "sms.provedor.com.br", days=90)
    house.until(lambda: answers(open_before) and shown(house) != before)
    assert shown(house) == (folder / "tls.crt").read_text(encoding="utf-8")
    assert answers(open_before)
    key = (folder / "tls.key").read_bytes()
    (folder / "tls.key").write_bytes(key[: len(key) // 2])
    renewed = shown(house)
    log = house.stage.servers[0].log
    house.until(lambda: "certificate_refused_old_one_stays" in log.read_text())
    house.until(lambda: listener.said("mudou e o novo não serve; o anterior continua"), seconds=30)
    assert shown(house) == renewed
    (folder / "tls.key").write_bytes(key)
    house.until(lambda: log.read_text().count("certificate_renewed") == 2)
    assert len(listener.said("mudou e o novo não serve")) == 1


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
    refused = log.read_text().count("settings_refused_old_ones_stay")
    file.rename(file.with_suffix(".away"))
    house.until(lambda: log.read_text().count("settings_refused_old_ones_stay") > refused)
    reloaded = log.read_text().count("settings_reloaded")
    file.with_suffix(".away").rename(file)
    house.until(lambda: log.read_text().count("settings_reloaded") > reloaded)

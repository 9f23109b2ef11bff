"""/saude and /metrics through the public door."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.support.client import DISPATCH, Client
from tests.support.house import house as run_house
from tests.support.program import command

TOKEN = "m3tricas-de-teste"


def page(house, **headers):
    return house.anonymous.get("/metrics", headers=headers)


def samples(house):
    """Every sample of the page: (name, labels) -> value."""
    text = page(house).raw.decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(found, name, **labels):
    return found.get((f"disparo_{name}", frozenset(labels.items())))


def until_health(house, wanted):
    """Ask until it is as wanted: where a look takes two seconds, as on a machine that stood still, it says so."""
    return house.until(lambda: wanted(found := house.anonymous.get("/saude")) and found)


def until_ready(house):
    return until_health(house, lambda answer: answer.status == 200)


def test_ready_names_each_check(house):
    answer = until_ready(house)
    assert answer.json["vivo"] is answer.json["pronto"] is True
    assert {name: check["ok"] for name, check in answer.json["verificacoes"].items()} == {
        "banco_de_dados": True,
        "migracoes": True,
        "workers": True,
    }


def test_monitors_may_ask_with_head(house):
    for path in ("/saude", "/saude/vivo"):
        house.until(lambda path=path: house.anonymous.call("HEAD", path).status == 200)
        assert house.anonymous.call("HEAD", path).raw == b""


def test_a_server_without_workers_is_alive_and_not_ready(house):
    worker = house.stage.workers[0]
    worker.stop()
    try:
        missing = {"workers": {"ok": False, "batendo": 0}, "banco_de_dados": {"ok": True}}
        answer = until_health(house, lambda answer: missing.items() <= answer.json["verificacoes"].items())
        assert answer.status == 503
        assert house.anonymous.get("/saude/vivo").json == {"vivo": True}
    finally:
        worker.start()
    until_ready(house)


def test_a_database_of_another_revision_is_not_ready(house):
    revision = house.value("SELECT version_num FROM alembic_version")
    house.fetch("UPDATE alembic_version SET version_num = '9999'")
    try:
        other = until_health(
            house, lambda answer: "9999" in answer.json["verificacoes"]["migracoes"].get("motivo", "")
        )
    finally:
        house.fetch("UPDATE alembic_version SET version_num = $1", revision)
    assert other.status == 503


def test_a_call_is_counted_from_the_accept_to_the_handset(house, client):
    before = samples(house)
    sent = client.send({"id_fatura": 11000})
    client.send({"id_fatura": 999_999_999})
    house.until_state(client, sent, "entregue")

    def grown(name, **labels):
        found = samples(house)
        return (value(found, name, **labels) or 0) - (value(before, name, **labels) or 0)

    def until_grown(name, by=1, **labels):  # counted by several processes, each when it comes to it
        house.until(lambda: grown(name, **labels) == by)

    until_grown("handovers_total", platform="simulador", outcome="accepted", failure="")
    until_grown("accept_verdicts_total", verdict="accepted")
    until_grown("accept_verdicts_total", verdict="invoice_unknown")
    route = "/api/v1/integracao/cliente/financeiro/enviar_sms"
    until_grown("http_requests_total", route=route, method="POST", status="200")
    until_grown("http_seconds_count", 2, route=route)
    for name in ("handover_seconds", "accept_to_platform_seconds", "due_to_platform_seconds"):
        until_grown(f"{name}_count", platform="simulador")
    until_grown("accept_to_handset_seconds_count", platform="simulador")
    until_grown("receipts_total", platform="simulador", kind="delivered", failure="")
    house.until(lambda: grown("receipts_applied_total", platform="simulador", result="moved") >= 1)


def test_what_stands_in_the_tables(house, client):
    found = samples(house)
    assert value(found, "workers") == 1
    assert value(found, "messages", status="uncertain") == 0
    assert value(found, "platform_open", platform="simulador") == 0
    assert value(found, "platform_limit", platform="simulador", limit="window") > 0
    house.until(lambda: value(samples(house), "platform_used", platform="simulador", limit="window") == 0)
    house.fetch(
        "INSERT INTO platform_states (platform, paused_by, paused_at) VALUES ('simulador', 'teste', now())"
    )
    try:
        # Those sent before the worker has heard of the pause still go.
        house.until(lambda: client.send({"id_fatura": 11000}) and _waits_for_platform(samples(house)))
    finally:
        house.fetch("DELETE FROM platform_states")


def _waits_for_platform(found):
    return (
        value(found, "platform_paused", platform="simulador") == 1
        and (value(found, "queue_due_messages", queue="sms", kind="single") or 0) >= 1
        and value(found, "queue_oldest_due_seconds", queue="sms", kind="single") > 0
    )


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Via"])
def test_metrics_are_closed_to_whoever_comes_through_an_unknown_proxy(house, header):
    answer = page(house, **{header: "127.0.0.1"})
    assert answer.status == 403
    assert answer.json["status"] == "error"
    assert "disparo_" not in answer.raw.decode()


def test_metrics_through_a_trusted_proxy_and_with_a_token(new_database, tmp_path):
    overrides = {"DISPARO_TRUSTED_PROXIES": '["127.0.0.1"]', "DISPARO_METRICS_TOKEN": TOKEN}
    overrides["DISPARO_METRICS_NETWORKS"] = '["10.0.0.0/8"]'
    with run_house(new_database(), tmp_path, overrides=overrides, workers_count=0) as house:
        assert page(house).status == 403
        assert page(house, **{"X-Forwarded-For": "10.1.2.3"}).status == 200
        assert page(house, **{"X-Forwarded-For": "10.1.2.3, 192.0.2.7"}).status == 403
        assert page(house, Authorization=f"Bearer {TOKEN}").status == 200
        assert page(house, Authorization="Bearer errado").status == 403
        assert page(house, Authorization="").status == 403
        port = urlsplit(house.stage.base).port
        assert Client(f"http://127.0.0.1:{port}").get(DISPATCH).status == 401


def test_an_empty_token_is_none_and_opens_metrics_to_nobody(new_database, tmp_path):
    overrides = {"DISPARO_METRICS_TOKEN": "", "DISPARO_METRICS_NETWORKS": '["10.0.0.0/8"]'}
    with run_house(new_database(), tmp_path, overrides=overrides, workers_count=0) as house:
        answers = [page(house), page(house, Authorization=""), page(house, Authorization="Bearer")]
        assert [answer.status for answer in answers] == [403, 403, 403]


def test_no_label_holds_an_address_or_a_number(house, client):
    client.get("/api/v1/integracao/disparo/11988887777?telefone=11988887777")
    client.get("/11988887777")
    text = page(house).raw.decode()
    assert not re.search(r"\d{10}", re.sub(r" [0-9.e+-]+$", "", text, flags=re.MULTILINE))


def test_every_name_of_the_dashboard_and_the_alerts_is_served(house, client):
    sent = client.send({"id_fatura": 11000})
    house.until_state(client, sent, "entregue")
    deploy = Path(__file__).parents[2] / "deploy"
    text = (deploy / "grafana" / "disparo.json").read_text()
    text += re.sub(r"#.*|description:.*", "", (deploy / "prometheus" / "disparo-rules.yml").read_text())
    named = set(re.findall(r"\bdisparo_[a-z_]+", text))
    assert len(named) >= 20

    def missing():
        served = page(house).raw.decode()
        have = set(re.findall(r"^(disparo_[a-z_]+)[ {]", served, re.MULTILINE))
        have |= set(
            re.findall(r"^# TYPE (disparo_alerts|disparo_sync_rows_missing) ", served, re.MULTILINE)
        )  # only where there are any
        return named - have

    house.until(lambda: not missing() or None)


def test_what_a_source_lacked_that_the_settings_have_no_more_is_no_figure(house):
    house.fetch(
        """INSERT INTO sync_states (source, progress, finished_at) VALUES ('hubsoft', '{"missed": 3}', now())"""
    )
    try:
        assert "disparo_sync_rows_missing{" not in page(house).raw.decode()
    finally:
        house.fetch("DELETE FROM sync_states")


def test_a_database_that_can_only_be_read_is_not_ready(house):
    name = house.value("SELECT current_database()")

    async def close(connection, *, closed):
        await connection.execute("SET default_transaction_read_only = off")
        done = "SET default_transaction_read_only = on" if closed else "RESET default_transaction_read_only"
        await connection.execute(f"ALTER DATABASE {name} {done}")
        await connection.execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    def database():
        return house.anonymous.get("/saude").json["verificacoes"]["banco_de_dados"]

    house.run(partial(close, closed=True))
    try:
        house.until(lambda: "só pode ser lido" in database().get("motivo", ""))
        assert house.anonymous.get("/saude").status == 503
        done = command("usuario", "criar", "x@example.com", env={"DISPARO_DATABASE_URL": house.stage.dsn})
        assert done.stderr.startswith("Erro: O PostgreSQL não aceita gravações agora")
    finally:
        house.run(partial(close, closed=False))
    until_ready(house)


def test_a_server_that_could_store_no_call_for_a_full_disk_is_not_ready(house, client):
    full = """CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql
                  AS $$ BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
              CREATE TRIGGER full_disk BEFORE INSERT ON dispatches EXECUTE FUNCTION full_disk()"""
    house.run(lambda connection: connection.execute(full))
    try:
        assert client.send({"id_fatura": 11000}).status == 503
        answer = until_health(
            house, lambda answer: "disco" in answer.json["verificacoes"]["banco_de_dados"].get("motivo", "")
        )
    finally:
        house.run(lambda connection: connection.execute("DROP FUNCTION full_disk CASCADE"))
    assert answer.status == 503
    assert house.anonymous.get("/saude/vivo").status == 200
    assert client.send({"id_fatura": 11000}).status == 200
    until_ready(house)

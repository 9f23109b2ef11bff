"""A platform's limit of 24 hours that is set, taken away and set again while a bulk run goes through it."""

from __future__ import annotations

import time
from datetime import date, timedelta

import pytest
from tests.support.bulk import open_now
from tests.support.client import DISPATCH
from tests.support.house import house as run_house
from tests.support.rows import add_invoices
from tests.support.stage import free_port


def table(name, port, **more):
    return "\n".join(
        [
            f"[platforms.{name}]",
            'type = "simulator"',
            f'url = "http://127.0.0.1:{port}"',
            'webhook_secret = "ensaio"',
            *(f"{key} = {value}" for key, value in more.items()),
        ]
    )


@pytest.fixture(scope="module")
def house(new_database, tmp_path_factory):
    folder = tmp_path_factory.mktemp("house")
    file, port = folder / "disparo.toml", free_port()
    file.write_text(table("a", port), encoding="utf-8")
    with run_house(new_database(), folder, settings_file=file, simulator_port=port, workers_count=2) as house:
        yield house


def exchange(house, *tables):
    logs = [worker.log for worker in house.stage.workers]
    seen = [log.read_text().count("settings_reloaded") for log in logs]
    house.write_settings("\n".join(tables))
    house.until(
        lambda: all(
            log.read_text().count("settings_reloaded") > before
            for log, before in zip(logs, seen, strict=True)
        )
    )


def start_run(house, client, count, *, days):
    first_id = days * 10_000
    due = date.today() + timedelta(days=days)
    house.run(lambda connection: add_invoices(connection, count, first_id=first_id))
    house.fetch(
        "UPDATE invoices SET due_date = $1 WHERE id BETWEEN $2 AND $3", due, first_id, first_id + count - 1
    )
    answer = client.post(f"{DISPATCH}/lote", {"vencimento_inicio": str(due), "vencimento_fim": str(due)})
    run = answer.json["disparo"]["id"]
    house.until(lambda: house.value("SELECT carved_at FROM bulk_runs WHERE dispatch_id = $1::uuid", run))
    house.until(lambda: not house.value("SELECT count(*) FROM bulk_slices WHERE dispatch_id = $1::uuid", run))
    house.run(open_now)
    return run


def taken(house):
    return len(house.simulator.get("/v1/messages?limit=1000").json["messages"])


def goes_no_further(house, count):
    """Let all that waits go now, until so many are taken; and see that no more follow."""
    # Again and again: a worker may be putting off what it has looked at by the old limit.
    house.until(lambda: house.run(open_now) or taken(house) >= count)
    time.sleep(2)  # what must not happen tells nobody that it did not
    return taken(house) == count


def test_a_limit_that_is_set_counts_what_went_before_it(house):
    client, port = house.client(), house.stage.simulator_port
    start_run(house, client, 60, days=400)
    assert goes_no_further(house, 60)
    exchange(house, table("a", port, per_day=70))
    start_run(house, client, 60, days=401)
    assert goes_no_further(house, 70)
    exchange(house, table("a", port))
    assert goes_no_further(house, 120)
    exchange(house, table("a", port, per_day=100))
    start_run(house, client, 5, days=402)
    assert goes_no_further(house, 120)
    numbers = [message["to"] for message in house.simulator.get("/v1/messages?limit=1000").json["messages"]]
    assert len(set(numbers)) == 120

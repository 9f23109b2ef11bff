"""A customer who is erased at the moment at which a call or a run queues an SMS to them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.support import bulk
from tests.support.client import DISPATCH
from tests.support.rows import add_invoices


@pytest.fixture
def let_go(house):
    """Storing a message lasts until this is called."""
    house.fetch("CREATE TABLE held_back ()")
    house.fetch("INSERT INTO held_back DEFAULT VALUES")
    house.fetch(
        """CREATE FUNCTION hold_back() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN
                  WHILE EXISTS (SELECT FROM held_back) LOOP PERFORM pg_sleep(0.05); END LOOP;
                  RETURN NEW;
              END $$"""
    )
    house.fetch(
        "CREATE TRIGGER hold_back BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION hold_back()"
    )
    yield lambda: house.fetch("DELETE FROM held_back")
    house.fetch("DELETE FROM held_back")
    house.fetch("DROP FUNCTION hold_back CASCADE")
    house.fetch("DROP TABLE held_back")


def is_storing(house):
    return house.value(
        "SELECT EXISTS (SELECT FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event = 'PgSleep')"
    )


@pytest.mark.parametrize("way", ["call", "run"])
def test_their_name_is_not_kept(house, client, let_go, way):
    id_ = {"call": 500_000, "run": 500_001}[way]
    house.run(lambda connection: add_invoices(connection, 1, first_id=id_))
    with ThreadPoolExecutor(2) as threads:
        if way == "call":
            asking = threads.submit(client.send, {"id_fatura": id_})
        else:
            asking = threads.submit(client.post, f"{DISPATCH}/lote", {"ids_fatura": [id_]})
        try:
            house.until(lambda: is_storing(house))
            erasing = threads.submit(house.command, "titular", "apagar", id_, "--sim")
            erased = "SELECT EXISTS (SELECT FROM erased_customers WHERE customer_id = $1)"
            house.until(lambda: house.value(erased, id_) or erasing.done())
        finally:
            let_go()
        told = erasing.result()
        assert asking.result().status == 200
    assert told.returncode == 0, told.stderr
    house.run(bulk.open_now)
    house.until(lambda: house.value("SELECT status FROM messages WHERE customer_id = $1", id_) == "skipped")
    (kept,) = house.fetch("SELECT name, text, reason FROM messages WHERE customer_id = $1", id_)
    assert tuple(kept) == ("", None, "invoice_gone")

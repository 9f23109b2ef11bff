"""A customer who is erased at the moment at which a call or a run queues an SMS to them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.support import bulk
from tests.support.client import DISPATCH
from tests.support.rows import add_invoices


@pytest.fixture
def slowly(house):
    """Storing a message takes two seconds."""
    house.fetch(
        """CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN PERFORM pg_sleep(2); RETURN NEW; END $$"""
    )
    house.fetch("CREATE TRIGGER slowly BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION slowly()")
    yield
    house.fetch("DROP FUNCTION slowly CASCADE")


def is_storing(house):
    return house.value(
        "SELECT EXISTS (SELECT FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event = 'PgSleep')"
    )


@pytest.mark.parametrize("way", ["call", "run"])
def test_their_name_is_not_kept(house, client, slowly, way):
    id_ = {"call": 500_000, "run": 500_001}[way]
    house.run(lambda connection: add_invoices(connection, 1, first_id=id_))
    with ThreadPoolExecutor(1) as thread:
        if way == "call":
            asking = thread.submit(client.send, {"id_fatura": id_})
        else:
            asking = thread.submit(client.post, f"{DISPATCH}/lote", {"ids_fatura": [id_]})
        house.until(lambda: is_storing(house))
        told = house.command("titular", "apagar", id_, "--sim")
        assert asking.result().status == 200
    assert told.returncode == 0, told.stderr
    house.run(bulk.open_now)
    house.until(lambda: house.value("SELECT status FROM messages WHERE customer_id = $1", id_) == "skipped")
    (kept,) = house.fetch("SELECT name, text, reason FROM messages WHERE customer_id = $1", id_)
    assert tuple(kept) == ("", None, "invoice_gone")

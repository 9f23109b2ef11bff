"""HubSoft lists customers by their services that are cancelled and by those that are not: some are in both."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from tests.support.hubsoft import HubsoftStandIn
from tests.support.hubsoft_source import CUSTOMERS, INVOICES, ZONE

from disparo.dispatch.freshness import SourceDown

pytestmark = pytest.mark.anyio

_OLD_SERVICE = 90_000


class WithBoth(HubsoftStandIn):
    """Some customers have a cancelled service beside the other."""

    both: frozenset[int] = frozenset()

    def _listed(self, numbers, query):
        return sorted({*super()._listed(numbers, query), *(self.both & set(numbers))})

    def _shown(self, number, query):
        found = super()._shown(number, query)
        if number in self.both and query.get("cancelado") == "sim":
            found["servicos"] = [{"id_cliente_servico": _OLD_SERVICE, "status_prefixo": "cancelado"}]
        return found


@pytest.fixture
def there():
    with WithBoth(CUSTOMERS, INVOICES, today=datetime.now(ZONE).date()).running() as stand_in:
        stand_in.both = frozenset({7, 8})
        yield stand_in


async def services_of(connection, customer_id):
    found = json.loads(await connection.fetchval("SELECT services FROM customers WHERE id = $1", customer_id))
    return [service["id"] for service in found]


async def test_whose_services_are_not_all_cancelled_is_found_by_them_all_the_time(
    there, sync, connection, monkeypatch
):
    done = await sync.run()
    assert done.customers == CUSTOMERS  # each counts once
    monkeypatch.setattr("disparo.sources.hubsoft._TRIES", 1)
    for _ in range(CUSTOMERS // 500 + 4):  # cut after each page
        there.fail_after = there.calls.total() + 1
        with pytest.raises(SourceDown):
            await sync.run(full=True)
        assert await services_of(connection, 7) == [50_007]
    there.fail_after = None
    await sync.run(full=True)
    assert await services_of(connection, 7) == [50_007]


async def test_whose_last_service_was_cancelled_keeps_none_that_is_not(there, sync, connection):
    await sync.run()
    there.both = frozenset({8})
    there.cancelled = {7}
    await sync.run(full=True)
    rows = await connection.fetchval("SELECT services FROM customers WHERE id = 7")
    assert [service["status_code"] for service in json.loads(rows)] == ["cancelado"]
    assert await services_of(connection, 8) == [50_008]

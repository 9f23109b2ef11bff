"""A HubSoft to synchronise with, a fresh one for each test."""

from __future__ import annotations

from datetime import datetime

import pytest
from tests.support.hubsoft import HubsoftStandIn
from tests.support.hubsoft_source import CUSTOMERS, INVOICES, ZONE, source_of

from disparo.sources.sync import Sync


@pytest.fixture
def there():
    with HubsoftStandIn(CUSTOMERS, INVOICES, today=datetime.now(ZONE).date()).running() as stand_in:
        yield stand_in


@pytest.fixture
async def source(there):
    source = source_of(there)
    yield source
    await source.close()


@pytest.fixture
def sync(dsn, pool, source):
    return Sync(dsn, pool, source, ZONE)

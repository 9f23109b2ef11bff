"""One installation for each module: server, worker, simulator, database, all real."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from tests.support.asking import Asker
from tests.support.client import Client
from tests.support.house import House
from tests.support.house import house as run_house
from tests.support.listener import Listener
from tests.support.serving import serving


@pytest.fixture(scope="module")
def house(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with run_house(new_database(), tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture(scope="module")
def client(house: House) -> Client:
    """A live token with every permission."""
    return house.client()


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    """Whom a house's `alerts` may name."""
    listener = Listener()
    with serving(listener.server):
        yield listener


@pytest.fixture
def rows(dsn: str) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
    """Gives what a query finds in the module's own database."""
    with closing(Asker(dsn)) as asker:
        yield lambda query, *arguments: [tuple(row) for row in asker.fetch(query, *arguments)]


@pytest.fixture(autouse=True)
def _usual_behaviour(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "house" in request.fixturenames:
        request.getfixturevalue("house").behave(
            mode="accept", every=1, latency_ms=0, receipts=["sent", "delivered"], receipt_code=None
        )

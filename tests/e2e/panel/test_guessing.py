"""Limits of guessing, seen from several addresses: who guesses is slowed down, and nobody else is shut out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.support.house import House
from tests.support.house import house as run_house
from tests.support.visitor import Visitor

BURST = 5


@pytest.fixture(scope="module")
def house(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    overrides = {
        "DISPARO_TRUSTED_PROXIES": '["127.0.0.1"]',
        "DISPARO_TOKEN_RATE_PER_MIN": "1",
        "DISPARO_TOKEN_RATE_BURST": str(BURST),
        "DISPARO_RATE_PER_S": "0.01",
        "DISPARO_RATE_BURST": str(BURST),
    }
    with run_house(new_database(), tmp_path_factory.mktemp("house"), overrides=overrides) as house:
        yield house


@pytest.fixture(autouse=True)
def _nobody_was_here(house):
    house.fetch("DELETE FROM rate_limits")


class Caller(Visitor):
    """Somebody at an address of their own."""

    def __init__(self, house: House, address: str) -> None:
        super().__init__(house)
        self.address = address

    def call(self, method, path, body=None, headers=None):
        return super().call(method, path, body, {**(headers or {}), "X-Forwarded-For": self.address})


def test_the_addresses_of_one_ipv6_line_guess_as_one(house):
    def guess(number: int, line: str) -> int:
        return (
            Caller(house, f"{line}::{number:x}").sign_in(f"{line[-1]}{number}@example.com", "errada").status
        )

    assert [guess(number, "2001:db8:1:2") for number in range(1, BURST + 3)][BURST:] == [429, 429]
    assert guess(1, "2001:db8:1:3") == 422


def test_so_do_they_where_a_token_is_asked_for(house):
    def ask(number: int) -> int:
        caller = Caller(house, f"2001:db8:9:9:{number:x}::1")
        return caller.call("POST", "/oauth/token", {"grant_type": "password", "client_id": number}).status

    assert [ask(number) for number in range(1, BURST + 3)][BURST:] == [429, 429]


def test_so_do_they_where_a_token_is_guessed(house):
    def guess(number: int) -> int:
        caller = Caller(house, f"2001:db8:8:8::{number:x}")
        return caller.get("/api/v1/integracao/disparo", Authorization=f"Bearer {number}").status

    assert [guess(number) for number in range(1, BURST + 3)][BURST:] == [429, 429]

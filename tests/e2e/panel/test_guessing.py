"""Limits of guessing, seen from several addresses: who guesses is slowed down, and nobody else is shut out."""

from __future__ import annotations

import asyncio
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


def test_one_address_shuts_nobody_out_by_guessing_their_password(house):
    account = house.account(permissions=("send",))
    guesser = Caller(house, "198.51.100.7")
    answers = [guesser.sign_in(account["username"], "errada").status for _ in range(BURST + 1)]
    assert answers == [422] * BURST + [429]
    person = Caller(house, "203.0.113.9")
    assert person.sign_in(account["username"]).status == 303


def test_so_it_is_where_a_token_is_asked_for(house):
    account, other = house.account(), house.account()
    guess = {**other, "username": account["username"], "password": "errada"}
    guesser = Caller(house, "198.51.100.7")
    answers = [guesser.call("POST", "/oauth/token", guess).status for _ in range(BURST + 1)]
    assert answers == [401] * BURST + [429]
    assert Caller(house, "203.0.113.9").call("POST", "/oauth/token", account).status == 200


def test_a_program_that_asks_for_tokens_from_many_addresses_is_slowed_down_too(house):
    account = house.account()

    def ask(number: int) -> int:
        return Caller(house, f"192.0.2.{number}").call("POST", "/oauth/token", account).status

    assert [ask(number) for number in range(1, BURST + 2)] == [200] * BURST + [429]


def test_so_is_a_name_that_is_guessed_at_by_several_programs(house):
    programs = [house.account() for _ in range(6)]
    name = programs[0]["username"]

    def guess(number: int) -> int:
        guessed = {"username": name.upper() if number % 2 else name, "password": "errada"}
        caller = Caller(house, f"192.0.2.{number}")
        return caller.call("POST", "/oauth/token", programs[number % 6] | guessed).status

    answers = [guess(number) for number in range(1, 6 * BURST)]
    assert answers[-1] == 429
    assert answers.count(401) < 5 * BURST


def test_a_name_that_is_guessed_at_from_many_addresses_is_slowed_down_too(house):
    name = house.account(permissions=("send",))["username"]

    def guess(number: int) -> int:
        spelt = name.upper() if number % 2 else name
        return Caller(house, f"192.0.2.{number}").sign_in(spelt, "errada").status

    answers = [guess(number) for number in range(1, 6 * BURST)]
    assert answers[-1] == 429
    assert answers.count(422) < 5 * BURST


def test_how_long_a_refusal_takes_does_not_tell_whether_there_is_such_a_user(house):
    """What is written of a wrong password, for known users alone, is not waited for."""
    account = house.account(permissions=("send",))
    ask = "SELECT count(*) FROM audit_log WHERE action = 'sign_in_refused'"
    before = house.value(ask)

    async def answer_meanwhile(connection):
        async with connection.transaction():
            await connection.execute("LOCK TABLE audit_log IN EXCLUSIVE MODE")
            person = Caller(house, "192.0.2.200")
            return await asyncio.wait_for(
                asyncio.to_thread(person.sign_in, account["username"], "errada"), timeout=8
            )

    assert house.run(answer_meanwhile).status == 422
    house.until(lambda: house.value(ask) == before + 1)


def test_whoever_found_an_open_panel_guesses_the_password_no_faster_than_at_the_door(house):
    account = house.account(permissions=())
    person = Caller(house, "192.0.2.201")
    assert person.sign_in(account["username"]).status == 303
    person.get("/painel")

    def guess(number: int) -> int:
        new = {"senha_nova": "outra senha", "senha_repetida": "outra senha"}
        return person.post("/painel/senha", senha_atual=str(number), **new).status

    assert [guess(number) for number in range(BURST)] == [422] * (BURST - 1) + [429]
    ask = """SELECT count(*) FROM audit_log a JOIN users u ON a.actor = 'user:' || u.id
             WHERE u.email = $1 AND a.action = 'sign_in_refused'"""
    assert house.value(ask, account["username"]) == BURST - 1

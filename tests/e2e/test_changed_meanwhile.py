"""A sign-in whose password was right when it was checked, and is no longer when the session or token is made."""

from __future__ import annotations

import asyncio

import pytest
from tests.support.locks import until_somebody_waits
from tests.support.visitor import Visitor

TOKEN = "/oauth/token"
NEW_PASSWORD = "UPDATE users SET password_hash = 'another' WHERE email = $1"
SHUT_OUT = "UPDATE users SET active = false WHERE email = $1"


def while_changing(house, change, who, ask):
    """Ask while a change is under way that commits before the answer is made; gives the answer."""

    async def work(connection):
        async with connection.transaction():
            await connection.execute(change, who)
            asked = asyncio.create_task(asyncio.to_thread(ask))
            waits = asyncio.create_task(until_somebody_waits(connection))
            await asyncio.wait({asked, waits}, return_when=asyncio.FIRST_COMPLETED)
            waits.cancel()
            await asyncio.gather(waits, return_exceptions=True)
        return await asked

    return house.run(work)


@pytest.mark.parametrize("change", [NEW_PASSWORD, SHUT_OUT])
def test_the_old_password_begins_no_session(house, change):
    account, person = house.account(), Visitor(house)
    email = account["username"]
    answer = while_changing(house, change, email, lambda: person.sign_in(email))
    assert answer.status == 422
    assert "E-mail ou senha" in answer.raw.decode()
    assert person.get("/painel").status == 303
    sessions = "SELECT count(*) FROM panel_sessions s JOIN users u ON u.id = s.user_id WHERE u.email = $1"
    assert house.value(sessions, email) == 0
    ask = """SELECT array_agg(a.action) FROM audit_log a JOIN users u ON a.actor = 'user:' || u.id
             WHERE u.email = $1"""
    house.until(lambda: house.value(ask, email) == ["sign_in_refused"])


@pytest.mark.parametrize("change", [NEW_PASSWORD, SHUT_OUT])
def test_the_old_password_gets_no_token(house, change):
    account = house.account()
    answer = while_changing(house, change, account["username"], lambda: house.anonymous.post(TOKEN, account))
    assert (answer.status, answer.json["error"]) == (401, "invalid_credentials")
    assert no_tokens(house, account)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE api_clients SET secret_sha256 = '\\x00' WHERE id = $1",
        "UPDATE api_clients SET active = false WHERE id = $1",
    ],
)
def test_the_old_secret_of_a_client_gets_no_token(house, change):
    account = house.account()
    answer = while_changing(house, change, account["client_id"], lambda: house.anonymous.post(TOKEN, account))
    assert (answer.status, answer.json["error"]) == (401, "invalid_credentials")
    assert no_tokens(house, account)


def no_tokens(house, account):
    ask = """SELECT (SELECT count(*) FROM access_tokens WHERE client_id = $1)
                  + (SELECT count(*) FROM refresh_tokens WHERE client_id = $1)"""
    return house.value(ask, account["client_id"]) == 0


def test_the_old_secret_of_a_client_renews_no_token(house):
    account = house.account()
    first = house.anonymous.post(TOKEN, account).json["refresh_token"]
    renewal = {**account, "grant_type": "refresh_token", "refresh_token": first}
    change = "UPDATE api_clients SET secret_sha256 = '\\x00' WHERE id = $1"
    answer = while_changing(house, change, account["client_id"], lambda: house.anonymous.post(TOKEN, renewal))
    assert (answer.status, answer.json["message"]) == (401, "The refresh token is invalid.")
    ask = "SELECT count(*) FROM refresh_tokens WHERE client_id = $1 AND rotated_at IS NULL"
    assert house.value(ask, account["client_id"]) == 1

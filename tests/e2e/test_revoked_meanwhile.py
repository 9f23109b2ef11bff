"""Who is shut out in the middle of what takes a while gets no further."""

from __future__ import annotations

import http.client
import secrets
import time
from types import SimpleNamespace

import anyio
import asyncpg
import pytest
from starlette.requests import Request
from tests.support.house import house as run_house
from tests.support.hubsoft import BASE, HubsoftStandIn, settings_for

from disparo.auth.permissions import Permission
from disparo.auth.tokens import digest
from disparo.db import sessions
from disparo.panel import access


@pytest.fixture(scope="module")
def there():
    with HubsoftStandIn(1, 1).running() as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def house(new_database, tmp_path_factory, there):
    settings = settings_for(there, DISPARO_SYNC_EVERY_S="0")
    folder = tmp_path_factory.mktemp("house")
    with run_house(new_database(), folder, overrides=settings, workers_count=0) as house:
        yield house


def test_a_call_to_hubsoft_whose_body_comes_after_its_token_was_revoked_does_nothing_there(house, there):
    client = house.client()
    call = http.client.HTTPConnection("127.0.0.1", house.stage.server_port, timeout=20)
    call.putrequest("POST", f"{BASE}/eco")
    call.putheader("Authorization", f"Bearer {client.token}")
    call.putheader("Content-Length", "10")
    call.endheaders(b"12345")
    time.sleep(3.0)  # a second, from when the server reads on, and its caller is looked at again
    house.fetch("UPDATE access_tokens SET revoked_at = now()")
    house.until(lambda: client.send({"id_fatura": 1}).status == 401)  # the server has heard of it
    call.send(b"67890")
    assert call.getresponse().status == 401
    time.sleep(0.5)  # for what must not happen
    assert there.bodies == []
    assert house.client().post(f"{BASE}/eco", {}).status == 200
    assert there.bodies == [b"{}"]


@pytest.mark.parametrize("cut", ["DELETE FROM panel_sessions", "UPDATE users SET permissions = '{send}'"])
def test_a_file_that_is_read_slowly_ends_where_its_reader_is_shut_out(house, cut):
    async def read():
        async with asyncpg.create_pool(house.stage.dsn, min_size=1, max_size=1) as pool:
            email, token = f"{secrets.token_hex(4)}@example.com", secrets.token_hex(8)
            user_id = await pool.fetchval(
                """INSERT INTO users (email, name, password_hash, permissions)
                   VALUES ($1, 'Ana', 'x', '{admin}') RETURNING id""",
                email,
            )
            async with pool.acquire() as connection:
                assert await sessions.add(connection, digest(token), user_id=user_id, password_hash="x")
            state = SimpleNamespace(services=SimpleNamespace(pool=pool))
            request = Request({"type": "http", "app": SimpleNamespace(state=state), "headers": []})
            person = access.Person(user_id, email, "Ana", frozenset({Permission.ADMIN}), digest(token))

            async def pieces():
                for number in range(4):
                    yield f"linha {number}\n"
                    await anyio.sleep(1.1)
                    if number == 1:
                        await pool.execute(cut)

            return [
                piece
                async for piece in access._while_admitted(pieces(), request, person, (Permission.ADMIN,))
            ]

    found = anyio.run(read)
    assert found[:2] == ["linha 0\n", "linha 1\n"]
    assert "ARQUIVO INCOMPLETO" in found[2]
    assert len(found) == 3

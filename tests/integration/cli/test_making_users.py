"""Who may do what from the first user on."""

from __future__ import annotations

import pytest

from disparo.auth.permissions import Permission

pytestmark = pytest.mark.anyio


async def permissions(connection, email):
    return await connection.fetchval("SELECT permissions FROM users WHERE email = $1", email)


async def test_the_administrator_is_made_with_every_permission(command, connection):
    status, said = command("usuario", "criar", "ana@example.com", "--tudo")
    assert (status, "Senha (mostrada só agora)" in said) == (0, True)
    assert set(await permissions(connection, "ana@example.com")) == set(Permission)
    assert command("usuario", "criar", "bia@example.com")[0] == 0
    assert await permissions(connection, "bia@example.com") == ["send"]


async def test_all_and_one_permission_are_not_both_meant(command, connection):
    status, said = command("usuario", "criar", "ana@example.com", "--tudo", "--permissao", "enviar")
    assert (status, "--tudo ou --permissao" in said) == (1, True)
    assert await permissions(connection, "ana@example.com") is None

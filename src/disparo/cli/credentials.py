"""Making a user, or all that `/oauth/token` asks for: passwords and secrets are random and shown once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from disparo.auth import enrolment
from disparo.auth.passwords import hash_password, new_password
from disparo.auth.permissions import Permission
from disparo.cli.context import actor
from disparo.db.pool import Connection
from disparo.errors import DisparoError

ALL_PERMISSIONS = tuple(str(permission) for permission in Permission)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Everything `/oauth/token` asks for."""

    client_id: int
    client_secret: str
    username: str
    password: str


async def make_user(
    connection: Connection, email: str, *, name: str, password: str, permissions: Sequence[str]
) -> None:
    """Add a user; raises DisparoError where the e-mail is taken."""
    user_id = await enrolment.add_user(
        connection,
        email=email,
        name=name,
        password_hash=hash_password(password),
        permissions=permissions,
        actor=actor(),
    )
    if user_id is None:
        raise DisparoError(f"Já existe um usuário com o e-mail {email}.")


async def make_both(connection: Connection, email: str, client_name: str) -> Credentials:
    """Make a user with every permission and a client: what a first start, or a demonstration, needs."""
    password = new_password()
    await make_user(connection, email, name="", password=password, permissions=ALL_PERMISSIONS)
    client_id, secret = await enrolment.add_client(connection, name=client_name, settings={}, actor=actor())
    return Credentials(client_id, secret, email, password)

"""Usuários: who may use the panel and the API, and what each may do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from disparo.auth import enrolment
from disparo.auth.passwords import hash_password, new_password
from disparo.auth.permissions import Permission
from disparo.db import accounts, tokens
from disparo.db.pool import Connection
from disparo.panel import fields
from disparo.panel.access import Forbidden, Person
from disparo.panel.api_clients import REVOKED
from disparo.panel.fields import Wrong
from disparo.panel.notices import done
from disparo.panel.pages import render
from disparo.panel.services import services_of
from disparo.wording import words

_PATH = "/painel/usuarios"


async def show(request: Request, person: Person) -> Response:
    """Show every user."""
    del person
    return await _shown(request)


async def _shown(
    request: Request,
    *,
    made_for: str = "",
    password: str = "",
    overtaken: int | None = None,
    ticked: Sequence[str] = (),
) -> Response:
    """Show every user; `overtaken`: the one for whom `ticked` is not kept, having been changed meanwhile."""
    async with services_of(request).pool.acquire() as connection:
        rows = await accounts.list_users(connection)
    return render(
        request,
        "usuarios.html",
        status=200 if overtaken is None else 409,
        rows=rows,
        made_for=made_for,
        password=password,
        is_shut_out=any(row["email"] == made_for and not row["active"] for row in rows),
        overtaken=overtaken,
        ticked=ticked,
    )


async def create(request: Request, person: Person) -> Response:
    """Add a user; the password is made here and shown once."""
    form = await fields.read_form(request)
    email, name = fields.text(form, "email", most=enrolment.LONGEST_EMAIL), fields.text(form, "nome")
    if not enrolment.is_email(email):
        raise Wrong("Informe um e-mail, por exemplo ana@provedor.com.br.")
    password = new_password()
    hashed = await asyncio.to_thread(hash_password, password)
    async with services_of(request).pool.acquire() as connection, connection.transaction():
        user_id = await enrolment.add_user(
            connection,
            email=email,
            name=name,
            password_hash=hashed,
            permissions=_permissions(form),
            actor=person.actor,
        )
        if user_id is None:
            raise Wrong(f"Já existe um usuário com o e-mail {email}.")
    return await _shown(request, made_for=email, password=password)


async def change(request: Request, person: Person) -> Response:
    """Change what a user may do, unless that was changed since the form was shown.

    Nobody takes the administration from themselves.
    """
    user_id, form = fields.named_id(request), await fields.read_form(request)
    permissions = _permissions(form)
    if user_id == person.user_id and Permission.ADMIN not in permissions:
        raise Wrong("Você não pode tirar de si mesmo a permissão de administrar: peça a outra pessoa.")
    seen = fields.text(form, "visto").split() if "visto" in form else None
    async with services_of(request).pool.acquire() as connection, connection.transaction():
        await _check_still_administers(connection, person)
        if user_id not in await accounts.names(connection):
            raise HTTPException(404)
        is_changed = await accounts.set_permissions(connection, user_id, permissions, instead_of=seen)
        if is_changed:
            await _audit(connection, person, "user_changed", user_id, permissions=permissions)
    if not is_changed:
        return await _shown(request, overtaken=user_id, ticked=permissions)
    return await done(request, person, "Permissões salvas: valem a partir de agora.", _PATH)


async def revoke(request: Request, person: Person) -> Response:
    """Shut a user out at once: sessions and tokens end."""
    user_id = fields.named_id(request)
    if user_id == person.user_id:
        raise Wrong("Você não pode desativar a si mesmo: peça a outra pessoa.")
    async with services_of(request).pool.acquire() as connection, connection.transaction():
        await _check_still_administers(connection, person)
        revoked = await enrolment.shut_out_user(connection, user_id, actor=person.actor)
        if revoked is None:
            raise HTTPException(404)
    return await done(request, person, f"Usuário desativado; {words.several(revoked, *REVOKED)}.", _PATH)


async def revoke_tokens(request: Request, person: Person) -> Response:
    """Revoke every token of a user at once; the user stays."""
    user_id = fields.named_id(request)
    async with services_of(request).pool.acquire() as connection, connection.transaction():
        if user_id not in await accounts.names(connection):
            raise HTTPException(404)
        revoked = await tokens.revoke(connection, user_id=user_id)
        await _audit(connection, person, "tokens_revoked", user_id)
    return await done(request, person, f"{words.several(revoked, *REVOKED)}.", _PATH)


async def restore(request: Request, person: Person) -> Response:
    """Let a user in again."""
    async with services_of(request).pool.acquire() as connection, connection.transaction():
        if not await accounts.set_active(connection, fields.named_id(request), active=True):
            raise HTTPException(404)
        await _audit(connection, person, "user_restored", fields.named_id(request))
    return await done(request, person, "Usuário reativado.", _PATH)


async def renew_password(request: Request, person: Person) -> Response:
    """Make a new password, shown once; the user's panel sessions end, tokens stay alive."""
    user_id, password = fields.named_id(request), new_password()
    hashed = await asyncio.to_thread(hash_password, password)
    async with services_of(request).pool.acquire() as connection, connection.transaction():
        rows = {row["id"]: row["email"] for row in await accounts.list_users(connection)}
        if user_id not in rows:
            raise HTTPException(404)
        await accounts.set_password(connection, rows[user_id], hashed)
        await _audit(connection, person, "password_changed", user_id)
    return await _shown(request, made_for=rows[user_id], password=password)


async def _check_still_administers(connection: Connection, person: Person) -> None:
    """Keep two who take it from each other at one moment from leaving nobody: of them the first does."""
    if person.user_id not in await accounts.lock_administrators(connection):
        raise Forbidden(Permission.ADMIN)


async def _audit(
    connection: Connection, person: Person, action: str, user_id: int, **more: Sequence[str]
) -> None:
    await accounts.audit(connection, actor=person.actor, action=action, detail={"user": user_id, **more})


def _permissions(form: FormData) -> list[str]:
    given = form.getlist("permissao")
    return [str(permission) for permission in Permission if permission in given]

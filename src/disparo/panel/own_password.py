"""Minha senha: whoever is signed in takes another one, which ends their other sessions."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from disparo.auth.passwords import LONGEST_OWN, SHORTEST_OWN, hash_password
from disparo.auth.tokens import digest
from disparo.db import accounts, tokens
from disparo.panel import access, fields
from disparo.panel.access import Person, SignInNeeded
from disparo.panel.notices import done
from disparo.panel.pages import render
from disparo.panel.services import services_of
from disparo.panel.sign_in import check_password

_DONE = "Senha trocada. Em outros navegadores em que você estava no painel é preciso entrar de novo."
_TOKENS_LIVE = (
    " Os tokens da API já emitidos com o seu usuário continuam valendo: se a senha vazou, peça a quem "
    "administra o Disparo que os revogue."
)


async def show(request: Request, person: Person) -> Response:
    """Show the form."""
    del person
    return _page(request)


async def change(request: Request, person: Person) -> Response:
    """Store another password, and go on in a session of its own; raises TooMany, SignInNeeded."""
    form = await fields.read_form(request)
    old, new = _typed(form, "senha_atual"), _typed(form, "senha_nova")
    row, is_right = await check_password(request, person.email, old)
    if row is None:
        raise SignInNeeded
    async with services_of(request).pool.acquire() as connection:
        if not is_right:
            await accounts.audit(connection, actor=person.actor, action="sign_in_refused")
            return _page(request, "A senha atual não confere. Nada foi alterado.")
    if wrong := _wrong(old, new, _typed(form, "senha_repetida")):
        return _page(request, wrong)
    hashed = await asyncio.to_thread(hash_password, new)
    async with services_of(request).pool.acquire() as connection, connection.transaction():
        if not await accounts.replace_password(connection, row["id"], row["password_hash"], hashed):
            raise SignInNeeded
        await accounts.audit(
            connection, actor=person.actor, action="password_changed", detail={"user": person.user_id}
        )
        has_tokens = await tokens.has_live(connection, user_id=person.user_id)
    token = await access.begin(request, {"id": row["id"], "password_hash": hashed})
    if token is None:
        raise SignInNeeded
    onward = replace(person, token_sha256=digest(token))
    answer = await done(request, onward, _DONE + (_TOKENS_LIVE if has_tokens else ""), "/painel")
    access.set_cookie(request, answer, token)
    return answer


def _typed(form: FormData, name: str) -> str:
    """Give a password as it was typed."""
    given = form.get(name)
    return given if isinstance(given, str) else ""


def _wrong(old: str, new: str, again: str) -> str | None:
    if not SHORTEST_OWN <= len(new) <= LONGEST_OWN:
        return f"A senha nova deve ter de {SHORTEST_OWN} a {LONGEST_OWN} caracteres. Nada foi alterado."
    if new != again:
        return "As duas senhas novas não são iguais. Nada foi alterado."
    if new == old:
        return "A senha nova é igual à atual. Nada foi alterado."
    return None


def _page(request: Request, wrong: str | None = None) -> Response:
    return render(request, "senha.html", status=422 if wrong else 200, wrong=wrong, shortest=SHORTEST_OWN)

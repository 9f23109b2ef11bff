"""API e tokens: programs that call the API, and the tokens that are alive."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from disparo.auth import enrolment
from disparo.db import accounts, tokens
from disparo.domain.windows import Purpose
from disparo.panel import fields
from disparo.panel.access import Person
from disparo.panel.fields import Wrong
from disparo.panel.notices import done
from disparo.panel.pages import render
from disparo.panel.services import services_of
from disparo.wording import words

_PATH = "/painel/clientes-api"
#: By due date goes what a bulk run sends, never a single call.
_PURPOSES = {purpose.value: words.PURPOSE[purpose] for purpose in Purpose}
_CODES = {"rest": "422 (recomendado)", "hubsoft": "200, como o HubSoft"}
REVOKED = ("token revogado", "tokens revogados")
#: Tokens on the page.
_SHOWN = 100


async def show(request: Request, person: Person) -> Response:
    """Show clients and live tokens."""
    del person
    return await _shown(request)


async def _shown(request: Request, *, made: int | None = None, secret: str = "") -> Response:
    async with services_of(request).pool.acquire() as connection:
        clients = await accounts.list_clients(connection)
        live = await tokens.list_live(connection, limit=_SHOWN)
        live_count = await tokens.count_live(connection)
    return render(
        request,
        "clientes_api.html",
        clients=clients,
        tokens=live,
        live_count=live_count,
        made=made,
        secret=secret,
        codes=_CODES,
        purposes=_PURPOSES,
    )


async def create(request: Request, person: Person) -> Response:
    """Add a client; its secret is shown once."""
    form = await fields.read_form(request)
    name = fields.text(form, "nome")
    if not name:
        raise Wrong("Dê um nome ao programa, por exemplo “robô do WhatsApp”.")
    window = fields.text(form, "janela") or "0"
    window_s = fields.id_of(window) or 0
    if not window_s and window.strip("0"):
        raise Wrong("A janela de repetição é um número de segundos, por exemplo 60.")
    if window_s > enrolment.LONGEST_REPEAT_WINDOW_S:
        raise Wrong(f"A janela de repetição vai até {enrolment.LONGEST_REPEAT_WINDOW_S} segundos (um dia).")
    settings = {
        "error_codes": fields.choice(form, "codigos", _CODES) or "rest",
        "purpose": fields.choice(form, "finalidade", _PURPOSES) or "requested",
        "repeat_window_s": window_s,
    }
    async with services_of(request).pool.acquire() as connection, connection.transaction():
        client_id, secret = await enrolment.add_client(
            connection, name=name, settings=settings, actor=person.actor
        )
    return await _shown(request, made=client_id, secret=secret)


async def renew_secret(request: Request, person: Person) -> Response:
    """Make a new secret, shown once; tokens that were issued stay alive."""
    client_id = _id(request)
    async with services_of(request).pool.acquire() as connection, connection.transaction():
        secret = await enrolment.renew_secret(connection, client_id, actor=person.actor)
        if secret is None:
            raise HTTPException(404)
    return await _shown(request, made=client_id, secret=secret)


async def revoke(request: Request, person: Person) -> Response:
    """Shut a client out at once, with every token of its."""
    client_id = _id(request)
    async with services_of(request).pool.acquire() as connection, connection.transaction():
        revoked = await enrolment.shut_out_client(connection, client_id, actor=person.actor)
        if revoked is None:
            raise HTTPException(404)
    return await done(request, person, f"Cliente desativado; {words.several(revoked, *REVOKED)}.", _PATH)


async def revoke_tokens(request: Request, person: Person) -> Response:
    """Revoke every token of a client at once; the client stays."""
    client_id = _id(request)
    async with services_of(request).pool.acquire() as connection, connection.transaction():
        if not await accounts.has_client(connection, client_id):
            raise HTTPException(404)
        revoked = await tokens.revoke(connection, client_id=client_id)
        await accounts.audit(
            connection, actor=person.actor, action="tokens_revoked", detail={"client": client_id}
        )
    return await done(request, person, f"{words.several(revoked, *REVOKED)}.", _PATH)


async def revoke_token(request: Request, person: Person) -> Response:
    """Revoke one token at once, in every process."""
    jti = fields.named_uuid(request, "jti")
    async with services_of(request).pool.acquire() as connection, connection.transaction():
        revoked = await tokens.revoke(connection, jti=jti)
        await accounts.audit(
            connection, actor=person.actor, action="tokens_revoked", detail={"jti": str(jti)}
        )
    return await done(request, person, f"{words.several(revoked, *REVOKED)}.", _PATH)


def _id(request: Request) -> int:
    return fields.named_id(request, most=enrolment.LARGEST_CLIENT_ID)

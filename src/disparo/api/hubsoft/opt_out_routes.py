"""Routes of the numbers that want no SMS: listed, entered, struck off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse

from disparo.api.access import ApiCaller, require
from disparo.api.bodies import read_call, read_fields
from disparo.api.errors import Refusal, may_be_done
from disparo.api.heads import WithHead
from disparo.api.hubsoft import mapping, schemas
from disparo.api.hubsoft.paging import Page, PerPage, pagination, read_page
from disparo.api.schemas import COMMON, REPEATABLE, WITH_BODY
from disparo.api.services import services_of
from disparo.auth.permissions import Permission
from disparo.db import opt_outs
from disparo.domain.phone import InvalidPhone, Phone, parse_phone

router = APIRouter(prefix=mapping.BASE, route_class=WithHead)

Sender = Annotated[ApiCaller, Depends(require(Permission.SEND))]
Remover = Annotated[ApiCaller, Depends(require(Permission.REMOVE_OPT_OUT))]


@router.get(
    "/sms/descadastro", tags=["Descadastro"], responses={**COMMON, **schemas.success(schemas.OptOutList)}
)
async def list_opt_outs(
    request: Request,
    caller: Sender,
    telefone: Annotated[str | None, Query(description="Só este número")] = None,
    pagina: Page = None,
    itens_por_pagina: PerPage = None,
) -> JSONResponse:
    """Lista os números que pediram para não receber SMS."""
    del caller, pagina, itens_por_pagina
    services = services_of(request)
    zone = services.settings.zone
    page, per_page = read_page(request.query_params, default=50)
    e164 = _mobile(telefone).e164 if telefone else None
    async with services.pool.acquire() as connection:
        rows = await opt_outs.list_page(connection, e164=e164, limit=per_page, offset=page * per_page)
        total = await opt_outs.count(connection, e164=e164)
    items = [
        {
            "telefone": row["e164"].removeprefix("+55"),
            "motivo": {"asked": "pedido", "platform": "plataforma", "inbound": "resposta"}[row["reason"]],
            "descadastrado_em": mapping.when(row["created_at"], zone),
        }
        for row in rows
    ]
    return JSONResponse(
        {
            "status": "success",
            "msg": "Dados consultados com sucesso",
            "descadastros": items,
            "paginacao": pagination(page, per_page, total),
        }
    )


@router.post(
    "/sms/descadastro",
    tags=["Descadastro"],
    responses={**WITH_BODY, **REPEATABLE, **schemas.success(schemas.Done)},
    openapi_extra=schemas.PHONE_BODY,
)
async def add_opt_out(request: Request, caller: Sender) -> JSONResponse:
    """Descadastra um número: nenhum SMS vai mais para ele, nem como telefone adicional."""
    services = services_of(request)
    phone = _mobile(_phone_in(await read_call(request, services.settings.body_limit_bytes)))
    async with may_be_done(), services.pool.acquire() as connection, connection.transaction():
        new = await opt_outs.add_asked(connection, phone.e164, actor=caller.actor)
    return JSONResponse(
        {
            "status": "success",
            "msg": "Telefone descadastrado" if new else "O telefone já estava descadastrado",
        }
    )


@router.delete(
    "/sms/descadastro",
    tags=["Descadastro"],
    responses={**WITH_BODY, **REPEATABLE, **schemas.success(schemas.Done)},
    openapi_extra=schemas.OPTIONAL_PHONE_BODY,
)
async def remove_opt_out(
    request: Request,
    caller: Remover,
    telefone: Annotated[str | None, Query(description="O número, se não vem no corpo")] = None,
) -> JSONResponse:
    """Volta a permitir SMS para um número, dado no endereço ou no corpo; nos dois, o mesmo."""
    services = services_of(request)
    in_body = _phone_in(await read_fields(request, services.settings.body_limit_bytes))
    phone = _mobile(telefone or in_body)
    if in_body is not None and _mobile(in_body).e164 != phone.e164:
        raise Refusal("O telefone no endereço e o telefone no corpo são diferentes")
    async with may_be_done(), services.pool.acquire() as connection, connection.transaction():
        found = await opt_outs.remove_asked(connection, phone.e164, actor=caller.actor)
    if not found:
        raise Refusal("O telefone não estava descadastrado")
    return JSONResponse({"status": "success", "msg": "O telefone volta a receber SMS"})


def _phone_in(fields: Mapping[str, Any]) -> str | None:
    """Give a call's `telefone` as written, None without one; raises Refusal if neither text nor number."""
    value = fields.get("telefone")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _not_a_phone()
    return str(value)


def _mobile(text: str | None) -> Phone:
    if not text:
        raise Refusal("Favor preencher o atributo (telefone)")
    try:
        return parse_phone(text)
    except InvalidPhone:
        raise _not_a_phone() from None


def _not_a_phone() -> Refusal:
    return Refusal("O telefone não é válido: use o formato DDNNNNNNNN ou DDNNNNNNNNN")

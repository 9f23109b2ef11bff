"""The compatible routes: enviar_sms, and our own beside it."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import JSONResponse, Response

from disparo.api.access import ApiCaller, require
from disparo.api.bodies import read_fields
from disparo.api.errors import Refusal, may_be_done
from disparo.api.heads import WithHead
from disparo.api.hubsoft import bulk_mapping, mapping, reading, schemas
from disparo.api.hubsoft.lookup_reading import read_period
from disparo.api.hubsoft.sending import answer_send
from disparo.api.schemas import COMMON, REPEATABLE, WITH_BODY
from disparo.api.services import Services, services_of
from disparo.auth.permissions import Permission
from disparo.db import accounts, bulk_runs, dispatches, opt_outs
from disparo.dispatch import bulk_control, cancel
from disparo.domain.phone import InvalidPhone, Phone, masked, parse_phone

router = APIRouter(prefix=mapping.BASE, route_class=WithHead)

Sender = Annotated[ApiCaller, Depends(require(Permission.SEND))]
Canceller = Annotated[ApiCaller, Depends(require(Permission.CANCEL))]
Remover = Annotated[ApiCaller, Depends(require(Permission.REMOVE_OPT_OUT))]
Page = Annotated[str | None, Query(description="Página, a partir de 0")]
PerPage = Annotated[str | None, Query(description="Itens por página, de 1 a 500")]


@router.post(
    "/cliente/financeiro/enviar_sms",
    tags=["Financeiro"],
    responses=schemas.SEND_RESPONSES,
    openapi_extra=schemas.SEND_BODY,
)
async def send_sms(
    request: Request,
    caller: Sender,
    idempotency_key: Annotated[str | None, Header(description="Repetir a chamada sem enviar de novo")] = None,
) -> Response:
    """Agenda o envio de uma fatura por SMS aos telefones do cadastro e aos adicionais."""
    return await answer_send(request, services_of(request), caller, idempotency_key)


@router.get(
    "/disparo/{dispatch_id}",
    tags=["Disparos"],
    responses={**COMMON, **schemas.success(schemas.DispatchAnswer)},
)
async def show_dispatch(
    request: Request, caller: Sender, dispatch_id: str, pagina: Page = None, itens_por_pagina: PerPage = None
) -> JSONResponse:
    """Mostra um disparo e o destino de cada mensagem."""
    del caller, pagina, itens_por_pagina  # declared for the document; read leniently below
    services = services_of(request)
    page, per_page = reading.read_page(request.query_params, default=500, most=500)
    wanted = reading.read_dispatch_id(dispatch_id)
    async with services.pool.acquire() as connection:
        row = await dispatches.read(connection, wanted)
        if row is None:
            raise reading.no_such_dispatch(dispatch_id)
        messages = await dispatches.read_messages(connection, wanted, limit=per_page, offset=page * per_page)
        run = await bulk_runs.read(connection, wanted) if row["kind"] == "bulk" else None
    zone = services.settings.zone
    answer = mapping.dispatch_answer(row, messages, page=page, per_page=per_page, zone=zone)
    if run is not None:
        answer["disparo"]["lote"] = bulk_mapping.run_block(run)
    return JSONResponse(answer)


@router.get("/disparo", tags=["Disparos"], responses={**COMMON, **schemas.success(schemas.DispatchList)})
async def list_dispatches(
    request: Request,
    caller: Sender,
    pagina: Page = None,
    itens_por_pagina: PerPage = None,
    status: Annotated[str | None, Query(description="Só disparos com mensagens nesta situação")] = None,
    data_inicio: Annotated[str | None, Query(description="AAAA-MM-DD")] = None,
    data_fim: Annotated[str | None, Query(description="AAAA-MM-DD, inclusive")] = None,
) -> JSONResponse:
    """Lista os disparos, do mais novo ao mais antigo."""
    del caller, pagina, itens_por_pagina, status, data_inicio, data_fim
    services = services_of(request)
    query, zone = request.query_params, services.settings.zone
    page, per_page = reading.read_page(query, default=50, most=500)
    first, last = read_period(query)
    wanted = reading.read_status(query)
    since = None if first is None else datetime.combine(first, time(), zone)
    until = None if last is None else datetime.combine(last + timedelta(days=1), time(), zone)
    async with services.pool.acquire() as connection:
        rows = await dispatches.list_page(
            connection, status=wanted, since=since, until=until, limit=per_page, offset=page * per_page
        )
        total = await dispatches.count(connection, status=wanted, since=since, until=until)
    return JSONResponse(
        {
            "status": "success",
            "msg": "Dados consultados com sucesso",
            "disparos": [mapping.dispatch_summary(row, zone) for row in rows],
            "paginacao": mapping.pagination(page, per_page, total),
        }
    )


@router.post(
    "/disparo/{dispatch_id}/cancelar",
    tags=["Disparos"],
    responses={**COMMON, **REPEATABLE, **schemas.success(schemas.CancelAnswer)},
)
async def cancel_dispatch(request: Request, caller: Canceller, dispatch_id: str) -> JSONResponse:
    """Cancela o que ainda não foi entregue à plataforma; diz quanto já tinha ido."""
    services = services_of(request)
    wanted = reading.read_dispatch_id(dispatch_id)
    async with may_be_done():
        result = await bulk_control.cancel_run(services.pool, wanted, actor=caller.actor)
        if result is None:
            async with services.pool.acquire() as connection, connection.transaction():
                result = await cancel.cancel_dispatch(connection, wanted, actor=caller.actor)
    if result is None:
        raise reading.no_such_dispatch(dispatch_id)
    msg = f"{result.cancelled} mensagem(ns) cancelada(s); {result.gone} já tinha(m) sido enviada(s)"
    return JSONResponse(
        {"status": "success", "msg": msg, "canceladas": result.cancelled, "ja_entregues": result.gone}
    )


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
    page, per_page = reading.read_page(request.query_params, default=50, most=500)
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
            "paginacao": mapping.pagination(page, per_page, total),
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
    phone = _mobile(await _phone_in_body(request, services))
    async with may_be_done(), services.pool.acquire() as connection, connection.transaction():
        new = await opt_outs.add(connection, phone.e164, reason="asked", actor=caller.actor)
        if new:
            await accounts.audit(
                connection, actor=caller.actor, action="opt_out_added", detail={"number": masked(phone.e164)}
            )
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
    in_body = await _phone_in_body(request, services)
    phone = _mobile(telefone or in_body)
    if in_body is not None and _mobile(in_body).e164 != phone.e164:
        raise Refusal("O telefone no endereço e o telefone no corpo são diferentes")
    async with may_be_done(), services.pool.acquire() as connection, connection.transaction():
        found = await opt_outs.remove(connection, phone.e164)
        if found:
            await accounts.audit(
                connection,
                actor=caller.actor,
                action="opt_out_removed",
                detail={"number": masked(phone.e164)},
            )
    if not found:
        raise Refusal("O telefone não estava descadastrado")
    return JSONResponse({"status": "success", "msg": "O telefone volta a receber SMS"})


async def _phone_in_body(request: Request, services: Services) -> str | None:
    """The body's `telefone` as written, None without one; raises Refusal if neither text nor number."""
    value = (await read_fields(request, services.settings.body_limit_bytes)).get("telefone")
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

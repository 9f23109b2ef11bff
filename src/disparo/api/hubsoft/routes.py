"""The compatible route, enviar_sms, and those that follow what it began."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import JSONResponse, Response

from disparo.api.access import ApiCaller, require
from disparo.api.errors import may_be_done
from disparo.api.heads import WithHead
from disparo.api.hubsoft import bulk_mapping, mapping, reading, schemas
from disparo.api.hubsoft.lookup_reading import read_period
from disparo.api.hubsoft.paging import Page, PerPage, pagination, read_page, total_at_end
from disparo.api.hubsoft.sending import answer_send
from disparo.api.hubsoft.words import STATUS_OF_WORD
from disparo.api.schemas import COMMON, REPEATABLE
from disparo.api.services import services_of
from disparo.auth.permissions import Permission
from disparo.db import bulk_runs, dispatch_lists, dispatches
from disparo.dispatch import bulk_control, cancel
from disparo.wording.words import UNLISTED

router = APIRouter(prefix=mapping.BASE, route_class=WithHead)

Sender = Annotated[ApiCaller, Depends(require(Permission.SEND))]
_WITH_STATUS = (
    f"Só disparos com mensagens nesta situação: {', '.join(STATUS_OF_WORD)}. Havendo muitos, informe "
    "também data_inicio e data_fim: são lidas as mensagens do período"
)
Canceller = Annotated[ApiCaller, Depends(require(Permission.CANCEL))]


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
    page, per_page = read_page(request.query_params, default=500)
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
    status: Annotated[str | None, Query(description=_WITH_STATUS)] = None,
    data_inicio: Annotated[str | None, Query(description="AAAA-MM-DD")] = None,
    data_fim: Annotated[str | None, Query(description="AAAA-MM-DD, inclusive")] = None,
) -> JSONResponse:
    """Lista os disparos, do mais novo ao mais antigo."""
    del caller, pagina, itens_por_pagina, status, data_inicio, data_fim
    services = services_of(request)
    query, zone = request.query_params, services.settings.zone
    page, per_page = read_page(query, default=50)
    first, last = read_period(query)
    wanted = dispatch_lists.Wanted(
        status=reading.read_status(query),
        since=None if first is None else datetime.combine(first, time(), zone),
        until=None if last is None else datetime.combine(last + timedelta(days=1), time(), zone),
    )
    async with services.pool.acquire() as connection:
        total = None if wanted.status is None else await dispatch_lists.count(connection, wanted)
        rows = await dispatch_lists.page(
            connection, wanted, total=total, limit=per_page, offset=page * per_page
        )
        if total is None:
            total = total_at_end(page, per_page, len(rows))
        if total is None:
            total = await dispatch_lists.count(connection, wanted)
    return JSONResponse(
        {
            "status": "success",
            "msg": "Dados consultados com sucesso",
            "disparos": [mapping.dispatch_summary(row, zone) for row in rows],
            "paginacao": pagination(page, per_page, total),
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
    if result.is_unlisted:
        msg += f". {UNLISTED}"
    return JSONResponse(
        {"status": "success", "msg": msg, "canceladas": result.cancelled, "ja_entregues": result.gone}
    )

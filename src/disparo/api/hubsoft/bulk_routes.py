"""Bulk runs over HTTP: started, simulated, paused, resumed. Shown and cancelled as any dispatch is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse, Response

from disparo.api.access import ApiCaller, require
from disparo.api.bodies import read_call
from disparo.api.errors import Refusal, may_be_done
from disparo.api.hubsoft import bulk_mapping, bulk_schemas, mapping, reading, schemas
from disparo.api.schemas import COMMON, REPEATABLE
from disparo.api.services import services_of
from disparo.auth.permissions import Permission
from disparo.db.idempotency import Key
from disparo.dispatch import bulk_control
from disparo.dispatch.bulk import MOST_IDS, KeyReused, NoPlatform, NothingMeant, RunOrder, accept_run
from disparo.dispatch.bulk_control import NotPossible
from disparo.dispatch.bulk_simulate import simulate_run
from disparo.dispatch.from_settings import accept_settings_of, offers_of, rules_of

router = APIRouter(prefix=mapping.BASE)

_ROUTE = "lote"
_OTHERS = 100  # fields of a form beside its invoices
_ChangeRun = Callable[..., Awaitable[bool]]
BulkSender = Annotated[ApiCaller, Depends(require(Permission.SEND_BULK))]


@router.post(
    "/disparo/lote",
    tags=["Disparos"],
    responses=bulk_schemas.BULK_RESPONSES,
    openapi_extra=bulk_schemas.BULK_BODY,
)
async def start_bulk(
    request: Request,
    caller: BulkSender,
    idempotency_key: Annotated[str | None, Header(description="Repetir a chamada sem enviar de novo")] = None,
) -> Response:
    """Agenda o envio de muitas faturas, por números ou por vencimento; `simular`: só mostra quanto seria."""
    services = services_of(request)
    settings = services.settings
    fields = await read_call(
        request, settings.bulk_body_limit_bytes, repeated=("ids_fatura",), most_fields=MOST_IDS + _OTHERS
    )
    key = reading.read_key(idempotency_key)
    wanted = bulk_mapping.read_bulk(fields, today=datetime.now(UTC).astimezone(settings.zone).date())
    if wanted.simulate:
        if wanted.selection.is_empty:
            raise bulk_mapping.nothing_meant()
        async with services.turns.simulations.taken():
            found = await simulate_run(
                services.pool, wanted.selection, offers_of(settings), rules_of(settings)
            )
        return JSONResponse(bulk_mapping.simulation_answer(found, settings.zone))
    order = RunOrder(wanted.selection, caller.actor, client_id=caller.client_id, user_id=caller.user_id)
    try:
        answer = await accept_run(
            services.pool,
            order,
            accept_settings_of(settings),
            key=None if key is None else Key(caller.client_id, caller.user_id, _ROUTE, key, wanted.digest),
            render=lambda stored: bulk_mapping.accepted_answer(stored, settings.zone),
        )
    except KeyReused:
        raise Refusal("Esta Idempotency-Key já foi usada com outra requisição") from None
    except NoPlatform:
        raise Refusal("Nenhuma plataforma de SMS configurada") from None
    except NothingMeant:
        raise bulk_mapping.nothing_meant() from None
    headers = {"Idempotent-Replayed": "true"} if answer.replayed else None
    return Response(answer.response, media_type="application/json", headers=headers)


@router.post(
    "/disparo/{dispatch_id}/pausar",
    tags=["Disparos"],
    responses={**COMMON, **REPEATABLE, **schemas.success(schemas.Done)},
)
async def pause(request: Request, caller: BulkSender, dispatch_id: str) -> JSONResponse:
    """Pausa um disparo em lote: nada mais é enviado até que seja retomado."""
    return await _change(request, caller, dispatch_id, bulk_control.pause_run, "Disparo pausado")


@router.post(
    "/disparo/{dispatch_id}/retomar",
    tags=["Disparos"],
    responses={**COMMON, **REPEATABLE, **schemas.success(schemas.Done)},
)
async def resume(request: Request, caller: BulkSender, dispatch_id: str) -> JSONResponse:
    """Retoma um disparo em lote pausado."""
    return await _change(request, caller, dispatch_id, bulk_control.resume_run, "Disparo retomado")


async def _change(
    request: Request, caller: ApiCaller, dispatch_id: str, change: _ChangeRun, done: str
) -> JSONResponse:
    wanted = reading.read_dispatch_id(dispatch_id)
    try:
        async with may_be_done():
            found = await change(services_of(request).pool, wanted, actor=caller.actor)
    except NotPossible as error:
        raise bulk_mapping.not_possible(error) from None
    if not found:
        raise bulk_mapping.no_such_run(dispatch_id)
    return JSONResponse({"status": "success", "msg": done})

"""The routes of health and figures: /saude, /saude/vivo, /metrics."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from disparo.api import full_disk, gauges
from disparo.api.access import may_read_metrics
from disparo.api.errors import Failure
from disparo.api.heads import WithHead
from disparo.api.services import Services, services_of
from disparo.db.migrate import HEAD, current_version
from disparo.db.pool import TRANSIENT, is_read_only
from disparo.dispatch import figures

router = APIRouter(route_class=WithHead)

_PATIENCE_S = 2.0
_Check = dict[str, Any]
_FULL_DISK: _Check = {
    "ok": False,
    "motivo": "o disco do banco de dados está cheio: nada é aceito até haver espaço",
}
_READ_ONLY: _Check = {
    "ok": False,
    "motivo": "o banco de dados só pode ser lido (uma réplica, ou alguém o fechou): nada é aceito",
}
_UNKNOWN: _Check = {"ok": False, "motivo": "o banco de dados não responde"}
#: Looks that are under way: a task that nobody holds may vanish.
_LOOKING: set[asyncio.Task[None]] = set()
_TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"


# Some monitors ask with HEAD.
@router.get(
    "/saude",
    tags=["Operação"],
    responses={200: {"description": "Pronto"}, 503: {"description": "Vivo, mas não pronto: diz o que falta"}},
)
async def health(request: Request) -> JSONResponse:
    """Diz se o serviço está vivo e pronto: banco de dados, migrações, workers."""
    checks = await _checks(services_of(request))
    if checks["banco_de_dados"]["ok"] and full_disk.is_so(request):
        checks["banco_de_dados"] = _FULL_DISK
    ready = all(check["ok"] for check in checks.values())
    return JSONResponse(
        {"vivo": True, "pronto": ready, "verificacoes": checks}, status_code=200 if ready else 503
    )


@router.get("/saude/vivo", tags=["Operação"], responses={200: {"description": "Vivo"}})
async def alive() -> JSONResponse:
    """Diz só que este processo responde: para quem o reinicia quando não responde."""
    return JSONResponse({"vivo": True})


async def _checks(services: Services) -> dict[str, _Check]:
    """Look for two seconds. What a frozen database keeps from ending is not waited for, nor is its end."""
    checks = {"banco_de_dados": _UNKNOWN, "migracoes": _UNKNOWN, "workers": _UNKNOWN}
    looking = asyncio.create_task(_look(services, checks))
    _LOOKING.add(looking)
    looking.add_done_callback(_LOOKING.discard)
    await asyncio.wait({looking}, timeout=_PATIENCE_S)
    found = dict(checks)
    if not looking.done():
        looking.cancel()
        found["banco_de_dados"] = _UNKNOWN
    return found


async def _look(services: Services, checks: dict[str, _Check]) -> None:
    try:
        async with services.quick.acquire() as connection:
            version = await current_version(connection)
            database: _Check = _READ_ONLY if is_read_only(connection) else {"ok": True}
        checks |= {"banco_de_dados": database, "migracoes": _migrations(version)}
        beating = await services.heartbeats.beating()
        checks["workers"] = {"ok": beating > 0, "batendo": beating}
    except TRANSIENT:
        checks["banco_de_dados"] = _UNKNOWN


def _migrations(version: str | None) -> _Check:
    if version == HEAD:
        return {"ok": True, "revisao": version}
    why = f"o banco está na revisão {version} e este programa precisa da {HEAD}: reinicie o serviço"
    return {"ok": False, "revisao": version, "motivo": why}


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Give Prometheus its text; closed to addresses and tokens that are not in the settings."""
    services = services_of(request)
    if not may_read_metrics(request, services.settings):
        raise Failure(403, "Métricas fechadas a este endereço: veja metrics_networks e metrics_token")
    await figures.fold(services.pool)
    return Response(await gauges.page(services), media_type=_TEXT_FORMAT)

"""Is the service alive and ready, and its figures."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from disparo.api.services import services_of
from disparo.db import figures
from disparo.db.pool import TRANSIENT

router = APIRouter()


@router.get(
    "/saude",
    tags=["Operação"],
    responses={200: {"description": "Pronto"}, 503: {"description": "O banco de dados não responde"}},
)
async def health(request: Request) -> JSONResponse:
    """Diz se o serviço está vivo e pronto (o banco de dados responde)."""
    try:
        async with asyncio.timeout(2), services_of(request).pool.acquire() as connection:
            await connection.fetchval("SELECT 1")
    except TRANSIENT:
        return JSONResponse({"vivo": True, "pronto": False}, status_code=503)
    return JSONResponse({"vivo": True, "pronto": True})


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Give Prometheus its text."""
    services = services_of(request)
    async with services.pool.acquire() as connection:
        services.metrics.workers.set(await figures.count_workers(connection))
        for status, count in (await figures.count_open(connection)).items():
            services.metrics.messages.labels(status=status).set(count)
    return Response(services.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

"""Where platforms tell us what became of messages."""

from __future__ import annotations

import hmac

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

from disparo.api.bodies import read_raw
from disparo.api.errors import NO_SUCH_ROUTE, Failure
from disparo.api.services import services_of
from disparo.platforms.base import WebhookRejected, WebhookRequest

router = APIRouter()
log = structlog.get_logger(__name__)

_BODY_LIMIT = 1_048_576


@router.api_route("/webhook/{platform}/{secret}", methods=["GET", "HEAD", "POST"], include_in_schema=False)
async def receive(request: Request, platform: str, secret: str) -> PlainTextResponse:
    """Take receipts: 200 means they are stored. A wrong secret looks like a wrong address."""
    services = services_of(request)
    expected = services.webhook_secrets.get(platform, "")
    if not expected or not hmac.compare_digest(secret.encode("utf-8", "replace"), expected.encode()):
        raise Failure(404, NO_SUCH_ROUTE)
    body = await read_raw(request, _BODY_LIMIT)
    if request.method == "HEAD" or (request.method == "GET" and not request.query_params):
        return PlainTextResponse("OK")  # a platform that checks the address before it uses it
    call = WebhookRequest(request.method, dict(request.headers), dict(request.query_params), body)
    try:
        new = await services.intake.take(platform, call)
    except WebhookRejected as rejected:
        log.warning("webhook_rejected", platform=platform, why=str(rejected))
        raise Failure(400, "Confirmação de entrega não reconhecida") from None
    services.metrics.receipts.labels(platform=platform).inc(new)
    return PlainTextResponse(services.intake.reply_of(platform))

"""The webhooks: platforms bring receipts, and texts that customers sent."""

from __future__ import annotations

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.routing import Route

from disparo.api.access import address_of
from disparo.api.bodies import is_compressed, read_raw
from disparo.api.errors import NO_SUCH_ROUTE, Failure
from disparo.api.services import Services, services_of
from disparo.platforms.base import WebhookForged, WebhookRejected, WebhookRequest
from disparo.platforms.forms import read_urlencoded

router = APIRouter()
log = structlog.get_logger(__name__)

_BODY_LIMIT = 1_048_576
_NOT_KNOWN = "Confirmação de entrega não reconhecida"


async def receive(request: Request) -> Response:
    """Take what a platform says: 200 means it is stored. Who is not the platform finds no such address."""
    request.scope["route"] = _ROUTE  # under which name it is counted
    services = services_of(request)
    name, secret = request.path_params["platform"], request.path_params["secret"]
    door = services.doors.get(name)
    if door is None or not door.opens_to(secret, address_of(request)):
        raise Failure(404, NO_SUCH_ROUTE)
    platform = services.platforms[name]
    if is_compressed(request.headers.get("content-encoding", "")):
        log.warning("webhook_rejected", platform=name, why="its body is compressed")
        raise Failure(415, "Envie o corpo da requisição sem compressão")
    body = await read_raw(request, _BODY_LIMIT)
    try:
        query = read_urlencoded(request.scope["query_string"])
    except ValueError:
        raise Failure(400, _NOT_KNOWN) from None
    if request.method == "HEAD" or not (query or body.strip()):
        return _answer("OK")  # a platform that checks the address before it uses it
    call = WebhookRequest(
        request.method,
        dict(request.headers),
        query,
        body,
        _address_they_know(request, services),
    )
    try:
        heard = await services.intake.take(platform, call)
    except WebhookForged as forged:
        log.warning("webhook_forged", platform=name, why=str(forged))
        raise Failure(404, NO_SUCH_ROUTE) from None
    except WebhookRejected as rejected:
        log.warning("webhook_rejected", platform=name, why=str(rejected))
        raise Failure(400, _NOT_KNOWN) from None
    if not heard.receipts and not heard.texts:
        log.info("webhook_told_nothing", platform=name)
    return _answer(platform.capabilities.receipt_reply)


def door_of(path: str) -> dict[str, str] | None:
    """Read platform and secret from the path of a webhook, for `express`; None where it is none."""
    match path.split("/"):
        case ["", "webhook", platform, secret] if platform and secret:
            return {"platform": platform, "secret": secret}
    return None


def _address_they_know(request: Request, services: Services) -> str:
    """Give the address as it was told to the platform: some sign it."""
    raw_path: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    query = request.scope["query_string"]
    told = services.settings.public_url or f"{request.scope['scheme']}://{request.headers.get('host', '')}"
    return told.rstrip("/") + raw_path.decode("latin-1") + ("?" + query.decode("latin-1") if query else "")


def _answer(reply: str) -> Response:
    kind = "application/xml" if reply.startswith("<") else "text/plain"
    return Response(reply, media_type=kind)


# A plain route: a thousand receipts a second need no parameters read from a signature.
_ROUTE = Route(
    "/webhook/{platform}/{secret}", receive, methods=["GET", "HEAD", "POST"], include_in_schema=False
)
router.routes.append(_ROUTE)

"""The simulator's HTTP side."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from zoneinfo import ZoneInfo

from aiohttp import web
from pydantic import ValidationError

from disparo.platforms.simulator.behaviour import Behaviour
from disparo.platforms.simulator.page import STYLE, render_page
from disparo.platforms.simulator.receipts import ReceiptSender
from disparo.platforms.simulator.reception import Reception
from disparo.platforms.simulator.smsc import CALLBACK, Link, Smsc
from disparo.platforms.simulator.store import Entry, Store

HOST = "127.0.0.1"
_UTC = ZoneInfo("UTC")
_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
_BODY_LIMIT = 65_536
_HANG_S = 600.0
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Simulator:
    """One simulated platform; `application` is what aiohttp runs."""

    def __init__(self, log: Path, *, zone: ZoneInfo = _UTC) -> None:
        self._zone = zone
        self._store = Store(log)
        self._behaviour = Behaviour()
        self._receipts = ReceiptSender(self._store, self._now)
        self._reception = Reception(self._store, self._receipts, self._now)
        self.smsc = Smsc(self._reception, self._now)
        self._receipts.ways[CALLBACK] = self.smsc.tell

    def _now(self) -> Behaviour:
        return self._behaviour

    def application(self) -> web.Application:
        """Give the application; pending receipts of an earlier run go out when it starts."""
        app = web.Application(middlewares=[_guard], client_max_size=_BODY_LIMIT)
        app.router.add_post("/v1/messages", self._take)
        app.router.add_get("/v1/messages", self._list)
        app.router.add_get("/v1/message", self._one)
        app.router.add_get("/v1/stats", self._stats)
        app.router.add_post("/v1/inbound", self._say)
        app.router.add_get("/v1/behaviour", self._show_behaviour)
        app.router.add_post("/v1/behaviour", self._behave)
        app.router.add_get("/", self._page)
        app.router.add_get("/estilo.css", _style)
        app.on_startup.append(self._resume)
        app.on_cleanup.append(self._close)
        return app

    async def _resume(self, _app: web.Application) -> None:
        for message in list(self._store.unconfirmed.values()):
            self._receipts.later(message)

    async def _close(self, _app: web.Application) -> None:
        await self._receipts.close()
        await self.smsc.close()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        message = await _read(request, "to", "text", "reference", "callback")
        if not message["to"] or not message["text"]:
            return web.json_response({"code": "missing"}, status=400)
        behaviour = self._behaviour
        entry = self._reception.take(message)
        try:
            if behaviour.latency_ms:
                await asyncio.sleep(behaviour.latency_ms / 1000)
            return await self._answer(request, entry["mode"], entry)
        finally:
            self._reception.note_answered(entry)

    async def _say(self, request: web.Request) -> web.StreamResponse:
        """Let a customer write, over SMPP: `from` and `text`."""
        said = await _read(request, "from", "text")
        return web.json_response({"taken": await self.smsc.say(said["from"], said["text"])})

    async def _answer(self, request: web.Request, mode: str, entry: Entry) -> web.StreamResponse:
        behaviour = self._behaviour
        retry = {"Retry-After": str(behaviour.retry_after_s)}
        plain = {
            "accept": lambda: web.json_response({"id": entry["id"]}),
            "refuse": lambda: web.json_response({"code": behaviour.code}, status=400),
            "throttle": lambda: web.json_response({"code": "throttled"}, status=429, headers=retry),
            "no_credit": lambda: web.json_response({"code": "no_credit"}, status=402),
            "bad_auth": lambda: web.json_response({"code": "bad_auth"}, status=401),
            "error": lambda: web.json_response({"code": "internal"}, status=500),
            "error_taken": lambda: web.json_response({"code": "internal"}, status=500),
            "redirect": lambda: web.Response(status=307, headers={"Location": "/v1/messages"}),
            "garbage": lambda: web.Response(text="<html>\0\ud83d"[:7], content_type="text/html"),
        }
        if mode in plain:
            return plain[mode]()
        if mode == "hang":
            await asyncio.sleep(_HANG_S)
        elif mode in ("cut", "huge"):
            await _write_part(request, endless=mode == "huge")
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    async def _list(self, request: web.Request) -> web.Response:
        limit = request.query.get("limit", "100")
        count = min(int(limit[:5]), 1000) if limit.isdecimal() else 100
        return web.json_response({"messages": list(self._store.messages)[::-1][:count]})

    async def _one(self, request: web.Request) -> web.Response:
        found = self._store.by_reference(request.query.get("reference", ""))
        if found is None:
            return web.json_response({"code": "unknown"}, status=404)
        status = found.get("status", "sent")
        return web.json_response({"id": found["id"], "reference": found["reference"], "status": status})

    async def _stats(self, _request: web.Request) -> web.Response:
        return web.json_response(self._store.stats())

    async def _show_behaviour(self, _request: web.Request) -> web.Response:
        return web.json_response(self._behaviour.model_dump())

    async def _behave(self, request: web.Request) -> web.Response:
        wanted = await _read_json(request)
        try:
            self._behaviour = Behaviour.model_validate({**self._behaviour.model_dump(), **wanted})
        except ValidationError as error:
            wrong = [{"field": ".".join(map(str, e["loc"])), "message": e["msg"]} for e in error.errors()]
            return web.json_response({"code": "invalid", "errors": wrong}, status=422)
        return web.json_response(self._behaviour.model_dump())

    async def _page(self, _request: web.Request) -> web.Response:
        html = render_page(list(self._store.messages)[::-1][:200], self._store.stats(), zone=self._zone)
        return web.Response(text=html, content_type="text/html", headers=_SECURITY)


async def _style(_request: web.Request) -> web.Response:
    return web.Response(text=STYLE, content_type="text/css", headers=_SECURITY)


@web.middleware
async def _guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Answer only to this machine's own names: a foreign page in a browser cannot reach us by DNS tricks.

    A POST must be labelled JSON, which a foreign page may not send without asking first.
    """
    if request.headers.get("Host", "").rpartition(":")[0] not in _HOSTS:
        return web.json_response({"code": "wrong_host"}, status=421)
    if request.method == "POST" and request.content_type != "application/json":
        return web.json_response({"code": "json_only"}, status=415)
    return await handler(request)


async def _read_json(request: web.Request) -> dict[str, object]:
    try:
        found = json.loads(await request.read())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise web.HTTPBadRequest(text='{"code": "json"}', content_type="application/json")
    return found


async def _read(request: web.Request, *names: str) -> dict[str, str]:
    """Read the named strings of a JSON body, '' where one is missing; lone surrogates become marks."""
    found = await _read_json(request)
    return {name: str(found.get(name) or "").encode("utf-8", "replace").decode()[:2000] for name in names}


async def _write_part(request: web.Request, *, endless: bool) -> None:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    with suppress(ConnectionError):  # whoever reads it has had enough
        await response.prepare(request)
        await response.write(b'{"id": "')
        while endless:
            await response.write(b"x" * 16_384)


async def serve(
    port: int, log: Path, stop: asyncio.Event, *, zone: ZoneInfo, smpp_port: int | None = None
) -> None:
    """Run until `stop`, with an SMSC beside it if asked for; raises OSError where a port is taken."""
    simulator = Simulator(log, zone=zone)
    runner = web.AppRunner(simulator.application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    smsc = None
    try:
        await web.TCPSite(runner, HOST, port).start()
        if smpp_port is not None:
            loop = asyncio.get_running_loop()
            smsc = await loop.create_server(lambda: Link(simulator.smsc), HOST, smpp_port)
        await stop.wait()
    finally:
        if smsc is not None:
            smsc.close()
        await runner.cleanup()

"""A stand-in for HubSoft's integration API, written from its own pages: made-up customers by the thousand.

What a page names no value for is refused, as the original refuses a search it does not know.

Rows are made of their numbers when they are asked for, so that half a million of them cost nothing. What a test
changes (paid, gone, new) is kept beside.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import secrets
import threading
import weakref
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

from aiohttp import web
from tests.support.stage import free_port

BASE = "/api/v1/integracao"
CLIENT = {"client_id": "7", "client_secret": "segredo-de-la", "username": "erp@provedor", "password": "senha"}
_MONTHS = 4
_FIRST_ID = 700_000


class HubsoftStandIn:
    def __init__(self, customers: int = 40, invoices: int = 100, *, today: date | None = None) -> None:
        self.customers = customers
        self.invoices = invoices
        self.today = today or date.today()
        self.changes: dict[int, dict[str, Any]] = {}
        self.gone: set[int] = set()
        self.phones: dict[int, str] = {}  # of customers who changed theirs
        self.cancelled: set[int] = set()  # customers all of whose services are
        self.extra: list[dict[str, Any]] = []
        self.tokens: set[str] = set()
        self.calls: Counter[str] = Counter()
        self.seen: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []  # of calls that are echoed, once they are whole
        self.searches = {"id_cliente", "id_fatura"}  # of invoices
        self.refuse_every = 0  # every so many calls a 429
        self.retry_after = "0"
        self.fail_after: int | None = None  # calls until it is down
        self.delay_s = 0.0
        self.meanwhile: Any = None  # what happens there after a page (its path and number) was made
        self.tells_active = True  # whether an invoice is
        self.miscounts = 0  # how many more it counts than it lists
        self.page: str | None = None  # what stands in for it answers everybody
        self.page_status = 200
        self._used: weakref.WeakSet[Any] = weakref.WeakSet()  # connections
        self._kept: dict[Any, list[dict[str, Any]]] = {}
        self.url = ""
        self.stop: Any = None  # while running: be gone at once
        self._loop: Any = None  # while running

    # ------------------------------------------------------------ rows

    def customer(self, number: int) -> dict[str, Any]:
        day = self.today - timedelta(days=number % 3000 + 5)
        return {
            "id_cliente": number,
            "codigo_cliente": number + 10_000,
            "nome_razaosocial": f"CLIENTE {number}",
            "nome_fantasia": None,
            "tipo_pessoa": "pf",
            "cpf_cnpj": f"{number:011d}",
            "telefone_primario": self.phones.get(number, f"379{number % 10**8:08d}"),
            "telefone_secundario": "",
            "telefone_terciario": None,
            "email_principal": f"c{number}@example.com",
            "email_secundario": None,
            "data_cadastro": f"{day} 08:00:00",
            "data_nascmento": "1969-12-31 04:00:00",
            "ativo": True,
            "servicos": [
                {
                    "id_cliente_servico": 50_000 + number,
                    "nome": "400 MEGA",
                    "valor": 119.9,
                    "status_prefixo": "cancelado" if number in self.cancelled else "servico_habilitado",
                    "login": f"login{number}",
                    "senha": "nao-e-nossa",
                    "endereco_cadastral": {"endereco": "RUA A", "estado": "MG", "uf": "MINAS GERAIS"},
                }
            ],
        }

    def due(self, number: int) -> date:
        return self.today - timedelta(days=45) + timedelta(days=number % (30 * _MONTHS))

    def invoice(self, number: int) -> dict[str, Any]:
        """`number` from 0; in the report's form."""
        if number >= self.invoices:
            return self.extra[number - self.invoices]
        due = self.due(number)
        found = {
            "id_fatura": _FIRST_ID + number,
            "id_cliente": number % self.customers + 1,
            "valor": "119.9" if number % 2 else 99.5,
            "data_vencimento": due.isoformat(),
            "data_pagamento": None,
            "data_cadastro": f"{self.today - timedelta(days=60)} 12:52:12",
            "fatura_ativa": True,
            "nosso_numero": str(number),
            "link": f"https://boletos.example.com/{number}",
        }
        return found | self.changes.get(_FIRST_ID + number, {})

    def all_invoices(self) -> Iterator[dict[str, Any]]:
        for number in range(self.invoices + len(self.extra)):
            found = self.invoice(number)
            if found["id_fatura"] not in self.gone:
                yield found

    def pay(self, invoice_id: int, day: date | None = None) -> None:
        paid = (day or self.today).isoformat()
        self.changes[invoice_id] = {"quitado": True, "status": "quitado", "data_pagamento": paid}

    def add_invoice(self, invoice_id: int, customer_id: int) -> None:
        self.extra.append(
            {
                **self.invoice(0),
                "id_fatura": invoice_id,
                "id_cliente": customer_id,
                "data_cadastro": f"{self.today} 10:00:00",
                "data_vencimento": (self.today + timedelta(days=5)).isoformat(),
                "quitado": False,
                "data_pagamento": None,
            }
        )

    # ------------------------------------------------------------ answers

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._gate], client_max_size=64 << 20)
        app.router.add_post("/oauth/token", self._token)
        app.router.add_get(f"{BASE}/cliente", self._customer)
        app.router.add_get(f"{BASE}/cliente/todos", self._all)
        app.router.add_get(f"{BASE}/financeiro/fatura", self._report)
        app.router.add_route("*", f"{BASE}/{{rest:.*}}", self._other)
        return app

    @web.middleware
    async def _gate(self, request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            return await self._answer(request, handler)
        finally:
            self._used.add(request.transport)

    async def _answer(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.calls[request.path] += 1
        total = self.calls.total()
        if self.fail_after is not None and total > self.fail_after:
            raise web.HTTPServiceUnavailable
        if self.refuse_every and total % self.refuse_every == 0:
            self.calls["429"] += 1
            return web.json_response(
                {"status": "error"}, status=429, headers={"Retry-After": self.retry_after}
            )
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if self.page is not None:
            return web.Response(status=self.page_status, text=self.page, content_type="text/html")
        if request.path.startswith(BASE):
            token = request.headers.get("Authorization", "").removeprefix("Bearer ")
            self.seen.append({"path": request.raw_path, "token": token, "headers": dict(request.headers)})
            if token not in self.tokens:
                return web.json_response({"error": "Unauthenticated."}, status=401)
        return await handler(request)

    async def _token(self, request: web.Request) -> web.Response:
        body = await request.json()
        if any(str(body.get(name)) != value for name, value in CLIENT.items()):
            return web.json_response({"error": "invalid_client", "message": "x"}, status=401)
        token = self.new_token()
        return web.json_response({"token_type": "Bearer", "expires_in": 3600, "access_token": token})

    def new_token(self) -> str:
        token = f"hubsoft.{secrets.token_hex(12)}.x"
        self.tokens.add(token)
        return token

    async def _customer(self, request: web.Request) -> web.Response:
        number = int(request.query.get("termo_busca", "0") or 0)
        known = request.query.get("busca") == "id_cliente" and 0 < number <= self.customers
        found = self._listed([number] if known else [], request.query)
        return self._success(clientes=[self._shown(number, request.query) for number in found])

    async def _all(self, request: web.Request) -> web.Response:
        found = self._listed(range(1, self.customers + 1), request.query)
        if request.query.get("data_inicio"):
            first, last = request.query["data_inicio"], request.query["data_fim"]
            found = [n for n in found if first <= self.customer(n)["data_cadastro"][:10] <= last]
        page, paging = self._page(request, len(found))
        return self._success(
            clientes=[self._shown(number, request.query) for number in found[page]], paginacao=paging
        )

    def _listed(self, numbers: Sequence[int], query: Any) -> Sequence[int]:
        wanted = _flag(query, "cancelado")
        if not self.cancelled:
            return [] if wanted else numbers
        return [number for number in numbers if (number in self.cancelled) is wanted]

    def _shown(self, number: int, query: Any) -> dict[str, Any]:
        """A customer, with addresses for who asks for them."""
        found = self.customer(number)
        if "endereco_cadastral" not in query.get("relacoes", ""):
            for service in found["servicos"]:
                del service["endereco_cadastral"]
        return found

    def _of(self, customer_id: int) -> list[dict[str, Any]]:
        moved = {id_ - _FIRST_ID for id_, change in self.changes.items() if "id_cliente" in change}
        numbers = moved.union(range(customer_id - 1, self.invoices, self.customers))
        found = [self.invoice(n) for n in sorted(numbers)] + self.extra
        return [i for i in found if i["id_cliente"] == customer_id and i["id_fatura"] not in self.gone]

    def _with_id(self, invoice_id: int) -> list[dict[str, Any]]:
        return [item for item in self.all_invoices() if item["id_fatura"] == invoice_id]

    async def _report(self, request: web.Request) -> web.Response:
        found = self._window(request.query)
        page, paging = self._page(request, len(found))
        # Pix is shown to who asks for it.
        hidden = {} if request.query.get("exibir_pix_copia_cola") == "sim" else {"pix_copia_e_cola": None}
        unsaid = ("id_cliente",) if self.tells_active else ("id_cliente", "fatura_ativa")
        shown = [
            {
                **{name: value for name, value in item.items() if name not in unsaid},
                **hidden,
                "cliente": self._named(item["id_cliente"]),
            }
            for item in found[page]
        ]
        return self._success(faturas=shown, paginacao=paging)

    def _named(self, number: int) -> dict[str, Any]:
        """What an invoice says of its customer."""
        known = self.customer(number)
        return {
            "nome_razaosocial": "X",
            **{name: known[name] for name in known if name.startswith(("id_", "telefone_"))},
        }

    def _window(self, query: Any) -> list[dict[str, Any]]:
        """The invoices of a period, kept until a test changes something: pages of it come by the hundred."""
        state = (len(self.changes), len(self.gone), len(self.extra))
        inactive = _flag(query, "exibir_fatura_inativa")
        if query.get("busca"):
            _refuse_unless(query["busca"] in self.searches)
            term = int(query["termo_busca"])
            found = self._of(term) if query["busca"] == "id_cliente" else self._with_id(term)
            found = [item for item in found if _within(item, query)]
            return [item for item in found if inactive or item["fatura_ativa"] is not False]
        key = (query.get("tipo_data"), query.get("data_inicio"), query.get("data_fim"), inactive, state)
        if key not in self._kept:
            found = [item for item in self.all_invoices() if _within(item, query)]
            self._kept = {key: [i for i in found if inactive or i["fatura_ativa"] is not False]}
        return self._kept[key]

    async def _other(self, request: web.Request) -> web.StreamResponse:
        """Routes that only the original has, each with an oddity of its own."""
        what = request.match_info["rest"].split("/")[0]
        self.bodies.append(body := await request.read())
        if what == "eco":
            headers = {"X-Metodo": request.method, "X-Caminho": request.raw_path}
            headers["X-Tipo"] = request.content_type
            return web.Response(body=body or b"nada", headers=headers)
        if what in ("pedacos", "cortado"):
            return await _in_pieces(request, cut=what == "cortado")
        if what == "lento":
            await asyncio.sleep(60)
        if what in ("mudo", "umavez") and self._hangs_up(request, always=what == "mudo"):
            raise asyncio.CancelledError  # no answer
        if what.startswith("codigo"):
            return web.json_response({"status": "error", "msg": "não"}, status=int(what[6:]))
        return _ODD[what]() if what in _ODD else _plain(request)

    def _hangs_up(self, request: web.Request, *, always: bool) -> bool:
        """Close the connection; but for `always`, only one that was used before."""
        assert request.transport is not None
        hangs_up = always or request.transport in self._used
        if hangs_up:
            request.transport.close()
        return hangs_up

    def _page(self, request: web.Request, total: int) -> tuple[slice, dict[str, int]]:
        page, per = int(request.query.get("pagina", 0)), int(request.query.get("itens_por_pagina", 50))
        if self.meanwhile is not None:
            asyncio.get_running_loop().call_soon(self.meanwhile, request.path.removeprefix(BASE), page)
        return slice(page * per, (page + 1) * per), {
            "primeira_pagina": 0,
            "ultima_pagina": max(0, -(-total // per) - 1),
            "pagina_atual": page,
            "total_registros": total + self.miscounts,
        }

    @staticmethod
    def _success(**payload: Any) -> web.Response:
        return web.json_response({"status": "success", "msg": "Dados consultados com sucesso", **payload})

    # ------------------------------------------------------------ life

    @contextmanager
    def running(self) -> Iterator[HubsoftStandIn]:
        """Serve from a thread of its own, until the block ends."""
        ready, ending = threading.Event(), asyncio.Event()
        runner = web.AppRunner(self.app(), shutdown_timeout=0.1)

        async def serve() -> None:
            await runner.setup()
            port = free_port()  # none of the system's: who still calls one for another test is counted
            await web.TCPSite(runner, "127.0.0.1", port).start()
            self.url = f"http://127.0.0.1:{port}"
            self._loop = asyncio.get_running_loop()
            ready.set()
            await ending.wait()
            await runner.cleanup()

        # asyncio.run ends what a request left behind, too.
        (thread := threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)).start()
        assert ready.wait(60)

        def stop() -> None:
            if thread.is_alive():
                self._loop.call_soon_threadsafe(ending.set)
                thread.join(10)

        self.stop = stop
        try:
            yield self
        finally:
            stop()


def _within(item: dict[str, Any], query: Any) -> bool:
    if not query.get("data_inicio"):
        return True
    day = item[query.get("tipo_data", "data_vencimento")]
    return day is not None and query["data_inicio"] <= day[:10] <= query["data_fim"]


def _flag(query: Any, name: str) -> bool:
    _refuse_unless(query.get(name, "nao") in ("sim", "nao"))
    return query.get(name) == "sim"


def _refuse_unless(known: bool) -> None:
    if not known:
        body = json.dumps({"status": "error", "msg": "O valor não é válido", "errors": []})
        raise web.HTTPOk(text=body, content_type="application/json")


def settings_for(stand_in: HubsoftStandIn, **more: str) -> dict[str, str]:
    """What an installation beside it is told."""
    return {
        "DISPARO_HUBSOFT_URL": stand_in.url,
        **{f"DISPARO_HUBSOFT_{name.upper()}": value for name, value in CLIENT.items()},
        "DISPARO_SYNC_MONTHS_BACK": "3",
        "DISPARO_SYNC_MONTHS_AHEAD": "4",
        **more,
    }


def _plain(request: web.Request) -> web.Response:
    return web.json_response({"status": "success", "rota": request.path}, headers={"X-Original": "sim"})


def _zipped() -> web.Response:
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    return web.Response(body=gzip.compress(b'{"status":"success"}', mtime=0), headers=headers)


_ODD: dict[str, Any] = {
    "comprimido": _zipped,
    "binario": lambda: web.Response(body=bytes(range(256)) * 100, content_type="application/pdf"),
    "vazio": lambda: web.Response(status=204),
    "desvio": lambda: web.Response(status=302, headers={"Location": "/outro"}),
    "biscoitos": lambda: web.Response(headers={"Set-Cookie": "a=1", "X-Um": "1"}, body=b"x"),
    "latino": lambda: web.Response(body="ação".encode("cp1252"), headers={"Content-Type": "text/plain"}),
}


async def _in_pieces(request: web.Request, *, cut: bool) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100000"} if cut else {})
    if not cut:
        response.enable_chunked_encoding()
    await response.prepare(request)
    for number in range(20):
        await response.write(f"pedaco {number}\n".encode() * 100)
    if cut and request.transport is not None:
        request.transport.abort()
    return response

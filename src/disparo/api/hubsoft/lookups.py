"""Lookups that clients make around enviar_sms (docs/api.md §4); refusals come with 200, as observed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from disparo.api.access import ApiCaller, require
from disparo.api.bodies import read_fields, read_query
from disparo.api.errors import Failure, Refusal
from disparo.api.heads import WithHead
from disparo.api.hubsoft import lookup_reading as reading
from disparo.api.hubsoft import lookup_schemas as schemas
from disparo.api.hubsoft.customer_view import Shown, customer_answer
from disparo.api.hubsoft.invoice_view import Issuer, customer_invoice, reported_invoice
from disparo.api.hubsoft.mapping import BASE
from disparo.api.hubsoft.paging import pagination
from disparo.api.services import Services, services_of
from disparo.auth.permissions import Permission
from disparo.db import invoice_lookups, register
from disparo.db.pool import Connection
from disparo.db.register import By
from disparo.domain.phone import Phone, read_registered

router = APIRouter(prefix=BASE, route_class=WithHead)

_FOUND = "Dados consultados com sucesso"
_PHONES = ("phone_1", "phone_2", "phone_3")
#: A phone's last eight digits are in the index; the rest is compared here, among so many at most.
_MOST_SAME_TAIL = 500
_may_send = require(Permission.SEND)


async def _reader(request: Request) -> ApiCaller:
    request.state.refusals_with_200 = True
    return await _may_send(request)


async def _asked(request: Request) -> Mapping[str, str]:
    """Give what is asked for: in the address, and before that in a body, which some send with a GET."""
    found = read_query(request)
    try:
        fields = await read_fields(request, services_of(request).settings.body_limit_bytes)
    except Refusal:
        return found
    except Failure as failure:
        if failure.status != HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
            raise
        return found
    said = {name: str(value) for name, value in fields.items() if isinstance(value, str | int | float)}
    return found | {name: text.encode("utf-8", "replace").decode() for name, text in said.items()}


Reader = Annotated[ApiCaller, Depends(_reader)]
Asked = Annotated[Mapping[str, str], Depends(_asked)]


def _declared(names: Sequence[str], **told: str) -> dict[str, Any]:
    """Describe query parameters that are read by hand, leniently; `told`: what holds for this route alone."""
    return {
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": told.get(name, schemas.PARAMETERS[name]),
                "schema": {"type": "string"},
            }
            for name in names
        ]
    }


@router.get(
    "/cliente",
    tags=["Consultas"],
    responses=schemas.lookup(schemas.CustomerList),
    openapi_extra=_declared(
        schemas.CUSTOMER_PARAMETERS,
        busca=f"Obrigatório: {', '.join(reading.SEARCHES)}",
        limit=f"De 1 a {reading.MOST} (padrão 5)",
    ),
)
async def find_customers(request: Request, caller: Reader, query: Asked) -> JSONResponse:
    """Procura clientes pelo que se sabe deles."""
    del caller
    search = reading.read_search(query, reading.SEARCHES)
    limit = reading.read_limit(query, default=5)
    wanted = reading.read_customer_filter(query, dated=False)
    rows: list[asyncpg.Record] = []
    if search.key is not None:
        async with services_of(request).pool.acquire() as connection:
            rows = await register.find_customers(
                connection,
                search.by,
                search.key,
                wanted=wanted,
                sorting=reading.read_sorting(query),
                limit=_MOST_SAME_TAIL if search.by is By.PHONE else limit,
            )
    if search.phone is not None:
        rows = [row for row in rows if _has_phone(row, search.phone)]
    shown = _shown(query)
    return _success(clientes=[customer_answer(row, shown) for row in rows[:limit]])


@router.get(
    "/cliente/all",
    tags=["Consultas"],
    responses=schemas.lookup(schemas.CustomerPage),
    openapi_extra=_declared(schemas.PAGED_CUSTOMER_PARAMETERS),
)
@router.get(
    "/cliente/todos",
    tags=["Consultas"],
    responses=schemas.lookup(schemas.CustomerPage),
    openapi_extra=_declared(schemas.PAGED_CUSTOMER_PARAMETERS),
)
async def all_customers(request: Request, caller: Reader, query: Asked) -> JSONResponse:
    """Lista todos os clientes, página por página."""
    del caller
    page, per_page = reading.read_paging(query)
    wanted = reading.read_customer_filter(query, dated=True)
    sorting = reading.read_sorting(query)
    async with _snapshot(services_of(request)) as connection:
        rows, total = await register.page_customers(
            connection, wanted=wanted, sorting=sorting, page=page, per_page=per_page
        )
    shown = _shown(query)
    return _success(
        clientes=[customer_answer(row, shown) for row in rows], paginacao=pagination(page, per_page, total)
    )


@router.get(
    "/cliente/financeiro",
    tags=["Consultas"],
    responses=schemas.lookup(schemas.CustomerInvoices),
    openapi_extra=_declared(
        schemas.CUSTOMER_INVOICE_PARAMETERS,
        busca=f"Obrigatório: {', '.join(reading.INVOICE_SEARCHES)}",
        limit=f"De 1 a {reading.MOST} (padrão 20)",
    ),
)
async def customer_invoices(request: Request, caller: Reader, query: Asked) -> JSONResponse:
    """Mostra as faturas de um cliente."""
    del caller
    services = services_of(request)
    search = reading.read_search(query, reading.INVOICE_SEARCHES)
    limit = reading.read_limit(query, default=20)
    pending = reading.read_flag(query, "apenas_pendente")
    wanted = reading.read_invoice_filter(query, states=() if pending is False else ("open",))
    rows: list[asyncpg.Record] = []
    if search.key is not None:
        async with services.pool.acquire() as connection:
            customer_ids = await register.find_customer_ids(connection, search.by, search.key)
            rows = await invoice_lookups.invoices_of(
                connection,
                customer_ids,
                wanted=reading.narrow_to_service(wanted, search),
                order=reading.read_invoice_order(query),
                descending=reading.is_descending(query),
                limit=limit,
            )
    issuer = _issuer(services)
    return _success(faturas=[customer_invoice(row, issuer) for row in rows])


@router.get(
    "/financeiro/fatura",
    tags=["Consultas"],
    responses=schemas.lookup(schemas.InvoicePage),
    openapi_extra=_declared(
        schemas.INVOICE_PARAMETERS,
        busca=f"Se falta, de todos: {', '.join([*reading.INVOICE_SEARCHES, reading.BY_INVOICE])}; sempre "
        "dentro do período",
        data_inicio="AAAA-MM-DD, inclusive; se falta, dez dias antes de data_fim ou de hoje, o que vem antes",
        data_fim="AAAA-MM-DD, inclusive; se falta, hoje, ou data_inicio se é depois de hoje",
    ),
)
async def invoices(request: Request, caller: Reader, query: Asked) -> JSONResponse:
    """Lista faturas por período, página por página."""
    del caller
    services = services_of(request)
    issuer = _issuer(services)
    page, per_page = reading.read_paging(query)
    wanted = reading.read_report_filter(query, issuer.today)
    active = reading.read_client_state(query)
    search, document = reading.read_report_search(query), reading.read_document(query)
    searches = [] if search is None else [search]
    for each in searches:
        wanted = reading.narrow_to_service(wanted, each)
    async with _snapshot(services) as connection:
        if document is not None:
            issued = await invoice_lookups.of_company(connection, wanted, document.text, own=issuer.document)
            wanted, searches = (issued, searches) if issued is not None else (wanted, [*searches, document])
        rows, total = await invoice_lookups.page_invoices(
            connection,
            wanted=wanted,
            customer_ids=await _common_ids(connection, searches) if searches else None,
            active=active,
            page=page,
            per_page=per_page,
        )
    detailed = reading.text_of(query, "tipo_resultado").lower() in ("detalhado", "completo")
    pix = reading.read_flag(query, "exibir_pix_copia_cola") is not False
    return _success(
        faturas=[reported_invoice(row, issuer, detailed=detailed, pix=pix) for row in rows],
        paginacao=pagination(page, per_page, total),
    )


async def _common_ids(connection: Connection, searches: Sequence[reading.Search]) -> list[int]:
    """Give the customers that every one of the searches finds."""
    found = [
        set(await register.find_customer_ids(connection, search.by, search.key))
        if search.key is not None
        else set()
        for search in searches
    ]
    return sorted(set.intersection(*found))


@asynccontextmanager
async def _snapshot(services: Services) -> AsyncIterator[Connection]:
    """Give one state of the database, so that a total and its page belong together."""
    async with (
        services.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection


def _has_phone(row: asyncpg.Record, wanted: Phone) -> bool:
    return any(phone.e164 == wanted.e164 for name in _PHONES for phone in read_registered(row[name])[0])


def _shown(query: Mapping[str, str]) -> Shown:
    return Shown(
        cancelled=reading.read_choice(query, "cancelado"),
        statuses=reading.read_statuses(query),
        connection=reading.read_flag(query, "ultima_conexao") is True,
    )


def _issuer(services: Services) -> Issuer:
    settings = services.settings
    document = settings.company_document
    return Issuer(
        settings.company_name or settings.brand,
        reading.document_search(document).text or None if document else None,
        datetime.now(settings.zone).date(),
    )


def _success(**payload: object) -> JSONResponse:
    return JSONResponse({"status": "success", "msg": _FOUND, **payload})

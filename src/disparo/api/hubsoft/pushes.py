"""Customers and invoices pushed in by an ERP (docs/api.md §5): upserts by id, the good ones stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, TypeVar

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from disparo.api.access import ApiCaller, require
from disparo.api.bodies import read_fields
from disparo.api.errors import Refusal, may_be_done
from disparo.api.hubsoft.mapping import BASE
from disparo.api.hubsoft.push_names import read_pushed, with_leave
from disparo.api.hubsoft.push_schemas import CUSTOMERS_BODY, INVOICES_BODY, MOST_ITEMS, PUSH_RESPONSES
from disparo.api.hubsoft.reading import listed
from disparo.api.hubsoft.words import echo
from disparo.api.services import Services, services_of
from disparo.auth.permissions import Permission
from disparo.db.customers import (
    ContactRow,
    CustomerRow,
    InvoiceRow,
    fill_in_days_of,
    replace_contacts,
    upsert_customers,
    upsert_invoices,
)
from disparo.db.pool import Connection
from disparo.sources.csv_fields import BadField
from disparo.sources.hubsoft_fields import read_contacts, read_customer

router = APIRouter(prefix=BASE)

Pusher = Annotated[ApiCaller, Depends(require(Permission.REGISTER))]
R = TypeVar("R")


@dataclass(slots=True)
class _Sorted(Generic[R]):
    """What of a call can be stored; of an id that comes twice the last item counts."""

    good: dict[int, tuple[int, R]] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)


@router.put(
    "/cliente",
    tags=["Cadastro"],
    responses=PUSH_RESPONSES,
    openapi_extra=CUSTOMERS_BODY,
)
async def put_customers(request: Request, caller: Pusher) -> JSONResponse:
    """Grava clientes pelo id_cliente, nos campos da consulta; outro campo ausente fica como está."""
    del caller
    items = await _items(request, "clientes", "id_cliente")
    seen: dict[int, ContactRow] = {}

    def read(item: Mapping[str, Any]) -> tuple[CustomerRow, list[ContactRow] | None]:
        item = with_leave(item)
        row = read_customer(item)
        contacts = read_contacts(item, row["id"])
        seen.update(_told_apart(contacts or [], seen))
        return row, contacts

    found = await asyncio.to_thread(_sort, items, "id_cliente", read, lambda pair: pair[0]["id"])
    pairs = [pair for _, pair in found.good.values()]
    with_contacts = [(row["id"], contacts) for row, contacts in pairs if contacts is not None]
    by_id = {contact["id"]: contact for _, contacts in with_contacts for contact in contacts}
    taken: dict[int, int] = {}
    async with _writing(services_of(request)) as connection:
        erased = await upsert_customers(connection, [row for row, _ in pairs])
        if with_contacts:
            ids = [id_ for id_, _ in with_contacts]
            taken = await replace_contacts(connection, ids, list(by_id.values()))
    for id_ in erased:
        msg = f"Os dados do cliente de ID {id_} foram apagados a pedido dele"
        found.errors.append({"indice": found.good[id_][0], "id": id_, "mensagem": msg})
    told = []
    for contact, before in taken.items():
        id_ = by_id[contact]["customer_id"]
        msg = f"O contato de ID {contact} era do cliente de ID {before}, que não o tem mais"
        told.append({"indice": found.good[id_][0], "id": id_, "mensagem": msg})
    return _answer(len(pairs) - len(erased), found.errors, told)


@router.put(
    "/fatura",
    tags=["Cadastro"],
    responses=PUSH_RESPONSES,
    openapi_extra=INVOICES_BODY,
)
async def put_invoices(request: Request, caller: Pusher) -> JSONResponse:
    """Grava faturas pelo id_fatura, nos campos da consulta; outro campo ausente fica como está."""
    del caller
    items = await _items(request, "faturas", "id_fatura")
    found = await asyncio.to_thread(_sort, items, "id_fatura", read_pushed, lambda row: row["id"])
    rows: list[InvoiceRow] = [row for _, row in found.good.values()]
    async with _writing(services_of(request)) as connection:
        missing = await upsert_invoices(connection, rows)
    for id_ in missing:
        index, row = found.good[id_]
        msg = f"Cliente de ID {row['customer_id']} não encontrado"
        found.errors.append({"indice": index, "id": id_, "mensagem": msg})
    return _answer(len(rows) - len(missing), found.errors)


@asynccontextmanager
async def _writing(services: Services) -> AsyncIterator[Connection]:
    """Give, when it is its turn, a transaction that writes to the register."""
    async with (
        may_be_done(),
        services.turns.pushes.taken(),
        services.pool.acquire() as connection,
        connection.transaction(),
    ):
        await fill_in_days_of(connection, services.settings.zone)
        yield connection


def _told_apart(contacts: Sequence[ContactRow], seen: Mapping[int, ContactRow]) -> dict[int, ContactRow]:
    """Give contacts by their ids; raises BadField where one is another's, who would be lost unsaid."""
    found: dict[int, ContactRow] = {}
    for contact in contacts:
        id_ = contact["id"]
        if found.setdefault(id_, contact) != contact:
            raise BadField(f"contatos traz dois contatos diferentes com o id_contato {id_}")
        if (other := seen.get(id_, contact)["customer_id"]) != contact["customer_id"]:
            raise BadField(f"o id_contato {id_} já é de um contato do cliente de ID {other} nesta chamada")
    return found


async def _items(request: Request, name: str, id_name: str) -> Sequence[object]:
    """Read the list of a call; a single object with an id stands for a list of one."""
    fields = await read_fields(request, services_of(request).settings.register_body_limit_bytes)
    items = listed(fields.get(name))
    if items is None and id_name in fields:
        items = [fields]
        for part, value in fields.items():
            _check_of_json(part, value)
    if items is None or items == []:
        raise Refusal(f"Favor preencher o atributo ({name})")
    if not isinstance(items, list):
        raise Refusal(f"O atributo ({name}) deve conter uma lista")
    _check_of_json(name, items)
    if len(items) > MOST_ITEMS:
        raise Refusal(f"São permitidos no máximo {MOST_ITEMS} itens por chamada")
    return items


def _check_of_json(name: str, value: object) -> None:
    """Refuse `clientes[0][id_cliente]=1`, which `bodies` reads of a form as items that say nothing."""
    if isinstance(value, list) and any(
        isinstance(item, dict) and any(key.startswith("[") for key in item) for item in value
    ):
        raise Refusal(f"Uma lista em ({name}) só é aceita como JSON: envie o corpo como application/json")


def _sort(
    items: Sequence[object], id_name: str, read: Callable[[Mapping[str, Any]], R], id_of: Callable[[R], int]
) -> _Sorted[R]:
    """Read each item; of a thousand with all they may have it takes two seconds, and is done in a thread."""
    found: _Sorted[R] = _Sorted()
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            found.errors.append({"indice": index, "id": None, "mensagem": "O item deve ser um objeto"})
            continue
        try:
            row = read(item)
        except BadField as bad:
            found.errors.append({"indice": index, "id": _echo(item.get(id_name)), "mensagem": str(bad)})
            continue
        found.good[id_of(row)] = (index, row)
    return found


def _echo(value: object) -> int | str | None:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return value
    return echo(value) if isinstance(value, str) else None


def _answer(stored: int, errors: list[dict[str, Any]], told: Sequence[dict[str, Any]] = ()) -> JSONResponse:
    """Answer a call; `told`: what its caller should know of items that are stored."""
    errors.sort(key=lambda error: error["indice"])
    if not stored:
        said = [f"item {error['indice']}: {error['mensagem']}" for error in errors]
        raise Refusal("Nenhum item foi gravado", said, gravados=0, erros=errors)
    msg = f"{stored} item(ns) gravado(s), {len(errors)} com erro"
    found = {"status": "success", "msg": msg, "gravados": stored, "erros": errors}
    if told:
        found["avisos"] = sorted(told, key=lambda item: item["indice"])
    return JSONResponse(found)

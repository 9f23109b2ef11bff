"""Invoices as the original shows them: of a customer, and as a paged report (docs/api.md §4)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import asyncpg

from disparo.api.hubsoft.customer_view import (
    person,
    service_addresses,
    service_summary,
)
from disparo.domain.boleto import barcode_of


@dataclass(frozen=True, slots=True)
class Issuer:
    """The company that issued the invoices that name none, and the day on which the answer is given."""

    name: str
    document: str | None
    today: date


def customer_invoice(row: asyncpg.Record, issuer: Issuer) -> dict[str, Any]:
    """Give an invoice of `cliente/financeiro`: dates DD/MM/YYYY."""
    details = json.loads(row["details"])
    return {
        "id_fatura": row["invoice_id"],
        "quitado": row["status"] == "paid",
        "status": _status(row, issuer.today),
        **_codes(row, details),
        "pix_copia_cola": row["pix"],
        "link": row["link"],
        "agencia_codigo_beneficiario": details.get("beneficiary_code"),
        "beneficiario": _company(details, issuer)["nome_razaosocial"],
        "numero_documento": details.get("document_number") or row["invoice_id"],
        "especie": details.get("kind"),
        "especie_dinheiro": "R$",
        "aceite": details.get("accept"),
        "local_pagamento": details.get("payment_place"),
        "carteira": details.get("wallet"),
        "tipo_cobranca": details.get("charge_type"),
        **_amounts(row),
        "data_vencimento": _brazilian(row["due_date"]),
        "data_cadastro": _brazilian(row["registered_on"]),
        "data_pagamento": _brazilian(row["paid_at"]),
        "data_documento": _brazilian(_iso(details.get("document_date")) or row["registered_on"]),
        "data_processamento": _brazilian(_iso(details.get("processed_on")) or row["registered_on"]),
        "empresa": _company(details, issuer),
        "detalhamento": _items(row, details),
        "cliente": _customer(row, details),
        "processamento_cartao": [],
    }


def reported_invoice(row: asyncpg.Record, issuer: Issuer, *, detailed: bool, pix: bool) -> dict[str, Any]:
    """Give an invoice of `financeiro/fatura`: dates ISO; `detailed` adds what it is made of."""
    details = json.loads(row["details"])
    found = {
        "id_fatura": row["invoice_id"],
        "id_cliente_servico": _service(row, details).get("id"),
        "fatura_ativa": row["status"] != "cancelled",
        "quitado": row["status"] == "paid",
        "status": _status(row, issuer.today),
        **_codes(row, details),
        "pix_copia_e_cola": row["pix"] if pix else None,
        "link": row["link"],
        "tipo_cobranca": details.get("charge_type"),
        **_amounts(row),
        "data_vencimento": row["due_date"].isoformat(),
        "data_pagamento": None if row["paid_at"] is None else row["paid_at"].isoformat(),
        "data_cadastro": row["registered_on"].isoformat(),
        "empresa": _company(details, issuer),
        "cliente": person(row),
    }
    if detailed:
        found["detalhamento"] = _items(row, details)
    return found


def _status(row: asyncpg.Record, today: date) -> str:
    if row["status"] == "paid":
        return "quitado"
    if row["status"] == "cancelled":
        return "cancelado"
    return "vencido" if row["due_date"] < today else "aguardando"


def _codes(row: asyncpg.Record, details: Mapping[str, Any]) -> dict[str, Any]:
    line = row["linha_digitavel"]
    return {
        "nosso_numero": details.get("our_number"),
        "nosso_numero_dv": details.get("our_number_digit"),
        "linha_digitavel": line,
        "codigo_barras": barcode_of(line) if line else None,
    }


def _amounts(row: asyncpg.Record) -> dict[str, Any]:
    paid = row["paid_amount"]
    if paid is None and row["status"] == "paid":
        paid = row["amount"]
    return {"valor": _number(row["amount"]), "valor_pago": None if paid is None else _number(paid)}


def _number(amount: Decimal) -> float:
    return float(amount)  # a JSON number, as in the original; two decimals survive it


def _company(details: Mapping[str, Any], issuer: Issuer) -> dict[str, Any]:
    """Give the company that the invoice names, else the installation's."""
    if named := details.get("company"):
        trade_name = named.get("trade_name")
        return {
            "documento": named.get("document"),
            "nome_razaosocial": named.get("name") or trade_name or issuer.name,
            "nome_fantasia": trade_name,
        }
    return {
        "documento": issuer.document,
        "nome_razaosocial": issuer.name,
        "nome_fantasia": issuer.name,
    }


def _items(row: asyncpg.Record, details: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give what the invoice is made of; where nobody told, one item of the whole."""
    items = details.get("items") or [{"description": "Fatura", "amount": _number(row["amount"])}]
    return [
        {
            "id_cobranca": item.get("id") or row["invoice_id"],
            "descricao": item.get("description"),
            "valor": item.get("amount"),
        }
        for item in items
    ]


def _service(row: asyncpg.Record, details: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the service that the invoice names, else the customer's first; empty where there is none."""
    services: list[dict[str, Any]] = json.loads(row["services"])
    named = [service for service in services if service.get("id") == details.get("service_id")]
    return next(iter(named or services), {})


def _customer(row: asyncpg.Record, details: Mapping[str, Any]) -> dict[str, Any]:
    service = _service(row, details)
    return {
        "codigo_cliente": row["code"],
        "nome_razaosocial": row["name"],
        "cpf_cnpj": row["cpf_cnpj"],
        "servico": {**service_summary(service), **service_addresses(service, json.loads(row["addresses"]))},
    }


def _brazilian(day: date | None) -> str | None:
    return None if day is None else day.strftime("%d/%m/%Y")


def _iso(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)

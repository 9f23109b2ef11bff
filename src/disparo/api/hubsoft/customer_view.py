"""Customers as the original shows them (docs/api.md §4): every field always there, of the same type."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import asyncpg

from disparo.sources.hubsoft_names import ADDRESSES, DEVICE, DEVICES

_CNPJ_DIGITS = 14
_STATUS_WORDS: Mapping[str, str] = {
    "servico_habilitado": "Serviço Habilitado",
    "suspenso_debito": "Suspenso por débito",
    "suspenso_parcialmente": "Suspenso parcialmente",
    "suspenso_pedido_cliente": "Suspenso a pedido do cliente",
    "cancelado": "Cancelado",
    "aguardando_instalacao": "Aguardando instalação",
}
#: What is shown of each kind of device, and under which key each of it is stored.
_DEVICE_FIELDS = {
    "interface": ("nome", "tipo", "called_sid"),
    "interface_roteamento": ("nome", "tipo", "called_sid"),
    "equipamento_conexao": ("nome", "ipv4", "ipv6"),
    "equipamento_roteamento": ("nome", "ipv4", "ipv6"),
}
_DEVICE_KEYS = {name: key for name, key, _ in DEVICE}
_NO_CONNECTION = {"conectado": None, "data_inicio": None, "data_fim": None, "ipv4": None, "mac": None}


@dataclass(frozen=True, slots=True)
class Shown:
    """What of a customer is wanted; `cancelled`: None for services of every kind."""

    cancelled: bool | None = False
    statuses: Collection[str] = ()
    connection: bool = False


def customer_answer(row: asyncpg.Record, shown: Shown) -> dict[str, Any]:
    """Give a customer of `cliente` and its paged forms."""
    addresses = json.loads(row["addresses"])
    services = [service for service in json.loads(row["services"]) if _is_wanted(service, shown)]
    born = _moment(row["birth_date"])
    return {
        **person(row),
        "data_nascmento": born,  # the original's own spelling, beside the right one
        "data_nascimento": born,
        "alerta": False,
        "alerta_mensagens": [],
        "grupos": [],
        "servicos": [service_answer(service, addresses, connection=shown.connection) for service in services],
    }


def person(row: asyncpg.Record) -> dict[str, Any]:
    """Give what all lookups say of a customer."""
    return {
        "id_cliente": row["id"],
        "codigo_cliente": row["code"],
        "nome_razaosocial": row["name"],
        "nome_fantasia": row["trade_name"],
        "tipo_pessoa": "pj" if len(row["cpf_cnpj"] or "") == _CNPJ_DIGITS else "pf",
        "cpf_cnpj": row["cpf_cnpj"],
        "telefone_primario": row["phone_1"],
        "telefone_secundario": row["phone_2"],
        "telefone_terciario": row["phone_3"],
        "email_principal": row["email_1"],
        "email_secundario": row["email_2"],
        "data_cadastro": _moment(row["registered_at"]),
        "ativo": row["active"],
    }


def _is_wanted(service: Mapping[str, Any], shown: Shown) -> bool:
    code = service.get("status_code")
    if shown.statuses:
        return code in shown.statuses
    return shown.cancelled is None or (code == "cancelado") is shown.cancelled


def service_answer(
    service: Mapping[str, Any], customer_addresses: Mapping[str, Any], *, connection: bool
) -> dict[str, Any]:
    """Give one service; `connection`: with the last one, of which we know nothing."""
    found = {
        **service_summary(service),
        "id_servico": service.get("plan_id"),
        "data_habilitacao": service.get("activated_on"),
        "tecnologia": service.get("technology"),
        "login": service.get("login"),
        "senha": None,  # never a secret of the customer's
        "ipv4": service.get("ipv4"),
        "ipv6": service.get("ipv6"),
        "mac": service.get("mac"),
        **_devices(service),
        "pacotes": service.get("packages", []),
        "senhas": [],
        **service_addresses(service, customer_addresses),
    }
    if connection:
        found["ultima_conexao"] = _NO_CONNECTION
    return found


def service_summary(service: Mapping[str, Any]) -> dict[str, Any]:
    """Give what invoices show of a service too."""
    code = service.get("status_code")
    return {
        "id_cliente_servico": service.get("id"),
        "numero_plano": service.get("plan_number"),
        "nome": service.get("name"),
        "valor": service.get("price"),
        "status": service.get("status") or _STATUS_WORDS.get(code or "", code),
        "status_prefixo": code,
    }


def service_addresses(service: Mapping[str, Any], customer_addresses: Mapping[str, Any]) -> dict[str, Any]:
    """Give the four addresses: the service's own, else the customer's, else the registered one."""
    own = service.get("addresses", {})
    registered = own.get("registered") or customer_addresses.get("registered") or {}
    return {
        name: address_answer(own.get(key) or customer_addresses.get(key) or registered)
        for name, key in ADDRESSES.items()
    }


def _devices(service: Mapping[str, Any]) -> dict[str, Any]:
    devices = service.get("devices", {})
    return {
        name: {field: devices.get(key, {}).get(_DEVICE_KEYS[field]) for field in _DEVICE_FIELDS[name]}
        for name, key in DEVICES.items()
    }


def address_answer(address: Mapping[str, Any]) -> dict[str, Any]:
    """Give one address; `estado` and `uf` are both the two letters."""
    return {
        "completo": address.get("full") or _written(address),
        "endereco": address.get("street"),
        "numero": address.get("number"),
        "complemento": address.get("complement"),
        "referencia": address.get("reference"),
        "bairro": address.get("district"),
        "cep": address.get("zip"),
        "estado": address.get("uf"),
        "uf": address.get("uf"),
        "cidade": address.get("city"),
        "coordenadas": {"latitude": address.get("latitude"), "longitude": address.get("longitude")},
    }


def _written(address: Mapping[str, Any]) -> str | None:
    """Write an address in one line: RUA GOIAS, 86 - CENTRO, DIVINÓPOLIS/MG - APTO 101."""
    street = ", ".join(filter(None, (address.get("street"), address.get("number"))))
    city = "/".join(filter(None, (address.get("city"), address.get("uf"))))
    place = ", ".join(filter(None, (address.get("district"), city)))
    return " - ".join(filter(None, (street, place, address.get("complement")))) or None


def _moment(value: date | datetime | None) -> str | None:
    """Give a time as the original does: `2017-08-05 00:00:00`."""
    if value is None:
        return None
    whole = value if isinstance(value, datetime) else datetime.combine(value, time())
    return whole.strftime("%Y-%m-%d %H:%M:%S")

"""Customers and invoices in the original's own fields: what its API answers, and what an ERP may push to us.

Both read the same names that our lookups show. `lenient`: a field that cannot be read is left out, as the
source is not here to be told; only what a row cannot be without is refused then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

from disparo.db.customers import ContactRow, CustomerRow, InvoiceRow
from disparo.domain.phone import UFS
from disparo.sources.csv_fields import (
    ABSENT,
    BadField,
    Reader,
    or_absent,
    read_amount,
    read_cpf_cnpj,
    read_date,
    read_flag,
    read_id,
    read_linha_digitavel,
    read_link,
    read_moment,
    read_optional_id,
    read_status,
    read_text,
)

Item = Mapping[str, Any]
_text = partial(read_text, longest=200)
_phone = partial(read_text, longest=60)
_flag = partial(read_flag, default=True)
_MOST_LISTED = 50
_PLACES = {1: "primario", 2: "secundario", 3: "terciario"}


def _iso(text: str, name: str) -> str | None:
    day = read_date(text, name)
    return None if day is None else day.isoformat()


def _number(text: str, name: str) -> float | None:
    """Read an amount; a discount among an invoice's items is below zero."""
    if not text:
        return None
    bare = text.removeprefix("-")
    return float(read_amount(bare, name)) * (1 if bare == text else -1)


def _degrees(text: str, name: str) -> float | None:
    if not text:
        return None
    if not re.fullmatch(r"-?[0-9]{1,3}([.,][0-9]{1,20})?", text):
        raise BadField(f"{name} deve ser um número de graus")
    return float(text.replace(",", "."))


def normal_mac(text: str) -> str:
    """Give a hardware address as AA:BB:CC:DD:EE:FF; anything else as it came."""
    digits = re.sub(r"[^0-9A-Fa-f]", "", text).upper()
    return ":".join(re.findall("..", digits)) if len(digits) == 12 else text  # noqa: PLR2004 - 48 bits


def _mac(text: str, name: str) -> str | None:
    found: str | None = _text(text, name)
    return None if found is None else normal_mac(found)


#: Names in the original, the column or key here, and how it is read; of two names the first that is there.
_CUSTOMER: Sequence[tuple[str, str, Reader]] = (
    ("codigo_cliente", "code", read_optional_id),
    ("nome_fantasia", "trade_name", _text),
    ("cpf_cnpj", "cpf_cnpj", read_cpf_cnpj),
    *((f"telefone_{place}", f"phone_{n}", _phone) for n, place in _PLACES.items()),
    *((f"permite_sms_{place}", f"phone_{n}_allowed", or_absent(_flag)) for n, place in _PLACES.items()),
    ("email_principal", "email_1", _text),
    ("email_secundario", "email_2", _text),
    ("data_cadastro", "registered_at", or_absent(read_moment)),
    ("data_nascimento|data_nascmento", "birth_date", partial(read_date, oldest=1900)),
    ("ativo", "active", or_absent(_flag)),
    ("uuid_cliente", "uuid", _text),
    ("id_externo", "external_id", _text),
)
_SERVICE: Sequence[tuple[str, str, Reader]] = (
    ("id_cliente_servico", "id", read_id),
    ("id_servico", "plan_id", read_optional_id),
    ("numero_plano", "plan_number", read_optional_id),
    ("nome", "name", _text),
    ("valor", "price", _number),
    ("status", "status", _text),
    ("status_prefixo", "status_code", _text),
    ("data_habilitacao", "activated_on", _iso),
    ("tecnologia", "technology", _text),
    ("login", "login", _text),
    ("ipv4", "ipv4", _text),
    ("ipv6", "ipv6", _text),
    ("mac|mac_addr", "mac", _mac),
)
_ADDRESS: Sequence[tuple[str, str, Reader]] = (
    ("completo", "full", partial(read_text, longest=400)),
    ("endereco", "street", _text),
    ("numero", "number", _text),
    ("complemento", "complement", _text),
    ("referencia", "reference", _text),
    ("bairro", "district", _text),
    ("cep", "zip", _text),
    ("cidade", "city", _text),
)
_DEVICE: Sequence[tuple[str, str, Reader]] = (
    ("nome", "name", _text),
    ("tipo", "kind", _text),
    ("called_sid", "called_sid", _text),
    ("ipv4", "ipv4", _text),
    ("ipv6", "ipv6", _text),
)
_DEVICES = {
    "interface": "interface",
    "interface_roteamento": "routing_interface",
    "equipamento_conexao": "access",
    "equipamento_roteamento": "routing",
}
_ADDRESSES = {
    "endereco_cadastral": "registered",
    "endereco_instalacao": "installation",
    "endereco_fiscal": "fiscal",
    "endereco_cobranca": "billing",
}
_INVOICE: Sequence[tuple[str, str, Reader]] = (
    ("data_pagamento", "paid_at", read_date),
    ("valor_pago", "paid_amount", lambda text, name: read_amount(text, name) if text else None),
    ("data_cadastro", "registered_on", or_absent(read_date)),
    ("link", "link", read_link),
    ("linha_digitavel", "linha_digitavel", read_linha_digitavel),
    ("pix_copia_cola|pix_copia_e_cola", "pix", partial(read_text, longest=600)),
)
_DETAILS: Sequence[tuple[str, str, Reader]] = (
    ("id_cliente_servico", "service_id", read_optional_id),
    ("nosso_numero", "our_number", _text),
    ("nosso_numero_dv", "our_number_digit", _text),
    ("agencia_codigo_beneficiario", "beneficiary_code", _text),
    ("numero_documento", "document_number", read_optional_id),
    ("especie", "kind", _text),
    ("aceite", "accept", _text),
    ("carteira", "wallet", _text),
    ("local_pagamento", "payment_place", _text),
    ("tipo_cobranca", "charge_type", _text),
    ("data_documento", "document_date", _iso),
    ("data_processamento", "processed_on", _iso),
)
_ITEM: Sequence[tuple[str, str, Reader]] = (
    ("id_cobranca", "id", read_optional_id),
    ("descricao", "description", _text),
    ("valor", "amount", _number),
)


def read_customer(item: Item, *, lenient: bool = False) -> CustomerRow:
    """Read a customer; raises BadField naming the field."""
    name = read_text(
        _value(item.get("nome_razaosocial"), "nome_razaosocial"),
        "nome_razaosocial",
        longest=200,
        required=True,
    )
    row: dict[str, Any] = {
        "id": read_id(_value(item.get("id_cliente"), "id_cliente"), "id_cliente"),
        "name": name,
    }
    row |= _read(item, _CUSTOMER, lenient=lenient)
    if "servicos" in item:
        row["services"] = [_service(service, lenient=lenient) for service in _listed(item, "servicos")]
    if not _ADDRESSES.keys().isdisjoint(item):
        row["addresses"] = _addresses(item, lenient=lenient)
    uf = _uf_of(row, item, lenient=lenient)
    if uf is not None:
        row["uf"] = uf
    return cast("CustomerRow", row)


def read_contacts(item: Item, customer_id: int) -> list[ContactRow] | None:
    """Read a customer's contacts, None where nothing is said of them; raises BadField."""
    if "contatos" not in item:
        return None
    return [
        {
            "id": read_id(_value(contact.get("id_contato"), "id_contato"), "id_contato"),
            "customer_id": customer_id,
            "name": _text(_value(contact.get("nome"), "nome"), "nome") or "",
            "phone": read_text(
                _value(contact.get("telefone"), "telefone"), "telefone", longest=60, required=True
            )
            or "",
            "sms_allowed": read_flag(
                _value(contact.get("permite_enviar_sms"), "permite_enviar_sms"),
                "permite_enviar_sms",
                default=False,
            ),
        }
        for contact in _listed(item, "contatos")
    ]


def read_invoice(item: Item, *, lenient: bool = False) -> InvoiceRow:
    """Read an invoice; raises BadField naming the field."""
    customer = item.get("cliente")
    customer_id = item.get("id_cliente")
    if customer_id is None and isinstance(customer, dict):
        customer_id = customer.get("id_cliente")
    row: dict[str, Any] = {
        "id": read_id(_value(item.get("id_fatura"), "id_fatura"), "id_fatura"),
        "customer_id": read_id(_value(customer_id, "id_cliente"), "id_cliente"),
        "amount": read_amount(_value(item.get("valor"), "valor"), "valor"),
        "due_date": read_date(
            _value(item.get("data_vencimento"), "data_vencimento"), "data_vencimento", required=True
        ),
    }
    row |= _read(item, _INVOICE, lenient=lenient)
    status = _status(item, row)
    if status is not None:
        row["status"] = status
    details = _read(item, _DETAILS, lenient=lenient)
    if "detalhamento" in item:
        details["items"] = [_read(part, _ITEM, lenient=True) for part in _listed(item, "detalhamento")]
    if details:
        row["details"] = details
    return cast("InvoiceRow", row)


def _status(item: Item, row: dict[str, Any]) -> str | None:
    """Give a state that is told; no payment tells none, for it may be cancelled: see `upsert_invoices`."""
    word = _value(item.get("status", item.get("situacao")), "status")
    if word:
        return read_status(word, "status", paid_at=row.get("paid_at"))
    if "quitado" in item and item["quitado"] is not None:
        if read_flag(_value(item["quitado"], "quitado"), "quitado", default=False):
            return "paid"
        row["paid_at"] = None
    return None if row.get("paid_at") is None else "paid"


def _service(item: Item, *, lenient: bool) -> dict[str, Any]:
    found = _read(item, _SERVICE, lenient=lenient)
    devices = {
        key: _read(item[name], _DEVICE, lenient=True)
        for name, key in _DEVICES.items()
        if isinstance(item.get(name), dict)
    }
    if devices:
        found["devices"] = devices
    if not _ADDRESSES.keys().isdisjoint(item):
        # Services are replaced whole: what is null is not there.
        found["addresses"] = {
            name: {key: value for key, value in address.items() if value is not None}
            for name, address in _addresses(item, lenient=lenient).items()
        }
    return {key: value for key, value in found.items() if value is not None}


def _addresses(item: Item, *, lenient: bool) -> dict[str, Any]:
    return {
        key: _address(item[name], lenient=lenient)
        for name, key in _ADDRESSES.items()
        if isinstance(item.get(name), dict)
    }


def _address(item: Item, *, lenient: bool) -> dict[str, Any]:
    found = _read(item, _ADDRESS, lenient=lenient)
    if "uf" in item or "estado" in item:
        found["uf"] = _uf(item, lenient=lenient)
    place = item.get("coordenadas")
    if isinstance(place, dict):
        found |= {
            name: _degrees(_value(place.get(name), name), name)
            for name in ("latitude", "longitude")
            if place.get(name) is not None
        }
    return found


def _uf(item: Item, *, lenient: bool) -> str | None:
    """Give the two letters, from whichever of `uf` and `estado` has them: the original mixes them up."""
    for name in ("uf", "estado"):
        word = str(item.get(name) or "").strip().upper()
        if word in UFS:
            return word
    if not lenient and _value(item.get("uf"), "uf"):
        raise BadField("uf não é uma UF")
    return None


def _uf_of(row: Mapping[str, Any], item: Item, *, lenient: bool) -> str | None:
    if found := _uf(item, lenient=lenient):
        return found
    places = [
        row.get("addresses", {}),
        *(service.get("addresses", {}) for service in row.get("services", [])),
    ]
    for key in ("registered", "installation"):
        for addresses in places:
            if found := addresses.get(key, {}).get("uf"):
                return str(found)
    return None


def _read(item: Item, fields: Sequence[tuple[str, str, Reader]], *, lenient: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for names, key, read in fields:
        name = next((name for name in names.split("|") if name in item), None)
        if name is None:
            continue
        try:
            value = read(_value(item[name], name), name)
        except BadField:
            if not lenient:
                raise
            continue
        if value is not ABSENT:
            found[key] = value
    return found


def _value(value: object, name: str) -> str:
    """Write a JSON value as a file would have it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "sim" if value else "nao"
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int):
        return str(value) if abs(value) < 10**30 else "9" * 31
    if isinstance(value, float):
        return f"{value:.10f}".rstrip("0").rstrip(".").replace(".", ",")
    raise BadField(f"{name} deve ser um texto ou um número")


def _listed(item: Item, name: str) -> list[Item]:
    """Give a list of objects; one object stands for a list of it, as in old answers of the original."""
    value = item[name]
    found = [] if value is None else [value] if isinstance(value, dict) else value
    if not isinstance(found, list) or not all(isinstance(part, dict) for part in found):
        raise BadField(f"{name} deve ser uma lista de objetos")
    if len(found) > _MOST_LISTED:
        raise BadField(f"{name} passa de {_MOST_LISTED} itens")
    return found

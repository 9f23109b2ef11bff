"""Tables of HubSoft's field names, ours, and how the value of each is read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import partial

from disparo.sources.csv_fields import (
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
    read_optional_id,
    read_phones,
    read_pix,
    read_text,
)
from disparo.sources.moments import read_moment

short_text = partial(read_text, longest=200)
phone_field = partial(read_phones, longest=200)
_flag = partial(read_flag, default=True)
_DECIMAL = re.compile(r"[0-9]+\.[0-9]+")
_PLACES = {1: "primario", 2: "secundario", 3: "terciario"}


def _iso(text: str, name: str) -> str | None:
    day = read_date(text, name)
    return None if day is None else day.isoformat()


def amount(text: str, name: str) -> Decimal:
    """Read an amount of an API: one point in it is a decimal one, `89.900` is no thousands as in a file."""
    return read_amount(text.replace(".", ",") if _DECIMAL.fullmatch(text) else text, name)


def _number(text: str, name: str) -> float | None:
    """Read an amount; a discount among an invoice's items is below zero."""
    if not text:
        return None
    bare = text.removeprefix("-")
    return float(amount(bare, name)) * (1 if bare == text else -1)


def degrees(text: str, name: str) -> float | None:
    """Read a latitude or longitude; raises BadField."""
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
    found: str | None = short_text(text, name)
    return None if found is None else normal_mac(found)


PHONES: Sequence[tuple[str, str, Reader]] = [
    (f"telefone_{place}", f"phone_{n}", phone_field) for n, place in _PLACES.items()
]
_ACTIVE: tuple[str, str, Reader] = ("ativo", "active", or_absent(_flag))
#: Of a customer, beside an invoice.
TOLD: Sequence[tuple[str, str, Reader]] = (*PHONES, _ACTIVE)
FLAGS = frozenset({"ativo", *(f"permite_sms_{place}" for place in _PLACES.values())})
#: Names in the original, the column or key here, and how it is read; of two names the first that is there.
CUSTOMER: Sequence[tuple[str, str, Reader]] = (
    ("codigo_cliente", "code", read_optional_id),
    ("nome_fantasia", "trade_name", short_text),
    ("cpf_cnpj", "cpf_cnpj", read_cpf_cnpj),
    *PHONES,
    *((f"permite_sms_{place}", f"phone_{n}_allowed", or_absent(_flag)) for n, place in _PLACES.items()),
    ("email_principal", "email_1", short_text),
    ("email_secundario", "email_2", short_text),
    ("data_cadastro", "registered_at", or_absent(read_moment)),
    ("data_nascimento|data_nascmento", "birth_date", partial(read_date, oldest=1900)),
    _ACTIVE,
    ("uuid_cliente", "uuid", short_text),
    ("id_externo", "external_id", short_text),
)
SERVICE: Sequence[tuple[str, str, Reader]] = (
    ("id_cliente_servico", "id", read_id),
    ("id_servico", "plan_id", read_optional_id),
    ("numero_plano", "plan_number", read_optional_id),
    ("nome", "name", short_text),
    ("valor", "price", _number),
    ("status", "status", short_text),
    ("status_prefixo", "status_code", short_text),
    ("data_habilitacao", "activated_on", _iso),
    ("tecnologia", "technology", short_text),
    ("login", "login", short_text),
    ("ipv4", "ipv4", short_text),
    ("ipv6", "ipv6", short_text),
    ("mac|mac_addr", "mac", _mac),
)
ADDRESS: Sequence[tuple[str, str, Reader]] = (
    ("completo", "full", partial(read_text, longest=400)),
    ("endereco", "street", short_text),
    ("numero", "number", short_text),
    ("complemento", "complement", short_text),
    ("referencia", "reference", short_text),
    ("bairro", "district", short_text),
    ("cep", "zip", short_text),
    ("cidade", "city", short_text),
)
DEVICE: Sequence[tuple[str, str, Reader]] = (
    ("nome", "name", short_text),
    ("tipo", "kind", short_text),
    ("called_sid", "called_sid", short_text),
    ("ipv4", "ipv4", short_text),
    ("ipv6", "ipv6", short_text),
)
DEVICES = {
    "interface": "interface",
    "interface_roteamento": "routing_interface",
    "equipamento_conexao": "access",
    "equipamento_roteamento": "routing",
}
ADDRESSES = {
    "endereco_cadastral": "registered",
    "endereco_instalacao": "installation",
    "endereco_fiscal": "fiscal",
    "endereco_cobranca": "billing",
}
INVOICE: Sequence[tuple[str, str, Reader]] = (
    ("data_pagamento", "paid_at", read_date),
    ("valor_pago", "paid_amount", lambda text, name: amount(text, name) if text else None),
    ("data_cadastro", "registered_on", or_absent(read_date)),
    ("link", "link", read_link),
    ("linha_digitavel|codigo_barras", "linha_digitavel", read_linha_digitavel),
    ("pix_copia_cola|pix_copia_e_cola", "pix", read_pix),
)
DETAILS: Sequence[tuple[str, str, Reader]] = (
    ("id_cliente_servico", "service_id", read_optional_id),
    ("nosso_numero", "our_number", short_text),
    ("nosso_numero_dv", "our_number_digit", short_text),
    ("agencia_codigo_beneficiario", "beneficiary_code", short_text),
    ("numero_documento", "document_number", read_optional_id),
    ("especie", "kind", short_text),
    ("aceite", "accept", short_text),
    ("carteira", "wallet", short_text),
    ("local_pagamento", "payment_place", short_text),
    ("tipo_cobranca", "charge_type", short_text),
    ("data_documento", "document_date", _iso),
    ("data_processamento", "processed_on", _iso),
)
#: Of several companies that one installation of the original bills for, the one that issued an invoice.
COMPANY: Sequence[tuple[str, str, Reader]] = (
    ("documento", "document", read_cpf_cnpj),
    ("nome_razaosocial", "name", short_text),
    ("nome_fantasia", "trade_name", short_text),
)
ITEM: Sequence[tuple[str, str, Reader]] = (
    ("id_cobranca", "id", read_optional_id),
    ("descricao", "description", short_text),
    ("valor", "amount", _number),
)

"""The bodies of `PUT cliente` and `PUT fatura` for the OpenAPI document: each field that is read, and how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel

from disparo.api.hubsoft.schemas import success
from disparo.api.schemas import REPEATABLE, WITH_BODY, Refused, Responses, json_body_of
from disparo.sources.hubsoft_names import (
    ADDRESS,
    ADDRESSES,
    COMPANY,
    CUSTOMER,
    DETAILS,
    DEVICES,
    INVOICE,
    ITEM,
    SERVICE,
)

MOST_ITEMS = 1000
CUSTOMER_ALWAYS = ("id_cliente", "nome_razaosocial")
INVOICE_ALWAYS = ("id_fatura", "id_cliente", "valor", "data_vencimento")
_DAY = "AAAA-MM-DD ou DD/MM/AAAA"
_LEAVE = "true ou false, sim ou nao"
_Field = dict[str, Any]


class ItemError(BaseModel):
    """Um item que não foi gravado; indice conta a partir de 0."""

    indice: int
    id: int | str | None
    mensagem: str


class ItemNotice(BaseModel):
    """O que convém saber de um item que foi gravado; só onde há."""

    indice: int
    id: int
    mensagem: str


class Pushed(BaseModel):
    """A resposta de PUT cliente e PUT fatura."""

    status: Literal["success"]
    msg: str
    gravados: int
    erros: list[ItemError]
    avisos: list[ItemNotice] = []


class NothingStored(Refused):
    """Nenhum item foi gravado: `erros` diz o que há com cada um."""

    gravados: Literal[0]
    erros: list[ItemError]


PUSH_RESPONSES: Responses = {
    **WITH_BODY,
    **REPEATABLE,
    **success(Pushed),
    200: {"model": Pushed | NothingStored | Refused, "description": "Sucesso: um item ou mais gravados"},
    422: {"model": NothingStored | Refused, "description": "Recusado; nada foi gravado"},
}

#: What is not plain from a field's name.
_TOLD: Mapping[str, str] = {
    "valor": 'Um número com ponto, 89.9, ou um texto: "89,90", "1.234,56"',
    "valor_pago": "Como valor",
    "data_vencimento": _DAY,
    "data_pagamento": f"{_DAY}; null: não foi paga",
    "data_cadastro": _DAY,
    "data_nascimento": _DAY,
    "data_documento": _DAY,
    "data_processamento": _DAY,
    "telefone_primario": "Em qualquer formato, com o DDD; null o tira do cadastro",
    "telefone_secundario": "Como telefone_primario",
    "telefone_terciario": "Como telefone_primario",
    "permite_sms_primario": f"{_LEAVE}; de um cliente novo, sem dizer nada: sim",
    "permite_sms_secundario": "Como permite_sms_primario",
    "permite_sms_terciario": "Como permite_sms_primario",
    "ativo": _LEAVE,
    "link": "Começa com http:// ou https://",
    "linha_digitavel": "Só se os dígitos verificadores conferem; também os 44 do código de barras, "
    "aqui ou em codigo_barras",
    "pix_copia_cola": "O Pix copia e cola inteiro; também como pix_copia_e_cola",
    "cpf_cnpj": "Com ou sem pontuação",
}


def _field(name: str) -> _Field:
    return {"description": _TOLD[name]} if name in _TOLD else {}


def _names(*tables: Iterable[tuple[str, str, Any]]) -> list[str]:
    return [names.partition("|")[0] for table in tables for names, _, _ in table]


def _fields(*tables: Iterable[tuple[str, str, Any]]) -> _Field:
    return {name: _field(name) for name in _names(*tables)}


def _part(said: str, names: Iterable[str]) -> _Field:
    """Describe an object, or a list of them, in words: many a shape of it is understood."""
    return {"description": f"{said}: {', '.join(names)}"}


_UF: _Field = {"description": "As duas letras; com o DDD, decidem o horário de envio. Sem ela, a do endereço"}
_ADDRESSES: _Field = {
    name: _part("Um objeto", [*_names(ADDRESS), "uf", "coordenadas (latitude, longitude)"])
    for name in ADDRESSES
}
_SERVICES = _part("Uma lista de até 50, que substitui a de antes", [*_names(SERVICE), *DEVICES, *ADDRESSES])
_CONTACTS: _Field = {
    "type": ["array", "object", "null"],  # as PHP writes a list with gaps, and none
    "description": "Uma lista de até 50, que substitui a de antes; id_contato e telefone são obrigatórios, "
    "e um id_contato é de um contato só, entre todos os clientes: o de outro passa para este, com um aviso",
    "items": {
        "type": "object",
        "properties": {
            "id_contato": {},
            "nome": {},
            "telefone": {"description": "Ou celular, onde telefone está vazio"},
            "permite_sms": {"description": f"{_LEAVE}; sem dizer nada: nao"},
        },
    },
}
_CUSTOMER: _Field = {
    "id_cliente": {"description": "O número do cliente no programa de origem", "example": 12025},
    "nome_razaosocial": {"example": "MACIEL RODRIGUES"},
    "permite_sms": {"description": f"{_LEAVE}: vale para os telefones sem a sua própria permissão"},
    **_fields(CUSTOMER),
    "uf": _UF,
    **_ADDRESSES,
    "servicos": _SERVICES,
    "contatos": _CONTACTS,
}
_INVOICE: _Field = {
    "id_fatura": {"description": "O número da fatura no programa de origem", "example": 11000},
    "id_cliente": {"description": "Um cliente que já está no cadastro", "example": 12025},
    "valor": {**_field("valor"), "example": 99.9},
    "data_vencimento": {**_field("data_vencimento"), "example": "2026-12-05"},
    "status": {
        "description": "aguardando ou vencido (em aberto), quitado, cancelado; sem ele decidem quitado, "
        "data_pagamento e fatura_ativa",
        "example": "aguardando",
    },
    "quitado": {"description": _LEAVE},
    "fatura_ativa": {"description": f"{_LEAVE}; nao: cancelada"},
    **_fields(INVOICE),
    **_fields(DETAILS),
    "empresa": _part("A empresa que emitiu a fatura, um objeto", _names(COMPANY)),
    "detalhamento": _part("Uma lista de até 50, que substitui a de antes", _names(ITEM)),
}


def _body(name: str, always: Sequence[str], properties: _Field) -> dict[str, Any]:
    items = {"type": "object", "required": list(always), "properties": properties}
    return json_body_of(
        {name: {"type": "array", "items": items, "minItems": 1, "maxItems": MOST_ITEMS}}, [name]
    )


CUSTOMERS_BODY = _body("clientes", CUSTOMER_ALWAYS, _CUSTOMER)
INVOICES_BODY = _body("faturas", INVOICE_ALWAYS, _INVOICE)

"""Sending and our own routes (docs/api.md §3, §5) as shapes for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from disparo.api.hubsoft.words import (
    IGNORED_WORDS,
    ORIGIN_WORDS,
    PURPOSE_WORDS,
    REASON_WORDS,
    STATUS_WORDS,
)
from disparo.api.schemas import KEY_IN_USE, REPLAYED, WITH_BODY, Refused, Responses, body_of


def _one_of(words: Iterable[str]) -> Any:
    return Field(json_schema_extra={"enum": list(dict.fromkeys(words))})


def _such_as(said: str, words: Iterable[str]) -> Any:
    return Field(description=f"{said}: {', '.join(dict.fromkeys(words))}")


Situation = Annotated[str, _one_of(STATUS_WORDS.values())]
Purpose = Annotated[str, _one_of(PURPOSE_WORDS.values())]
Counts = Annotated[dict[str, int], Field(description="Quantas mensagens em cada situacao")]


class InvoiceRef(BaseModel):
    """Uma fatura."""

    id_fatura: int


class PhoneOut(BaseModel):
    """Um destinatário."""

    id_contato: int | None
    id_cliente: int
    telefone: str
    nome: str
    permite_enviar_sms: bool
    origem: Literal["cadastro_cliente", "contato", "telefone_adicional"]


class Delay(BaseModel):
    """Quando o disparo começa."""

    date: str
    timezone_type: Literal[3]
    timezone: str


class Job(BaseModel):
    """O que o original chama de job."""

    tries: int
    timeout: int
    memory: int
    faturas: list[InvoiceRef]
    telefones: list[PhoneOut]
    connection: None
    queue: str
    delay: Delay


class IgnoredPhone(BaseModel):
    """Um telefone que não recebe o SMS, e por quê."""

    telefone: str
    motivo: Annotated[str, _such_as("Um destes", IGNORED_WORDS.values())]


class DispatchRef(BaseModel):
    """O disparo, para consultar depois."""

    id: str
    consulta: str
    ignorados: list[IgnoredPhone]


class SendAccepted(BaseModel):
    """A resposta de enviar_sms."""

    status: Literal["success"]
    msg: str
    job: Job
    disparo: DispatchRef


class Progress(BaseModel):
    """Quanto já foi."""

    total: int
    finalizadas: int
    percentual: float


class DispatchOut(BaseModel):
    """Um disparo."""

    id: str
    situacao: Literal["em_andamento", "concluido", "pausado", "cancelado"]
    finalidade: Purpose
    fila: str
    faturas: list[InvoiceRef]
    criado_em: str
    inicio_em: str
    contagem: Counts
    progresso: Progress


class MessageOut(BaseModel):
    """Uma mensagem e seu destino."""

    id: int
    id_fatura: int
    id_cliente: int
    id_contato: int | None
    nome: str
    telefone: str
    origem: Annotated[str, _one_of(ORIGIN_WORDS.values())]
    situacao: Situation
    motivo: Annotated[
        str | None, _such_as("Por que está nessa situacao, se há um motivo", REASON_WORDS.values())
    ]
    plataforma: str | None
    id_plataforma: str | None
    codigo: str | None
    tentativas: int
    segmentos: int | None
    criada_em: str
    prevista_para: str | None
    enviada_em: str | None
    entregue_em: str | None
    atualizada_em: str


class BulkOut(BaseModel):
    """O que só um disparo em lote tem."""

    vencimento_inicio: str | None
    vencimento_fim: str | None
    faturas_total: int | None
    faturas_lidas: int
    agendamento_concluido: bool
    ignorados: dict[str, int]


class DispatchWithMessages(DispatchOut):
    """Um disparo com suas mensagens; `lote` só num disparo em lote."""

    tentativas: int
    timeout: int
    ignorados: list[IgnoredPhone]
    mensagens: list[MessageOut]
    lote: BulkOut | None


class Paging(BaseModel):
    """A paginação do original: as páginas contam do 0."""

    primeira_pagina: int
    ultima_pagina: int
    pagina_atual: int
    total_registros: int


class DispatchAnswer(BaseModel):
    """A resposta de GET disparo/{id}."""

    status: Literal["success"]
    msg: str
    disparo: DispatchWithMessages
    paginacao: Paging


class DispatchList(BaseModel):
    """A resposta de GET disparo."""

    status: Literal["success"]
    msg: str
    disparos: list[DispatchOut]
    paginacao: Paging


class CancelAnswer(BaseModel):
    """A resposta de POST disparo/{id}/cancelar."""

    status: Literal["success"]
    msg: str
    canceladas: int
    ja_entregues: int


class OptOutOut(BaseModel):
    """Um número descadastrado."""

    telefone: str
    motivo: str
    descadastrado_em: str


class OptOutList(BaseModel):
    """A resposta de GET sms/descadastro."""

    status: Literal["success"]
    msg: str
    descadastros: list[OptOutOut]
    paginacao: Paging


class Done(BaseModel):
    """Feito."""

    status: Literal["success"]
    msg: str


REFUSED: Responses = {422: {"model": Refused, "description": "Recusado; nada foi agendado"}}


def success(model: type[BaseModel], *, headers: dict[str, Any] | None = None) -> Responses:
    """Describe a 200: for clients with `error_codes: hubsoft` it may hold the refusal instead."""
    return {
        200: {"model": model | Refused, "description": "Sucesso", "headers": headers or {}},
        **REFUSED,
    }


SEND_RESPONSES: Responses = {
    **WITH_BODY,
    **success(SendAccepted, headers=REPLAYED),
    409: KEY_IN_USE,
}
INVOICE_ID: dict[str, Any] = {
    "oneOf": [
        {"type": "integer", "minimum": 1, "maximum": 10**18 - 1},
        {"type": "string", "pattern": "^[0-9]{1,18}$"},
    ],
    "example": "11000",
}
SEND_BODY: dict[str, Any] = body_of(
    {
        "id_fatura": INVOICE_ID,
        "telefone_adicional": {
            "anyOf": [
                {"type": "array", "items": {"type": ["string", "integer"]}, "maxItems": 10},
                {"type": ["string", "integer", "null"]},
                {
                    "type": "object",
                    "patternProperties": {"^[0-9]{1,18}$": {"type": ["string", "integer"]}},
                    "additionalProperties": False,
                    "maxProperties": 10,
                },
            ],
            "description": "Uma lista, também numerada como a escreve o PHP; um só vale também sem ela",
            "example": ["11988887777", "1188887776"],
        },
    },
    ["id_fatura"],
)
_PHONE = {"type": ["string", "integer"], "example": "11988887777"}
_PHONE_OR_NONE = {**_PHONE, "type": [*_PHONE["type"], "null"]}
PHONE_BODY: dict[str, Any] = body_of({"telefone": _PHONE}, ["telefone"])
OPTIONAL_PHONE_BODY: dict[str, Any] = body_of({"telefone": _PHONE_OR_NONE}, [], body_required=False)

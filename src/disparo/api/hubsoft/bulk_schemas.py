"""The shapes of bulk runs for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from disparo.api.hubsoft.schemas import INVOICE_ID, DispatchRef, Job, success
from disparo.api.schemas import KEY_IN_USE, REPLAYED, WITH_BODY, Refused, Responses, body_of
from disparo.dispatch.bulk import MOST_IDS


class PlatformEstimate(BaseModel):
    """O que pode ir por uma plataforma, pelos `ddds` dela; `duracao_s` nula: sem limite de velocidade."""

    plataforma: str
    destinatarios: int
    segmentos: int
    textos_que_nao_cabem: int
    custo: float | None
    duracao_s: float | None


class Estimated(BaseModel):
    """Quanto seria; `sem_plataforma`: destinatários de DDDs que nenhuma plataforma atende.

    `fora_do_horario`: os que agora não podem receber; `inicio_em`: quando sai o primeiro (nulo: ninguém).
    """

    faturas: int
    destinatarios: int
    ignorados: dict[str, int]
    sem_plataforma: int
    plataformas: list[PlatformEstimate]
    duracao_s: float | None
    fora_do_horario: int
    inicio_em: str | None


class BulkAccepted(BaseModel):
    """O disparo em lote foi gravado; `job.faturas` e `job.telefones` ficam vazios."""

    status: Literal["success"]
    msg: str
    job: Job
    disparo: DispatchRef


class BulkSimulated(BaseModel):
    """A resposta com `simular: sim`; nada foi agendado."""

    status: Literal["success"]
    msg: str
    simulacao: Estimated


BULK_RESPONSES: Responses = {
    **WITH_BODY,
    **success(BulkAccepted),
    200: {
        "model": BulkAccepted | BulkSimulated | Refused,
        "description": "Sucesso",
        "headers": REPLAYED,
    },
    409: KEY_IN_USE,
}
_DAY = {
    "anyOf": [{"type": "string", "format": "date"}, {"type": "null"}, {"const": ""}],
    "description": "AAAA-MM-DD, inclusive. Com outro nome (data_inicio, data_fim, tipo_data, vencimento_de) "
    "e sem os dois daqui, o filtro é recusado (422): ignoradas as datas, seria o de todas "
    "as faturas. E também o que tem id_cliente, faturas, busca e outros que não o filtram",
    "example": "2026-12-05",
}
BULK_BODY: dict[str, Any] = body_of(
    {
        "ids_fatura": {
            "anyOf": [
                {"type": "array", "items": INVOICE_ID, "minItems": 1, "maxItems": MOST_IDS},
                {"type": ["string", "integer", "null"]},
                {
                    "type": "object",
                    "patternProperties": {"^[0-9]{1,18}$": INVOICE_ID},
                    "additionalProperties": False,
                    "minProperties": 1,
                    "maxProperties": MOST_IDS,
                },
            ],
            "description": "Estas faturas, em lista, também numerada como a escreve o PHP, ou entre "
            "vírgulas; ou o filtro abaixo, sem limite",
            "example": [11000, 11001],
        },
        "vencimento_inicio": _DAY,
        "vencimento_fim": _DAY,
        "status": {"enum": ["aguardando", "vencido", "", None]},
        "simular": {
            "type": ["string", "boolean", "integer", "null"],
            "description": "sim: responde quanto seria e não agenda nada; nao (o padrão)",
            "example": "nao",
        },
    },
    [],
)

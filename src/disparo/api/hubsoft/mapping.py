"""Builds the answers that callers read from our own values (docs/api.md §3, §5)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
from pydantic_core import to_json

from disparo.api.errors import Failure, Refusal
from disparo.api.hubsoft.paging import pagination
from disparo.api.hubsoft.words import (
    IGNORED_WORDS,
    ORIGIN_WORDS,
    PURPOSE_WORDS,
    RUN_WORDS,
    STATUS_WORDS,
    reason_word,
)
from disparo.db.dispatches import StoredAs
from disparo.dispatch.calls import Accepted, Reason, Refused
from disparo.domain.message import SETTLED, count_in
from disparo.wording.words import source_silent

ACCEPTED_MSG = (
    "As faturas foram adicionadas para serem disparadas por SMS. Por se tratar de um processo de envio "
    "massivo, o sistema fará o agendamento do disparo. Dentro de alguns minutos o cliente irá receber as "
    "mensagens SMS com os dados das faturas. OBS: Para cada fatura selecionada será enviado um SMS"
)
BASE = "/api/v1/integracao"


def accepted_answer(accepted: Accepted, zone: ZoneInfo) -> bytes:
    """Give the body of the 200."""
    phones = [
        {
            "id_contato": recipient.contact_id,
            "id_cliente": recipient.customer_id,
            "telefone": recipient.phone.national,
            "nome": recipient.name,
            "permite_enviar_sms": True,
            "origem": ORIGIN_WORDS[recipient.origin],
        }
        for recipient in accepted.recipients
    ]
    ignored = [{"telefone": item.phone, "motivo": IGNORED_WORDS[item.reason]} for item in accepted.ignored]
    answer = stored_answer(accepted.dispatch_id, accepted.stored_as, accepted.starts_at, zone)
    answer["job"] |= {"faturas": [{"id_fatura": accepted.invoice_id}], "telefones": phones}
    answer["disparo"]["ignorados"] = ignored
    return to_json(answer)


def stored_answer(
    dispatch_id: UUID, stored_as: StoredAs, starts_at: datetime, zone: ZoneInfo
) -> dict[str, Any]:
    """Give what the answers to a single send and to a bulk run have in common."""
    id_ = str(dispatch_id)
    return {
        "status": "success",
        "msg": ACCEPTED_MSG,
        "job": {
            "tries": stored_as.tries,
            "timeout": stored_as.timeout_s,
            "memory": stored_as.memory_mb,
            "faturas": [],
            "telefones": [],
            "connection": None,
            "queue": stored_as.queue,
            "delay": {"date": _moment(starts_at, zone), "timezone_type": 3, "timezone": zone.key},
        },
        "disparo": {
            "id": id_,
            "consulta": f"{BASE}/disparo/{id_}",
            "ignorados": [],
        },
    }


@lru_cache(maxsize=64)  # calls of one transaction share theirs
def _moment(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S.%f")


def refusal_of(refused: Refused) -> Refusal:
    """Give the words of a refusal."""
    number = refused.invoice_id
    words = {
        Reason.INVOICE_UNKNOWN: f"Fatura de ID {number} não encontrada",
        Reason.INVOICE_PAID: f"A fatura de ID {number} já encontra-se quitada {_paid(refused.paid_at)}",
        Reason.INVOICE_CANCELLED: f"A fatura de ID {number} está cancelada",
        Reason.INVOICE_ZERO: f"A fatura de ID {number} é de R$ 0,00",
        Reason.NOBODY: f"Nenhum telefone celular válido para a fatura de ID {number}",
        Reason.NO_PLATFORM: "Nenhuma plataforma de SMS configurada",
        Reason.EXTRA_CAP: f"O limite diário de {refused.limit} telefones adicionais deste cliente de API "
        "foi atingido",
        Reason.KEY_REUSED: "Esta Idempotency-Key já foi usada com outra requisição",
    }
    return Refusal(words[refused.reason])


def not_looked_for(invoice_id: int, *, wait_s: int) -> Failure:
    """Give the answer where an invoice may exist at HubSoft, which did not say: no refusal, ask again."""
    msg = f"{source_silent(invoice_id)} Nada foi agendado; tente novamente em instantes."
    return Failure(HTTPStatus.SERVICE_UNAVAILABLE, msg, headers={"Retry-After": str(wait_s)})


def dispatch_answer(
    row: asyncpg.Record, messages: Sequence[asyncpg.Record], *, page: int, per_page: int, zone: ZoneInfo
) -> dict[str, Any]:
    """Give the body of GET disparo/{id}."""
    summary = dispatch_summary(row, zone)
    total = summary["progresso"]["total"]
    summary |= {
        "tentativas": row["tries"],
        "timeout": row["timeout_s"],
        "ignorados": [
            {"telefone": phone, "motivo": IGNORED_WORDS.get(reason, reason)}
            for phone, reason in json.loads(row["ignored"])
        ],
        "mensagens": [_message(message, zone) for message in messages],
        "lote": None,
    }
    return {
        "status": "success",
        "msg": "Dados consultados com sucesso",
        "disparo": summary,
        "paginacao": pagination(page, per_page, total),
    }


def dispatch_summary(row: asyncpg.Record, zone: ZoneInfo) -> dict[str, Any]:
    """Give what the list and the single answer have in common."""
    counts: dict[str, int] = json.loads(row["counts"] or "{}")
    total = sum(counts.values())
    done = count_in(counts, SETTLED)
    return {
        "id": str(row["id"]),
        "situacao": _situation(row["run_state"], is_done=done == total),
        "finalidade": PURPOSE_WORDS[row["purpose"]],
        "fila": row["queue"],
        "faturas": [{"id_fatura": number} for number in row["invoice_ids"]],
        "criado_em": when(row["created_at"], zone),
        "inicio_em": when(row["starts_at"], zone),
        "contagem": {STATUS_WORDS[status]: number for status, number in sorted(counts.items())},
        "progresso": {
            "total": total,
            "finalizadas": done,
            # Rounded down: 100 is said of what is over alone.
            "percentual": 1000 * done // total / 10 if total else _EMPTY_IS.get(row["run_state"], 100.0),
        },
    }


_EMPTY_IS = {"running": 0.0, "paused": 0.0}  # of a bulk run nothing may be queued yet


def _situation(run_state: str | None, *, is_done: bool) -> str:
    if run_state is not None:
        return RUN_WORDS[run_state]
    return "concluido" if is_done else "em_andamento"


def _message(row: asyncpg.Record, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "id": row["id"],
        "id_fatura": row["invoice_id"],
        "id_cliente": row["customer_id"],
        "id_contato": row["contact_id"],
        "nome": row["name"],
        "telefone": row["phone"],
        "origem": ORIGIN_WORDS[row["origin"]],
        "situacao": STATUS_WORDS[row["status"]],
        "motivo": reason_word(row["reason"]),
        "plataforma": row["platform"],
        "id_plataforma": row["platform_id"],
        "codigo": row["code"],
        "tentativas": row["attempts"],
        "segmentos": row["segments"],
        "criada_em": when(row["created_at"], zone),
        "prevista_para": when(row["due_at"], zone) if row["status"] == "queued" else None,
        "enviada_em": when(row["sent_at"], zone),
        "entregue_em": when(row["delivered_at"], zone),
        "atualizada_em": when(row["changed_at"], zone),
    }


def when(moment: datetime | None, zone: ZoneInfo) -> str | None:
    """Give a time as the original does: `2026-11-23 14:05:09` in the installation's zone."""
    return None if moment is None else moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def _paid(day: date | None) -> str:
    if day is None:
        return "(data de pagamento não informada)"
    return f"com data de pagamento em {day:%d/%m/%Y}"

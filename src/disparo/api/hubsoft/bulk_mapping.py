"""Reads calls about bulk runs, and builds their answers (docs/api.md §5)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
from pydantic_core import to_json

from disparo.api.errors import Refusal
from disparo.api.hubsoft.mapping import stored_answer, when
from disparo.api.hubsoft.reading import listed, read_day, read_invoice_id
from disparo.api.hubsoft.words import IGNORED_WORDS, NO, YES, echo
from disparo.dispatch.bulk import MOST_IDS, Selection, StoredRun, Which, select_due
from disparo.dispatch.bulk_control import NotPossible
from disparo.dispatch.bulk_estimate import Estimate
from disparo.dispatch.bulk_simulate import Simulation
from disparo.wording.words import RUN

_WHICH = {"aguardando": Which.NOT_YET_DUE, "vencido": Which.OVERDUE}
_FILTER = ("vencimento_inicio", "vencimento_fim", "status")
#: How names of days begin, here and elsewhere (lookups, command line, register), their letters alone. One
#: that is not ours may not be ignored as unknown fields are: a filter without its days is that of every
#: invoice there is.
_DAY_NAMES = ("data", "tipodata", "dt", "venc")
#: Nor what chooses customers or invoices elsewhere.
_CHOOSERS = frozenset({
    "idfatura", "idsfatura", "idsfaturas", "fatura", "faturas", "idcliente", "idscliente", "cliente",
    "clientes", "codigocliente", "cpfcnpj", "idclienteservico", "busca", "termobusca", "limit", "telefone",
    "documento", "filtro",
})  # fmt: skip
_NO_LETTERS = re.compile("[^a-z]+")
#: Of a run's tallies, those that are no reason to leave something out.
_FIGURES = frozenset({"invoices", "messages"})


@dataclass(frozen=True, slots=True)
class BulkRequest:
    """A validated body of disparo/lote; `asked`: a filter's words, which mean other days tomorrow."""

    selection: Selection
    simulate: bool
    asked: tuple[str, ...] = ()

    @property
    def digest(self) -> bytes:
        """What an Idempotency-Key is compared by: the same body is the same request on any day."""
        return hashlib.sha256(repr((self.asked or self.selection, self.simulate)).encode()).digest()


def read_bulk(fields: Mapping[str, Any], *, today: date) -> BulkRequest:
    """Validate the body of disparo/lote; raises Refusal naming what is wrong."""
    simulate = _flag(fields, "simular")
    texts = {name: _text(fields, name) for name in _FILTER}
    by_filter = any(texts.values())
    ids = listed(fields.get("ids_fatura"))
    by_ids = ids is not None and ids != ""
    if by_ids == by_filter:
        raise Refusal(
            "Informe o atributo (ids_fatura), ou um filtro: (vencimento_inicio), (vencimento_fim), (status)"
            + (", mas não os dois" if by_ids else "")
        )
    if by_ids:
        return BulkRequest(Selection(_ids(ids)), simulate)
    _refuse_other_names(fields, texts)
    selection = _due(texts, today)
    return BulkRequest(selection, simulate, tuple(texts[name].lower() for name in _FILTER))


def _refuse_other_names(fields: Mapping[str, Any], texts: Mapping[str, str]) -> None:
    has_days = bool(texts["vencimento_inicio"] and texts["vencimento_fim"])
    for name, value in fields.items():
        if value in (None, "", []) or name in _FILTER or name == "ids_fatura":
            continue
        letters = _NO_LETTERS.sub("", name.lower())
        if letters in _CHOOSERS:
            raise Refusal(
                f"O atributo ({echo(name)}) não vale em disparo/lote: informe (ids_fatura), ou um filtro só "
                "de (vencimento_inicio), (vencimento_fim) e (status)"
            )
        if letters.startswith(_DAY_NAMES) and not has_days:
            raise Refusal(
                f"O atributo ({echo(name)}) não vale em disparo/lote: informe os vencimentos em "
                "(vencimento_inicio) e (vencimento_fim)"
            )


def _due(texts: Mapping[str, str], today: date) -> Selection:
    first, last = read_day(texts, "vencimento_inicio"), read_day(texts, "vencimento_fim")
    if first is not None and last is not None and first > last:
        raise Refusal("O atributo (vencimento_inicio) deve ser anterior ou igual a (vencimento_fim)")
    word = texts["status"].lower()
    if word and word not in _WHICH:
        raise Refusal(f"O status não é válido | Valores aceitos para esse campo: {', '.join(_WHICH)}")
    return select_due(_WHICH.get(word), first, last, today=today)


def _ids(value: object) -> list[int]:
    items = value if isinstance(value, list) else str(value).split(",") if _is_plain(value) else None
    if items is None:
        raise Refusal("O atributo (ids_fatura) deve conter um array de números de fatura")
    if not items:
        raise Refusal("Favor preencher o atributo (ids_fatura)")
    if len(items) > MOST_IDS:
        raise Refusal(f"São permitidas no máximo {MOST_IDS} faturas por chamada; use o filtro por vencimento")
    found = set()
    for item in items:
        try:
            found.add(read_invoice_id({"id_fatura": item}))
        except Refusal:
            msg = f"O atributo (ids_fatura) tem um item que não é um número de fatura: {echo(item)}"
            raise Refusal(msg, [msg]) from None
    return sorted(found)


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refusal(f"O atributo ({name}) deve conter um texto")
    return value.strip()


def _flag(fields: Mapping[str, Any], name: str) -> bool:
    value = fields.get(name)
    word = "" if value is None else str(value).strip().lower()
    if isinstance(value, list | dict) or (word and word not in YES | NO):
        raise Refusal(f"O atributo ({name}) deve ser sim ou nao")
    return word in YES


def accepted_answer(stored: StoredRun, zone: ZoneInfo) -> bytes:
    """Give the body of the 200: the keys of `job` are those of a single send."""
    return to_json(stored_answer(stored.dispatch_id, stored.stored_as, stored.starts_at, zone))


def simulation_answer(found: Simulation, zone: ZoneInfo) -> dict[str, Any]:
    """Give the body of a simulation."""
    return {
        "status": "success",
        "msg": "Simulação concluída: nada foi agendado",
        "simulacao": {
            "faturas": found.invoices,
            "destinatarios": found.recipients,
            "ignorados": skipped_words(found.skipped),
            "sem_plataforma": found.out_of_reach,
            "plataformas": [_estimate(estimate) for estimate in found.estimates],
            "duracao_s": None if found.duration is None else found.duration.whole_s,
            "fora_do_horario": sum(found.openings.values()),
            "inicio_em": when(found.starts_at, zone),
        },
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {
        "plataforma": estimate.platform,
        "destinatarios": estimate.recipients,
        "segmentos": estimate.segments,
        "textos_que_nao_cabem": estimate.too_long,
        "custo": None if estimate.cost is None else float(estimate.cost),
        "duracao_s": estimate.duration_s,
    }


def skipped_words(tallies: Mapping[str, int]) -> dict[str, int]:
    """Give how many are left out by reason, in the words that screens and clients read."""
    return {
        IGNORED_WORDS[what]: count
        for what, count in sorted(tallies.items())
        if what not in _FIGURES and count
    }


def run_block(row: asyncpg.Record) -> dict[str, Any]:
    """Give the `lote` block of GET disparo/{id}."""
    tallies: dict[str, int] = json.loads(row["tallies"] or "{}")
    return {
        "vencimento_inicio": None if row["due_from"] is None else row["due_from"].isoformat(),
        "vencimento_fim": None if row["due_to"] is None else row["due_to"].isoformat(),
        "faturas_total": row["total"],
        "faturas_lidas": tallies.get("invoices", 0),
        "agendamento_concluido": row["is_queued"],
        "ignorados": skipped_words(tallies),
    }


def nothing_meant() -> Refusal:
    """Give the refusal of a filter that no invoice can meet: not before its key is looked for."""
    return Refusal("Nenhuma fatura pode atender a este filtro: o status e os vencimentos se excluem")


def not_possible(error: NotPossible) -> Refusal:
    """Give the refusal of a change that the run's state does not allow."""
    return Refusal(f"Não é possível: o disparo está {RUN[error.state]}")


def no_such_run(text: str) -> Refusal:
    """Give the refusal for an id that names no bulk run."""
    return Refusal(f"Disparo em lote de ID {echo(text)} não encontrado")

"""What is stored of a customer, in the words of `GET cliente` and of the panel (LGPD, art. 18 II)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from disparo.sources import hubsoft_names as names
from disparo.wording import words

#: A key's new name, and the names in what stands under it, where there are any.
_Names: TypeAlias = Mapping[str, tuple[str, "_Names"]]


def _flat(**of: str) -> _Names:
    return {key: (name, {}) for key, name in of.items()}


def _of(fields: Sequence[tuple[str, str, Any]], **others: str) -> _Names:
    """Take the names that a lookup gives these columns or keys."""
    return {key: (name.partition("|")[0], {}) for name, key, _ in fields} | dict(_flat(**others))


_ADDRESS = _of(names.ADDRESS, latitude="latitude", longitude="longitude", uf="uf")
_ADDRESSES: _Names = {key: (name, _ADDRESS) for name, key in names.ADDRESSES.items()}
_DEVICES: _Names = {key: (name, _of(names.DEVICE)) for name, key in names.DEVICES.items()}
_SERVICE: _Names = {
    **_of(names.SERVICE, packages="pacotes"),
    "devices": ("aparelhos", _DEVICES),
    "addresses": ("enderecos", _ADDRESSES),
}
_DETAILS: _Names = {
    **_of(names.DETAILS),
    "items": ("detalhamento", _of(names.ITEM)),
    "company": ("empresa", _of(names.COMPANY)),
}
_COMMON = _flat(
    id="id", message_id="id_mensagem", attempt_id="id_tentativa", inbound_id="id_resposta",
    dispatch_id="id_disparo", platform="plataforma", platform_id="id_plataforma", e164="telefone_e164",
    code="codigo", detail="detalhe", failure="falha", reason="motivo", actor="por", source="origem",
    raw="como_veio", text="texto", reference="referencia", created_at="criado_em", updated_at="atualizado_em",
    received_at="recebido_em", started_at="inicio_em", finished_at="fim_em", happened_at="aconteceu_em",
)  # fmt: skip
#: By list.
_NAMES: Mapping[str, _Names] = {
    "cadastro": {
        **_of(names.CUSTOMER, id="id_cliente", name="nome_razaosocial", uf="uf"),
        "services": ("servicos", _SERVICE),
        "addresses": ("enderecos", _ADDRESSES),
    },
    "contatos": _flat(
        id="id_contato", customer_id="id_cliente", name="nome", phone="telefone",
        sms_allowed="permite_enviar_sms",
    ),
    "faturas": {
        **_of(names.INVOICE, id="id_fatura", customer_id="id_cliente", amount="valor", status="situacao"),
        **_flat(due_date="data_vencimento", checked_at="conferida_em"),
        "details": ("detalhes", _DETAILS),
    },
    "mensagens": _flat(
        invoice_id="id_fatura", customer_id="id_cliente", contact_id="id_contato", origin="origem",
        name="nome", phone="telefone", status="situacao", changed_at="atualizada_em", due_at="prevista_para",
        segments="segmentos", text_sha256="hash_do_texto",
    ),
    "acontecimentos": _flat(at="em", from_status="de", to_status="para"),
    "tentativas": _flat(outcome="resultado", latency_ms="duracao_ms"),
    "confirmacoes": _flat(kind="situacao", carrier="operadora"),
    "ignorados": _flat(phone="telefone"),
    "respostas": _flat(sender="remetente", opted_out="descadastrou"),
}  # fmt: skip
_INVOICE_STATUS = {"open": "aberta", "paid": "paga", "cancelled": "cancelada"}
_WORDS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "faturas": {"status": _INVOICE_STATUS},
    "mensagens": {"status": words.STATUS, "origin": words.ORIGIN},
    "acontecimentos": {"from_status": words.STATUS, "to_status": words.STATUS},
    "tentativas": {"outcome": words.OUTCOME},
    "confirmacoes": {"kind": words.RECEIPT},
    "ignorados": {"reason": words.IGNORED},
    "descadastros": {"reason": words.OPT_OUT},
}
_SAID: Mapping[str, Callable[[str, Mapping[str, Any]], str | None]] = {
    "reason": lambda stored, row: words.reason(stored, row.get("status") or row.get("to_status")),
    "failure": lambda stored, row: _failure(stored, row) or None,
    "actor": lambda stored, _: words.actor(stored, {}),
}


def told(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, list[Any]]:
    """Give the lists of `personal_data.read` in Portuguese; what has no word here stays as it is."""
    return {
        name: [
            _renamed(_said(row, _WORDS.get(name, {})), {**_COMMON, **_NAMES.get(name, {})}) for row in rows
        ]
        for name, rows in found.items()
    }


def _said(row: Mapping[str, Any], of: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    said = dict(row)
    for key, value in row.items():
        if not isinstance(value, str):
            continue
        if key in of:
            said[key] = of[key].get(value, value)
        elif key in _SAID:
            said[key] = _SAID[key](value, row)
    return said


def _failure(stored: str, row: Mapping[str, Any]) -> str:
    """Give the failure of a hand-over beside its outcome, or of a receipt beside what it told."""
    if "outcome" in row:
        return words.failure(stored, row["outcome"])
    return words.reason(stored, row.get("kind"))


def _renamed(value: Any, known: _Names) -> Any:
    if isinstance(value, list):
        return [_renamed(item, known) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _renamed(item, under)
        for key, item in value.items()
        for name, under in [known.get(key, (key, {}))]
    }

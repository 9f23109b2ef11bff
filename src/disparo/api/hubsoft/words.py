"""Portuguese words for our stored English values, and back, as clients of the API read and send them."""

from __future__ import annotations

import json
from collections.abc import Mapping

STATUS_WORDS: Mapping[str, str] = {
    "queued": "agendada",
    "claimed": "na_fila_de_envio",
    "sending": "enviando",
    "accepted": "entregue_a_plataforma",
    "sent": "enviada_a_operadora",
    "delivered": "entregue",
    "undelivered": "nao_entregue",
    "failed": "falhou",
    "uncertain": "incerta",
    "held": "retida",
    "skipped": "dispensada",
    "cancelled": "cancelada",
}
STATUS_OF_WORD: Mapping[str, str] = {word: status for status, word in STATUS_WORDS.items()}

ORIGIN_WORDS: Mapping[str, str] = {
    "customer": "cadastro_cliente",
    "contact": "contato",
    "extra": "telefone_adicional",
}
IGNORED_WORDS: Mapping[str, str] = {
    "landline": "telefone_fixo",
    "invalid": "numero_invalido",
    "no_permission": "sem_permissao",
    "opted_out": "descadastrado",
    "repeated": "repetida",
    "invoice_unknown": "fatura_nao_encontrada",
    "invoice_paid": "fatura_quitada",
    "invoice_cancelled": "fatura_cancelada",
    "invoice_zero": "fatura_zerada",
    "nobody": "fatura_sem_telefone_valido",
    "too_often": "limite_por_telefone",
}
PURPOSE_WORDS: Mapping[str, str] = {
    "requested": "solicitada",
    "notice": "aviso",
    "collection": "cobranca",
    "by_due_date": "por_vencimento",
}
#: A bulk run's state.
RUN_WORDS: Mapping[str, str] = {
    "running": "em_andamento",
    "paused": "pausado",
    "cancelled": "cancelado",
    "done": "concluido",
}

#: How callers write yes and no.
YES = frozenset({"sim", "s", "true", "1"})
#: `não` also as Apple's programs write it, its tilde a sign of its own.
NO = frozenset({"nao", "não", "na\u0303o", "n", "false", "0"})

_LONGEST_ECHO = 40
REASON_WORDS: Mapping[str, str] = {
    "invoice_gone": "fatura_excluida",
    "invoice_paid": "fatura_quitada",
    "invoice_cancelled": "fatura_cancelada",
    "invoice_zero": "fatura_zerada",
    "invoice_moved": "fatura_de_outro_cliente",
    "opted_out": "descadastrado",
    "number_gone": "numero_saiu_do_cadastro",
    "permission_withdrawn": "permissao_retirada",
    "too_often": "limite_por_telefone",
    "timeout": "prazo_esgotado",
    "outside_window": "fora_do_horario",
    "source_down": "origem_fora_de_alcance",
    "no_platform": "sem_plataforma",
    "platform_hours": "fora_do_horario_da_plataforma",
    "platform_unavailable": "plataforma_indisponivel",
    "platform_removed": "plataforma_retirada",
    "platform_day_full": "limite_diario_da_plataforma",
    "platform_busy": "plataforma_ocupada",
    "platform_stopped": "plataforma_parada",
    "does_not_fit": "texto_nao_cabe",
    "template": "modelo_invalido",
    "worker_lost": "worker_perdido",
    "poison": "derrubou_o_worker",
    "restored": "banco_restaurado",
    "stray": "conexao_perdida",
    "try_again": "nova_tentativa",
    "resent": "reenviada",
    "given_as_sent": "dada_como_enviada",
    "released": "liberada",
    "cancelled": "cancelada",
    "paused": "disparo_pausado",
    "number": "numero_recusado",
    "opt_out": "descadastrado_na_plataforma",
    "content": "conteudo_recusado",
    "credit": "sem_credito_na_plataforma",
    "auth": "credenciais_da_plataforma_recusadas",
    "throttle": "plataforma_pediu_para_esperar",
    "carrier": "operadora_recusou",
    "expired": "expirou_na_operadora",
    "network": "plataforma_fora_de_alcance",
    "unknown": "motivo_nao_informado",
    "guard": "envio_real_desligado",
    "not_started": "nao_saiu",
}


def reason_word(reason: str | None) -> str | None:
    """Give a stored reason in Portuguese; a platform's own code stays as it is."""
    return None if reason is None else REASON_WORDS.get(reason, reason)


def echo(item: object) -> str:
    """Give what a caller sent as they wrote it, short."""
    if isinstance(item, list | dict):
        return "[...]" if isinstance(item, list) else "{...}"
    text = item if isinstance(item, str) else json.dumps(item)
    return text.encode("utf-8", "replace").decode().strip()[:_LONGEST_ECHO] or "(vazio)"

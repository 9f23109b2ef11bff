"""Why a message is where it is, in the words a billing clerk reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any, Protocol

from disparo.wording.code_words import CODE, code
from disparo.wording.moment_words import to_minute

#: Of what is not sent, or not sent again.
_OF_WITHDRAWALS = frozenset(
    {
        "invoice_gone",
        "invoice_paid",
        "invoice_cancelled",
        "invoice_zero",
        "invoice_moved",
        "opted_out",
        "number_gone",
        "permission_withdrawn",
        "too_often",
        "timeout",
        "does_not_fit",
        "template",
        "cancelled",
    }
)
#: What goes so soon after its dispatch starts goes with it.
_OWN_START = timedelta(minutes=2)
REASON: Mapping[str, str] = {
    "invoice_gone": "a fatura não existe mais no cadastro",
    "invoice_paid": "a fatura já está paga",
    "invoice_cancelled": "a fatura foi cancelada",
    "invoice_zero": "a fatura é de R$ 0,00",
    "invoice_moved": "a fatura passou para outro cliente",
    "opted_out": "o número pediu para não receber SMS",
    "number_gone": "este número não está mais no cadastro do cliente",
    "permission_withdrawn": "o cadastro não permite mais SMS para este número",
    "too_often": "o número já recebeu quantos SMS por dia ou semana a configuração permite",
    "timeout": "o prazo acabou antes do envio",
    "outside_window": "fora do horário permitido; sai quando ele abrir",
    "no_platform": "nenhuma plataforma atende este número",
    "platform_hours": "fora do horário da plataforma",
    "platform_unavailable": "nenhuma plataforma disponível agora",
    "platform_removed": "pode já ter saído por uma plataforma que não está na configuração; espera por ela",
    "platform_day_full": "o limite de SMS por dia da plataforma foi atingido; sai quando houver lugar",
    "platform_busy": "a plataforma está ocupada com outras mensagens",
    "platform_stopped": "a plataforma parou; espera por ela ou por outra",
    "source_down": "o cadastro de origem não responde; espera por ele",
    "does_not_fit": "o texto não cabe no número de SMS permitido",
    "template": "o modelo do texto tem um erro",
    "worker_lost": "o programa de envio parou no meio do envio",
    "poison": "preparar esta mensagem derrubou o programa de envio três vezes",
    "restored": "o banco de dados foi restaurado de uma cópia",
    "stray": "a conexão caiu no meio do envio",
    "try_again": "nova tentativa automática",
    "resent": "enviada de novo por uma pessoa",
    "given_as_sent": "dada como enviada por uma pessoa",
    "released": "liberada por uma pessoa",
    "cancelled": "cancelada por uma pessoa",
    "paused": "o disparo foi pausado",
    "number": "a plataforma diz que o número não existe ou não recebe SMS",
    "opt_out": "o número está descadastrado na plataforma",
    "content": "a plataforma recusou o texto",
    "credit": "a plataforma está sem crédito",
    "auth": "a plataforma recusou o usuário ou a chave",
    "throttle": "a plataforma pediu para ir mais devagar",
    "carrier": "a operadora recusou",
    "expired": "o celular ficou fora de alcance até o prazo da operadora acabar",
    "network": "a plataforma está fora de alcance",
    "unknown": "a plataforma recusou por um motivo que o Disparo não conhece",
    "guard": "o envio real está desligado: só os números de teste recebem",
    "not_started": "não chegou a sair",
    "failing": "várias falhas seguidas",
    "error_rate": "metade dos últimos envios falhou",
    "slow": "demora demais para responder",
    "refuses_all": "recusa uma mensagem depois da outra: confira a conta, o remetente e o texto",
}
#: What a reason means of a message in one status, where that is not what it means of any other.
_OF_STATUS: Mapping[tuple[str, str], str] = {
    ("uncertain", "network"): "a plataforma não respondeu: pode ter recebido ou não",
    ("uncertain", "unknown"): "a plataforma não respondeu direito: pode ter recebido ou não",
    ("undelivered", "unknown"): "por um motivo que o Disparo não conhece",
}
#: Failures that say no more than the outcome they come with, or less: who gave no answer refused nothing.
_SAID_BY: Mapping[str, tuple[str, ...]] = {"ambiguous": ("network", "unknown"), "refused": ("unknown",)}


def reason(stored: str | None, status: str | None = None) -> str:
    """Give a stored reason in Portuguese; a platform's own code stays as it is.

    `status`: of the message that it is the reason of.
    """
    if stored is None:
        return ""
    said = _OF_STATUS.get((status or "", stored)) or REASON.get(stored) or code(stored)
    is_withdrawn = status == "uncertain" and stored in _OF_WITHDRAWALS
    return f"o novo envio não saiu: {said}" if is_withdrawn else said


def failure(stored: str | None, outcome: str | None) -> str:
    """Give why a hand-over ended so, in Portuguese; nothing where its outcome says it all."""
    return "" if stored in _SAID_BY.get(outcome or "", ()) else reason(stored)


def reason_with(stored_code: str | None, stored: str | None, status: str) -> str:
    """Give a stored reason with the code that came with it, where one did."""
    said = reason(stored, status)
    if not stored_code:
        return said
    # Refused by ourselves, not by a platform that kept its reasons.
    is_ours = status == "failed" and stored == "unknown" and stored_code in CODE
    return code(stored_code) if is_ours else f"{said} ({code(stored_code)})"


def waits_for(next_at: datetime | None, put_off: str | None, *, starts_at: datetime) -> str | None:
    """Say why the next of a dispatch go no sooner than `next_at`; None where that is its own start."""
    if next_at is None or (put_off is None and next_at - starts_at < _OWN_START):
        return None
    # What was not put off by a worker had its hour since it was queued.
    return reason(put_off or "outside_window").partition(";")[0]


def opted_out(*, may_still_go: bool) -> str:
    """Say what becomes of a message to a number that is opted out, which may not have left yet."""
    then = "esta mensagem não sai, será dispensada na hora" if may_still_go else "não recebe mais SMS"
    return f"Este número está descadastrado: {then}."


class _Waiting(Protocol):
    """A message with `status`, `due_at`, `opted_out`, `run_state` of its bulk run, and `is_withdrawn`."""

    def __getitem__(self, name: str, /) -> Any: ...


def goes_when(message: _Waiting, now: datetime, zone: tzinfo) -> str:
    """Say when a message that waits will go, or that it will not; nothing of any other."""
    if message["status"] != "queued":
        return ""
    if message["is_withdrawn"]:  # it was being handed over, and was not taken
        return "O disparo foi cancelado: não sai, será cancelada na hora."
    if message["opted_out"]:
        return opted_out(may_still_go=True)
    if message["run_state"] == "paused":
        return "O disparo está pausado: não sai até alguém o retomar."
    if message["due_at"] > now:
        return f"Sai a partir de {to_minute(message['due_at'], zone)}."
    return "A hora de sair já chegou: espera a vez, ou uma plataforma."

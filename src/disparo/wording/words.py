"""Our stored English values in the words a billing clerk reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from disparo.platforms.presets import presets
from disparo.wording import code_words, reason_words

#: Beside the others here, for templates.
reason, code = reason_words.reason, code_words.code
reason_with, failure = reason_words.reason_with, reason_words.failure
opted_out = reason_words.opted_out

STATUS: Mapping[str, str] = {
    "queued": "agendada",
    "claimed": "na fila de envio",
    "sending": "enviando",
    "accepted": "entregue à plataforma",
    "sent": "enviada à operadora",
    "delivered": "entregue",
    "undelivered": "não entregue",
    "failed": "falhou",
    "uncertain": "incerta",
    "held": "retida",
    "skipped": "dispensada",
    "cancelled": "cancelada",
}
#: Of several.
STATUS_MANY: Mapping[str, str] = {
    **STATUS,
    "queued": "agendadas",
    "accepted": "entregues à plataforma",
    "sent": "enviadas à operadora",
    "delivered": "entregues",
    "undelivered": "não entregues",
    "failed": "falharam",
    "uncertain": "incertas",
    "held": "retidas",
    "skipped": "dispensadas",
    "cancelled": "canceladas",
}
#: What each means, in one sentence.
STATUS_HELP: Mapping[str, str] = {
    "queued": "Está guardada e espera a hora de sair.",
    "claimed": "Será enviada nos próximos segundos. Nada saiu ainda.",
    "sending": "Está sendo entregue à plataforma de SMS agora.",
    "accepted": "A plataforma de SMS recebeu e ainda não confirmou a entrega.",
    "sent": "A operadora do celular recebeu. Algumas operadoras nunca confirmam a entrega no aparelho.",
    "delivered": "Chegou ao celular do cliente.",
    "undelivered": "A operadora avisou que não conseguiu entregar no celular.",
    "failed": "Não foi enviada: a plataforma recusou, ou o prazo acabou antes do envio.",
    "uncertain": "O envio começou e ninguém confirmou se chegou à plataforma. Uma pessoa precisa decidir.",
    "held": "Está parada de propósito, à espera de uma pessoa que a libere.",
    "skipped": "Não foi enviada de propósito; o motivo está ao lado.",
    "cancelled": "Foi cancelada por uma pessoa antes de sair.",
}
#: Tabler's colours, always beside the word: no meaning rests on colour alone.
STATUS_COLOUR: Mapping[str, str] = {
    "queued": "secondary",
    "claimed": "secondary",
    "sending": "blue",
    "accepted": "azure",
    "sent": "cyan",
    "delivered": "green",
    "undelivered": "orange",
    "failed": "red",
    "uncertain": "yellow",
    "held": "purple",
    "skipped": "secondary",
    "cancelled": "secondary",
}
_PLATFORM_KIND: Mapping[str, str] = {
    "simulator": "simulada: nenhum SMS de verdade",
    "generic_http": "por HTTP",
    "smpp": "por SMPP",
}
OUTCOME: Mapping[str, str] = {
    "accepted": "a plataforma aceitou",
    "refused": "a plataforma recusou",
    "not_taken": "a plataforma não recebeu; pode ser tentada de novo",
    "not_started": "não chegou a sair",
    "ambiguous": "a plataforma não respondeu direito: pode ter recebido ou não",
}
RECEIPT: Mapping[str, str] = {
    "sent": "a operadora recebeu",
    "delivered": "entregue no aparelho",
    "undelivered": "não entregue no aparelho",
    "other": "aviso sem efeito",
}
RECEIPT_COLOUR: Mapping[str, str] = {"sent": "cyan", "delivered": "green", "undelivered": "orange"}
#: Of a receipt that says "delivered" of what had ended otherwise.
CONTRADICTION = "contradiz o que se sabia: vale a entrega"
ORIGIN: Mapping[str, str] = {
    "customer": "cadastro do cliente",
    "contact": "contato do cliente",
    "extra": "telefone adicional",
}
IGNORED: Mapping[str, str] = {
    "landline": "telefone fixo: não recebe SMS",
    "invalid": "número inválido no cadastro",
    "no_permission": "o cadastro não permite SMS para este número",
    "opted_out": "pediu para não receber SMS (descadastrado)",
    "repeated": "já recebeu esta fatura há pouco",
}
#: What a list leaves out: invoices, and numbers of those that go.
LEFT_OUT: Mapping[str, tuple[str, str]] = {
    "invoice_unknown": ("fatura não está no cadastro", "faturas não estão no cadastro"),
    "invoice_paid": ("fatura já paga", "faturas já pagas"),
    "invoice_cancelled": ("fatura cancelada", "faturas canceladas"),
    "invoice_zero": ("fatura de R$ 0,00", "faturas de R$ 0,00"),
    "nobody": ("fatura sem celular que possa receber SMS", "faturas sem celular que possa receber SMS"),
    "landline": ("telefone fixo: não recebe SMS", "telefones fixos: não recebem SMS"),
    "invalid": ("número inválido no cadastro", "números inválidos no cadastro"),
    "no_permission": ("telefone sem permissão no cadastro", "telefones sem permissão no cadastro"),
    "opted_out": ("número descadastrado", "números descadastrados"),
    "repeated": ("número que já recebeu há pouco", "números que já receberam há pouco"),
    "too_often": (
        "SMS além do limite por telefone, por dia ou semana, da configuração",
        "SMS além do limite por telefone, por dia ou semana, da configuração",
    ),
}
RUN: Mapping[str, str] = {
    "running": "em andamento",
    "paused": "pausado",
    "cancelled": "cancelado",
    "done": "concluído",
}
PURPOSE: Mapping[str, str] = {
    "requested": "pedida pelo cliente",
    "notice": "aviso antes do vencimento",
    "collection": "cobrança depois do vencimento",
    "by_due_date": "aviso ou cobrança, conforme o vencimento",
}
OPT_OUT: Mapping[str, str] = {
    "asked": "pediu à empresa",
    "platform": "informado pela plataforma",
    "inbound": "respondeu ao SMS",
}
PERMISSION: Mapping[str, str] = {
    "send": "enviar e resolver mensagens",
    "send_bulk": "enviar e resolver em lote",
    "cancel": "cancelar envios",
    "remove_opt_out": "desfazer descadastros",
    "view_text": "ver o texto das mensagens",
    "register": "importar clientes e faturas, e enviá-los pela API (ERP)",
    "pass_through": "usar as outras rotas do HubSoft pela API",
    "admin": "administrar (plataformas, modelo, usuários, auditoria)",
}
ACTION: Mapping[str, str] = {
    "signed_in": "entrou no painel",
    "signed_out": "saiu do painel",
    "sign_in_refused": "tentou entrar com senha errada",
    "text_viewed": "viu o texto de uma mensagem",
    "raw_viewed": "viu a confirmação como a plataforma a enviou",
    "replies_viewed": "viu o que os clientes responderam",
    "resent": "mandou enviar de novo",
    "given_as_sent": "deu como enviada",
    "released": "liberou mensagens retidas",
    "resumed": "liberou as mensagens retidas pela restauração",
    "message_cancelled": "cancelou uma mensagem",
    "dispatch_cancelled": "cancelou um disparo",
    "dispatch_created": "criou um disparo",
    "bulk_run_stored": "pediu um disparo em lote",
    "bulk_run_paused": "pausou um disparo",
    "bulk_run_resumed": "retomou um disparo",
    "bulk_run_cancelled": "cancelou um disparo em lote",
    "platform_paused": "pausou uma plataforma",
    "platform_resumed": "retomou uma plataforma",
    "platform_tested": "enviou um SMS de teste",
    "opt_out_added": "descadastrou um número",
    "opt_out_removed": "desfez um descadastro",
    "template_changed": "mudou o modelo do SMS",
    "user_created": "criou um usuário",
    "user_changed": "mudou as permissões de um usuário",
    "user_revoked": "desativou um usuário",
    "user_restored": "reativou um usuário",
    "password_changed": "trocou uma senha",
    "client_created": "criou um cliente de API",
    "client_revoked": "desativou um cliente de API",
    "client_secret_changed": "trocou o segredo de um cliente de API",
    "token_created": "criou um token",
    "tokens_revoked": "revogou tokens",
    "signing_key_changed": "trocou a chave que assina os tokens",
    "exported": "exportou uma lista",
    "imported": "importou um arquivo",
    "customer_exported": "exportou os dados de um cliente",
    "customer_erased": "apagou os dados de um cliente",
    "customer_readmitted": "deixou um cliente apagado voltar",
}


def platform_kind(written: str) -> str:
    """Say what a platform is, from the `type` of its table: a preset by its title."""
    preset = presets().get(written)
    return _PLATFORM_KIND.get(written, written) if preset is None else preset.title


#: Of a simulation, where it does not remember every phone.
CAPS_NOT_KNOWN = (
    "Pelo limite por telefone podem ficar de fora mais do que se conta aqui: depois de 200.000 telefones a "
    "simulação não guarda quantas faturas cada um tem na lista. No envio todos contam."
)


def out_of_reach(count: int) -> str:
    """Warn of SMS that no platform takes."""
    return several(
        count,
        "SMS é de um DDD que nenhuma plataforma atende: esperaria até falhar.",
        "SMS são de DDDs que nenhuma plataforma atende: esperariam até falhar.",
    )


#: Of a run that is cancelled before its messages are all made.
UNLISTED = "A lista ainda não estava pronta: o resto dela também não sai"
#: What a cancel does to messages that were sent again, one and several.
NOT_AGAIN = (
    "novo envio cancelado: a mensagem continua incerta, pois o primeiro pode ter chegado",
    "novos envios cancelados: as mensagens continuam incertas, pois o primeiro envio pode ter chegado",
)


def several(count: int, one: str, many: str) -> str:
    """Count something in words: `1 mensagem`, `1.200 mensagens`."""
    number = f"{count:,}".replace(",", ".")
    return f"{number} {one if count == 1 else many}"


def several_or_more(count: int, one: str, many: str, *, most: int) -> str:
    """Count what was counted up to `most` only."""
    return several(count, one, many) + (" ou mais" if count >= most else "")


def permissions(stored: Iterable[str]) -> str:
    """Say what somebody may do."""
    return "; ".join(PERMISSION.get(each, each) for each in stored) or "nada"


def lacking(count: int) -> str:
    """Say that rows of a live source did not come with its sync."""
    those = several(count, "registro não veio", "registros não vieram")
    return f"{those}: não lidos, de cliente que falta, ou contados e não listados"


def by(who: str) -> str:
    """Say by whom, with article and preposition drawn together."""
    if who.startswith("plataforma "):
        return f"pela {who}"
    return f"pel{who}" if who.startswith(("o ", "a ")) else f"por {who}"


class _EventRow(Protocol):
    """A row with `actor`, `to_status` and `reason`."""

    def __getitem__(self, name: str, /) -> Any: ...


def mover(event: _EventRow, people: Mapping[int, str]) -> str:
    """Say who moved a message: where its platform said nothing, our own program."""
    why = event["reason"]
    is_silence = event["to_status"] == "uncertain" or why == "network" or why in code_words.CODE
    is_ours = event["actor"].startswith("platform:") and is_silence
    return actor("worker" if is_ours else event["actor"], people)


def actor(stored: str, people: Mapping[int, str]) -> str:
    """Say who did something: `people` are names by user id."""
    kind, _, rest = stored.partition(":")
    if kind == "user" and rest.isdecimal():
        return people.get(int(rest), f"usuário {rest}")
    if kind == "client":
        client, _, user = rest.partition("/user:")
        name = people.get(int(user), "") if user.isdecimal() else ""
        return f"{name or 'um programa'} pela API (cliente {client})"
    if kind == "platform":
        return f"plataforma {rest}"
    if kind == "cli":
        return f"{rest} (linha de comando)"
    return {
        "worker": "o programa de envio",
        "reaper": "o programa de envio",
        "recorder": "o programa de envio",
        "restore": "a restauração do banco",
        "receipt": "confirmação da plataforma",
    }.get(stored, stored)


def source_silent(invoice_id: int) -> str:
    """Say that nobody knows whether there is an invoice."""
    return (
        f"A fatura de ID {invoice_id} não está no cadastro, e o HubSoft, onde ela pode estar, não respondeu."
    )

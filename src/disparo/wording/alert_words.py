"""What people are told of faults when nobody is at the panel: an alert as a title and a text."""

from __future__ import annotations

import asyncpg

from disparo.db import alerts
from disparo.wording.words import reason

_WHERE = " Onde: {detail}."  # left out where nobody knows
_WORDS = {
    "platform_open": "A plataforma {subject} está falhando e não é usada por enquanto: {detail}",
    "credit_low": "O crédito da plataforma {subject} está acabando: {detail}",
    "credit_gone": "A plataforma {subject} recebe os SMS e diz nas confirmações que está sem crédito",
    "platform_unreachable": "A plataforma {subject} não responde como devia: {detail}",
    "receipts_stopped": "A plataforma {subject} parou de confirmar entregas",
    "dispatch_stuck": "Há mensagens na hora de sair e nenhuma está saindo (desde {detail})",
    "source_down": "O cadastro de {subject} não responde: os envios em lote com dados antigos esperam",
    "sync_failed": "A sincronização com {subject} falhou; ela continua de onde parou",
    alerts.DISK_LOW: (
        "O disco do banco de dados está quase cheio ({detail} livres). Cheio, nada mais é aceito nem enviado"
    ),
    alerts.RUN_REFUSED: "O disparo em lote {subject} não fica pronto: o banco de dados recusa uma parte dele",
    alerts.CONTRADICTED: (
        "A plataforma {subject} confirmou a entrega de uma mensagem que já tinha outro fim; vale a entrega. "
        "No painel: /painel/mensagens/{detail}"
    ),
    alerts.CERTIFICATE_ENDS: (
        "O certificado HTTPS de {subject} vale só até {detail}. Vencido, quem chama o recusa: renove-o. O "
        "novo vale em segundos, sem reiniciar (o de --tls-self-signed é feito de novo ao reiniciar)"
    ),
    alerts.CERTIFICATE_REFUSED: (
        "O certificado HTTPS de {subject} mudou e o novo não serve; o anterior continua. Motivo: {detail}"
    ),
    alerts.BACKUP_OLD: (
        "O último backup (disparo db backup) é de {detail}. Veja por que não há outro desde então"
    ),
    alerts.SETTINGS_REFUSED: (
        "A configuração mudada na máquina {subject} está errada e não vale; a anterior continua. "
        f"{_WHERE[1:]} O motivo: disparo doctor"
    ),
    alerts.CLOCK_OFF: (
        "O relógio da máquina {subject} está {detail}. Horários de envio e validades dependem dele. "
        "Confira: timedatectl; para acertar sozinho: sudo timedatectl set-ntp true"
    ),
}
#: Every kind of alert there is.
KINDS = frozenset(_WORDS)
#: Their detail is a stored reason.
_WITH_REASON = frozenset({"platform_open", "platform_unreachable"})
_OVER_WORDS = {
    "platform_open": "A plataforma {subject} voltou a funcionar",
    "credit_low": "A plataforma {subject} tem crédito de novo",
    "credit_gone": "A plataforma {subject} não diz mais que está sem crédito",
    "platform_unreachable": "A plataforma {subject} voltou a responder",
    "receipts_stopped": "A plataforma {subject} voltou a confirmar entregas",
    "dispatch_stuck": "As mensagens voltaram a sair",
    "source_down": "O cadastro de {subject} voltou a responder",
    "sync_failed": "A sincronização com {subject} voltou a funcionar",
    alerts.DISK_LOW: "O disco do banco de dados tem espaço de novo",
    alerts.RUN_REFUSED: "Do disparo em lote {subject} não falta agendar mais nada",
    alerts.CONTRADICTED: "Há um dia a plataforma {subject} não contradiz o fim de nenhuma mensagem",
    alerts.CERTIFICATE_ENDS: "Nenhum servidor usa mais um certificado de {subject} perto do fim",
    alerts.CERTIFICATE_REFUSED: "O certificado HTTPS de {subject} não é mais recusado",
    alerts.BACKUP_OLD: "Há de novo um backup recente",
    alerts.SETTINGS_REFUSED: "Na máquina {subject} a configuração não é mais recusada",
    alerts.CLOCK_OFF: "O relógio da máquina {subject} não difere mais do da plataforma",
}
_NO_LONGER = "A configuração mudou; não se observa mais: "
_WATCHED = {
    "platform_open": "os envios pela plataforma {subject}",
    "credit_low": "o crédito da plataforma {subject}",
    "credit_gone": "o crédito da plataforma {subject}, pelas confirmações",
    "platform_unreachable": "se a plataforma {subject} responde",
    "receipts_stopped": "as confirmações da plataforma {subject}",
    alerts.CONTRADICTED: "se a plataforma {subject} contradiz o fim de mensagens",
    alerts.BACKUP_OLD: "a idade do último backup",
    "source_down": "o cadastro de {subject}",
    "sync_failed": "a sincronização com {subject}",
}


def say(alert: asyncpg.Record) -> tuple[str, str]:
    """Give title and text of an alert, a row of `alerts.take_untold`; one that is over says how it ended."""
    kind, detail = alert["kind"], alert["detail"]
    if alert["cleared_at"] is None:
        title, pattern = "Disparo: atenção", _WORDS.get(kind, kind)
        if not detail:
            pattern = pattern.replace(_WHERE, "")
    elif detail == alerts.UNWATCHED:
        title, pattern = "Disparo: encerrado", _NO_LONGER + _WATCHED.get(kind, kind)
    else:
        title, pattern = "Disparo: resolvido", _OVER_WORDS.get(kind, kind)
    if detail is not None and kind in _WITH_REASON:
        detail = reason(detail)
    return title, pattern.format(subject=alert["subject"], detail=detail or "?")

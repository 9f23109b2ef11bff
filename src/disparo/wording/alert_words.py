"""What people are told of faults when nobody is at the panel: an alert as a title and a text."""

from __future__ import annotations

import asyncpg

from disparo.db import alerts
from disparo.wording.words import reason

_WHERE = " Onde: {detail}."  # left out where nobody knows
_WORDS = {
    alerts.PLATFORM_OPEN: "A plataforma {subject} está falhando e não é usada por enquanto: {detail}",
    alerts.CREDIT_LOW: "O crédito da plataforma {subject} está acabando: {detail}",
    alerts.CREDIT_GONE: "A plataforma {subject} recebe os SMS e diz nas confirmações que está sem crédito",
    alerts.PLATFORM_UNREACHABLE: "A plataforma {subject} não responde como devia: {detail}",
    alerts.RECEIPTS_STOPPED: "A plataforma {subject} parou de confirmar entregas",
    alerts.DISPATCH_STUCK: "Há mensagens na hora de sair e nenhuma está saindo (desde {detail})",
    alerts.SOURCE_DOWN: "O cadastro de {subject} não responde: os envios em lote com dados antigos esperam",
    alerts.SYNC_FAILED: "A sincronização com {subject} falhou; ela continua de onde parou",
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
    alerts.NO_PLATFORM: (
        "A configuração da máquina {subject} não tem mais nenhuma plataforma de SMS (a última em uso: "
        "{detail}). Nada sai, e as chamadas são recusadas. Confira o disparo.toml"
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
_WITH_REASON = frozenset({alerts.PLATFORM_OPEN, alerts.PLATFORM_UNREACHABLE})
_OVER_WORDS = {
    alerts.PLATFORM_OPEN: "A plataforma {subject} voltou a funcionar",
    alerts.CREDIT_LOW: "A plataforma {subject} tem crédito de novo",
    alerts.CREDIT_GONE: "A plataforma {subject} não diz mais que está sem crédito",
    alerts.PLATFORM_UNREACHABLE: "A plataforma {subject} voltou a responder",
    alerts.RECEIPTS_STOPPED: "A plataforma {subject} voltou a confirmar entregas",
    alerts.DISPATCH_STUCK: "As mensagens voltaram a sair",
    alerts.SOURCE_DOWN: "O cadastro de {subject} voltou a responder",
    alerts.SYNC_FAILED: "A sincronização com {subject} voltou a funcionar",
    alerts.DISK_LOW: "O disco do banco de dados tem espaço de novo",
    alerts.RUN_REFUSED: "Do disparo em lote {subject} não falta agendar mais nada",
    alerts.CONTRADICTED: "Há um dia a plataforma {subject} não contradiz o fim de nenhuma mensagem",
    alerts.CERTIFICATE_ENDS: "Nenhum servidor usa mais um certificado de {subject} perto do fim",
    alerts.CERTIFICATE_REFUSED: "O certificado HTTPS de {subject} não é mais recusado",
    alerts.NO_PLATFORM: "A configuração da máquina {subject} tem plataforma de novo",
    alerts.BACKUP_OLD: "Há de novo um backup recente",
    alerts.SETTINGS_REFUSED: "Na máquina {subject} a configuração não é mais recusada",
    alerts.CLOCK_OFF: "O relógio da máquina {subject} não difere mais do da plataforma",
}
_NO_LONGER = "A configuração mudou; não se observa mais: "
_WATCHED = {
    alerts.PLATFORM_OPEN: "os envios pela plataforma {subject}",
    alerts.CREDIT_LOW: "o crédito da plataforma {subject}",
    alerts.CREDIT_GONE: "o crédito da plataforma {subject}, pelas confirmações",
    alerts.PLATFORM_UNREACHABLE: "se a plataforma {subject} responde",
    alerts.RECEIPTS_STOPPED: "as confirmações da plataforma {subject}",
    alerts.CONTRADICTED: "se a plataforma {subject} contradiz o fim de mensagens",
    alerts.BACKUP_OLD: "a idade do último backup",
    alerts.SOURCE_DOWN: "o cadastro de {subject}",
    alerts.SYNC_FAILED: "a sincronização com {subject}",
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

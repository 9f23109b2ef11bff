"""What needs a person now, as the first page lists it: each matter with what to do and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from disparo.db import alerts, bulk_runs, day, installation, platform_states
from disparo.db.pool import Connection
from disparo.panel.access import Person
from disparo.panel.services import PanelServices
from disparo.wording import words
from disparo.wording.moment_words import to_minute

#: Alerts that nothing else on the page stands for: title and text.
_ALERTS = {
    alerts.CREDIT_LOW: (
        "O crédito da plataforma {subject} está acabando",
        "Restam {detail}. Recarregue na plataforma.",
    ),
    alerts.CREDIT_GONE: (
        "Plataforma {subject} sem crédito",
        "Ela recebe os SMS e diz nas confirmações que não há crédito: nenhum chega. Pause-a até recarregar.",
    ),
    alerts.PLATFORM_UNREACHABLE: (
        "A plataforma {subject} não responde como devia",
        "Motivo: {detail}. Confira na plataforma, ou se o telefone que envia está ligado e com internet.",
    ),
    alerts.RECEIPTS_STOPPED: (
        "As confirmações de {subject} pararam",
        "De meia hora a hora e meia atrás ela aceitou mensagens e não confirmou nenhuma. Confira na "
        "plataforma o endereço de retorno (webhook).",
    ),
    alerts.DISPATCH_STUCK: (
        "Mensagens na hora de sair não saem",
        "Desde {detail}. Veja se há uma plataforma em uso, e avise quem administra (disparo doctor).",
    ),
    alerts.DISK_LOW: (
        "O disco do banco de dados está quase cheio",
        "Restavam {detail}. Cheio, nada mais é aceito nem enviado. Avise quem administra.",
    ),
    alerts.CERTIFICATE_ENDS: (
        "O certificado HTTPS de {subject} está no fim",
        "Vale só até {detail}. Vencido, quem chama o recusa. Avise quem administra.",
    ),
    alerts.CERTIFICATE_REFUSED: (
        "O certificado HTTPS de {subject} mudou e o novo não serve",
        "O anterior continua, até vencer ou o servidor reiniciar. Motivo: {detail}. Avise quem administra.",
    ),
    alerts.BACKUP_OLD: (
        "Não há backup recente",
        "O último é de {detail}. Se o disco falhar, o que veio depois se perde. Avise quem administra.",
    ),
    # What is wrong is for whoever administrates: they are told, and the doctor and the log say it.
    alerts.SETTINGS_REFUSED: (
        "A configuração mudada na máquina {subject} está errada",
        "Não vale; a anterior continua. Avise quem administra (disparo doctor diz o que está errado).",
    ),
    alerts.NO_PLATFORM: (
        "A máquina {subject} não tem mais nenhuma plataforma de SMS",
        "A última em uso era {detail}. Nada sai, e as chamadas são recusadas. Avise quem administra.",
    ),
    alerts.CLOCK_OFF: (
        "O relógio da máquina {subject} está errado",
        "Está {detail}. Horários de envio e validades dependem dele. Avise quem administra.",
    ),
    alerts.SOURCE_DOWN: (
        "O cadastro de {subject} não responde",
        "Os disparos em lote com dados antigos esperam até que responda. Avise quem administra.",
    ),
    alerts.SYNC_FAILED: (
        "A sincronização com {subject} falhou",
        "Clientes e faturas novos não chegam. Ela tenta de novo sozinha; avise quem administra "
        "(disparo doctor diz o motivo).",
    ),
}
_OF_PLATFORMS = frozenset(
    {alerts.CREDIT_LOW, alerts.CREDIT_GONE, alerts.PLATFORM_UNREACHABLE, alerts.RECEIPTS_STOPPED}
)
#: Of others the page of the platforms, where all may be well, says nothing.
_SEEN_AT_PLATFORMS = _OF_PLATFORMS | {alerts.DISPATCH_STUCK, alerts.NO_PLATFORM}


#: Each with the way to its page.
_PAUSED_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Matter:
    """Something a person should see to, and where; `address` empty: at no page of the panel."""

    title: str
    text: str
    address: str = ""
    remedy: str = ""
    colour: str = "warning"


async def matters_of(connection: Connection, services: PanelServices, person: Person) -> list[Matter]:
    """List them, what stops most first."""
    waiting = await day.needing_a_person(connection)
    states = await platform_states.read(connection)
    found = [
        *_waiting(waiting, held_by_restore=await installation.is_held(connection)),
        *_paused(await bulk_runs.list_paused(connection, limit=_PAUSED_SHOWN + 1), services),
        *(matter for name in services.platforms if (matter := _stopped(name, states.get(name)))),
    ]
    live = await alerts.live(connection)
    found += [matter for row in live if (matter := _alert(row, services))]
    if not services.platforms and person.may("admin"):
        found.append(
            Matter(
                "Nenhuma plataforma de SMS configurada",
                "Sem uma plataforma nenhum SMS sai.",
                "/painel/plataformas",
                "Ver como configurar",
                "danger",
            )
        )
    if not services.heartbeats.alive:
        found.append(
            Matter(
                "O programa de envio está parado",
                "Nenhum worker está em execução: as mensagens esperam. Peça a quem administra que o inicie "
                "(disparo worker, ou o serviço disparo-worker).",
                colour="danger",
            )
        )
    return found


def _waiting(counts: dict[str, int], *, held_by_restore: bool) -> list[Matter]:
    found = []
    if counts["uncertain"]:
        found.append(
            Matter(
                words.several_or_more(
                    counts["uncertain"], "mensagem incerta", "mensagens incertas", most=day.MOST
                ),
                "O envio começou e ninguém confirmou. Confira na plataforma e decida.",
                "/painel/incertas",
                "Resolver",
            )
        )
    if counts["held"]:
        found.append(
            Matter(
                words.several_or_more(counts["held"], "mensagem retida", "mensagens retidas", most=day.MOST),
                "Estão paradas à espera de uma pessoa que as libere.",
                "/painel/retidas",
                "Ver e liberar",
            )
        )
    elif held_by_restore:
        found.append(
            Matter(
                "O banco de dados foi restaurado de uma cópia",
                "Nenhuma mensagem está retida por isso. Quem administra encerra este aviso em Retidas.",
                "/painel/retidas",
                "Ver e encerrar",
            )
        )
    return found


def _paused(runs: Sequence[asyncpg.Record], services: PanelServices) -> list[Matter]:
    found = [
        Matter(
            f"Disparo em lote de {to_minute(run['created_at'], services.settings.zone)} pausado",
            "Nada dele sai até alguém o retomar.",
            f"/painel/disparos/{run['dispatch_id']}",
            "Ver e retomar",
        )
        for run in runs[:_PAUSED_SHOWN]
    ]
    if len(runs) > _PAUSED_SHOWN:
        more = Matter(
            "Há mais disparos em lote pausados",
            "Nada deles sai até alguém os retomar, um a um.",
            "/painel/disparos?tipo=bulk",
            "Ver a lista",
        )
        found.append(more)
    return found


def _stopped(name: str, state: asyncpg.Record | None) -> Matter | None:
    if state is None:
        return None
    if state["paused_by"]:
        return Matter(
            f"Plataforma {name} pausada",
            "Uma pessoa a pausou: nada sai por ela.",
            "/painel/plataformas",
            "Ver e retomar",
        )
    if state["open_reason"]:
        return Matter(
            f"Plataforma {name} com falha",
            f"Motivo: {words.reason(state['open_reason'])}. As mensagens vão por outra, ou esperam.",
            "/painel/plataformas",
            "Ver o que houve",
            "danger",
        )
    return None


def _alert(row: asyncpg.Record, services: PanelServices) -> Matter | None:
    """Give what an alert speaks of, where nothing else here shows it."""
    kind, subject, detail = row["kind"], row["subject"], row["detail"]
    if kind == alerts.RUN_REFUSED:
        return _refused(subject)
    if kind == alerts.CONTRADICTED:
        return _contradicted(row)
    if kind not in _ALERTS or (kind in _OF_PLATFORMS and subject not in services.platforms):
        return None
    title, text = _ALERTS[kind]
    said = detail or ""
    if kind == alerts.PLATFORM_UNREACHABLE:
        said = words.reason(said)
    elif kind == alerts.CREDIT_LOW:
        said = said.replace(".", ",")
    title, text = title.format(subject=subject), text.format(detail=said)
    if kind not in _SEEN_AT_PLATFORMS:
        return Matter(title, text)
    return Matter(title, text, "/painel/plataformas", "Ver plataformas")


def _refused(dispatch_id: str) -> Matter:
    return Matter(
        "Um disparo em lote não fica pronto",
        "O banco de dados recusa uma parte dele; o resto sai. Avise quem administra: o registro do worker "
        "diz o motivo (slice_refused).",
        f"/painel/disparos/{dispatch_id}",
        "Ver o disparo",
        "danger",
    )


def _contradicted(alert: asyncpg.Record) -> Matter:
    return Matter(
        f"{alert['subject']} contradiz o que se sabia",
        "Ela confirmou a entrega de uma mensagem que já tinha outro fim; vale a entrega. "
        "Este aviso some um dia depois da última vez.",
        f"/painel/mensagens/{alert['detail']}",
        "Ver a última",
    )

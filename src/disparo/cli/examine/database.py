"""The database: reachable, durable, of this version, its clock, and who beats in it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from datetime import timedelta

import asyncpg

from disparo.cli.examine.clock import judge_clock
from disparo.cli.examine.files import MAKE_ROOM
from disparo.cli.examine.finding import Finding, note, ok, wrong
from disparo.cli.launch import last_real_platform
from disparo.db import accounts, alerts, connections, installation, platform_states, sync_states, workers
from disparo.db.migrate import HEAD, current_version, revisions
from disparo.db.pool import TRANSIENT, Connection, connect, is_read_only
from disparo.dispatch.prepare import check_durability
from disparo.errors import DatabaseUnavailable
from disparo.wording import alert_words, words
from disparo.wording.duration_words import duration

_START = "Inicie o Disparo: sudo systemctl start disparo (ou disparo run)."
_FAILING = "Clientes e faturas novos não chegam até que uma dê certo; ela é tentada de novo sozinha."
_LACKING = (
    "Os motivos: journalctl --namespace=disparo --grep "
    "'source_row_left_out|sync_without_customer|sync_missed'. O que é corrigido lá vem na próxima completa."
)
_READ_ONLY = (
    "Se é uma réplica, aponte database_url para o principal; se não, veja quem ligou "
    "default_transaction_read_only no PostgreSQL, e por quê (um disco cheio?). Os processos voltam sozinhos."
)
_SEE = "A página inicial do painel leva ao que fazer. Acaba sozinho quando a falha acaba."
#: Alerts of what is looked at here anew.
_LOOKED_AT_HERE = frozenset(
    {alerts.PLATFORM_OPEN, alerts.BACKUP_OLD, alerts.NO_PLATFORM, alerts.DISK_LOW, alerts.SYNC_FAILED}
)
#: A worker beats every second.
_BEAT_PATIENCE_S = 3.0


async def examine_database(
    dsn: str,
    *,
    remedy: str = _START,
    backup_within_days: int = 0,
    has_platforms: bool = True,
    used: Collection[str] | None = None,
    local_client: int | None = None,
) -> list[Finding]:
    """Look at everything that needs a connection; `remedy`: what to do where there is none.

    `backup_within_days`: what a backup older than that means; 0: not looked at. `has_platforms`: by the
    settings. `used`: the platforms and live sources of the settings, what is known of others is of the past;
    None: all. `local_client`: the API client that HubSoft's tokens count as.
    """
    try:
        connection = await connect(dsn)
    except DatabaseUnavailable as error:
        is_full = isinstance(error.__cause__, asyncpg.DiskFullError)
        return [wrong("banco de dados", str(error), MAKE_ROOM if is_full else remedy)]
    try:
        found = [await _durability(dsn), await _migrations(connection), await _clock(connection)]
        found.append(await _connections(connection))
        is_closed = is_read_only(connection)
        if await current_version(connection) == HEAD:
            found += [] if is_closed else [await _workers(connection)]  # none can beat
            found += [*await _standing(connection, used), *await _syncs(connection, used)]
            found += await _alerts(connection)
            found += [] if has_platforms else await _lost_platforms(connection)
            found += [] if local_client is None else await _local_client(connection, local_client)
            if backup_within_days:
                found.append(await _backup(connection, within_days=backup_within_days))
    except (asyncpg.PostgresError, *TRANSIENT) as error:
        return [wrong("banco de dados", f"recusou uma consulta ({type(error).__name__})", remedy)]
    else:
        name = f"PostgreSQL {connection.get_server_version()[0]}"
        if is_closed:
            text = f"{name} só pode ser lido: nada é aceito nem enviado"
            return [wrong("banco de dados", text, _READ_ONLY), *found]
        return [ok("banco de dados", f"{name} responde"), *found]
    finally:
        await connection.close()


async def _local_client(connection: Connection, client_id: int) -> list[Finding]:
    if await accounts.find_client(connection, client_id) is not None:
        return []
    text = f"não há um cliente de API {client_id} em uso: toda chamada com um token do HubSoft recebe 401"
    remedy = "disparo cliente-api listar mostra os números; ponha o certo em hubsoft_local_client e reinicie."
    return [wrong("hubsoft_local_client", text, remedy)]


async def _lost_platforms(connection: Connection) -> list[Finding]:
    last = await last_real_platform(connection)
    if last is None:
        return []
    text = f"a configuração não tem mais nenhuma (a última em uso: {last}); chamadas são recusadas, nada sai"
    return [
        wrong("plataformas", text, "Confira o disparo.toml, e se é mesmo ele que é lido (DISPARO_CONFIG).")
    ]


async def _durability(dsn: str) -> Finding:
    try:
        await check_durability(dsn)
    except DatabaseUnavailable as error:
        return wrong("gravação em disco", str(error), "Corrija o postgresql.conf e reinicie o PostgreSQL.")
    return ok("gravação em disco", "fsync e synchronous_commit ligados")


async def _migrations(connection: Connection) -> Finding:
    version = await current_version(connection)
    if version == HEAD:
        return ok("migrações", f"revisão {HEAD}")
    if version is None or version in revisions():
        text = f"o banco está na revisão {version or 'nenhuma'} e o programa precisa da {HEAD}"
        return wrong("migrações", text, "Reinicie o Disparo: ele faz um backup e migra sozinho ao iniciar.")
    text = f"o banco (revisão {version}) é de uma versão mais nova do Disparo"
    return wrong("migrações", text, "Atualize o programa, ou volte ao backup: docs/pt-BR/atualizar.md.")


async def _clock(connection: Connection) -> Finding:
    before = time.time()
    theirs: float = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
    return judge_clock("do banco de dados", theirs - (before + time.time()) / 2)


async def _connections(connection: Connection) -> Finding:
    row = await connections.tightest(connection)
    used, allowed = row["used"] - 1, row["allowed"]  # without this command's
    opens = f"um servidor abre {connections.OF_A_SERVER} e um worker {connections.OF_A_WORKER}"
    text = f"{used} de {allowed} em uso; {opens}"
    if allowed - used >= connections.OF_A_WORKER:
        return ok("conexões", text)
    return note(
        "conexões",
        f"{text}: mais um worker não inicia",
        "Aumente max_connections no PostgreSQL (ou o limite da base e do usuário), ou tenha menos processos.",
    )


async def _workers(connection: Connection) -> Finding:
    before = await workers.list_beats(connection)
    until = time.monotonic() + _BEAT_PATIENCE_S
    while True:
        await asyncio.sleep(0.25)
        now = await workers.list_beats(connection)
        alive = sum(before.get(worker) != beat for worker, beat in now.items())
        if alive and alive == len(now):
            return ok("workers", f"{alive} em atividade")
        if time.monotonic() >= until:
            break
    if alive:
        return note("workers", f"{alive} de {len(now)} em atividade", "Os outros são retirados em segundos.")
    text = f"nenhum em atividade ({len(now)} registrado(s))" if now else "nenhum registrado"
    return wrong("workers", text, "Nada é enviado sem um: sudo systemctl start disparo (ou disparo worker).")


async def _backup(connection: Connection, *, within_days: int) -> Finding:
    last = await installation.last_copy(connection)
    remedy = "disparo db backup ARQUIVO, todo dia pelo cron: docs/pt-BR/operar.md, Backup."
    if last is None:
        text = "nenhum foi feito com disparo db backup"
        return note("backup", text, f"{remedy} Se há outro: backup_max_age_days = 0.")
    text = f"o último tem {duration(last[1].total_seconds())}"
    return note("backup", text, remedy) if last[1] > timedelta(days=within_days) else ok("backup", text)


async def _standing(connection: Connection, used: Collection[str] | None) -> list[Finding]:
    found = []
    if await installation.is_held(connection):
        text = "as mensagens pendentes estão retidas: este banco é uma cópia restaurada"
        found.append(wrong("retenção", text, "Confira os dados e rode: disparo retomar."))
    elif not is_read_only(connection) and await installation.is_unnoticed_copy(connection):
        text = "este banco é uma cópia restaurada ou promovida: ao iniciar, o Disparo retém o que espera"
        found.append(wrong("retenção", text, "Inicie o Disparo, confira os dados e rode: disparo retomar."))
    people = await accounts.names(connection)
    for name, state in (await platform_states.read(connection)).items():
        if used is not None and name not in used:
            continue
        if state["paused_by"]:
            remedy = f"Quando quiser: disparo plataforma retomar {name}."
            by = words.by(words.actor(state["paused_by"], people))
            found.append(note(f"plataforma {name}", f"em pausa, {by}", remedy))
        elif state["open_reason"]:
            why = words.reason(state["open_reason"])
            text = f"parada pelo freio ({why}); uma mensagem é tentada de tempos em tempos"
            remedy = "Veja o erro nas últimas tentativas; volta sozinha quando a plataforma responder."
            found.append(wrong(f"plataforma {name}", text, remedy))
    return found


async def _alerts(connection: Connection) -> list[Finding]:
    """Give what workers and servers noticed over time, which one look does not show."""
    return [
        (wrong if row["kind"] == alerts.DISPATCH_STUCK else note)(
            "aviso em aberto", alert_words.say(row)[1], _SEE
        )
        for row in await alerts.live(connection)
        if row["kind"] not in _LOOKED_AT_HERE
    ]


async def _syncs(connection: Connection, used: Collection[str] | None) -> list[Finding]:
    failing = await sync_states.read_failing(connection, of=used)
    broke_off = [
        note(f"sincronização com {source}", f"a última tentativa falhou: {why}", _FAILING)
        for source, why in failing.items()
    ]
    return broke_off + [
        note(f"sincronização com {source}", words.lacking(count), _LACKING)
        if count
        else ok(f"sincronização com {source}", "na última que terminou não faltou registro")
        for source, count in (await sync_states.read_lacking(connection, of=used)).items()
        if count or source not in failing
    ]

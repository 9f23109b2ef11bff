"""`disparo db`: backup, restore, shell."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Annotated
from uuid import UUID

import asyncpg
import typer

from disparo.cli import called_off
from disparo.cli.context import DataDir, database
from disparo.cli.paused_runs import in_folder, paused_runs
from disparo.cli.spoken_log import speak
from disparo.cli.upgrade import write_dump
from disparo.db.installation import hold_after_restore, note_copy
from disparo.db.migrate import current_version, refuse_encoding, revisions
from disparo.db.pool import TRANSIENT, connected
from disparo.db.postgres_binaries import client_program, reason_of
from disparo.db.tls_relay import reaching
from disparo.dispatch.prepare import prepare
from disparo.errors import DatabaseUnavailable, DisparoError

_REFUSED_BEFORE_17 = b"SET transaction_timeout = 0;\n"
_BEGIN = b"""BEGIN;
SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout';
"""
#: What is loaded is in the schema it was copied from: looked for there, unless somebody has said where to.
_END = """
RESET search_path;
DO $$
DECLARE
    place text := (SELECT quote_ident(nspname) FROM pg_class t JOIN pg_namespace s ON s.oid = t.relnamespace
                   WHERE relname = 'alembic_version' ORDER BY t.oid DESC LIMIT 1);
    that_one text := format('ALTER ROLE %I IN DATABASE %I SET search_path = %s',
                            current_user, current_database(), place);
BEGIN
    IF to_regclass('alembic_version') IS NULL AND place IS NOT NULL THEN
        IF (SELECT source FROM pg_settings WHERE name = 'search_path') <> 'default' THEN
            RAISE 'as tabelas do arquivo são do esquema %, e o search_path deste usuário leva a outro (%). '
                  'Rode antes no PostgreSQL: %', place, current_setting('search_path'), that_one;
        END IF;
        EXECUTE that_one;
        PERFORM set_config('search_path', place, false);
    END IF;
    IF (SELECT version_num FROM alembic_version) NOT IN (@KNOWN@) THEN
        RAISE 'o arquivo é de uma versão mais nova do Disparo';
    END IF;
END $$;
COMMIT;
"""

database_commands = typer.Typer(no_args_is_help=True)


@database_commands.command("backup")
def backup(
    arquivo: Annotated[Path, typer.Argument(help="Arquivo a criar; não pode existir.")],
    dados: DataDir = None,
) -> None:
    """Copia o banco inteiro para um arquivo, com o Disparo no ar ou parado."""
    if arquivo.exists():
        raise DisparoError(f"{arquivo} já existe. Nada foi gravado.")
    with database(dados, changes_none=True) as dsn:
        asyncio.run(_check_begun(dsn))
        write_dump(dsn, arquivo)
        asyncio.run(_note(dsn))
    size = f"{arquivo.stat().st_size / 1e6:.1f}".replace(".", ",")
    print(f"Backup gravado em {arquivo} ({size} MB).")


@database_commands.command("restore")
def restore(
    arquivo: Annotated[Path, typer.Argument(help="Arquivo feito por `disparo db backup`.")],
    dados: DataDir = None,
) -> None:
    """Restaura um backup num banco vazio. O que não é final fica retido até `disparo retomar`."""
    if not arquivo.is_file():
        raise DisparoError(f"{arquivo} não existe.")
    with database(dados, may_begin=True) as dsn:
        asyncio.run(_check_empty(dsn))
        with reaching(dsn) as environment:
            _load(environment, arquivo)
        paused = asyncio.run(_after_restore(dsn))
    print(
        "Backup restaurado. As mensagens que esperavam envio estão retidas, e as que estavam sendo "
        "enviadas, incertas.\nO que foi revogado, desativado ou descadastrado depois do backup voltou: "
        "confira usuários, clientes de API e descadastros, e revogue os tokens: disparo token revogar "
        f"--todos{in_folder(dados)}\n"
        f"Confira e rode: disparo retomar{in_folder(dados)}{paused_runs(paused, dados)}"
    )


@database_commands.command("shell", context_settings={"ignore_unknown_options": True})
def shell(
    argumentos: Annotated[list[str] | None, typer.Argument(help="Passados ao psql.")] = None,
    dados: DataDir = None,
) -> None:
    """Abre o psql no banco do Disparo."""
    with database(dados, changes_none=True) as dsn:
        command = [client_program("psql"), *(argumentos or [])]
        # Ctrl-C at the terminal reaches us too, and is for psql: it ends the statement, not the session.
        # A handler, not SIG_IGN, which psql would inherit.
        signal.signal(signal.SIGINT, lambda *_: None)
        called_off.hear_no_more()
        with reaching(dsn) as environment:
            done = subprocess.run(command, env=environment, check=False)
    sys.exit(done.returncode)


async def _note(dsn: str) -> None:
    """Note when it was made; that of a standby, or of an earlier version's database, cannot be."""
    try:
        async with connected(dsn) as connection:
            await note_copy(connection)
    except (DatabaseUnavailable, asyncpg.PostgresError, *TRANSIENT) as error:
        print(
            f"O backup está feito, mas não pôde ser anotado no banco ({type(error).__name__}): o aviso de "
            "backup antigo não sabe dele.",
            file=sys.stderr,
        )


def _load(environment: dict[str, str], file: Path) -> None:
    """Load a dump whole or not at all, through psql: pg_restore itself sets what servers before 17 refuse."""
    written = [client_program("pg_restore"), "--no-owner", "--no-privileges", "--file=-", str(file)]
    loaded = [client_program("psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        script = subprocess.Popen(written, stdout=subprocess.PIPE, stderr=said)
        loader = subprocess.Popen(
            loaded, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said, env=environment
        )
        with suppress(BrokenPipeError), script, loader:  # psql may end early: what it said tells why
            assert script.stdout is not None and loader.stdin is not None  # noqa: PT018, S101 - both are pipes
            loader.stdin.write(_BEGIN)
            loader.stdin.writelines(line for line in script.stdout if line != _REFUSED_BEFORE_17)
            if script.wait() == 0:  # without its end half a file is no transaction
                loader.stdin.write(_end().encode())
        if script.returncode != 0 or loader.returncode != 0:
            said.seek(0)
            # It falls over a dump that is damaged in the middle, without a word; and where psql ended early.
            fell = script.returncode < 0 and script.returncode != -signal.SIGPIPE
            why = "o arquivo parece danificado" if fell else reason_of(said.read())
            raise DisparoError(f"A restauração falhou: {why}. Nada foi alterado.")


def _end() -> str:
    """Give the end of the script: no commit of what a newer version wrote, and this one could not run on."""
    return _END.replace("@KNOWN@", ", ".join(f"'{revision}'" for revision in revisions()))


async def _check_begun(dsn: str) -> None:
    """Refuse to copy a database that no Disparo has prepared: no restore would take the copy."""
    async with connected(dsn) as connection:
        if await current_version(connection) is None:
            raise DisparoError("Este banco não tem dados do Disparo: não há o que copiar. Nada foi gravado.")


async def _check_empty(dsn: str) -> None:
    async with connected(dsn) as connection:
        if await current_version(connection) is not None:
            raise DisparoError(
                "O banco de destino já tem dados do Disparo. Restaure numa pasta nova (--dados PASTA) ou "
                "num banco vazio. Nada foi alterado."
            )
        await refuse_encoding(connection)


async def _after_restore(dsn: str) -> list[UUID]:
    """Hold what waits; gives the bulk runs that are paused."""
    speak()
    await prepare(dsn)
    return await hold_after_restore(dsn)

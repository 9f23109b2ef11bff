"""`disparo db`: backup, restore, shell."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from disparo.cli.context import DataDir, database
from disparo.cli.upgrade import run_client, write_dump
from disparo.db.installation import hold_after_restore
from disparo.db.migrate import current_version
from disparo.db.pool import connect, libpq_environment
from disparo.db.postgres_binaries import client_program
from disparo.dispatch.prepare import prepare
from disparo.errors import DisparoError

database_commands = typer.Typer(no_args_is_help=True)


@database_commands.command("backup")
def backup(
    arquivo: Annotated[Path, typer.Argument(help="Arquivo a criar; não pode existir.")],
    dados: DataDir = None,
) -> None:
    """Copia o banco inteiro para um arquivo, com o Disparo no ar ou parado."""
    if arquivo.exists():
        raise DisparoError(f"{arquivo} já existe. Nada foi gravado.")
    with database(dados) as dsn:
        write_dump(dsn, arquivo)
    print(f"Backup gravado em {arquivo} ({arquivo.stat().st_size / 1e6:.1f} MB).")


@database_commands.command("restore")
def restore(
    arquivo: Annotated[Path, typer.Argument(help="Arquivo feito por `disparo db backup`.")],
    dados: DataDir = None,
) -> None:
    """Restaura um backup num banco vazio. O que não é final fica retido até `disparo retomar`."""
    if not arquivo.is_file():
        raise DisparoError(f"{arquivo} não existe.")
    with database(dados) as dsn:
        asyncio.run(_check_empty(dsn))
        name = libpq_environment(dsn)["PGDATABASE"]
        options = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")
        run_client("pg_restore", *options, f"--dbname={name}", str(arquivo), dsn=dsn)
        asyncio.run(_after_restore(dsn))
    print(
        "Backup restaurado. As mensagens que esperavam envio estão retidas, e as que estavam sendo "
        "enviadas, incertas.\nConfira e rode: disparo retomar"
    )


@database_commands.command("shell", context_settings={"ignore_unknown_options": True})
def shell(
    argumentos: Annotated[list[str] | None, typer.Argument(help="Passados ao psql.")] = None,
    dados: DataDir = None,
) -> None:
    """Abre o psql no banco do Disparo."""
    with database(dados) as dsn:
        command = [client_program("psql"), *(argumentos or [])]
        done = subprocess.run(command, env={**os.environ, **libpq_environment(dsn)}, check=False)
    sys.exit(done.returncode)


async def _check_empty(dsn: str) -> None:
    connection = await connect(dsn)
    try:
        if await current_version(connection) is not None:
            raise DisparoError(
                "O banco de destino já tem dados do Disparo. Restaure numa pasta nova (--dados PASTA) ou "
                "num banco vazio. Nada foi alterado."
            )
    finally:
        await connection.close()


async def _after_restore(dsn: str) -> None:
    await prepare(dsn)
    await hold_after_restore(dsn)

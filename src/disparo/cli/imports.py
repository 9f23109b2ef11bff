"""`disparo importar`: customers, contacts and invoices from CSV files."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from disparo.cli.context import DataDir, database
from disparo.cli.upgrade import prepare_with_backup
from disparo.db.pool import connect
from disparo.settings import load_settings
from disparo.sources.csv_import import COLUMNS, Report, import_file

_SHOWN = 1000
_HOW = (
    "Separador ; ou , e a primeira linha com os nomes das colunas; UTF-8 ou Windows-1252. As linhas com erro "
    "são listadas com número e motivo e as outras são gravadas; o código de saída é 1 se houve alguma."
)
_WHAT = {
    "clientes": "Telefones em qualquer formato; permite_sms_N: sim (padrão) ou nao.",
    "contatos": "permite_sms: sim ou nao (padrão).",
    "faturas": "Valor 1.234,56 ou 1234.56; datas dd/mm/aaaa ou aaaa-mm-dd; situacao: aberta (padrão), paga "
    "ou cancelada.",
}
imports = typer.Typer(no_args_is_help=True)
_File = Annotated[Path, typer.Argument(metavar="ARQUIVO.csv", help="Arquivo CSV.")]


def _help(kind: str) -> str:
    return f"Colunas (* obrigatórias): {', '.join(COLUMNS[kind])}. {_WHAT[kind]} {_HOW}"


@imports.command("clientes", help=_help("clientes"))
def customers(arquivo: _File, dados: DataDir = None) -> None:
    """Store customers."""
    _import("clientes", arquivo, dados)


@imports.command("contatos", help=_help("contatos"))
def contacts(arquivo: _File, dados: DataDir = None) -> None:
    """Store contacts."""
    _import("contatos", arquivo, dados)


@imports.command("faturas", help=_help("faturas"))
def invoices(arquivo: _File, dados: DataDir = None) -> None:
    """Store invoices."""
    _import("faturas", arquivo, dados)


def _import(kind: str, path: Path, data_dir: Path | None) -> None:
    size = path.stat().st_size if path.is_file() else None
    with database(data_dir) as dsn:
        asyncio.run(prepare_with_backup(load_settings(data_dir=data_dir), dsn))
        report = asyncio.run(_work(dsn, kind, path, size))
    for line in report.bad[:_SHOWN]:
        print(f"linha {line.number}: {line.reason}", file=sys.stderr)
    if len(report.bad) > _SHOWN:
        print(f"... e mais {len(report.bad) - _SHOWN} linhas com erro", file=sys.stderr)
    print(f"{report.stored} linha(s) gravada(s), {len(report.bad)} com erro.")
    if report.bad:
        raise typer.Exit(1)


async def _work(dsn: str, kind: str, path: Path, size: int | None) -> Report:
    connection = await connect(dsn)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    try:
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            task = progress.add_task(kind, total=size)
            return await import_file(
                connection, kind, path, progress=lambda done: progress.update(task, completed=done)
            )
    finally:
        await connection.close()

"""`disparo importar`: customers, contacts and invoices from CSV and XLSX files."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import asyncpg
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from disparo.cli.context import DataDir, actor, database, prepare_for_command
from disparo.db import accounts
from disparo.db.pool import TRANSIENT, Connection, connected
from disparo.settings import load_settings
from disparo.sources.column_names import fields_of
from disparo.sources.column_warnings import warn
from disparo.sources.columns import Proposal
from disparo.sources.file_import import Options, import_file, look
from disparo.sources.import_report import Report
from disparo.sources.tables import NotReadable
from disparo.wording.plain import on_line

_HOW = (
    "CSV (separador ; , ou tabulação; UTF-8, UTF-16 ou Windows-1252) ou XLSX, com uma linha de nomes de "
    "colunas; nomes parecidos são reconhecidos e mostrados. As linhas com erro são listadas com número e "
    "motivo e as outras são gravadas; o código de saída é 1 se houve alguma."
)
_WHAT = {
    "clientes": "Telefones em qualquer formato; permite_sms_N: sim (padrão) ou nao.",
    "contatos": "permite_sms: sim ou nao (padrão).",
    "faturas": "Valor 1.234,56 ou 1234.56; datas dd/mm/aaaa ou aaaa-mm-dd; situacao: aberta (padrão), paga "
    "ou cancelada.",
}
imports = typer.Typer(no_args_is_help=True)
_File = Annotated[Path, typer.Argument(metavar="ARQUIVO", help="Arquivo CSV ou XLSX.")]
_Simulate = Annotated[bool, typer.Option("--simular", help="Confere tudo e não grava nada.")]
_Refused = Annotated[
    Path | None,
    typer.Option("--recusadas", metavar="ARQUIVO.csv", help="Grava aqui as linhas com erro e o motivo."),
]
_Columns = Annotated[
    list[str] | None,
    typer.Option("--coluna", metavar="'NOME=campo'", help="Diz que campo é uma coluna; repita para várias."),
]


def _help(kind: str) -> str:
    return f"Colunas (* obrigatórias): {', '.join(fields_of(kind))}. {_WHAT[kind]} {_HOW}"


def _command(kind: str) -> Callable[..., None]:
    def command(
        arquivo: _File,
        simular: _Simulate = False,
        recusadas: _Refused = None,
        coluna: _Columns = None,
        dados: DataDir = None,
    ) -> None:
        _import(kind, arquivo, dados, simulate=simular, refused=recusadas, columns=coluna)

    return command


for _kind in _WHAT:
    imports.command(_kind, help=_help(_kind))(_command(_kind))


def _import(
    kind: str,
    path: Path,
    data_dir: Path | None,
    *,
    simulate: bool,
    refused: Path | None,
    columns: list[str] | None,
) -> None:
    chosen = dict(_choice(text) for text in columns or [])
    proposal = look(kind, path, chosen)
    _show_columns(proposal)
    if warning := warn(kind, proposal):
        print(f"Atenção: {on_line(warning)}", file=sys.stderr)
    settings = load_settings(data_dir=data_dir)
    with database(data_dir, may_begin=True) as dsn:
        asyncio.run(prepare_for_command(settings, dsn))
        report = asyncio.run(_work(dsn, kind, path, Options(simulate, refused, chosen, zone=settings.zone)))
    for line in report.bad:
        print(f"linha {line.number}: {on_line(line.reason)}", file=sys.stderr)
    if report.bad_count > len(report.bad):
        print(f"... e mais {report.bad_count - len(report.bad)} linhas com erro", file=sys.stderr)
    for told in report.told:
        print(told, file=sys.stderr)
    done = "seria(m) gravada(s) (simulação)" if simulate else "gravada(s)"
    print(f"{report.stored} linha(s) {done}, {report.bad_count} com erro.")
    if report.bad_count:
        raise typer.Exit(1)


def _choice(text: str) -> tuple[str, str]:
    name, sign, field = text.rpartition("=")
    if not sign:
        raise NotReadable(f"--coluna {text}: escreva 'Nome no arquivo=campo'.")
    return name.strip(), field.strip()


def _show_columns(proposal: Proposal) -> None:
    """Say which column is taken for which field, where that is not plain from its name."""
    pairs = list(zip(proposal.headers, proposal.fields, strict=True))
    ignored = [name for name, field in pairs if field is None and name.strip()]
    for name, field in pairs:
        if field is not None and name.strip().lower() != field:
            print(f"coluna {name.strip()!r}: {field}")
    if ignored:
        print(f"colunas ignoradas: {', '.join(on_line(name.strip()) for name in ignored)}")


async def _work(dsn: str, kind: str, path: Path, options: Options) -> Report:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    report = Report(kind)
    async with connected(dsn) as connection:
        try:
            with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
                task = progress.add_task(kind, total=None)

                def show(done: int, total: int) -> None:
                    progress.update(task, completed=done, total=total or None)

                shown = replace(options, progress=show)
                await import_file(connection, kind, path, shown, report=report)
        except BaseException:  # a Ctrl-C too
            if report.stored and not options.simulate:
                with suppress(asyncpg.PostgresError, *TRANSIENT):  # told is what stopped it
                    await _note(connection, report)
                print(
                    f"A importação parou antes do fim: {report.stored} linha(s) gravada(s). "
                    "Pode ser repetida com o mesmo arquivo.",
                    file=sys.stderr,
                )
            raise
        if not options.simulate:
            await _note(connection, report)
        return report


async def _note(connection: Connection, report: Report) -> None:
    detail = {"kind": report.kind, "stored": report.stored, "refused": report.bad_count}
    await accounts.audit(connection, actor=actor(), action="imported", detail=detail)

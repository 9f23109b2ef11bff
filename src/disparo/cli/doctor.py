"""`disparo doctor`: is everything as it should be, and if not, how to mend it."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from disparo.cli.context import DataDir, data_dir_of
from disparo.cli.examine.clock import examine_kept
from disparo.cli.examine.database import examine_database
from disparo.cli.examine.files import (
    examine_copies,
    examine_data_dir,
    examine_environment,
    examine_pair,
    examine_settings_file,
)
from disparo.cli.examine.finding import Finding, Grade, ok, wrong
from disparo.cli.examine.network import examine_network, switches
from disparo.cli.examine.readers import examine_readers
from disparo.cli.launch import SIMULATOR
from disparo.cli.telling import teller
from disparo.db.data_dir import is_held
from disparo.db.embedded import attach
from disparo.errors import DisparoError
from disparo.platforms.registry import check_tables
from disparo.settings import SYSTEM_FILE, Settings, load_settings
from disparo.sources.build import live_sources
from disparo.wording.plain import on_lines

#: What to do about a PostgreSQL that the administrator keeps.
_OWN_SERVER = (
    "Confira o PostgreSQL e DISPARO_DATABASE_URL (database_url no disparo.toml); "
    "se o endereço mudar, reinicie o Disparo."
)
_RESTART = "Reinicie o Disparo: sudo systemctl restart disparo. O que houve: {log}."
_MARKS = {Grade.OK: "ok   ", Grade.NOTE: "aviso", Grade.WRONG: "FALHA"}


def doctor(
    dados: DataDir = None,
    como_json: Annotated[bool, typer.Option("--json", help="Resultado para programas.")] = False,
) -> None:
    """Confere banco, relógio, disco, plataformas, confirmações, permissões e workers; não altera nada."""
    findings = asyncio.run(_examine(dados))
    if como_json:
        print(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=1))
    else:
        _show(findings)
    if any(finding.grade is Grade.WRONG for finding in findings):
        raise typer.Exit(1)


async def _examine(dados: Path | None) -> list[Finding]:
    named = os.environ.get("DISPARO_CONFIG")
    settings_path = Path(named or SYSTEM_FILE)
    findings = [examine_settings_file(settings_path)]
    try:
        settings = load_settings(data_dir=dados)
        check_tables(settings.platforms)
        teller(settings)
    except DisparoError as error:
        return [*findings, wrong("configuração", str(error), "Corrija o arquivo e rode o doctor de novo.")]
    data_dir = data_dir_of(settings)
    database, network = await asyncio.gather(_database(settings, data_dir), examine_network(settings))
    return [
        *findings,
        ok("configuração", "lida sem erros"),
        *examine_environment(),
        *examine_readers(settings, settings_path, data_dir),
        *examine_data_dir(data_dir),
        *examine_copies(data_dir, settings.keep_text_days),
        *examine_pair(settings.tls_certificate, settings.tls_key),
        *examine_kept(),
        *database,
        *network,
        switches(settings),
    ]


async def _database(settings: Settings, data_dir: Path) -> list[Finding]:
    examine = partial(
        examine_database,
        backup_within_days=settings.backup_max_age_days,
        has_platforms=bool(settings.platforms),
        used={*(settings.platforms or {SIMULATOR}), *live_sources(settings)},
        local_client=settings.hubsoft_local_client if settings.hubsoft_url else None,
    )
    if settings.database_url is not None:
        return await examine(settings.database_url.get_secret_value(), remedy=_OWN_SERVER)
    if os.access(data_dir, os.F_OK) and not os.access(data_dir, os.X_OK):
        return []  # said of the folder: whether it runs cannot be seen
    if not is_held(data_dir):
        remedy = "Inicie o Disparo: sudo systemctl start disparo (ou disparo run)."
        return [wrong("banco de dados", f"o banco próprio de {data_dir} não está em execução", remedy)]
    try:
        dsn = await asyncio.to_thread(attach, data_dir)
    except DisparoError as error:
        return [wrong("banco de dados", str(error), "Rode o doctor com sudo, ou espere o início terminar.")]
    return await examine(dsn, remedy=_RESTART.format(log=data_dir / "postgres.log"))


def _show(findings: list[Finding]) -> None:
    for finding in findings:
        print(f"{_MARKS[finding.grade]}  {finding.subject}: {on_lines(finding.text)}")
        if finding.remedy:
            print(f"       -> {on_lines(finding.remedy)}")
    count = sum(finding.grade is Grade.WRONG for finding in findings)
    print(f"\n{count} falha(s)." if count else "\nTudo em ordem.")

"""`disparo descadastro`: numbers that want no SMS."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from disparo.cli.context import DataDir, actor, with_connection
from disparo.cli.phones import phone_of
from disparo.cli.tables import show_table
from disparo.db import opt_outs as table
from disparo.settings import load_settings
from disparo.wording import words
from disparo.wording.moment_words import to_minute

opt_outs = typer.Typer(no_args_is_help=True)


@opt_outs.command("incluir")
def add(telefone: str, dados: DataDir = None) -> None:
    """Descadastra um número: nenhum SMS vai mais para ele."""
    e164 = phone_of(telefone).e164
    new = with_connection(dados, lambda connection: table.add_asked(connection, e164, actor=actor()))
    print("Telefone descadastrado." if new else "O telefone já estava descadastrado.")


@opt_outs.command("remover")
def remove(telefone: str, dados: DataDir = None) -> None:
    """Volta a permitir SMS para um número."""
    e164 = phone_of(telefone).e164
    found = with_connection(dados, lambda connection: table.remove_asked(connection, e164, actor=actor()))
    print("O telefone volta a receber SMS." if found else "O telefone não estava descadastrado.")


@opt_outs.command("listar")
def list_all(
    limite: Annotated[int, typer.Option(min=1, max=10_000, help="Quantos mostrar.")] = 100,
    dados: DataDir = None,
) -> None:
    """Lista os números descadastrados, os mais novos primeiro."""
    rows = with_connection(dados, lambda connection: table.list_page(connection, limit=limite))
    shown, zone = Table("Telefone", "Motivo", "Desde"), load_settings().zone
    for row in rows:
        since = to_minute(row["created_at"], zone)
        shown.add_row(row["e164"], words.OPT_OUT.get(row["reason"], row["reason"]), since)
    show_table(shown)

"""`disparo titular`: what the law gives whoever the data are about (LGPD, art. 18)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from disparo.cli.asking import ask
from disparo.cli.context import DataDir, actor, with_connection
from disparo.db import accounts, erasure, personal_data
from disparo.db.pool import Connection
from disparo.errors import DisparoError, in_words
from disparo.wording import subject_words

subjects = typer.Typer(no_args_is_help=True)
_CustomerId = Annotated[int, typer.Argument(min=1, max=2**63 - 1, help="O id_cliente do cadastro.")]


@subjects.command("exportar")
def export(
    id_cliente: _CustomerId,
    arquivo: Annotated[Path | None, typer.Option(help="Grava neste arquivo, fechado a outros.")] = None,
    dados: DataDir = None,
) -> None:
    """Mostra em JSON tudo o que se guarda de um cliente: cadastro, faturas, SMS com o texto e o destino."""

    async def work(connection: Connection) -> dict[str, list[Any]]:
        found = await personal_data.read(connection, id_cliente)
        if found is None:
            raise DisparoError(f"Nada se sabe de um cliente {id_cliente}.")
        await accounts.audit(
            connection, actor=actor(), action="customer_exported", detail={"customer": id_cliente}
        )
        return subject_words.told(found)

    found = with_connection(dados, work)
    if arquivo is None:
        shows_all = sys.stdout is None or sys.stdout.encoding.lower().startswith("utf")
        print(json.dumps(found, ensure_ascii=not shows_all, indent=1))
        return
    text = json.dumps(found, ensure_ascii=False, indent=1) + "\n"
    try:
        arquivo.touch(mode=0o600, exist_ok=False)
        try:
            arquivo.write_text(text, encoding="utf-8")
        except OSError:  # half of it is of no use, and personal
            arquivo.unlink()
            raise
    except OSError as error:
        raise DisparoError(f"{arquivo} não pôde ser gravado: {in_words(error)}.") from None
    print(f"Dados do cliente {id_cliente} gravados em {arquivo}.")


@subjects.command("apagar")
def erase(
    id_cliente: _CustomerId,
    sim: Annotated[bool, typer.Option("--sim", help="Não perguntar.")] = False,
    dados: DataDir = None,
) -> None:
    """Apaga os dados pessoais de um cliente: cadastro, contatos, faturas e textos. Não se desfaz.

    Ficam o número, as datas e o destino de cada SMS, o hash do texto e o descadastro. Uma sincronização ou
    importação não traz o cliente de volta.
    """
    if not sim:
        ask(f"Apagar para sempre os dados pessoais do cliente {id_cliente}?")

    async def work(connection: Connection) -> int:
        waiting = await erasure.count_waiting(connection, id_cliente)
        if waiting:
            raise DisparoError(
                f"{waiting} mensagem(ns) deste cliente esperam, estão saindo ou estão incertas: "
                "cancele-as ou resolva-as antes. Nada foi apagado."
            )
        count = await erasure.erase(connection, id_cliente)
        if count is None:
            raise DisparoError(f"Nada se sabe de um cliente {id_cliente}. Nada foi alterado.")
        await accounts.audit(
            connection, actor=actor(), action="customer_erased", detail={"customer": id_cliente}
        )
        return count

    count = with_connection(dados, work)
    with_connection(dados, lambda connection: erasure.empty_latecomers(connection, id_cliente))
    print(f"Dados do cliente {id_cliente} apagados, com os textos de {count} mensagem(ns).")
    print(
        "Backups e cópias de antes de atualizações (data_dir/backups) ainda os têm: depois de restaurar um, "
        "apague de novo."
    )


@subjects.command("readmitir")
def readmit(id_cliente: _CustomerId, dados: DataDir = None) -> None:
    """Deixa um cliente apagado voltar ao cadastro, quando for importado ou sincronizado de novo."""

    async def work(connection: Connection) -> None:
        if not await erasure.readmit(connection, id_cliente):
            raise DisparoError(f"O cliente {id_cliente} não foi apagado. Nada foi alterado.")
        await accounts.audit(
            connection, actor=actor(), action="customer_readmitted", detail={"customer": id_cliente}
        )

    with_connection(dados, work)
    print(f"O cliente {id_cliente} pode ser importado e sincronizado de novo.")

"""`disparo simulador`: the simulated SMS platform."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from disparo.cli.processes import end_with_parent
from disparo.cli.stopping import stop_signal
from disparo.errors import DisparoError, in_words
from disparo.platforms.simulator.app import HOST, serve
from disparo.settings import load_settings


def simulator(
    porta: Annotated[int, typer.Option("--porta", min=1, max=65535, help="Porta, só nesta máquina.")] = 8001,
    registro: Annotated[
        Path, typer.Option("--registro", help="Arquivo em que anota o que recebeu; só cresce.")
    ] = Path("simulador.jsonl"),
    porta_smpp: Annotated[
        int | None,
        typer.Option("--porta-smpp", min=1, max=65535, help="Também como SMSC (SMPP), nesta porta."),
    ] = None,
) -> None:
    """Inicia uma plataforma de SMS de mentira, para testar a instalação: nada sai desta máquina."""
    end_with_parent()
    zone = load_settings().zone
    try:
        asyncio.run(_serve(porta, registro, porta_smpp, zone))
    except OSError as error:
        where = f"{HOST}, porta {porta}" if porta_smpp is None else f"{HOST}, portas {porta} e {porta_smpp}"
        raise DisparoError(f"O simulador não pôde iniciar em {where}: {in_words(error)}.") from error


async def _serve(port: int, log: Path, smpp_port: int | None, zone: ZoneInfo) -> None:
    stop = stop_signal()
    await serve(port, log, stop, zone=zone, smpp_port=smpp_port)

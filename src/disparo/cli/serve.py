"""`disparo serve`: the HTTP server, one process or several on one port."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Annotated

import typer

from disparo import failpoints
from disparo.api.certificate import Certificate
from disparo.api.server import serve as serve_http
from disparo.cli.context import DataDir, data_dir_of, log_misspelt, opened, prepare_patiently
from disparo.cli.launch import check_port, free_port, serve_arguments
from disparo.cli.listening import CertificateFile, Host, KeyFile, Port, SelfSigned, certificate_of, tls_of
from disparo.cli.processes import Family, end_with_parent
from disparo.cli.stopping import stop_signal
from disparo.cli.telling import teller
from disparo.log import configure_logging
from disparo.platforms.registry import check_tables
from disparo.settings import Settings, load_settings
from disparo.settings_watch import SettingsWatch


def serve(
    dados: DataDir = None,
    porta: Port = None,
    host: Host = None,
    tls_self_signed: SelfSigned = False,
    tls_certificado: CertificateFile = None,
    tls_chave: KeyFile = None,
    processos: Annotated[int, typer.Option(min=1, max=64, help="Quantos processos, na mesma porta.")] = 1,
    porta_compartilhada: Annotated[bool, typer.Option("--porta-compartilhada", hidden=True)] = False,
) -> None:
    """Inicia só o servidor HTTP; os workers são iniciados com `disparo worker`."""
    is_child = end_with_parent()
    failpoints.arm(os.environ.get("DISPARO_FAILPOINTS", ""))

    def load() -> Settings:
        settings = load_settings(
            data_dir=dados, port=porta, host=host, tls_certificate=tls_certificado, tls_key=tls_chave
        )
        check_tables(settings.platforms)
        return settings

    def load_changed() -> Settings:
        changed = load()
        if changed.alerts != settings.alerts:
            teller(changed)  # refused by workers, it is refused here too: both go on by the same settings
        return changed

    watch = SettingsWatch(load_changed)
    settings = load()
    configure_logging(level=settings.log_level)
    log_misspelt()
    certificate = certificate_of(settings, own=tls_self_signed)
    with opened(dados, may_begin=True) as dsn:
        asyncio.run(prepare_patiently(settings, dsn, may_upgrade=not is_child))
        if processos > 1:
            asyncio.run(_serve_with(processos, settings, dsn, certificate))
        else:
            raise typer.Exit(
                serve_http(
                    settings, dsn, certificate=certificate, watch=watch, shares_port=porta_compartilhada
                )
            )


async def _serve_with(count: int, settings: Settings, dsn: str, certificate: Certificate | None) -> None:
    """Keep so many processes serving one port until SIGTERM or SIGINT; SIGHUP goes on to each."""
    check_port(settings.host, settings.port)
    family = Family({"DISPARO_DATABASE_URL": dsn, "DISPARO_DATA_DIR": str(data_dir_of(settings))})
    stop, loop = stop_signal(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, family.send_signal, signal.SIGHUP)
    arguments = serve_arguments(settings.host, settings.port or free_port(settings.host), tls_of(certificate))
    try:
        for number in range(count):
            await family.start(f"server-{number}", *arguments, "--porta-compartilhada")
        await stop.wait()
    finally:
        await family.stop()

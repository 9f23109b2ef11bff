"""Runs the application under uvicorn, with the certificate it is told to use."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from disparo.api.app import build_app
from disparo.api.certificate import Certificate
from disparo.api.protocol import HttpProtocol
from disparo.api.served_certificate import ServedCertificate
from disparo.errors import RESTART_ME, DisparoError, PortTaken
from disparo.settings import Settings
from disparo.settings_watch import SettingsWatch

#: How long a connection may be idle: longer than nginx keeps one to us (60 s). The first to close it must be
#: who calls: a call that crosses with our closing is lost, and its caller reads 502.
_IDLE_S = 75


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals to us, and remembers why it ended or could not start."""

    def __init__(self, config: uvicorn.Config, ending: asyncio.Event) -> None:
        super().__init__(config)
        self._ending = ending
        self.has_fallen = False
        self.refused: DisparoError | None = None

    def fall(self) -> None:
        """Stop as if asked to, since a part of the application is gone."""
        self.has_fallen = True
        self.handle_exit(signal.SIGTERM, None)

    def refuse(self, error: DisparoError) -> None:
        """Remember why the application cannot start; uvicorn itself says only that it did not."""
        self.refused = error

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._ending.set()  # pages that go on by themselves would hold us up
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)


def serve(
    settings: Settings,
    dsn: str,
    *,
    certificate: Certificate | None,
    watch: SettingsWatch,
    shares_port: bool = False,
) -> int:
    """Serve until SIGTERM or SIGINT, and give the exit status; raises DisparoError where it cannot start.

    `shares_port`: with other processes of ours.
    """
    served = ServedCertificate(certificate) if certificate is not None else None
    ending = asyncio.Event()
    config = _config(settings, served)
    server = _Server(config, ending)
    config.app = build_app(
        settings,
        dsn,
        watch=watch,
        ending=ending,
        fall=server.fall,
        refuse=server.refuse,
        served=served,
    )
    try:
        server.run([_shared_socket(settings.host, settings.port)] if shares_port else None)
    except (SystemExit, OSError) as ended:  # SystemExit is uvicorn's way to say that it could not start
        if server.refused is not None:
            raise server.refused from None
        if isinstance(ended, SystemExit) and server.lifespan.should_exit:
            raise DisparoError("O servidor não pôde iniciar: o erro está no registro, logo acima.") from None
        raise PortTaken(
            f"Não foi possível escutar na porta {settings.port} de {settings.host}: já está em uso, não é "
            "permitida, ou o endereço não é desta máquina. Escolha outra com --porta, ou outro com --host."
        ) from ended
    return RESTART_ME if server.has_fallen else 0


def _config(settings: Settings, served: ServedCertificate | None) -> uvicorn.Config:
    return uvicorn.Config(
        "",  # set later: the application and the server know each other
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=HttpProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # `api.callers` decides whose word counts
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=10,
        backlog=2048,
        ssl_context_factory=(lambda *_: served.context) if served is not None else None,
    )


def _shared_socket(host: str, port: int) -> socket.socket:
    """Bind to a port that several processes listen on: the kernel shares out the connections."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    shared = socket.socket(family, kind, protocol)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    shared.bind(address)
    return shared

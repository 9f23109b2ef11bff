"""Runs the application under uvicorn, with the certificate it is told to use."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import FrameType

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from disparo.api.app import build_app
from disparo.api.one_write import OneWrite
from disparo.errors import DisparoError
from disparo.settings import Settings

_SELF_SIGNED_DAYS = 825


class PortTaken(DisparoError):
    """The address cannot be listened on."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Two PEM files."""

    certificate: Path
    key: Path


class _Server(uvicorn.Server):
    """Leaves signals to us, and freezes what was made at the start for the garbage collector."""

    def __init__(self, config: uvicorn.Config, ending: asyncio.Event) -> None:
        super().__init__(config)
        self._ending = ending

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
    load: Callable[[], Settings],
    shares_port: bool = False,
) -> None:
    """Serve until SIGTERM or SIGINT; raises PortTaken. `shares_port`: with other processes of ours."""
    ending = asyncio.Event()
    config = uvicorn.Config(
        build_app(settings, dsn, load=load, ending=ending),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=OneWrite,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # `api.callers` decides whose word counts
        timeout_graceful_shutdown=10,
        backlog=2048,
        ssl_certfile=certificate.certificate if certificate else None,
        ssl_keyfile=str(certificate.key) if certificate else None,
    )
    server = _Server(config, ending)
    try:
        server.run([_shared_socket(settings.host, settings.port)] if shares_port else None)
    except (SystemExit, OSError) as ended:  # SystemExit is uvicorn's way to say that it could not start
        raise PortTaken(
            f"Não foi possível escutar em {settings.host}:{settings.port}: a porta já está em uso ou não é "
            "permitida. Escolha outra com --porta."
        ) from ended


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


def self_signed(folder: Path, host: str) -> Certificate:
    """Give a certificate made here, the same one at every start; browsers and `curl` need to be told."""
    pair = Certificate(folder / "tls.crt", folder / "tls.key")
    if pair.certificate.exists() and pair.key.exists():
        return pair
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Disparo")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=_SELF_SIGNED_DAYS))
        .add_extension(x509.SubjectAlternativeName(_names(host)), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        pair.key.unlink()
    with os.fdopen(os.open(pair.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(private)
    pair.certificate.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    return pair


def _names(host: str) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ip_address("127.0.0.1")),
        x509.IPAddress(ip_address("::1")),
    ]
    with suppress(ValueError):
        if not ip_address(host).is_unspecified and not ip_address(host).is_loopback:
            names.append(x509.IPAddress(ip_address(host)))
    return names

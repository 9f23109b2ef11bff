"""Jasmin 0.11.0 (0.11.1 never forwards a receipt) with TCP_NODELAY on every socket, as a tuned one has."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tarfile
from pathlib import Path

from tests.support.stage import free_port

from bench.machine import TOOLS, Missing, Process, say, venv
from bench.peer_kannel import Smsc
from bench.services import RabbitMQ, Redis
from bench.wrk import Target

_SECTIONS = (
    "smpp-server",
    "smpp-server-pb",
    "client-management",
    "service-smppclient",
    "sm-listener",
    "dlr",
    "http-api",
    "router",
    "deliversm-thrower",
    "dlr-thrower",
    "jcli",
    "interceptor-client",
)
_WITH_PORT = (
    "smpp-server",
    "smpp-server-pb",
    "client-management",
    "http-api",
    "router",
    "jcli",
    "interceptor-client",
)
_NODELAY = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
int socket(int domain, int type, int protocol) {
    int (*real)(int, int, int) = (int (*)(int, int, int)) dlsym(RTLD_NEXT, "socket");
    int made = real(domain, type, protocol), on = 1;
    if (made >= 0 && domain != AF_UNIX && (type & 15) == SOCK_STREAM)
        setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return made;
}
"""


class Jasmin:
    def __init__(self, folder: Path) -> None:
        programs = venv("jasmin", "jasmin==0.11.0", "setuptools<81") / "bin"
        self.folder = folder / "jasmin"
        for name in ("etc/jasmin/resource", "etc/jasmin/store", "var/log/jasmin"):
            (self.folder / name).mkdir(parents=True)
        for file in _amqp_files(programs):
            shutil.copy(file, self.folder / "etc/jasmin/resource")
        Path("/tmp/jasmind.lock").unlink(missing_ok=True)
        self.smsc = Smsc(receipts=False)
        self._parts: list[RabbitMQ | Redis | Process | Smsc] = [RabbitMQ(folder), Redis(folder), self.smsc]
        ports = {name: free_port() for name in _WITH_PORT}
        path = self.folder / "etc/jasmin/jasmin.cfg"
        path.write_text(self._configuration(ports), encoding="utf-8")
        environment = {
            "ROOT_PATH": str(self.folder),
            "CONFIG_PATH": str(path.parent),
            "LOG_PATH": str(self.folder / "var/log/jasmin"),
            "LD_PRELOAD": str(_nodelay(folder)),
        }
        command = [
            programs / "python",
            programs / "jasmind.py",
            "-c",
            path,
            "-u",
            "jcliadmin",
            "-p",
            "jclipwd",
        ]
        self._parts.append(Process(command, folder / "jasmin.log", environment))
        self._parts[-1].opens(ports["jcli"])
        self._parts[-1].opens(ports["http-api"])
        _configure(ports["jcli"], self.smsc.port)
        self.target = Target(
            f"http://127.0.0.1:{ports['http-api']}/send?username=u&password=p&to=5511988887777&from=BENCH"
            "&content=Fatura+de+R%24+99%2C90+vence+em+30%2F11%2F2026"
        )

    def stop(self) -> None:
        for part in reversed(self._parts):
            part.stop()

    def _configuration(self, ports: dict[str, int]) -> str:
        sections = [
            f"[{name}]\nlog_level = WARNING\nbind = 127.0.0.1\n"
            + (f"port = {ports[name]}\n" if name in ports else "")
            for name in _SECTIONS
        ]
        sections += [
            f"[{name}]\nlog_level = WARNING\nhost = 127.0.0.1\nport = {part.port}\n"
            for name, part in zip(("amqp-broker", "redis-client"), self._parts, strict=False)
        ]
        sections.append(f"[smpp-server-pb-client]\nhost = 127.0.0.1\nport = {ports['smpp-server-pb']}\n")
        return "\n".join(sections)


def _amqp_files(programs: Path) -> list[Path]:
    """Its wheel lacks two files that its source distribution has."""
    kept = TOOLS / "jasmin-source"
    found = sorted(kept.glob("*.xml"))
    if found:
        return found
    say("bench: buscando a distribuição de fontes do jasmin 0.11.0 (pip download)...")
    command = [programs / "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    done = subprocess.run(
        [*command, "-d", kept, "jasmin==0.11.0"], capture_output=True, text=True, check=False
    )
    for archive in kept.glob("*.tar.gz"):
        with tarfile.open(archive) as opened:
            for member in opened:
                if "/misc/config/resource/" in member.name and member.name.endswith(".xml"):
                    content = opened.extractfile(member)
                    assert content is not None
                    (kept / Path(member.name).name).write_bytes(content.read())
    found = sorted(kept.glob("*.xml"))
    if not found:
        raise Missing(
            f"jasmin: sem os arquivos AMQP da distribuição de fontes ({done.stderr.strip()[-200:]})"
        )
    return found


def _nodelay(folder: Path) -> Path:
    if not shutil.which("gcc"):
        raise Missing("gcc, para o TCP_NODELAY do Jasmin (sudo apt install gcc libc6-dev)")
    source, library = folder / "nodelay.c", folder / "nodelay.so"
    source.write_text(_NODELAY, encoding="ascii")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"], check=True)
    return library


def _configure(port: int, smsc: int) -> None:
    lines = ["jcliadmin", "jclipwd", "smppccm -a", "cid sim", "host 127.0.0.1", f"port {smsc}"]
    lines += ["username bench", "password bench", "submit_throughput 0", "bind transceiver", "ok"]
    lines += ["smppccm -1 sim", "group -a", "gid g", "ok", "user -a", "uid u", "gid g", "username u"]
    lines += [
        "password p",
        "ok",
        "mtrouter -a",
        "type defaultroute",
        "connector smppc(sim)",
        "rate 0.0",
        "ok",
        "quit",
    ]
    with socket.create_connection(("127.0.0.1", port)) as console:
        console.settimeout(2)
        _prompt(console)
        for line in lines:
            console.sendall(line.encode() + b"\r\n")
            _prompt(console)


def _prompt(console: socket.socket) -> None:
    read = b""
    try:
        while not read.rstrip().endswith((b":", b">")):
            piece = console.recv(4096)
            if not piece:
                return
            read += piece
    except TimeoutError:
        return

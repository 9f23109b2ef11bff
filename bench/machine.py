"""What a bench needs of the machine: programs, private services, processes that end with it."""

from __future__ import annotations

import atexit
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools" / "bench"


class Missing(Exception):
    """A peer, or a part of one, that is not on this machine and cannot be brought here; says which."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def describe() -> dict[str, Any]:
    """Tell what figures depend on. One fixed loop (ms, best of five) tells days and Pythons apart."""

    def loop_ms() -> float:
        began = time.perf_counter()
        total = 0
        for number in range(1_000_000):
            total += number
        return (time.perf_counter() - began) * 1000

    return {
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "python_of": "the system" if sys.base_prefix == "/usr" else "other",
        "python_loop_ms": round(min(loop_ms() for _ in range(5)), 1),
        "load": os.getloadavg(),
    }


def tell(found: dict[str, Any], file: Path | None) -> None:
    """Print what was found, and write it to a file where one is named."""
    text = json.dumps(found, indent=2)
    print(text)
    if file is not None:
        file.write_text(text + "\n", encoding="utf-8")


def need(program: str, package: str) -> str:
    """Find a program; as root, install its Debian package where it is not there. Raises Missing."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/lib/rabbitmq/bin")
    if found:
        return found
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Missing(f"{program} (sudo apt install {package})")
    say(f"bench: instalando o pacote {package} do Debian (apt-get install)...")
    command = ["apt-get", "install", "-y", "--no-install-recommends", *package.split()]
    # No service of the system is started: each peer gets private instances on ports of their own.
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
        policy.chmod(0o755)
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    finally:
        if ours:
            policy.unlink()
    if done.returncode or not shutil.which(program, path="/usr/bin:/usr/sbin:/usr/lib/rabbitmq/bin"):
        raise Missing(f"{program}: o apt não instalou {package} ({done.stderr.strip()[-200:]})")
    return need(program, package)


def venv(name: str, *packages: str) -> Path:
    """Give a venv of a peer's own under .tools/bench, never part of our lock. Raises Missing."""
    folder = TOOLS / name
    stamp = folder / ".bench-stamp"
    names = " ".join(packages)
    wanted = f"{names} {sys.version} {sys.base_prefix}"  # one Python for all that are measured
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return folder
    say(f"bench: preparando {folder} (pip install {names})...")
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    done = subprocess.run(
        [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *packages],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Missing(f"{name}: o pip não instalou {names} ({done.stderr.strip()[-300:]})")
    stamp.write_text(wanted, encoding="utf-8")
    return folder


class Process:
    """One process in a session of its own, and what it started; ended at the latest when the bench ends."""

    def __init__(
        self, command: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None, cwd: Path = ROOT
    ) -> None:
        self._log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                start_new_session=True,
            )
        atexit.register(self.stop)

    def opens(self, port: int, *, seconds: float = 60) -> None:
        """Wait until a port is listened on; raises Missing with the end of the log."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            with socket.socket() as probe:
                probe.settimeout(0.5)
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.1)  # between two looks
        raise Missing(f"{self.process.args} não abriu a porta {port}: {self.tail()}")  # type: ignore[str-bytes-safe]  # all are str

    def tail(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-500:]

    def stop(self) -> None:
        """End it, and whatever of its session is left."""
        atexit.unregister(self.stop)
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(15)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # only the session that was started here
        self.process.wait(15)

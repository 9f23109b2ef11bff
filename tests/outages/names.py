"""Names of hosts for this process and its children alone: files of our own laid over /etc, where we may."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_INSIDE = "DISPARO_TEST_HAS_ITS_OWN_NAMES"
_RESOLVER = "127.0.0.153"


def enter(module: str, arguments: Sequence[str]) -> bool:
    """Run the module anew where mounts are its own; gives whether they are."""
    inside = bool(os.environ.get(_INSIDE))
    if not inside and _may_mount():
        command = ["unshare", "-m", "--propagation", "private", sys.executable, "-m", module, *arguments]
        os.execvpe(command[0], command, {**os.environ, _INSIDE: "yes"})
    return inside


def _may_mount() -> bool:
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


class Names:
    """One name of this machine that can be forgotten. Then only a name server knows it, and it is silent."""

    def __init__(self, folder: Path, host: str) -> None:
        self._hosts = folder / "hosts"
        self._line = f"127.0.0.1 {host}\n"
        self._usual = Path("/etc/hosts").read_text(encoding="utf-8") + "\n"
        self._hosts.write_text(self._usual + self._line, encoding="utf-8")
        resolver = folder / "resolv.conf"
        resolver.write_text(f"nameserver {_RESOLVER}\n", encoding="utf-8")
        for file in (self._hosts, resolver):
            file.chmod(0o644)
            subprocess.run(["mount", "--bind", str(file), f"/etc/{file.name}"], check=True)
        self._server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._server.bind((_RESOLVER, 53))

    def forget(self) -> None:
        # In place: the file that is mounted must stay the same one.
        self._hosts.write_text(self._usual, encoding="utf-8")

    def remember(self) -> None:
        self._hosts.write_text(self._usual + self._line, encoding="utf-8")

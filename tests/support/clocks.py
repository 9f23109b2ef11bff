"""Processes whose clock is wrong, by libfaketime."""

from __future__ import annotations

from pathlib import Path

_FOLDERS = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib")
_FOUND = [path for folder in _FOLDERS if (path := Path(folder, "faketime/libfaketime.so.1")).exists()]

CAN_BE_WRONG = bool(_FOUND)
MISSING = "relógios errados: falta o pacote libfaketime (sudo apt install libfaketime)"


def off(by: str) -> dict[str, str]:
    """The environment of a process whose wall clock is off, by "+1h" for example."""
    return {"LD_PRELOAD": str(_FOUND[0]), "FAKETIME": by, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

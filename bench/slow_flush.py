"""A disk whose flush takes some milliseconds more: a few lines of C that PostgreSQL is started with."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.machine import Missing

_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
static int wait_then(const char *name, int fd) {
    int (*real)(int) = (int (*)(int)) dlsym(RTLD_NEXT, name);
    usleep(WAIT_US);
    return real(fd);
}
int fdatasync(int fd) { return wait_then("fdatasync", fd); }
int fsync(int fd) { return wait_then("fsync", fd); }
"""


def compiled(folder: Path, wait_ms: float) -> Path:
    """Give the library; raises Missing without a compiler."""
    if not shutil.which("gcc"):
        raise Missing("gcc (sudo apt install gcc libc6-dev)")
    folder.mkdir(parents=True, exist_ok=True)
    source, library = folder / "slow_flush.c", folder / "slow_flush.so"
    source.write_text(_SOURCE, encoding="ascii")
    command = ["gcc", "-shared", "-fPIC", "-O2", f"-DWAIT_US={round(wait_ms * 1000)}", "-o"]
    done = subprocess.run([*command, library, source, "-ldl"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"gcc: {done.stderr.strip()[-200:]}")
    library.chmod(0o755)
    return library


@contextmanager
def preloaded(library: Path | None) -> Iterator[None]:
    """Whatever is started meanwhile loads the library first."""
    if library is None:
        yield
        return
    os.environ["LD_PRELOAD"] = str(library)
    try:
        yield
    finally:
        del os.environ["LD_PRELOAD"]

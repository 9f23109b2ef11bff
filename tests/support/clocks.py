"""Processes whose wall clock is wrong: a few lines of C that they are started with.

libfaketime would do it without a compiler, but under it Python's sleeps fail and its threads stand still for
seconds: such a process shows nothing of ours.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

_SOURCE = r"""
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long off(void) { const char *by = getenv("CLOCK_OFF_S"); return by ? atol(by) : 0; }
int clock_gettime(clockid_t id, struct timespec *at) {
    int failed = syscall(SYS_clock_gettime, id, at);
    if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) at->tv_sec += off();
    return failed;
}
int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    (void) zone;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
"""

CAN_BE_WRONG = shutil.which("gcc") is not None
MISSING = "relógios errados: falta um compilador C (sudo apt install gcc libc6-dev)"


def off(by_s: int) -> dict[str, str]:
    """The environment of a process whose wall clock is off by so many seconds."""
    return {"LD_PRELOAD": str(_library()), "CLOCK_OFF_S": str(by_s)}


@cache
def _library() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="disparo-clock-"))
    folder.chmod(0o755)
    source, library = folder / "clock.c", folder / "clock.so"
    source.write_text(_SOURCE, encoding="ascii")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", library, source], check=True)
    return library

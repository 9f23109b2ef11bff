"""The settings of our private PostgreSQL: for a queue that turns over, beside other programs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PORT = "5432"
_MB = 1_048_576
_LEAST_MB, _MOST_MB = 128, 1024
#: Of the memory there is: the server keeps pages here, the system keeps others beside them.
_SHARE = 8
_PROC, _CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")


def server_options() -> dict[str, str]:
    """Give the settings for the server's command line."""
    return {
        "listen_addresses": "",
        "port": PORT,  # the socket's name; whatever PGPORT says
        "unix_socket_permissions": "0700",
        "dynamic_shared_memory_type": "mmap",
        "max_connections": "200",
        # With too little, pages that are written again in a moment go to the disk now, where they meet the
        # log's flushes, for which accepting waits.
        "shared_buffers": f"{buffers_mb(memory_mb())}MB",
        # Under load the default means a checkpoint every 20 s, and after each every page is logged whole.
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        # The queue's table turns over thousands of times an hour: swept often, it stays small.
        "autovacuum_naptime": "10s",
        # Lines of the server's log hold no values: a phone could be among them.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_parameter_max_length_on_error": "0",
        "log_checkpoints": "off",
    }


def buffers_mb(memory_mb: int) -> int:
    """Give the memory for pages, in MB: an eighth of what there is, from 128 MB to 1 GB."""
    return min(_MOST_MB, max(_LEAST_MB, memory_mb // _SHARE))


def memory_mb(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> int:
    """Give the memory, in MB, that this machine, container or unit may use: the least of them."""
    said = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    with suppress(OSError, ValueError, IndexError):  # in LXC narrower than what the machine has
        said.append(int((proc / "meminfo").read_text(encoding="ascii").split()[1]) * 1024)
    for limit in _limits(proc, cgroups):
        with suppress(OSError, ValueError):  # not there, or "max"
            said.append(int(limit.read_text(encoding="ascii")))
    return min(said) // _MB


def _limits(proc: Path, cgroups: Path) -> Iterator[Path]:
    """Name the files that may limit us: of our control group, of those it lies in, of a container's (v1)."""
    yield cgroups / "memory" / "memory.limit_in_bytes"
    with suppress(OSError):
        for line in (proc / "self" / "cgroup").read_text(encoding="utf-8").splitlines():
            if line.startswith("0::/"):
                ours = cgroups / line.removeprefix("0::/")
                yield from (folder / "memory.max" for folder in (ours, *ours.parents))

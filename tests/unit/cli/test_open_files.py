"""How many files, and so connections, a process that runs on may have open."""

from __future__ import annotations

import resource
import subprocess
import sys

_SHOW = (
    "import resource; from disparo.cli.app import may_open_many; "
    "may_open_many(); print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
)


def left_of(soft, hard):
    done = subprocess.run(
        [sys.executable, "-c", _SHOW],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)),
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(map(int, done.stdout.split()))


def test_a_shells_limit_is_not_the_servers():
    """With 1,024 the calls beyond them were closed without an answer."""
    assert left_of(256, 1024) == (1024, 1024)
    assert left_of(1024, 1024) == (1024, 1024)

"""A program that was started without input or output: nothing of its own gets their numbers."""

from __future__ import annotations

import subprocess
import sys

import pytest

_NEXT_NUMBER = """
import socket, sys
from disparo.cli import app
app._prepare()
sys.exit(10 + socket.socket().fileno())
"""


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
def test_what_is_opened_later_does_not_become_the_output(closed):
    command = ["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, _NEXT_NUMBER]
    assert subprocess.run(command, check=False).returncode >= 13

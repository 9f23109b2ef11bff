"""The tasks of `./dev` say what is typed wrong in Portuguese."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("task", ["tests.rates", "tests.faults"])
def test_no_word_of_the_library_is_english(task):
    def run(*words):
        done = subprocess.run(
            [sys.executable, "-m", task, *words], capture_output=True, text=True, check=False, cwd=ROOT
        )
        return done.stdout + done.stderr

    told = run("--help")
    assert ("uso: ./dev " in told, "opções:" in told, "mostra esta ajuda" in told) == (True, True, True)
    assert "erro: sobra na linha: --nada" in run("--nada")
    assert "erro: --json: falta o valor" in run("--json")

"""The tasks of `./dev` say what is typed wrong in Portuguese."""

from __future__ import annotations

import re
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


def test_make_knows_the_tasks_of_dev():
    (line,) = re.findall(r"^TASKS = (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    told = subprocess.run([ROOT / "dev", "help"], capture_output=True, text=True, check=True).stdout
    assert sorted(line.split()) == sorted(re.findall(r"^  ([a-z]+)  ", told, re.MULTILINE))

"""`./dev faults [--segundos N] [--semente S] [--json FILE]`: without options the full run."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from pathlib import Path

from tests.faults.run import Plan, broken_promises, run

from disparo.db.embedded import EmbeddedPostgres

FULL = Plan(kills=100, pauses=20, failpoints=True, between_s=1.3, seed=1)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="./dev faults", description="Derruba workers de propósito e confere."
    )
    parser.add_argument("--segundos", type=int, help="duração aproximada (padrão: a corrida inteira)")
    parser.add_argument("--semente", type=int, default=1, help="fixa a sequência de faltas")
    parser.add_argument("--json", type=Path, help="grava os números neste arquivo")
    options = parser.parse_args()
    plan = Plan(FULL.kills, FULL.pauses, FULL.failpoints, FULL.between_s, options.semente)
    if options.segundos:
        faults = max(2, int(options.segundos / FULL.between_s))
        plan = Plan(faults - faults // 6, faults // 6, failpoints=False, between_s=1.3, seed=options.semente)
    folder = Path(tempfile.mkdtemp(prefix="disparo-faults-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "data")
    try:
        figures = asyncio.run(run(plan, dsn=server.start(), folder=folder))
    finally:
        server.stop()
    text = json.dumps(figures, indent=2, ensure_ascii=False)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    broken = broken_promises(figures)
    if broken:
        print(f"PROMESSAS QUEBRADAS: {', '.join(broken)}. Registros em {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    print("Todas as promessas mantidas.")
    return 0


sys.exit(main())

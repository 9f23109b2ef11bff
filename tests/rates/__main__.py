"""`./dev rates [--so NOME] [--json FILE]`: without options every case, about three minutes."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.rates.run import CASES, broken_bounds, run
from tests.support import clocks, portuguese

from disparo.db.embedded import EmbeddedPostgres


def main() -> int:
    known = [case.name for case in CASES]
    portuguese.speak()
    parser = argparse.ArgumentParser(prog="./dev rates", description="Limites, vistos pela plataforma.")
    parser.add_argument("--so", choices=known, action="append", metavar="NOME", help=", ".join(known))
    parser.add_argument("--json", type=Path, help="grava os números neste arquivo")
    options = parser.parse_args()
    wanted = tuple(case for case in CASES if not options.so or case.name in options.so)
    not_done = [] if clocks.CAN_BE_WRONG else [clocks.MISSING]
    folder = Path(tempfile.mkdtemp(prefix="disparo-rates-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "data")
    try:
        figures = asyncio.run(run(wanted, dsn=server.start(), folder=folder))
    finally:
        server.stop()
    broken = {name: found for name, each in figures.items() if (found := broken_bounds(each))}
    if options.json:
        done = {"rates": figures, "broken": broken, "not_done": not_done, "load": os.getloadavg()}
        options.json.write_text(json.dumps(done, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    for line in not_done:
        print(f"AVISO: não foi feito: {line}", file=sys.stderr)
    if broken:
        print(f"LIMITES QUEBRADOS: {broken}. Registros em {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    print("Todos os limites mantidos.")
    return 0


sys.exit(main())

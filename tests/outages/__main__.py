"""`./dev outages [--so NOME] [--segundos N] [--json FILE]`: without options all twelve, about ten minutes."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.outages import names
from tests.outages.judge import broken_bounds
from tests.outages.kinds import OUTAGES
from tests.outages.run import Plan, run
from tests.support import portuguese

from disparo.db.embedded import EmbeddedPostgres


def main() -> int:
    known = [outage.name for outage in OUTAGES]
    portuguese.speak()
    parser = argparse.ArgumentParser(
        prog="./dev outages", description="Uma plataforma cai de doze maneiras; a outra carrega tudo."
    )
    parser.add_argument("--so", choices=known, action="append", metavar="NOME", help=", ".join(known))
    parser.add_argument("--segundos", type=float, default=20.0, help="duração de cada queda")
    parser.add_argument("--json", type=Path, help="grava os números neste arquivo")
    options = parser.parse_args()
    own_names = names.enter("tests.outages", sys.argv[1:])
    wanted = [outage for outage in OUTAGES if not options.so or outage.name in options.so]
    outages = [outage for outage in wanted if own_names or not outage.needs_names]
    for outage in wanted:
        if outage not in outages:
            print(f"AVISO: não foi feito: {outage.name} (só o root pode ter nomes próprios)", file=sys.stderr)
    plan = Plan(outages, during_s=options.segundos, own_names=own_names)
    folder = Path(tempfile.mkdtemp(prefix="disparo-outages-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "data")
    try:
        figures = asyncio.run(run(plan, dsn=server.start(), folder=folder))
    finally:
        server.stop()
    broken = {name: found for name, each in figures.items() if (found := broken_bounds(each))}
    _print(figures)
    if options.json:
        done = {
            "outages": figures,
            "broken": broken,
            "not_done": [outage.name for outage in wanted if outage not in outages],
            "calls_per_s": plan.calls_per_s,
            "workers": plan.workers,
            "load": os.getloadavg(),
        }
        options.json.write_text(json.dumps(done, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if broken:
        print(f"LIMITES QUEBRADOS: {broken}. Registros em {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    print("Todos os limites mantidos.")
    return 0


_COLUMNS = (
    ("failed_over_s", "failover s"),
    ("well_during_over_before", "well ÷"),
    ("used_again_s", "again s"),
    ("duplicates", "double"),
    ("lost", "lost"),
    ("uncertain", "uncertain"),
    ("calls_without_200", "not 200"),
)


def _print(figures: dict[str, dict[str, Any]]) -> None:
    print(
        f"{'outage':14}"
        + "".join(f"{title:>11}" for _, title in _COLUMNS)
        + "   well | ill: before/during/after"
    )
    for name, each in figures.items():
        sent = " | ".join(
            "/".join(str(count) for count in counts.values()) for counts in each["messages"].values()
        )
        print(f"{name:14}" + "".join(f"{each[key]!s:>11}" for key, _ in _COLUMNS) + f"   {sent}")


sys.exit(main())

"""`./dev faults [--segundos N] [--semente S] [--massa N [--sem-limite]] [--smpp] [--json FILE]`.

Without options it is the full run, half an hour; `--massa` has a bulk run of N messages under way meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.faults.run import Plan, broken_promises, run
from tests.support import clocks, portuguese

from disparo.db.embedded import EmbeddedPostgres

FULL = Plan(
    faults={
        "kill": 500,
        "pause": 100,
        "kill_server": 30,
        "kill_postgres": 50,
        "platform_restart": 15,
        "cut_platform": 15,
        "slow_platform": 5,
        "silent_platform": 5,
        "cut_database": 20,
        "silent_database": 5,
        "fill_disk": 1,
    },
    seed=1,
    between_s=1.0,
    failpoints=True,
    workers=6,
    servers=2,
)
_DISK = "5g"
_MOST_UNCERTAIN = 0.01  # of what was accepted (docs/delivery.md §9.3)


def main() -> int:
    portuguese.speak()
    parser = argparse.ArgumentParser(prog="./dev faults", description="Derruba tudo de propósito e confere.")
    parser.add_argument("--segundos", type=int, help="duração aproximada (padrão: a corrida inteira)")
    parser.add_argument("--semente", type=int, default=1, help="fixa a sequência de faltas")
    parser.add_argument("--massa", type=int, default=0, help="durante um disparo em massa de N mensagens")
    parser.add_argument(
        "--sem-limite",
        action="store_true",
        help="a plataforma do disparo em massa responde devagar, sem limite",
    )
    parser.add_argument("--smpp", action="store_true", help="a plataforma é um SMSC")
    parser.add_argument("--json", type=Path, help="grava os números neste arquivo")
    options = parser.parse_args()
    if options.sem_limite and not options.massa:
        parser.error("--sem-limite precisa de --massa N")
    plan = replace(
        FULL,
        seed=options.semente,
        bulk=options.massa,
        unlimited=options.sem_limite,
        over_smpp=options.smpp,
    )
    if options.segundos:
        share = options.segundos / (sum(FULL.faults.values()) * FULL.between_s)
        counts = {name: max(1, round(count * share)) for name, count in FULL.faults.items()}
        plan = replace(plan, faults=counts, failpoints=False)
    not_done: list[str] = []
    plan = _with_a_wrong_clock(plan, not_done)
    folder = Path(tempfile.mkdtemp(prefix="disparo-faults-"))
    folder.chmod(0o711)
    with _small_disk(folder / "data", not_done) as disk:
        if disk is None:
            plan = replace(plan, faults={**plan.faults, "fill_disk": 0})
        server = EmbeddedPostgres(folder / "data")
        try:
            figures = asyncio.run(run(plan, dsn=server.start(), folder=folder, postgres=server, disk=disk))
        finally:
            server.stop()
    figures["not_done"] += not_done
    text = json.dumps(figures, indent=2, ensure_ascii=False)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    for line in figures["not_done"]:
        print(f"AVISO: não foi feito: {line}", file=sys.stderr)
    broken = broken_promises(figures)
    # In a part of the run, or in a short one, a few windows are more than their share.
    if not options.segundos and figures["uncertain_share"] >= _MOST_UNCERTAIN:
        broken.append("uncertain_share")
    if broken:
        print(f"PROMESSAS QUEBRADAS: {', '.join(broken)}. Registros em {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    print("Todas as promessas mantidas.")
    return 0


def _with_a_wrong_clock(plan: Plan, not_done: list[str]) -> Plan:
    """Set two workers' clocks an hour off, both ways."""
    if not clocks.CAN_BE_WRONG:
        not_done.append(clocks.MISSING)
        return plan
    return replace(plan, worker_environments={1: clocks.off(3600), 2: clocks.off(-3600)})


@contextmanager
def _small_disk(path: Path, not_done: list[str]) -> Iterator[Path | None]:
    """Give the data folder a small disk of its own, where this user may."""
    path.mkdir()
    path.chmod(0o711)
    options = ["mount", "-t", "tmpfs", "-o", f"size={_DISK},mode=711", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(options, capture_output=True, check=False).returncode != 0:
        not_done.append("disco cheio: este usuário não pode montar um tmpfs")
        yield None
        return
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], capture_output=True, check=False)


sys.exit(main())

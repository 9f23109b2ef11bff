"""`./dev bench mes [--por-segundo R] [--sms N] [--json FILE]`: a month of an ISP of 12,000 customers.

36,000 SMS in one run, from the command (`disparo disparar`) until the platform has the last of them, on the
platform's clock: by two workers, without limit, or with the platform limited to R a second. The command runs
outside sending hours too: the run is then opened by hand, as if its customers had asked for it.
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
import time
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
from tests.support import bulk
from tests.support.stage import Stage

from bench import house
from bench.history import add_register
from bench.machine import tell
from bench.over_http import StandIn, table_of
from disparo.db.pool import open_pool
from disparo.dispatch.bulk_queue import read_numbers

_DUE = date(2099, 1, 1)
_WAITS = "SELECT (SELECT count(*) FROM messages_waiting) + (SELECT count(*) FROM messages_in_hand)"


def measure(stack: ExitStack, folder: Path, *, sms: int, per_second: float | None) -> dict[str, Any]:
    dsn = house.database(stack, folder / "database", None)
    stand_in = StandIn(folder)
    table = table_of(stand_in.url) | ({} if per_second is None else {"per_second": per_second})
    settings = {"DISPARO_PLATFORMS": json.dumps({"parada": table}), "DISPARO_REAL_SENDING": "yes"}
    built = house.stage(stack, dsn, folder / "stage", processes=1, workers=2, overrides=settings)
    asyncio.run(_register(dsn, sms))
    began = time.time()
    _command(built)
    command_s = time.time() - began
    asyncio.run(_open_now(dsn))
    while house.ask(dsn, _WAITS) or house.ask(dsn, "SELECT count(*) FROM messages") < sms:
        time.sleep(0.2)  # between two looks
    taken = stand_in.times()
    if len(taken) != sms:
        raise RuntimeError(f"the platform has {len(taken)} of {sms}; see {folder}")
    whole = max(taken.values()) - began
    return {
        "sms": sms,
        "per_second": per_second,
        "command_s": round(command_s, 2),
        "first_at_s": round(min(taken.values()) - began, 2),
        "last_at_s": round(whole, 2),
        "sms_per_s": round(sms / whole, 1),
        "share_of_limit": None if per_second is None else round(sms / whole / per_second, 3),
        "load": os.getloadavg(),
    }


async def _register(dsn: str, sms: int) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("TRUNCATE customers, invoices CASCADE")
    await add_register(connection, sms, due=_DUE)
    await connection.close()
    async with open_pool(dsn, size=2) as pool:
        await read_numbers(pool)


def _command(built: Stage) -> None:
    day = _DUE.isoformat()
    command = [sys.executable, "-m", "disparo", "disparar", "--vencimento-de", day, "--ate", day]
    done = subprocess.run(
        command, env={**os.environ, **built.environment()}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr)


async def _open_now(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await bulk.open_now(connection)
    await connection.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench mes", description="O mês de um provedor.")
    parser.add_argument("--json", type=Path, help="grava os números neste arquivo")
    parser.add_argument("--sms", type=int, default=36_000)
    parser.add_argument("--por-segundo", type=float, help="o limite da plataforma (padrão: nenhum)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="disparo-bench-"))
    folder.chmod(0o711)
    try:
        with ExitStack() as stack:
            found = measure(stack, folder, sms=options.sms, per_second=options.por_segundo)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    tell(found, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`./dev bench panel [--json FILE] [--mensagens N]`: the panel's pages beside a million messages.

Each page is asked for over one kept-alive connection, one request after the other, as a browser would: the
figure is the server's whole answer, compression included. What is read of tables that grow is bounded.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import random
import secrets
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from tests.support.stage import Stage
from tests.support.visitor import EVERYTHING

from bench.over_http import read_numbers_of
from disparo.auth.tokens import digest
from disparo.db import day
from disparo.db.embedded import EmbeddedPostgres

MESSAGES = 1_000_000
#: What one page may read of a table, whatever its size: a window of ids and a little.
MOST_ROWS = 50_000
LIST_P99_MS, SEARCH_P99_MS = 50.0, 30.0
GROWING = ("messages", "dispatches", "message_events", "attempts", "receipts", "invoices", "customers")

_ROWS = Path(__file__).with_name("panel_rows.sql")


@dataclass(frozen=True)
class Page:
    """One page; `address` gives another one each time; `p99_ms` is its bar."""

    name: str
    address: Callable[[], str]
    p99_ms: float = LIST_P99_MS


async def fill(dsn: str, messages: int) -> str:
    """Fill the tables; gives a session's token."""
    connection = await asyncpg.connect(dsn, command_timeout=None)
    for statement in _ROWS.read_text(encoding="utf-8").split(";\n\n"):
        began = time.perf_counter()
        await connection.execute(statement, messages)
        print(f"  {time.perf_counter() - began:6.1f} s  {' '.join(statement.split())[:60]}", file=sys.stderr)
    # Events are only ever appended: those whose time was moved must not stand among the new ones.
    await connection.execute("VACUUM FULL message_events")
    await read_numbers_of(connection)  # else the worker does, while the rows that pages read are counted
    await connection.execute("VACUUM ANALYZE")
    token = secrets.token_urlsafe(32)
    user_id = await connection.fetchval(
        """INSERT INTO users (email, password_hash, permissions) VALUES ('bench@example.com', 'x', $1)
           RETURNING id""",
        list(EVERYTHING),
    )
    await connection.execute(
        "INSERT INTO panel_sessions (token_sha256, user_id) VALUES ($1, $2)", digest(token), user_id
    )
    await connection.close()
    return token


def pages(messages: int) -> list[Page]:
    """Give the pages with their bars; deep ones begin anywhere in the list."""

    def anywhere(most: int = messages) -> int:
        return random.randint(1, max(1, most))

    bulk = "/painel/disparos/00000000-0000-0000-0000-000000000001"
    found, search, several = "/painel/mensagens", "/painel/buscar?q=", "/painel/disparos"
    return [
        Page("início", lambda: "/painel"),
        Page("mensagens", lambda: found),
        Page("mensagens, no meio", lambda: f"{found}?antes={anywhere()}"),
        Page("mensagens que falharam, no meio", lambda: f"{found}?situacao=failed&antes={anywhere()}"),
        Page("mensagens de situação rara", lambda: f"{found}?situacao=sent&antes={anywhere()}"),
        Page("mensagens até três semanas atrás", lambda: f"{found}?ate={days_ago(21)}"),
        Page("disparos", lambda: several),
        Page("disparos até um dia qualquer", lambda: f"{several}?ate={days_ago(anywhere(29))}"),
        Page("o disparo em lote", lambda: bulk),
        Page("o disparo em lote, no meio", lambda: f"{bulk}?depois={anywhere(messages // 2)}.x"),
        Page("o disparo em lote, as que falharam", lambda: f"{bulk}?situacao=failed"),
        Page("uma mensagem", lambda: f"{found}/{anywhere()}"),
        Page("incertas", lambda: "/painel/incertas"),
        Page("auditoria", lambda: "/painel/auditoria"),
        Page("auditoria de uma pessoa", lambda: "/painel/auditoria?quem=7&acao=text_viewed"),
        Page("plataformas", lambda: "/painel/plataformas"),
        Page("busca por telefone", lambda: f"{search}119{anywhere(199_999):08d}", SEARCH_P99_MS),
        Page("busca por fatura", lambda: f"{search}{anywhere()}&tipo=fatura", SEARCH_P99_MS),
        Page("busca por cliente", lambda: f"{search}{anywhere(messages // 10)}&tipo=cliente", SEARCH_P99_MS),
    ]


def days_ago(days: int) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(time.time() - 86_400 * days))


def measure(stage: Stage, token: str, page: Page, *, requests: int) -> dict[str, Any]:
    """Ask for a page again and again; gives percentiles in ms and the largest answer in bytes."""
    connection = http.client.HTTPConnection("127.0.0.1", stage.server_port, timeout=60)
    times, largest = [], 0
    for place in range(requests + 5):
        address = page.address()
        began = time.perf_counter()
        connection.request("GET", address, headers={"Cookie": f"painel={token}", "Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        body = answer.read()
        took = (time.perf_counter() - began) * 1000
        if answer.status != 200:
            raise SystemExit(f"{address}: HTTP {answer.status}")
        largest = max(largest, len(body))
        if place >= 5:  # the first ones open connections and read templates
            times.append(took)
    connection.close()
    times.sort()
    p99 = times[min(len(times) - 1, int(len(times) * 0.99))]
    return {
        "p50_ms": round(statistics.median(times), 1),
        "p99_ms": round(p99, 1),
        "bar_ms": page.p99_ms,
        "ok": p99 < page.p99_ms,
        "largest_gzip_bytes": largest,
    }


async def rows_read(dsn: str) -> dict[str, int]:
    """Count the rows read of each growing table so far, by index or whole."""
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(
        """SELECT relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) AS total
           FROM pg_stat_user_tables WHERE relname = ANY($1::text[])""",
        list(GROWING),
    )
    await connection.close()
    return {row["relname"]: row["total"] for row in rows}


async def run(dsn: str, folder: Path, messages: int, requests: int) -> dict[str, Any]:
    async with Stage(dsn, folder, workers_count=0) as stage:
        token = await fill(dsn, messages)
        await fold(dsn)
        found: dict[str, Any] = {}
        for page in pages(messages):
            before = await rows_read(dsn)
            found[page.name] = await asyncio.to_thread(measure, stage, token, page, requests=requests)
            await asyncio.sleep(1.2)  # the database tells its statistics with a delay
            after = await rows_read(dsn)
            most = max(after[name] - before[name] for name in after) / requests
            found[page.name]["rows_read_a_request"] = round(most)
            found[page.name]["ok"] = found[page.name]["ok"] and most < MOST_ROWS
            print(f"{page.name:40} {found[page.name]}", file=sys.stderr)
        return {"messages": messages, "requests": requests, "pages": found}


async def fold(dsn: str) -> None:
    """Fold the figures as a worker does."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("UPDATE event_figures_until SET until = until - interval '29 days'")
    await day.fold(connection)
    await connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--mensagens", type=int, default=MESSAGES)
    parser.add_argument("--pedidos", type=int, default=300)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="disparo-bench-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "data")
    try:
        found = asyncio.run(run(server.start(), folder, given.mensagens, given.pedidos))
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    if given.json:
        given.json.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, ensure_ascii=False, indent=2))
    wrong = [name for name, page in found["pages"].items() if not page["ok"]]
    sys.exit(f"Acima do limite: {', '.join(wrong)}" if wrong else 0)


if __name__ == "__main__":
    main()
